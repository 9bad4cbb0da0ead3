//! Secrets that are made up for one use.

use anyhow::Context;
use subtle::ConstantTimeEq;

/// Random bytes of each.
const BYTES: usize = 32;

/// A secret that nobody can guess, as hexadecimal digits.
#[derive(Clone)]
pub(crate) struct OneTime(String);

impl OneTime {
    /// A new one.
    ///
    /// # Errors
    /// If the machine has no randomness to give.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).context("this machine gives no random bytes")?;
        Ok(Self(hex::encode(bytes)))
    }

    /// Is it this one? How long that takes tells nothing of the secret.
    pub(crate) fn is(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }

    /// The digits.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        let secret = OneTime::new().expect("randomness");
        let other = OneTime::new().expect("randomness");
        assert_eq!(secret.expose().len(), 64);
        assert!(secret.is(secret.expose()));
        for wrong in ["", &secret.expose()[1..], other.expose()] {
            assert!(!secret.is(wrong), "{wrong}");
        }
    }
}
