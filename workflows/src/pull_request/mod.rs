//! What happens on one pull request, from the first command to the last word?

mod children;
mod commands;
mod deployment_writer;
mod deployments;
mod desk;
mod house;
mod inbox;
mod memory;
mod patience;
mod previews;
mod replies;
mod sticky;
mod telling;

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, common::error::ApplicationFailure, join,
};

use desk::{Desk, Rest};
use inbox::Message;
use memory::Memory;
pub use telling::signal_with_start;

use crate::{
    activities::{PreviewReport, StickyComment},
    payload::Lenient,
    vocabulary::{Command, CommentId, CommitSha, Login, Misunderstood, PullRequestRef},
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
    /// What an earlier run of the same workflow remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
}

impl From<PullRequestRef> for PullRequestInput {
    fn from(pull_request: PullRequestRef) -> Self {
        Self {
            pull_request,
            memory: None,
        }
    }
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
}

/// Argument of the signal `pushed`: the pull request has a new newest commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Which.
    pub head: CommitSha,
}

/// Argument of the signal `closed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Merged, not merely closed.
    pub merged: bool,
}

#[workflow_methods]
impl PullRequestWorkflow {
    /// Takes anything, so that a wrong input is a failed run that says why, and not a wedged one.
    #[init]
    pub fn new(_view: &WorkflowContextView, input: Lenient<PullRequestInput>) -> Self {
        let (pull_request, memory) = match input.into_inner() {
            Ok(input) => (Ok(input.pull_request), input.memory),
            Err(reason) => (Err(reason), None),
        };
        Self {
            pull_request,
            memory: memory.unwrap_or_default(),
            is_closing: false,
        }
    }

    /// A pull request is attended to, until nothing is left to do or to remember.
    #[run(name = "PullRequestWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let pull_request = Self::accepted_pull_request(ctx).map_err(|reason| bad_input(&reason))?;
        let desk = Desk::new(ctx, pull_request);

        let (rest, (), (), (), ()) = join!(
            desk.attend(),
            desk.keep_house(),
            desk.keep_the_comment_true(),
            desk.post_replies(),
            desk.keep_deployments_true(),
        );

        // Also of what was said while the last words were written.
        let all_is_attended_to = ctx.state(|workflow| workflow.memory.inbox.is_empty());
        match rest {
            Rest::Cancelled { reason } if all_is_attended_to => {
                Err(WorkflowTermination::cancelled_with_details(reason))
            }
            Rest::Finished if all_is_attended_to => Ok(()),
            Rest::Cancelled { .. } | Rest::Finished | Rest::Continued => {
                let input = PullRequestInput {
                    pull_request: desk.pull_request,
                    memory: Some(ctx.state(|workflow| workflow.memory.clone())),
                };
                ctx.continue_as_new(input.into(), ContinueAsNewOptions::default())?;
                Ok(())
            }
        }
    }

    /// A comment has lines that are addressed to us.
    #[signal(name = "commented")]
    pub fn commented(&mut self, _ctx: &mut SyncWorkflowContext<Self>, comment: Lenient<Commented>) {
        let ignored = &mut self.memory.ignored_signals;
        if let Some(comment) = ignored.sift("commented", comment)
            && self.memory.hear(comment.comment)
        {
            self.memory.inbox.push_back(Message::Commented(comment));
        }
    }

    /// The pull request has a new newest commit.
    #[signal(name = "pushed")]
    pub fn pushed(&mut self, _ctx: &mut SyncWorkflowContext<Self>, pushed: Lenient<Pushed>) {
        if let Some(pushed) = self.memory.ignored_signals.sift("pushed", pushed) {
            self.memory.inbox.push_back(Message::Pushed(pushed));
        }
    }

    /// The pull request was closed or merged.
    #[signal(name = "closed")]
    pub fn closed(&mut self, _ctx: &mut SyncWorkflowContext<Self>, closed: Lenient<Closed>) {
        if let Some(closed) = self.memory.ignored_signals.sift("closed", closed) {
            self.memory.inbox.push_back(Message::Closed(closed));
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
