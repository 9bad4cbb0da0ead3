//! A GitHub App manifest: what somebody asks GitHub to make an App of.
//!
//! GitHub's OpenAPI description has no words for it. The fields are those of "Registering a GitHub App from a
//! manifest"; permissions and events are held to the description's.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::{
    description::Description,
    model::{Level, Permissions},
};

/// Characters of an App's name.
const LONGEST_NAME: usize = 34;

/// What it is made of. Whatever GitHub does not document is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Option<String>,
    url: Url,
    hook_attributes: Option<HookAttributes>,
    redirect_url: Url,
    #[serde(default, rename = "callback_urls")]
    _callback_urls: Vec<Url>,
    #[serde(rename = "setup_url")]
    _setup_url: Option<Url>,
    description: Option<String>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    default_events: Vec<String>,
    #[serde(default)]
    default_permissions: BTreeMap<String, String>,
    #[serde(default, rename = "request_oauth_on_install")]
    _request_oauth_on_install: bool,
    #[serde(default, rename = "setup_on_update")]
    _setup_on_update: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HookAttributes {
    url: Url,
    #[serde(default, rename = "active")]
    _active: Option<bool>,
}

/// A manifest that GitHub would take.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// As it is proposed: whoever registers the App may choose another one.
    pub(crate) name: String,
    pub(crate) homepage: Url,
    pub(crate) description: Option<String>,
    pub(crate) webhook: Option<Url>,
    /// Where the browser is sent with the code.
    pub(crate) redirect: Url,
    pub(crate) is_public: bool,
    pub(crate) permissions: Permissions,
    pub(crate) events: Vec<String>,
}

impl Manifest {
    /// Reads a manifest; `Err` says what is wrong with it.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        let fields: Fields = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let permissions = permissions(&fields.default_permissions)?;
        for event in &fields.default_events {
            let needed = Description::get().event_permission(event);
            // Whatever may be read of an App may be read by its events.
            if needed.is_none_or(|needed| !permissions.contains_key(needed)) {
                return Err(format!("Default events are not supported by permissions: {event}"));
            }
        }
        Ok(Self {
            name: fields.name.unwrap_or_default(),
            homepage: fields.url,
            description: fields.description,
            webhook: fields.hook_attributes.map(|hook| hook.url),
            redirect: fields.redirect_url,
            is_public: fields.public,
            permissions,
            events: fields.default_events,
        })
    }
}

fn permissions(asked: &BTreeMap<String, String>) -> Result<Permissions, String> {
    let levels = asked.iter().map(|(name, level)| {
        if !Description::get().knows_permission(name, level) {
            return Err(format!(
                "Default permission records resource is not included in the list: {name}: {level}"
            ));
        }
        let level = Level::parse(level).ok_or_else(|| format!("{name}: {level} is not known here"))?;
        Ok((name.clone(), level))
    });
    let mut permissions: Permissions = levels.collect::<Result<_, _>>()?;
    // Every App may read the metadata of the repositories that it is installed on.
    if !permissions.is_empty() {
        permissions.entry("metadata".to_owned()).or_insert(Level::Read);
    }
    Ok(permissions)
}

/// The name of an App as it stands in addresses; `None` if nobody may call it so.
pub(crate) fn slug(name: &str) -> Option<String> {
    let words = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-").to_lowercase();
    (!slug.is_empty() && name.chars().count() <= LONGEST_NAME).then_some(slug)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Result<Manifest, String> {
        let mut json = json!({
            "name": "Previews",
            "url": "https://previews.example",
            "redirect_url": "http://127.0.0.1:1/created",
            "hook_attributes": { "url": "https://hooks.example/api/github/webhooks" },
            "default_permissions": { "issues": "write", "pull_requests": "write" },
            "default_events": ["issue_comment", "pull_request"],
        });
        change(&mut json);
        Manifest::read(&json.to_string())
    }

    #[test]
    fn what_github_documents_is_read() {
        let manifest = read(|_| {}).unwrap();
        assert_eq!(manifest.name, "Previews");
        assert!(!manifest.is_public);
        let names: Vec<_> = manifest.permissions.keys().map(String::as_str).collect();
        assert_eq!(names, ["issues", "metadata", "pull_requests"]);
    }

    #[test]
    fn what_github_does_not_take_is_refused() {
        for (change, reason) in [
            (json!({ "default_permissions": { "issue": "write" } }), "issue: write"),
            (json!({ "default_permissions": { "issues": "admin" } }), "issues: admin"),
            (
                json!({ "default_permissions": { "issues": "write" } }),
                "not supported by permissions: pull_request",
            ),
            (
                json!({ "default_events": ["installation"] }),
                "not supported by permissions: installation",
            ),
            (
                json!({ "default_events": ["no_such_event"] }),
                "not supported by permissions: no_such_event",
            ),
            (json!({ "url": "nowhere" }), "relative URL without a base"),
            (json!({ "hook_attributes": {} }), "missing field `url`"),
            (json!({ "webhook_secret": "x" }), "unknown field `webhook_secret`"),
        ] {
            let error = read(|manifest| {
                for (field, value) in change.as_object().unwrap() {
                    manifest[field] = value.clone();
                }
            })
            .unwrap_err();
            assert!(error.contains(reason), "{change}: {error}");
        }
    }

    #[test]
    fn a_name_becomes_a_part_of_addresses() {
        assert_eq!(slug("Octo's previews").as_deref(), Some("octo-s-previews"));
        for bad in ["", "!?", "a name that is longer than GitHub's 34"] {
            assert_eq!(slug(bad), None, "{bad}");
        }
    }
}
