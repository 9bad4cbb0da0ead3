//! Renders replies to people whom the sticky comment does not answer: a pure
//! function from answers to Markdown.

use askama::Template;
use domain::{
    COMMANDS, Login, Misunderstood,
    preview::PreviewReport,
    pull_request::{Answer, Overtaken, Refusal, Reply},
};
use url::Url;

use super::{filters, state::Line};

/// How many answers fit into one reply. More commands than that are not carried out for one comment.
const ANSWERS_MAX: usize = 12;
/// How many previews one answer lists.
const LINES_MAX: usize = 5;

#[derive(Template)]
#[template(path = "reply.md")]
struct ReplyText<'a> {
    marker: String,
    to: &'a Login,
    first: AnswerText<'a>,
    others: Vec<AnswerText<'a>>,
    sticky: Option<&'a Url>,
}

#[derive(Template)]
#[template(path = "answer.md")]
struct AnswerText<'a>(&'a Answer);

impl AnswerText<'_> {
    fn lines<'r>(&self, previews: &'r [PreviewReport]) -> impl Iterator<Item = Line<'r>> {
        previews.iter().take(LINES_MAX).map(|report| Line { report })
    }

    fn command(&self, verb: &str) -> String {
        format!("/preview {verb}")
    }
}

/// First line of the reply to one comment, by which it is found again.
pub(super) fn reply_marker(reply: &Reply) -> String {
    let part = if reply.is_second { ":2" } else { "" };
    format!("<!-- preview:reply:{}{part} -->", reply.comment_id)
}

/// The whole reply; nothing if there is no answer. `sticky` is the address of the sticky comment.
pub(super) fn reply(reply: &Reply, sticky: Option<&Url>) -> Option<String> {
    let (first, others) = reply.answers.split_first()?;
    let others = others.iter().take(ANSWERS_MAX - 1);
    let text = ReplyText {
        marker: reply_marker(reply),
        to: &reply.to,
        first: AnswerText(first),
        others: others.map(AnswerText).collect(),
        sticky,
    };
    Some(text.render().expect("the template writes to a string only"))
}

#[cfg(test)]
mod tests;
