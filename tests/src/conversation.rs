//! One conversation: how it begins, and what must be true when it ends.

use std::{
    ffi::OsString,
    fs,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use github_stand_in::{Options, Repository, StandIn, User};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::ListParams};
use secrecy::ExposeSecret;
use stack::{eventually, ports::free_ports, program::output};
use tokio::process::Command;

use crate::{
    evidence, name,
    operator::Operator,
    process::{Service, programs},
    pull_request::PullRequest,
    setting::Setting,
    shared_stack::{NAME_KEY, SharedStack},
    temporal::Workflows,
    timeouts::ANSWER,
};

/// The owner of every conversation's repository; the repositories' names differ.
const OWNER: &str = "Octo-Org";
/// Another one, who has installed the App too and is served.
pub const ANOTHER_OWNER: &str = "Another-Org";
/// Images that are built at the same moment.
const BUILDS: usize = 4;

/// Everything that one test holds in its hands.
pub struct Conversation {
    /// Its own GitHub.
    pub github: StandIn,
    /// Its own repository there.
    pub repository: Repository,
    /// Its own webhook.
    pub webhook: Service,
    /// Where that one takes deliveries, `127.0.0.1:port`.
    pub webhook_address: String,
    /// Its own worker.
    pub worker: Service,
    /// The workflows on its own task queue.
    pub workflows: Workflows,
    /// What it shares with all others.
    pub stack: Arc<SharedStack>,
    /// Its own folder, for logs and whatever else it needs.
    pub folder: PathBuf,
    /// Its own service instance: what its namespaces are labelled with.
    pub instance: String,
    opened: AtomicU32,
}

/// Begins a conversation, has the talk, and then sees that everything was as it
/// should be and nothing is left over.
///
/// # Panics
/// When anything was not, with the evidence: comments, deliveries, workflows and logs.
pub fn converse<Talk>(setting: Setting, talk: Talk)
where
    Talk: AsyncFnOnce(&mut Conversation) -> Result<()>,
{
    let name = name::of_test::<Talk>();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system has threads");
    if let Err(failure) = runtime.block_on(hold(&name, setting, talk)) {
        panic!("{failure:#}");
    }
}

async fn hold(
    name: &str,
    setting: Setting,
    talk: impl AsyncFnOnce(&mut Conversation) -> Result<()>,
) -> Result<()> {
    let mut conversation = Box::pin(Conversation::begin(name, setting)).await?;
    let talked = AssertUnwindSafe(talk(&mut conversation)).catch_unwind().await;
    let outcome = match talked {
        Ok(Ok(())) => Box::pin(conversation.finish()).await,
        Ok(Err(error)) => Err(error),
        Err(panic) => Err(anyhow::anyhow!("{}", message(&*panic))),
    };
    let Err(failure) = outcome else { return Ok(()) };
    let evidence = evidence::of(&conversation).await;
    conversation.abandon().await;
    Err(failure.context(format!("{name} failed\n{evidence}\nThe failure itself")))
}

/// The folders of programs, before all others.
fn path_with<'p>(programs: impl IntoIterator<Item = &'p PathBuf>) -> Result<OsString> {
    let folders = programs.into_iter().filter_map(|program| program.parent());
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(folders.map(Path::to_owned).chain(std::env::split_paths(&path)))?)
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

impl Conversation {
    async fn begin(name: &str, setting: Setting) -> Result<Self> {
        let stack = Arc::new(SharedStack::find().await?);
        let folder = stack.folder.join("conversations").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;

        let github = StandIn::start(Options {
            delivery_deadline: setting.delivery_deadline,
            ..Options::default()
        })
        .await?;
        // Upper case and dots, which GitHub allows and Kubernetes does not.
        let repository = github.repository(OWNER, "Hello.World").await?;
        let instance = repository.name().to_ascii_lowercase().replace('.', "-");
        let task_queue = instance.clone();
        let key = folder.join("app.pem");
        fs::write(&key, github.private_key_pem())?;

        let programs = programs()?;
        let mut webhook = Service::new(programs.join("preview-webhook"), folder.join("webhook.log"))?;
        let mut worker = Service::new(programs.join("preview-worker"), folder.join("worker.log"))?;
        for service in [&mut webhook, &mut worker] {
            service.set("TEMPORAL_ADDRESS", &stack.env.temporal_address);
            service.set("TEMPORAL_NAMESPACE", &stack.env.temporal_namespace);
            service.set("PREVIEW_TASK_QUEUE", &task_queue);
            service.set("PREVIEW_ALLOWED_OWNERS", format!("{OWNER},{ANOTHER_OWNER}").to_lowercase());
            service.set("RUST_LOG", "info");
        }
        let address = webhook.address().to_owned();
        webhook.set("WEBHOOK_HEALTH_LISTEN", &address);
        let [port] = free_ports()?;
        let webhook_address = format!("127.0.0.1:{port}");
        webhook.set("WEBHOOK_LISTEN", &webhook_address);
        // Nobody has to notice first that it stops.
        webhook.set("WEBHOOK_DRAIN", "0s");
        webhook.set("WEBHOOK_SECRET", github.webhook_secret().expose_secret());
        let address = worker.address().to_owned();
        worker.set("WORKER_LISTEN", &address);
        worker.set("GITHUB_API_URL", github.api_url().as_str());
        worker.set("GITHUB_APP_ID", github.app_id().to_string());
        worker.set("GITHUB_PRIVATE_KEY_FILE", &key);
        worker.set("TEMPORAL_UI_URL", &stack.env.temporal_ui_url);
        worker.set("KUBECONFIG", &stack.env.worker_kubeconfig);
        worker.set("HELM", &stack.env.helm);
        // A script that stands in Helm's place may run programs of PATH only.
        worker.set("PATH", path_with([&stack.env.helm])?);
        worker.set("PREVIEW_INSTANCE", &instance);
        worker.set("PREVIEW_NAME_KEY", NAME_KEY);
        worker.set("PREVIEW_DOMAIN", &stack.env.preview_domain);
        worker.set("PREVIEW_INGRESS_ADDRESS", &stack.env.preview_ingress_address);
        worker.set("PREVIEW_INGRESS_CLASS", &stack.env.preview_ingress_class);
        worker.set("PREVIEW_CHART", &stack.env.preview_chart);
        worker.set("PREVIEW_IMAGE", &stack.env.preview_image);
        setting
            .webhook
            .iter()
            .for_each(|(variable, value)| webhook.set(variable, value));
        setting.worker.iter().for_each(|(variable, value)| worker.set(variable, value));

        // The worker registers the search attributes, so it has to have run once before the
        // webhook starts a workflow; it need not run on.
        worker.start().await?;
        if !setting.worker_runs {
            worker.stop().await?;
        }
        webhook.start().await?;
        github.set_webhook_url(Some(format!("http://{webhook_address}/api/github/webhooks").parse()?));

        let workflows = Workflows::new(Arc::clone(&stack), task_queue);
        Ok(Self {
            github,
            repository,
            webhook,
            webhook_address,
            worker,
            workflows,
            stack,
            folder,
            instance,
            opened: AtomicU32::new(1),
        })
    }

    /// Somebody who operates the conversation's service, and knows where Temporal is.
    ///
    /// # Errors
    /// When the programs are not built.
    pub fn operator(&self) -> Result<Operator> {
        let env = &self.stack.env;
        Ok(Operator::new(programs()?.join("preview"))
            .with("TEMPORAL_ADDRESS", &env.temporal_address)
            .with("TEMPORAL_NAMESPACE", &env.temporal_namespace)
            .with("PREVIEW_TASK_QUEUE", self.workflows.task_queue()))
    }

    /// Somebody who is where the conversation's worker is, with all of its settings.
    ///
    /// # Errors
    /// When the programs are not built.
    pub fn operator_beside_the_worker(&self) -> Result<Operator> {
        let settings = self.worker.environment().iter();
        let operator = Operator::new(programs()?.join("preview"));
        Ok(settings.fold(operator, |operator, (variable, value)| operator.with(variable, value)))
    }

    /// Opens a pull request by mona that greets in its own words, and builds its image.
    ///
    /// # Errors
    /// When GitHub or the image builder will not.
    pub async fn pull_request(&self) -> Result<PullRequest> {
        self.pull_request_in(&self.repository).await
    }

    /// So many of them.
    ///
    /// # Errors
    /// When an image cannot be built.
    pub async fn pull_requests(&self, count: usize) -> Result<Vec<PullRequest>> {
        let pulls = stream::iter(0..count).map(|_| self.pull_request());
        pulls.buffered(BUILDS).try_collect().await
    }

    /// The same in another repository.
    ///
    /// # Errors
    /// When GitHub or the image builder will not.
    pub async fn pull_request_in(&self, repository: &Repository) -> Result<PullRequest> {
        let greeting = self.greeting();
        let pull = repository
            .open_pull_request(&User::writer(), "Greet", [PullRequest::content(&greeting)])
            .await?;
        let pull = self.around_in(repository, pull);
        pull.build_image().await?;
        Ok(pull)
    }

    /// The same into another branch than the default one. There has to be such a branch.
    ///
    /// # Errors
    /// When GitHub or the image builder will not.
    pub async fn pull_request_into(&self, base: &str) -> Result<PullRequest> {
        let content = [PullRequest::content(&self.greeting())];
        let pull = self
            .repository
            .open_pull_request_into(base, &User::writer(), "Greet", content)
            .await?;
        let pull = self.around(pull);
        pull.build_image().await?;
        Ok(pull)
    }

    /// Opens a pull request whose image nobody has built yet.
    ///
    /// # Errors
    /// When GitHub will not.
    pub async fn pull_request_without_image(&self) -> Result<PullRequest> {
        let greeting = self.greeting();
        let pull = self
            .repository
            .open_pull_request(&User::writer(), "Greet", [PullRequest::content(&greeting)])
            .await?;
        Ok(self.around(pull))
    }

    /// Each in its own words, so that no two pull requests have the same commit.
    fn greeting(&self) -> String {
        format!("Hello number {} from {}", self.opened.fetch_add(1, Ordering::Relaxed), self.instance)
    }

    /// A repository of the same name under another owner, with an installation of its own.
    ///
    /// # Errors
    /// When GitHub will not.
    pub async fn namesake(&self, owner: &str) -> Result<Repository> {
        Ok(self.github.repository_named(owner, self.repository.name(), false).await?)
    }

    /// Gives the repository a configuration, on its default branch.
    ///
    /// # Errors
    /// When GitHub will not.
    pub async fn configure(&self, yaml: &str) -> Result<()> {
        self.repository.commit(&User::admin(), [(".preview.yaml", yaml)]).await?;
        Ok(())
    }

    /// Helpers around a pull request, or an issue, of this conversation.
    #[must_use]
    pub fn around(&self, pull: github_stand_in::PullRequest) -> PullRequest {
        self.around_in(&self.repository, pull)
    }

    /// The same in another repository, or in one that is called something else by now.
    #[must_use]
    pub fn around_in(&self, repository: &Repository, pull: github_stand_in::PullRequest) -> PullRequest {
        PullRequest::new(pull, self.github.clone(), repository.clone(), Arc::clone(&self.stack))
    }

    /// Stops the worker and starts it again with another setting.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub async fn restart_worker_with(&mut self, variable: &str, value: impl Into<OsString>) -> Result<()> {
        self.worker.stop().await?;
        self.worker.set(variable, value);
        self.worker.start().await
    }

    /// Another installation's worker in the same cluster that was given the same name, with a namespace
    /// of its own in Temporal; not running yet.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn namesake_worker(&self, temporal_namespace: &str) -> Result<Service> {
        let log = format!("worker-of-{temporal_namespace}.log");
        let mut worker = self.worker.like(self.folder.join(log))?;
        let address = worker.address().to_owned();
        worker.set("WORKER_LISTEN", address);
        worker.set("TEMPORAL_NAMESPACE", temporal_namespace);
        Ok(worker)
    }

    /// Types a script into Bash, in this conversation's folder, as an operator of the stack does whose shell
    /// knows its cluster, its Temporal and its programs; returns what it printed.
    ///
    /// # Errors
    /// When a command fails, with what it complained of.
    pub async fn type_in(&self, script: &str, environment: &[(&str, String)]) -> Result<String> {
        let env = &self.stack.env;
        let preview = programs()?.join("preview");
        let tools = [Some(&env.helm), env.kubectl.as_ref(), Some(&env.temporal_cli), Some(&preview)];
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .env("PATH", path_with(tools.into_iter().flatten())?)
            .env("HOME", self.folder.join("helm"))
            .env("KUBECONFIG", &env.kubeconfig)
            .env("TEMPORAL_ADDRESS", &env.temporal_address)
            .env("TEMPORAL_NAMESPACE", &env.temporal_namespace)
            .env("PREVIEW_TASK_QUEUE", &self.instance)
            .env("PREVIEW_INSTANCE", &self.instance)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        output(bash)
            .await
            .map_err(anyhow::Error::msg)
            .with_context(|| script.to_owned())
    }

    /// Runs the stack's Helm as a person does, in this conversation's folder; returns what it printed.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String> {
        self.helm_with(&[], arguments).await
    }

    /// The same with more in its environment.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub async fn helm_with(&self, environment: &[(&str, &Path)], arguments: &[&str]) -> Result<String> {
        let mut helm = Command::new(&self.stack.env.helm);
        helm.args(arguments)
            .current_dir(&self.folder)
            .env("HOME", self.folder.join("helm"))
            .envs(environment.iter().copied());
        let ran = output(helm).await.map_err(anyhow::Error::msg);
        ran.with_context(|| format!("helm {}", arguments.join(" ")))
    }

    /// The namespaces of this conversation's instance.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn namespaces(&self) -> Result<Vec<String>> {
        let selector =
            format!("app.kubernetes.io/managed-by=preview,preview.internal/instance={}", self.instance);
        let namespaces: Api<Namespace> = Api::all(self.stack.kube.clone());
        let found = namespaces.list(&ListParams::default().labels(&selector)).await?;
        Ok(found
            .items
            .into_iter()
            .filter_map(|namespace| namespace.metadata.name)
            .collect())
    }

    /// What must be true after every conversation.
    async fn finish(&mut self) -> Result<()> {
        let nothing_open = eventually(ANSWER, async || {
            let open = self.workflows.open().await.map_err(|error| error.to_string())?;
            if open.is_empty() {
                Ok(())
            } else {
                Err(format!("still open: {}", open.join(", ")))
            }
        });
        nothing_open
            .await
            .map_err(anyhow::Error::msg)
            .context("a conversation must end its previews")?;
        let all_said = eventually(ANSWER, async || {
            let restless = self.workflows.restless().await.map_err(|error| error.to_string())?;
            if restless.is_empty() || !self.worker.is_running() {
                Ok(())
            } else {
                Err(restless.join("; "))
            }
        });
        all_said
            .await
            .map_err(anyhow::Error::msg)
            .context("the pull requests' workflows must come to rest")?;
        let left = self.namespaces().await?;
        ensure!(left.is_empty(), "namespaces are left: {left:?}");
        let failed = self.workflows.failed_tasks().await?;
        ensure!(failed.is_empty(), "workflow tasks failed, which wedges a workflow: {failed:#?}");
        let violations = self.github.violations();
        ensure!(violations.is_empty(), "GitHub's description was departed from: {violations:#?}");

        self.workflows.forget_schedule(&self.instance).await;
        self.workflows.terminate_open().await;
        for service in [&mut self.webhook, &mut self.worker] {
            if service.is_running() {
                let status = service.stop().await?;
                ensure!(status.success(), "{} ended with {status} after SIGTERM", service.log().display());
            }
        }
        self.github.stop().await;
        Ok(())
    }

    /// After a failure: nothing of this conversation goes on in the shared stack.
    async fn abandon(&mut self) {
        self.workflows.forget_schedule(&self.instance).await;
        self.workflows.terminate_open().await;
        for service in [&mut self.webhook, &mut self.worker] {
            if service.is_running() {
                // It is killed with this process at the latest.
                let _ = service.kill().await;
            }
        }
    }
}
