//! A path in a chart.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest path, in bytes.
const PATH_MAX: usize = 255;

/// A file below a chart's folder, written `values-preview.yaml` or `environments/preview.yaml`: it leads
/// nowhere else, and is one path wherever paths are listed.
#[derive(Clone, Debug, PartialEq, Eq, SerializeDisplay, DeserializeFromStr)]
pub struct ChartPath(String);

/// The text does not lead to a file of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no file of a chart: expected a path from the chart's folder on, like `values-preview.yaml`, of letters, digits, `.`, `_`, `-` and `/`"
)]
pub struct InvalidChartPath(String);

impl ChartPath {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChartPath {
    type Err = InvalidChartPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Helm reads a comma as the end of a path, `-` as its standard input, and takes addresses.
        let is_legal = |piece: &str| {
            !matches!(piece, "" | "." | "..")
                && !piece.starts_with('-')
                && piece
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        };
        if text.len() <= PATH_MAX && text.split('/').all(is_legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidChartPath(text.chars().take(PATH_MAX).collect()))
        }
    }
}

impl fmt::Display for ChartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_leads_to_one_file_below_the_chart() {
        for text in ["values-preview.yaml", "environments/preview.yaml", ".hidden/..x"] {
            assert_eq!(text.parse::<ChartPath>().map(|path| path.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            ".",
            "./values.yaml",
            "/etc/passwd",
            "../values.yaml",
            "a/../b",
            "a//b",
            "a/",
            "-",
            "-x/y",
            "a,/etc/passwd",
            "\"a\"",
            "a b",
            "https://example.com/a",
            "a\nb",
        ] {
            assert!(text.parse::<ChartPath>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_stays_below(text in r"[a./,\\ -]{0,12}") {
            if let Ok(path) = text.parse::<ChartPath>() {
                prop_assert!(Path::new(path.as_str()).components().all(|piece| matches!(piece, Component::Normal(_))));
                prop_assert!(!text.contains(','));
            }
        }
    }
}
