//! The stages of a preview's life, one method each.

use std::time::Duration;

use domain::{
    NamespaceHandle, RunIdentity,
    preview::{Answering, Ending, MissingImage, Phase, PreviewRequest, PreviewState, StopReason},
};
use jiff::Timestamp;
use temporalio_workflow::{
    ActivityExecutionError, TimerOptions, TimerResult, WorkflowCancellationToken, WorkflowContext, select,
};

use super::{PreviewWorkflow, ending::explain, timeouts};
use crate::{
    clock,
    contract::{
        AwaitReady, CreateNamespace, InstallRelease, PreviewActivities, Readiness, TearDown,
        timeouts::{AWAIT_READY, CREATE_NAMESPACE, INSTALL_AGAIN, INSTALL_RELEASE, PULL_AGAIN},
    },
    search_attributes::{COMMIT, EXPIRES_AT, PHASE, REQUESTED_BY, of_pull_request},
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
        let its_own = [
            COMMIT.value_set(request.preview.commit.to_string()),
            PHASE.value_set(Phase::Requested.to_string()),
            REQUESTED_BY.value_set(request.requested_by.to_string()),
        ];
        let pull_request = of_pull_request(&request.pull_request(), request.repository_id);
        ctx.upsert_search_attributes(pull_request.chain(its_own));
        Self {
            ctx: ctx.clone(),
            request,
            deployment: ctx.cancellation_token().child_token(),
        }
    }

    /// Deploys; a `stop` or a cancellation meanwhile lets the running activity come to
    /// rest, and is then how the preview ended.
    pub(super) async fn deploy_unless_stopped(&self) -> Result<Answering, Ending> {
        let mut deployment = std::pin::pin!(futures_util::FutureExt::fuse(self.deploy()));
        let deployed = select! {
            deployed = deployment => deployed,
            _ = self.ctx.wait_condition(|workflow| workflow.state.stop_requested().is_some()) => {
                self.deployment.cancel();
                deployment.await
            }
        };
        self.interruption().map_or(deployed, Err)
    }

    async fn deploy(&self) -> Result<Answering, Ending> {
        self.advance(PreviewState::Provisioning);
        let namespace = self.create_namespace().await?;

        self.advance(PreviewState::Installing);
        self.install_release(&namespace).await?;

        self.advance(PreviewState::Starting);
        self.await_ready(namespace).await
    }

    async fn create_namespace(&self) -> Result<NamespaceHandle, Ending> {
        let input = CreateNamespace {
            owner: self.identity(),
            comment: self.request.comment,
            installation: self.request.installation,
            repository_id: self.request.repository_id,
            requested_by: self.request.requested_by.clone(),
            ttl: self.request.ttl,
            chart: self.request.settings.chart.clone(),
            limits: self.request.settings.limits,
            egress: self.request.settings.egress.clone(),
            quota: self.request.settings.quota,
        };
        let options = timeouts::stage(CREATE_NAMESPACE, &self.deployment);
        let namespace = self
            .ctx
            .execute_activity(PreviewActivities::create_namespace, input, options)
            .await;
        namespace.map_err(failed("making the namespace"))
    }

    async fn install_release(&self, namespace: &NamespaceHandle) -> Result<(), Ending> {
        let expires_at = self
            .ctx
            .state(|workflow| workflow.state.deadline_if_ready_at(clock::now(&self.ctx)));
        let mut input = InstallRelease {
            owner: self.identity(),
            installation: self.request.installation,
            namespace: namespace.clone(),
            branch: self.request.branch.clone(),
            expires_at,
            settings: self.request.settings.clone(),
            image_missing_since: None,
        };
        loop {
            let options = timeouts::stage(INSTALL_RELEASE, &self.deployment);
            let missing = self
                .ctx
                .execute_activity(PreviewActivities::install_release, input.clone(), options)
                .await;
            let Some(missing) = missing.map_err(failed("installing the Helm chart"))? else {
                return Ok(());
            };
            self.wait_for_image(missing, INSTALL_AGAIN, &mut input.image_missing_since)
                .await;
        }
    }

    /// A pause before the next try. Whatever ends it early cancels that, too.
    async fn wait_for_image(&self, missing: MissingImage, pause: Duration, since: &mut Option<Timestamp>) {
        since.get_or_insert(clock::now(&self.ctx));
        self.advance(PreviewState::WaitingForImage(missing));
        // Not a child of the workflow's own token: see `sleep_until`.
        let timer = WorkflowCancellationToken::new();
        select! {
            () = self.deployment.cancelled() => timer.cancel(),
            _ = self.ctx.timer(timeouts::until_next_pull(pause, &timer)) => {}
        }
    }

    async fn await_ready(&self, namespace: NamespaceHandle) -> Result<Answering, Ending> {
        let mut input = AwaitReady {
            preview: self.request.preview.clone(),
            namespace,
            image_missing_since: None,
            readiness: self.request.settings.readiness.clone(),
            expose: self.request.settings.expose.clone(),
        };
        loop {
            let options = timeouts::stage(AWAIT_READY, &self.deployment);
            let readiness = self
                .ctx
                .execute_activity(PreviewActivities::await_ready, input.clone(), options)
                .await;
            match readiness.map_err(failed("waiting for the preview to answer"))? {
                Readiness::Ready { url, note } => return Ok(Answering { url, note }),
                Readiness::ImageMissing(missing) => {
                    self.wait_for_image(missing, PULL_AGAIN, &mut input.image_missing_since).await;
                }
            }
        }
    }

    /// Publishes the URL and sleeps on a durable timer, which extensions move, until time, a
    /// `stop` or a cancellation ends the preview.
    pub(super) async fn stay_ready_until_the_end(&self, answering: Answering) -> Ending {
        let now = clock::now(&self.ctx);
        self.ctx.state_mut(|workflow| workflow.state.become_ready(now, answering));
        loop {
            let (expires_at, warn_at) = self
                .ctx
                .state(|workflow| (workflow.state.deadline().unwrap_or(now), workflow.state.warning()));
            self.ctx.upsert_search_attributes([
                EXPIRES_AT.value_set(std::time::SystemTime::from(expires_at).into())
            ]);

            if let Some(warn_at) = warn_at.filter(|warn_at| *warn_at > clock::now(&self.ctx)) {
                self.advance_to_ready(false);
                match self.sleep_until(warn_at, expires_at, "until the warning").await {
                    Wake::Deadline => {}
                    Wake::Moved => continue,
                    Wake::Interrupted(ending) => return ending,
                }
                self.advance_to_ready(true);
            } else {
                self.advance_to_ready(warn_at.is_some());
            }
            match self.sleep_until(expires_at, expires_at, "time to live").await {
                Wake::Deadline => return Ending::Stopped(StopReason::Expired { at: expires_at }),
                Wake::Moved => {}
                Wake::Interrupted(ending) => return ending,
            }
        }
    }

    /// Sleeps, unless the end of the preview is moved away from `expires_at`, or comes earlier.
    async fn sleep_until(&self, moment: Timestamp, expires_at: Timestamp, summary: &'static str) -> Wake {
        // Not a child of the workflow's own token. A workflow that is cancelled just when its timer fires, as
        // far as its worker knows, would be told of a timer that it has given up; the SDK takes that for a
        // broken history, and no task of the workflow would ever succeed.
        let timer = WorkflowCancellationToken::new();
        let remaining = clock::now(&self.ctx)
            .duration_until(moment)
            .max(jiff::SignedDuration::ZERO)
            .unsigned_abs();
        let sleep = TimerOptions::builder(remaining)
            .cancellation_token(timer.clone())
            .summary(summary.to_owned())
            .build();
        select! {
            _ = self.ctx.wait_condition(|workflow| workflow.state.stop_requested().is_some() || workflow.state.deadline() != Some(expires_at)) => {
                timer.cancel();
                self.interruption().map_or(Wake::Moved, Wake::Interrupted)
            }
            slept = self.ctx.timer(sleep) => match slept {
                TimerResult::Fired => Wake::Deadline,
                TimerResult::Cancelled => self.interruption().map_or(Wake::Moved, Wake::Interrupted),
            },
        }
    }

    fn advance_to_ready(&self, is_expiring: bool) {
        let state = self.ctx.state(|workflow| workflow.state.ready_state(is_expiring));
        self.advance(state);
    }

    /// Removes whatever was made. Nothing interrupts it, and it is tried until it succeeds.
    pub(super) async fn tear_down(&self, ending: &Ending) {
        self.advance(ending.state_meanwhile());
        let mut removal = std::pin::pin!(futures_util::FutureExt::fuse(self.remove_everything()));
        let timer = WorkflowCancellationToken::new();
        select! {
            () = removal => {}
            _ = self.ctx.timer(timeouts::until_slow(&timer)) => {
                self.advance(ending.state_if_slow());
                removal.await;
            }
        }
        timer.cancel();
    }

    async fn remove_everything(&self) {
        let input = TearDown { owner: self.identity() };
        // The retry policy has no end, so an error here is one that no retry can mend. An
        // operator sees it, and mends it or terminates us.
        while self
            .ctx
            .execute_activity(PreviewActivities::tear_down, input.clone(), timeouts::teardown())
            .await
            .is_err()
        {
            self.ctx.timer(timeouts::until_next_teardown()).await;
        }
    }

    /// Everything is gone.
    pub(super) fn finish(&self, ending: &Ending) {
        self.advance(ending.last_state());
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
            .state(|workflow| workflow.state.stop_requested().cloned())
            .map(Ending::Stopped)
    }

    /// The preview is in this state from now on: for the pull request, for
    /// those who search, and in Temporal's UI.
    fn advance(&self, state: PreviewState) {
        self.show(&state);
        self.ctx.state_mut(|workflow| workflow.state.advance(state));
    }

    fn show(&self, state: &PreviewState) {
        let phase = state.phase();
        self.ctx.upsert_search_attributes([PHASE.value_set(phase.to_string())]);
        self.ctx.set_current_details(format!(
            "**{phase}** · commit `{}`, asked for by @{}",
            self.request.preview.commit.short(),
            self.request.requested_by
        ));
    }

    fn identity(&self) -> RunIdentity {
        RunIdentity {
            preview: self.request.preview.clone(),
            run_id: self.ctx.state(|workflow| workflow.first_run_id.clone()),
        }
    }
}

/// How a sleep ended.
enum Wake {
    /// At the moment that was given.
    Deadline,
    /// The preview's end was moved.
    Moved,
    /// The preview ends earlier.
    Interrupted(Ending),
}

fn failed(doing: &'static str) -> impl Fn(ActivityExecutionError) -> Ending {
    move |error| Ending::Failed(explain(doing, &error))
}
