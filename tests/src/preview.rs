//! Looks at a preview: in Temporal, in the cluster, and through its URL.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use domain::{PreviewId, RunIdentity, preview::Phase};
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use prost::Message;
use stack::{eventually, page::Page};
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionDescription, WorkflowExecutionStatus,
    WorkflowFetchHistoryOptions, WorkflowGetResultOptions, WorkflowHandle, WorkflowQueryOptions,
    errors::{WorkflowGetResultError, WorkflowInteractionError},
};
use temporalio_common::protos::temporal::api::history::v1::{HistoryEvent, history_event::Attributes};
use tokio::time::timeout;
use url::Url;
use workflows::{PreviewWorkflow, preview::PreviewStatus, search_attributes::PHASE};

use crate::{
    shared_stack::SharedStack,
    timeouts::{ANSWER, GONE, URL},
};

/// A preview that was, is or could be.
#[derive(Clone)]
pub struct Preview {
    /// Its name in Temporal.
    pub id: PreviewId,
    stack: Arc<SharedStack>,
}

impl Preview {
    pub(crate) fn new(id: PreviewId, stack: Arc<SharedStack>) -> Self {
        Self { id, stack }
    }

    /// Its workflow; the newest run, if there were several.
    #[must_use]
    pub fn workflow(&self) -> WorkflowHandle<Client, PreviewWorkflow> {
        self.stack.temporal.get_workflow_handle(self.id.to_string())
    }

    /// What Temporal says of its newest run; `None` if it was never asked for.
    /// Unlike the records, this is never behind.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn described(&self) -> Result<Option<WorkflowExecutionDescription>> {
        match self.workflow().describe(WorkflowDescribeOptions::default()).await {
            Ok(description) => Ok(Some(description)),
            Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its newest run.
    ///
    /// # Errors
    /// When there was none.
    pub async fn run_id(&self) -> Result<String> {
        let description = self
            .described()
            .await?
            .with_context(|| format!("{} was never started", self.id))?;
        Ok(description.run_id().to_owned())
    }

    /// Waits until it is started, which happens a moment after it was asked for.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn is_started(&self) -> Result<()> {
        let started = async || match self.described().await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(format!("{} was not started", self.id)),
            Err(error) => Err(format!("{error:#}")),
        };
        eventually(ANSWER, started).await.map_err(anyhow::Error::msg)
    }

    /// Waits until the newest run has entered `phase`, now or before.
    ///
    /// # Errors
    /// When it closes first, or does not in time.
    pub async fn reaches(&self, phase: Phase) -> Result<()> {
        self.is_started().await?;
        let reached = timeout(URL, async {
            loop {
                match self.passes_through(phase).await {
                    // While it is being followed, Temporal may move a history in its store, and
                    // then refuses to go on with the old page.
                    Err(error) if format!("{error:#}").contains("branch tokens") => {}
                    result => return result,
                }
            }
        });
        reached
            .await
            .with_context(|| format!("{} was not {phase} within {URL:?}", self.id))?
    }

    /// Follows the newest run's history from its beginning until it enters the phase.
    async fn passes_through(&self, phase: Phase) -> Result<()> {
        let options = WorkflowFetchHistoryOptions::builder()
            .wait_new_event(true)
            .skip_archival(true)
            .build();
        let mut events = self.workflow().fetch_history(options);
        while let Some(event) = events.try_next().await? {
            if phase_in(&event) == Some(phase) {
                return Ok(());
            }
        }
        bail!("{} ended without having been {phase}", self.id)
    }

    /// Every phase that the newest run has entered so far, in order.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn phases(&self) -> Result<Vec<Phase>> {
        let history = self.workflow().fetch_history(WorkflowFetchHistoryOptions::default());
        Ok(history.into_events().await?.iter().filter_map(phase_in).collect())
    }

    /// Everything that Temporal has recorded of the newest run so far. What
    /// stands between the texts in it is no text.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn recorded(&self) -> Result<String> {
        let history = self.workflow().fetch_history(WorkflowFetchHistoryOptions::default());
        let events = history.into_events().await?;
        let bytes: Vec<u8> = events.iter().flat_map(Message::encode_to_vec).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until the newest run is closed, and says how.
    ///
    /// # Errors
    /// When it is still open after a while.
    pub async fn closed(&self) -> Result<WorkflowExecutionStatus> {
        self.is_started().await?;
        let result = timeout(URL, self.workflow().get_result(WorkflowGetResultOptions::default())).await;
        match result.with_context(|| format!("{} was still open after {URL:?}", self.id))? {
            Ok(_) => Ok(WorkflowExecutionStatus::Completed),
            Err(WorkflowGetResultError::Failed(_)) => Ok(WorkflowExecutionStatus::Failed),
            Err(WorkflowGetResultError::Cancelled { .. }) => Ok(WorkflowExecutionStatus::Canceled),
            Err(WorkflowGetResultError::Terminated { .. }) => Ok(WorkflowExecutionStatus::Terminated),
            Err(error) => Err(error.into()),
        }
    }

    /// What the workflow says of itself.
    ///
    /// # Errors
    /// When no worker answers for it.
    pub async fn status(&self) -> Result<PreviewStatus> {
        let workflow = self.workflow();
        let asked = workflow.query(PreviewWorkflow::status, (), WorkflowQueryOptions::default());
        Ok(timeout(ANSWER, asked)
            .await
            .with_context(|| format!("{} answers no query: is it wedged?", self.id))??)
    }

    /// Sends a signal with the real `temporal` program; `inputs` are JSON.
    ///
    /// # Errors
    /// When the program or the server refuses.
    pub async fn signal(&self, name: &str, inputs: &[&str]) -> Result<()> {
        let id = self.id.to_string();
        let mut arguments = vec!["workflow", "signal", "--workflow-id", &id, "--name", name];
        arguments.extend(inputs.iter().flat_map(|input| ["--input", input]));
        self.stack.temporal_cli(&arguments).await.map(drop)
    }

    /// Stops it with the `temporal` program, and waits until it is over.
    ///
    /// # Errors
    /// When it does not end as a stopped preview does.
    pub async fn stop(&self) -> Result<()> {
        self.signal("stop", &[]).await?;
        self.is_over().await
    }

    /// Waits until its newest run has come to a good end, and nothing of it is left.
    ///
    /// # Errors
    /// When it ends in another way, or not in time.
    pub async fn is_over(&self) -> Result<()> {
        let status = self.closed().await?;
        ensure!(status == WorkflowExecutionStatus::Completed, "{} has ended and is {status:?}", self.id);
        self.gone().await
    }

    /// The ID of its newest run, if there is one, and it is closed.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn closed_run_id(&self) -> Result<Option<String>> {
        let described = self.described().await?;
        let closed = described.filter(|run| run.status() != WorkflowExecutionStatus::Running);
        Ok(closed.map(|run| run.run_id().to_owned()))
    }

    /// What its namespace is called, or will be. Waits until there is a run, or a namespace.
    ///
    /// # Errors
    /// When it is not started in time.
    pub async fn namespace_name(&self) -> Result<String> {
        if let Some(namespace) = self.namespace().await? {
            return Ok(namespace.name_any());
        }
        self.is_started().await?;
        let owner = RunIdentity { preview: self.id.clone(), run_id: self.run_id().await? };
        Ok(self.stack.names()?.namespace(&owner))
    }

    /// Its namespace, if it has one; the newest, if an earlier run has left another.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn namespace(&self) -> Result<Option<Namespace>> {
        let PreviewId { pull_request, commit, .. } = &self.id;
        let labels = format!("preview.internal/pull-request={pull_request},preview.internal/commit={commit}");
        let found = self.namespaces().list(&ListParams::default().labels(&labels)).await?;
        let id = self.id.to_string();
        let made_for_it = |it: &Namespace| it.annotations().get("preview.internal/workflow-id") == Some(&id);
        Ok(found
            .into_iter()
            .filter(made_for_it)
            .max_by_key(ResourceExt::creation_timestamp))
    }

    /// Waits until it has a namespace.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn has_namespace(&self) -> Result<Namespace> {
        let found = async || match self.namespace().await {
            Ok(Some(namespace)) => Ok(namespace),
            Ok(None) => Err(format!("{} has no namespace", self.id)),
            Err(error) => Err(format!("{error:#}")),
        };
        eventually(ANSWER, found).await.map_err(anyhow::Error::msg)
    }

    /// Waits until it has no namespace any more.
    ///
    /// # Errors
    /// When there still is one after a while.
    pub async fn gone(&self) -> Result<()> {
        let gone = async || match self.namespace().await {
            Ok(None) => Ok(()),
            Ok(Some(namespace)) => Err(format!("the namespace {} is still there", namespace.name_any())),
            Err(error) => Err(format!("{error:#}")),
        };
        eventually(GONE, gone).await.map_err(anyhow::Error::msg)
    }

    /// One of its pods that run.
    ///
    /// # Errors
    /// When there is none.
    pub async fn pod(&self) -> Result<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.stack.kube.clone(), &self.namespace_name().await?);
        let running = ListParams::default().fields("status.phase=Running");
        let mut found = pods.list(&running).await?.items;
        found.pop().with_context(|| format!("no pod of {} runs", self.id))
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.stack.kube.clone())
    }

    /// Where it answers, once it does.
    ///
    /// # Errors
    /// When the stack's addresses are of no use.
    pub fn url(&self) -> Result<Url> {
        Ok(self.stack.names()?.url(&self.id).parse()?)
    }

    /// Opens a path of its URL.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn open(&self, path: &str) -> Result<Page> {
        self.stack.open(&self.url()?.join(path)?).await
    }
}

/// The phase that this event of a history records, if it does.
fn phase_in(event: &HistoryEvent) -> Option<Phase> {
    let Some(Attributes::UpsertWorkflowSearchAttributesEventAttributes(upsert)) = &event.attributes else {
        return None;
    };
    let payload = upsert.search_attributes.as_ref()?.indexed_fields.get(PHASE.name())?;
    serde_json::from_slice(&payload.data).ok()
}
