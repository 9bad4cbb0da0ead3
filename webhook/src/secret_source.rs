//! Where the secret of the webhook comes from: a variable, or a file that is read again and again.
//!
//! What a cluster mounts from a Secret changes while we run. So a secret is changed without a restart: the
//! old one becomes the previous one, the new one is put in its place, and then in the App's settings at
//! GitHub.

use std::{fs, io, path::PathBuf};

use runtime::secret::{READ_AGAIN, SecretError, given, one_line, read_one};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::watch, time::sleep};

use crate::signature::Secrets;

/// What the settings say of it.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// The secret itself, or a file that holds it: one of them.
    pub current: Option<SecretString>,
    /// See above.
    pub current_file: Option<PathBuf>,
    /// The one before, or a file that holds it, or neither.
    pub previous: Option<SecretString>,
    /// It need not be there.
    pub previous_file: Option<PathBuf>,
}

/// There is no secret to verify deliveries with.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// It cannot be had.
    #[error(transparent)]
    Unreadable(#[from] SecretError),
    /// Nothing is in the file.
    #[error("WEBHOOK_SECRET_FILE is empty: anyone could sign with nothing")]
    Empty,
}

impl SecretSource {
    /// Reads what is there now.
    ///
    /// # Errors
    /// If there is no secret, or a file cannot be read.
    pub fn read(&self) -> Result<Secrets, NoSecret> {
        let current = read_one("WEBHOOK_SECRET", self.current.as_ref(), self.current_file.as_ref())?;
        let current = one_line(&current);
        if current.expose_secret().is_empty() {
            return Err(NoSecret::Empty);
        }
        Ok(Secrets::new(current, self.read_previous()?))
    }

    fn read_previous(&self) -> Result<Option<SecretString>, NoSecret> {
        let file = self.previous_file.as_ref().filter(|path| !path.as_os_str().is_empty());
        let previous = match (given(self.previous.as_ref()), file.map(fs::read_to_string)) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(Ok(text))) => Some(one_line(&text.into())),
            (None, Some(Err(error))) if error.kind() != io::ErrorKind::NotFound => {
                let path = file.cloned().unwrap_or_default();
                return Err(
                    SecretError::File { variable: "WEBHOOK_SECRET_PREVIOUS", path, source: error }.into()
                );
            }
            (None, _) => None,
        };
        Ok(previous.filter(|secret| !secret.expose_secret().is_empty()))
    }

    /// Passes on each change, for as long as anybody wants to know. What cannot be read changes nothing.
    pub async fn keep_current(self, secrets: watch::Sender<Secrets>) {
        while !secrets.is_closed() {
            sleep(READ_AGAIN).await;
            match self.read() {
                Ok(found) => {
                    let is_new = secrets.send_if_modified(|known| {
                        let is_new = !known.are(&found);
                        *known = found;
                        is_new
                    });
                    if is_new {
                        tracing::info!("the webhook's secret has changed");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the webhook's secret cannot be read again; the last one counts");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{}";

    fn in_files(folder: &std::path::Path) -> SecretSource {
        SecretSource {
            current: None,
            current_file: Some(folder.join("webhook-secret")),
            previous: None,
            previous_file: Some(folder.join("webhook-secret-previous")),
        }
    }

    fn accept(secrets: &Secrets, signed_with: &str) -> bool {
        let signature = Secrets::new(signed_with.into(), None).sign(BODY);
        let signature = crate::signature::Signature::parse(signature.as_bytes()).expect("a signature");
        let mut check = secrets.check();
        check.update(BODY);
        check.finish(&signature).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_changed_without_a_restart_and_loses_no_delivery() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write("webhook-secret", "old\n");
        let source = in_files(folder.path());
        let secrets = watch::Sender::new(source.read().expect("secrets"));
        let mut seen = secrets.subscribe();
        tokio::spawn(source.keep_current(secrets));
        assert!(accept(&seen.borrow(), "old") && !accept(&seen.borrow(), "new"));

        write("webhook-secret-previous", "old");
        write("webhook-secret", "new");
        seen.changed().await.expect("a change");
        assert!(accept(&seen.borrow(), "old") && accept(&seen.borrow(), "new"));

        fs::remove_file(folder.path().join("webhook-secret-previous")).expect("removed");
        seen.changed().await.expect("a change");
        assert!(!accept(&seen.borrow(), "old") && accept(&seen.borrow(), "new"));
    }

    #[test]
    fn there_is_no_service_without_a_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = in_files(folder.path());
        let refusal = |source: &SecretSource| source.read().expect_err("no secret").to_string();
        assert!(refusal(&source).contains("WEBHOOK_SECRET_FILE: cannot read"));
        fs::write(folder.path().join("webhook-secret"), "\n").expect("written");
        assert!(refusal(&source).contains("anyone could sign"));
        let nothing = SecretSource { current: Some("".into()), current_file: None, ..source };
        assert!(refusal(&nothing).contains("set either WEBHOOK_SECRET or WEBHOOK_SECRET_FILE"));
    }
}
