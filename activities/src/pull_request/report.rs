//! How does a pull request's workflow learn what has become of a preview, even if it does not run (any more)?

use std::time::Duration;

use temporalio_client::{Client, NamespacedClient, tonic::IntoRequest};
use workflows::{
    activities::{PreviewReport, ReportPreview},
    payload::json,
    pull_request::signal_with_start,
    vocabulary::PullRequestRef,
};

use crate::temporal::TemporalError;

/// Longest time for one attempt of the call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The signal that the workflow takes reports by.
const SIGNAL: &str = "reported";

/// Signals the pull request's workflow, and starts it first if it does not run.
pub(crate) async fn send(
    temporal: &Client,
    task_queue: &str,
    request: &ReportPreview,
) -> Result<(), TemporalError> {
    let report = &request.report;
    let pull_request = PullRequestRef {
        installation: request.installation,
        repository: report.preview.repository.clone(),
        number: report.preview.pull_request,
    };
    let mut call = signal_with_start(
        pull_request,
        task_queue,
        SIGNAL,
        json(report),
        request_id(report),
    );
    call.namespace = temporal.namespace();
    call.identity = temporal.identity();
    let mut call = call.into_request();
    call.set_timeout(CALL_TIMEOUT);
    temporal
        .connection()
        .workflow_service()
        .signal_with_start_workflow_execution(call)
        .await
        .map_err(|status| TemporalError::new(format!("reporting on {}", report.preview), status))?;
    Ok(())
}

/// One per thing that is said.
fn request_id(report: &PreviewReport) -> String {
    // A run that does not exist yet has nothing to report; its preview's name is then as good.
    let run = report
        .run_id
        .clone()
        .unwrap_or_else(|| report.preview.to_string());
    format!("{run}-{}", report.revision)
}
