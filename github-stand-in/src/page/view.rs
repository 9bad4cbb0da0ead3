//! What the templates are filled with.

use jiff::Timestamp;

use super::markdown;
use crate::{
    model::{AccountKind, Comment, Commit, Issue, PullRequest, Repository, State},
    wire::time,
};

/// The number of colours of `.avatar-…` in the style sheet.
const AVATAR_COLOURS: usize = 8;

/// Somebody, beside what they wrote.
pub(super) struct Person {
    pub(super) login: String,
    pub(super) initials: String,
    pub(super) colour: usize,
    pub(super) is_bot: bool,
    /// `Member`, `Contributor`; empty for everybody else.
    pub(super) badge: &'static str,
}

impl Person {
    pub(super) fn of(state: &State, repository: &Repository, login: &str) -> Self {
        Self {
            initials: login
                .chars()
                .filter(|letter| letter.is_alphanumeric())
                .take(2)
                .collect::<String>()
                .to_uppercase(),
            colour: login.bytes().map(usize::from).sum::<usize>() % AVATAR_COLOURS,
            is_bot: state.account(login).is_some_and(|account| account.kind == AccountKind::Bot),
            badge: match state.association(repository, login) {
                "COLLABORATOR" => "Collaborator",
                "CONTRIBUTOR" => "Contributor",
                "OWNER" => "Owner",
                _ => "",
            },
            login: login.to_owned(),
        }
    }
}

/// Something in the conversation, in the order of time.
pub(super) enum Entry {
    Comment(CommentView),
    Commit(CommitView),
}

pub(super) struct CommentView {
    pub(super) id: u64,
    pub(super) author: Person,
    pub(super) at: String,
    /// How often it was edited.
    pub(super) edits: usize,
    pub(super) html: String,
    /// Name, emoji, and how many people reacted so.
    pub(super) reactions: Vec<(&'static str, &'static str, usize)>,
    /// Changes whenever something of the comment does.
    pub(super) version: String,
}

pub(super) struct CommitView {
    pub(super) sha: String,
    pub(super) short: String,
    pub(super) message: String,
    pub(super) author: Person,
    pub(super) at: String,
}

impl CommentView {
    fn of(state: &State, repository: &Repository, comment: &Comment) -> Self {
        Self {
            id: comment.id,
            author: Person::of(state, repository, &comment.author),
            at: time(comment.created_at()),
            edits: comment.versions.len() - 1,
            html: markdown::render(&comment.latest().body),
            reactions: REACTIONS
                .iter()
                .map(|(name, emoji)| {
                    (*name, *emoji, comment.reactions.iter().filter(|one| one.content == *name).count())
                })
                .filter(|(_, _, count)| *count > 0)
                .collect(),
            version: format!("{}.{}", comment.versions.len(), comment.reactions.len()),
        }
    }
}

const REACTIONS: &[(&str, &str)] = &[
    ("+1", "👍"),
    ("-1", "👎"),
    ("laugh", "😄"),
    ("hooray", "🎉"),
    ("confused", "😕"),
    ("heart", "❤️"),
    ("rocket", "🚀"),
    ("eyes", "👀"),
];

impl CommitView {
    fn of(state: &State, repository: &Repository, commit: &Commit) -> Self {
        Self {
            sha: commit.sha.clone(),
            short: commit.sha[..7].to_owned(),
            message: commit.message.lines().next().unwrap_or_default().to_owned(),
            author: Person::of(state, repository, &commit.author),
            at: time(commit.at),
        }
    }
}

/// The conversation, oldest first.
pub(super) fn entries(state: &State, repository: &Repository, issue: &Issue) -> Vec<Entry> {
    let comments = issue
        .visible_comments()
        .map(|comment| (comment.created_at(), Entry::Comment(CommentView::of(state, repository, comment))));
    let commits = issue.pull_request.iter().flat_map(|pull| &pull.commits);
    let commits = commits.map(|commit| (commit.at, Entry::Commit(CommitView::of(state, repository, commit))));
    let mut entries: Vec<(Timestamp, Entry)> = commits.chain(comments).collect();
    entries.sort_by_key(|(at, _)| *at);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// The coloured badge of an issue or pull request: its class and its text.
pub(super) fn badge(issue: &Issue) -> (&'static str, &'static str) {
    match &issue.pull_request {
        Some(PullRequest { merge: Some(_), .. }) => ("merged", "Merged"),
        _ if !issue.is_open() => ("closed", "Closed"),
        Some(PullRequest { draft: true, .. }) => ("draft", "Draft"),
        _ => ("open", "Open"),
    }
}
