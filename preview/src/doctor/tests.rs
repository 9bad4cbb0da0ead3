//! A report as docs/operating.md shows it: of an installation that is nearly whole.

use std::{collections::BTreeMap, net::IpAddr};

use ::domain::PreviewDomain;
use ::github::{Installation, Registration};
use activities::PodSecurity;
use jiff::SignedDuration;
use reqwest::StatusCode;

use super::{clocks::Clock, *};
use crate::page;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[test]
fn the_page_shows_a_report() {
    let now = at("2026-11-26T12:00:00Z");
    let permissions = ["contents: read", "issues: write", "metadata: read", "pull_requests: write"];
    let permissions = permissions.map(|it| it.split_once(": ").expect("a level"));
    let permissions: BTreeMap<_, _> =
        permissions.map(|(name, level)| (name.to_owned(), level.to_owned())).into();
    let mut granted = permissions.clone();
    granted.remove("pull_requests");
    let app = Registration {
        slug: Some("octo-previews".to_owned()),
        permissions: permissions.clone(),
        events: vec!["issue_comment".to_owned(), "pull_request".to_owned()],
    };
    let installed = |account: &str, permissions: &BTreeMap<_, _>| Installation {
        id: ::domain::InstallationId(1),
        account: account.to_owned(),
        permissions: permissions.clone(),
        is_suspended: false,
    };
    let installations = [installed("octo-org", &permissions), installed("mona", &granted)];
    let webhook: Url = "https://hooks.example.com/api/github/webhooks".parse().expect("an address");
    let domain: PreviewDomain = "https://previews.example.com".parse().expect("a domain");
    let host = domain.host("doctor-5f0c2a91");
    let sweep = temporal::Sweep {
        interval: SignedDuration::from_mins(5),
        last_at: Some(at("2026-11-26T11:57:00Z")),
        ..temporal::Sweep::default()
    };
    let polled = || Ok(Some(at("2026-11-26T11:59:40Z")));
    let certificate = domain::Seen { refused: None, until: Some(at("2026-12-05T12:00:00Z")) };
    let clocks = ["the API server", "GitHub", "the webhook"]
        .map(|of| Clock { of, ahead: Some(SignedDuration::from_secs(1)) });

    let lines = [
        github::judge_app(&app),
        github::judge_permissions(&app, false),
        github::judge_events(&app),
        github::judge_installations(&installations, false),
        webhook::judge(&webhook, Ok(StatusCode::UNAUTHORIZED)),
        Line::fine("Temporal", "namespace default at https://temporal.example.com:7233/"),
        temporal::judge_attributes(&[], "default"),
        temporal::judge_schedule("orphan-sweep-default", Ok(sweep), now),
        temporal::judge_pollers(&[("previews", polled()), ("previews-github", polled())], now),
        Line::fine("cluster", "Kubernetes v1.36.3"),
        rights::judge(rights::wanted("edit").len(), &[]),
        cluster::judge_policies(None),
        cluster::judge_pods(PodSecurity::UserNamespaces),
        cluster::not_tried(),
        domain::judge_name(&host, Ok(vec![IpAddr::from([192, 0, 2, 10])])),
        domain::judge_certificate(&host, Ok(certificate), now),
        registry::judge("registry.example.com", Ok(StatusCode::UNAUTHORIZED)),
        clocks::judge(&clocks),
        domain::own_domain(&domain, &[&webhook]),
    ];

    let report = line::report(&lines);
    page::assert_shows(&report);
    insta::assert_snapshot!(report);
}
