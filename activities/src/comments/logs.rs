//! Whether logs are posted on a pull request.

use std::str::FromStr;

use github::Visibility;

/// When the last lines of a container or a command are posted on the pull request. Temporal has
/// them in any case, redacted as they are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostLogs {
    /// Not at all.
    Never,
    /// In repositories that not everybody can see.
    Private,
    /// In all repositories.
    Always,
}

/// The text says nothing of when logs are posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of `never`, `private` and `always`")]
pub struct InvalidPostLogs(String);

impl FromStr for PostLogs {
    type Err = InvalidPostLogs;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self::Never),
            "private" => Ok(Self::Private),
            "always" => Ok(Self::Always),
            other => Err(InvalidPostLogs(other.chars().take(80).collect())),
        }
    }
}

impl PostLogs {
    /// Are they, in a repository of which this much is known? `None` if it has to be known who can see it.
    pub(super) fn decided(self, visibility: Option<Visibility>) -> Option<bool> {
        match (self, visibility) {
            (Self::Never, _) => Some(false),
            (Self::Always, _) => Some(true),
            (Self::Private, seen_by) => seen_by.map(|by| by == Visibility::Private),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_repositories_get_logs_unless_the_setting_says_never_or_always() {
        let decided = |setting: &str, visibility| {
            let setting: PostLogs = setting.parse().expect("a setting");
            setting.decided(visibility)
        };
        for (setting, public, private, unknown) in [
            ("never", Some(false), Some(false), Some(false)),
            ("private", Some(false), Some(true), None),
            ("always", Some(true), Some(true), Some(true)),
        ] {
            assert_eq!(decided(setting, Some(Visibility::Public)), public);
            assert_eq!(decided(setting, Some(Visibility::Private)), private);
            assert_eq!(decided(setting, None), unknown);
        }
        assert!("sometimes".parse::<PostLogs>().is_err());
    }
}
