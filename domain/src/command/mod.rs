//! The commands that people write in comments.

mod line;
mod near;
mod parse;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Ttl;

pub use line::parse_line;
pub use table::{COMMANDS, CommandAccess, CommandForm};
pub use words::{MARKUP, NOT_TEXT};

/// One command, as it was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `/preview`, `/preview --ttl 2h`: deploy the newest commit.
    Preview {
        /// For how long, if not for the usual time.
        ttl: Option<Ttl>,
    },
    /// `/preview extend 30m`
    Extend {
        /// How much longer.
        by: Ttl,
    },
    /// `/preview stop`
    Stop,
    /// `/preview status`
    Status,
    /// `/preview help`
    Help,
}

/// A line that is addressed to us, and what is wrong with it. What people wrote is cut to 40 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Misunderstood {
    /// `/preview, please`, `**/preview**` or `@deploy-previews /preview`: a line that is no
    /// command, but all the same was meant as one.
    NearlyCommand {
        /// `/preview, please`
        line: String,
        /// How it is written: `/preview`.
        did_you_mean: String,
    },
    /// `/preview exten 30m`
    UnknownCommand {
        /// `exten`
        word: String,
        /// `extend`, if one is near enough.
        did_you_mean: Option<String>,
    },
    /// `/preview extend`
    MissingArgument {
        /// How it is written: `/preview extend <duration>`.
        usage: String,
    },
    /// `/preview stop now`
    UnexpectedArgument {
        /// `now`
        word: String,
        /// How it is written: `/preview stop`.
        usage: String,
    },
    /// `/preview extend soon`
    BadDuration {
        /// `soon`
        word: String,
        /// Why it is none, and what is one.
        reason: String,
    },
    /// The comment goes on with more commands than one comment may have. They are not carried out.
    TooMany {
        /// How many it may have.
        at_most: usize,
    },
}

impl Command {
    /// Does it ask for something that old news must not bring about?
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Preview { .. } | Self::Extend { .. } => true,
            Self::Stop | Self::Status | Self::Help => false,
        }
    }

    /// Its row in the table of commands.
    #[must_use]
    pub fn form(&self) -> &'static CommandForm {
        let verb = match self {
            Self::Preview { .. } => "",
            Self::Extend { .. } => "extend",
            Self::Stop => "stop",
            Self::Status => "status",
            Self::Help => "help",
        };
        COMMANDS
            .iter()
            .find(|form| form.verb == verb)
            .expect("every command is in the table")
    }
}

/// As it is written in a comment.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preview { ttl: None } => f.write_str("/preview"),
            Self::Preview { ttl: Some(ttl) } => write!(f, "/preview --ttl {ttl}"),
            Self::Extend { by } => write!(f, "/preview extend {by}"),
            Self::Stop | Self::Status | Self::Help => write!(f, "/preview {}", self.form().verb),
        }
    }
}
