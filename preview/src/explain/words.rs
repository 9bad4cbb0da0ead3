//! States and ends in words.

use domain::preview::{AnswerNote, MissingImage, PreviewState, PullProblem, StopReason, WaitingFor};
use jiff::Timestamp;

use crate::time::{self, minute};

/// What is true of an open preview.
pub(super) fn state(state: &PreviewState, now: Timestamp) -> String {
    match state {
        PreviewState::Requested => "accepted; it begins when a worker takes it".to_owned(),
        PreviewState::Queued { waiting_for: WaitingFor::OwnRemoval } => {
            "waits until this commit's earlier preview is removed".to_owned()
        }
        PreviewState::Provisioning => "its namespace is being made".to_owned(),
        PreviewState::Installing => "Helm is installing its chart".to_owned(),
        PreviewState::Starting => "installed; its workloads are coming up".to_owned(),
        PreviewState::WaitingForImage(missing) => waiting_for_image(missing),
        PreviewState::Ready { url, note, expires_at, extendable_until, .. } => {
            let note = note.as_ref().map(answer_note).unwrap_or_default();
            format!(
                "ready: {url}{note}\nuntil {}, {}; it can be extended until {}",
                minute(*expires_at),
                left(now, *expires_at),
                minute(*extendable_until)
            )
        }
        PreviewState::Stopping { because, is_slow: false } => format!("being removed: {}", reason(because)),
        PreviewState::Stopping { because, is_slow: true } => {
            format!("being removed, which takes longer than usual: {}", reason(because))
        }
        PreviewState::Removed { because } => format!("gone: {}", reason(because)),
        PreviewState::Failing { explanation } => {
            format!("could not be deployed, and is being removed: {}", explanation.summary)
        }
        PreviewState::Failed { explanation } => format!("could not be deployed: {}", explanation.summary),
    }
}

fn waiting_for_image(missing: &MissingImage) -> String {
    let image = &missing.image;
    match missing.because {
        PullProblem::NotFound => format!("waits for the image {image}, which does not exist yet"),
        PullProblem::NotAllowed => {
            format!("waits for the image {image}, which the registry does not let the cluster pull")
        }
        PullProblem::RateLimited => {
            format!("waits for the image {image}: the registry limits how often the cluster pulls")
        }
        PullProblem::NoAnswer => {
            format!("waits for the image {image}: the registry does not answer as it should")
        }
    }
}

fn answer_note(note: &AnswerNote) -> String {
    match note {
        AnswerNote::Refuses { status, path } => format!(" (answers {status} at {path})"),
        AnswerNote::Redirects { to } => format!(" (redirects to {to})"),
    }
}

/// Why a preview ended that could be deployed: half a sentence.
pub(super) fn reason(because: &StopReason) -> String {
    match because {
        StopReason::Expired { at } => format!("its time was over at {}", minute(*at)),
        StopReason::Asked { by: Some(by) } => format!("{by} stopped it"),
        StopReason::Asked { by: None } => "an operator stopped it".to_owned(),
        StopReason::Superseded { by } => format!("the preview of commit {} took its place", by.short()),
        StopReason::PullRequestClosed { merged: true } => "its pull request was merged".to_owned(),
        StopReason::PullRequestClosed { merged: false } => "its pull request was closed".to_owned(),
        StopReason::Cancelled { reason: Some(reason) } => format!("its workflow was cancelled ({reason})"),
        StopReason::Cancelled { reason: None } => "its workflow was cancelled".to_owned(),
        StopReason::NamespaceLost => "its namespace was deleted in the cluster".to_owned(),
        StopReason::Terminated => "its workflow was terminated".to_owned(),
    }
}

/// How much time is left, or since when none is.
pub(super) fn left(now: Timestamp, until: Timestamp) -> String {
    if until < now {
        format!("over since {}", time::short(until.duration_until(now)))
    } else {
        format!("{} left", time::short(now.duration_until(until)))
    }
}
