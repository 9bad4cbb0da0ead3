//! What makes, watches and removes a preview in the cluster.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use domain::{
    CommentId, InstallationId, Login, NamespaceHandle, PreviewId, RepositoryId, RunIdentity, Ttl,
    preview::{
        AnswerNote, ChartSource, Expose, MissingImage, PreviewSettings, ReadinessSettings, RepositoryLimits,
        RepositoryQuota,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

/// Activities on the workflows' own queue.
pub struct PreviewActivities;

#[activity_definitions]
impl PreviewActivities {
    /// Makes the preview's namespace with its guards (quota, limits, network policy, pod
    /// security), labelled and annotated as ours.
    #[activity(name = "create_namespace")]
    pub async fn create_namespace(
        _input: CreateNamespace,
    ) -> Result<NamespaceHandle, ActivityExecutionError> {
        unimplemented!()
    }

    /// Installs the chart for this commit; does not wait for the workloads. Nothing is installed if a hook's
    /// image does not exist yet.
    #[activity(name = "install_release")]
    pub async fn install_release(
        _input: InstallRelease,
    ) -> Result<Option<MissingImage>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Waits until the URL answers, or says early and exactly why it will not. An image that the cluster does
    /// not have yet is named at once.
    #[activity(name = "await_ready")]
    pub async fn await_ready(_input: AwaitReady) -> Result<Readiness, ActivityExecutionError> {
        unimplemented!()
    }

    /// Uninstalls the release, deletes the namespace if this run owns it, and returns when it is really gone.
    #[activity(name = "tear_down")]
    pub async fn tear_down(_input: TearDown) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod preview_declared {
    pub use super::preview_activities::{AwaitReady, CreateNamespace, InstallRelease, TearDown};
}

/// Input of `create_namespace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNamespace {
    /// Who will own it.
    pub owner: RunIdentity,
    /// The comment that asked, for people who look at the cluster.
    pub comment: CommentId,
    /// Through which installation its pull request is reached, should the workflow not be there
    /// any more to say what became of the preview.
    pub installation: InstallationId,
    /// The repository's number, where it is known: see [`ReportPreview`](super::ReportPreview).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<RepositoryId>,
    /// The login of the person who asked.
    pub requested_by: Login,
    /// How long the preview is meant to live.
    pub ttl: Ttl,
    /// What will be installed there: a chart from the repository is held to more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSource>,
    /// How many previews the repository allows itself.
    #[serde(default)]
    pub limits: RepositoryLimits,
    /// What its pods may reach outside, by the operators' names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<String>,
    /// What its pods may take together.
    #[serde(default)]
    pub quota: RepositoryQuota,
}

/// Input of `install_release`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallRelease {
    /// Who installs.
    pub owner: RunIdentity,
    /// Through which installation its repository is read.
    pub installation: InstallationId,
    /// Into which namespace.
    pub namespace: NamespaceHandle,
    /// The pull request's branch, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The earliest end of the preview that is known at this time, for the app to show.
    pub expires_at: Timestamp,
    /// How the repository wants it installed.
    #[serde(default)]
    pub settings: PreviewSettings,
    /// Since when a hook of the chart waits for its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_missing_since: Option<Timestamp>,
}

/// Input of `await_ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitReady {
    /// Which preview.
    pub preview: PreviewId,
    /// In which namespace.
    pub namespace: NamespaceHandle,
    /// Since when an image is missing: the cluster is to ask for it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_missing_since: Option<Timestamp>,
    /// When it counts as ready.
    #[serde(default)]
    pub readiness: ReadinessSettings,
    /// Where its address leads, if its chart makes no Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,
}

/// Output of `await_ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Readiness {
    /// The workloads are up and the URL answered.
    Ready {
        /// The address to publish.
        url: String,
        /// What is worth knowing of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<AnswerNote>,
    },
    /// The cluster does not have an image. Nothing is waited for until somebody looks again.
    ImageMissing(MissingImage),
}

/// Input of `tear_down`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TearDown {
    /// Only what this run owns is removed.
    pub owner: RunIdentity,
}
