//! Is Temporal there, does it know our attributes, is the sweep scheduled, and does a worker take tasks?

use std::time::Duration;

use activities::{TemporalNamespaceId, namespace_id};
use jiff::{SignedDuration, Timestamp};
use temporalio_client::{
    Client, NamespacedClient,
    tonic::{Code, IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, DescribeScheduleRequest, DescribeScheduleResponse,
        DescribeTaskQueueRequest,
    },
};
use tokio::time::{Instant, sleep};
use worker::config::Config;
use workflows::{
    contract::github_task_queue,
    search_attributes::{COMMIT, EXPIRES_AT, PHASE, PULL_REQUEST, REPOSITORY, REPOSITORY_ID, REQUESTED_BY},
};

use super::{line::Line, now};
use crate::{connection, time};

/// For Temporal to know of a worker that has just started.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Somebody who polls does it at least this often.
const POLLED_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// So many intervals without a sweep are too many: one may be skipped because another takes long.
const INTERVALS_MISSED: i32 = 3;
/// What a schedule needs to begin, on top of its interval.
const LATE: SignedDuration = SignedDuration::from_mins(1);

pub(super) async fn check(config: &Config) -> (Vec<Line>, Option<TemporalNamespaceId>) {
    let settings = &config.temporal;
    let temporal = match connection::open(settings).await {
        Ok(temporal) => temporal,
        Err(error) => {
            let next = "start it, or set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the variables for TLS and API keys";
            return (vec![Line::wrong("Temporal", format!("{error:#}"), next)], None);
        }
    };
    let there = Line::fine(
        "Temporal",
        format!("namespace {} at {}", settings.temporal_namespace, settings.temporal_address),
    );
    let queue = settings.preview_task_queue.as_str();
    let schedule = format!("orphan-sweep-{}", config.preview_instance);
    let lines = vec![
        there,
        attributes(&temporal).await,
        judge_schedule(&schedule, describe(&temporal, &schedule).await, now()),
        worker(&temporal, queue).await,
    ];
    (lines, namespace_id(&temporal).await.ok())
}

/// Temporal notices one that has just started within seconds.
async fn worker(temporal: &Client, queue: &str) -> Line {
    let github = github_task_queue(queue);
    let begun = Instant::now();
    loop {
        let line = judge_pollers(
            &[
                (queue, polled_at(temporal, queue, TaskQueueType::Workflow).await),
                (queue, polled_at(temporal, queue, TaskQueueType::Activity).await),
                (&github, polled_at(temporal, &github, TaskQueueType::Activity).await),
            ],
            now(),
        );
        if !line.is_wrong() || begun.elapsed() > NOTICED_WITHIN {
            return line;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Each is tried by a query, which is possible where listing them is not.
async fn attributes(temporal: &Client) -> Line {
    let probes = [
        (REPOSITORY.name(), "Keyword", "= 'x'"),
        (REPOSITORY_ID.name(), "Int", "= 1"),
        (PULL_REQUEST.name(), "Int", "= 1"),
        (COMMIT.name(), "Keyword", "= 'x'"),
        (PHASE.name(), "Keyword", "= 'x'"),
        (EXPIRES_AT.name(), "Datetime", "> '2026-01-01T00:00:00Z'"),
        (REQUESTED_BY.name(), "Keyword", "= 'x'"),
    ];
    let mut missing = Vec::new();
    for (name, kind, condition) in probes {
        let request = CountWorkflowExecutionsRequest {
            namespace: temporal.namespace(),
            query: format!("{name} {condition}"),
        };
        let mut service = temporal.connection().workflow_service();
        match service.count_workflow_executions(request.into_request()).await {
            Ok(_) => {}
            Err(status) if status.code() == Code::InvalidArgument => missing.push((name, kind)),
            Err(status) => {
                let reason = runtime::temporal::reason(&status);
                return Line::unknown("search attributes", reason, "try again");
            }
        }
    }
    judge_attributes(&missing, &temporal.namespace())
}

pub(super) fn judge_attributes(missing: &[(&str, &str)], namespace: &str) -> Line {
    if missing.is_empty() {
        return Line::fine("search attributes", "all are there");
    }
    let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
    let flags: Vec<_> = missing
        .iter()
        .map(|(name, kind)| format!("--name {name} --type {kind}"))
        .collect();
    Line::wrong(
        "search attributes",
        format!("missing, or of another type: {}", names.join(", ")),
        format!(
            "start the worker, which registers them; where it may not: `temporal operator search-attribute create --namespace {namespace} {}`",
            flags.join(" ")
        ),
    )
}

/// What is known of the schedule.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    pub(super) is_paused: bool,
    pub(super) interval: SignedDuration,
    pub(super) created_at: Option<Timestamp>,
    pub(super) last_at: Option<Timestamp>,
}

async fn describe(temporal: &Client, id: &str) -> Result<Sweep, Status> {
    let request = DescribeScheduleRequest { namespace: temporal.namespace(), schedule_id: id.to_owned() };
    let mut service = temporal.connection().workflow_service();
    let described = service.describe_schedule(request.into_request()).await?;
    Ok(sweep(described.into_inner()))
}

fn sweep(described: DescribeScheduleResponse) -> Sweep {
    let info = described.info.unwrap_or_default();
    let schedule = described.schedule.unwrap_or_default();
    let interval = schedule.spec.and_then(|spec| spec.interval.first()?.interval);
    let interval = interval
        .and_then(|interval| Duration::try_from(interval).ok())
        .unwrap_or_default();
    Sweep {
        is_paused: schedule.state.is_some_and(|state| state.paused),
        interval: SignedDuration::try_from(interval).unwrap_or_default(),
        created_at: info.create_time.and_then(|at| timestamp(at.seconds, at.nanos)),
        last_at: info
            .recent_actions
            .last()
            .and_then(|action| action.actual_time)
            .and_then(|at| timestamp(at.seconds, at.nanos)),
    }
}

pub(super) fn judge_schedule(id: &str, sweep: Result<Sweep, Status>, now: Timestamp) -> Line {
    const CHECK: &str = "sweep";
    let sweep = match sweep {
        Ok(sweep) => sweep,
        Err(status) if status.code() == Code::NotFound => {
            return Line::wrong(
                CHECK,
                format!("there is no schedule {id}"),
                "start the worker, which makes it; is PREVIEW_INSTANCE the same here and there?",
            );
        }
        Err(status) => return Line::unknown(CHECK, runtime::temporal::reason(&status), "try again"),
    };
    if sweep.is_paused {
        return Line::doubtful(
            CHECK,
            format!("the schedule {id} is paused: what nobody looks after stays in the cluster"),
            format!(
                "`temporal schedule toggle --schedule-id {id} --unpause --reason …` when the reason is gone"
            ),
        );
    }
    let every = time::short(sweep.interval);
    let since = sweep.last_at.or(sweep.created_at).unwrap_or(now).duration_until(now);
    if since > sweep.interval * INTERVALS_MISSED + LATE {
        return Line::wrong(
            CHECK,
            format!("the last one began {} ago, and one should every {every}", time::short(since)),
            format!("`temporal schedule describe --schedule-id {id}` and the worker's log say why"),
        );
    }
    Line::fine(
        CHECK,
        match sweep.last_at {
            Some(at) => {
                format!("every {every}; the last one began {} ago", time::short(at.duration_until(now)))
            }
            None => format!("every {every}; the first one is still to come"),
        },
    )
}

/// When somebody asked for tasks last.
async fn polled_at(temporal: &Client, queue: &str, kind: TaskQueueType) -> Result<Option<Timestamp>, Status> {
    let request = DescribeTaskQueueRequest {
        namespace: temporal.namespace(),
        task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
        task_queue_type: kind.into(),
        ..DescribeTaskQueueRequest::default()
    };
    let mut service = temporal.connection().workflow_service();
    let described = service.describe_task_queue(request.into_request()).await?.into_inner();
    let polled = described
        .pollers
        .iter()
        .filter_map(|poller| poller.last_access_time)
        .filter_map(|at| timestamp(at.seconds, at.nanos));
    Ok(polled.max())
}

pub(super) fn judge_pollers(queues: &[(&str, Result<Option<Timestamp>, Status>)], now: Timestamp) -> Line {
    const CHECK: &str = "worker";
    let mut idle = Vec::new();
    for (queue, polled_at) in queues {
        match polled_at {
            Err(status) => return Line::unknown(CHECK, runtime::temporal::reason(status), "try again"),
            Ok(Some(at)) if at.duration_until(now) < POLLED_WITHIN => {}
            Ok(_) => idle.push(*queue),
        }
    }
    idle.dedup();
    if idle.is_empty() {
        let mut names: Vec<_> = queues.iter().map(|(queue, _)| *queue).collect();
        names.dedup();
        return Line::fine(CHECK, format!("one takes tasks from {}", names.join(" and ")));
    }
    Line::wrong(
        CHECK,
        format!("nobody takes tasks from {}", idle.join(" and ")),
        "start preview-worker with the same TEMPORAL_NAMESPACE and PREVIEW_TASK_QUEUE; its log says what keeps it",
    )
}

fn timestamp(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Timestamp::new(seconds, nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn noon() -> Timestamp {
        at("2026-11-26T12:00:00Z")
    }

    fn every_five_minutes(last_at: Option<&str>) -> Sweep {
        Sweep {
            is_paused: false,
            interval: SignedDuration::from_mins(5),
            created_at: Some(at("2026-11-26T11:00:00Z")),
            last_at: last_at.map(at),
        }
    }

    #[test]
    fn a_sweep_is_there_and_has_run() {
        let judged = |sweep| judge_schedule("orphan-sweep-default", sweep, noon());
        let fine = judged(Ok(every_five_minutes(Some("2026-11-26T11:57:00Z"))));
        assert_eq!(fine, Line::fine("sweep", "every 5m; the last one began 3m ago"));
        let new = Sweep {
            created_at: Some(at("2026-11-26T11:58:00Z")),
            ..every_five_minutes(None)
        };
        assert_eq!(judged(Ok(new)), Line::fine("sweep", "every 5m; the first one is still to come"));
        for stuck in [every_five_minutes(Some("2026-11-26T11:40:00Z")), every_five_minutes(None)] {
            assert!(judged(Ok(stuck)).is_wrong());
        }
        assert!(judged(Err(Status::not_found("no schedule"))).is_wrong());
        assert!(!judged(Err(Status::unavailable("busy"))).is_wrong());
        let paused = judged(Ok(Sweep { is_paused: true, ..every_five_minutes(None) }));
        assert!(!paused.is_wrong() && format!("{paused:?}").contains("paused"));
    }

    #[test]
    fn a_worker_takes_tasks_from_each_queue() {
        let lately = || Ok(Some(at("2026-11-26T11:59:30Z")));
        let long_ago = Ok(Some(at("2026-11-26T11:50:00Z")));
        let fine = judge_pollers(
            &[("previews", lately()), ("previews", lately()), ("previews-github", lately())],
            noon(),
        );
        assert_eq!(fine, Line::fine("worker", "one takes tasks from previews and previews-github"));
        for idle in [long_ago, Ok(None)] {
            let wrong = judge_pollers(&[("previews", lately()), ("previews-github", idle)], noon());
            assert!(wrong.is_wrong() && format!("{wrong:?}").contains("from previews-github"), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told_as_it_is_typed() {
        assert!(!judge_attributes(&[], "default").is_wrong());
        let wrong =
            judge_attributes(&[("PreviewPhase", "Keyword"), ("PreviewPullRequest", "Int")], "previews");
        let typed = "`temporal operator search-attribute create --namespace previews --name PreviewPhase --type Keyword --name PreviewPullRequest --type Int`";
        assert!(format!("{wrong:?}").contains(typed), "{wrong:?}");
    }
}
