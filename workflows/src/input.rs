//! A workflow's input: whether it is one, and this workflow's.

use temporalio_workflow::{WorkflowContext, common::error::ApplicationFailure};

/// The input, if it is one and is for the workflow of this ID; else why not.
pub(crate) fn accepted<W, T>(
    ctx: &WorkflowContext<W>,
    input: Result<T, String>,
    workflow_id_for: impl FnOnce(&T) -> String,
) -> Result<T, String> {
    let input = input?;
    let (wanted, workflow_id) = (workflow_id_for(&input), ctx.workflow_id());
    if wanted == workflow_id {
        Ok(input)
    } else {
        Err(format!("it is for {wanted}, but the workflow ID is {workflow_id:?}"))
    }
}

/// The end of a run that was started with something else: `message` says with what it should be.
pub(crate) fn bad_request(message: String) -> ApplicationFailure {
    ApplicationFailure::builder(message)
        .type_name("BadRequest".to_owned())
        .non_retryable(true)
        .build()
}
