//! Renders the sticky comment: a pure function from what is true to Markdown.

use askama::Template;
use domain::{
    CommitSha,
    preview::{PreviewReport, PreviewState},
    pull_request::StickyComment,
};
use jiff::Timestamp;
use url::Url;

use super::{
    filters,
    state::{InFull, Line, Log},
};
use crate::TemporalUi;

/// First line of the comment, by which it is found again.
pub(super) const STICKY_MARKER: &str = "<!-- preview:sticky -->";
/// How many other previews are listed.
const OTHERS_MAX: usize = 5;

#[derive(Template)]
#[template(path = "sticky.md")]
struct Sticky<'a> {
    marker: &'static str,
    newest: &'a PreviewReport,
    live: Option<Live<'a>>,
    state: InFull<'a>,
    others: Vec<Line<'a>>,
    workflow: Option<&'a Url>,
}

/// An older commit whose preview answers, while the newest request's does not.
struct Live<'a> {
    commit: &'a CommitSha,
    url: &'a str,
    stable_url: Option<&'a str>,
    expires_at: Timestamp,
    is_expiring: bool,
    remark: Remark,
}

/// What the newest request means for the older preview.
enum Remark {
    UntilTheNewestIsReady,
    TheNewestFailed,
    None,
}

/// Is there a log that the comment could show?
pub(super) fn has_log(truth: &StickyComment) -> bool {
    truth.previews.first().is_some_and(|newest| {
        matches!(
            &newest.state,
            PreviewState::Failing { explanation } | PreviewState::Failed { explanation }
                if explanation.log_tail.is_some()
        )
    })
}

/// The whole comment; nothing while there is nothing to tell. Without the log, it says where that is.
pub(super) fn sticky(truth: &StickyComment, temporal_ui: &TemporalUi, with_log: bool) -> Option<String> {
    let (newest, older) = truth.previews.split_first()?;
    let workflow = temporal_ui.workflow(&newest.preview, newest.run_id.as_deref());
    let log = if with_log {
        Log::Posted
    } else {
        Log::Kept { preview: &newest.preview, workflow: workflow.as_ref() }
    };
    let live = older.iter().find_map(|report| live(newest, report));
    let others = older
        .iter()
        .filter(|report| !report.state.is_over())
        .filter(|report| live.as_ref().is_none_or(|live| *live.commit != report.preview.commit));
    let sticky = Sticky {
        marker: STICKY_MARKER,
        newest,
        state: InFull { state: &newest.state, log },
        others: others.take(OTHERS_MAX).map(|report| Line { report }).collect(),
        live,
        workflow: workflow.as_ref(),
    };
    Some(sticky.render().expect("the template writes to a string only"))
}

fn live<'a>(newest: &PreviewReport, older: &'a PreviewReport) -> Option<Live<'a>> {
    let PreviewState::Ready { url, stable_url, stable_note, expires_at, is_expiring, .. } = &older.state
    else {
        return None;
    };
    (!newest.state.is_ready()).then(|| Live {
        commit: &older.preview.commit,
        url,
        stable_url: stable_url.as_deref().filter(|_| stable_note.is_none()),
        expires_at: *expires_at,
        is_expiring: *is_expiring,
        remark: remark(&newest.state),
    })
}

fn remark(newest: &PreviewState) -> Remark {
    match newest {
        PreviewState::Failing { .. } | PreviewState::Failed { .. } => Remark::TheNewestFailed,
        PreviewState::Ready { .. } | PreviewState::Stopping { .. } | PreviewState::Removed { .. } => {
            Remark::None
        }
        PreviewState::Requested
        | PreviewState::Queued { .. }
        | PreviewState::Provisioning
        | PreviewState::Installing
        | PreviewState::Starting
        | PreviewState::WaitingForImage(_) => Remark::UntilTheNewestIsReady,
    }
}

#[cfg(test)]
mod tests;
