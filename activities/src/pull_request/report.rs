//! How a pull request's workflow learns what has become of a preview, even if it does not run (any more).

use service::signal::{Signal, Start, signal_pull_request};
use temporalio_client::Client;
use workflows::{
    activities::{PreviewReport, ReportPreview},
    payload::json,
    vocabulary::PullRequestRef,
};

use crate::temporal::TemporalError;

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
    let signal = Signal {
        pull_request: &pull_request,
        repository_id: request.repository_id,
        name: SIGNAL,
        input: json(report),
        request_id: request_id(report),
    };
    signal_pull_request(temporal, task_queue, signal, Start::Always)
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
