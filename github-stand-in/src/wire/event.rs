//! Webhook payloads.

use serde_json::{Value, json};

use super::{Wire, time};
use crate::model::{Comment, Issue, PullRequest, Repository};

/// Something that a webhook tells.
pub(crate) struct Event {
    /// `X-GitHub-Event`.
    pub(crate) name: &'static str,
    /// `action` of the payload.
    pub(crate) action: Option<&'static str>,
    pub(crate) installation: Option<u64>,
    pub(crate) repository: Option<u64>,
    pub(crate) payload: Value,
}

impl Wire<'_> {
    /// `issue_comment`; `was` is the former body when the action is `edited`.
    pub(crate) fn issue_comment(
        &self,
        action: &'static str,
        (repository, issue, comment): (&Repository, &Issue, &Comment),
        sender: &str,
        was: Option<&str>,
    ) -> Event {
        let mut payload = json!({
            "issue": self.issue(repository, issue),
            "comment": self.comment(repository, issue, comment),
        });
        if let Some(was) = was {
            payload["changes"] = json!({ "body": { "from": was } });
        }
        self.event("issue_comment", action, repository, sender, payload)
    }

    /// `pull_request`; `pushed` holds the head before and after when the action is `synchronize`.
    pub(crate) fn pull_request(
        &self,
        action: &'static str,
        (repository, issue, pull): (&Repository, &Issue, &PullRequest),
        sender: &str,
        pushed: Option<(&str, &str)>,
    ) -> Event {
        let mut payload = json!({
            "number": issue.number,
            "pull_request": self.pull(repository, issue, pull),
        });
        if let Some((before, after)) = pushed {
            payload["before"] = json!(before);
            payload["after"] = json!(after);
        }
        self.event("pull_request", action, repository, sender, payload)
    }

    fn event(
        &self,
        name: &'static str,
        action: &'static str,
        repository: &Repository,
        sender: &str,
        mut payload: Value,
    ) -> Event {
        payload["action"] = json!(action);
        payload["repository"] = self.repository(repository);
        payload["sender"] = self.user(sender);
        let organization = self.organization(&repository.owner);
        if !organization.is_null() {
            payload["organization"] = organization;
        }
        let installation = self.state.installation_for(self.state.app.id, repository);
        if let Some(installation) = installation {
            payload["installation"] = Self::simple_installation(installation);
        }
        Event {
            name,
            action: Some(action),
            installation: installation.map(|installation| installation.id),
            repository: Some(repository.id),
            payload,
        }
    }

    /// `ping`, which GitHub sends when a webhook is set up.
    pub(crate) fn ping(&self, hook_id: u64, webhook_url: &str) -> Event {
        let app = &self.state.app;
        let payload = json!({
            "zen": "Practicality beats purity.",
            "hook_id": hook_id,
            "hook": {
                "type": "App",
                "id": hook_id,
                "name": "web",
                "active": true,
                "events": app.events,
                "config": { "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": webhook_url },
                "created_at": time(app.created_at),
                "updated_at": time(app.created_at),
                "app_id": app.id,
                "deliveries_url": format!("{}/app/hook/deliveries", self.urls.api),
            },
        });
        Event {
            name: "ping",
            action: None,
            installation: None,
            repository: None,
            payload,
        }
    }
}
