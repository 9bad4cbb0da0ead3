//! Verifies that a body was signed with our webhook secret.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How GitHub's header begins: the algorithm, then 64 hexadecimal digits.
const PREFIX: &str = "sha256=";

/// The secrets that a signature may be made with.
#[derive(Debug, Clone)]
pub struct Secrets {
    current: SecretString,
    /// The one before, while a new one is being introduced: deliveries signed with either are good.
    previous: Option<SecretString>,
}

/// What is known of a body's signature before all of the body is there. No part of the body is kept.
pub struct Check {
    current: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

/// The signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No header, or none that has GitHub's form.
    #[error(
        "X-Hub-Signature-256 is missing or is not `sha256=` with 64 hexadecimal digits; set a secret in the App's webhook settings"
    )]
    Malformed,
    /// Made with another secret, or for another body.
    #[error("X-Hub-Signature-256 does not fit the body; the App's webhook secret and WEBHOOK_SECRET differ")]
    Wrong,
}

/// A signature in GitHub's form, not yet compared with anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the value of `X-Hub-Signature-256`.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`]
    pub fn parse(header: &[u8]) -> Result<Self, SignatureError> {
        let mut bytes = [0; 32];
        header
            .strip_prefix(PREFIX.as_bytes())
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .map(|()| Self(bytes))
            .ok_or(SignatureError::Malformed)
    }
}

impl Secrets {
    /// `previous` is for the time of a change only.
    #[must_use]
    pub fn new(current: SecretString, previous: Option<SecretString>) -> Self {
        Self { current, previous }
    }

    /// Are they the same as these?
    #[must_use]
    pub fn are(&self, others: &Self) -> bool {
        self.exposed() == others.exposed()
    }

    fn exposed(&self) -> (&str, Option<&str>) {
        (self.current.expose_secret(), self.previous.as_ref().map(ExposeSecret::expose_secret))
    }

    /// Begins to check a body.
    #[must_use]
    pub fn check(&self) -> Check {
        Check {
            current: mac(&self.current),
            previous: self.previous.as_ref().map(mac),
        }
    }

    /// The header's value for `body`, as GitHub would send it.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        let mac = mac(&self.current).chain_update(body);
        let digits = hex::encode(mac.finalize().into_bytes());
        format!("{PREFIX}{digits}")
    }
}

impl Check {
    /// The next part of the body, byte for byte as received.
    pub fn update(&mut self, part: &[u8]) {
        self.current.update(part);
        if let Some(previous) = &mut self.previous {
            previous.update(part);
        }
    }

    /// That was the whole body: was it signed with one of the secrets? Takes as
    /// long for a near miss as for a far one.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`]
    pub fn finish(self, signature: &Signature) -> Result<(), SignatureError> {
        let fits = |mac: Hmac<Sha256>| mac.verify_slice(&signature.0).is_ok();
        if fits(self.current) || self.previous.is_some_and(fits) {
            Ok(())
        } else {
            Err(SignatureError::Wrong)
        }
    }
}

fn mac(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in GitHub's documentation, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEADER: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(current: &str, previous: Option<&str>) -> Secrets {
        Secrets::new(current.into(), previous.map(SecretString::from))
    }

    fn verify(secrets: &Secrets, header: &str, body: &[u8]) -> Result<(), SignatureError> {
        let signature = Signature::parse(header.as_bytes())?;
        let mut check = secrets.check();
        // Wherever a body is cut while it is on its way.
        for part in body.chunks(5) {
            check.update(part);
        }
        check.finish(&signature)
    }

    #[test]
    fn githubs_own_example_is_accepted() {
        assert_eq!(verify(&secrets(SECRET, None), HEADER, BODY), Ok(()));
        assert_eq!(secrets(SECRET, None).sign(BODY), HEADER);
    }

    #[test]
    fn during_a_change_both_secrets_count() {
        assert_eq!(verify(&secrets("new", Some(SECRET)), HEADER, BODY), Ok(()));
        assert_eq!(verify(&secrets(SECRET, Some("old")), HEADER, BODY), Ok(()));
    }

    #[test]
    fn any_difference_is_noticed() {
        let secrets = secrets(SECRET, Some("old"));
        let flipped = HEADER.replacen("757", "756", 1);
        assert_eq!(verify(&secrets, HEADER, b"Hello, World"), Err(SignatureError::Wrong));
        assert_eq!(verify(&secrets, &flipped, BODY), Err(SignatureError::Wrong));
        assert_eq!(
            verify(&super::Secrets::new("other".into(), None), HEADER, BODY),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn what_has_not_githubs_form_is_malformed() {
        let digits = &HEADER[PREFIX.len()..];
        for header in [
            "",
            "sha256=",
            digits,
            &format!("sha1={digits}"),
            &format!("SHA256={digits}"),
            &format!("sha256={}", &digits[1..]),
            &format!("sha256={digits}00"),
            &format!("sha256={}zz", &digits[2..]),
            &format!(" {HEADER}"),
        ] {
            assert_eq!(Signature::parse(header.as_bytes()), Err(SignatureError::Malformed), "{header}");
        }
    }
}
