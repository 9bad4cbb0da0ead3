//! Writes GitHub's own list of deployments, with its button "View deployment".

use domain::{CommentId, CommitSha, DeploymentId, PullRequestRef, preview::DeploymentState};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, GitHubApp, Operation};

/// One commit has few deployments to one environment: the newest page is enough.
const PAGE: (&str, &str) = ("per_page", "100");

/// What is deployed, and what tells it apart from other deployments of the same commit.
#[derive(Debug, Clone, Copy)]
pub struct NewDeployment<'a> {
    /// The commit.
    pub commit: &'a CommitSha,
    /// What the repository calls its previews.
    pub environment: &'a str,
    /// The comment that asked.
    pub asked_in: CommentId,
}

impl GitHubApp {
    /// The deployment that was made for this comment, if it was made.
    ///
    /// # Errors
    /// If GitHub does not answer, or answers other than documented.
    pub async fn find_deployment(
        &self,
        reference: &PullRequestRef,
        wanted: NewDeployment<'_>,
    ) -> Result<Option<DeploymentId>, Error> {
        let repository = &reference.repository;
        let call = self
            .transport()
            .repository_call(
                format!("listing the deployments of {repository}"),
                Operation::ListDeployments,
                repository,
                &["deployments"],
            )
            .query(&[PAGE, ("sha", wanted.commit.as_str()), ("environment", wanted.environment)]);
        let page: Vec<Listed> = self.send(reference.installation, &call).await?.json()?;
        let payload = Payload { preview_comment: wanted.asked_in };
        let found = page.into_iter().find(|listed| listed.is_for(&payload));
        Ok(found.map(|listed| listed.id))
    }

    /// Makes a deployment, which shows as queued. Not idempotent: look for it
    /// with [`GitHubApp::find_deployment`] first.
    ///
    /// # Errors
    /// If GitHub did not confirm it.
    pub async fn create_deployment(
        &self,
        reference: &PullRequestRef,
        new: NewDeployment<'_>,
    ) -> Result<DeploymentId, Error> {
        let call = self
            .transport()
            .repository_call(
                format!("making a deployment of {reference}"),
                Operation::CreateDeployment,
                &reference.repository,
                &["deployments"],
            )
            .json(&Deployment {
                reference: new.commit,
                // Neither merges the base branch nor waits for checks: exactly this commit, now.
                auto_merge: false,
                required_contexts: [],
                environment: new.environment,
                description: "Preview",
                transient_environment: true,
                production_environment: false,
                payload: Payload { preview_comment: new.asked_in },
            });
        let made: Made = self.send(reference.installation, &call).await?.json()?;
        Ok(made.id)
    }

    /// Says how a deployment stands. Saying the same twice changes nothing that people see.
    ///
    /// # Errors
    /// If GitHub did not confirm it.
    pub async fn set_deployment_state(
        &self,
        reference: &PullRequestRef,
        deployment: DeploymentId,
        state: &DeploymentState,
        log: Option<&Url>,
    ) -> Result<(), Error> {
        let id = deployment.0.to_string();
        let call = self
            .transport()
            .repository_call(
                format!("updating deployment {id} of {reference}"),
                Operation::CreateDeploymentStatus,
                &reference.repository,
                &["deployments", &id, "statuses"],
            )
            .json(&Status {
                state: name_of(state),
                environment_url: match state {
                    DeploymentState::Success { url } => url,
                    _ => "",
                },
                log_url: log.map_or("", Url::as_str),
                // Others' deployments to an environment of the same name are none of ours.
                auto_inactive: false,
            });
        self.send(reference.installation, &call).await?;
        Ok(())
    }
}

fn name_of(state: &DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued => "queued",
        DeploymentState::InProgress => "in_progress",
        DeploymentState::Success { .. } => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Inactive => "inactive",
    }
}

#[derive(Serialize)]
struct Deployment<'a> {
    #[serde(rename = "ref")]
    reference: &'a CommitSha,
    auto_merge: bool,
    required_contexts: [&'static str; 0],
    environment: &'a str,
    description: &'static str,
    transient_environment: bool,
    production_environment: bool,
    payload: Payload,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Payload {
    preview_comment: CommentId,
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    environment_url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    log_url: &'a str,
    auto_inactive: bool,
}

#[derive(Deserialize)]
struct Made {
    id: DeploymentId,
}

#[derive(Deserialize)]
struct Listed {
    id: DeploymentId,
    /// Whatever the deployment's maker has put there: an object or a text.
    #[serde(default)]
    payload: serde_json::Value,
}

impl Listed {
    fn is_for(&self, payload: &Payload) -> bool {
        Payload::deserialize(&self.payload).is_ok_and(|own| own == *payload)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_recognised_by_the_comment_that_asked() {
        let wanted = Payload { preview_comment: CommentId(7) };
        for (payload, is_ours) in [
            (json!({ "preview_comment": 7 }), true),
            (json!({ "preview_comment": 8 }), false),
            (json!({}), false),
            (json!(""), false),
            (json!(null), false),
        ] {
            let listed: Listed =
                serde_json::from_value(json!({ "id": 1, "payload": payload })).expect("a deployment");
            assert_eq!(listed.is_for(&wanted), is_ours, "{payload}");
        }
    }
}
