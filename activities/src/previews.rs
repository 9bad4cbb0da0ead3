//! The activities of a preview's life: thin, so that each one's promise of
//! idempotence can be read in one place.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use std::sync::Arc;

use domain::{AllowedOwners, NamespaceHandle, preview::MissingImage};
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::contract::{
    AwaitReady, CreateNamespace, InstallRelease, Readiness, TearDown, preview_declared,
};

use crate::{
    Cluster, NamespaceConfig, ReadinessConfig, ReleaseConfig, RepositoryCharts,
    heartbeat::{Progress, run_cancellable, run_to_completion},
    namespace, readiness, release,
    served::assert_served,
    teardown::tear_down,
};

/// What makes, watches and removes previews.
pub struct Previews {
    /// Where.
    pub cluster: Cluster,
    /// For whom. What was made for somebody who is not served any more is removed all the same.
    pub owners: AllowedOwners,
    /// What their namespaces have to fit in with.
    pub namespaces: NamespaceConfig,
    /// What is installed.
    pub releases: ReleaseConfig,
    /// What is installed from repositories.
    pub repository_charts: RepositoryCharts,
    /// How it is looked at.
    pub readiness: ReadinessConfig,
}

#[activities]
impl Previews {
    /// Idempotent: the namespace is found again by its run, and its guards are applied, not added.
    #[activity(definition = preview_declared::CreateNamespace)]
    pub async fn create_namespace(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: CreateNamespace,
    ) -> Result<NamespaceHandle, ActivityError> {
        assert_served(&self.owners, &request.owner.preview.repository)?;
        let progress = Progress::new();
        let temporal = ctx.client();
        let work = namespace::create(&self.cluster, &self.namespaces, &temporal, &request, &progress);
        run_cancellable(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: an install that stands is left as it is, and one that did not complete is taken down,
    /// so that each attempt is a first install. A Helm does not outlive its worker. Nothing is installed
    /// into a namespace that is not this run's.
    #[activity(definition = preview_declared::InstallRelease)]
    pub async fn install_release(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: InstallRelease,
    ) -> Result<Option<MissingImage>, ActivityError> {
        assert_served(&self.owners, &request.owner.preview.repository)?;
        let progress = Progress::new();
        let work = release::install(
            &self.cluster,
            &self.releases,
            &self.repository_charts,
            &request,
            &progress,
            ctx.cancelled(),
        );
        // Not dropped on cancellation: the workflow goes on to the teardown when this
        // returns, and Helm must have ended by then.
        run_to_completion(&ctx, &progress, Box::pin(work)).await
    }

    /// Idempotent: it looks, leads the address to a Service, which can be said twice, and at the most
    /// restarts pods that wait for their image.
    #[activity(definition = preview_declared::AwaitReady)]
    pub async fn await_ready(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: AwaitReady,
    ) -> Result<Readiness, ActivityError> {
        let progress = Progress::new();
        let work = readiness::await_ready(&self.cluster, &self.readiness, &request, &progress);
        run_cancellable(&ctx, &progress, work).await
    }

    /// Idempotent: what is gone is gone, and what has another UID or another run's name on it is left alone.
    #[activity(definition = preview_declared::TearDown)]
    pub async fn tear_down(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: TearDown,
    ) -> Result<(), ActivityError> {
        let progress = Progress::new();
        let work = tear_down(&self.cluster, &self.releases.helm, &request, &ctx, &progress);
        run_to_completion(&ctx, &progress, work).await
    }
}
