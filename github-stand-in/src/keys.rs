//! An App's keys, and whether a JSON web token proves to be signed with one of them.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::KeySize,
    signature::{KeyPair as _, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

/// The longest life that GitHub accepts for an App's JSON web token.
const LONGEST_JWT_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// The first App's key, one per process: making one costs a good part of a second.
static KEY: LazyLock<Arc<AppKey>> = LazyLock::new(|| Arc::new(AppKey::generate()));

/// The keys that an App may sign with, as on its settings page.
#[derive(Clone)]
pub(crate) struct AppKeys(Vec<Arc<AppKey>>);

impl AppKeys {
    pub(crate) fn of(key: Arc<AppKey>) -> Self {
        Self(vec![key])
    }

    /// Makes another one, and returns its private part.
    pub(crate) fn generate(&mut self) -> String {
        let key = AppKey::generate();
        let pem = key.private_pem.clone();
        self.0.push(Arc::new(key));
        pem
    }

    /// Forgets the one with this private part.
    pub(crate) fn delete(&mut self, private_pem: &str) {
        self.0.retain(|key| key.private_pem != private_pem);
    }

    /// The private part of the oldest one.
    pub(crate) fn first_pem(&self) -> &str {
        self.0.first().map_or("", |key| key.private_pem())
    }

    /// Checks signature and claims as GitHub does.
    pub(crate) fn verify(&self, token: &str, app_id: u64, client_id: &str) -> Result<(), JwtError> {
        let verdicts = self.0.iter().map(|key| key.verify(token, app_id, client_id));
        let of_its_key = verdicts.into_iter().find(|verdict| *verdict != Err(JwtError::Undecodable));
        of_its_key.unwrap_or(Err(JwtError::Undecodable))
    }
}

/// The private key of the App and the public key that GitHub keeps of it.
pub(crate) struct AppKey {
    private_pem: String,
    public: DecodingKey,
}

/// Why GitHub refuses a JSON web token, in its words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JwtError {
    /// Not signed by this App, or not a token at all.
    Undecodable,
    /// `exp` is missing or in the past.
    Expired,
    /// `exp` is more than ten minutes away.
    ExpiresTooLate,
    /// `iat` is missing or in the future.
    IssuedInFuture,
    /// `iss` is another App's.
    UnknownIssuer,
}

impl AppKey {
    /// The first App's.
    pub(crate) fn first() -> Arc<Self> {
        Arc::clone(&KEY)
    }

    /// A fresh one. Takes a good part of a second.
    pub(crate) fn generate() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("the machine has entropy for a key");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be encoded");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a fresh key can be encoded");
        let public = pem("PUBLIC KEY", public.as_ref());
        Self {
            private_pem: pem("RSA PRIVATE KEY", pkcs1(private.as_ref())),
            public: DecodingKey::from_rsa_pem(public.as_bytes()).expect("just encoded"),
        }
    }

    pub(crate) fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// Checks signature and claims as GitHub does.
    ///
    /// Measured with the machine's clock, even where tests moved the stand-in's: the token was
    /// made by a client that knows only the former.
    pub(crate) fn verify(&self, token: &str, app_id: u64, client_id: &str) -> Result<(), JwtError> {
        let mut validation = Validation::new(Algorithm::RS256);
        // Each rule is checked below, in GitHub's words.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Value>(token, &self.public, &validation)
            .map_err(|_| JwtError::Undecodable)?
            .claims;
        let now = Timestamp::now().as_second();
        match claims["exp"].as_i64() {
            Some(expires) if expires > now + LONGEST_JWT_LIFE.as_secs() => {
                return Err(JwtError::ExpiresTooLate);
            }
            Some(expires) if expires > now => {}
            _ => return Err(JwtError::Expired),
        }
        if claims["iat"].as_i64().is_none_or(|issued| issued > now) {
            return Err(JwtError::IssuedInFuture);
        }
        let issuer_is_us = match &claims["iss"] {
            Value::Number(number) => number.as_u64() == Some(app_id),
            Value::String(text) => *text == app_id.to_string() || text == client_id,
            _ => false,
        };
        if issuer_is_us { Ok(()) } else { Err(JwtError::UnknownIssuer) }
    }
}

/// The key itself, as GitHub hands it out. PKCS#8 puts 26 bytes around an RSA key of 2,048 bits: what comes
/// is an RSA key, and how long.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    &pkcs8[26..]
}

/// So many random hexadecimal digits, 64 at most.
pub(crate) fn random_hex(digits: usize) -> String {
    let mut random = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    random.truncate(digits);
    random
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    fn signed(claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(AppKey::first().private_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
    }

    fn verdict(iat: i64, exp: i64, iss: &Value) -> Result<(), JwtError> {
        let now = Timestamp::now().as_second();
        AppKey::first().verify(&signed(&json!({"iat": now + iat, "exp": now + exp, "iss": iss})), 7, "Iv1.x")
    }

    #[test]
    fn claims_are_checked_as_github_does() {
        assert_eq!(verdict(-60, 540, &json!("7")), Ok(()));
        assert_eq!(verdict(-60, 540, &json!(7)), Ok(()));
        assert_eq!(verdict(-60, 540, &json!("Iv1.x")), Ok(()));
        assert_eq!(verdict(-60, 540, &json!("8")), Err(JwtError::UnknownIssuer));
        assert_eq!(verdict(-60, -1, &json!("7")), Err(JwtError::Expired));
        assert_eq!(verdict(-60, 660, &json!("7")), Err(JwtError::ExpiresTooLate));
        assert_eq!(verdict(30, 540, &json!("7")), Err(JwtError::IssuedInFuture));
    }

    #[test]
    fn another_key_is_refused() {
        let other = AppKey::generate();
        let token = signed(&json!({"iat": 0, "exp": Timestamp::now().as_second() + 60, "iss": "7"}));
        assert_eq!(other.verify(&token, 7, "Iv1.x"), Err(JwtError::Undecodable));
        assert_eq!(other.verify("not a token", 7, "Iv1.x"), Err(JwtError::Undecodable));
    }
}
