//! What does a command lead to? A pure function of what is known, so that every answer can be tested.

use super::{memory::Memory, previews::Standing};
use crate::{
    activities::{Answer, Openness, Refusal, ReportedState, Sight, StopReason},
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
    Extend {
        preview: PreviewId,
        run_id: String,
        by: Ttl,
    },
    /// Previews are removed.
    Stop {
        previews: Vec<(PreviewId, String)>,
        because: StopReason,
    },
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
    match command {
        Ok(Command::Preview { ttl }) => preview(*ttl, asked, memory),
        Ok(Command::Extend { by }) => extend(*by, asked, memory),
        Ok(Command::Stop) => stop(asked, memory),
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
    report
        .run_id
        .clone()
        .map_or(Decision::Nothing, |run_id| Decision::Extend {
            preview: report.preview.clone(),
            run_id,
            by,
        })
}

fn stop(asked: &Asked<'_>, memory: &Memory) -> Decision {
    let own_only = !asked.sight.person_may;
    let previews: Vec<_> = memory
        .previews
        .alive()
        .filter(|report| !own_only || report.requested_by == *asked.by)
        .filter_map(|report| Some((report.preview.clone(), report.run_id.clone()?)))
        .collect();
    if previews.is_empty() && !memory.previews.have_a_queue() {
        return Decision::Answer(Answer::NothingToStop);
    }
    Decision::Stop {
        previews,
        because: StopReason::Asked {
            by: Some(asked.by.clone()),
        },
    }
}

fn refuse(because: Refusal) -> Decision {
    Decision::Answer(Answer::Refused { because })
}

#[cfg(test)]
mod tests;
