//! Secrets and other settings that may be left out: given by a variable, or in
//! a file that another variable names.

use std::{convert::Infallible, fmt::Display, fs, io, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;

/// How soon a change of a secret's file is noticed. A cluster that mounts it from a Secret needs up to a
/// minute or two to bring it there.
pub const READ_AGAIN: Duration = Duration::from_secs(10);

/// The secret cannot be had. Its text is in none of the messages.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// None, or two.
    #[error("set either {variable} or {variable}_FILE: {state}")]
    NotOne {
        /// The variable that holds the secret itself.
        variable: &'static str,
        /// Which of them are set.
        state: &'static str,
    },
    /// The file cannot be read.
    #[error("{variable}_FILE: cannot read {path}", path = path.display())]
    File {
        /// As above.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Reads whichever is set.
///
/// # Errors
/// If none or both are set, or the file cannot be read.
pub fn read_one(
    variable: &'static str,
    itself: Option<&SecretString>,
    file: Option<&PathBuf>,
) -> Result<SecretString, SecretError> {
    let itself = given(itself);
    let file = file.filter(|path| !path.as_os_str().is_empty());
    let state = match (itself, file) {
        (Some(secret), None) => return Ok(secret.clone()),
        (None, Some(path)) => {
            return match fs::read_to_string(path) {
                Ok(text) => Ok(text.into()),
                Err(source) => Err(SecretError::File { variable, path: path.clone(), source }),
            };
        }
        (None, None) => "neither is set",
        (Some(_), Some(_)) => "both are set",
    };
    Err(SecretError::NotOne { variable, state })
}

/// Reads a secret again and again, for as long as it is polled, and has each change taken. What cannot be
/// read or taken changes nothing: the one before counts, and an operator is told.
pub async fn keep_current<Unread: Display, Untaken: Display>(
    name: &'static str,
    mut known: SecretString,
    read: impl Fn() -> Result<SecretString, Unread>,
    take: impl Fn(&SecretString) -> Result<(), Untaken>,
) {
    loop {
        sleep(READ_AGAIN).await;
        let found = match read() {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "{name} cannot be read again; the last one counts");
                continue;
            }
        };
        if found.expose_secret() == known.expose_secret() {
            continue;
        }
        match take(&found) {
            Ok(()) => tracing::info!("{name} has changed"),
            Err(error) => {
                tracing::warn!(%error, "{name} has changed and cannot be used; the last one counts");
            }
        }
        known = found;
    }
}

/// Many an editor ends a file with a line end, which belongs to no secret that is one line.
#[must_use]
pub fn one_line(text: &SecretString) -> SecretString {
    text.expose_secret().trim_end_matches(['\r', '\n']).into()
}

/// An empty variable is how many deployment tools write "none".
#[must_use]
pub fn given(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

/// clap's own parser for paths refuses an empty one.
///
/// # Errors
/// None.
pub fn possibly_empty_path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_taken_once_for_each_change_and_the_last_good_one_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let write = |text: &str| fs::write(&file, text).expect("written");
        let taken = Mutex::new(Vec::new());
        let read = || fs::read_to_string(&file).map(SecretString::from);
        let take = |key: &SecretString| {
            let key = key.expose_secret().to_owned();
            if key == "nonsense" {
                return Err("no key");
            }
            taken.lock().expect("whole").push(key);
            Ok(())
        };
        write("first");
        let following = keep_current("the key", "first".into(), read, take);
        let rotation = async {
            for text in ["first", "second", "second", "nonsense", "third"] {
                write(text);
                sleep(READ_AGAIN * 2).await;
            }
            fs::remove_file(&file).expect("removed");
            sleep(READ_AGAIN * 2).await;
            write("fourth");
            sleep(READ_AGAIN * 2).await;
        };
        tokio::select! {
            () = following => unreachable!("it has no end"),
            () = rotation => {}
        }
        assert_eq!(*taken.lock().expect("whole"), ["second", "third", "fourth"]);
    }
}
