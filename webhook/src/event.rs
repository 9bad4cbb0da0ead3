//! What does a delivery tell us: a comment on a pull request, a push to it, or its end?
//!
//! Own structures with the few fields we need: GitHub adds fields at any time, and large models break on payloads that we have no interest in.

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use workflows::{
    pull_request::Origin,
    vocabulary::{
        CommentId, CommitSha, InstallationId, Login, PullRequestNumber, PullRequestRef, Repository,
        RepositoryId,
    },
};

use crate::{
    delivery::{Delivery, Rejection},
    outcome::Ignored,
};

/// What a delivery tells us.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A person wrote a new comment on a pull request.
    Comment(Comment),
    /// A pull request has a new newest commit.
    Pushed {
        /// Where.
        pull_request: PullRequestRef,
        /// Which.
        head: CommitSha,
        /// Who pushed it; none where that is not a person.
        by: Option<Login>,
        /// Where the event comes from.
        origin: Origin,
    },
    /// A pull request was closed.
    Closed {
        /// Which.
        pull_request: PullRequestRef,
        /// Merged, not merely closed.
        merged: bool,
        /// Where the event comes from, and when it was closed.
        origin: Origin,
    },
    /// Nothing that we act on.
    Ignored(Ignored),
}

/// A new comment by a person on a pull request, be it open or not.
#[derive(Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where.
    pub pull_request: PullRequestRef,
    /// Where the event comes from, and when it was written.
    pub origin: Origin,
    /// Its number.
    pub id: CommentId,
    /// Who wrote it.
    pub author: Login,
    /// Its text, as Markdown.
    pub body: String,
}

impl Event {
    /// Reads a delivery's body, which reached us at the given time.
    ///
    /// # Errors
    /// [`Rejection::Json`] if the body is not JSON or, for the events that we read, not the documented JSON.
    pub fn read(delivery: &Delivery, received_at: Timestamp) -> Result<Self, Rejection> {
        match delivery.event.as_str() {
            "issue_comment" => parse::<IssueComment>(&delivery.body)?.understand(received_at),
            "pull_request" => parse::<PullRequestEvent>(&delivery.body)?.understand(received_at),
            "ping" => parse::<IgnoredAny>(&delivery.body).map(|_| Self::Ignored(Ignored::Ping)),
            _ => parse::<IgnoredAny>(&delivery.body).map(|_| Self::Ignored(Ignored::OtherEvent)),
        }
    }
}

/// Names the place of a fault. serde's own message would repeat what the comment says.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.into_inner());
            (path, inner)
        })
        .and_then(|value| {
            json.end()
                .map(|()| value)
                .map_err(|inner| (".".to_owned(), inner))
        })
        .map_err(|(path, inner)| {
            let (line, column) = (inner.line(), inner.column());
            Rejection::Json(match inner.classify() {
                serde_json::error::Category::Data => {
                    format!("a field is missing or of another type at `{path}` (line {line}, column {column})")
                }
                _ => format!("no JSON from line {line}, column {column} on"),
            })
        })
}

#[derive(Deserialize)]
struct IssueComment {
    action: String,
    issue: Issue,
    comment: WireComment,
    repository: WireRepository,
    sender: User,
    /// Missing when the webhook is a repository's or an organisation's own.
    installation: Option<Installation>,
}

#[derive(Deserialize)]
struct PullRequestEvent {
    action: String,
    pull_request: WirePullRequest,
    repository: WireRepository,
    sender: Option<Sender>,
    /// As above.
    installation: Option<Installation>,
}

#[derive(Deserialize)]
struct Issue {
    number: PullRequestNumber,
    /// Only pull requests have it.
    pull_request: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WireComment {
    id: CommentId,
    body: String,
    created_at: Option<Timestamp>,
    /// Null for deleted accounts.
    user: Option<User>,
}

#[derive(Deserialize)]
struct WirePullRequest {
    number: PullRequestNumber,
    head: Head,
    /// Null as long as it is open, in some versions of GitHub Enterprise Server.
    merged: Option<bool>,
    updated_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Head {
    sha: CommitSha,
}

#[derive(Deserialize)]
struct User {
    login: Login,
    #[serde(rename = "type")]
    kind: String,
}

/// Whoever caused an event. Apps have names that are no person's.
#[derive(Deserialize)]
struct Sender {
    login: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Sender {
    fn person(self) -> Option<Login> {
        let is_bot = self.kind.is_some_and(|kind| kind == "Bot");
        self.login.parse().ok().filter(|_| !is_bot)
    }
}

#[derive(Deserialize)]
struct WireRepository {
    id: RepositoryId,
    full_name: Repository,
}

#[derive(Deserialize)]
struct Installation {
    id: InstallationId,
}

impl IssueComment {
    fn understand(self, received_at: Timestamp) -> Result<Event, Rejection> {
        if self.action != "created" {
            return Ok(Event::Ignored(Ignored::OtherAction));
        }
        if self.issue.pull_request.is_none() {
            return Ok(Event::Ignored(Ignored::NotAPullRequest));
        }
        // Bots answer bots: without this, two of them could talk for ever.
        let author = match self.comment.user {
            Some(user) if user.kind != "Bot" && self.sender.kind != "Bot" => user.login,
            _ => return Ok(Event::Ignored(Ignored::ByABot)),
        };
        let happened_at = self.comment.created_at.unwrap_or(received_at);
        let (pull_request, origin) = locate(
            self.installation,
            self.repository,
            self.issue.number,
            happened_at,
            received_at,
        )?;
        Ok(Event::Comment(Comment {
            pull_request,
            origin,
            id: self.comment.id,
            author,
            body: self.comment.body,
        }))
    }
}

impl PullRequestEvent {
    fn understand(self, received_at: Timestamp) -> Result<Event, Rejection> {
        let is_push = match self.action.as_str() {
            "synchronize" => true,
            "closed" => false,
            _ => return Ok(Event::Ignored(Ignored::OtherAction)),
        };
        let WirePullRequest {
            number,
            head,
            merged,
            updated_at,
            closed_at,
        } = self.pull_request;
        let at = if is_push { None } else { closed_at };
        let (pull_request, origin) = locate(
            self.installation,
            self.repository,
            number,
            at.or(updated_at).unwrap_or(received_at),
            received_at,
        )?;
        Ok(if is_push {
            Event::Pushed {
                pull_request,
                head: head.sha,
                by: self.sender.and_then(Sender::person),
                origin,
            }
        } else {
            Event::Closed {
                pull_request,
                merged: merged.unwrap_or(false),
                origin,
            }
        })
    }
}

fn locate(
    installation: Option<Installation>,
    repository: WireRepository,
    number: PullRequestNumber,
    happened_at: Timestamp,
    received_at: Timestamp,
) -> Result<(PullRequestRef, Origin), Rejection> {
    let installation = installation.ok_or_else(|| {
        Rejection::Json(
            "`installation` is missing; let the App send this event, not a webhook of the repository".to_owned(),
        )
    })?;
    let pull_request = PullRequestRef {
        installation: installation.id,
        repository: repository.full_name,
        number,
    };
    let origin = Origin {
        installation: installation.id,
        repository_id: repository.id,
        happened_at,
        received_at,
    };
    Ok((pull_request, origin))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fault_is_located_but_never_quoted() {
        let body = br#"{"action":"created","issue":{"number":"s3cret"}}"#;
        let Err(Rejection::Json(place)) = parse::<IssueComment>(body) else {
            panic!("a text was taken for a number");
        };
        assert!(
            place.contains("issue.number") && !place.contains("s3cret"),
            "{place}"
        );
        for no_json in ["", "{", "payload=%7B%7D", "{} {}"] {
            assert!(
                parse::<IgnoredAny>(no_json.as_bytes()).is_err(),
                "{no_json}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<IssueComment>(&body);
            let _ = parse::<PullRequestEvent>(&body);
        }
    }
}
