//! What the App is asked to be allowed: what its calls need, and nothing else.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Operation;

/// The events that the App subscribes to: those that the webhook reads.
pub const APP_EVENTS: [&str; 2] = ["issue_comment", "pull_request"];

/// A permission of a GitHub App, by GitHub's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Files and folders.
    Contents,
    /// GitHub's own list of deployments.
    Deployments,
    /// Issues; a pull request's conversation is one.
    Issues,
    /// What everybody sees who sees the repository, and who may do what in it.
    Metadata,
    /// Pull requests.
    PullRequests,
}

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Looks only.
    Read,
    /// Looks and changes.
    Write,
}

impl Permission {
    /// As it stands in the App's settings.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Contents => "Contents",
            Self::Deployments => "Deployments",
            Self::Issues => "Issues",
            Self::Metadata => "Metadata",
            Self::PullRequests => "Pull requests",
        }
    }

    /// What the service does with it.
    #[must_use]
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Contents => "read .preview.yaml, and charts that lie in repositories",
            Self::Deployments => "show previews in GitHub's own list of deployments",
            Self::Issues => "hear and answer comments",
            Self::Metadata => "know who may write; every App has it",
            Self::PullRequests => "know what is to be previewed; comments on pull requests take it, too",
        }
    }
}

impl Level {
    /// GitHub's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// The least that the App needs; deployments only where previews are shown in GitHub's own list.
#[must_use]
pub fn app_permissions(with_deployments: bool) -> BTreeMap<Permission, Level> {
    let mut permissions = BTreeMap::new();
    for &(permission, level) in Operation::ALL.into_iter().flat_map(Operation::needs) {
        if with_deployments || permission != Permission::Deployments {
            let highest = permissions.entry(permission).or_insert(level);
            *highest = level.max(*highest);
        }
    }
    permissions
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    /// The table between these lines of `docs/configuration.md` is ours; the rest is written by hand.
    const PAGE_BEGIN: &str = "<!-- the App's permissions, written by `UPDATE_DOCS=1 cargo test --package github permissions` -->\n";
    const PAGE_END: &str = "<!-- end of the App's permissions -->\n";

    #[test]
    fn the_configuration_page_shows_what_the_calls_need() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = fs::read_to_string(&path).expect("docs/configuration.md");
        let (before, rest) = page.split_once(PAGE_BEGIN).expect("where the table begins");
        let (_, after) = rest.split_once(PAGE_END).expect("where the table ends");
        let expected = format!("{before}{PAGE_BEGIN}{}{PAGE_END}{after}", page_table());
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, expected).expect("docs/configuration.md can be written");
        } else {
            assert!(
                page == expected,
                "docs/configuration.md is not what the calls need; write it anew with `UPDATE_DOCS=1 cargo test --package github permissions`"
            );
        }
    }

    fn page_table() -> String {
        let optional = |permission| match permission {
            Permission::Deployments => " (with `GITHUB_DEPLOYMENTS` only)",
            _ => "",
        };
        let rows = app_permissions(true).into_iter().map(|(permission, level)| {
            let (title, purpose) = (permission.title(), permission.purpose());
            format!("| {title} | {} | {purpose}{} |\n", level.name(), optional(permission))
        });
        let events = APP_EVENTS.map(|event| format!("`{event}`")).join(", ");
        let head = "| Permission | Level | In order to |\n| --- | --- | --- |\n".to_owned();
        format!("{}\nEvents: {events}.\n", rows.fold(head, |table, row| table + &row))
    }
}
