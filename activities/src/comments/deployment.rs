//! How does GitHub's own list of deployments show a preview?

use github::{GitHubApp, NewDeployment};
use workflows::activities::{DeploymentId, DeploymentState, SyncDeployment};

use super::Links;

/// Makes the deployment if there is none yet, and has it say how the preview stands.
pub(super) async fn sync(
    github: &GitHubApp,
    links: &Links,
    request: &SyncDeployment,
) -> Result<DeploymentId, github::Error> {
    let id = match request.deployment {
        Some(id) => id,
        None => find_or_make(github, request).await?,
    };
    // A new deployment counts as queued: nothing needs to be said.
    if request.state != DeploymentState::Queued {
        let log = links.workflow(&request.preview, request.run_id.as_deref());
        github
            .set_deployment_state(&request.pull_request, id, &request.state, log.as_ref())
            .await?;
    }
    Ok(id)
}

async fn find_or_make(
    github: &GitHubApp,
    request: &SyncDeployment,
) -> Result<DeploymentId, github::Error> {
    let pull_request = &request.pull_request;
    let deployment = NewDeployment {
        commit: &request.preview.commit,
        environment: &request.environment,
        asked_in: request.asked_in,
    };
    match github.find_deployment(pull_request, deployment).await? {
        Some(id) => Ok(id),
        None => github.create_deployment(pull_request, deployment).await,
    }
}
