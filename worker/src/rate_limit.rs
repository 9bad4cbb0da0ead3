//! GitHub's limit on content writes, kept by Temporal on the task queue of the writes.

use runtime::temporal::reason;
use semver::Version;
use temporalio_client::{
    Client,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::RateLimit,
    workflowservice::v1::{
        GetSystemInfoRequest, UpdateTaskQueueConfigRequest, update_task_queue_config_request::RateLimitUpdate,
    },
};

/// GitHub takes 80 content writes in any minute from one installation. This many a second are 72 in a minute;
/// the rest is for the few that each partition of the task queue (four, unless Temporal is configured
/// otherwise) lets through at once after a pause.
const WRITES_PER_SECOND: f32 = 1.2;
/// Shown with the limit by `temporal task-queue config get`.
const REASON: &str =
    "GitHub's limit on content writes, for each installation. Set by preview-worker at its start.";

/// What the limit holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitScope {
    /// For each installation by itself: workflows put its number on every write, as the fairness key.
    PerInstallation,
    /// For all of them together: slower than need be, and one busy installation keeps the others waiting.
    Together,
}

impl RateLimitScope {
    /// What the workers ask Temporal for when they poll, in tasks per second.
    /// None where Temporal knows already.
    #[must_use]
    pub fn polled(self) -> Option<f64> {
        match self {
            Self::PerInstallation => None,
            Self::Together => Some(f64::from(WRITES_PER_SECOND)),
        }
    }
}

/// Has Temporal hold the limit, however many workers there are. Idempotent: it sets what is set.
pub async fn configure(client: &Client, task_queue: &str) -> RateLimitScope {
    let why_not = match limit_each_installation(client, task_queue).await {
        Ok(version) if holds_such_limits(&version) => return RateLimitScope::PerInstallation,
        Ok(version) => format!("server {version} may take the limit and not hold it"),
        Err(refused) => reason(&refused),
    };
    tracing::warn!(
        task_queue,
        why_not,
        "all installations share one limit of writes to GitHub; Temporal server 1.31 and newer can limit each by itself"
    );
    RateLimitScope::Together
}

/// Asks for it, and returns the version of the server that took it.
async fn limit_each_installation(client: &Client, task_queue: &str) -> Result<String, Status> {
    let mut temporal = client.connection().workflow_service();
    let limit = UpdateTaskQueueConfigRequest {
        namespace: client.options().namespace.clone(),
        identity: client.connection().identity().to_owned(),
        task_queue: task_queue.to_owned(),
        task_queue_type: TaskQueueType::Activity as i32,
        update_fairness_key_rate_limit_default: Some(RateLimitUpdate {
            rate_limit: Some(RateLimit { requests_per_second: WRITES_PER_SECOND }),
            reason: REASON.to_owned(),
        }),
        ..UpdateTaskQueueConfigRequest::default()
    };
    temporal.update_task_queue_config(limit.into_request()).await?;
    let server = temporal.get_system_info(GetSystemInfoRequest::default().into_request()).await?;
    Ok(server.into_inner().server_version)
}

/// Servers take such limits from 1.29 on; the task matcher that holds them is the usual one from 1.31 on.
fn holds_such_limits(version: &str) -> bool {
    Version::parse(version).is_ok_and(|version| (version.major, version.minor) >= (1, 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_takes_limits_that_it_does_not_hold() {
        for version in ["1.31.0", "1.32.0-156.2", "1.40.1", "2.0.0"] {
            assert!(holds_such_limits(version), "{version}");
        }
        for version in ["", "1.30.4", "1.29.0", "unknown"] {
            assert!(!holds_such_limits(version), "{version}");
        }
    }
}
