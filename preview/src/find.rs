//! Which runs Temporal knows of what a person named.

use std::cmp::Reverse;

use anyhow::{Context, bail};
use domain::PreviewId;
use futures::TryStreamExt;
use jiff::Timestamp;
use temporalio_client::{Client, WorkflowExecutionStatus, WorkflowListOptions};
use workflows::search_attributes::{PULL_REQUEST, REPOSITORY, quoted};

use crate::target::{Target, short_name};

/// As many runs are looked at. A pull request has a few.
const RUNS_MAX: usize = 500;

/// The newest run of a preview, by Temporal's records, which lag a moment behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Of which preview.
    pub(crate) preview: PreviewId,
    /// How it is.
    pub(crate) status: WorkflowExecutionStatus,
    started_at: Option<Timestamp>,
}

/// Previews that were meant, the newest first, each with its newest run.
///
/// # Errors
/// If Temporal does not answer.
pub(crate) async fn runs(temporal: &Client, task_queue: &str, target: &Target) -> anyhow::Result<Vec<Run>> {
    let query = format!(
        "TaskQueue = {} AND WorkflowType = 'PreviewWorkflow' AND {} = {} AND {} = {}",
        quoted(task_queue),
        REPOSITORY.name(),
        quoted(&target.repository.to_string()),
        PULL_REQUEST.name(),
        target.pull_request,
    );
    let options = WorkflowListOptions::builder().limit(RUNS_MAX).build();
    let found: Vec<_> = temporal
        .list_workflows(query, options)
        .try_collect()
        .await
        .with_context(|| format!("cannot list the previews of {}", target.pull_request_name()))?;
    let runs = found.iter().filter_map(|record| {
        Some(Run {
            preview: record.id().parse().ok()?,
            status: record.status(),
            started_at: record.start_time().and_then(|at| Timestamp::try_from(at).ok()),
        })
    });
    Ok(newest_of_each(runs.filter(|run| target.includes(&run.preview)).collect()))
}

fn newest_of_each(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| Reverse(run.started_at));
    let mut newest: Vec<Run> = Vec::new();
    for run in runs {
        if newest.iter().all(|known| known.preview != run.preview) {
            newest.push(run);
        }
    }
    newest
}

/// The one preview that is meant: named in full, or the only one that fits and for which it makes sense.
///
/// # Errors
/// If there is none or several, or Temporal does not answer.
pub(crate) async fn one(
    temporal: &Client,
    task_queue: &str,
    target: &Target,
    wanted: Wanted,
) -> anyhow::Result<PreviewId> {
    if let Some(preview) = target.preview() {
        return Ok(preview);
    }
    only(target, wanted, runs(temporal, task_queue, target).await?)
}

/// In which state a preview has to be for what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Something is still to be changed about it.
    Open,
    /// It has ended, and not well.
    Failed,
}

impl Wanted {
    /// Is that so?
    pub(crate) fn is(self, status: WorkflowExecutionStatus) -> bool {
        use WorkflowExecutionStatus::{Completed, ContinuedAsNew, Paused, Running};
        match self {
            Self::Open => matches!(status, Running | Paused),
            Self::Failed => !matches!(status, Running | Paused | Completed | ContinuedAsNew),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Failed => "failed",
        }
    }
}

fn only(target: &Target, wanted: Wanted, runs: Vec<Run>) -> anyhow::Result<PreviewId> {
    let is_known = !runs.is_empty();
    let mut fitting: Vec<_> = runs
        .into_iter()
        .filter(|run| wanted.is(run.status))
        .map(|run| run.preview)
        .collect();
    let what = wanted.in_words();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 if is_known => {
            bail!("no preview of {target} is {what}; `preview explain {target}` says what became of them")
        }
        0 => bail!(
            "Temporal knows no preview of {target}: is it spelled as GitHub spells it? `preview list` shows those that are open"
        ),
        _ => {
            let names: Vec<_> = fitting.iter().map(short_name).collect();
            bail!("several previews of {target} are {what}; name one of them: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first_digits: &str, status: WorkflowExecutionStatus, minute: u8) -> Run {
        Run {
            preview: format!("octo-org/shop#12:{first_digits:0<40}").parse().expect("a preview"),
            status,
            started_at: Some(format!("2026-11-26T12:{minute:02}:00Z").parse().expect("a timestamp")),
        }
    }

    fn meant(wanted: Wanted, runs: &[Run]) -> Result<String, String> {
        let target = "octo-org/shop#12".parse().expect("a target");
        match only(&target, wanted, newest_of_each(runs.to_vec())) {
            Ok(preview) => Ok(short_name(&preview)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_only_one_that_fits_is_meant() {
        use WorkflowExecutionStatus::{Completed, Failed, Running, Terminated};
        let runs = [run("aaaaaaa", Completed, 1), run("bbbbbbb", Running, 2), run("ccccccc", Failed, 3)];
        assert_eq!(meant(Wanted::Open, &runs).as_deref(), Ok("octo-org/shop#12:bbbbbbb"));
        assert_eq!(meant(Wanted::Failed, &runs).as_deref(), Ok("octo-org/shop#12:ccccccc"));
        let terminated = [run("aaaaaaa", Terminated, 1)];
        assert_eq!(meant(Wanted::Failed, &terminated).as_deref(), Ok("octo-org/shop#12:aaaaaaa"));
    }

    #[test]
    fn one_that_has_been_started_again_has_not_failed() {
        use WorkflowExecutionStatus::{Failed, Running};
        let runs = [run("aaaaaaa", Running, 5), run("aaaaaaa", Failed, 1)];
        insta::assert_snapshot!(meant(Wanted::Failed, &runs).expect_err("it runs"), @"no preview of octo-org/shop#12 is failed; `preview explain octo-org/shop#12` says what became of them");
    }

    #[test]
    fn a_person_is_told_what_to_name() {
        use WorkflowExecutionStatus::Running;
        insta::assert_snapshot!(meant(Wanted::Open, &[]).expect_err("there is none"), @"Temporal knows no preview of octo-org/shop#12: is it spelled as GitHub spells it? `preview list` shows those that are open");
        let two = [run("aaaaaaa", Running, 1), run("bbbbbbb", Running, 2)];
        insta::assert_snapshot!(meant(Wanted::Open, &two).expect_err("there are two"), @"several previews of octo-org/shop#12 are open; name one of them: octo-org/shop#12:bbbbbbb, octo-org/shop#12:aaaaaaa");
    }
}
