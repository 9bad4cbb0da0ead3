//! The activities as small machines, with the effect points of the real ones.
//!
//! Between any two effects an attempt may be stopped, outlived by another attempt, or die. What the real
//! activities look at before an effect, these look at; what they do not, these do not.

mod comment;
mod preview;
mod pull_request;
mod sweep;

use serde::{Serialize, de::DeserializeOwned};
use temporalio_common::protos::temporal::api::common::v1::Payload;
use workflows::payload::json;

use crate::{
    cluster::Cluster,
    temporal::{Attempt, Close, NotDone},
};

/// Carries out an activity.
pub(crate) async fn execute(attempt: &Attempt, name: &str, input: &Payload) -> Result<Payload, NotDone> {
    match name {
        "create_namespace" => run(preview::create_namespace(attempt, read(input)).await),
        "install_release" => run(preview::install_release(attempt, read(input)).await),
        "await_ready" => run(preview::await_ready(attempt, read(input)).await),
        "tear_down" => run(preview::tear_down(attempt, read(input)).await),
        "fetch_pull_request" => run(pull_request::fetch(attempt, read(input)).await),
        "report_preview" => run(pull_request::report(attempt, read(input)).await),
        "find_previews" => run(pull_request::find(attempt, read(input)).await),
        "point_stable_url" => run(pull_request::point_stable_url(attempt, read(input)).await),
        "write_sticky" => run(comment::write_sticky(attempt, read(input)).await),
        "post_reply" => run(comment::post_reply(attempt, read(input)).await),
        "sync_deployment" => run(comment::sync_deployment(attempt, read(input)).await),
        "survey_namespaces" => run(sweep::survey(attempt).await),
        "find_overdue_previews" => run(sweep::find_overdue(attempt, read(input)).await),
        "end_lost_previews" => run(sweep::end_lost(attempt).await),
        "mark_orphans" => run(sweep::mark(attempt, read(input)).await),
        "unmark_orphans" => run(sweep::unmark(attempt, read(input)).await),
        "remove_orphans" => run(sweep::remove(attempt, read(input)).await),
        "publish_sweep_report" => run(Ok(())),
        other => Err(NotDone::for_good("Unknown", format!("no activity is called {other}"))),
    }
}

fn run(result: Result<impl Serialize, NotDone>) -> Result<Payload, NotDone> {
    result.map(|value| json(&value))
}

fn read<T: DeserializeOwned>(input: &Payload) -> T {
    serde_json::from_slice(&input.data).expect("the workflows' own input")
}

impl Attempt {
    /// A request to the API server.
    async fn cluster<T>(&self, request: impl FnOnce(&mut Cluster) -> T) -> Result<T, NotDone> {
        self.pause().await;
        self.cluster_answers()?;
        let answer = request(&mut self.sim.cluster_mut());
        self.pause().await;
        Ok(answer)
    }

    fn cluster_answers(&self) -> Result<(), NotDone> {
        let is_down = self.sim.cluster().down_until > self.sim.now();
        let fails = is_down || self.sim.random(fastrand::Rng::f64) < self.sim.weights().cluster_error;
        if fails {
            Err(NotDone::for_now("ClusterUnavailable"))
        } else {
            Ok(())
        }
    }

    /// A call to Temporal.
    async fn temporal(&self) -> Result<(), NotDone> {
        self.pause().await;
        if self.sim.is_cut_off(self.worker) {
            Err(NotDone::for_now("TemporalUnavailable"))
        } else {
            Ok(())
        }
    }

    /// The newest run of a workflow ID.
    async fn latest_run(&self, workflow_id: &str) -> Result<Option<LatestRun>, NotDone> {
        self.temporal().await?;
        let latest = self.sim.temporal().newest(workflow_id).map(|run| LatestRun {
            run_id: run.run_id.clone(),
            first_run_id: run.first_run_id().to_owned(),
            is_open: run.is_open(),
            ended_by_itself: matches!(
                run.close,
                Some(Close::Completed(_) | Close::Failed(_) | Close::Cancelled)
            ),
        });
        self.pause().await;
        Ok(latest)
    }
}

/// The newest run of a workflow ID.
struct LatestRun {
    run_id: String,
    /// The first run of the chain that a reset continues.
    first_run_id: String,
    is_open: bool,
    ended_by_itself: bool,
}
