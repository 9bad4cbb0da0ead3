//! Is the webhook there, and does it refuse what nobody signed?

use reqwest::{Client, StatusCode, header::HeaderName};
use url::Url;

use super::{line::Line, web::reason};

const CHECK: &str = "webhook";
/// What GitHub names a delivery's event in.
const EVENT: HeaderName = HeaderName::from_static("x-github-event");

pub(super) async fn check(web: &Client, url: Option<&Url>) -> Vec<Line> {
    let Some(url) = url else {
        return vec![Line::unknown(
            CHECK,
            "not looked at",
            "give --webhook-url, the address that GitHub sends deliveries to",
        )];
    };
    let answer = web.post(url.clone()).header(EVENT, "ping").body("{}").send().await;
    let answer = answer.map(|answer| answer.status()).map_err(reason);
    vec![judge(url, answer)]
}

pub(super) fn judge(url: &Url, answer: Result<StatusCode, String>) -> Line {
    match answer {
        Err(reason) => Line::wrong(
            CHECK,
            format!("nobody answers at {url}: {reason}"),
            "let WEBHOOK_LISTEN be reached there: name, certificate, Ingress, firewall",
        ),
        Ok(StatusCode::UNAUTHORIZED) => {
            Line::fine(CHECK, format!("{url} answers, and refuses what is not signed"))
        }
        Ok(status) if status.is_success() => Line::wrong(
            CHECK,
            format!("{url} takes what nobody signed ({status}): that is not the webhook"),
            "let the address lead to preview-webhook",
        ),
        Ok(status) => Line::wrong(
            CHECK,
            format!("{url} answers {status}"),
            "let POST /api/github/webhooks lead to preview-webhook; its log says more",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_is_good() {
        let url = "https://hooks.example.com/api/github/webhooks".parse().expect("an address");
        assert!(!judge(&url, Ok(StatusCode::UNAUTHORIZED)).is_wrong());
        for status in [StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY] {
            assert!(judge(&url, Ok(status)).is_wrong(), "{status}");
        }
        assert!(judge(&url, Err("connection refused".to_owned())).is_wrong());
    }
}
