//! Deployments and their statuses.

use serde_json::{Value, json};

use super::{Wire, node_id, time};
use crate::model::{Deployment, DeploymentStatus, Repository};

impl Wire<'_> {
    /// `deployment`.
    pub(crate) fn deployment(&self, repository: &Repository, deployment: &Deployment) -> Value {
        let url = self.deployment_url(repository, deployment);
        let updated = deployment
            .statuses
            .last()
            .map_or(deployment.created_at, |status| status.created_at);
        json!({
            "url": url,
            "id": deployment.id,
            "node_id": node_id("DE", deployment.id),
            "sha": deployment.sha,
            "ref": deployment.reference,
            "task": deployment.task,
            "payload": deployment.payload,
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": deployment.description,
            "creator": self.user(&deployment.creator),
            "created_at": time(deployment.created_at),
            "updated_at": time(updated),
            "statuses_url": format!("{url}/statuses"),
            "repository_url": self.repository_url(repository),
            "transient_environment": deployment.transient_environment,
            "production_environment": deployment.production_environment,
            "performed_via_github_app": self.app_by_bot(&deployment.creator),
        })
    }

    /// `deployment-status`.
    pub(crate) fn deployment_status(
        &self,
        repository: &Repository,
        deployment: &Deployment,
        status: &DeploymentStatus,
    ) -> Value {
        let deployment_url = self.deployment_url(repository, deployment);
        json!({
            "url": format!("{deployment_url}/statuses/{}", status.id),
            "id": status.id,
            "node_id": node_id("DES", status.id),
            "state": status.state,
            "creator": self.user(&status.creator),
            "description": status.description,
            "environment": status.environment,
            "environment_url": status.environment_url,
            "target_url": status.log_url,
            "log_url": status.log_url,
            "created_at": time(status.created_at),
            "updated_at": time(status.created_at),
            "deployment_url": deployment_url,
            "repository_url": self.repository_url(repository),
            "performed_via_github_app": self.app_by_bot(&status.creator),
        })
    }

    fn deployment_url(&self, repository: &Repository, deployment: &Deployment) -> String {
        format!("{}/deployments/{}", self.repository_url(repository), deployment.id)
    }
}
