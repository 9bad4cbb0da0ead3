//! What a chart says of itself, in its `Chart.yaml`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

/// Where a chart says it.
pub(super) const CHART_YAML: &str = "Chart.yaml";
/// Annotation of a chart that asks for the service's own values. Those of all others are their own business.
const ASKS: &str = "preview.internal/values";
/// The form of these values that it asks for. There is one.
const FORM: &str = "1";

/// The part of it that matters here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ChartYaml {
    /// What the chart is called.
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl ChartYaml {
    /// Of the chart in this folder. One that cannot be read says nothing here; Helm says what is
    /// wrong with it.
    pub(super) fn of(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(CHART_YAML));
        text.ok()
            .and_then(|text| serde_saphyr::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// The chart is made for what the service gives.
    pub(super) fn asks_for_values(&self) -> bool {
        let annotations = self.annotations.as_ref();
        annotations.and_then(|all| all.get(ASKS)).is_some_and(|form| form == FORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_asks_for_values_or_does_not() {
        let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts");
        let sample = ChartYaml::of(&charts.join("hello-world-app"));
        assert_eq!(sample.name, "hello-world-app");
        assert!(sample.asks_for_values());
        assert!(!ChartYaml::of(&charts.join("preview-cluster")).asks_for_values());
        assert!(!ChartYaml::of(&charts.join("nowhere")).asks_for_values());
        let folder = tempfile::tempdir().unwrap();
        for (text, asks) in [
            ("name: x\nannotations: { preview.internal/values: \"1\" }\n", true),
            ("name: x\nannotations: { preview.internal/values: \"2\" }\n", false),
            ("name: x\nannotations:\n", false),
            ("- x\n", false),
        ] {
            fs::write(folder.path().join(CHART_YAML), text).unwrap();
            assert_eq!(ChartYaml::of(folder.path()).asks_for_values(), asks, "{text}");
        }
    }
}
