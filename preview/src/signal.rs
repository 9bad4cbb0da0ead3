//! What Temporal says to a signal for a preview.

use anyhow::{Context, bail};
use temporalio_client::errors::WorkflowInteractionError;

/// The preview has it, or the operator is told why not. `name` is as they know it.
pub(crate) fn taken(signalled: Result<(), WorkflowInteractionError>, name: &str) -> anyhow::Result<()> {
    match signalled {
        Err(WorkflowInteractionError::NotFound(_)) => {
            bail!("{name} is not open; `preview explain {name}` says what became of it")
        }
        signalled => signalled.with_context(|| format!("cannot signal {name}")),
    }
}
