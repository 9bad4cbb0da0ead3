//! Carries out a plan: people write, push and close; GitHub delivers; operators and bad luck interfere.

use std::time::Duration;

use domain::{
    CommentId, CommitSha, Login, PreviewId,
    pull_request::{Closed, Commented, Origin, PullRequestEvent, PullRequestState, Pushed},
};
use temporalio_common::{WorkflowDefinition, protos::temporal::api::common::v1::Payload};
use workflows::{OrphanSweep, PreviewWorkflow, payload::json, signal::Signal};

use crate::{
    plan::{Action, Delivery, Fault, Operation, Person, Plan, command},
    signal::{Recipient, Start},
    sim::Sim,
    temporal,
};

/// How often the orphan sweep runs.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// How long a namespace may be without an open workflow.
pub(crate) const GRACE: Duration = Duration::from_secs(600);

impl Person {
    /// As GitHub knows them.
    pub fn login(self) -> Login {
        let login = match self {
            Self::Mona => "mona",
            Self::Otto => "otto",
            Self::Hubot => "hubot",
        };
        login.parse().expect("a login")
    }
}

/// One of the commits that people push.
pub(crate) fn commit(number: usize) -> CommitSha {
    let digit = ['a', 'b', 'c', 'd'][number % 4];
    digit.to_string().repeat(40).parse().expect("a commit")
}

impl Sim {
    /// Begins whatever the plan says.
    pub fn begin(&self, plan: &Plan) {
        for (number, step) in plan.steps.iter().cloned().enumerate() {
            let sim = self.clone();
            self.spawn(("step", number, format!("{:?}", step.action)), async move {
                sim.executor().sleep(step.at).await;
                sim.act(number, step.action).await;
            });
        }
    }

    /// Runs the orphan sweep again and again, for this long.
    pub fn begin_sweeps(&self, duration: Duration) {
        let sim = self.clone();
        self.spawn("sweeps", async move {
            while sim.now().elapsed() < duration {
                sim.executor().sleep(SWEEP_EVERY).await;
                // The one before is still running: this one is left out.
                let policy = serde_json::json!({ "grace": "10m" });
                let _ = sim.start_workflow(temporal::Start {
                    workflow_type: OrphanSweep::run.name().to_owned(),
                    workflow_id: "orphan-sweep".to_owned(),
                    input: vec![json(&policy)],
                });
            }
        });
    }

    async fn act(&self, number: usize, action: Action) {
        match action {
            Action::Comment { by, commands, delivery } => {
                let author = by.login();
                let comment = CommentId(self.github_mut().next_id());
                self.tell(|| format!("@{author} comments {comment}: {commands:?} ({delivery:?})"));
                let commands: Vec<_> = commands.into_iter().map(command).collect();
                let origin = self.origin();
                let wanted = commands.clone();
                let event = Commented {
                    comment,
                    author,
                    commands: commands.into_iter().map(Ok).collect(),
                    origin,
                    is_rest: false,
                };
                let by = event.author.clone();
                let sim = self.clone();
                self.deliver_event(number, PullRequestEvent::Commented(event), delivery, move || {
                    sim.checks().heard(&sim, comment, &by, &wanted);
                });
            }
            Action::Push { commit: which, delivery } => {
                let head = commit(which);
                if self.github().head == head {
                    return;
                }
                self.github_mut().head = head.clone();
                self.tell(|| format!("@mona pushes {} ({delivery:?})", head.short()));
                let event = Pushed { head, by: Some(Person::Mona.login()), origin: self.origin() };
                self.deliver_event(number, PullRequestEvent::Pushed(event), delivery, || {});
            }
            Action::Close { merged, delivery } => {
                if self.github().state != PullRequestState::Open {
                    return;
                }
                self.github_mut().state = if merged {
                    PullRequestState::Merged
                } else {
                    PullRequestState::Closed
                };
                self.tell(|| format!("the pull request is closed (merged: {merged}, {delivery:?})"));
                let event = Closed { merged, origin: self.origin() };
                let (sim, closed_at) = (self.clone(), self.now());
                self.deliver_event(number, PullRequestEvent::Closed(event), delivery, move || {
                    sim.checks().heard_close(&sim, closed_at);
                });
            }
            Action::Reopen => {
                if self.github().state == PullRequestState::Closed {
                    self.github_mut().state = PullRequestState::Open;
                    self.checks().reopened(self);
                    self.tell(|| "the pull request is reopened".to_owned());
                }
            }
            Action::Rename => {
                self.github_mut().repository = "octo-org/renamed".parse().expect("a repository");
                self.tell(|| "the repository is renamed".to_owned());
            }
            Action::Operate(operation) => self.operate(operation),
            Action::Break(fault, duration) => self.break_for(fault, duration),
        }
    }

    fn origin(&self) -> Origin {
        let now = self.now().timestamp();
        let github = self.github();
        Origin {
            installation: github.installation,
            repository_id: github.repository_id,
            happened_at: now,
            received_at: now,
        }
    }

    /// `heard` is called when the webhook has answered 202.
    fn deliver_event(
        &self,
        number: usize,
        event: PullRequestEvent,
        delivery: Delivery,
        heard: impl Fn() + 'static,
    ) {
        let pauses = match delivery {
            Delivery::Once => vec![Duration::ZERO],
            Delivery::Twice(later) => vec![Duration::ZERO, later],
            Delivery::Late(later) => vec![later],
            Delivery::Lost => Vec::new(),
        };
        let sim = self.clone();
        self.spawn(("delivery", number), async move {
            let recipient = Recipient {
                pull_request: sim.pull_request(),
                repository_id: Some(event.origin().repository_id),
            };
            for pause in pauses {
                sim.executor().sleep(pause).await;
                sim.pause().await;
                let event = received(event.clone(), sim.now().timestamp());
                let start = if event.starts_workflow() {
                    Start::Always
                } else {
                    Start::IfPreviewsAreOpen
                };
                let signal = Signal::event(event, format!("delivery-{number}"));
                if sim.signal_pull_request(recipient.clone(), signal, start).await {
                    heard();
                }
            }
        });
    }

    fn operate(&self, operation: Operation) {
        self.tell(|| format!("an operator: {operation:?}"));
        let pull_request = self.open_workflow("PullRequestWorkflow");
        let preview = self.open_workflow("PreviewWorkflow");
        match (operation, pull_request, preview) {
            (Operation::TerminatePullRequest, Some(id), _) => {
                self.checks().is_silenced(self);
                self.terminate(&id);
            }
            (Operation::CancelPullRequest, Some(id), _) => {
                self.checks().memory_is_lost(self);
                self.cancel(&id, "");
            }
            (Operation::TerminatePreview, _, Some(id)) => {
                self.checks().preview_is_terminated(self);
                self.terminate(&id);
            }
            (Operation::CancelPreview, _, Some(id)) => self.cancel(&id, ""),
            (Operation::ResetPreview(task), _, Some(id)) => {
                // A signal that is on its way to the old run does not reach the new one.
                self.checks().memory_is_lost(self);
                self.reset(&id, task);
            }
            (Operation::SignalStop, _, Some(id)) => self.signal_by_hand(&id, "stop", Vec::new()),
            (Operation::SignalExtend, _, Some(id)) => {
                self.signal_by_hand(&id, "extend_ttl", vec![json("5m")]);
            }
            (Operation::ExtendAgainAndAgain(times), _, Some(id)) => self.extend_again_and_again(id, times),
            (Operation::StartByHand, ..) => self.start_by_hand(),
            (Operation::DeleteNamespace, ..) => {
                let found = self.cluster().namespaces().next().map(|it| (it.name.clone(), it.uid.clone()));
                if let Some((name, uid)) = found {
                    self.delete_namespace(&name, &uid, None);
                }
            }
            // There is nothing to be operated on.
            _ => {}
        }
    }

    /// A second each time, twenty times a second.
    fn extend_again_and_again(&self, workflow_id: String, times: u32) {
        let sim = self.clone();
        self.spawn("extensions", async move {
            for _ in 0..times {
                sim.signal_by_hand(&workflow_id, "extend_ttl", vec![json("1s")]);
                sim.executor().sleep(Duration::from_millis(50)).await;
            }
        });
    }

    fn signal_by_hand(&self, workflow_id: &str, name: &str, input: Vec<Payload>) {
        let request = format!("by hand {:?}", self.now());
        let _ = self.signal(workflow_id, None, name, input, &request);
    }

    fn open_workflow(&self, workflow_type: &str) -> Option<String> {
        let temporal = self.temporal();
        let mut open: Vec<_> = temporal.runs().filter(|run| run.is_open()).collect();
        open.retain(|run| run.workflow_type() == workflow_type);
        open.last().map(|run| run.workflow_id.clone())
    }

    fn start_by_hand(&self) {
        let pull_request = self.pull_request();
        let preview = PreviewId {
            repository: pull_request.repository.clone(),
            pull_request: pull_request.number,
            commit: self.github().head.clone(),
        };
        let request = serde_json::json!({
            "idempotency_key": preview.to_string(), "repo": preview.repository, "pr_number": preview.pull_request,
            "commit_sha": preview.commit, "installation_id": pull_request.installation, "comment_id": 1,
            "repository_id": self.github().repository_id, "requested_by": "otto", "ttl": "5m", "max_lifetime": "20m",
        });
        let _ = self.start_workflow(temporal::Start {
            workflow_type: PreviewWorkflow::run.name().to_owned(),
            workflow_id: preview.to_string(),
            input: vec![json(&request)],
        });
    }

    fn break_for(&self, fault: Fault, duration: Duration) {
        let until = self.now() + duration;
        // What is held is only slow to go: the comment has to be true all the same.
        if fault != Fault::Hold {
            self.disturb_until(until);
        }
        match fault {
            Fault::Kill(worker) => self.kill_worker(worker, duration.min(Duration::from_secs(60))),
            Fault::Freeze(worker) => self.freeze_worker(worker, duration),
            Fault::CutOff(worker) => self.cut_off_worker(worker, duration),
            Fault::ClusterDown => self.cluster_mut().down_until = until,
            Fault::GitHub(outage) => self.github_mut().outage = Some((outage, until)),
            Fault::Hold => {
                let mut cluster = self.cluster_mut();
                cluster.held_until = cluster.held_until.max(until);
            }
            Fault::NoImages => self.cluster_mut().no_images_until = until,
            Fault::Crashes => self.cluster_mut().crashes_until = until,
        }
        self.tell(|| format!("{fault:?} for {duration:?}"));
    }
}

fn received(event: PullRequestEvent, at: jiff::Timestamp) -> PullRequestEvent {
    let at = |origin: Origin| Origin { received_at: at, ..origin };
    match event {
        PullRequestEvent::Commented(it) => {
            let origin = at(it.origin.clone());
            PullRequestEvent::Commented(Commented { origin, ..it })
        }
        PullRequestEvent::Pushed(it) => {
            let origin = at(it.origin.clone());
            PullRequestEvent::Pushed(Pushed { origin, ..it })
        }
        PullRequestEvent::Closed(it) => {
            let origin = at(it.origin.clone());
            PullRequestEvent::Closed(Closed { origin, ..it })
        }
    }
}
