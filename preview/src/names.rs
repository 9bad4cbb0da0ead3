//! The names that the worker gives, where this program is told the worker's key: addresses need not be
//! asked for then.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use domain::{NameKey, Names, PreviewDomain};
use runtime::secret::{given, possibly_empty_path, read_one};
use secrecy::SecretString;

/// The worker's variables of the same names.
#[derive(Debug, Args)]
pub(crate) struct NameSettings {
    /// The worker's secret for names. With it and PREVIEW_DOMAIN addresses are computed; without it each
    /// preview is asked.
    #[arg(long, env, value_name = "KEY", hide_env_values = true)]
    preview_name_key: Option<SecretString>,

    /// The file that holds that secret, in place of PREVIEW_NAME_KEY.
    #[arg(long, env, value_name = "FILE", value_parser = possibly_empty_path)]
    preview_name_key_file: Option<PathBuf>,

    /// The wildcard domain of the previews.
    #[arg(long, env, value_name = "URL")]
    preview_domain: Option<PreviewDomain>,
}

impl NameSettings {
    /// What previews are called; none if this program is not told.
    ///
    /// # Errors
    /// If a key is given and of no use.
    pub(crate) fn names(&self) -> anyhow::Result<Option<Names>> {
        let file = self.preview_name_key_file.as_ref();
        let has_file = file.is_some_and(|path| !path.as_os_str().is_empty());
        let Some(domain) = &self.preview_domain else {
            return Ok(None);
        };
        if !has_file && given(self.preview_name_key.as_ref()).is_none() {
            return Ok(None);
        }
        let key = read_one("PREVIEW_NAME_KEY", self.preview_name_key.as_ref(), file)?;
        let key = NameKey::new(&key).context("PREVIEW_NAME_KEY")?;
        Ok(Some(Names::new(key, domain.clone())))
    }
}
