//! Reads from the history of a preview's run how it ended: why it failed, and when its removal began and
//! ended.
//!
//! Temporal has written all of that down, with its own clock. What several workers did one after the other is
//! in there, too.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use temporalio_client::{Client, NamespacedClient, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::TimeoutType,
    failure::v1::{Failure, failure::FailureInfo},
    history::v1::{HistoryEvent, history_event::Attributes},
    workflowservice::v1::GetWorkflowExecutionHistoryReverseRequest,
};
use tokio::time::timeout;

/// How long Temporal has for it. Whoever asks has ten seconds for all it does.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events that are read, the newest first: the end of a run has 30 of them, and one more for each hour that
/// something withstood its removal.
const EVENTS: i32 = 200;
/// The activities that deploy: a preview fails by one of them.
const STAGES: [&str; 3] = ["create_namespace", "install_release", "await_ready"];
const TEAR_DOWN: &str = "tear_down";

/// What is known of the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HowItEnded {
    /// The failure type of the stage that failed last, if one did.
    pub(crate) failure: Option<String>,
    /// Its removal.
    pub(crate) removal: Option<Removal>,
}

/// The removal of all that a run has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    /// When it was asked for.
    pub(crate) began: Timestamp,
    /// When everything was gone.
    pub(crate) ended: Option<Timestamp>,
}

/// Asks Temporal. What it does not say in time is not known: nothing waits for a measurement.
pub(crate) async fn how_it_ended(temporal: &Client, workflow_id: &str, run_id: &str) -> HowItEnded {
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace: temporal.namespace(),
        execution: Some(WorkflowExecution {
            workflow_id: workflow_id.to_owned(),
            run_id: run_id.to_owned(),
        }),
        maximum_page_size: EVENTS,
        ..GetWorkflowExecutionHistoryReverseRequest::default()
    };
    let mut service = temporal.connection().workflow_service();
    let asked = service.get_workflow_execution_history_reverse(request.into_request());
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => {
            let history = answer.into_inner().history.unwrap_or_default();
            read(&history.events)
        }
        Ok(Err(status)) => {
            tracing::warn!(
                error = status.message(),
                "the end of a preview is not measured: its history cannot be read"
            );
            HowItEnded::default()
        }
        Err(_) => {
            tracing::warn!(
                "the end of a preview is not measured: Temporal does not show its history in time"
            );
            HowItEnded::default()
        }
    }
}

/// From the newest event to the oldest.
fn read(newest_first: &[HistoryEvent]) -> HowItEnded {
    let mut how = HowItEnded::default();
    let mut failures = HashMap::new();
    let mut completions = HashMap::new();
    for event in newest_first {
        match &event.attributes {
            Some(Attributes::ActivityTaskFailedEventAttributes(failed)) => {
                failures.insert(failed.scheduled_event_id, reason(failed.failure.as_ref()));
            }
            Some(Attributes::ActivityTaskTimedOutEventAttributes(late)) => {
                failures.insert(late.scheduled_event_id, reason(late.failure.as_ref()));
            }
            Some(Attributes::ActivityTaskCompletedEventAttributes(completed)) => {
                completions.insert(completed.scheduled_event_id, time(event));
            }
            Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                let name = scheduled.activity_type.as_ref().map_or("", |activity| &activity.name);
                if name == TEAR_DOWN
                    && let Some(began) = time(event)
                {
                    // One that failed for good is followed by another: it all began with the first.
                    let completed = completions.remove(&event.event_id).flatten();
                    let ended = how.removal.take().and_then(|later| later.ended).or(completed);
                    how.removal = Some(Removal { began, ended });
                }
                if STAGES.contains(&name) && how.failure.is_none() {
                    how.failure = failures.remove(&event.event_id);
                }
            }
            _ => {}
        }
    }
    how
}

fn time(event: &HistoryEvent) -> Option<Timestamp> {
    let time = event.event_time.as_ref()?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// The failure type, or which time ran out.
fn reason(failure: Option<&Failure>) -> String {
    match failure.and_then(|failure| failure.failure_info.as_ref()) {
        Some(FailureInfo::ApplicationFailureInfo(info)) if !info.r#type.is_empty() => info.r#type.clone(),
        Some(FailureInfo::TimeoutFailureInfo(info)) if info.timeout_type() == TimeoutType::Heartbeat => {
            "WorkerLost".to_owned()
        }
        Some(FailureInfo::TimeoutFailureInfo(_)) => "TimedOut".to_owned(),
        _ => "Unexpected".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use temporalio_client::WorkflowHistory;

    use super::*;

    /// The whole of it: the last events came after the run had reported its end.
    async fn recorded(json: &str) -> HowItEnded {
        let history = WorkflowHistory::from_json(json.as_bytes()).expect("a history");
        let mut events = history.into_events().await.expect("events");
        events.reverse();
        read(&events)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[tokio::test]
    async fn a_failure_is_known_by_the_type_that_its_activity_gave_it() {
        let failed = recorded(include_str!("../../../tests/histories/helm-failed.json")).await;
        assert_eq!(failed.failure.as_deref(), Some("ChartInvalid"));
        let missing = recorded(include_str!("../../../tests/histories/image-never-came.json")).await;
        assert_eq!(missing.failure.as_deref(), Some("ImageNotPulled"));
        let expired = recorded(include_str!("../../../tests/histories/expired.json")).await;
        assert_eq!(expired.failure, None);
    }

    #[tokio::test]
    async fn a_removal_lasts_from_the_first_request_until_everything_is_gone() {
        let expired = recorded(include_str!("../../../tests/histories/expired.json")).await;
        assert_eq!(
            expired.removal,
            Some(Removal {
                began: at("2026-11-26T11:08:32.830592486Z"),
                ended: Some(at("2026-11-26T11:08:38.141866199Z")),
            })
        );
    }
}
