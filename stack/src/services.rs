//! Builds the webhook and the worker, and runs them so that they serve this stack.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::cargo;
use crate::env::{ServiceEnv, StackEnv};
use crate::error::StackError;
use crate::http_probe::HttpProbe;
use crate::images::{ImageBuilder, Programs, ServiceImage};
use crate::options::ClusterChoice;
use crate::part::Part;
use crate::ports::free_ports;
use crate::stack::Stack;
use crate::tools::Toolbox;

/// What both may take to finish what they have accepted.
const GRACE: Duration = Duration::from_secs(3);

/// Builds both programs with Cargo, which shows its own progress; returns the folder that they are in.
///
/// # Errors
/// When they do not compile.
pub async fn build() -> Result<PathBuf, StackError> {
    let status = cargo::command()
        // All programs, and not these two alone: so their dependencies have the features that every other
        // build gives them, and are not built twice.
        .args(["build", "--quiet", "--workspace", "--bins"])
        .stdin(Stdio::null())
        .status()
        .await
        .map_err(StackError::Build)?;
    if !status.success() {
        return Err(StackError::DoesNotCompile);
    }
    programs()
}

/// What their images are made of.
pub(crate) fn images_are_made_of(toolbox: &Toolbox) -> Result<Programs, StackError> {
    Ok(Programs { folder: programs()?, helm: toolbox.path("helm")?.to_owned() })
}

/// Where Cargo puts the programs of this workspace: beside this one.
///
/// # Errors
/// When the system does not say where this one is.
pub fn programs() -> Result<PathBuf, StackError> {
    let this = std::env::current_exe().map_err(StackError::Build)?;
    Ok(this.parent().unwrap_or(Path::new("/")).to_owned())
}

impl Stack {
    /// Brings the image of the worker into the stack's own cluster, where a pod tries the network with it. It
    /// may come when everything else runs: the pod waits for it. A failure is logged: nothing else needs it.
    ///
    /// # Errors
    /// When Helm was not among the tools asked for.
    pub fn bring_worker_image(
        &self,
        images: Arc<ImageBuilder>,
    ) -> Result<impl Future<Output = ()> + Send + use<>, StackError> {
        let is_ours = matches!(self.options.cluster, ClusterChoice::Embedded);
        let programs = images_are_made_of(&self.toolbox)?;
        Ok(async move {
            if is_ours && let Err(error) = images.build_service(ServiceImage::Worker, &programs).await {
                tracing::warn!("the worker will not find out whether network policies are enforced: {error}");
            }
        })
    }

    /// Starts the webhook and the worker; returns when both are ready.
    ///
    /// # Errors
    /// Names the program, its log, and the log's last lines.
    pub async fn start_services(&self, env: &StackEnv, service: &ServiceEnv) -> Result<(), StackError> {
        let programs = programs()?;
        let [worker_port, webhook_health_port] = free_ports()?;
        let webhook_port = self.options.ports.webhook;
        let common = |name, program| {
            let part = Part::new(name, &programs.join(program))
                .env("TEMPORAL_ADDRESS", &env.temporal_address)
                .env("TEMPORAL_NAMESPACE", &env.temporal_namespace)
                .env("PREVIEW_ALLOWED_OWNERS", &service.preview_allowed_owners);
            Part { grace: GRACE, ..part }
        };
        let webhook = common("webhook", "preview-webhook")
            .env("WEBHOOK_LISTEN", format!("127.0.0.1:{webhook_port}"))
            .env("WEBHOOK_HEALTH_LISTEN", format!("127.0.0.1:{webhook_health_port}"))
            // Nobody has to notice first that it stops.
            .env("WEBHOOK_DRAIN", "0s")
            .env("WEBHOOK_SECRET", &service.webhook_secret);
        let worker = common("worker", "preview-worker")
            .env("WORKER_LISTEN", format!("127.0.0.1:{worker_port}"))
            .env("GITHUB_API_URL", &service.github_api_url)
            .env("GITHUB_APP_ID", &service.github_app_id)
            .env("GITHUB_PRIVATE_KEY_FILE", &service.github_private_key_file)
            .env("TEMPORAL_UI_URL", &env.temporal_ui_url)
            .env("KUBECONFIG", &env.worker_kubeconfig)
            .env("HELM", &env.helm)
            .env("PREVIEW_NAME_KEY_FILE", &service.preview_name_key_file)
            .env("PREVIEW_DOMAIN", &env.preview_domain)
            .env("PREVIEW_INGRESS_ADDRESS", &env.preview_ingress_address)
            .env("PREVIEW_INGRESS_CLASS", &env.preview_ingress_class)
            .env("PREVIEW_CHART", &env.preview_chart)
            .env("PREVIEW_IMAGE", &env.preview_image)
            // Who plays with the stack sees everything anyway.
            .env("PREVIEW_POST_LOGS", "always");
        let worker = env
            .kube_context
            .iter()
            .fold(worker, |part, context| part.env("KUBE_CONTEXT", context));
        // Whoever brings a cluster decides whether it has the policy.
        let worker = match self.options.cluster {
            ClusterChoice::Embedded => worker
                .env("PREVIEW_REPOSITORY_CHARTS", "true")
                .env("PREVIEW_PROBE_IMAGE", ServiceImage::Worker.name()),
            ClusterChoice::Existing(_) => worker,
        };
        let worker = service
            .preview_ttl
            .iter()
            .fold(worker, |part, ttl| part.env("PREVIEW_TTL", ttl));

        let probe = HttpProbe::new().map_err(StackError::Client)?;
        let ready = |port: u16| format!("http://127.0.0.1:{port}/readyz");
        tokio::try_join!(
            self.parts.start(webhook, async || probe.get(&ready(webhook_health_port)).await),
            self.parts.start(worker, async || probe.get(&ready(worker_port)).await),
        )?;
        Ok(())
    }
}
