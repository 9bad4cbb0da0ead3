//! The settings of the GitHub App.

use std::path::PathBuf;

use clap::{ArgAction, Args, builder::BoolishValueParser};
use github::{AppConfig, GitHubApp};
use runtime::secret::{SecretError, keep_current, possibly_empty_path, read_one};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The GitHub App's settings.
#[derive(Clone, Debug, Args)]
pub struct GitHubSettings {
    /// The root of GitHub's REST API; for GitHub Enterprise Server: https://HOST/api/v3.
    #[arg(long, env, value_name = "URL", default_value = "https://api.github.com")]
    github_api_url: Url,

    /// The App's number, from its settings page.
    #[arg(long, env)]
    github_app_id: u64,

    /// The App's private key itself, as PEM; line ends may be written as \n.
    #[arg(long, env, hide_env_values = true)]
    github_private_key: Option<SecretString>,

    /// The file that holds the App's private key, in place of GITHUB_PRIVATE_KEY. It is read again every ten
    /// seconds.
    #[arg(long, env, value_parser = possibly_empty_path)]
    github_private_key_file: Option<PathBuf>,

    /// Show previews in GitHub's own list of deployments too, with its button "View deployment". The App
    /// needs `deployments: write`, and each preview costs four content writes more.
    #[arg(long, env, value_name = "BOOL", default_value = "false", value_parser = BoolishValueParser::new(), action = ArgAction::Set)]
    pub github_deployments: bool,
}

impl GitHubSettings {
    /// Who we are at GitHub.
    ///
    /// # Errors
    /// If there is not exactly one key, or its file cannot be read.
    pub fn app(&self) -> Result<AppConfig, SecretError> {
        Ok(AppConfig {
            api_url: self.github_api_url.clone(),
            app_id: self.github_app_id,
            private_key: self.private_key()?,
            deployments: self.github_deployments,
        })
    }

    fn private_key(&self) -> Result<SecretString, SecretError> {
        let key = read_one(
            "GITHUB_PRIVATE_KEY",
            self.github_private_key.as_ref(),
            self.github_private_key_file.as_ref(),
        )?;
        Ok(key.expose_secret().replace("\\n", "\n").into())
    }

    /// Has the App sign with each new key that appears in the file, for as long as it is polled.
    pub async fn keep_private_key_current(self, known: SecretString, github: GitHubApp) {
        let take = |key: &SecretString| github.sign_with(key);
        keep_current("the App's private key", known, || self.private_key(), take).await;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        github: GitHubSettings,
    }

    fn with(more: &[&str]) -> GitHubSettings {
        let arguments = ["program", "--github-app-id=7"];
        Program::try_parse_from(arguments.iter().chain(more)).expect("settings").github
    }

    #[test]
    fn the_key_is_in_no_debug_output_and_may_be_written_on_one_line() {
        let settings = with(&["--github-private-key=k3y\\nk3y"]);
        let app = settings.app().expect("a key");
        assert!(!format!("{settings:?} {app:?}").contains("k3y"));
        assert_eq!(app.private_key.expose_secret(), "k3y\nk3y");
    }

    #[test]
    fn there_is_exactly_one_key_and_empty_means_none() {
        for (arguments, complaint) in [
            (&[][..], "neither is set"),
            (&["--github-private-key="][..], "neither is set"),
            (&["--github-private-key=x", "--github-private-key-file=y"][..], "both are set"),
            (
                &["--github-private-key=", "--github-private-key-file=/nonexistent"][..],
                "cannot read /nonexistent",
            ),
        ] {
            let error = with(arguments).app().expect_err(complaint);
            assert!(error.to_string().contains(complaint), "{error}");
        }
    }
}
