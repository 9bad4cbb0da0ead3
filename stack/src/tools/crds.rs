//! Finds definitions of custom resources in the modules that publish them, pinned in `stack/tools/crds`.

use std::path::PathBuf;

use tokio::process::Command;

use super::catalogue::go_module;
use crate::program::output;

/// Of custom resources that the service's chart can make, and that few clusters have from the start.
const DEFINITIONS: &[(&str, &str)] = &[
    ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
];

/// The files with the definitions. Their modules are downloaded the first time.
///
/// # Errors
/// What Go complains of.
pub async fn files() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for (module, file) in DEFINITIONS {
        go(&["mod", "download", module]).await?;
        let folder = go(&["list", "-m", "-f", "{{.Dir}}", module]).await?;
        files.push(PathBuf::from(folder.trim()).join(file));
    }
    Ok(files)
}

async fn go(arguments: &[&str]) -> Result<String, String> {
    let mut go = Command::new("go");
    go.args(arguments)
        .current_dir(go_module("crds"))
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly");
    output(go).await
}
