//! A namespace in the cluster, and the workflow run that owns it.

use serde::{Deserialize, Serialize};

use crate::PreviewId;

/// A namespace, beyond doubt: another one of the same name has another UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceHandle {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The workflow run that owns what it makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// The preview, whose text is the workflow ID.
    pub preview: PreviewId,
    /// This very run: an earlier or later run of the same preview is somebody else. After a reset it is
    /// the run that was reset, whose work goes on.
    pub run_id: String,
}
