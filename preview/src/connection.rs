//! The connection to Temporal, tried once: a person waits.

use anyhow::Context;
use runtime::{TemporalSettings, temporal};
use temporalio_client::Client;

/// Connects, or says what to look at.
///
/// # Errors
/// If Temporal does not answer, or does not know the namespace.
pub(crate) async fn open(settings: &TemporalSettings) -> anyhow::Result<Client> {
    let mut connection = settings.connection()?;
    connection.identity = format!("preview/{}", env!("CARGO_PKG_VERSION"));
    temporal::try_connect(settings, &connection).await.with_context(|| {
        format!(
            "no namespace {} of Temporal at {} (TEMPORAL_NAMESPACE, TEMPORAL_ADDRESS)",
            settings.temporal_namespace, settings.temporal_address
        )
    })
}
