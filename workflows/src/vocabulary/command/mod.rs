//! What can be asked of us in a comment?

use serde::{Deserialize, Serialize};

use super::Ttl;

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
}
