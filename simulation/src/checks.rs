//! What must hold: after every effect on the cluster, and whenever things have been quiet for a while.

use std::{cell::RefCell, time::Duration};

use domain::{
    Command, CommentId, Login, NamespaceHandle, PreviewId, RunIdentity,
    preview::{DeploymentState, Phase, PreviewRequest, PreviewState, StopReason},
    pull_request::{Answer, PullRequestState},
};
use workflows::preview::PreviewStatus;

use crate::{
    cluster::{Namespace, Release},
    executor::Moment,
    plan::Person,
    sim::Sim,
    temporal::{Close, Run},
    world::GRACE,
};

/// No two runs change one thing.
pub const OWN: &str = "no write into a namespace by a run that is not named on it";
/// Nobody's preview is taken away.
pub const LIVE: &str = "no live preview loses an object";
/// Nothing is left behind.
pub const ORPHANS: &str = "nothing is left without an owner";
/// The one comment.
pub const ONE_COMMENT: &str = "one sticky comment";
/// The comment's text.
pub const TRUTH: &str = "the comment tells the truth";
/// GitHub's own list.
pub const DEPLOYMENTS: &str = "the list of deployments tells the truth";
/// No silence.
pub const HEARD: &str = "every heard command has an effect or an answer";
/// No echo.
pub const ONCE: &str = "a comment is carried out once";
/// The end in time.
pub const TTL: &str = "a preview ends when its time is over";
/// The end at all.
pub const ENDS: &str = "everything comes to an end";
/// Nobody is pestered.
pub const LIMITS: &str = "limits are kept, GitHub's and Temporal's";
/// What was asked for.
pub const OBEYED: &str = "a stop and an end are obeyed";

/// The comment that previews name which are started by hand.
const BY_HAND: CommentId = CommentId(1);
/// Things are quiet when nothing has been broken, and nobody has done anything, for this long: more than
/// the longest pause between two tries.
const QUIET: Duration = Duration::from_secs(360);
/// How much later than promised something may happen while things are quiet.
const SKEW: Duration = Duration::from_secs(60);
/// Marked by one sweep, removed by a later one, both of which may take their time.
const ORPHAN_TIME: Duration = Duration::from_secs(GRACE.as_secs() + 3 * 300 + 60);

/// Something that must hold does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What should hold.
    pub invariant: &'static str,
    /// What was seen instead.
    pub what: String,
    /// When.
    pub at: Moment,
}

/// What is remembered in order to check it.
#[derive(Default)]
pub struct Checks(RefCell<Memory>);

#[derive(Default)]
struct Memory {
    heard: Vec<Heard>,
    closes: Vec<Moment>,
    lost_memory: Vec<Moment>,
    silenced: Vec<Moment>,
    terminated: Vec<Moment>,
    reopened: Moment,
    busy: Moment,
    told_to_wait: Vec<ToldToWait>,
}

/// GitHub has told a worker process to stay away.
struct ToldToWait {
    worker: usize,
    generation: u64,
    until: Moment,
}

#[derive(Clone)]
struct Heard {
    comment: CommentId,
    by: Login,
    commands: Vec<Command>,
    at: Moment,
}

/// A preview's run, as Temporal knows it.
struct Preview {
    request: PreviewRequest,
    run_id: String,
    first_run_id: String,
    started_at: Moment,
    close: Option<Close>,
    closed_at: Option<Moment>,
    last_task: Option<Moment>,
    /// What it says of itself, while it is open.
    status: Option<PreviewStatus>,
}

impl Preview {
    fn is_open(&self) -> bool {
        self.close.is_none()
    }

    fn id(&self) -> &PreviewId {
        &self.request.preview
    }
}

/// Effects on the cluster.
impl Checks {
    /// Something is written into a namespace, in the name of a run.
    pub fn written_to(&self, sim: &Sim, namespace: &Namespace, by: &RunIdentity, what: &str) {
        if namespace.owner.run_id != by.run_id {
            let Namespace { name, owner, .. } = namespace;
            let what = format!("{what} of {} in {name}, which is {}'s", by.run_id, owner.run_id);
            sim.violation(OWN, what);
        }
    }

    /// What Helm has installed is removed, in the name of a run.
    pub fn uninstalled(&self, sim: &Sim, namespace: &Namespace, release: &Release, by: &RunIdentity) {
        if namespace.owner.run_id != by.run_id {
            let what = format!("{} uninstalls what {} has in {}", by.run_id, release.by, namespace.name);
            sim.violation(LIVE, what);
        }
    }

    /// A namespace is deleted by a run that takes it for its own.
    pub fn deletes(&self, sim: &Sim, name: &str, uid: &str, version: Option<u32>, by: &RunIdentity) {
        let cluster = sim.cluster();
        let found = cluster.get(name).filter(|found| found.uid == uid);
        let found = found.filter(|found| version.is_none_or(|version| found.version == version));
        if let Some(found) = found.filter(|found| found.owner.run_id != by.run_id) {
            let what = format!("{} deletes {name}, which is {}'s by now", by.run_id, found.owner.run_id);
            sim.violation(LIVE, what);
        }
    }

    /// A namespace is deleted by the sweep.
    pub fn sweeps(&self, sim: &Sim, read: &Namespace) {
        let cluster = sim.cluster();
        let found = cluster
            .get(&read.name)
            .filter(|found| found.uid == read.uid && found.version == read.version);
        let is_live = found.is_some_and(|found| sim.temporal().is_open(&found.owner.run_id));
        if is_live {
            sim.violation(LIVE, format!("the sweep deletes {}, whose run is open", read.name));
        }
    }
}

/// Limits.
impl Checks {
    /// GitHub refuses a worker's request, and says until when it wants to hear no more of them.
    pub fn is_told_to_wait(&self, sim: &Sim, worker: usize, until: Moment) {
        let generation = sim.generation(worker);
        self.0.borrow_mut().told_to_wait.push(ToldToWait { worker, generation, until });
    }

    /// A worker's request reaches GitHub.
    pub fn asks_github(&self, sim: &Sim, worker: usize) {
        let (generation, now) = (sim.generation(worker), sim.now());
        let memory = self.0.borrow();
        let told = memory
            .told_to_wait
            .iter()
            .find(|told| told.worker == worker && told.generation == generation && told.until > now);
        if let Some(told) = told {
            let left = told.until.since(now);
            sim.violation(LIMITS, format!("worker {worker} was told to stay away for another {left:?}"));
        }
    }

    /// The server does not take what a workflow wants to remember.
    pub fn is_too_large(&self, sim: &Sim, workflow_id: &str, size: usize) {
        sim.violation(LIMITS, format!("{workflow_id} wants to remember {size} bytes"));
    }

    /// The server ends a run whose history is too long.
    pub fn history_is_too_long(&self, sim: &Sim, workflow_id: &str) {
        sim.violation(LIMITS, format!("the history of {workflow_id} is longer than Temporal allows"));
    }
}

/// What is done.
impl Checks {
    /// The webhook has answered 202.
    pub fn heard(&self, sim: &Sim, comment: CommentId, by: &Login, commands: &[Command]) {
        self.is_busy(sim);
        let heard = Heard {
            comment,
            by: by.clone(),
            commands: commands.to_vec(),
            at: sim.now(),
        };
        let mut memory = self.0.borrow_mut();
        if !memory.heard.iter().any(|before| before.comment == comment) {
            memory.heard.push(heard);
        }
    }

    /// The webhook has answered 202 to the end of the pull request.
    pub fn heard_close(&self, sim: &Sim, closed_at: Moment) {
        self.is_busy(sim);
        self.0.borrow_mut().closes.push(closed_at);
    }

    /// The pull request is opened again: what was said of its end is no longer true.
    pub fn reopened(&self, sim: &Sim) {
        self.is_busy(sim);
        self.0.borrow_mut().reopened = sim.now();
    }

    /// An operator ends the pull request's workflow, and what it has not carried out with it.
    pub fn memory_is_lost(&self, sim: &Sim) {
        self.is_busy(sim);
        self.0.borrow_mut().lost_memory.push(sim.now());
    }

    /// An operator terminates it.
    pub fn is_silenced(&self, sim: &Sim) {
        self.memory_is_lost(sim);
        self.0.borrow_mut().silenced.push(sim.now());
    }

    /// An operator terminates a preview.
    pub fn preview_is_terminated(&self, sim: &Sim) {
        self.is_busy(sim);
        self.0.borrow_mut().terminated.push(sim.now());
    }

    fn is_busy(&self, sim: &Sim) {
        self.0.borrow_mut().busy = sim.now();
    }

    /// A run has closed.
    pub fn run_closed(&self, sim: &Sim, run_id: &str) {
        let temporal = sim.temporal();
        let run = temporal.runs().find(|run| run.run_id == run_id);
        if let Some(preview) = run.and_then(preview) {
            self.ends_for_a_reason(sim, &preview);
        }
        let ended = run.filter(|run| !matches!(run.close, Some(Close::Terminated | Close::ContinuedAsNew)));
        // A worker that was stopped may make its namespace late, and so may one whose run is reset meanwhile:
        // that is for the sweep.
        let was_reset_just_now =
            |run: &&Run| run.run_id != run.first_run_id() && sim.now().since(run.started_at) < SKEW;
        let Some(ended) = ended.filter(|run| sim.undisturbed_for() > SKEW && !was_reset_just_now(run)) else {
            return;
        };
        let cluster = sim.cluster();
        let mut left = cluster
            .namespaces()
            .filter(|namespace| namespace.owner.run_id == ended.first_run_id());
        if let Some(left) = left.next() {
            sim.violation(ORPHANS, format!("{run_id} has ended, and {} is still there", left.name));
        }
    }
}

/// What a run says of its end.
impl Checks {
    /// What was written, or happened, before a preview was asked for is no reason to end it.
    fn ends_for_a_reason(&self, sim: &Sim, preview: &Preview) {
        let Some(Close::Completed(reason)) = &preview.close else {
            return;
        };
        let memory = self.0.borrow();
        // A workflow that has just been started knows of no end and of no comment; and a push has a
        // preview made in the name of the last comment.
        if !memory.lost_memory.is_empty() || sim.github().redeploy_on_push {
            return;
        }
        let asked = memory.heard.iter().find(|it| it.comment == preview.request.comment);
        let asked_at = asked.map_or(preview.started_at, |it| it.at);
        let is_old_news = match serde_json::from_str(reason) {
            // One that is asked for on a pull request that is closed, and stays so, ends when we are told.
            Ok(StopReason::PullRequestClosed { .. }) => {
                sim.github().state == PullRequestState::Open
                    && !memory.closes.iter().any(|at| *at + SKEW >= asked_at)
            }
            Ok(StopReason::Asked { by: Some(_) }) => {
                let mut later = memory.heard.iter().filter(|it| it.comment > preview.request.comment);
                // In the same comment, a stop after the request.
                let same = memory.heard.iter().filter(|it| it.comment == preview.request.comment);
                !later.any(|it| it.commands.contains(&Command::Stop))
                    && !same.clone().any(|it| it.commands.last() == Some(&Command::Stop))
            }
            _ => false,
        };
        if is_old_news {
            let what = format!("{} has ended with {reason}, which is old news", preview.id());
            sim.violation(LIVE, what);
        }
    }

    /// However often it is delivered.
    fn a_comment_is_carried_out_once(sim: &Sim, previews: &[Preview]) {
        // A push has a preview made in the name of the last comment.
        if sim.github().redeploy_on_push {
            return;
        }
        for (index, preview) in previews.iter().enumerate() {
            let is_twin = |other: &&Preview| {
                other.request.comment == preview.request.comment
                    && other.first_run_id != preview.first_run_id
                    && other.request.comment > BY_HAND
            };
            if let Some(twin) = previews[..index].iter().find(is_twin) {
                let what =
                    format!("{} has led to {} and {}", preview.request.comment, twin.run_id, preview.run_id);
                sim.violation(ONCE, what);
            }
        }
    }
}

/// What holds whenever things are quiet.
impl Checks {
    /// To be called now and then.
    pub fn look(&self, sim: &Sim, last_step: Duration) {
        let busy = self.0.borrow().busy;
        let held_until = sim.cluster().held_until;
        let quiet = quiet(sim);
        let is_quiet = sim.undisturbed_for() >= quiet
            && (sim.now() < held_until || sim.now() >= held_until + QUIET)
            && sim.now().since(busy) >= quiet
            && sim.now().elapsed() >= last_step + quiet;
        if !is_quiet || sim.violated().is_some() {
            return;
        }
        let previews = previews(sim);
        // Whatever the pull request's workflow had still to say when it was terminated, nobody says.
        let was_silenced = !self.0.borrow().silenced.is_empty();
        if !was_silenced {
            one_comment(sim, &previews);
            the_comment_is_true(sim, &previews);
            // Of a write to that list that comes to pass late, nobody takes notice.
            let weights = sim.weights();
            if weights.slow + weights.lost_answer + weights.late_write == 0.0 {
                deployments_are_true(sim, &previews);
            }
        }
        previews_end_in_time(sim, &previews);
        if self.0.borrow().lost_memory.is_empty() {
            Self::a_comment_is_carried_out_once(sim, &previews);
        }
        nothing_is_orphaned(sim);
        // Whoever cancels a pull request's workflow has it wait until its previews are gone.
        if sim.now() >= held_until {
            self.all_are_answered(sim, &previews);
        }
        self.ends_are_obeyed(sim, &previews);
    }

    /// At the end.
    pub fn conclude(&self, sim: &Sim) {
        if sim.violated().is_some() {
            return;
        }
        for preview in previews(sim).iter().filter(|preview| preview.is_open()) {
            sim.violation(ENDS, format!("{} ({}) is still open", preview.id(), preview.run_id));
        }
        if let Some(left) = sim.cluster().namespaces().next() {
            sim.violation(ORPHANS, format!("{} is left", left.name));
        }
    }

    /// Days later.
    pub fn conclude_for_good(&self, sim: &Sim) {
        if sim.violated().is_some() {
            return;
        }
        let temporal = sim.temporal();
        if let Some(run) = temporal.runs().find(|run| run.is_open()) {
            sim.violation(ENDS, format!("{} ({}) is open days later", run.workflow_id, run.run_id));
        }
    }

    fn all_are_answered(&self, sim: &Sim, previews: &[Preview]) {
        let memory = self.0.borrow();
        for heard in &memory.heard {
            let is_forgotten = memory.lost_memory.iter().any(|lost| *lost + QUIET >= heard.at);
            // What was asked of a preview that is found to be terminated is answered by the comment that
            // says so.
            let is_moot = memory
                .terminated
                .iter()
                .any(|at| *at + QUIET >= heard.at && heard.at + QUIET >= *at);
            if is_forgotten || is_moot || sim.github().replies_to(heard.comment).next().is_some() {
                continue;
            }
            // Whoever is refused something is told so once; and whoever may do nothing, on a closed pull
            // request not at all.
            let was_told = memory.heard.iter().any(|other| {
                other.by == heard.by
                    && sim
                        .github()
                        .replies_to(other.comment)
                        .any(|it| matches!(it, Answer::Refused { .. }))
            });
            if heard.by == Person::Hubot.login() || was_told {
                continue;
            }
            for command in &heard.commands {
                if !memory.has_effect(sim, heard, command, previews) {
                    let what = format!(
                        "@{} has asked for {command:?} in {}, and nothing follows",
                        heard.by, heard.comment
                    );
                    sim.violation(HEARD, what);
                }
            }
        }
    }

    fn ends_are_obeyed(&self, sim: &Sim, previews: &[Preview]) {
        let memory = self.0.borrow();
        let is_writer = |login: &Login| *login != Person::Hubot.login();
        let is_ending = |preview: &Preview| {
            let status = preview.status.as_ref();
            status.is_none_or(|status| {
                matches!(status.phase, Phase::TearingDown | Phase::Removed | Phase::Failed)
            })
        };
        // A push has a preview made in the name of the last comment.
        for preview in previews.iter().filter(|_| !sim.github().redeploy_on_push) {
            let comment = preview.request.comment;
            let stopped_before = memory.heard.iter().find(|heard| {
                heard.comment > comment
                    && comment > BY_HAND
                    && is_writer(&heard.by)
                    && heard.commands.contains(&Command::Stop)
                    && heard.at + QUIET < preview.started_at
                    && !memory.lost_memory.iter().any(|lost| *lost + QUIET >= heard.at)
            });
            if let Some(stop) = stopped_before {
                let what = format!("{} starts after the stop in {}", preview.id(), stop.comment);
                sim.violation(OBEYED, what);
            }
        }
        for preview in previews.iter().filter(|preview| preview.is_open() && !is_ending(preview)) {
            let comment = preview.request.comment;
            let asked_again_after = |stop: CommentId| {
                let mut later = memory.heard.iter().filter(|heard| heard.comment > stop);
                later.any(|heard| heard.commands.iter().any(|it| matches!(it, Command::Preview { .. })))
            };
            let stop = memory.heard.iter().find(|heard| {
                heard.comment > comment
                    && !asked_again_after(heard.comment)
                    && is_writer(&heard.by)
                    && heard.commands.contains(&Command::Stop)
                    && preview.started_at + QUIET < sim.now()
                    && !memory.lost_memory.iter().any(|lost| *lost + QUIET >= heard.at)
                    && heard.at >= preview.started_at
                    && sim.github().replies_to(heard.comment).next().is_none()
            });
            if let Some(stop) = stop {
                sim.violation(OBEYED, format!("{} goes on after the stop in {}", preview.id(), stop.comment));
            }
            let closed_after = memory.closes.iter().any(|at| {
                *at >= preview.started_at
                    && *at >= memory.reopened
                    && !memory.lost_memory.iter().any(|lost| *lost + QUIET >= *at)
            });
            if closed_after && sim.github().state != PullRequestState::Open {
                sim.violation(
                    OBEYED,
                    format!("{} goes on although the pull request is closed", preview.id()),
                );
            }
        }
    }
}

impl Memory {
    fn has_effect(&self, sim: &Sim, heard: &Heard, command: &Command, previews: &[Preview]) -> bool {
        let alive_then = |preview: &&Preview| preview.closed_at.is_none_or(|closed| closed >= heard.at);
        match command {
            Command::Preview { .. } => {
                let was_ended =
                    self.heard.iter().any(|later| {
                        later.comment > heard.comment && later.commands.contains(&Command::Stop)
                    }) || self.closes.iter().any(|at| *at + SKEW >= heard.at);
                was_ended
                    || previews.iter().any(|preview| preview.request.comment == heard.comment)
                    || previews
                        .iter()
                        .any(|preview| alive_then(&preview) && preview.started_at <= sim.now())
                    || said_of(sim, heard.comment)
            }
            Command::Extend { .. } => {
                // The comment says who, or what, has ended it.
                let was_ended = self.heard.iter().any(|later| {
                    (later.comment > heard.comment || later.at >= heard.at)
                        && later.comment != heard.comment
                        && later.commands.contains(&Command::Stop)
                }) || self.closes.iter().any(|at| *at + SKEW >= heard.at);
                was_ended || previews.iter().any(|preview| alive_then(&preview))
            }
            Command::Stop => {
                let overtakes_a_request = self.heard.iter().any(|other| {
                    other.comment <= heard.comment && other.commands.iter().any(Command::is_request)
                });
                previews.iter().any(|preview| alive_then(&preview) && !preview.is_open())
                    || overtakes_a_request
            }
            Command::Status | Command::Help => false,
        }
    }
}

/// Has the comment ever told of the request in this one?
fn said_of(sim: &Sim, comment: CommentId) -> bool {
    let github = sim.github();
    let mut said = github.said.iter().flat_map(|(_, _, truth)| &truth.previews);
    said.any(|report| report.asked_in == comment)
}

fn previews(sim: &Sim) -> Vec<Preview> {
    let found: Vec<Preview> = {
        let temporal = sim.temporal();
        let runs = temporal.runs().filter(|run| run.workflow_type() == "PreviewWorkflow");
        runs.filter_map(preview).collect()
    };
    let mut found = found;
    for preview in found.iter_mut().filter(|preview| preview.is_open()) {
        preview.status = sim.look(&preview.id().to_string(), "status");
    }
    found
}

fn preview(run: &Run) -> Option<Preview> {
    let request = serde_json::from_slice(&run.start.arguments.first()?.data).ok()?;
    Some(Preview {
        request,
        run_id: run.run_id.clone(),
        first_run_id: run.first_run_id().to_owned(),
        started_at: run.started_at,
        close: run.close.clone(),
        closed_at: run.closed_at,
        last_task: run.tasks.last().map(|task| task.context.at),
        status: None,
    })
}

/// For how long nothing has to happen until everything is said. GitHub may refuse several times in a row.
fn quiet(sim: &Sim) -> Duration {
    if sim.weights().github_error > 0.0 { QUIET * 3 } else { QUIET }
}

fn one_comment(sim: &Sim, previews: &[Preview]) {
    let stickies = sim.github().stickies().count();
    // Whoever was started by hand and terminated at once has told nobody.
    let spoke = |preview: &&Preview| {
        let was_terminated = preview.close == Some(Close::Terminated);
        !was_terminated || preview.closed_at.is_some_and(|at| at > preview.started_at + SKEW)
    };
    let settled = previews
        .iter()
        .filter(spoke)
        .any(|preview| preview.started_at + QUIET < sim.now());
    // A write that is given up on is looked at again two minutes later.
    let is_confirmed = sim.github().said.last().is_none_or(|(at, ..)| *at + QUIET < sim.now());
    if (stickies > 1 && is_confirmed) || (settled && stickies == 0) {
        sim.violation(ONE_COMMENT, format!("there are {stickies}"));
    }
}

fn the_comment_is_true(sim: &Sim, previews: &[Preview]) {
    let truth = sim.github().stickies().next().map(|(_, truth)| truth.clone());
    let reports = truth.map(|truth| truth.previews).unwrap_or_default();
    for preview in previews.iter().filter(|preview| preview.is_open()) {
        let Some(status) = &preview.status else { continue };
        let is_ready = matches!(status.phase, Phase::Ready | Phase::Expiring);
        let said = reports.iter().find(|report| report.preview == *preview.id());
        let is_said = said.is_some_and(|report| match &report.state {
            PreviewState::Ready { expires_at, .. } => Some(*expires_at) == status.expires_at,
            _ => false,
        });
        let settled = preview.started_at + QUIET < sim.now();
        let ends_soon = status.expires_at.is_some_and(|at| Moment::of(at) <= sim.now() + SKEW);
        if is_ready && settled && !is_said && !ends_soon {
            let what = format!(
                "{} is ready until {:?}, and the comment says {said:?}",
                preview.id(),
                status.expires_at
            );
            sim.violation(TRUTH, what);
        }
    }
    for report in &reports {
        let told = match &report.run_id {
            Some(run_id) => previews.iter().find(|preview| preview.run_id == *run_id),
            // It was to end before it was started.
            None if report.state.is_over() => None,
            // It was written just before its run began, and what followed was no more than progress.
            None => previews.iter().rfind(|preview| {
                *preview.id() == report.preview && preview.request.comment == report.asked_in
            }),
        };
        // After a reset, the run that goes on.
        let newest =
            told.and_then(|told| previews.iter().rfind(|preview| preview.first_run_id == told.first_run_id));
        let settled =
            newest.is_none_or(|newest| newest.closed_at.is_none_or(|closed| closed + quiet(sim) < sim.now()));
        if let Some(lie) = lie(sim, &report.state, newest).filter(|_| settled) {
            sim.violation(
                TRUTH,
                format!("the comment says {:?} of {}, but {lie}", report.state, report.preview),
            );
        }
    }
}

/// What is not as the comment says.
fn lie(sim: &Sim, said: &PreviewState, newest: Option<&Preview>) -> Option<String> {
    let Some(preview) = newest else {
        // It was to end before it was started, or could not be.
        return (!said.is_over()).then(|| "it has never been started".to_owned());
    };
    let close = &preview.close;
    // Its code is at work.
    if close.is_none() && preview.status.is_none() {
        return None;
    }
    let phase = preview.status.as_ref().map(|status| status.phase);
    let settled = preview.last_task.is_some_and(|last| last + SKEW < sim.now());
    match said {
        PreviewState::Ready { .. } if close.is_some() => Some(format!("it has ended: {close:?}")),
        PreviewState::Ready { stable_url, .. } => {
            let is_ready = phase.is_none_or(|phase| matches!(phase, Phase::Ready | Phase::Expiring));
            if !is_ready {
                return settled.then(|| format!("it is {phase:?}"));
            }
            let handle = namespace_of(sim, preview);
            let cluster = sim.cluster();
            let found = handle.as_ref().and_then(|handle| cluster.get(&handle.name));
            let serves = found.is_some_and(|found| {
                found.owner.run_id == preview.first_run_id
                    && found.release.as_ref().is_some_and(|it| it.is_complete)
            });
            let led_to = cluster.led_to(&preview.id().pull_request_name());
            let is_led_to =
                stable_url.is_none() || handle.as_ref().is_some_and(|handle| led_to == [handle.uid.as_str()]);
            if !serves {
                Some(format!("nothing serves it: {found:?}"))
            } else if !is_led_to {
                Some(format!("the stable URL leads to {led_to:?}"))
            } else {
                None
            }
        }
        PreviewState::Removed { because } => match close {
            None => settled.then(|| "it is open".to_owned()),
            Some(Close::Completed(reason)) => {
                let reason: Option<StopReason> = serde_json::from_str(reason).ok();
                // Somebody may have ended it by force while it was being removed.
                (reason.as_ref() != Some(because)).then(|| format!("it has ended with {reason:?}"))
            }
            Some(Close::Cancelled) => {
                (!matches!(because, StopReason::Cancelled { .. })).then(|| "it was cancelled".to_owned())
            }
            Some(Close::Failed(why)) => Some(format!("it has failed: {why}")),
            Some(Close::Terminated | Close::ContinuedAsNew) => None,
        },
        PreviewState::Failed { .. } => match close {
            Some(Close::Failed(_) | Close::Terminated) => None,
            None if !settled => None,
            other => Some(format!("it has not failed: {other:?}")),
        },
        _ if close.is_some() => Some(format!("it has ended: {close:?}")),
        PreviewState::Stopping { .. } | PreviewState::Failing { .. } | PreviewState::Queued { .. } => None,
        // On its way.
        _ => {
            let is_going = matches!(phase, Some(Phase::TearingDown | Phase::Removed | Phase::Failed));
            (is_going && settled).then(|| format!("it is {phase:?}"))
        }
    }
}

fn namespace_of(sim: &Sim, preview: &Preview) -> Option<NamespaceHandle> {
    let cluster = sim.cluster();
    let made = cluster.made_for(preview.id());
    let found = made
        .into_iter()
        .find(|namespace| namespace.owner.run_id == preview.first_run_id)?;
    Some(NamespaceHandle { name: found.name, uid: found.uid })
}

/// An entry of GitHub's list that says that a commit is deployed, which is not.
fn deployments_are_true(sim: &Sim, previews: &[Preview]) {
    let github = sim.github();
    for deployment in github.deployments() {
        let of_commit = previews.iter().filter(|preview| preview.id().commit == deployment.commit);
        let newest = of_commit.max_by_key(|preview| preview.started_at);
        let is_over =
            newest.is_some_and(|preview| preview.closed_at.is_some_and(|closed| closed + QUIET < sim.now()));
        if is_over && matches!(deployment.state, DeploymentState::Success { .. }) {
            let what = format!("{} is shown as deployed, and is gone", deployment.commit.short());
            sim.violation(DEPLOYMENTS, what);
        }
    }
}

fn previews_end_in_time(sim: &Sim, previews: &[Preview]) {
    for preview in previews.iter().filter(|preview| preview.is_open()) {
        let Some(status) = &preview.status else { continue };
        let is_late = status.expires_at.is_some_and(|at| Moment::of(at) + SKEW < sim.now());
        if is_late && matches!(status.phase, Phase::Ready | Phase::Expiring) {
            sim.violation(TTL, format!("{} should have ended at {:?}", preview.id(), status.expires_at));
        }
    }
}

fn nothing_is_orphaned(sim: &Sim) {
    let cluster = sim.cluster();
    let temporal = sim.temporal();
    for namespace in cluster.namespaces() {
        let workflow_id = namespace.owner.preview.to_string();
        let newest = temporal.newest(&workflow_id);
        let since = newest.and_then(|run| run.closed_at);
        let quiet = sim.undisturbed_for().min(sim.now().since(cluster.held_until));
        let is_reliable = sim.weights().cluster_error == 0.0;
        if is_reliable && since.is_some_and(|since| since + ORPHAN_TIME < sim.now()) && quiet > ORPHAN_TIME {
            sim.violation(ORPHANS, format!("{} is there long after its workflow has ended", namespace.name));
        }
    }
}
