//! Reads and writes our own comments. A pull request's conversation hangs on the issue of the same number.

use std::collections::BTreeMap;

use domain::{CommentId, PullRequestRef};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{Error, ErrorKind, GitHubApp, Operation};

/// Most comments GitHub gives at once.
const PAGE: (&str, &str) = ("per_page", "100");
/// Most pages we read: 20,000 comments. More would mean an address that leads round in circles.
const PAGES_MAX: usize = 200;

/// A comment of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Its number; GitHub numbers comments in the order they were made.
    pub id: CommentId,
    /// Its text, as Markdown; empty where GitHub gives none.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    /// Its address on the pull request's page.
    pub html_url: Url,
    /// When it was written or changed last, by GitHub's clock and to the second.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// What is written on a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comments {
    /// What this App has written, oldest first.
    pub own: Vec<Comment>,
    /// When each comment was written, whoever wrote it, by GitHub's clock and to the second.
    pub written: BTreeMap<CommentId, Timestamp>,
}

impl GitHubApp {
    /// All comments on the pull request that this App wrote; of all others, when they were written.
    ///
    /// What people and other Apps have written is left out, whatever it is: a marker in a
    /// comment's text is no proof of who wrote it.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub async fn comments(&self, reference: &PullRequestRef) -> Result<Comments, Error> {
        let login = self.slug().await?.map(|slug| format!("{slug}[bot]"));
        let mut call = self
            .transport()
            .repository_call(
                format!("listing the comments on {reference}"),
                Operation::ListComments,
                &reference.repository,
                &["issues", &reference.number.to_string(), "comments"],
            )
            .query(&[PAGE]);
        let mut comments = Comments::default();
        for _ in 0..PAGES_MAX {
            let answer = self.send(reference.installation, &call).await?;
            let page: Vec<Listed> = answer.json()?;
            for listed in page {
                comments.written.extend(listed.written());
                if listed.author.is_by(self.app_id(), login.as_deref()) {
                    comments.own.push(listed.read(&call.doing)?);
                }
            }
            match answer.next() {
                Some(next) => call = call.next_page(&next),
                None => return Ok(comments),
            }
        }
        Err(Error::new(&call.doing, ErrorKind::Unexpected(format!("more than {PAGES_MAX} pages"))))
    }

    /// Writes a new comment. Not idempotent: look for it with [`GitHubApp::comments`] first.
    ///
    /// # Errors
    /// If GitHub did not confirm it. After [`ErrorKind::Unavailable`] it may exist all the same.
    pub async fn create_comment(&self, reference: &PullRequestRef, body: &str) -> Result<Comment, Error> {
        let call = self
            .transport()
            .repository_call(
                format!("commenting on {reference}"),
                Operation::CreateComment,
                &reference.repository,
                &["issues", &reference.number.to_string(), "comments"],
            )
            .json(&Body { body });
        self.send(reference.installation, &call).await?.json()
    }

    /// Replaces a comment's text.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if someone deleted the comment.
    pub async fn update_comment(
        &self,
        reference: &PullRequestRef,
        comment: CommentId,
        body: &str,
    ) -> Result<Comment, Error> {
        let call = self
            .transport()
            .repository_call(
                format!("updating comment {comment} on {reference}"),
                Operation::UpdateComment,
                &reference.repository,
                &["issues", "comments", &comment.to_string()],
            )
            .json(&Body { body });
        self.send(reference.installation, &call)
            .await
            .map_err(Error::not_found_means_gone)?
            .json()
    }
}

impl GitHubApp {
    /// Deletes a comment.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if someone else did.
    pub async fn delete_comment(&self, reference: &PullRequestRef, comment: CommentId) -> Result<(), Error> {
        let call = self.transport().repository_call(
            format!("deleting comment {comment} on {reference}"),
            Operation::DeleteComment,
            &reference.repository,
            &["issues", "comments", &comment.to_string()],
        );
        self.send(reference.installation, &call)
            .await
            .map_err(Error::not_found_means_gone)?;
        Ok(())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    body: &'a str,
}

/// A comment as it is listed. Of others' comments nothing but author and time is looked at, and neither has
/// to be there, so that none of them can keep us from finding our own.
#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    author: Author,
    #[serde(flatten)]
    comment: Map<String, Value>,
}

/// What tells who wrote a comment.
#[derive(Deserialize)]
struct Author {
    /// Null for deleted accounts.
    user: Option<User>,
    performed_via_github_app: Option<Via>,
}

#[derive(Deserialize)]
struct User {
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Via {
    id: Option<u64>,
}

impl Listed {
    fn written(&self) -> Option<(CommentId, Timestamp)> {
        let field = |name: &str| self.comment.get(name);
        let id = CommentId::deserialize(field("id")?).ok()?;
        let at = field("created_at")?.as_str()?.parse().ok()?;
        Some((id, at))
    }

    fn read(self, doing: &str) -> Result<Comment, Error> {
        Comment::deserialize(Value::Object(self.comment)).map_err(|error| {
            let reason = format!("a comment of ours: {error}");
            Error::new(doing, ErrorKind::Unexpected(reason))
        })
    }
}

impl Author {
    /// People can comment *through* an App, so the App's number counts only on a bot's
    /// comment. `[bot]` is in no person's login.
    fn is_by(&self, app_id: u64, login: Option<&str>) -> bool {
        let via = self.performed_via_github_app.as_ref();
        let via_us = via.is_some_and(|via| via.id == Some(app_id));
        self.user.as_ref().is_some_and(|user| {
            let has_our_login = login.is_some() && user.login.as_deref() == login;
            user.kind.as_deref() == Some("Bot") && (via_us || has_our_login)
        })
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    Option::deserialize(text).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_ours(user: &Value, via: &Value) -> bool {
        let listed: Listed = serde_json::from_value(json!({
            "id": 1, "body": "<!-- marker -->", "html_url": "https://github.com/o/r/pull/1#issuecomment-1",
            "user": user, "performed_via_github_app": via,
        }))
        .expect("a comment");
        listed.author.is_by(7, Some("previews[bot]"))
    }

    #[test]
    fn nobody_else_can_write_a_comment_of_ours() {
        let bot = |login: &str| json!({ "login": login, "type": "Bot" });
        let person = json!({ "login": "mona", "type": "User" });
        let (us, other, nobody) = (json!({ "id": 7 }), json!({ "id": 8 }), json!(null));
        assert!(is_ours(&bot("previews[bot]"), &us));
        assert!(is_ours(&bot("previews[bot]"), &nobody));
        assert!(is_ours(&bot("renamed[bot]"), &us));
        assert!(!is_ours(&bot("rival[bot]"), &other));
        assert!(!is_ours(&bot("rival[bot]"), &nobody));
        assert!(!is_ours(&person, &us));
        assert!(!is_ours(&person, &nobody));
        assert!(!is_ours(&nobody, &us));
        let nameless = json!({ "login": null, "type": "Bot" });
        assert!(is_ours(&nameless, &us));
        assert!(!is_ours(&nameless, &nobody));
        assert!(!is_ours(&json!({ "login": "previews[bot]" }), &nobody));
    }
}
