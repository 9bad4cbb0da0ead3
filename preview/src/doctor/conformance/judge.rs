//! Each step in a line: what was seen, and what to do if that is not what was promised.

use std::time::{Duration, Instant};

use domain::{PreviewId, PullRequestRef, RunIdentity, preview::PreviewState, pull_request::PullRequestState};
use reqwest::StatusCode;
use workflows::preview::PreviewStatus;

use crate::{doctor::line::Line, target::short_name};

pub(super) const COMMENT: &str = "comment";
const ANSWER: &str = "answer";
const READY: &str = "ready";
const PAGE: &str = "page";
const EXTENSION: &str = "extension";
const REMOVAL: &str = "removal";
const LAST_WORD: &str = "last word";

/// What to look at if GitHub and the App do not understand each other.
const DELIVERIES: &str = "the webhook's log says what it made of the comment; if it says nothing, the App's settings page, below Advanced, says whether GitHub could deliver it";

/// A person's comment.
pub(super) struct Asked {
    /// What it asks for: the newest commit of that moment.
    pub(super) preview: PreviewId,
    /// When it was seen, up to a second after it was written.
    pub(super) at: Instant,
    /// What the App had written until then.
    pub(super) before: Vec<::github::Comment>,
    /// The newest run of that preview until then, which has ended.
    pub(super) earlier_run: Option<String>,
}

/// A preview that is ready.
pub(super) struct Played {
    pub(super) preview: PreviewId,
    pub(super) run_id: String,
    pub(super) url: String,
    /// Since the comment.
    pub(super) took: Duration,
}

impl Played {
    pub(super) fn new(asked: &Asked, run_id: String, url: String) -> Self {
        Self {
            preview: asked.preview.clone(),
            run_id,
            url,
            took: asked.at.elapsed(),
        }
    }

    pub(super) fn owner(&self) -> RunIdentity {
        RunIdentity { preview: self.preview.clone(), run_id: self.run_id.clone() }
    }
}

/// What the URL answered.
pub(super) struct Page {
    pub(super) status: StatusCode,
    /// The commit that it says it is built from.
    pub(super) commit: Option<String>,
}

pub(super) fn unreadable(error: &::github::Error) -> Line {
    Line::unknown(
        COMMENT,
        error.to_string(),
        "is it spelled as GitHub spells it, and is the App installed there?",
    )
}

pub(super) fn not_installed(owner: &str) -> Line {
    Line::wrong(
        COMMENT,
        format!("{owner} has not installed the App"),
        "name a pull request of a repository on which it is installed",
    )
}

/// None if previews of it are given to whoever may have them.
pub(super) fn unsuitable(pull_request: &::github::PullRequest) -> Option<Line> {
    let because = match pull_request.state {
        PullRequestState::Merged | PullRequestState::Closed => "it is closed",
        PullRequestState::Open if pull_request.from_fork => "it comes from a fork",
        PullRequestState::Open => return None,
    };
    let next = "name an open pull request of a branch in the repository itself";
    Some(Line::unknown(
        COMMENT,
        format!("there are no previews of that pull request: {because}"),
        next,
    ))
}

pub(super) fn is_open(pull_request: &PullRequestRef) -> Line {
    Line::unknown(
        COMMENT,
        format!("a preview of {pull_request} is open, and it is not to be disturbed"),
        "name another pull request, or stop that preview",
    )
}

pub(super) fn nobody_asked(pull_request: &PullRequestRef, patience: Duration) -> Line {
    Line::unknown(
        COMMENT,
        format!("nobody has commented on {pull_request} within {}", seconds(patience)),
        "comment `/preview` there while this waits",
    )
}

pub(super) fn asked(asked: &Asked) -> Line {
    Line::fine(COMMENT, format!("somebody asks for {}", short_name(&asked.preview)))
}

pub(super) fn no_answer(patience: Duration) -> Line {
    Line::wrong(ANSWER, format!("the App does not answer within {}", seconds(patience)), DELIVERIES)
}

/// The App answers, but not with a preview: it says itself why.
pub(super) fn refused(comment: &str) -> Line {
    Line::unknown(ANSWER, first_line(comment), "do what it says, and play again")
}

pub(super) fn answered(took: Duration, comment: &str) -> Line {
    Line::fine(ANSWER, format!("within {}: {}", seconds(took), first_line(comment)))
}

/// None while it is on its way.
pub(super) fn on_the_way(name: &str, state: &PreviewState) -> Option<Line> {
    let next = format!("`preview explain {name}` says more");
    match state {
        PreviewState::Failing { explanation } | PreviewState::Failed { explanation } => {
            Some(Line::wrong(READY, format!("it could not be deployed: {}", explanation.summary), next))
        }
        PreviewState::Stopping { .. } | PreviewState::Removed { .. } => {
            Some(Line::unknown(READY, "somebody has stopped it", next))
        }
        _ => None,
    }
}

pub(super) fn never_ready(name: &str, patience: Duration) -> Line {
    Line::wrong(
        READY,
        format!("neither ready nor failed after {}", seconds(patience)),
        format!("`preview explain {name}` says what it waits for"),
    )
}

pub(super) fn ready(played: &Played) -> Line {
    Line::fine(READY, format!("{} after the comment: {}", seconds(played.took), played.url))
}

pub(super) fn page(played: &Played, page: Result<Page, String>) -> Line {
    let commit = &played.preview.commit;
    let page = match page {
        Ok(page) => page,
        Err(reason) => {
            return Line::wrong(
                PAGE,
                format!("{} does not answer from here: {reason}", played.url),
                "the lines on DNS and certificate say what visitors meet",
            );
        }
    };
    match page.commit {
        Some(other) if other != commit.as_str() => Line::wrong(
            PAGE,
            format!("it is built from {other}, and not from {commit}"),
            "let the pipeline give each commit an image of its own, and PREVIEW_IMAGE name it by {commit}",
        ),
        _ if page.status.is_server_error() => Line::wrong(
            PAGE,
            format!("it answers {}", page.status.as_u16()),
            "the ingress controller's log says why",
        ),
        Some(_) => Line::fine(
            PAGE,
            format!("answers {}, and is built from {}", page.status.as_u16(), commit.short()),
        ),
        None => Line::fine(
            PAGE,
            format!(
                "answers {}; of which commit it is it does not say (X-Preview-Commit)",
                page.status.as_u16()
            ),
        ),
    }
}

pub(super) fn extended(
    by: &str,
    ends: anyhow::Result<(Option<PreviewStatus>, Option<PreviewStatus>)>,
) -> Line {
    let next = "the worker's log says why";
    let end = |status: Option<PreviewStatus>| status.and_then(|status| status.expires_at);
    match ends.map(|(before, after)| (end(before), end(after))) {
        Err(error) => Line::wrong(EXTENSION, format!("{error:#}"), next),
        Ok((Some(before), Some(after))) if after > before => {
            Line::fine(EXTENSION, format!("the signal extend_ttl gives it {by} more"))
        }
        Ok((Some(before), Some(after))) if after == before => Line::doubtful(
            EXTENSION,
            "it cannot live longer",
            "let PREVIEW_MAX_LIFETIME be more than PREVIEW_TTL, if previews are to be extended",
        ),
        Ok(_) => Line::wrong(EXTENSION, "the preview does not say until when it lives", next),
    }
}

pub(super) fn not_stopped(error: &anyhow::Error) -> Line {
    Line::wrong(REMOVAL, format!("{error:#}"), "stop it by a comment; else it ends by itself")
}

pub(super) fn cluster_silent(error: &kube::Error) -> Line {
    Line::unknown(REMOVAL, format!("the API server does not say what is left: {error}"), "look yourself")
}

pub(super) fn still_there(namespace: &str, patience: Duration) -> Line {
    Line::wrong(
        REMOVAL,
        format!("the namespace {namespace} is still there after {}", seconds(patience)),
        "docs/runbooks/stuck-namespace.md",
    )
}

pub(super) fn removed(namespace: &str, took: Duration) -> Line {
    Line::fine(REMOVAL, format!("{namespace} is gone {} after it was stopped", seconds(took)))
}

/// As the App's comment ends when a preview was stopped.
pub(super) fn says_it_was_stopped(comment: &str) -> bool {
    comment.contains("The preview is gone")
}

pub(super) fn no_last_word(patience: Duration) -> Line {
    Line::wrong(
        LAST_WORD,
        format!("the comment does not say within {} that the preview is gone", seconds(patience)),
        "`preview explain` shows what keeps the pull request's workflow from writing it",
    )
}

pub(super) fn last_word(comment: &str) -> Line {
    Line::fine(LAST_WORD, first_line(comment))
}

/// What a comment says under its heading.
fn first_line(comment: &str) -> &str {
    let lines = comment.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with("<!--") && !line.starts_with('#'))
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}
