//! The name of a GitHub account.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest name, in characters. People's have at most 39, Apps' a few more.
const LOGIN_MAX: usize = 64;

/// The name of an account, in an alphabet that is harmless in addresses, logs and comments.
/// GitHub compares them without regard to case.
#[derive(Clone, Debug, SerializeDisplay, DeserializeFromStr)]
pub struct Login(String);

/// No GitHub account can be called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a GitHub login")]
pub struct InvalidLogin(String);

impl Login {
    /// As GitHub spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Login {}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_legal = (1..=LOGIN_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'[' | b']'));
        if is_legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLogin(text.chars().take(LOGIN_MAX).collect()))
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_github_gives_out() {
        for name in ["mona", "Mona-Lisa", "preview-app[bot]", "octo_enterprise"] {
            assert!(name.parse::<Login>().is_ok(), "{name}");
        }
        for text in ["", "mona lisa", "mona\n**bold**", "@mona", "møna"] {
            assert!(text.parse::<Login>().is_err(), "{text}");
        }
        assert!("x".repeat(65).parse::<Login>().is_err());
    }

    #[test]
    fn case_makes_no_other_person() {
        assert_eq!("Mona".parse::<Login>(), "mona".parse::<Login>());
    }
}
