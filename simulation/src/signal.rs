//! How a pull request's workflow is signalled, by the webhook and by activities: the calls of
//! `runtime::signal`.

use std::collections::BTreeSet;

use domain::{PullRequestRef, RepositoryId};
use workflows::{
    payload::json,
    pull_request::PullRequestInput,
    signal::{Signal, workflow_type},
};

use crate::{sim::Sim, temporal};

/// The workflow that is signalled.
#[derive(Clone)]
pub struct Recipient {
    /// Of which pull request.
    pub pull_request: PullRequestRef,
    /// Its repository, whatever it is called.
    pub repository_id: Option<RepositoryId>,
}

/// When a workflow is started that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Always.
    Always,
    /// If previews of the pull request are open.
    IfPreviewsAreOpen,
}

impl Sim {
    /// False if no workflow runs, and none was started.
    pub async fn signal_pull_request(&self, recipient: Recipient, signal: Signal, start: Start) -> bool {
        let named = recipient.pull_request.to_string();
        self.pause().await;
        if self.deliver(&named, &signal) {
            return true;
        }
        self.pause().await;
        let listed = self.list_open_or_continued(&recipient.pull_request, recipient.repository_id);
        let conversations = listed.iter().filter(|record| record.workflow_type == workflow_type());
        let conversations: BTreeSet<_> = conversations.map(|record| &record.workflow_id).collect();
        for conversation in conversations {
            self.pause().await;
            if self.deliver(conversation, &signal) {
                return true;
            }
        }
        let is_something_open = listed.iter().any(|record| record.is_open);
        if start == Start::IfPreviewsAreOpen && !is_something_open {
            return false;
        }
        self.pause().await;
        let input = PullRequestInput::new(recipient.pull_request, recipient.repository_id);
        let start = temporal::Start {
            workflow_type: workflow_type(),
            workflow_id: named.clone(),
            input: vec![json(&input)],
        };
        // Signal-with-start: in one transaction.
        let _ = self.start_workflow(start);
        self.deliver(&named, &signal)
    }

    fn deliver(&self, workflow_id: &str, signal: &Signal) -> bool {
        self.signal(workflow_id, None, &signal.name, vec![signal.input.clone()], &signal.request_id)
            .is_ok()
    }
}
