//! What a command leads to: a pure function of what is known, so that every answer can be tested.

use super::{Commented, Origin, memory::Memory, previews::Standing};
use crate::{
    activities::{Answer, Openness, Overtaken, Refusal, ReportedState, Sight, StopReason},
    vocabulary::{
        Command, CommentId, Login, Misunderstood, PreviewId, PreviewRequest, PullRequestRef, Ttl,
        WhoMay,
    },
};

/// Who asks, where, and what was seen there.
pub(super) struct Asked<'a> {
    pub(super) pull_request: &'a PullRequestRef,
    pub(super) comment: CommentId,
    pub(super) by: &'a Login,
    pub(super) origin: &'a Origin,
    pub(super) sight: &'a Sight,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing; the comment on the pull request says it all.
    Nothing,
    /// Nothing, and the person is told why.
    Answer(Answer),
    /// Nothing, and the person is not even told: a stranger, where nothing is left to decide.
    TurnAway,
    /// A preview is started.
    Start(PreviewRequest),
    /// A preview is started once its predecessor is gone.
    Queue(PreviewRequest),
    /// A preview gets more time.
    Extend { preview: PreviewId, by: Ttl },
    /// Previews are removed, and what waits to be started is not started any more.
    Stop(Stop),
}

/// What a `stop` ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) previews: Vec<PreviewId>,
    pub(super) because: StopReason,
    /// Only what was asked for in this comment or before.
    pub(super) asked_in: CommentId,
    /// Whoever asked for it; otherwise only its author's.
    pub(super) is_everyones: bool,
}

pub(super) fn decide(
    command: Result<&Command, &Misunderstood>,
    asked: &Asked<'_>,
    memory: &Memory,
) -> Decision {
    // Whoever may not is told so first: what else stands in the way is no business of theirs.
    if !is_allowed(command.ok(), asked, memory) {
        return turn_away(asked.sight);
    }
    if let Ok(Command::Preview { .. } | Command::Extend { .. }) = command
        && let Some(overtaken_by) = memory.overtaken(asked.comment, asked.origin)
    {
        return Decision::Answer(Answer::Late { overtaken_by });
    }
    match command {
        Ok(Command::Preview { ttl }) => preview(*ttl, asked, memory),
        Ok(Command::Extend { by }) => extend(*by, asked, memory),
        Ok(Command::Stop) => stop(asked.comment, asked.by, !asked.sight.person_may, memory),
        Ok(Command::Status) => Decision::Answer(Answer::Status {
            previews: memory.previews.told(),
        }),
        Ok(Command::Help) => Decision::Answer(Answer::Help),
        Err(problem) => Decision::Answer(Answer::Misunderstood {
            problem: problem.clone(),
        }),
    }
}

fn is_allowed(command: Option<&Command>, asked: &Asked<'_>, memory: &Memory) -> bool {
    let belongs_to_the_requester =
        command.is_some_and(|command| command.form().who_may == WhoMay::WritersAndRequester);
    asked.sight.person_may
        || (belongs_to_the_requester && memory.previews.has_one_asked_for_by(asked.by))
}

/// Anybody could have us write on any number of old pull requests, and GitHub takes few writes: there, only those are answered who may.
fn turn_away(sight: &Sight) -> Decision {
    if sight.openness == Openness::Open && !sight.is_locked {
        refuse(Refusal::NotAllowed)
    } else {
        Decision::TurnAway
    }
}

/// What a push leads to: a preview of the new commit, if the repository wants that and the pull request has one already.
pub(super) fn follow_push(asked: &Asked<'_>, memory: &Memory) -> Decision {
    let wanted = asked
        .sight
        .terms
        .as_ref()
        .is_ok_and(|terms| terms.redeploy_on_push);
    if !wanted || !asked.sight.person_may {
        return Decision::Nothing;
    }
    // Nobody waits for an answer to a push.
    match preview(None, asked, memory) {
        Decision::Answer(_) => Decision::Nothing,
        decision => decision,
    }
}

fn preview(ttl: Option<Ttl>, asked: &Asked<'_>, memory: &Memory) -> Decision {
    let sight = asked.sight;
    match sight.openness {
        Openness::Open => {}
        Openness::Closed => return refuse(Refusal::Closed),
        Openness::Merged => return refuse(Refusal::Merged),
    }
    if sight.is_locked {
        return refuse(Refusal::Locked);
    }
    if sight.is_from_fork {
        return refuse(Refusal::Fork);
    }
    let terms = match &sight.terms {
        Ok(terms) => terms,
        Err(problem) => {
            return Decision::Answer(Answer::Misconfigured {
                problem: problem.clone(),
            });
        }
    };
    if let Some(asked) = ttl.filter(|asked| *asked > terms.max_lifetime) {
        return Decision::Answer(Answer::TtlTooLong {
            asked,
            maximum: terms.max_lifetime,
        });
    }
    let request = PreviewRequest {
        repository_id: Some(sight.repository_id),
        preview: PreviewId {
            repository: asked.pull_request.repository.clone(),
            pull_request: asked.pull_request.number,
            commit: sight.head.clone(),
        },
        installation: asked.pull_request.installation,
        comment: asked.comment,
        requested_by: asked.by.clone(),
        ttl: ttl.unwrap_or(terms.ttl),
        max_lifetime: terms.max_lifetime,
        settings: terms.settings.clone(),
    };
    match memory.previews.standing(&request.preview) {
        Standing::None => Decision::Start(request),
        Standing::OnItsWay => Decision::Nothing,
        Standing::Ready { url, expires_at } => {
            Decision::Answer(Answer::AlreadyExists { url, expires_at })
        }
        Standing::Ending => Decision::Queue(request),
    }
}

fn extend(by: Ttl, asked: &Asked<'_>, memory: &Memory) -> Decision {
    let Some(report) = memory.previews.extendable() else {
        return Decision::Answer(Answer::NothingToExtend);
    };
    if !asked.sight.person_may && report.requested_by != *asked.by {
        return refuse(Refusal::NotAllowed);
    }
    if let ReportedState::Ready {
        expires_at,
        extendable_until,
        ..
    } = report.state
        && expires_at >= extendable_until
    {
        return Decision::Answer(Answer::AtMaximum {
            until: extendable_until,
        });
    }
    Decision::Extend {
        preview: report.preview.clone(),
        by,
    }
}

/// What a `stop` leads to whose author could not be looked up. It gives nobody anything, so it is obeyed.
pub(super) fn stop_unseen(asked: &Commented, memory: &Memory) -> Decision {
    stop(asked.comment, &asked.author, false, memory)
}

fn stop(comment: CommentId, by: &Login, own_only: bool, memory: &Memory) -> Decision {
    let (earlier, later): (Vec<_>, Vec<_>) = memory
        .previews
        .alive()
        .filter(|report| !own_only || report.requested_by == *by)
        .partition(|report| report.asked_in <= comment);
    let is_something_waiting =
        memory.previews.have_queued_before(comment) || memory.inbox.has_requests_before(comment);
    if earlier.is_empty() && !is_something_waiting {
        return if later.is_empty() {
            Decision::Answer(Answer::NothingToStop)
        } else {
            Decision::Answer(Answer::Late {
                overtaken_by: Overtaken::Request,
            })
        };
    }
    Decision::Stop(Stop {
        previews: earlier
            .into_iter()
            .map(|report| report.preview.clone())
            .collect(),
        because: StopReason::Asked {
            by: Some(by.clone()),
        },
        asked_in: comment,
        is_everyones: !own_only,
    })
}

fn refuse(because: Refusal) -> Decision {
    Decision::Answer(Answer::Refused { because })
}

#[cfg(test)]
mod tests;
