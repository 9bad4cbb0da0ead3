//! Does GitHub know the App, and may it do what it has to?

use std::collections::BTreeMap;

use github::{GitHubApp, Installation, Registration};

use super::line::Line;

/// What the App has to be told of.
const EVENTS: [&str; 2] = ["issue_comment", "pull_request"];
/// What its calls need.
const PERMISSIONS: [(&str, &str); 4] = [
    ("contents", "read"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];
/// With `GITHUB_DEPLOYMENTS`.
const DEPLOYMENTS: (&str, &str) = ("deployments", "write");
/// From less to more.
const LEVELS: [&str; 3] = ["read", "write", "admin"];

pub(super) async fn check(app: &GitHubApp, deployments: bool) -> Vec<Line> {
    let registration = match app.registration().await {
        Ok(registration) => registration,
        Err(error) => {
            return vec![Line::wrong(
                "GitHub App",
                error.to_string(),
                "check GITHUB_API_URL, GITHUB_APP_ID and the private key: a key that was deleted at GitHub is refused",
            )];
        }
    };
    let installed = match app.installations().await {
        Ok(installations) => judge_installations(&installations, deployments),
        Err(error) => Line::unknown("installations", error.to_string(), "try again"),
    };
    vec![
        judge_app(&registration),
        judge_permissions(&registration, deployments),
        judge_events(&registration),
        installed,
    ]
}

pub(super) fn judge_app(app: &Registration) -> Line {
    let name = app.slug.as_deref().unwrap_or("an App without a name");
    Line::fine("GitHub App", format!("GitHub knows it as {name}"))
}

pub(super) fn judge_permissions(app: &Registration, deployments: bool) -> Line {
    let missing = missing(&app.permissions, deployments);
    if missing.is_empty() {
        Line::fine("App's permissions", "all that its calls need")
    } else {
        Line::wrong(
            "App's permissions",
            format!("the App lacks {}", missing.join(", ")),
            "add them on the App's settings page, below Permissions & events; each owner has to accept them then",
        )
    }
}

pub(super) fn judge_events(app: &Registration) -> Line {
    let lacking: Vec<_> = EVENTS
        .into_iter()
        .filter(|event| !app.events.iter().any(|it| it == event))
        .collect();
    if lacking.is_empty() {
        Line::fine("App's events", EVENTS.join(", "))
    } else {
        Line::wrong(
            "App's events",
            format!("GitHub does not tell of {}", lacking.join(", ")),
            "subscribe to them on the App's settings page, below Permissions & events",
        )
    }
}

pub(super) fn judge_installations(installations: &[Installation], deployments: bool) -> Line {
    const CHECK: &str = "installations";
    if installations.is_empty() {
        return Line::wrong(
            CHECK,
            "nobody has installed the App",
            "install it on the owners that PREVIEW_ALLOWED_OWNERS names",
        );
    }
    let troubles = installations.iter().filter_map(|installation| {
        let missing = missing(&installation.permissions, deployments);
        let account = &installation.account;
        if installation.is_suspended {
            Some(format!("{account} has suspended it"))
        } else if missing.is_empty() {
            None
        } else {
            Some(format!("{account} has not granted {}", missing.join(", ")))
        }
    });
    let troubles: Vec<_> = troubles.collect();
    let accounts: Vec<_> = installations.iter().map(|installation| installation.account.as_str()).collect();
    if troubles.is_empty() {
        Line::fine(CHECK, accounts.join(", "))
    } else {
        Line::wrong(
            CHECK,
            troubles.join("; "),
            "an owner accepts new permissions, and lifts a suspension, on the page of its installation: Settings, GitHub Apps, Configure",
        )
    }
}

fn missing(held: &BTreeMap<String, String>, deployments: bool) -> Vec<String> {
    let level = |name: &str| LEVELS.iter().position(|level| *level == name);
    let needed = PERMISSIONS.into_iter().chain(deployments.then_some(DEPLOYMENTS));
    let is_missing =
        |(name, needed): &(&str, &str)| held.get(*name).and_then(|held| level(held)) < level(needed);
    needed
        .filter(is_missing)
        .map(|(name, level)| format!("{name}: {level}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
            .collect()
    }

    #[test]
    fn a_permission_of_a_lower_level_is_missing_and_a_higher_one_is_not() {
        let held = permissions(&[("contents", "write"), ("issues", "read"), ("metadata", "read")]);
        assert_eq!(missing(&held, false), ["issues: write", "pull_requests: write"]);
        assert_eq!(missing(&permissions(&PERMISSIONS), true), ["deployments: write"]);
        assert!(missing(&permissions(&PERMISSIONS), false).is_empty());
    }

    #[test]
    fn each_trouble_is_named() {
        let app = Registration {
            slug: None,
            permissions: permissions(&PERMISSIONS),
            events: vec!["issue_comment".to_owned()],
        };
        assert!(judge_events(&app).is_wrong());
        assert!(!judge_permissions(&app, false).is_wrong() && judge_permissions(&app, true).is_wrong());
        let installed = |account: &str, is_suspended| Installation {
            id: ::domain::InstallationId(1),
            account: account.to_owned(),
            permissions: permissions(&PERMISSIONS),
            is_suspended,
        };
        assert!(!judge_installations(&[installed("octo-org", false)], false).is_wrong());
        let suspended = judge_installations(&[installed("octo-org", false), installed("mona", true)], false);
        assert!(suspended.is_wrong() && format!("{suspended:?}").contains("mona has suspended it"));
        assert!(judge_installations(&[], false).is_wrong());
    }
}
