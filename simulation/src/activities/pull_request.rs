//! What a pull request's workflow asks of the world, other than to write.

use std::collections::BTreeSet;

use domain::{
    CommentId, Explanation, PreviewId, RunIdentity,
    preview::{AnswerNote, Answering, Ending, PreviewReport, PreviewState, Probe, ProbePath, StopReason},
    pull_request::PullRequestSnapshot,
};
use workflows::{
    contract::{ClosedPreview, FetchPullRequest, FindPreviews, FoundPreviews, PointStableUrl, ReportPreview},
    signal::Signal,
};

use crate::{
    cluster::Alias,
    signal::{Recipient, Start},
    temporal::{Attempt, Close, NotDone},
};

/// How often all previews are asked.
const ASKED_MAX: u32 = 3;

pub(super) async fn fetch(
    attempt: &Attempt,
    request: FetchPullRequest,
) -> Result<PullRequestSnapshot, NotDone> {
    attempt.pause().await;
    attempt.sim.github_refuses(attempt.worker, true)?;
    let snapshot = attempt.sim.github().snapshot(request.person.as_ref());
    attempt.pause().await;
    Ok(snapshot)
}

pub(super) async fn report(attempt: &Attempt, request: ReportPreview) -> Result<(), NotDone> {
    attempt.temporal().await?;
    attempt.unless_late()?;
    send_report(attempt, &request).await
}

/// As a preview's run reports, and as the sweep does in its place.
pub(super) async fn send_report(attempt: &Attempt, request: &ReportPreview) -> Result<(), NotDone> {
    let mut pull_request = attempt.sim.pull_request();
    pull_request.installation = request.installation;
    pull_request.repository = request.report.preview.repository.clone();
    let recipient = Recipient { pull_request, repository_id: request.repository_id };
    attempt
        .sim
        .signal_pull_request(recipient, Signal::report(&request.report), Start::Always)
        .await;
    attempt.pause().await;
    Ok(())
}

pub(super) async fn find(attempt: &Attempt, request: FindPreviews) -> Result<FoundPreviews, NotDone> {
    attempt.temporal().await?;
    let listed = attempt.sim.list_open(&request.pull_request, request.repository_id);
    let previews: BTreeSet<PreviewId> = listed
        .iter()
        .filter_map(|record| record.workflow_id.parse().ok())
        .chain(request.suspects.iter().cloned())
        .collect();
    let mut found = FoundPreviews { open: Vec::new(), closed: Vec::new() };
    for preview in previews {
        let workflow_id = preview.to_string();
        let latest = attempt.latest_run(&workflow_id).await?;
        let run = match latest {
            Some(run) if run.is_open => run,
            closed => {
                if request.suspects.contains(&preview) {
                    attempt.temporal().await?;
                    let ending = ending_of(attempt, closed.as_ref().map(|run| run.run_id.as_str()));
                    found.closed.push(ClosedPreview { preview, ending });
                }
                continue;
            }
        };
        let asked: Result<Option<PreviewReport>, _> = attempt.sim.query(&workflow_id, "report").await;
        match asked {
            Ok(open) => found.open.extend(open),
            Err(_) if attempt.number > ASKED_MAX => {
                let requested_by =
                    attempt.sim.requested_by(&workflow_id).and_then(|login| login.parse().ok());
                found.open.extend(requested_by.map(|requested_by| PreviewReport {
                    preview,
                    run_id: Some(run.run_id),
                    started_at: None,
                    revision: 0,
                    requested_by,
                    asked_in: CommentId(0),
                    state: PreviewState::Requested,
                    environment: None,
                    probe: Probe::default(),
                }));
            }
            Err(_) => return Err(NotDone::for_now("TemporalUnavailable")),
        }
        attempt.pause().await;
    }
    Ok(found)
}

/// How a closed run ended, as Temporal has recorded it.
fn ending_of(attempt: &Attempt, run_id: Option<&str>) -> Ending {
    let temporal = attempt.sim.temporal();
    let run = temporal.runs().find(|run| Some(run.run_id.as_str()) == run_id);
    let close = run.and_then(|run| run.close.clone());
    match close {
        Some(Close::Completed(because)) => {
            Ending::Stopped(serde_json::from_str(&because).expect("a preview's result"))
        }
        Some(Close::Failed(summary)) => Ending::Failed(Explanation { summary, log_tail: None }),
        Some(Close::Cancelled) => Ending::Stopped(StopReason::Cancelled { reason: None }),
        _ => Ending::Stopped(StopReason::Terminated),
    }
}

pub(super) async fn point_stable_url(
    attempt: &Attempt,
    request: PointStableUrl,
) -> Result<Answering, NotDone> {
    let (to, sim) = (&request.to, &attempt.sim);
    let latest = attempt.latest_run(&to.preview.to_string()).await?;
    let open = latest.filter(|latest| latest.is_open && latest.run_id == to.run_id);
    let owner = open.map(|open| RunIdentity { preview: to.preview.clone(), run_id: open.first_run_id });
    let held = attempt
        .cluster(|cluster| {
            let made = cluster.made_for(&to.preview).into_iter();
            made.filter(|namespace| !namespace.is_terminating)
                .find(|namespace| Some(&namespace.owner) == owner.as_ref())
        })
        .await?;
    let Some(held) = held else {
        return Err(NotDone::for_good("NamespaceLost", "The preview's namespace is gone."));
    };
    let of = to.preview.pull_request_name();
    let alias = attempt
        .cluster(|cluster| {
            let found = cluster.in_namespace(&held.name).ok()?;
            sim.checks().written_to(sim, found, &held.owner, "the address");
            let alias = Alias { uid: found.uid.clone(), decided_at: request.decided_at };
            let aliases = cluster.addresses(of.clone());
            aliases.retain(|other| other.uid != alias.uid);
            aliases.push(alias.clone());
            Some(alias)
        })
        .await?;
    let Some(alias) = alias else {
        return Err(NotDone::for_now("ClusterUnavailable"));
    };
    attempt
        .cluster(|cluster| {
            let stays = |other: &Alias| other.uid == alias.uid || other.decided_at > alias.decided_at;
            cluster.addresses(of).retain(stays);
        })
        .await?;
    attempt.pause().await;
    if sim.cluster().crashes_until > sim.now() {
        return Err(NotDone::for_good("StableUrlDoesNotAnswer", "It does not answer at the stable URL."));
    }
    // The apps of some commits know their own hosts only.
    let refuses = to.preview.commit.as_str().starts_with('c');
    let note = refuses.then(|| AnswerNote::Refuses { status: 400, path: ProbePath::default() });
    Ok(Answering { url: sim.names().stable_url(&to.preview), note })
}
