//! The failed previews that nobody has asked for again, and why they failed.

use activities::ending_of;
use domain::preview::Ending;
use futures::{StreamExt, TryStreamExt, stream};
use temporalio_client::{Client, UntypedWorkflow, WorkflowDescribeOptions, errors::WorkflowInteractionError};

use super::row::Row;

/// Questions at the same time.
const AT_ONCE: usize = 32;

/// Leaves out the runs that another one has followed, and fills in the others' reasons.
///
/// # Errors
/// If Temporal does not answer.
pub(super) async fn explained(temporal: &Client, rows: Vec<Row>) -> anyhow::Result<Vec<Row>> {
    let looked_at = stream::iter(rows).map(|row| explain(temporal, row)).buffered(AT_ONCE);
    let rows: Vec<_> = looked_at.try_collect().await?;
    Ok(rows.into_iter().flatten().collect())
}

/// None if another run has followed.
async fn explain(temporal: &Client, row: Row) -> anyhow::Result<Option<Row>> {
    let handle = temporal.get_workflow_handle::<UntypedWorkflow>(row.preview.clone());
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(newest) if newest.run_id() == row.run_id => {}
        Ok(_) | Err(WorkflowInteractionError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let ending = ending_of(temporal, &row.preview, &row.run_id).await?;
    let failure = match ending {
        Ending::Failed(explanation) => Some(explanation.summary),
        Ending::Stopped(_) => None,
    };
    Ok(Some(Row { failure, ..row }))
}
