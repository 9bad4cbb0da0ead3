//! How a pull request's workflow learns what has become of a preview, even if it does not run (any more).

use domain::PullRequestRef;
use runtime::signal::{Recipient, Start, signal_pull_request};
use temporalio_client::Client;
use workflows::{contract::ReportPreview, signal::Signal};

use crate::temporal::TemporalError;

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
    let recipient = Recipient {
        pull_request: &pull_request,
        repository_id: request.repository_id,
    };
    let signal = Signal::report(report);
    signal_pull_request(temporal, task_queue, recipient, signal, Start::Always)
        .await
        .map_err(|status| TemporalError::new(format!("reporting on {}", report.preview), status))?;
    Ok(())
}
