//! What the orphan sweep asks of cluster and Temporal.

use std::time::Duration;

use domain::{
    NamespaceHandle,
    orphan_sweep::{LostPreview, Note, NotedNamespace, Outcome, SurveyedPage, is_too_much},
    preview::{PreviewReport, PreviewState, Probe, StopReason},
};
use workflows::{
    contract::{FindOverdue, MarkOrphans, ReportPreview, Surveyed},
    payload::json,
};

use super::pull_request::send_report;
use crate::{
    cluster::Namespace,
    executor::Moment,
    temporal::{Attempt, NotDone},
};

/// A ready preview whose namespace is being removed for so long is lost.
const REMOVAL: Duration = Duration::from_secs(30);

pub(super) async fn survey(attempt: &Attempt) -> Result<Surveyed, NotDone> {
    let namespaces: Vec<Namespace> =
        attempt.cluster(|cluster| cluster.namespaces().cloned().collect()).await?;
    attempt.temporal().await?;
    let ids: Vec<String> = namespaces.iter().map(|namespace| namespace.owner.preview.to_string()).collect();
    let open = attempt.sim.open_among(&ids);
    attempt.pause().await;
    let mut noted = Vec::new();
    for (namespace, id) in namespaces.iter().zip(&ids) {
        let is_open = if open.contains(id) {
            Ok(true)
        } else {
            attempt.latest_run(id).await.map(|run| run.is_some_and(|run| run.is_open))
        };
        let note = match (is_open, namespace.is_terminating) {
            (Err(_), _) => Some(Note::Unclear { why: "no answer".to_owned() }),
            (Ok(true), false) => namespace.orphaned_since.map(|_| Note::FoundAgain),
            (Ok(true), true) => None,
            (Ok(false), true) => Some(Note::Terminating { held_by: "a finalizer".to_owned() }),
            (Ok(false), false) => Some(Note::Orphan { marked_since: namespace.orphaned_since }),
        };
        let key = NamespaceHandle { name: namespace.name.clone(), uid: namespace.uid.clone() };
        noted.extend(note.map(|note| NotedNamespace { key, note }));
    }
    Ok(Surveyed::Page(SurveyedPage { previews: namespaces.len(), noted, continue_token: None }))
}

pub(super) async fn find_overdue(attempt: &Attempt, request: FindOverdue) -> Result<Vec<String>, NotDone> {
    attempt.temporal().await?;
    Ok(attempt.sim.overdue(Moment::of(request.expired_before)))
}

pub(super) async fn end_lost(attempt: &Attempt) -> Result<Vec<LostPreview>, NotDone> {
    attempt.temporal().await?;
    let ready = attempt.sim.ready();
    attempt.pause().await;
    let now = attempt.sim.now();
    let stays = |namespace: &&Namespace| namespace.removed_since.is_none_or(|since| since + REMOVAL > now);
    let held: Vec<String> = attempt
        .cluster(|cluster| {
            let serving = cluster.namespaces().filter(stays).filter(|namespace| !namespace.awaits_release);
            serving.map(|namespace| namespace.owner.run_id.clone()).collect()
        })
        .await?;
    let all = ready.len();
    let lost: Vec<_> = ready.into_iter().filter(|run| !held.contains(&run.first_run_id)).collect();
    let is_too_much = is_too_much(lost.len(), all);
    let mut told = Vec::new();
    for run in lost {
        attempt.temporal().await?;
        let outcome = if is_too_much {
            Outcome::Failed { why: "so many".to_owned() }
        } else {
            let because = vec![json(&StopReason::NamespaceLost)];
            let request = format!("lost-{}", run.run_id);
            match attempt
                .sim
                .signal(&run.workflow_id, Some(&run.run_id), "stop", because, &request)
            {
                Ok(()) => Outcome::Done,
                Err(_) => Outcome::Spared,
            }
        };
        told.push(LostPreview { workflow_id: run.workflow_id, outcome });
    }
    Ok(told)
}

async fn find(attempt: &Attempt, handle: &NamespaceHandle) -> Result<Option<Namespace>, NotDone> {
    let found = attempt.cluster(|cluster| cluster.get(&handle.name).cloned()).await?;
    Ok(found.filter(|namespace| namespace.uid == handle.uid))
}

pub(super) async fn mark(attempt: &Attempt, request: MarkOrphans) -> Result<Vec<Outcome>, NotDone> {
    let mut outcomes = Vec::new();
    for handle in request.namespaces {
        outcomes.push(write_mark(attempt, &handle, Some(request.since)).await);
    }
    Ok(outcomes)
}

pub(super) async fn unmark(
    attempt: &Attempt,
    namespaces: Vec<NamespaceHandle>,
) -> Result<Vec<Outcome>, NotDone> {
    let mut outcomes = Vec::new();
    for handle in namespaces {
        outcomes.push(write_mark(attempt, &handle, None).await);
    }
    Ok(outcomes)
}

async fn write_mark(attempt: &Attempt, handle: &NamespaceHandle, since: Option<jiff::Timestamp>) -> Outcome {
    let failed = || Outcome::Failed { why: "the API server does not answer".to_owned() };
    let found = match find(attempt, handle).await {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::Spared,
        Err(_) => return failed(),
    };
    if found.orphaned_since.is_some() == since.is_some() {
        return Outcome::Done;
    }
    let written = attempt
        .cluster(|cluster| cluster.update(&found, |namespace| namespace.orphaned_since = since))
        .await;
    match written {
        Ok(Ok(_)) => Outcome::Done,
        _ => failed(),
    }
}

pub(super) async fn remove(
    attempt: &Attempt,
    namespaces: Vec<NamespaceHandle>,
) -> Result<Vec<Outcome>, NotDone> {
    let mut outcomes = Vec::new();
    for handle in namespaces {
        let outcome = remove_one(attempt, &handle).await;
        outcomes.push(outcome.unwrap_or_else(|_| Outcome::Failed { why: "no answer".to_owned() }));
    }
    Ok(outcomes)
}

async fn remove_one(attempt: &Attempt, handle: &NamespaceHandle) -> Result<Outcome, NotDone> {
    let Some(found) = attempt.cluster(|cluster| cluster.get(&handle.name).cloned()).await? else {
        return Ok(Outcome::Done);
    };
    if found.uid != handle.uid {
        return Ok(Outcome::Spared);
    }
    let latest = attempt.latest_run(&found.owner.preview.to_string()).await?;
    if latest.as_ref().is_some_and(|latest| latest.is_open) || found.orphaned_since.is_none() {
        return Ok(Outcome::Spared);
    }
    if !found.is_terminating {
        attempt.pause().await;
        attempt.cluster_answers()?;
        let version = Some(found.version);
        attempt.sim.checks().sweeps(&attempt.sim, &found);
        if !attempt.sim.delete_namespace(&found.name, &found.uid, version) {
            return Ok(Outcome::Spared);
        }
    }
    if latest.is_some_and(|latest| latest.ended_by_itself) {
        return Ok(Outcome::Done);
    }
    let (installation, repository_id, requested_by) = {
        let github = attempt.sim.github();
        (github.installation, github.repository_id, github.writers[0].clone())
    };
    let word = ReportPreview {
        installation,
        repository_id: Some(repository_id),
        report: PreviewReport {
            preview: found.owner.preview.clone(),
            run_id: Some(found.owner.run_id.clone()),
            started_at: None,
            revision: u32::MAX,
            requested_by,
            asked_in: found.comment,
            state: PreviewState::Removed { because: StopReason::Terminated },
            environment: None,
            probe: Probe::default(),
        },
    };
    let _ = send_report(attempt, &word).await;
    Ok(Outcome::Done)
}
