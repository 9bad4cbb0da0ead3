//! What is written on the pull request.

use domain::{
    CommentId, DeploymentId,
    pull_request::{DeploymentWrite, Reply, StickyComment, StickyWritten},
};
use workflows::contract::WriteSticky;

use crate::{
    github::{Body, Write},
    temporal::{Attempt, NotDone},
};

pub(super) async fn write_sticky(attempt: &Attempt, request: WriteSticky) -> Result<StickyWritten, NotDone> {
    let sim = &attempt.sim;
    let workflow_id = request.pull_request.to_string();
    let _lock = sim.lock(attempt.worker, &workflow_id).await;
    attempt.pause().await;
    sim.github_refuses(attempt.worker, true)?;
    let own: Vec<CommentId> = sim.github().stickies().map(|(comment, _)| comment.id).collect();
    let known = request.comment.filter(|id| own.contains(id));
    let marked = own.first().copied();
    attempt.pause().await;
    attempt.temporal().await?;
    let asked: Result<StickyComment, _> = sim.query(&workflow_id, "comment").await;
    attempt.pause().await;
    let Ok(truth) = asked else {
        return Err(NotDone::for_now("TemporalUnavailable"));
    };
    if truth.previews.is_empty() {
        return Err(NotDone::for_good("NothingToSay", "There is nothing to say."));
    }
    let revision = truth.revision;
    let comment = match known.or(marked) {
        Some(id) if says(attempt, id, &truth) => id.0,
        Some(id) => sim.write_to_github(attempt, Write::Edit(id, Body::Sticky(truth))).await?,
        None => sim.write_to_github(attempt, Write::Comment(Body::Sticky(truth))).await?,
    };
    let comment = CommentId(comment);
    for surplus in own.into_iter().filter(|id| *id != comment) {
        sim.write_to_github(attempt, Write::Delete(surplus)).await?;
    }
    Ok(StickyWritten { comment, revision, is_doubtful: attempt.number > 1 })
}

/// The text tells nothing of revisions.
fn says(attempt: &Attempt, id: CommentId, truth: &StickyComment) -> bool {
    let github = attempt.sim.github();
    let mut shown = github.stickies().filter(|(comment, _)| comment.id == id);
    shown.any(|(_, shown)| shown.previews == truth.previews)
}

pub(super) async fn post_reply(attempt: &Attempt, request: Reply) -> Result<CommentId, NotDone> {
    let sim = &attempt.sim;
    let _lock = sim.lock(attempt.worker, &request.pull_request.to_string()).await;
    attempt.pause().await;
    sim.github_refuses(attempt.worker, true)?;
    let to = request.comment_id;
    let posted = sim.github().comments().iter().find_map(|comment| match &comment.body {
        Body::Reply { to: other, is_second, answers } if *other == to && *is_second == request.is_second => {
            Some((comment.id, *answers == request.answers))
        }
        _ => None,
    });
    attempt.pause().await;
    let body = Body::Reply { to, is_second: request.is_second, answers: request.answers };
    match posted {
        Some((posted, true)) => Ok(posted),
        Some((posted, false)) => {
            sim.write_to_github(attempt, Write::Edit(posted, body)).await?;
            Ok(posted)
        }
        None => sim.write_to_github(attempt, Write::Comment(body)).await.map(CommentId),
    }
}

pub(super) async fn sync_deployment(
    attempt: &Attempt,
    request: DeploymentWrite,
) -> Result<DeploymentId, NotDone> {
    let sim = &attempt.sim;
    let _lock = sim.lock(attempt.worker, &request.pull_request.to_string()).await;
    attempt.pause().await;
    let commit = request.preview.commit.clone();
    let Some(id) = request.deployment else {
        sim.github_refuses(attempt.worker, true)?;
        let found = sim.github().find_deployment(&commit, request.asked_in);
        attempt.pause().await;
        return match found {
            Some(id) => Ok(id),
            None => {
                let made = Write::Deploy(commit, request.asked_in);
                sim.write_to_github(attempt, made).await.map(DeploymentId)
            }
        };
    };
    sim.write_to_github(attempt, Write::SetState(id, request.state))
        .await
        .map(DeploymentId)
}
