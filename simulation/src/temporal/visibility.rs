//! The visibility store: what lists are made from. It lags behind.

use domain::{PullRequestRef, RepositoryId, preview::Phase};
use temporalio_common::protos::{
    coresdk::workflow_commands::workflow_command::Variant, temporal::api::common::v1::SearchAttributes,
};
use workflows::search_attributes::{
    EXPIRES_AT, PHASE, PULL_REQUEST, REPOSITORY, REPOSITORY_ID, REQUESTED_BY,
};

use super::{Close, CompletedTask};
use crate::{executor::Moment, sim::Sim};

/// The search attributes of a run that lists are filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// `owner/repo`.
    pub repository: Option<String>,
    /// The repository, whatever it is called.
    pub repository_id: Option<u64>,
    /// The pull request's number.
    pub number: Option<u64>,
    /// Who asked.
    pub requested_by: Option<String>,
    /// When it ends.
    pub expires_at: Option<Moment>,
    /// How far along it is.
    pub phase: Option<String>,
}

impl Attributes {
    /// Those of a run that is reset: what its tasks have said until then.
    pub(super) fn decided_in(tasks: &[CompletedTask]) -> Self {
        let mut attributes = Self::default();
        for command in tasks.iter().flat_map(CompletedTask::commands) {
            if let Some(Variant::UpsertWorkflowSearchAttributes(upsert)) = &command.variant {
                attributes.upsert(&upsert.search_attributes.clone().unwrap_or_default());
            }
        }
        attributes
    }

    pub(super) fn upsert(&mut self, attributes: &SearchAttributes) {
        let read = |key: &str| {
            let payload = attributes.indexed_fields.get(key)?;
            serde_json::from_slice::<serde_json::Value>(&payload.data).ok()
        };
        let text = |key: &str| read(key)?.as_str().map(str::to_owned);
        self.repository = text(REPOSITORY.name()).or(self.repository.take());
        self.requested_by = text(REQUESTED_BY.name()).or(self.requested_by.take());
        self.repository_id = read(REPOSITORY_ID.name()).and_then(|id| id.as_u64()).or(self.repository_id);
        self.number = read(PULL_REQUEST.name()).and_then(|number| number.as_u64()).or(self.number);
        self.phase = text(PHASE.name()).or(self.phase.take());
        let expires_at = text(EXPIRES_AT.name()).and_then(|text| text.parse().ok());
        self.expires_at = expires_at.map(Moment::of).or(self.expires_at);
    }
}

/// What a list shows of a run.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its own ID.
    pub run_id: String,
    /// The first run of its chain.
    pub first_run_id: String,
    /// Its workflow ID.
    pub workflow_id: String,
    /// Its type.
    pub workflow_type: String,
    /// Was it open when this was recorded?
    pub is_open: bool,
    /// Did another run go on in its place?
    is_continued: bool,
    attributes: Attributes,
}

impl Sim {
    /// Has the store show the run as it is by then, in a moment.
    pub(super) fn index(&self, run_id: &str) {
        let (sim, run_id) = (self.clone(), run_id.to_owned());
        self.spawn(("index", run_id.clone(), self.now()), async move {
            sim.pause().await;
            let mut temporal = sim.temporal_mut();
            let Some(run) = temporal.runs.get(&run_id) else {
                return;
            };
            let record = Record {
                run_id: run_id.clone(),
                first_run_id: run.first_run_id().to_owned(),
                workflow_id: run.workflow_id.clone(),
                workflow_type: run.workflow_type().to_owned(),
                is_open: run.is_open(),
                is_continued: matches!(run.close, Some(Close::ContinuedAsNew)),
                attributes: run.attributes.clone(),
            };
            temporal.records.insert(run_id, record);
        });
    }

    /// What is open of a pull request, as [`workflows::search_attributes::open_workflows`] asks.
    pub fn list_open(
        &self,
        pull_request: &PullRequestRef,
        repository_id: Option<RepositoryId>,
    ) -> Vec<Record> {
        let mut listed = self.list_open_or_continued(pull_request, repository_id);
        listed.retain(|record| record.is_open);
        listed
    }

    /// As [`workflows::search_attributes::open_or_continued_workflows`] asks.
    pub fn list_open_or_continued(
        &self,
        pull_request: &PullRequestRef,
        repository_id: Option<RepositoryId>,
    ) -> Vec<Record> {
        let (name, number) = (pull_request.repository.to_string(), pull_request.number.get());
        let is_meant = |record: &&Record| {
            let attributes = &record.attributes;
            let by_name = attributes.repository.as_deref() == Some(&name);
            let by_repository = match repository_id {
                Some(id) => {
                    attributes.repository_id == Some(id.0) || (by_name && attributes.repository_id.is_none())
                }
                None => by_name,
            };
            (record.is_open || record.is_continued) && attributes.number == Some(number) && by_repository
        };
        self.temporal().records.values().filter(is_meant).cloned().collect()
    }

    /// Which of these workflow IDs are open, as far as the store knows.
    pub fn open_among(&self, workflow_ids: &[String]) -> Vec<String> {
        let temporal = self.temporal();
        let open = temporal.records.values().filter(|record| record.is_open);
        open.map(|record| record.workflow_id.clone())
            .filter(|id| workflow_ids.contains(id))
            .collect()
    }

    /// Previews that should have ended before, and are open as far as the store knows.
    pub fn overdue(&self, expired_before: Moment) -> Vec<String> {
        let temporal = self.temporal();
        let overdue = temporal.records.values().filter(|record| {
            record.is_open && record.attributes.expires_at.is_some_and(|at| at < expired_before)
        });
        overdue.map(|record| record.workflow_id.clone()).collect()
    }

    /// Previews that are open and ready as far as the store knows.
    pub fn ready(&self) -> Vec<Record> {
        let ready = [Phase::Ready.to_string(), Phase::Expiring.to_string()];
        let temporal = self.temporal();
        let found = temporal.records.values().filter(|record| {
            record.is_open && record.attributes.phase.as_ref().is_some_and(|phase| ready.contains(phase))
        });
        found.cloned().collect()
    }

    /// Who asked for the newest run of a workflow ID.
    pub fn requested_by(&self, workflow_id: &str) -> Option<String> {
        self.temporal().newest(workflow_id)?.attributes.requested_by.clone()
    }
}
