//! The stages of a preview's life, one method each.

use jiff::Timestamp;
use temporalio_workflow::{
    ActivityExecutionError, TimerOptions, TimerResult, WorkflowCancellationToken, WorkflowContext,
    select,
};

use super::{
    PreviewWorkflow,
    ending::{Ending, explain},
    patience,
};
use crate::{
    activities::{
        AwaitReady, CreateNamespace, InstallRelease, NamespaceHandle, PreviewActivities, Readiness,
        ReportedState, RunIdentity, StopReason, TearDown,
    },
    clock,
    search_attributes::{
        COMMIT, EXPIRES_AT, PHASE, PULL_REQUEST, REPOSITORY, REPOSITORY_ID, REQUESTED_BY,
    },
    vocabulary::{Phase, PreviewRequest},
};

/// A preview on its way: the request, and the workflow it is carried out in.
pub(super) struct Stages {
    pub(super) ctx: WorkflowContext<PreviewWorkflow>,
    pub(super) request: PreviewRequest,
    /// Cancelled with the workflow, and by the `stop` signal.
    deployment: WorkflowCancellationToken,
}

impl Stages {
    pub(super) fn new(ctx: &WorkflowContext<PreviewWorkflow>, request: PreviewRequest) -> Self {
        let repository_id = request.repository_id;
        let attributes = [
            REPOSITORY.value_set(request.preview.repository.to_string()),
            PULL_REQUEST.value_set(i64::from(request.preview.pull_request)),
            COMMIT.value_set(request.preview.commit.to_string()),
            PHASE.value_set(Phase::Requested.to_string()),
            REQUESTED_BY.value_set(request.requested_by.to_string()),
        ];
        let known_only = repository_id.map(|id| REPOSITORY_ID.value_set(id.into()));
        ctx.upsert_search_attributes(attributes.into_iter().chain(known_only));
        Self {
            ctx: ctx.clone(),
            request,
            deployment: ctx.cancellation_token().child_token(),
        }
    }

    /// Deploys; a `stop` or a cancellation meanwhile lets the running activity come to rest, and is then how the preview ended.
    pub(super) async fn deploy_unless_stopped(&self) -> Result<String, Ending> {
        let mut deployment = std::pin::pin!(futures_util::FutureExt::fuse(self.deploy()));
        let deployed = select! {
            deployed = deployment => deployed,
            _ = self.ctx.wait_condition(|workflow| workflow.life.stop_is_requested()) => {
                self.deployment.cancel();
                deployment.await
            }
        };
        self.interruption().map_or(deployed, Err)
    }

    async fn deploy(&self) -> Result<String, Ending> {
        self.enter(Phase::Provisioning);
        self.report(ReportedState::Provisioning);
        let namespace = self.create_namespace().await?;

        self.enter(Phase::Installing);
        self.report(ReportedState::Installing);
        self.install_release(&namespace).await?;

        self.enter(Phase::Starting);
        self.report(ReportedState::Starting);
        self.await_ready(namespace).await
    }

    async fn create_namespace(&self) -> Result<NamespaceHandle, Ending> {
        let input = CreateNamespace {
            owner: self.identity(),
            comment: self.request.comment,
            installation: self.request.installation,
            requested_by: self.request.requested_by.clone(),
            ttl: self.request.ttl,
            chart: self.request.settings.chart.clone(),
        };
        let options = patience::namespace(&self.deployment);
        let namespace = self
            .ctx
            .execute_activity(PreviewActivities::create_namespace, input, options)
            .await;
        namespace.map_err(failed("making the namespace"))
    }

    async fn install_release(&self, namespace: &NamespaceHandle) -> Result<(), Ending> {
        let expires_at = self
            .ctx
            .state(|workflow| workflow.life.deadline_if_ready_at(clock::now(&self.ctx)));
        let input = InstallRelease {
            owner: self.identity(),
            installation: self.request.installation,
            namespace: namespace.clone(),
            expires_at,
            settings: self.request.settings.clone(),
        };
        let options = patience::install(&self.deployment);
        self.ctx
            .execute_activity(PreviewActivities::install_release, input, options)
            .await
            .map_err(failed("installing the Helm chart"))
    }

    async fn await_ready(&self, namespace: NamespaceHandle) -> Result<String, Ending> {
        let mut input = AwaitReady {
            preview: self.request.preview.clone(),
            namespace,
            wait_for_image: false,
        };
        loop {
            let options = patience::readiness(&self.deployment);
            let readiness = self
                .ctx
                .execute_activity(PreviewActivities::await_ready, input.clone(), options)
                .await;
            match readiness.map_err(failed("waiting for the preview to answer"))? {
                Readiness::Ready { url } => return Ok(url),
                Readiness::ImageMissing { image } => {
                    self.enter(Phase::WaitingForImage);
                    self.report(ReportedState::WaitingForImage { image });
                    input.wait_for_image = true;
                }
            }
        }
    }

    /// Publishes the URL and sleeps on a durable timer, which extensions move, until time, a `stop` or a cancellation ends the preview.
    pub(super) async fn stay_ready_until_the_end(&self, url: String) -> Ending {
        let now = clock::now(&self.ctx);
        self.ctx
            .state_mut(|workflow| workflow.life.become_ready(now, url));
        loop {
            let (expires_at, warn_at) = self.ctx.state(|workflow| {
                (
                    workflow.life.deadline().unwrap_or(now),
                    workflow.life.warning(),
                )
            });
            self.ctx.upsert_search_attributes([
                EXPIRES_AT.value_set(std::time::SystemTime::from(expires_at).into())
            ]);

            if let Some(warn_at) = warn_at.filter(|warn_at| *warn_at > clock::now(&self.ctx)) {
                self.enter(Phase::Ready);
                self.report_ready(expires_at, false);
                match self
                    .sleep_until(warn_at, expires_at, "until the warning")
                    .await
                {
                    Slept::ToTheEnd => {}
                    Slept::Moved => continue,
                    Slept::Interrupted(ending) => return ending,
                }
                self.enter(Phase::Expiring);
                self.report_ready(expires_at, true);
            } else {
                self.enter(Phase::Ready);
                self.report_ready(expires_at, warn_at.is_some());
            }
            match self
                .sleep_until(expires_at, expires_at, "time to live")
                .await
            {
                Slept::ToTheEnd => return Ending::Stopped(StopReason::Expired { at: expires_at }),
                Slept::Moved => {}
                Slept::Interrupted(ending) => return ending,
            }
        }
    }

    /// Sleeps, unless the end of the preview is moved away from `expires_at`, or comes earlier.
    async fn sleep_until(
        &self,
        moment: Timestamp,
        expires_at: Timestamp,
        summary: &'static str,
    ) -> Slept {
        let timer = self.ctx.cancellation_token().child_token();
        let remaining = clock::now(&self.ctx)
            .duration_until(moment)
            .max(jiff::SignedDuration::ZERO)
            .unsigned_abs();
        let sleep = TimerOptions::builder(remaining)
            .cancellation_token(timer.clone())
            .summary(summary.to_owned())
            .build();
        select! {
            _ = self.ctx.wait_condition(|workflow| workflow.life.stop_is_requested() || workflow.life.deadline() != Some(expires_at)) => {
                timer.cancel();
                self.interruption().map_or(Slept::Moved, Slept::Interrupted)
            }
            slept = self.ctx.timer(sleep) => match slept {
                TimerResult::Fired => Slept::ToTheEnd,
                TimerResult::Cancelled => self.interruption().map_or(Slept::Moved, Slept::Interrupted),
            },
        }
    }

    fn report_ready(&self, expires_at: Timestamp, is_expiring: bool) {
        let state = self.ctx.state(|workflow| ReportedState::Ready {
            url: workflow.life.url().unwrap_or_default().to_owned(),
            stable_url: None,
            expires_at,
            extendable_until: workflow.life.extendable_until(),
            is_expiring,
        });
        self.report(state);
    }

    /// Removes whatever was made. Nothing interrupts it, and it is tried until it succeeds.
    pub(super) async fn tear_down(&self, ending: &Ending) {
        self.enter(Phase::TearingDown);
        if let Some(state) = ending.report_meanwhile() {
            self.report(state);
        }
        let input = TearDown {
            owner: self.identity(),
        };
        // The retry policy has no end, so an error here is one that no retry can mend. An operator sees it, and mends it or terminates us.
        while self
            .ctx
            .execute_activity(
                PreviewActivities::tear_down,
                input.clone(),
                patience::teardown(),
            )
            .await
            .is_err()
        {
            self.ctx.timer(patience::until_next_teardown()).await;
        }
    }

    pub(super) fn report_the_end(&self, ending: &Ending) {
        self.enter(ending.phase());
        self.ctx
            .state_mut(|workflow| workflow.life.report_finally(ending.report()));
    }

    /// How the preview ends by somebody's will, if anybody has said so.
    fn interruption(&self) -> Option<Ending> {
        let token = self.ctx.cancellation_token();
        if token.is_cancelled() {
            return Some(Ending::Stopped(StopReason::Cancelled {
                reason: token.reason().filter(|reason| !reason.is_empty()),
            }));
        }
        self.ctx
            .state(|workflow| workflow.life.stop_requested())
            .map(Ending::Stopped)
    }

    fn enter(&self, phase: Phase) {
        self.ctx.state_mut(|workflow| workflow.life.enter(phase));
        self.ctx
            .upsert_search_attributes([PHASE.value_set(phase.to_string())]);
        self.ctx.set_current_details(format!(
            "**{phase}** · commit `{}`, asked for by @{}",
            self.request.preview.commit.short(),
            self.request.requested_by
        ));
    }

    fn report(&self, state: ReportedState) {
        self.ctx.state_mut(|workflow| workflow.life.report(state));
    }

    fn identity(&self) -> RunIdentity {
        RunIdentity {
            preview: self.request.preview.clone(),
            run_id: self.ctx.run_id().to_owned(),
        }
    }
}

/// How a sleep ended.
enum Slept {
    /// At the moment that was given.
    ToTheEnd,
    /// The preview's end was moved.
    Moved,
    /// The preview ends earlier.
    Interrupted(Ending),
}

fn failed(doing: &'static str) -> impl Fn(ActivityExecutionError) -> Ending {
    move |error| Ending::Failed(explain(doing, &error))
}
