//! What a repository calls one of its images.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest name.
const NAME_MAX: usize = 30;

/// The name of one of several images: `web`, in `{image.web}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr)]
pub struct ImageName(String);

/// The text cannot name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name an image: expected lower-case letters, digits and `-`, at most {NAME_MAX}, like `web`"
)]
pub struct InvalidImageName(String);

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(is_legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidImageName(text.chars().take(NAME_MAX).collect()))
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_placeholder() {
        for text in ["web", "api-2", &"x".repeat(30)] {
            assert_eq!(text.parse::<ImageName>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Web", "a.b", "a b", "a}", "größer", &"x".repeat(31)] {
            assert!(text.parse::<ImageName>().is_err(), "{text:?}");
        }
    }
}
