//! What becomes of a namespace that no workflow looks after any more?
//!
//! A preview removes itself. This is for what no preview can: a workflow that was terminated, or a Temporal that was restored from a backup.
//! A namespace is first marked; only if it still has no open workflow when the grace is over, and looked at once more, it is removed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult, common::error::ApplicationFailure,
};

use crate::{
    activities::{NamespaceKey, Removal, SurveyedNamespace, SweepActivities},
    clock,
    payload::Lenient,
    vocabulary::Ttl,
};

/// One look at cluster and Temporal, or one change of one namespace, its disappearance included.
const ONE_STEP: Duration = Duration::from_secs(300);
/// A sweeping worker that has not been heard of for this long is taken for dead.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The next scheduled sweep tries again anyway.
const ATTEMPTS: u32 = 3;

/// How a sweep goes about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPolicy {
    /// How long a namespace may be without an open workflow before it is removed.
    pub grace: Ttl,
    /// Only report what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a sweep did, or would have done; names of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReport {
    /// How many namespaces there were.
    pub surveyed: usize,
    /// Seen without a workflow for the first time.
    pub marked: Vec<String>,
    /// Marked earlier, but somebody's again.
    pub unmarked: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
    /// Due, but somebody's again at the last look.
    pub spared: Vec<String>,
}

/// Runs on a schedule; one at a time.
#[workflow]
pub struct OrphanSweep {
    policy: Result<SweepPolicy, String>,
}

#[workflow_methods]
impl OrphanSweep {
    /// Takes anything, so that a wrong input is a failed run that says why.
    #[init]
    pub fn new(_view: &WorkflowContextView, policy: Lenient<SweepPolicy>) -> Self {
        Self {
            policy: policy.into_inner(),
        }
    }

    /// Survey, decide, act.
    #[run(name = "OrphanSweep")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<SweepReport> {
        let policy = ctx
            .state(|sweep| sweep.policy.clone())
            .map_err(ApplicationFailure::non_retryable)?;
        // Held to the end: a token reaches only children that somebody holds.
        let token = ctx.cancellation_token().child_token();
        let namespaces = ctx
            .execute_activity(SweepActivities::survey_namespaces, (), options(&token))
            .await?;
        let now = clock::now(ctx);

        let mut report = SweepReport {
            surveyed: namespaces.len(),
            ..SweepReport::default()
        };
        for (step, namespace) in decide(now, policy.grace, namespaces) {
            let name = namespace.name.clone();
            match step {
                Step::Mark => {
                    if !policy.dry_run {
                        ctx.execute_activity(
                            SweepActivities::mark_orphan,
                            namespace,
                            options(&token),
                        )
                        .await?;
                    }
                    report.marked.push(name);
                }
                Step::Unmark => {
                    if !policy.dry_run {
                        ctx.execute_activity(
                            SweepActivities::unmark_orphan,
                            namespace,
                            options(&token),
                        )
                        .await?;
                    }
                    report.unmarked.push(name);
                }
                Step::Remove => {
                    let removal = if policy.dry_run {
                        Removal::Removed
                    } else {
                        ctx.execute_activity(
                            SweepActivities::remove_orphan,
                            namespace,
                            options(&token),
                        )
                        .await?
                    };
                    match removal {
                        Removal::Removed => report.removed.push(name),
                        Removal::Spared => report.spared.push(name),
                    }
                }
            }
        }
        Ok(report)
    }
}

fn options(token: &WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(ONE_STEP)
        .heartbeat_timeout(HEARTBEAT)
        .cancellation_token(token.clone())
        .retry_policy(RetryPolicy::builder().maximum_attempts(ATTEMPTS).build())
        .build()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Mark,
    Unmark,
    Remove,
}

/// What is to be done now; nothing for a namespace that is looked after, or whose grace is not over.
fn decide(
    now: Timestamp,
    grace: Ttl,
    namespaces: Vec<SurveyedNamespace>,
) -> Vec<(Step, NamespaceKey)> {
    let step = |namespace: &SurveyedNamespace| match (
        namespace.workflow_is_open,
        namespace.marked_since,
    ) {
        (true, Some(_)) => Some(Step::Unmark),
        (true, None) => None,
        (false, None) => Some(Step::Mark),
        (false, Some(since)) => {
            (since.duration_until(now) >= grace.as_signed_duration()).then_some(Step::Remove)
        }
    };
    namespaces
        .into_iter()
        .filter_map(|namespace| Some((step(&namespace)?, namespace.key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn surveyed(workflow_is_open: bool, marked_since: Option<&str>) -> SurveyedNamespace {
        let key = NamespaceKey {
            name: "preview-x".to_owned(),
            uid: "1".to_owned(),
            workflow_id: "o/r#1:…".to_owned(),
        };
        SurveyedNamespace {
            key,
            workflow_is_open,
            marked_since: marked_since.map(at),
        }
    }

    fn step(namespace: SurveyedNamespace) -> Option<Step> {
        let grace = "10m".parse().expect("a duration");
        decide(at("2026-11-22T12:00:00Z"), grace, vec![namespace])
            .first()
            .map(|(step, _)| *step)
    }

    #[test]
    fn a_namespace_with_an_open_workflow_is_left_alone() {
        assert_eq!(step(surveyed(true, None)), None);
    }

    #[test]
    fn a_namespace_that_found_a_workflow_again_loses_its_mark() {
        assert_eq!(
            step(surveyed(true, Some("2026-11-22T11:00:00Z"))),
            Some(Step::Unmark)
        );
    }

    #[test]
    fn an_orphan_is_marked_before_it_is_removed() {
        assert_eq!(step(surveyed(false, None)), Some(Step::Mark));
    }

    #[test]
    fn a_marked_orphan_is_removed_only_after_the_grace() {
        assert_eq!(step(surveyed(false, Some("2026-11-22T11:50:01Z"))), None);
        assert_eq!(
            step(surveyed(false, Some("2026-11-22T11:50:00Z"))),
            Some(Step::Remove)
        );
    }

    #[test]
    fn a_mark_from_the_future_removes_nothing() {
        assert_eq!(step(surveyed(false, Some("2026-11-22T13:00:00Z"))), None);
    }
}
