//! The table of commands, from which the parser, the answers to wrong commands,
//! the help and `docs/commands.md` come.

use std::fmt;

use super::Command;
use crate::Ttl;

/// Every command there is, in the order in which people are told of them.
pub static COMMANDS: &[CommandForm] = &[
    CommandForm {
        verb: "",
        usage: "/preview [--ttl <duration>]",
        example: "/preview --ttl 2h",
        does: "Deploys the newest commit, for as long as `--ttl` says.",
        who_may: CommandAccess::Writers,
        takes: Takes::TtlOption(|ttl| Command::Preview { ttl }),
    },
    CommandForm {
        verb: "extend",
        usage: "/preview extend <duration>",
        example: "/preview extend 30m",
        does: "Keeps the preview that much longer.",
        who_may: CommandAccess::WritersAndRequester,
        takes: Takes::Duration(|by| Command::Extend { by }),
    },
    CommandForm {
        verb: "stop",
        usage: "/preview stop",
        example: "/preview stop",
        does: "Removes this pull request's previews now.",
        who_may: CommandAccess::WritersAndRequester,
        takes: Takes::Nothing(|| Command::Stop),
    },
    CommandForm {
        verb: "status",
        usage: "/preview status",
        example: "/preview status",
        does: "Lists this pull request's previews: where, and until when.",
        who_may: CommandAccess::Writers,
        takes: Takes::Nothing(|| Command::Status),
    },
    CommandForm {
        verb: "help",
        usage: "/preview help",
        example: "/preview help",
        does: "Lists the commands.",
        who_may: CommandAccess::Writers,
        takes: Takes::Nothing(|| Command::Help),
    },
];

/// One command: how it is written, what it does, who may.
#[derive(Debug)]
pub struct CommandForm {
    /// The word behind `/preview`; empty for `/preview` alone.
    pub verb: &'static str,
    /// How it is written: `<…>` is to be filled in, `[…]` may be left out.
    pub usage: &'static str,
    /// One that could be sent as it stands.
    pub example: &'static str,
    /// What it does, as Markdown.
    pub does: &'static str,
    /// Whose command it is.
    pub who_may: CommandAccess,
    /// What follows the verb, and what comes of it.
    pub(super) takes: Takes,
}

/// Who may give a command. A repository's own configuration may narrow it further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandAccess {
    /// Whoever has the role write, maintain or admin.
    Writers,
    /// Those, and the person who asked for the preview.
    WritersAndRequester,
}

/// What a command is told beside its verb.
#[derive(Debug)]
pub(super) enum Takes {
    /// Nothing.
    Nothing(fn() -> Command),
    /// A duration.
    Duration(fn(Ttl) -> Command),
    /// Nothing, or `--ttl` with a duration.
    TtlOption(fn(Option<Ttl>) -> Command),
}

/// As people are told.
impl fmt::Display for CommandAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writers => "people with write access",
            Self::WritersAndRequester => "people with write access, and whoever requested the preview",
        })
    }
}
