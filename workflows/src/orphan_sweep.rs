//! Removes namespaces that no workflow looks after any more, and ends previews whose namespace is gone.
//!
//! A preview removes itself. This is for what no preview can: a workflow that was terminated, or a Temporal
//! that was restored from a backup. A namespace is first marked; only if it still has no open workflow when
//! the grace is over, and looked at once more, its deletion is requested. Each namespace is dealt with for
//! itself: one that cannot be marked, or will not go, is reported, and the next sweep looks at it again.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use std::time::Duration;

use domain::{
    NamespaceHandle,
    orphan_sweep::{Change, LostPreview, Outcome, Plan, SurveyedPage, SweepPolicy, SweepReport, make_plan},
};
use jiff::SignedDuration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityExecutionError, ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, common::error::ApplicationFailure,
};

use crate::{
    clock,
    contract::{
        EndLost, FindOverdue, MarkOrphans, SurveyPage, Surveyed, SweepActivities, timeouts::HEARTBEAT_TIMEOUT,
    },
    payload::Lenient,
};

/// One page of the survey, or one change of [`BATCH`] namespaces. No step waits for anything but answers.
const ONE_STEP: Duration = Duration::from_secs(120);
/// The next scheduled sweep tries again anyway.
const ATTEMPTS: u32 = 3;
/// Namespaces that one activity changes: few enough that a worker's death repeats little, and many enough
/// that a sweep of thousands of them has a short history.
const BATCH: usize = 100;
/// How often the survey begins anew. The API server remembers a list for five
/// minutes and more; a page takes about a second.
const SURVEYS: u32 = 3;
/// A preview's workflow needs a moment for the end, and longer if something holds its namespace. One that is
/// open this long after the preview's time is over does not work any more.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Runs on a schedule, one at a time; and once with more removals than usual, when an operator starts it so.
#[workflow]
pub struct OrphanSweep {
    policy: Result<SweepPolicy, String>,
}

#[workflow_methods]
impl OrphanSweep {
    /// Takes anything, so that a wrong input is a failed run that says why.
    #[init]
    pub fn new(_view: &WorkflowContextView, policy: Lenient<SweepPolicy>) -> Self {
        Self { policy: policy.into_inner() }
    }

    /// Survey, decide, act, report.
    #[run(name = "OrphanSweep")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<SweepReport> {
        let policy = ctx
            .state(|sweep| sweep.policy.clone())
            .map_err(ApplicationFailure::non_retryable)?;
        let sweep = Sweep {
            // Held to the end: a token reaches only children that somebody holds.
            token: ctx.cancellation_token().child_token(),
            ctx: ctx.clone(),
        };
        let pages = sweep.survey().await?;
        let overdue = sweep.find_overdue().await?;
        let lost = sweep.end_lost(policy.dry_run).await?;
        let (plan, mut report) = make_plan(clock::now(ctx), &policy, pages);
        report.overdue = overdue.into_iter().collect();
        report.note_lost(lost);
        sweep.carry_out(plan, &policy, &mut report).await?;
        ctx.execute_activity(SweepActivities::publish_sweep_report, report.clone(), options(&sweep.token))
            .await?;
        Ok(report)
    }
}

/// A sweep on its way.
struct Sweep {
    ctx: WorkflowContext<OrphanSweep>,
    token: WorkflowCancellationToken,
}

impl Sweep {
    /// All pages, each without the namespaces that nothing has to be done about.
    async fn survey(&self) -> WorkflowResult<Vec<SurveyedPage>> {
        for _ in 0..SURVEYS {
            if let Some(pages) = self.survey_once().await? {
                return Ok(pages);
            }
        }
        let message = format!(
            "the API server forgot the list of namespaces {SURVEYS} times while it was read; the next sweep tries again"
        );
        Err(ApplicationFailure::non_retryable(message).into())
    }

    /// `None` if the API server lost the list in between.
    async fn survey_once(&self) -> WorkflowResult<Option<Vec<SurveyedPage>>> {
        let mut pages = Vec::new();
        let mut next = SurveyPage::default();
        loop {
            let surveyed = self
                .ctx
                .execute_activity(SweepActivities::survey_namespaces, next, options(&self.token))
                .await?;
            let Surveyed::Page(page) = surveyed else {
                return Ok(None);
            };
            let continue_token = page.continue_token.clone();
            pages.push(page);
            if continue_token.is_none() {
                return Ok(Some(pages));
            }
            next = SurveyPage { continue_token };
        }
    }

    async fn find_overdue(&self) -> WorkflowResult<Vec<String>> {
        let input = FindOverdue {
            expired_before: clock::now(&self.ctx).saturating_sub(OVERDUE_AFTER).unwrap_or_default(),
        };
        let found =
            self.ctx
                .execute_activity(SweepActivities::find_overdue_previews, input, options(&self.token));
        Ok(found.await?)
    }

    async fn end_lost(&self, dry_run: bool) -> WorkflowResult<Vec<LostPreview>> {
        let input = EndLost { dry_run };
        let found =
            self.ctx
                .execute_activity(SweepActivities::end_lost_previews, input, options(&self.token));
        Ok(found.await?)
    }

    async fn carry_out(
        &self,
        plan: Plan,
        policy: &SweepPolicy,
        report: &mut SweepReport,
    ) -> WorkflowResult<()> {
        for (change, namespaces) in plan.steps() {
            for batch in namespaces.chunks(BATCH) {
                let outcomes = if policy.dry_run {
                    Ok(vec![Outcome::Done; batch.len()])
                } else {
                    self.act(change, batch.to_vec(), &plan).await
                };
                match outcomes {
                    Ok(outcomes) => report.note(change, batch, outcomes),
                    Err(error) if self.token.is_cancelled() => return Err(error.into()),
                    // The others are none of its business.
                    Err(error) => {
                        let why = error.to_string();
                        let failed = vec![Outcome::Failed { why }; batch.len()];
                        report.note(change, batch, failed);
                    }
                }
            }
        }
        Ok(())
    }

    async fn act(
        &self,
        change: Change,
        batch: Vec<NamespaceHandle>,
        plan: &Plan,
    ) -> Result<Vec<Outcome>, ActivityExecutionError> {
        let options = options(&self.token);
        match change {
            Change::Mark => {
                let input = MarkOrphans { namespaces: batch, since: plan.made_at };
                self.ctx.execute_activity(SweepActivities::mark_orphans, input, options).await
            }
            Change::Unmark => {
                self.ctx.execute_activity(SweepActivities::unmark_orphans, batch, options).await
            }
            Change::Remove => {
                self.ctx.execute_activity(SweepActivities::remove_orphans, batch, options).await
            }
        }
    }
}

fn options(token: &WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(ONE_STEP)
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .cancellation_token(token.clone())
        .retry_policy(RetryPolicy::builder().maximum_attempts(ATTEMPTS).build())
        .build()
}
