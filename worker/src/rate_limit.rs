//! GitHub's limit on content writes, kept by Temporal on the task queue of the writes.
//!
//! Temporal holds it for each installation where it can; else for all of them together, as workers ask for it
//! when they poll, which every Temporal holds. A server may take the former and not hold it. So it is read
//! back; of servers before 1.31 it is known that they store it and no more. Whether Temporal Cloud holds what
//! it stores depends on a paid switch of the namespace, Fairness, which no call reveals: operators say so.

use clap::ValueEnum;
use runtime::temporal::reason;
use semver::Version;
use temporalio_client::{
    Client, NamespacedClient,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::{RateLimit, TaskQueue, TaskQueueConfig},
    workflowservice::v1::{
        DescribeTaskQueueRequest, GetSystemInfoRequest, UpdateTaskQueueConfigRequest,
        update_task_queue_config_request::RateLimitUpdate,
    },
};

/// GitHub takes 80 content writes in any minute from one installation. This many a second are 72 in a minute;
/// the rest is for the few that each partition of the task queue (four, unless Temporal is configured
/// otherwise) lets through at once after a pause.
const WRITES_PER_SECOND: f32 = 1.2;
/// Shown with the limit by `temporal task-queue config get`.
const REASON: &str =
    "GitHub's limit on content writes, for each installation. Set by preview-worker at its start.";

/// What operators choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RateLimitChoice {
    /// For each installation by itself, where Temporal shows that it has taken the limit.
    Auto,
    /// For all installations together.
    Together,
}

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
pub async fn configure(client: &Client, task_queue: &str, choice: RateLimitChoice) -> RateLimitScope {
    if choice == RateLimitChoice::Together {
        tracing::info!(
            task_queue,
            "all installations share one limit of writes to GitHub (GITHUB_WRITE_LIMIT)"
        );
        return RateLimitScope::Together;
    }
    let why_not = match limit_each_installation(client, task_queue).await {
        Ok(taken) => match taken.why_not_held() {
            None => return RateLimitScope::PerInstallation,
            Some(why_not) => why_not,
        },
        Err(refused) => reason(&refused),
    };
    tracing::warn!(
        task_queue,
        why_not,
        "all installations share one limit of writes to GitHub; Temporal server 1.31 and newer can limit each by itself"
    );
    RateLimitScope::Together
}

/// What a server says of a limit that it has not refused.
struct Taken {
    read_back: Option<f32>,
    server_version: String,
}

/// Asks for it, and asks what became of it.
async fn limit_each_installation(client: &Client, task_queue: &str) -> Result<Taken, Status> {
    let mut temporal = client.connection().workflow_service();
    let limit = UpdateTaskQueueConfigRequest {
        namespace: client.namespace(),
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

    let describe = DescribeTaskQueueRequest {
        namespace: client.namespace(),
        task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
        task_queue_type: TaskQueueType::Activity as i32,
        report_config: true,
        ..DescribeTaskQueueRequest::default()
    };
    let described = temporal.describe_task_queue(describe.into_request()).await?.into_inner();
    let server = temporal.get_system_info(GetSystemInfoRequest::default().into_request()).await?;
    Ok(Taken {
        read_back: described.config.as_ref().and_then(limit_of_each),
        server_version: server.into_inner().server_version,
    })
}

fn limit_of_each(config: &TaskQueueConfig) -> Option<f32> {
    let limit = config.fairness_keys_rate_limit_default.as_ref()?.rate_limit.as_ref()?;
    Some(limit.requests_per_second)
}

impl Taken {
    fn why_not_held(&self) -> Option<String> {
        let Self { read_back, server_version } = self;
        match read_back {
            None => Some("the server has taken the limit and does not have it".to_owned()),
            Some(limit) if *limit > WRITES_PER_SECOND => {
                Some(format!("the server has taken the limit and has {limit} a second in its place"))
            }
            Some(_) if !holds_such_limits(server_version) => {
                Some(format!("server {server_version} has the limit and may not hold it"))
            }
            Some(_) => None,
        }
    }
}

/// Servers take such limits from 1.29 on; the task matcher that holds them is the usual one from 1.31 on.
fn holds_such_limits(version: &str) -> bool {
    Version::parse(version).is_ok_and(|version| (version.major, version.minor) >= (1, 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why_not(read_back: Option<f32>, server_version: &str) -> Option<String> {
        Taken { read_back, server_version: server_version.to_owned() }.why_not_held()
    }

    #[test]
    fn an_old_server_takes_limits_that_it_does_not_hold() {
        for version in ["1.31.0", "1.32.0-156.2", "1.40.1", "2.0.0"] {
            assert_eq!(why_not(Some(WRITES_PER_SECOND), version), None, "{version}");
        }
        for version in ["", "1.30.4", "1.29.0", "unknown"] {
            let why_not = why_not(Some(WRITES_PER_SECOND), version).expect(version);
            assert!(why_not.contains("may not hold it"), "{why_not}");
        }
    }

    #[test]
    fn a_limit_that_cannot_be_read_back_is_not_trusted() {
        for (read_back, said) in [(None, "does not have it"), (Some(100.0), "100 a second")] {
            let why_not = why_not(read_back, "1.32.0").expect(said);
            assert!(why_not.contains(said), "{why_not}");
        }
    }
}
