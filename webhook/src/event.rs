//! What a delivery tells: a comment on a pull request, a push to it, or its end.
//!
//! Own structures with the few fields we need: GitHub adds fields at any time, and large models break on
//! payloads that we have no interest in. For the same reason a field is required only where nothing can be
//! done without it, and null is the same as absent.

use domain::{
    CommentId, CommitSha, InstallationId, Login, PullRequestNumber, PullRequestRef, Repository, RepositoryId,
    pull_request::{Closed, Commented, Origin, PullRequestEvent, Pushed},
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};

use crate::{
    command,
    delivery::{Delivery, Rejection, is_read},
    outcome::Ignored,
};

/// What a delivery tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened on a pull request, be it open or not.
    OnPullRequest {
        /// Which one.
        pull_request: PullRequestRef,
        /// What happened.
        event: PullRequestEvent,
    },
    /// Nothing that we act on.
    Ignored {
        /// The reason.
        why: Ignored,
        /// Does [`mentions_a_command`] say so of the comment?
        mentions_a_command: bool,
    },
}

impl Event {
    /// Reads a delivery's body, which reached us at the given time.
    ///
    /// # Errors
    /// [`Rejection::Json`] if the body is not JSON or, for what we act on, not the documented JSON.
    pub fn read(delivery: &Delivery, received_at: Timestamp) -> Result<Self, Rejection> {
        let event = delivery.event.as_str();
        if !is_read(event) {
            return Ok(Self::Ignored {
                why: match event {
                    "ping" => Ignored::Ping,
                    _ => Ignored::OtherEvent,
                },
                mentions_a_command: false,
            });
        }
        let body = &delivery.body;
        let glance = parse::<Glance>(body)?;
        let understood = match (event, glance.action.as_deref()) {
            ("issue_comment", Some("created")) => parse::<IssueComment>(body)?.understand(received_at),
            ("pull_request", Some("synchronize")) => parse::<Synchronized>(body)?.understand(received_at),
            ("pull_request", Some("closed")) => parse::<PullRequestClosed>(body)?.understand(received_at),
            _ => Err(Ignored::OtherAction),
        };
        Ok(match understood {
            Ok((pull_request, event)) => Self::OnPullRequest { pull_request, event },
            Err(why) => Self::Ignored { why, mentions_a_command: glance.mentions_a_command() },
        })
    }
}

/// Does a comment hold something that may have been meant for us, however it is wrapped or misspelt? For
/// whoever looks for the reason of our silence, so it rather says yes.
#[must_use]
pub fn mentions_a_command(comment: &str) -> bool {
    let bare: String = comment
        .chars()
        .map(|c| if c == '／' { '/' } else { c.to_ascii_lowercase() })
        .filter(|c| *c == '/' || c.is_alphanumeric())
        .collect();
    bare.contains("/preview")
}

/// Names the place of a fault. serde's own message would repeat what the comment says.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.into_inner());
            (path, inner)
        })
        .and_then(|value| json.end().map(|()| value).map_err(|inner| (".".to_owned(), inner)))
        .map_err(|(path, inner)| {
            let (line, column) = (inner.line(), inner.column());
            Rejection::Json(match inner.classify() {
                serde_json::error::Category::Data => {
                    format!(
                        "a field is missing or of another type at `{path}` (line {line}, column {column})"
                    )
                }
                _ => format!("no JSON from line {line}, column {column} on"),
            })
        })
}

/// What happened, and on which pull request.
type Understood = (PullRequestRef, PullRequestEvent);

/// What has to be known of a delivery before it is worth reading. Of actions that we do not act
/// on, nothing else has to be as documented.
#[derive(Deserialize)]
struct Glance {
    action: Option<String>,
    comment: Option<Text>,
}

#[derive(Deserialize)]
struct Text {
    body: Option<String>,
}

/// A comment was written.
#[derive(Deserialize)]
struct IssueComment {
    issue: Issue,
    comment: WireComment,
    repository: WireRepository,
    sender: Option<Sender>,
    /// Missing when the webhook is a repository's or an organisation's own.
    installation: Option<Installation>,
}

/// A pull request has new commits.
#[derive(Deserialize)]
struct Synchronized {
    pull_request: WirePullRequest,
    repository: WireRepository,
    sender: Option<Sender>,
    /// As above.
    installation: Option<Installation>,
}

/// A pull request was closed.
#[derive(Deserialize)]
struct PullRequestClosed {
    pull_request: WireClosed,
    repository: WireRepository,
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
    /// Null where GitHub has lost it, whatever it documents.
    body: Option<String>,
    created_at: Option<Timestamp>,
    /// Null for deleted accounts.
    user: Option<Author>,
}

#[derive(Deserialize)]
struct WirePullRequest {
    number: PullRequestNumber,
    head: Head,
    updated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct WireClosed {
    number: PullRequestNumber,
    /// Null in some versions of GitHub Enterprise Server.
    merged: Option<bool>,
    updated_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Head {
    sha: CommitSha,
}

#[derive(Deserialize)]
struct Author {
    login: Login,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Who is responsible for the event: not necessarily the author.
#[derive(Deserialize)]
struct Sender {
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
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

impl Glance {
    fn mentions_a_command(&self) -> bool {
        let body = self.comment.as_ref().and_then(|text| text.body.as_deref());
        body.is_some_and(mentions_a_command)
    }
}

impl IssueComment {
    fn understand(self, received_at: Timestamp) -> Result<Understood, Ignored> {
        if self.issue.pull_request.is_none() {
            return Err(Ignored::NotAPullRequest);
        }
        let author = self.comment.user.ok_or(Ignored::NoAuthor)?;
        // Bots answer bots: without this, two of them could talk for ever.
        let by_a_bot = is_bot(author.kind.as_deref(), Some(author.login.as_str()))
            || self
                .sender
                .is_some_and(|sender| is_bot(sender.kind.as_deref(), sender.login.as_deref()));
        if by_a_bot {
            return Err(Ignored::ByABot);
        }
        let (pull_request, origin) = locate(
            self.installation,
            self.repository,
            self.issue.number,
            self.comment.created_at,
            received_at,
        )?;
        let commands = command::parse(&self.comment.body.unwrap_or_default());
        if commands.is_empty() {
            return Err(Ignored::NoCommand);
        }
        let event = PullRequestEvent::Commented(Commented {
            is_rest: false,
            comment: self.comment.id,
            author: author.login,
            commands,
            origin,
        });
        Ok((pull_request, event))
    }
}

impl Synchronized {
    fn understand(self, received_at: Timestamp) -> Result<Understood, Ignored> {
        let WirePullRequest { number, head, updated_at } = self.pull_request;
        let (pull_request, origin) =
            locate(self.installation, self.repository, number, updated_at, received_at)?;
        let event = PullRequestEvent::Pushed(Pushed {
            head: head.sha,
            by: self.sender.and_then(Sender::person),
            origin,
        });
        Ok((pull_request, event))
    }
}

impl PullRequestClosed {
    fn understand(self, received_at: Timestamp) -> Result<Understood, Ignored> {
        let WireClosed { number, merged, updated_at, closed_at } = self.pull_request;
        let (pull_request, origin) =
            locate(self.installation, self.repository, number, closed_at.or(updated_at), received_at)?;
        let event = PullRequestEvent::Closed(Closed { merged: merged.unwrap_or(false), origin });
        Ok((pull_request, event))
    }
}

/// The kind is optional; no person's login has brackets.
fn is_bot(kind: Option<&str>, login: Option<&str>) -> bool {
    kind == Some("Bot") || login.is_some_and(|login| login.ends_with("[bot]"))
}

impl Sender {
    fn person(self) -> Option<Login> {
        let login = self.login?;
        let by_a_bot = is_bot(self.kind.as_deref(), Some(&login));
        login.parse().ok().filter(|_| !by_a_bot)
    }
}

/// Where and when something happened. What GitHub gives no time for happened when it reached us.
fn locate(
    installation: Option<Installation>,
    repository: WireRepository,
    number: PullRequestNumber,
    happened_at: Option<Timestamp>,
    received_at: Timestamp,
) -> Result<(PullRequestRef, Origin), Ignored> {
    let installation = installation.ok_or(Ignored::NoInstallation)?.id;
    let pull_request = PullRequestRef { installation, repository: repository.full_name, number };
    let origin = Origin {
        installation,
        repository_id: repository.id,
        happened_at: happened_at.unwrap_or(received_at),
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
        assert!(place.contains("issue.number") && !place.contains("s3cret"), "{place}");
        for no_json in ["", "{", "payload=%7B%7D", "{} {}"] {
            assert!(parse::<IgnoredAny>(no_json.as_bytes()).is_err(), "{no_json}");
        }
    }

    #[test]
    fn ordinary_talk_mentions_no_command() {
        for comment in ["", "What a nice preview", "preview", "previews/12", "a / b"] {
            assert!(!mentions_a_command(comment), "{comment}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Glance>(&body);
            let _ = parse::<IssueComment>(&body);
            let _ = parse::<Synchronized>(&body);
        }

        #[test]
        fn whatever_is_a_command_mentions_one(before in "\\PC{0,20}", after in "\\PC{0,20}") {
            for command in ["/preview", "/Preview stop", "`/preview`", "**/preview**", "/prev\u{200b}iew", "／preview", "\\/preview"] {
                let comment = format!("{before}\n{command}\n{after}");
                prop_assert!(mentions_a_command(&comment), "{comment}");
            }
        }
    }
}
