//! What GitHub's own list of deployments says of the previews, and what it is to say.

use serde::{Deserialize, Serialize};

use crate::{
    CommentId, DeploymentId, PreviewId, PullRequestRef,
    preview::{DeploymentState, PreviewReport},
};

/// How many deployments are cared for at once. More than a pull request has previews.
const KEPT: usize = 50;

/// The deployments of one pull request that GitHub does not tell the whole truth about yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deployments(Vec<Deployment>);

/// A write to GitHub's list: the input of the activity `sync_deployment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentWrite {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// Which preview.
    pub preview: PreviewId,
    /// The comment that asked for it: tells it apart from earlier previews of the same commit.
    pub asked_in: CommentId,
    /// Its run, to link to.
    pub run_id: Option<String>,
    /// What the repository calls its previews.
    pub environment: String,
    /// The deployment, once it is known. Unknown: it is looked for, made if there is
    /// none, and says its state with the next write.
    pub deployment: Option<DeploymentId>,
    /// What it shall say.
    pub state: DeploymentState,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Deployment {
    preview: PreviewId,
    asked_in: CommentId,
    environment: String,
    id: Option<DeploymentId>,
    said: Option<DeploymentState>,
    wanted: DeploymentState,
    run_id: Option<String>,
    /// Another preview of the same commit has taken its place.
    #[serde(default)]
    is_replaced: bool,
}

impl Deployments {
    /// A preview is about to be started. Nothing happens where deployments are not wanted.
    pub fn begin(&mut self, preview: &PreviewId, asked_in: CommentId, environment: Option<&str>) {
        let Some(environment) = environment else {
            return;
        };
        // Whatever there was of this commit before is gone, or is another preview's from now on.
        for earlier in self.0.iter_mut().filter(|earlier| earlier.preview == *preview) {
            earlier.is_replaced = true;
            if !earlier.wanted.is_final() {
                earlier.wanted = DeploymentState::Inactive;
            }
        }
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push(Deployment {
            preview: preview.clone(),
            asked_in,
            environment: environment.to_owned(),
            id: None,
            said: None,
            wanted: DeploymentState::Queued,
            run_id: None,
            is_replaced: false,
        });
    }

    /// Takes a preview's report in.
    pub fn apply_report(&mut self, report: &PreviewReport) {
        // The newest: the earlier ones of the same commit only wait to be told their end.
        let deployment = self.0.iter_mut().rfind(|deployment| deployment.preview == report.preview);
        if let Some(deployment) = deployment {
            deployment.run_id.clone_from(&report.run_id);
            if let Some(state) = report.state.deployment() {
                deployment.wanted = state;
            }
        }
    }

    /// What GitHub is to be told next.
    #[must_use]
    pub fn next_write(&self, pull_request: &PullRequestRef) -> Option<DeploymentWrite> {
        let deployment = self.0.iter().find(|deployment| deployment.is_behind())?;
        Some(DeploymentWrite {
            pull_request: pull_request.clone(),
            preview: deployment.preview.clone(),
            asked_in: deployment.asked_in,
            run_id: deployment.run_id.clone(),
            environment: deployment.environment.clone(),
            deployment: deployment.id,
            state: deployment.next_state(),
        })
    }

    /// Is there anything to be told?
    #[must_use]
    pub fn are_behind(&self) -> bool {
        self.0.iter().any(Deployment::is_behind)
    }

    /// GitHub was told, or refused.
    pub fn record_write(&mut self, write: &DeploymentWrite, id: Option<DeploymentId>) {
        for deployment in &mut self.0 {
            if deployment.preview == write.preview && deployment.asked_in == write.asked_in {
                deployment.id = id.or(deployment.id);
                // Where GitHub would not even make it, the next change is another try.
                let is_made = deployment.id.is_some();
                let said = if is_made { &write.state } else { &deployment.wanted };
                deployment.said = Some(said.clone());
            }
        }
        self.0
            .retain(|deployment| deployment.is_behind() || !deployment.wanted.is_final());
    }
}

impl Deployment {
    /// A deployment is made as queued. To make it and to say more of it are two
    /// writes, and each waits for its turn.
    fn next_state(&self) -> DeploymentState {
        if self.id.is_some() {
            self.wanted.clone()
        } else {
            DeploymentState::Queued
        }
    }

    /// What was replaced before GitHub was told of it need not be told.
    fn is_behind(&self) -> bool {
        let needs_no_telling = self.is_replaced && self.id.is_none();
        !needs_no_telling && self.said.as_ref() != Some(&self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview::{PreviewRequest, PreviewState, Probe, StopReason};

    fn begin(deployments: &mut Deployments, environment: Option<&str>) {
        let request = request();
        deployments.begin(&request.preview, request.comment, environment);
    }

    fn request() -> PreviewRequest {
        let sha = "a".repeat(40);
        serde_json::from_value(serde_json::json!({
            "idempotency_key": format!("octo-org/hello-world#12:{sha}"), "repo": "octo-org/hello-world", "pr_number": 12,
            "commit_sha": sha, "installation_id": 5, "comment_id": 77, "requested_by": "mona",
        }))
        .expect("a request")
    }

    fn report(state: PreviewState) -> PreviewReport {
        PreviewReport {
            preview: request().preview,
            run_id: Some("run-1".to_owned()),
            started_at: None,
            revision: 1,
            requested_by: "mona".parse().expect("a login"),
            asked_in: CommentId(77),
            state,
            environment: None,
            probe: Probe::default(),
        }
    }

    /// Tells GitHub all there is to tell, and says what.
    fn tell(deployments: &mut Deployments) -> Vec<DeploymentState> {
        let mut told = Vec::new();
        while let Some(write) = deployments.next_write(&request().pull_request()) {
            told.push(write.state.clone());
            deployments.record_write(&write, Some(DeploymentId(3)));
        }
        told
    }

    #[test]
    fn nothing_is_told_where_nobody_wants_it() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, None);
        deployments.apply_report(&report(PreviewState::Provisioning));
        assert!(!deployments.are_behind());
    }

    #[test]
    fn a_deployment_goes_from_queued_to_inactive_and_is_then_forgotten() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        assert_eq!(tell(&mut deployments), [DeploymentState::Queued]);
        deployments.apply_report(&report(PreviewState::Provisioning));
        deployments.apply_report(&report(PreviewState::Installing));
        assert_eq!(tell(&mut deployments), [DeploymentState::InProgress]);
        deployments.apply_report(&report(PreviewState::Ready {
            url: "http://x/".to_owned(),
            note: None,
            stable_url: None,
            stable_note: None,
            expires_at: jiff::Timestamp::MAX,
            extendable_until: jiff::Timestamp::MAX,
            is_expiring: false,
        }));
        let success = DeploymentState::Success { url: "http://x/".to_owned() };
        assert_eq!(tell(&mut deployments), [success]);
        let because = StopReason::Terminated;
        deployments.apply_report(&report(PreviewState::Removed { because }));
        assert_eq!(tell(&mut deployments), [DeploymentState::Inactive]);
        assert!(deployments.0.is_empty());
    }

    #[test]
    fn a_deployment_that_another_one_of_the_same_commit_replaces_is_told_its_end() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        assert_eq!(tell(&mut deployments), [DeploymentState::Queued]);
        let again = CommentId(78);
        deployments.begin(&request().preview, again, Some("preview"));
        deployments.apply_report(&report(PreviewState::Provisioning));
        assert_eq!(
            tell(&mut deployments),
            [DeploymentState::Inactive, DeploymentState::Queued, DeploymentState::InProgress]
        );

        // One that is being made in that moment is told its end when it is made.
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        let write = deployments.next_write(&request().pull_request()).expect("something to tell");
        deployments.begin(&request().preview, again, Some("preview"));
        deployments.record_write(&write, Some(DeploymentId(3)));
        assert_eq!(tell(&mut deployments)[0], DeploymentState::Inactive);

        // One that was never made, never is.
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        deployments.begin(&request().preview, again, Some("preview"));
        assert_eq!(tell(&mut deployments), [DeploymentState::Queued]);
        assert_eq!(deployments.0.len(), 1);
    }

    #[test]
    fn what_was_overtaken_is_not_told() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        assert_eq!(tell(&mut deployments), [DeploymentState::Queued]);
        deployments.apply_report(&report(PreviewState::Provisioning));
        let because = StopReason::Terminated;
        deployments.apply_report(&report(PreviewState::Removed { because }));
        assert_eq!(tell(&mut deployments), [DeploymentState::Inactive]);
    }

    #[test]
    fn making_a_deployment_is_a_write_of_its_own() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        deployments.apply_report(&report(PreviewState::Provisioning));
        assert_eq!(tell(&mut deployments), [DeploymentState::Queued, DeploymentState::InProgress]);
    }

    #[test]
    fn what_github_refuses_is_tried_again_at_the_next_change() {
        let mut deployments = Deployments::default();
        begin(&mut deployments, Some("preview"));
        deployments.apply_report(&report(PreviewState::Provisioning));
        let write = deployments.next_write(&request().pull_request()).expect("something to tell");
        deployments.record_write(&write, None);
        assert!(!deployments.are_behind());

        let because = StopReason::Terminated;
        deployments.apply_report(&report(PreviewState::Removed { because }));
        assert!(deployments.are_behind());
    }
}
