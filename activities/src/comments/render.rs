//! What does the comment say? A pure function from what is true to Markdown.

use askama::Template;
use jiff::Timestamp;
use url::Url;
use workflows::{
    activities::{Notice, PreviewReport, Refusal, ReportedState},
    vocabulary::{CommentId, PreviewId},
};

use super::markdown::{Markdown, block, code, sentence};

/// First line of the one comment per pull request that always tells the current state.
pub(super) const STICKY_MARKER: &str = "<!-- preview:sticky -->";
/// Longest sentence of foreign origin, in characters.
const SENTENCE_MAX: usize = 2_000;
/// Longest name of foreign origin, in characters: an image's may be long.
const NAME_MAX: usize = 500;
/// Longest log, in characters. GitHub takes 65,536 for a whole comment.
const LOG_MAX: usize = 20_000;

/// Where people find out more than the comment says.
#[derive(Clone, Debug)]
pub struct Links {
    /// The Temporal UI, if people can reach one.
    pub temporal_ui: Option<Url>,
    /// The Temporal namespace that the workflows run in.
    pub temporal_namespace: String,
}

impl Links {
    /// The page of the very run. IDs hold slashes and hashes, which the address must not take for its own.
    fn workflow(&self, report: &PreviewReport) -> Option<Url> {
        let mut url = self.temporal_ui.clone()?;
        let workflow_id = report.preview.to_string();
        url.path_segments_mut().ok()?.pop_if_empty().extend([
            "namespaces",
            &self.temporal_namespace,
            "workflows",
            &workflow_id,
            &report.run_id,
        ]);
        Some(url)
    }
}

#[derive(Template)]
#[template(path = "sticky.md")]
struct Sticky {
    marker: &'static str,
    subject: String,
    commit: Markdown,
    state: State,
    requested_by: Markdown,
    workflow: Option<Url>,
}

/// [`ReportedState`] in safe Markdown.
enum State {
    Requested,
    WaitingForImage {
        image: Markdown,
    },
    Ready {
        url: String,
        expires_at: String,
    },
    Expired {
        at: String,
    },
    Stopped,
    Cancelled {
        reason: Option<Markdown>,
    },
    Failed {
        summary: Markdown,
        log: Option<Markdown>,
    },
}

impl From<&ReportedState> for State {
    fn from(state: &ReportedState) -> Self {
        match state {
            ReportedState::Requested => Self::Requested,
            ReportedState::WaitingForImage { image } => Self::WaitingForImage {
                image: code(image, NAME_MAX),
            },
            ReportedState::Ready { url, expires_at } => Self::Ready {
                url: url.clone(),
                expires_at: time(*expires_at),
            },
            ReportedState::Expired { at } => Self::Expired { at: time(*at) },
            ReportedState::Stopped => Self::Stopped,
            ReportedState::Cancelled { reason } => Self::Cancelled {
                reason: reason.as_ref().map(|reason| sentence(reason, SENTENCE_MAX)),
            },
            ReportedState::Failed { explanation } => Self::Failed {
                summary: sentence(&explanation.summary, SENTENCE_MAX),
                log: explanation.log_tail.as_ref().map(|log| block(log, LOG_MAX)),
            },
        }
    }
}

/// The whole sticky comment.
pub(super) fn sticky(report: &PreviewReport, links: &Links) -> String {
    let sticky = Sticky {
        marker: STICKY_MARKER,
        subject: subject(&report.preview, is_alive(&report.state)),
        commit: code(report.preview.commit.short(), NAME_MAX),
        state: (&report.state).into(),
        requested_by: sentence(&report.requested_by, NAME_MAX),
        workflow: links.workflow(report),
    };
    sticky
        .render()
        .expect("the template writes to a string only")
}

/// Would writing the report hide another preview that is alive? Two commits of one pull request can be previewed at the same time, and share the
/// comment: the end of one says nothing that is worth the address of the other.
pub(super) fn would_hide_a_living_preview(shown: &str, report: &PreviewReport) -> bool {
    let shows = shown.lines().nth(1).unwrap_or_default().trim();
    let is_about_a_living_one = shows.starts_with(SUBJECT_START) && shows.ends_with(ALIVE_END);
    let is_about_this_one = shows == subject(&report.preview, true);
    is_about_a_living_one && !is_about_this_one && !is_alive(&report.state)
}

const SUBJECT_START: &str = "<!-- preview:of ";
const ALIVE_END: &str = " alive -->";
const ENDED_END: &str = " ended -->";

/// The hidden second line: which preview the comment is about.
fn subject(preview: &PreviewId, alive: bool) -> String {
    format!(
        "{SUBJECT_START}{preview}{}",
        if alive { ALIVE_END } else { ENDED_END }
    )
}

fn is_alive(state: &ReportedState) -> bool {
    match state {
        ReportedState::Requested
        | ReportedState::WaitingForImage { .. }
        | ReportedState::Ready { .. } => true,
        ReportedState::Expired { .. }
        | ReportedState::Stopped
        | ReportedState::Cancelled { .. }
        | ReportedState::Failed { .. } => false,
    }
}

#[derive(Template)]
#[template(path = "notice.md")]
struct NoticeText {
    marker: String,
    requested_by: Markdown,
    reason: Refusal,
}

/// First line of the notice that answers one comment.
pub(super) fn notice_marker(comment: CommentId) -> String {
    format!("<!-- preview:notice:{comment} -->")
}

/// The whole notice.
pub(super) fn notice(notice: &Notice) -> String {
    let text = NoticeText {
        marker: notice_marker(notice.comment_id),
        requested_by: sentence(&notice.requested_by, NAME_MAX),
        reason: notice.reason,
    };
    text.render().expect("the template writes to a string only")
}

/// Absolute, with its zone: the readers of one comment sit in many.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests;
