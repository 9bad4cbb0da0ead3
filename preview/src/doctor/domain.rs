//! Do the names below the previews' domain lead somewhere, is the certificate good, and is it a domain of
//! their own?

use std::net::{IpAddr, SocketAddr};

use activities::IngressAddress;
use domain::PreviewDomain;
use jiff::{SignedDuration, Timestamp};
use reqwest::tls::TlsInfo;
use url::Url;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    line::Line,
    now,
    web::{self, reason},
};
use crate::time;

/// What the certificate's line is called.
const CERTIFICATE: &str = "certificate";
/// Less than this, and a renewal that should have happened has not.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(super) async fn check(domain: &PreviewDomain, ingress: Option<IngressAddress>) -> Vec<Line> {
    // A name that nobody has asked for: only a wildcard answers for it.
    let host = domain.host(&format!("doctor-{:08x}", fastrand::u32(..)));
    let found = tokio::net::lookup_host((host.as_str(), 443)).await;
    let found = found
        .map(|found| found.map(|it| it.ip()).collect::<Vec<_>>())
        .map_err(|error| error.to_string());
    let mut lines = vec![judge_name(&host, found)];
    if domain.is_secure() {
        lines.push(match addresses(ingress).await {
            Ok(ingress) => certificate(&domain.url(&host), &host, &ingress).await,
            Err(line) => line,
        });
    }
    lines
}

pub(super) fn judge_name(host: &str, found: Result<Vec<IpAddr>, String>) -> Line {
    const CHECK: &str = "wildcard DNS";
    match found {
        Ok(addresses) if !addresses.is_empty() => {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Line::fine(CHECK, format!("{host} is {}", addresses.join(", ")))
        }
        // Browsers know that it is this machine, whatever the system's resolver says.
        _ if host.ends_with(".localhost") => Line::fine(CHECK, format!("{host} is this machine")),
        found => {
            let why = found.err().map(|error| format!(": {error}")).unwrap_or_default();
            let (_, domain) = host.split_once('.').unwrap_or(("", host));
            Line::wrong(
                CHECK,
                format!("{host} leads nowhere{why}"),
                format!("let *.{domain} lead to the ingress controller"),
            )
        }
    }
}

/// What is known of a certificate.
pub(super) struct Seen {
    /// Why nobody trusts it, if so.
    pub(super) refused: Option<String>,
    /// When it ends.
    pub(super) until: Option<Timestamp>,
}

/// Where the ingress controller listens, if the worker is told. Else the name itself leads there.
async fn addresses(ingress: Option<IngressAddress>) -> Result<Vec<SocketAddr>, Line> {
    let Some(ingress) = ingress else {
        return Ok(Vec::new());
    };
    ingress.resolve().await.map_err(|error| {
        Line::wrong(
            CERTIFICATE,
            format!("the ingress controller's address, {ingress}, leads nowhere: {error}"),
            "correct PREVIEW_INGRESS_ADDRESS",
        )
    })
}

async fn certificate(url: &str, host: &str, ingress: &[SocketAddr]) -> Line {
    let seen = async {
        let at = |builder: reqwest::ClientBuilder| match ingress {
            [] => builder,
            addresses => builder.resolve_to_addrs(host, addresses),
        };
        // Twice: one that is not trusted says when it ends, too.
        let careless = at(web::builder()).danger_accept_invalid_certs(true).tls_info(true).build()?;
        let answer = careless.get(url).send().await?;
        let until = answer
            .extensions()
            .get::<TlsInfo>()
            .and_then(|info| end_of(info.peer_certificate()?));
        let careful = at(web::builder()).build()?;
        let refused = careful.get(url).send().await.err().map(reason);
        Ok::<_, reqwest::Error>(Seen { refused, until })
    };
    judge_certificate(host, seen.await.map_err(reason), now())
}

fn end_of(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

pub(super) fn judge_certificate(host: &str, seen: Result<Seen, String>, now: Timestamp) -> Line {
    const CHECK: &str = CERTIFICATE;
    let seen = match seen {
        Ok(seen) => seen,
        Err(reason) => {
            return Line::wrong(
                CHECK,
                format!("no TLS for {host}: {reason}"),
                "let the ingress controller listen there, with a certificate for the wildcard",
            );
        }
    };
    let left = seen.until.map(|until| now.duration_until(until));
    if let Some(left) = left.filter(SignedDuration::is_negative) {
        return Line::wrong(
            CHECK,
            format!("that of {host} ended {} ago", time::short(left.abs())),
            "renew it; with cert-manager, `kubectl describe certificate` says why it was not",
        );
    }
    if let Some(reason) = seen.refused {
        return Line::wrong(
            CHECK,
            format!("that of {host} is not trusted: {reason}"),
            "give the ingress controller one for the wildcard, by an authority that browsers know (SSL_CERT_FILE names others)",
        );
    }
    match left {
        Some(left) if left < RENEWED_BEFORE => Line::doubtful(
            CHECK,
            format!("that of {host} is good for {} only", time::short(left)),
            "see that it is renewed",
        ),
        Some(left) => Line::fine(CHECK, format!("that of {host} is good for {}", time::short(left))),
        None => Line::fine(CHECK, format!("that of {host} is trusted")),
    }
}

/// Apps in previews can set cookies for the whole registrable domain, and read those of its other sites.
pub(super) fn own_domain(domain: &PreviewDomain, sites: &[&Url]) -> Line {
    const CHECK: &str = "own domain";
    let host = domain.host("x");
    let previews = psl::domain_str(&host);
    let shared: Vec<_> = sites
        .iter()
        .filter_map(|site| site.host_str())
        .filter(|site| psl::domain_str(site).is_some() && psl::domain_str(site) == previews)
        .collect();
    match (previews, shared.is_empty()) {
        (Some(registrable), false) => Line::doubtful(
            CHECK,
            format!(
                "previews are below {registrable}, and so is {}: what a pull request deploys can set its cookies, and read those of the whole domain",
                shared.join(", ")
            ),
            "register a domain for previews alone, and set PREVIEW_DOMAIN to it",
        ),
        (Some(registrable), true) => Line::fine(
            CHECK,
            format!("previews are below {registrable}, which no site that was named shares"),
        ),
        (None, _) => Line::fine(CHECK, "previews are below a public suffix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn a_name_leads_somewhere() {
        let host = "doctor-1.previews.example.com";
        assert!(!judge_name(host, Ok(vec![IpAddr::from([192, 0, 2, 1])])).is_wrong());
        assert!(!judge_name("doctor-1.preview.localhost", Err("not known".to_owned())).is_wrong());
        let wrong = judge_name(host, Err("not known".to_owned()));
        assert!(wrong.is_wrong() && format!("{wrong:?}").contains("*.previews.example.com"), "{wrong:?}");
        assert!(judge_name(host, Ok(Vec::new())).is_wrong());
    }

    #[test]
    fn a_certificate_is_trusted_and_lasts() {
        let now = at("2026-11-26T12:00:00Z");
        let judged = |refused: Option<&str>, until: &str| {
            let seen = Seen { refused: refused.map(str::to_owned), until: Some(at(until)) };
            judge_certificate("x.previews.example.com", Ok(seen), now)
        };
        assert_eq!(
            judged(None, "2027-01-25T12:00:00Z"),
            Line::fine("certificate", "that of x.previews.example.com is good for 60d")
        );
        assert!(format!("{:?}", judged(None, "2026-11-29T12:00:00Z")).contains("for 3d only"));
        assert!(format!("{:?}", judged(Some("expired"), "2026-11-24T12:00:00Z")).contains("ended 2d ago"));
        assert!(judged(Some("UnknownIssuer"), "2027-01-25T12:00:00Z").is_wrong());
        assert!(judge_certificate("x", Err("refused".to_owned()), now).is_wrong());
    }

    #[test]
    fn previews_share_no_registrable_domain_with_a_site() {
        let judged = |domain: &str, sites: &[&str]| {
            let sites: Vec<Url> = sites.iter().map(|site| site.parse().expect("an address")).collect();
            own_domain(&domain.parse().expect("a domain"), &sites.iter().collect::<Vec<_>>())
        };
        for (domain, site, is_shared) in [
            ("https://previews.example.com", "https://www.example.com", true),
            ("https://previews.example.co.uk", "https://hooks.example.co.uk", true),
            ("https://example-previews.com", "https://www.example.com", false),
            ("https://previews.one.co.uk", "https://www.two.co.uk", false),
            ("https://previews.octo.github.io", "https://mona.github.io", false),
        ] {
            let line = judged(domain, &[site]);
            assert_eq!(format!("{line:?}").contains("Doubtful"), is_shared, "{line:?}");
            assert!(!line.is_wrong());
        }
        assert!(!judged("https://previews.example.com", &[]).is_wrong());
    }
}
