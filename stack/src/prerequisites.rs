//! Installs what the preview service needs of a cluster.

use std::path::Path;

use tokio::process::Command;

use crate::charts;
use crate::cluster::SERVICE_NAMESPACE;
use crate::error::StackError;
use crate::program::output;

/// Installs `charts/preview-cluster`, as an operator would.
pub(super) async fn install(helm: &Path, kubeconfig: &Path) -> Result<(), StackError> {
    let mut command = Command::new(helm);
    command
        .args(["upgrade", "--install", "preview-cluster"])
        .arg(charts::folder("preview-cluster"))
        .args(["--namespace", SERVICE_NAMESPACE, "--create-namespace"])
        .arg("--kubeconfig")
        .arg(kubeconfig);
    output(command).await.map(drop).map_err(StackError::Prerequisites)
}
