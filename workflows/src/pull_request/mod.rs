//! What happens on one pull request, from the first command to the last word.

mod children;
mod commands;
mod deployment_writer;
mod deployments;
#[cfg(test)]
mod fixtures;
mod inbox;
mod lookups;
mod memory;
mod patience;
mod previews;
mod reconcile;
mod replies;
mod session;
mod sticky;
mod telling;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, common::error::ApplicationFailure, join,
};

use inbox::Message;
use memory::Memory;
use session::{Exit, Session};
pub use telling::{WORKFLOW_TYPE, open_workflows, signal_with_start};

use crate::{
    activities::{PreviewReport, StickyComment},
    clock,
    payload::Lenient,
    vocabulary::{
        Command, CommentId, CommitSha, InstallationId, Login, Misunderstood, PullRequestRef,
        RepositoryId,
    },
};

/// One pull request. Its workflow ID is the pull request's name, `owner/repo#123`, so that all that is asked there comes to one place, in order.
///
/// It carries out commands, starts and ends previews, and is the only one who speaks on the pull request.
#[workflow]
pub struct PullRequestWorkflow {
    pull_request: Result<PullRequestRef, String>,
    memory: Memory,
    is_closing: bool,
}

/// The workflow's input. People and programs give the pull request only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PullRequestInput {
    /// Which one.
    #[serde(flatten)]
    pub pull_request: PullRequestRef,
    /// The repository, whatever it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<RepositoryId>,
    /// What an earlier run of the same workflow remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
}

impl PullRequestInput {
    /// The input of a first run.
    #[must_use]
    pub fn new(pull_request: PullRequestRef, repository_id: Option<RepositoryId>) -> Self {
        Self {
            pull_request,
            repository_id,
            memory: None,
        }
    }
}

/// What every event on a pull request says beside what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// The repository, whatever it is called.
    pub repository_id: RepositoryId,
    /// When it happened, by GitHub's clock.
    pub happened_at: Timestamp,
    /// When it reached us, by the webhook's clock.
    pub received_at: Timestamp,
}

/// Argument of the signal `commented`: a new comment with at least one line that is addressed to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    /// Which comment; the same one is carried out once, however often it is signalled.
    pub comment: CommentId,
    /// Who wrote it.
    pub author: Login,
    /// Its lines that are addressed to us, in order.
    pub commands: Vec<Result<Command, Misunderstood>>,
    /// Where it comes from, and when it was written.
    pub origin: Origin,
}

/// Argument of the signal `pushed`: the pull request has a new newest commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Which.
    pub head: CommitSha,
    /// Who pushed it; none where that is not a person.
    pub by: Option<Login>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Argument of the signal `closed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Merged, not merely closed.
    pub merged: bool,
    /// Where it comes from, and when it was closed.
    pub origin: Origin,
}

#[workflow_methods]
impl PullRequestWorkflow {
    /// Takes anything, so that a wrong input is a failed run that says why, and not a wedged one.
    #[init]
    pub fn new(_view: &WorkflowContextView, input: Lenient<PullRequestInput>) -> Self {
        let (pull_request, memory) = match input.into_inner() {
            Ok(input) => {
                let mut memory = input.memory.unwrap_or_default();
                memory.repository_id = memory.repository_id.or(input.repository_id);
                (Ok(input.pull_request), memory)
            }
            Err(reason) => (Err(reason), Memory::default()),
        };
        Self {
            pull_request,
            memory,
            is_closing: false,
        }
    }

    /// A pull request is attended to, until nothing is left to do or to remember.
    #[run(name = "PullRequestWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let pull_request = Self::accepted_pull_request(ctx).map_err(|reason| bad_input(&reason))?;
        let session = Session::new(ctx, pull_request);

        let (exit, (), (), (), ()) = join!(
            session.attend(),
            session.reconcile(),
            session.keep_the_comment_true(),
            session.post_replies(),
            session.keep_deployments_true(),
        );

        // Also of what was said while the last words were written.
        let all_is_attended_to = ctx.state(|workflow| workflow.memory.inbox.is_empty());
        match exit {
            Exit::Cancelled { reason } if all_is_attended_to => {
                Err(WorkflowTermination::cancelled_with_details(reason))
            }
            Exit::Finished if all_is_attended_to => Ok(()),
            Exit::Cancelled { .. } | Exit::Finished | Exit::Continued => {
                let input = PullRequestInput {
                    pull_request: session.pull_request(),
                    repository_id: ctx.state(|workflow| workflow.memory.repository_id),
                    memory: Some(ctx.state(|workflow| workflow.memory.clone())),
                };
                ctx.continue_as_new(input.into(), ContinueAsNewOptions::default())?;
                Ok(())
            }
        }
    }

    /// A comment has lines that are addressed to us.
    #[signal(name = "commented")]
    pub fn commented(&mut self, ctx: &mut SyncWorkflowContext<Self>, comment: Lenient<Commented>) {
        if let Some(comment) = self.memory.ignored_signals.sift("commented", comment) {
            self.memory
                .hear(Message::Commented(comment), clock::of(ctx));
        }
    }

    /// The pull request has a new newest commit.
    #[signal(name = "pushed")]
    pub fn pushed(&mut self, ctx: &mut SyncWorkflowContext<Self>, pushed: Lenient<Pushed>) {
        if let Some(pushed) = self.memory.ignored_signals.sift("pushed", pushed) {
            self.memory.hear(Message::Pushed(pushed), clock::of(ctx));
        }
    }

    /// The pull request was closed or merged.
    #[signal(name = "closed")]
    pub fn closed(&mut self, ctx: &mut SyncWorkflowContext<Self>, closed: Lenient<Closed>) {
        if let Some(closed) = self.memory.ignored_signals.sift("closed", closed) {
            self.memory.hear(Message::Closed(closed), clock::of(ctx));
        }
    }

    /// A preview tells what has become of it.
    #[signal(name = "reported")]
    pub fn reported(
        &mut self,
        _ctx: &mut SyncWorkflowContext<Self>,
        report: Lenient<PreviewReport>,
    ) {
        if let Some(report) = self.memory.ignored_signals.sift("reported", report) {
            self.memory.learn(report);
        }
    }

    /// What the pull request's one comment shall say.
    #[query(name = "comment")]
    pub fn comment(&self, _ctx: &WorkflowContextView) -> StickyComment {
        self.memory.comment()
    }

    /// The last signals that made no sense, and why.
    #[query(name = "ignored_signals")]
    pub fn ignored_signals(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.memory.ignored_signals.to_vec()
    }

    fn accepted_pull_request(ctx: &WorkflowContext<Self>) -> Result<PullRequestRef, String> {
        let pull_request = ctx.state(|workflow| workflow.pull_request.clone())?;
        if pull_request.to_string() == ctx.workflow_id() {
            Ok(pull_request)
        } else {
            Err(format!(
                "it is for {pull_request}, but the workflow ID is {:?}",
                ctx.workflow_id()
            ))
        }
    }
}

fn bad_input(reason: &str) -> ApplicationFailure {
    ApplicationFailure::builder(format!("this is not a pull request: {reason}"))
        .type_name("BadRequest".to_owned())
        .non_retryable(true)
        .build()
}
