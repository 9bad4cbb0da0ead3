//! Secrets and other settings that may be left out: given by a variable, or in
//! a file that another variable names.

use std::{convert::Infallible, fs, io, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

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
