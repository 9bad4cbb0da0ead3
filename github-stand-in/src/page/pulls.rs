//! Lists of pull requests, and one with its conversation.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    markdown, missing, show,
    view::{Entry, Person, badge, entries},
};
use crate::{
    User,
    model::{Issue, Repository, State as Model},
    shared::Shared,
    wire::time,
};

/// Who can be chosen as the author of a comment: login and what they are.
const CAST: &[(&str, &str)] = &[
    ("mona", "writer"),
    ("rita", "reader"),
    ("otto", "outsider"),
    ("tess", "triager"),
    ("maia", "maintainer"),
    ("ada", "admin"),
];

#[derive(Template)]
#[template(path = "pulls.html")]
struct Lists {
    lists: Vec<List>,
}

struct List {
    full_name: String,
    private: bool,
    items: Vec<Item>,
}

struct Item {
    number: u64,
    kind: &'static str,
    title: String,
    badge: (&'static str, &'static str),
    author: String,
    at: String,
    comments: usize,
}

#[derive(Template)]
#[template(path = "pull.html")]
struct Conversation {
    full_name: String,
    number: u64,
    title: String,
    badge: (&'static str, &'static str),
    locked: bool,
    author: Person,
    at: String,
    description: String,
    pull: Option<Pull>,
    entries: Vec<Entry>,
    closed_at: Option<String>,
    merged_by: Option<String>,
    cast: &'static [(&'static str, &'static str)],
}

struct Pull {
    head_sha: String,
    head_short: String,
    branch: String,
    base: String,
    commits: usize,
    changed_files: u64,
    additions: u64,
    deletions: u64,
    from_fork: bool,
}

/// All repositories.
pub(super) async fn overview(State(shared): State<Arc<Shared>>) -> Response {
    let lists = shared.read(|wire| {
        wire.state
            .repositories()
            .filter(|repository| !repository.fork)
            .map(List::of)
            .collect()
    });
    show(&Lists { lists })
}

/// One repository.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path((owner, repo)): Path<(String, String)>,
) -> Response {
    let list = shared.read(|wire| wire.state.repository(&owner, &repo).map(List::of));
    list.map_or_else(missing, |list| show(&Lists { lists: vec![list] }))
}

/// One pull request or issue.
pub(super) async fn conversation(
    State(shared): State<Arc<Shared>>,
    Path((owner, repo, number)): Path<(String, String, u64)>,
) -> Response {
    let page = shared.read(|wire| {
        let repository = wire.state.repository(&owner, &repo)?;
        repository
            .issues
            .get(&number)
            .map(|issue| Conversation::of(wire.state, repository, issue))
    });
    page.map_or_else(missing, |page| show(&page))
}

impl List {
    fn of(repository: &Repository) -> Self {
        let newest_first = repository.issues.values().rev();
        Self {
            full_name: repository.full_name(),
            private: repository.private,
            items: newest_first
                .map(|issue| Item {
                    number: issue.number,
                    kind: kind(issue),
                    title: issue.title.clone(),
                    badge: badge(issue),
                    author: issue.author.clone(),
                    at: time(issue.created_at),
                    comments: issue.visible_comments().count(),
                })
                .collect(),
        }
    }
}

impl Conversation {
    fn of(state: &Model, repository: &Repository, issue: &Issue) -> Self {
        Self {
            full_name: repository.full_name(),
            number: issue.number,
            title: issue.title.clone(),
            badge: badge(issue),
            locked: issue.locked,
            author: Person::of(state, repository, &issue.author),
            at: time(issue.created_at),
            description: markdown::render(&issue.body),
            pull: issue.pull_request.as_ref().map(|pull| Pull {
                head_sha: pull.head_sha().to_owned(),
                head_short: pull.head_sha()[..7].to_owned(),
                branch: pull.fork.as_ref().map_or_else(
                    || pull.head_branch.clone(),
                    |(owner, _)| format!("{owner}:{}", pull.head_branch),
                ),
                base: pull.base_branch.clone(),
                commits: pull.commits.len(),
                changed_files: pull.diff.changed_files,
                additions: pull.diff.additions,
                deletions: pull.diff.deletions,
                from_fork: pull.fork.is_some(),
            }),
            entries: entries(state, repository, issue),
            closed_at: issue.closed_at.map(time),
            merged_by: issue
                .pull_request
                .as_ref()
                .and_then(|pull| pull.merge.as_ref())
                .map(|merge| merge.by.clone()),
            cast: CAST,
        }
    }

    /// The person that is chosen at first: who may ask for a preview.
    fn is_chosen(&self, login: &str) -> bool {
        login == User::writer().login()
    }
}

fn kind(issue: &Issue) -> &'static str {
    if issue.pull_request.is_some() { "pull" } else { "issues" }
}
