//! The one comment that follows the previews of a pull request.

use serde::{Deserialize, Serialize};

use crate::{CommentId, preview::PreviewReport};

/// All that the sticky comment is rendered from: the answer of the query `comment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyComment {
    /// Grows with every change that is worth a write.
    pub revision: u32,
    /// What is told, the newest request first. Never empty once anything was asked for.
    pub previews: Vec<PreviewReport>,
}

/// The sticky comment was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyWritten {
    /// Which comment it is.
    pub comment: CommentId,
    /// Up to which revision everything is said.
    pub revision: u32,
    /// An earlier try was given up on, and GitHub may still carry it out: an older text over this one, or
    /// a second comment.
    #[serde(default)]
    pub is_doubtful: bool,
}
