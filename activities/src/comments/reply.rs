//! What are people answered whom the one comment does not answer? A pure function from answers to Markdown.

use askama::Template;
use url::Url;
use workflows::{
    activities::{Answer, Overtaken, Refusal, Reply},
    vocabulary::{COMMANDS, CommentId, Misunderstood, Ttl},
};

use super::{
    markdown::{Markdown, address, code, mention, sentence},
    state::{Line, Moment, NAME_MAX},
};

/// Longest sentence of foreign origin, in characters. Short: there may be one in each answer.
const SENTENCE_MAX: usize = 500;
/// Longest word of foreign origin, in characters.
const WORD_MAX: usize = 60;
/// How many answers fit into one reply. More commands than that are not carried out for one comment.
const ANSWERS_MAX: usize = 12;
/// How many previews one answer tells of.
const LINES_MAX: usize = 5;

#[derive(Template)]
#[template(path = "reply.md")]
struct ReplyText {
    marker: String,
    to: Markdown,
    first: Said,
    others: Vec<Said>,
    sticky: Option<Url>,
}

/// [`Answer`] in safe Markdown.
#[derive(Template)]
#[template(path = "answer.md")]
enum Said {
    Refused(Refusal),
    AlreadyExists {
        url: Markdown,
        expires_at: Moment,
    },
    NothingToExtend,
    NothingToStop,
    Late(Overtaken),
    AtMaximum {
        until: Moment,
    },
    TtlTooLong {
        asked: Ttl,
        maximum: Ttl,
    },
    Status {
        lines: Vec<Line>,
        left_out: usize,
    },
    Help,
    NearlyCommand {
        line: Markdown,
        did_you_mean: Markdown,
    },
    UnknownCommand {
        word: Markdown,
        did_you_mean: Option<Markdown>,
    },
    MissingArgument {
        usage: Markdown,
    },
    UnexpectedArgument {
        word: Markdown,
        usage: Markdown,
    },
    BadDuration {
        word: Markdown,
        reason: Markdown,
    },
    TooMany {
        at_most: usize,
    },
    Misconfigured {
        file: Markdown,
        branch: Markdown,
        line: Option<u32>,
        reason: Markdown,
    },
}

impl From<&Answer> for Said {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Refused { because } => Self::Refused(*because),
            Answer::AlreadyExists { url, expires_at } => Self::AlreadyExists {
                url: address(url, NAME_MAX),
                expires_at: Moment(*expires_at),
            },
            Answer::NothingToExtend => Self::NothingToExtend,
            Answer::NothingToStop => Self::NothingToStop,
            Answer::Late { overtaken_by } => Self::Late(*overtaken_by),
            Answer::AtMaximum { until } => Self::AtMaximum {
                until: Moment(*until),
            },
            Answer::TtlTooLong { asked, maximum } => Self::TtlTooLong {
                asked: *asked,
                maximum: *maximum,
            },
            Answer::Status { previews } => Self::Status {
                lines: previews.iter().take(LINES_MAX).map(Line::from).collect(),
                left_out: previews.len().saturating_sub(LINES_MAX),
            },
            Answer::Help => Self::Help,
            Answer::Misunderstood { problem } => problem.into(),
            Answer::Misconfigured { problem } => Self::Misconfigured {
                file: code(&problem.file, WORD_MAX),
                branch: code(&problem.branch, WORD_MAX),
                line: problem.line,
                reason: sentence(&problem.reason, SENTENCE_MAX),
            },
        }
    }
}

impl From<&Misunderstood> for Said {
    fn from(problem: &Misunderstood) -> Self {
        match problem {
            Misunderstood::NearlyCommand { line, did_you_mean } => Self::NearlyCommand {
                line: code(line, WORD_MAX),
                did_you_mean: code(did_you_mean, WORD_MAX),
            },
            Misunderstood::UnknownCommand { word, did_you_mean } => Self::UnknownCommand {
                word: code(word, WORD_MAX),
                did_you_mean: did_you_mean
                    .as_ref()
                    .map(|verb| code(&format!("/preview {verb}"), WORD_MAX)),
            },
            Misunderstood::MissingArgument { usage } => Self::MissingArgument {
                usage: code(usage, WORD_MAX),
            },
            Misunderstood::UnexpectedArgument { word, usage } => Self::UnexpectedArgument {
                word: code(word, WORD_MAX),
                usage: code(usage, WORD_MAX),
            },
            Misunderstood::BadDuration { word, reason } => Self::BadDuration {
                word: code(word, WORD_MAX),
                reason: sentence(reason, SENTENCE_MAX),
            },
            Misunderstood::TooMany { at_most } => Self::TooMany { at_most: *at_most },
        }
    }
}

/// First line of the reply to one comment, by which it is found again.
pub(super) fn reply_marker(comment: CommentId) -> String {
    format!("<!-- preview:reply:{comment} -->")
}

/// The whole reply; nothing if there is no answer. `sticky` is the address of the pull request's one comment.
pub(super) fn reply(reply: &Reply, sticky: Option<&Url>) -> Option<String> {
    let (first, others) = reply.answers.split_first()?;
    let text = ReplyText {
        marker: reply_marker(reply.comment_id),
        to: mention(&reply.to),
        first: first.into(),
        others: others
            .iter()
            .take(ANSWERS_MAX - 1)
            .map(Said::from)
            .collect(),
        sticky: sticky.cloned(),
    };
    Some(text.render().expect("the template writes to a string only"))
}

#[cfg(test)]
mod tests;
