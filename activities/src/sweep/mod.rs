//! The activities of the orphan sweep.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

mod changes;
mod counters;
mod lost;
mod survey;

use std::sync::Arc;

use domain::{
    NamespaceHandle,
    orphan_sweep::{LostPreview, Outcome, SweepReport},
};
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::contract::{EndLost, FindOverdue, MarkOrphans, SurveyPage, Surveyed, sweep_declared};

use crate::{
    Cluster,
    cluster::ClusterError,
    failure::{ActivityFailure, Failure, explain},
    heartbeat::{Progress, run_cancellable},
    temporal::{TemporalError, overdue_previews},
};

use changes::Removals;
pub use counters::SweepCounters;

/// Questions to Temporal, or to the API server, that are on their way at the same time.
const AT_ONCE: usize = 10;

/// The activities of the orphan sweep.
pub struct Sweeps {
    /// What is swept: the namespaces of this instance only.
    pub cluster: Cluster,
    /// What the sweeps have found and done.
    pub counters: SweepCounters,
}

#[activities]
impl Sweeps {
    /// Idempotent: it only looks.
    #[activity(definition = sweep_declared::SurveyNamespaces)]
    pub async fn survey_namespaces(
        self: Arc<Self>,
        ctx: ActivityContext,
        page: SurveyPage,
    ) -> Result<Surveyed, ActivityError> {
        let progress = Progress::new();
        let temporal = ctx.client();
        let work = survey::page(&self.cluster, &temporal, &page);
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: it only looks.
    #[activity(definition = sweep_declared::FindOverduePreviews)]
    pub async fn find_overdue_previews(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: FindOverdue,
    ) -> Result<Vec<String>, ActivityError> {
        let progress = Progress::new();
        let temporal = ctx.client();
        let work = overdue_previews(&temporal, &ctx.info().task_queue, input.expired_before);
        run_cancellable(&ctx, &progress, work).await
    }

    /// Idempotent: whoever is ending already goes on ending.
    #[activity(definition = sweep_declared::EndLostPreviews)]
    pub async fn end_lost_previews(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: EndLost,
    ) -> Result<Vec<LostPreview>, ActivityError> {
        let progress = Progress::new();
        let temporal = ctx.client();
        let work = lost::end(&self.cluster, &temporal, &ctx.info().task_queue, input.dry_run);
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: a mark that is there already keeps its time.
    #[activity(definition = sweep_declared::MarkOrphans)]
    pub async fn mark_orphans(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: MarkOrphans,
    ) -> Result<Vec<Outcome>, ActivityError> {
        let progress = Progress::new();
        let work = changes::each(input.namespaces, |handle| {
            changes::mark(self.cluster.clone(), handle, input.since)
        });
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: no mark is no mark.
    #[activity(definition = sweep_declared::UnmarkOrphans)]
    pub async fn unmark_orphans(
        self: Arc<Self>,
        ctx: ActivityContext,
        namespaces: Vec<NamespaceHandle>,
    ) -> Result<Vec<Outcome>, ActivityError> {
        let progress = Progress::new();
        let work = changes::each(namespaces, |handle| changes::unmark(self.cluster.clone(), handle));
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: it deletes a namespace by UID, and only the one that it has just seen to be
    /// nobody's. A successor of the same name has another UID. The pull request is told of it
    /// once per attempt, which it takes in once.
    #[activity(definition = sweep_declared::RemoveOrphans)]
    pub async fn remove_orphans(
        self: Arc<Self>,
        ctx: ActivityContext,
        namespaces: Vec<NamespaceHandle>,
    ) -> Result<Vec<Outcome>, ActivityError> {
        let progress = Progress::new();
        let removals = Arc::new(Removals {
            cluster: self.cluster.clone(),
            temporal: ctx.client(),
            task_queue: ctx.info().task_queue.clone(),
        });
        let work = changes::each(namespaces, |handle| Arc::clone(&removals).remove(handle));
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Twice is nearly harmless: what was written to the log is written again,
    /// and counted again, which nobody decides by.
    #[activity(definition = sweep_declared::PublishSweepReport)]
    pub async fn publish_sweep_report(
        self: Arc<Self>,
        ctx: ActivityContext,
        report: SweepReport,
    ) -> Result<(), ActivityError> {
        self.counters.add(&report);
        counters::log(&report, &ctx.info().task_queue);
        Ok(())
    }
}

/// A step of the sweep that could not be done. The next sweep tries again.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
    #[error(
        "this worker was started with the Temporal namespace {expected}, and is connected to {found} now: start it again"
    )]
    OtherTemporal { expected: String, found: String },
}

impl ActivityFailure for SweepError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::Temporal(error) => error.failure(),
            Self::OtherTemporal { .. } => Failure::permanent(
                "OtherTemporal",
                explain("The preview service is connected to another Temporal than it should be."),
            ),
        }
    }
}
