//! What the App is to be, in GitHub's words.

use std::collections::BTreeMap;

use github::{APP_EVENTS, Level, Permission, app_permissions};
use serde::Serialize;
use url::Url;

use super::options::Options;

/// A GitHub App manifest.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    url: String,
    description: &'static str,
    pub(crate) hook_attributes: HookAttributes,
    redirect_url: Url,
    pub(crate) public: bool,
    pub(crate) default_permissions: BTreeMap<Permission, Level>,
    pub(crate) default_events: [&'static str; 2],
}

/// The App's webhook.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HookAttributes {
    pub(crate) url: String,
}

impl Manifest {
    /// What the options ask for, with the least permissions that the service needs.
    pub(crate) fn new(options: &Options, redirect_url: &Url) -> Self {
        Self {
            name: options.app_name(),
            url: options.webhook_url.origin(),
            description: "Deploy previews: a comment /preview gives a pull request a URL, for a while.",
            hook_attributes: HookAttributes { url: options.webhook_url.to_string() },
            redirect_url: redirect_url.clone(),
            public: options.public,
            default_permissions: app_permissions(options.deployments),
            default_events: APP_EVENTS,
        }
    }

    /// As GitHub reads it.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and maps of texts can be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(arguments: &[&str]) -> Manifest {
        let options = Options::read(arguments);
        Manifest::new(&options, &"http://127.0.0.1:1/x/created".parse().expect("an address"))
    }

    #[test]
    fn it_asks_for_what_the_calls_need() {
        insta::assert_json_snapshot!(manifest(&[
            "--organization=octo-org",
            "--webhook-url=https://hooks.example.com"
        ]));
    }

    #[test]
    fn deployments_are_asked_for_only_if_wanted() {
        let plain = manifest(&["--webhook-url=https://hooks.example.com"]);
        let more = manifest(&["--webhook-url=https://hooks.example.com", "--deployments"]);
        assert!(!plain.default_permissions.contains_key(&Permission::Deployments));
        assert_eq!(more.default_permissions.get(&Permission::Deployments), Some(&Level::Write));
    }

    #[test]
    fn the_webhook_reads_each_event_that_is_subscribed_to() {
        for event in APP_EVENTS {
            assert!(webhook::delivery::is_read(event), "{event}");
        }
    }
}
