//! Installs what the preview service needs of a cluster.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::charts;
use crate::cluster::SERVICE_NAMESPACE;
use crate::error::StackError;

/// Installs `charts/preview-cluster`, as an operator would.
pub(super) async fn install(helm: &Path, kubeconfig: &Path) -> Result<(), StackError> {
    let output = Command::new(helm)
        .args(["upgrade", "--install", "preview-cluster"])
        .arg(charts::folder("preview-cluster"))
        .args(["--namespace", SERVICE_NAMESPACE, "--create-namespace"])
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| StackError::Prerequisites(error.to_string()))?;
    if output.status.success() {
        Ok(())
    } else {
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(StackError::Prerequisites(reason.trim().to_owned()))
    }
}
