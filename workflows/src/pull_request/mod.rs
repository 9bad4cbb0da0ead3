//! The workflow of one pull request, from the first command to the last write.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

mod deployment_writer;
mod effects;
mod in_order;
mod reply_writer;
mod session;
mod sticky_writer;
mod timeouts;

use domain::{
    PullRequestRef, RepositoryId,
    preview::PreviewReport,
    pull_request::{Closed, Commented, Conversation, PullRequestEvent, Pushed, StickyComment},
};
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    WorkflowTermination, join,
};

use crate::{clock, input, payload::Lenient};
use session::{Exit, Session};

/// One pull request. Its workflow ID is the pull request's name, `owner/repo#123`, so that all that is
/// asked there comes to one place, in order.
///
/// It carries out commands, starts and ends previews, and is the only one that writes to the pull request.
#[workflow]
pub struct PullRequestWorkflow {
    pull_request: Result<PullRequestRef, String>,
    conversation: Conversation,
    /// The session is over: the writers finish what is still to be written.
    is_draining: bool,
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
    conversation: Option<Conversation>,
}

impl PullRequestInput {
    /// The input of a first run.
    #[must_use]
    pub fn new(pull_request: PullRequestRef, repository_id: Option<RepositoryId>) -> Self {
        Self { pull_request, repository_id, conversation: None }
    }
}

#[workflow_methods]
impl PullRequestWorkflow {
    /// Takes anything, so that a wrong input is a failed run that says why, and not a wedged one.
    #[init]
    pub fn new(_view: &WorkflowContextView, input: Lenient<PullRequestInput>) -> Self {
        let (pull_request, conversation) = match input.into_inner() {
            Ok(input) => {
                let mut conversation = input.conversation.unwrap_or_default();
                conversation.repository_id = conversation.repository_id.or(input.repository_id);
                (Ok(input.pull_request), conversation)
            }
            Err(reason) => (Err(reason), Conversation::default()),
        };
        Self { pull_request, conversation, is_draining: false }
    }

    /// A pull request is attended to, until nothing is left to do or to remember.
    #[run(name = "PullRequestWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let pull_request = ctx.state(|workflow| workflow.pull_request.clone());
        let pull_request = input::accepted(ctx, pull_request, PullRequestRef::to_string)
            .map_err(|reason| input::bad_request(format!("this is not a pull request: {reason}")))?;
        let session = Session::new(ctx, pull_request);

        let (exit, (), (), (), ()) = join!(
            session.process_events(),
            session.reconcile_previews(),
            session.write_sticky_comment(),
            session.write_replies(),
            session.write_deployments(),
        );

        // Also what came while the last writes were made.
        let is_all_processed = ctx.state(|workflow| {
            let conversation = &workflow.conversation;
            conversation.events.is_empty()
                && conversation.is_reconciled()
                && !conversation.has_more_to_write()
        });
        match exit {
            Exit::Cancelled { reason } if is_all_processed => {
                Err(WorkflowTermination::cancelled_with_details(reason))
            }
            Exit::Finished if is_all_processed => Ok(()),
            Exit::Cancelled { .. } | Exit::Finished | Exit::Continued => {
                let conversation = ctx.state(|workflow| workflow.conversation.clone());
                let input = PullRequestInput {
                    pull_request: session.pull_request(),
                    repository_id: conversation.repository_id,
                    conversation: Some(conversation),
                };
                ctx.continue_as_new(input.into(), ContinueAsNewOptions::default())?;
                Ok(())
            }
        }
    }

    /// A comment has lines that are addressed to us.
    #[signal(name = "commented")]
    pub fn commented(&mut self, ctx: &mut SyncWorkflowContext<Self>, comment: Lenient<Commented>) {
        self.record(ctx, "commented", comment, PullRequestEvent::Commented);
    }

    /// The pull request has a new newest commit.
    #[signal(name = "pushed")]
    pub fn pushed(&mut self, ctx: &mut SyncWorkflowContext<Self>, push: Lenient<Pushed>) {
        self.record(ctx, "pushed", push, PullRequestEvent::Pushed);
    }

    /// The pull request was closed or merged.
    #[signal(name = "closed")]
    pub fn closed(&mut self, ctx: &mut SyncWorkflowContext<Self>, close: Lenient<Closed>) {
        self.record(ctx, "closed", close, PullRequestEvent::Closed);
    }

    /// A preview reports what has become of it.
    #[signal(name = "reported")]
    pub fn reported(&mut self, _ctx: &mut SyncWorkflowContext<Self>, report: Lenient<PreviewReport>) {
        let ignored = &mut self.conversation.ignored_signals;
        if let Some(report) = ignored.sift("reported", report.into_inner()) {
            self.conversation.apply_report(report);
        }
    }

    /// What the pull request's one comment shall say.
    #[query(name = "comment")]
    pub fn comment(&self, _ctx: &WorkflowContextView) -> StickyComment {
        self.conversation.comment()
    }

    /// The last signals that made no sense, and why.
    #[query(name = "ignored_signals")]
    pub fn ignored_signals(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.conversation.ignored_signals.to_vec()
    }

    fn record<T>(
        &mut self,
        ctx: &SyncWorkflowContext<Self>,
        signal: &str,
        sent: Lenient<T>,
        event: impl FnOnce(T) -> PullRequestEvent,
    ) {
        let ignored = &mut self.conversation.ignored_signals;
        if let Some(sent) = ignored.sift(signal, sent.into_inner()) {
            self.conversation.record(event(sent), clock::of(ctx));
        }
    }
}
