//! What of a program's output may be shown in public?
//!
//! A preview's log goes into a comment that anybody may read. This takes out what looks like a credential. It is a net, not a proof: the rule
//! for previews is to give them no secrets at all.

use std::sync::LazyLock;

use regex::Regex;

/// What stands in a credential's place.
const HIDDEN: &str = "[hidden]";

/// Each with what is kept of it.
static CREDENTIALS: LazyLock<[(Regex, String); 5]> = LazyLock::new(|| {
    let compiled =
        |pattern: &str| Regex::new(pattern).expect("a constant pattern, compiled in a test");
    [
        (
            compiled(
                r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
            ),
            HIDDEN.to_owned(),
        ),
        // user:password@ in an address
        (compiled(r"://[^\s/@]+@"), format!("://{HIDDEN}@")),
        // Authorization: Bearer …
        (
            compiled(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"),
            format!("$1 {HIDDEN}"),
        ),
        // DATABASE_PASSWORD=…, "api_key": "…"
        (
            compiled(
                r#"(?i)([\w.-]*(?:password|passwd|secret|token|api[_-]?key|credential)[\w.-]*["']?\s*[:=]\s*["']?)[^\s"',;&]+"#,
            ),
            format!("${{1}}{HIDDEN}"),
        ),
        // What tells itself: GitHub, Slack, AWS, JSON Web Tokens
        (
            compiled(
                r"\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
            ),
            HIDDEN.to_owned(),
        ),
    ]
});

/// The text without what looks like a credential.
pub(crate) fn redact(text: &str) -> String {
    CREDENTIALS
        .iter()
        .fold(text.to_owned(), |text, (pattern, kept)| {
            pattern.replace_all(&text, kept.as_str()).into_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_hidden() {
        for (line, shown) in [
            (
                "DATABASE_PASSWORD=hunter2 host=db",
                "DATABASE_PASSWORD=[hidden] host=db",
            ),
            (
                r#"{"api_key": "abc123", "port": 80}"#,
                r#"{"api_key": "[hidden]", "port": 80}"#,
            ),
            (
                "connecting to postgres://app:hunter2@db:5432/app",
                "connecting to postgres://[hidden]@db:5432/app",
            ),
            (
                "> Authorization: Bearer abcdefgh.ijkl",
                "> Authorization: Bearer [hidden]",
            ),
            (
                "pushed with ghs_0123456789abcdefABCD",
                "pushed with [hidden]",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nnext",
                "[hidden]\nnext",
            ),
            ("-----BEGIN PRIVATE KEY-----\ncut off", "[hidden]"),
        ] {
            assert_eq!(redact(line), shown);
        }
    }

    #[test]
    fn an_ordinary_log_stays_as_it_is() {
        for line in [
            "Traceback (most recent call last):",
            "ModuleNotFoundError: No module named 'flask'",
            "GET http://127.0.0.1:8080/healthz 200",
            "listening on 0.0.0.0:8080",
        ] {
            assert_eq!(redact(line), line);
        }
    }
}
