//! Failures as the server and the SDK make them.

use std::time::Duration;

use domain::Explanation;
use temporalio_common::protos::{
    coresdk::activity_result::{self, ActivityResolution, activity_resolution::Status},
    temporal::api::{
        common::v1::{ActivityType, Payloads},
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{
            ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo, Failure, TimeoutFailureInfo,
            failure::FailureInfo,
        },
    },
};
use workflows::payload::json;

/// Why an activity's attempt has not done what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Another attempt may succeed.
    ForNow {
        /// The failure's type.
        kind: &'static str,
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// No other attempt would succeed.
    ForGood {
        /// The failure's type.
        kind: &'static str,
        /// What the requester is told.
        summary: String,
    },
    /// It was cancelled, and has stopped.
    Cancelled,
}

impl NotDone {
    /// Another attempt may succeed.
    pub fn for_now(kind: &'static str) -> Self {
        Self::ForNow { kind, retry_after: None }
    }

    /// No other attempt would succeed.
    pub fn for_good(kind: &'static str, summary: impl Into<String>) -> Self {
        Self::ForGood { kind, summary: summary.into() }
    }
}

/// The failure that an activity of ours ends with.
pub(super) fn application(kind: &str, summary: &str, non_retryable: bool) -> Failure {
    let explanation = Explanation { summary: summary.to_owned(), log_tail: None };
    Failure {
        message: kind.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: kind.to_owned(),
            non_retryable,
            details: Some(Payloads { payloads: vec![json(&explanation)] }),
            ..ApplicationFailureInfo::default()
        })),
        ..Failure::default()
    }
}

/// A timeout.
pub(super) fn timeout(timeout_type: TimeoutType) -> Failure {
    Failure {
        message: "activity timeout".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: timeout_type.into(),
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    }
}

/// What a workflow gets of an activity that failed for good.
pub(super) fn failed(activity_type: &str, cause: Failure, retry_state: RetryState) -> ActivityResolution {
    let failure = around("Activity task failed", activity_type, cause, retry_state);
    let failure = activity_result::Failure {
        failure: Some(failure),
        ..activity_result::Failure::default()
    };
    ActivityResolution { status: Some(Status::Failed(failure)) }
}

/// What a workflow gets of an activity that was cancelled.
pub(super) fn cancelled(activity_type: &str) -> ActivityResolution {
    let cause = Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default())),
        ..Failure::default()
    };
    let failure = around("Activity cancelled", activity_type, cause, RetryState::CancelRequested);
    let cancellation = activity_result::Cancellation { failure: Some(failure) };
    ActivityResolution { status: Some(Status::Cancelled(cancellation)) }
}

fn around(message: &str, activity_type: &str, cause: Failure, retry_state: RetryState) -> Failure {
    Failure {
        message: message.to_owned(),
        cause: Some(Box::new(cause)),
        failure_info: Some(FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            activity_type: Some(ActivityType { name: activity_type.to_owned() }),
            retry_state: retry_state.into(),
            ..ActivityFailureInfo::default()
        })),
        ..Failure::default()
    }
}
