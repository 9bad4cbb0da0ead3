//! A preview in GitHub's own list of deployments.

use domain::{DeploymentId, pull_request::DeploymentWrite};
use github::{GitHubApp, NewDeployment};

use crate::TemporalUi;

/// Makes the deployment if there is none yet; has the one that there is say how the
/// preview stands. One content write, never two.
pub(crate) async fn sync(
    github: &GitHubApp,
    temporal_ui: &TemporalUi,
    request: &DeploymentWrite,
) -> Result<DeploymentId, github::Error> {
    let Some(id) = request.deployment else {
        // A new deployment counts as queued: nothing needs to be said.
        return find_or_make(github, request).await;
    };
    let log = temporal_ui.workflow(&request.preview, request.run_id.as_deref());
    github
        .set_deployment_state(&request.pull_request, id, &request.state, log.as_ref())
        .await?;
    Ok(id)
}

async fn find_or_make(github: &GitHubApp, request: &DeploymentWrite) -> Result<DeploymentId, github::Error> {
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
