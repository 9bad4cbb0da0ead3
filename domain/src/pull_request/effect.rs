//! What follows from a decision, as data: the session carries it out.

use jiff::Timestamp;

use super::Answer;
use crate::{
    CommentId, Login, PreviewId, RunIdentity, Ttl,
    preview::{PreviewRequest, Probe, StopReason},
};

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the person who asked.
    Answer(Answer),
    /// Remember that this person has no rights here, and say nothing.
    DenySilently {
        /// Who.
        person: Login,
    },
    /// Deploy a preview.
    Request(Box<PreviewRequest>),
    /// Deploy a preview once the run that has its ID is gone.
    Queue(Box<PreviewRequest>),
    /// A preview was asked for that is there already.
    AskedAgain {
        /// Which.
        preview: PreviewId,
        /// In which comment.
        comment: CommentId,
    },
    /// Give a preview more time.
    Extend {
        /// Which.
        preview: PreviewId,
        /// How much.
        by: Ttl,
    },
    /// Remove previews, and start nothing that waits.
    Stop(Stop),
    /// The pull request has ended: remove everything.
    Close {
        /// When it ended.
        at: Timestamp,
        /// Merged, not merely closed.
        merged: bool,
    },

    /// Start the workflow of a preview.
    StartRun(Box<PreviewRequest>),
    /// Find out whether the run that has a preview's ID is alive, or about to close.
    FindRun(PreviewId),
    /// Tell a run to end.
    SignalStop {
        /// Of which preview.
        preview: PreviewId,
        /// Which run.
        run_id: String,
        /// Why.
        because: StopReason,
    },
    /// Give a run more time.
    SignalExtend {
        /// Of which preview.
        preview: PreviewId,
        /// Which run.
        run_id: String,
        /// How much.
        by: Ttl,
    },
    /// Point the pull request's stable URL to a run's preview.
    PointStableUrl {
        /// To which run's preview.
        to: RunIdentity,
        /// What is asked there then.
        probe: Probe,
    },
}

/// What a `stop` ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// These.
    pub previews: Vec<PreviewId>,
    /// Why.
    pub because: StopReason,
    /// Only what was asked for in this comment or before.
    pub asked_in: CommentId,
    /// When that was written.
    pub at: Timestamp,
    /// Whoever asked for it; otherwise only its author's.
    pub is_everyones: bool,
}
