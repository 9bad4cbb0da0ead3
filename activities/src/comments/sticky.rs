//! What does the one comment on a pull request say? A pure function from what is true to Markdown.

use askama::Template;
use url::Url;
use workflows::activities::{PreviewReport, ReportedState, StickyComment};

use super::{
    Links,
    markdown::{Markdown, code, sentence},
    state::{InFull, Line, NAME_MAX, Ready},
};

/// First line of the comment, by which it is found again.
pub(super) const STICKY_MARKER: &str = "<!-- preview:sticky -->";
/// How many other previews are told of.
const OTHERS_MAX: usize = 5;

#[derive(Template)]
#[template(path = "sticky.md")]
struct Sticky {
    marker: &'static str,
    commit: Markdown,
    live: Option<Live>,
    state: InFull,
    others: Vec<Line>,
    requested_by: Markdown,
    workflow: Option<Url>,
}

/// An older commit whose preview answers, while the newest request's does not.
struct Live {
    commit: Markdown,
    ready: Ready,
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
        matches!(&newest.state, ReportedState::Failed { explanation } if explanation.log_tail.is_some())
    })
}

/// The whole comment; nothing while there is nothing to tell. Without the log, it says where that is.
pub(super) fn sticky(truth: &StickyComment, links: &Links, with_log: bool) -> Option<String> {
    let (newest, older) = truth.previews.split_first()?;
    let live = if newest.state.is_ready() {
        None
    } else {
        older.iter().find(|report| report.state.is_ready())
    };
    let others = older
        .iter()
        .filter(|report| !report.state.is_over())
        .filter(|report| live.is_none_or(|live| live.preview != report.preview));
    let workflow = links.workflow(&newest.preview, newest.run_id.as_deref());
    let state = if with_log || !has_log(truth) {
        InFull::from(&newest.state)
    } else {
        InFull::without_log(&newest.state, &newest.preview, workflow.as_ref())
    };
    let sticky = Sticky {
        marker: STICKY_MARKER,
        commit: commit(newest),
        live: live.and_then(|report| {
            Some(Live {
                commit: commit(report),
                ready: Ready::of(&report.state)?,
                remark: remark(&newest.state),
            })
        }),
        state,
        others: others.take(OTHERS_MAX).map(Line::from).collect(),
        requested_by: sentence(newest.requested_by.as_str(), NAME_MAX),
        workflow,
    };
    Some(
        sticky
            .render()
            .expect("the template writes to a string only"),
    )
}

fn commit(report: &PreviewReport) -> Markdown {
    code(report.preview.commit.short(), NAME_MAX)
}

fn remark(newest: &ReportedState) -> Remark {
    match newest {
        ReportedState::Failed { .. } => Remark::TheNewestFailed,
        ReportedState::Ready { .. }
        | ReportedState::Stopping { .. }
        | ReportedState::Removed { .. } => Remark::None,
        ReportedState::Requested
        | ReportedState::Queued { .. }
        | ReportedState::Provisioning
        | ReportedState::Installing
        | ReportedState::Starting
        | ReportedState::WaitingForImage { .. } => Remark::UntilTheNewestIsReady,
    }
}

#[cfg(test)]
mod tests;
