//! The request for a preview: what the pull request's workflow starts it with,
//! and people with `temporal workflow start`.

use serde::{Deserialize, Serialize};

use super::PreviewSettings;
use crate::{
    CommentId, CommitSha, InstallationId, Login, PreviewId, PullRequestNumber, PullRequestRef, Repository,
    RepositoryId, Ttl,
};

/// The input of `PreviewWorkflow`. Its JSON form is a public contract: people
/// start previews with it from the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct PreviewRequest {
    /// What is to be previewed; also the workflow ID.
    pub preview: PreviewId,
    /// The repository's number, by which its previews are found whatever it is called by then.
    /// Unknown of previews that were started by hand.
    pub repository_id: Option<RepositoryId>,
    /// The pull request's branch. Unknown of previews that were started by hand.
    pub branch: Option<String>,
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// The comment that asked.
    pub comment: CommentId,
    /// The GitHub login of the person who asked.
    pub requested_by: Login,
    /// How long the preview lives from the moment it is ready.
    pub ttl: Ttl,
    /// How long it may live at the most, extensions included.
    pub max_lifetime: Ttl,
    /// How the repository wants it installed.
    pub settings: PreviewSettings,
}

impl PreviewRequest {
    /// The pull request that asked.
    #[must_use]
    pub fn pull_request(&self) -> PullRequestRef {
        PullRequestRef {
            installation: self.installation,
            repository: self.preview.repository.clone(),
            number: self.preview.pull_request,
        }
    }
}

/// A request whose parts do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The key names another preview than the other fields do.
    #[error("idempotency_key is `{key}`, but the other fields name `{fields}`")]
    KeyMismatch {
        /// What the key says.
        key: String,
        /// What repo, pr_number and commit_sha say.
        fields: String,
    },
    /// More time than the request itself allows.
    #[error("a ttl of {ttl} is more than the maximum lifetime of {max_lifetime}")]
    TtlBeyondMaximum {
        /// What was asked for.
        ttl: Ttl,
        /// What is allowed.
        max_lifetime: Ttl,
    },
}

/// The request, field by field, as it travels.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    idempotency_key: String,
    repo: Repository,
    pr_number: PullRequestNumber,
    commit_sha: CommitSha,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_id: Option<RepositoryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    installation_id: InstallationId,
    comment_id: CommentId,
    requested_by: Login,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<Ttl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_lifetime: Option<Ttl>,
    #[serde(default, skip_serializing_if = "is_default")]
    settings: PreviewSettings,
}

fn is_default(settings: &PreviewSettings) -> bool {
    *settings == PreviewSettings::default()
}

impl TryFrom<Wire> for PreviewRequest {
    type Error = InvalidRequest;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let preview = PreviewId {
            repository: wire.repo,
            pull_request: wire.pr_number,
            commit: wire.commit_sha,
        };
        if preview.to_string() != wire.idempotency_key {
            return Err(InvalidRequest::KeyMismatch {
                key: wire.idempotency_key,
                fields: preview.to_string(),
            });
        }
        let max_lifetime = wire.max_lifetime.unwrap_or(Ttl::DEFAULT_MAXIMUM);
        let ttl = wire.ttl.unwrap_or(Ttl::DEFAULT.min(max_lifetime));
        if ttl > max_lifetime {
            return Err(InvalidRequest::TtlBeyondMaximum { ttl, max_lifetime });
        }
        Ok(Self {
            preview,
            repository_id: wire.repository_id,
            branch: wire.branch,
            installation: wire.installation_id,
            comment: wire.comment_id,
            requested_by: wire.requested_by,
            ttl,
            max_lifetime,
            settings: wire.settings,
        })
    }
}

impl From<PreviewRequest> for Wire {
    fn from(request: PreviewRequest) -> Self {
        Self {
            idempotency_key: request.preview.to_string(),
            repo: request.preview.repository,
            pr_number: request.preview.pull_request,
            commit_sha: request.preview.commit,
            repository_id: request.repository_id,
            branch: request.branch,
            installation_id: request.installation,
            comment_id: request.comment,
            requested_by: request.requested_by,
            ttl: Some(request.ttl),
            max_lifetime: Some(request.max_lifetime),
            settings: request.settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = r#"{
        "idempotency_key": "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567",
        "repo": "octo-org/hello-world",
        "pr_number": 12,
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "installation_id": 5,
        "comment_id": 77,
        "requested_by": "mona"
    }"#;

    #[test]
    fn the_shortest_request_gets_the_defaults() {
        let request: PreviewRequest = serde_json::from_str(SHORTEST).expect("a request");
        assert_eq!(request.ttl, Ttl::DEFAULT);
        assert_eq!(request.max_lifetime, Ttl::DEFAULT_MAXIMUM);
        assert_eq!(request.pull_request().to_string(), "octo-org/hello-world#12");
    }

    #[test]
    fn a_request_survives_its_json_form() {
        let request: PreviewRequest = serde_json::from_str(SHORTEST).expect("a request");
        let json = serde_json::to_string(&request).expect("json");
        assert_eq!(serde_json::from_str::<PreviewRequest>(&json).expect("a request"), request);
    }

    #[test]
    fn a_request_that_contradicts_itself_is_refused() {
        for (good, bad) in [
            ("#12:", "#13:"),
            (r#""pr_number": 12"#, r#""pr_number": 0"#),
            (r#""mona""#, r#""mona\n**bold**""#),
            (r#""requested_by""#, r#""ttl": "25h", "requested_by""#),
            (r#""requested_by""#, r#""surprise": 1, "requested_by""#),
        ] {
            assert!(
                serde_json::from_str::<PreviewRequest>(&SHORTEST.replacen(good, bad, 1)).is_err(),
                "{bad}"
            );
        }
    }
}
