//! What has happened on the pull request and was not attended to yet?

use serde::{Deserialize, Serialize};

use super::{Closed, Commented, Pushed};

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// Somebody asked for something.
    Commented(Commented),
    /// There is a new newest commit.
    Pushed(Pushed),
    /// It was closed or merged.
    Closed(Closed),
}
