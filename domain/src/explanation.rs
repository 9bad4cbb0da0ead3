//! What the requester is told when something went wrong.

use serde::{Deserialize, Serialize};

/// The requester's face of an error. Travels as the details of an activity's application
/// failure; the operator's face is its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// One or two sentences: what happened, to what, and what to do. Plain
    /// text; escaped where it is rendered.
    pub summary: String,
    /// The last lines that the failing container or command printed, if they help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
}
