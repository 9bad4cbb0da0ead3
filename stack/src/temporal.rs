//! Runs the Temporal server.

use crate::error::StackError;
use crate::http_probe::HttpProbe;
use crate::options::ClusterChoice;
use crate::part::Part;
use crate::ports::free_ports;
use crate::stack::Stack;

/// The namespace that the server makes at its start.
pub const NAMESPACE: &str = "default";
/// How many events make a history so long that a workflow should go on in a new run.
pub const LONG_HISTORY: usize = 600;

impl Stack {
    /// Starts the server with an empty database; returns when its namespace can be used.
    pub(super) async fn start_temporal(&self) -> Result<(), StackError> {
        let ports = &self.options.ports;
        let [http, metrics] = free_ports()?;
        let ip = match self.options.cluster {
            // In a network of the stack's own, where pods reach it unless a policy forbids it.
            ClusterChoice::Embedded => "0.0.0.0",
            ClusterChoice::Existing(_) => "127.0.0.1",
        };
        let part = Part::new("temporal", self.toolbox.path("temporal")?)
            .arg("server")
            .arg("start-dev")
            .flag("ip", ip)
            .flag("ui-ip", "127.0.0.1")
            .flag("port", ports.temporal.to_string())
            .flag("ui-port", ports.temporal_ui.to_string())
            .flag("http-port", http.to_string())
            .flag("metrics-port", metrics.to_string())
            .flag("db-filename", self.options.folder("temporal.db"))
            // The database is emptied at every start, so it need not survive a power cut; waiting
            // for the disk was a quarter of every call.
            .flag("sqlite-pragma", "synchronous=OFF")
            .flag("namespace", NAMESPACE)
            // A rate limit is divided among a queue's partitions, and what waits in
            // one does not use what another leaves over.
            .flag("dynamic-config-value", "matching.numTaskqueueReadPartitions=1")
            .flag("dynamic-config-value", "matching.numTaskqueueWritePartitions=1")
            // Usually 4096: small, so that a long conversation goes on in a new run here, too.
            .flag("dynamic-config-value", format!("limit.historyCount.suggestContinueAsNew={LONG_HISTORY}"))
            .flag("log-level", "warn");
        let probe = HttpProbe::new().map_err(StackError::Client)?;
        let namespace = format!("http://127.0.0.1:{http}/api/v1/namespaces/{NAMESPACE}");
        let page = format!("http://127.0.0.1:{}/", ports.temporal_ui);
        self.parts
            .start(part, async || {
                probe.get(&namespace).await?;
                probe.get(&page).await
            })
            .await?;
        Ok(())
    }
}
