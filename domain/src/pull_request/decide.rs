//! What follows from an event: a pure function of what is known, so that every answer can be tested.

use std::iter;

use jiff::Timestamp;

use super::{
    Answer, Availability, Closed, Commented, Conversation, Effect, InvalidConfiguration, Origin, Overtaken,
    PullRequestSnapshot, PullRequestState, Pushed, Refusal, Stop, Terms,
};
use crate::{
    Command, CommandAccess, CommentId, Login, Misunderstood, PreviewId, PullRequestRef, Ttl,
    preview::{PreviewRequest, PreviewState, StopReason},
};

/// Who asks, where, and what was seen there.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Where.
    pub pull_request: &'a PullRequestRef,
    /// In which comment.
    pub comment: CommentId,
    /// Who.
    pub by: &'a Login,
    /// When.
    pub origin: &'a Origin,
    /// What GitHub says of the pull request and of the person.
    pub snapshot: &'a PullRequestSnapshot,
}

/// What one command leads to.
#[must_use]
pub fn decide(
    command: Result<&Command, &Misunderstood>,
    asked: &Asked<'_>,
    conversation: &Conversation,
) -> Vec<Effect> {
    // Whoever may not is told so first: what else stands in the way is no business of theirs.
    if !is_allowed(command.ok(), asked, conversation) {
        return vec![deny(asked)];
    }
    if command.is_ok_and(Command::is_request)
        && let Some(overtaken_by) = conversation.overtaken(asked.comment, asked.origin)
    {
        return answer(Answer::Late { overtaken_by });
    }
    match command {
        Ok(Command::Preview { ttl }) => preview(*ttl, asked, conversation),
        Ok(Command::Extend { by }) => extend(*by, asked, conversation),
        Ok(Command::Stop) => {
            let is_everyones = asked.snapshot.is_authorized;
            stop(asked.comment, asked.by, asked.origin.happened_at, is_everyones, conversation)
        }
        // Filled in when it is written.
        Ok(Command::Status) => answer(Answer::Status { previews: Vec::new() }),
        Ok(Command::Help) => answer(Answer::Help),
        Err(problem) => answer(Answer::Misunderstood { problem: problem.clone() }),
    }
}

/// What a push leads to: a preview of the new commit, if the repository wants that, the pull request has one
/// already, and whoever pushed may have previews.
#[must_use]
pub fn decide_push(
    push: &Pushed,
    pull_request: &PullRequestRef,
    snapshot: &PullRequestSnapshot,
    conversation: &Conversation,
) -> Vec<Effect> {
    let is_wanted = snapshot.terms.as_ref().is_ok_and(|terms| terms.redeploy_on_push);
    let Some(by) = push.by.as_ref().filter(|_| is_wanted && snapshot.is_authorized) else {
        return Vec::new();
    };
    let asked = Asked {
        pull_request,
        comment: conversation.newest_comment(),
        by,
        origin: &push.origin,
        snapshot,
    };
    // Nobody waits for an answer to a push.
    let mut effects = preview(None, &asked, conversation);
    effects.retain(|effect| !matches!(effect, Effect::Answer(_)));
    effects
}

/// What the end of the pull request leads to: the end of everything, unless it has been reopened since.
#[must_use]
pub fn decide_close(close: &Closed, snapshot: Option<&PullRequestSnapshot>) -> Vec<Effect> {
    let merged = match snapshot.map(|snapshot| snapshot.state) {
        Some(PullRequestState::Open) => return Vec::new(),
        Some(PullRequestState::Closed) => false,
        Some(PullRequestState::Merged) => true,
        None => close.merged,
    };
    vec![Effect::Close { at: close.origin.happened_at, merged }]
}

/// What a `stop` leads to whose author could not be looked up. It gives nobody anything, so it is obeyed;
/// what is asked before it in the same comment would be ended by it.
#[must_use]
pub fn decide_unchecked_stop(comment: &Commented, conversation: &Conversation) -> Vec<Effect> {
    stop(comment.comment, &comment.author, comment.origin.happened_at, true, conversation)
}

fn is_allowed(command: Option<&Command>, asked: &Asked<'_>, conversation: &Conversation) -> bool {
    let belongs_to_the_requester =
        command.is_some_and(|command| command.form().who_may == CommandAccess::WritersAndRequester);
    asked.snapshot.is_authorized
        || (belongs_to_the_requester && conversation.previews.has_one_asked_for_by(asked.by))
}

/// Anybody could have us write on any number of old pull requests, and GitHub takes few
/// writes: there, only those are answered who may.
fn deny(asked: &Asked<'_>) -> Effect {
    if asked.snapshot.state == PullRequestState::Open && !asked.snapshot.is_locked {
        Effect::Answer(Answer::Refused { because: Refusal::NotAllowed })
    } else {
        Effect::DenySilently { person: asked.by.clone() }
    }
}

fn preview(ttl: Option<Ttl>, asked: &Asked<'_>, conversation: &Conversation) -> Vec<Effect> {
    let request = match request(ttl, asked) {
        Ok(request) => request,
        Err(refusal) => return answer(refusal),
    };
    let availability = conversation.previews.availability(&request.preview);
    let is_a_start = matches!(availability, Availability::None | Availability::Ending);
    if is_a_start && has_had_too_many(asked.snapshot) {
        return answer(Answer::Refused { because: Refusal::TooMany });
    }
    match availability {
        Availability::None => vec![Effect::Request(Box::new(request))],
        Availability::InProgress => vec![asked_again(request)],
        Availability::Ready { url, expires_at } => {
            vec![asked_again(request), Effect::Answer(Answer::AlreadyExists { url, expires_at })]
        }
        Availability::Ending => vec![Effect::Queue(Box::new(request))],
    }
}

fn has_had_too_many(snapshot: &PullRequestSnapshot) -> bool {
    let terms = snapshot.terms.as_ref();
    terms.is_ok_and(|terms| snapshot.started_in_the_last_hour >= terms.starts_per_hour)
}

fn asked_again(request: PreviewRequest) -> Effect {
    Effect::AskedAgain { preview: request.preview, comment: request.comment }
}

/// The request for a preview of the newest commit, or what stands in its way.
fn request(ttl: Option<Ttl>, asked: &Asked<'_>) -> Result<PreviewRequest, Answer> {
    let snapshot = asked.snapshot;
    if let Some(because) = refusal(snapshot) {
        return Err(Answer::Refused { because });
    }
    let terms = snapshot.terms.as_ref().map_err(invalid_configuration)?;
    if let Some(asked) = ttl.filter(|asked| *asked > terms.max_lifetime) {
        let maximum = terms.max_lifetime;
        return Err(Answer::TtlTooLong { asked, maximum });
    }
    let Terms { max_lifetime, settings, .. } = terms.clone();
    Ok(PreviewRequest {
        repository_id: Some(snapshot.repository_id),
        branch: snapshot.branch.clone(),
        preview: PreviewId {
            repository: asked.pull_request.repository.clone(),
            pull_request: asked.pull_request.number,
            commit: snapshot.head.clone(),
        },
        installation: asked.pull_request.installation,
        comment: asked.comment,
        requested_by: asked.by.clone(),
        ttl: ttl.unwrap_or(terms.ttl),
        max_lifetime,
        settings,
    })
}

/// Why no preview is given here, whoever asks.
fn refusal(snapshot: &PullRequestSnapshot) -> Option<Refusal> {
    match snapshot.state {
        PullRequestState::Closed => Some(Refusal::Closed),
        PullRequestState::Merged => Some(Refusal::Merged),
        PullRequestState::Open if snapshot.is_locked => Some(Refusal::Locked),
        PullRequestState::Open if snapshot.is_from_fork => Some(Refusal::Fork),
        PullRequestState::Open => None,
    }
}

fn invalid_configuration(problem: &InvalidConfiguration) -> Answer {
    Answer::InvalidConfiguration { problem: problem.clone() }
}

fn extend(by: Ttl, asked: &Asked<'_>, conversation: &Conversation) -> Vec<Effect> {
    let Some(report) = conversation.previews.extendable() else {
        return answer(Answer::NothingToExtend);
    };
    if !asked.snapshot.is_authorized && report.requested_by != *asked.by {
        return answer(Answer::Refused { because: Refusal::NotAllowed });
    }
    if let PreviewState::Ready { expires_at, extendable_until, .. } = report.state
        && expires_at >= extendable_until
    {
        return answer(Answer::AtMaximum { until: extendable_until });
    }
    vec![Effect::Extend { preview: report.preview.clone(), by }]
}

/// Everybody's previews, or only those that this person asked for.
fn stop(
    comment: CommentId,
    by: &Login,
    at: Timestamp,
    is_everyones: bool,
    conversation: &Conversation,
) -> Vec<Effect> {
    let (earlier, later): (Vec<_>, Vec<_>) = conversation
        .previews
        .alive()
        .filter(|report| is_everyones || report.requested_by == *by)
        .partition(|report| conversation.previews.last_asked_in(report) <= comment);
    let is_something_waiting =
        conversation.previews.has_queued_up_to(comment) || conversation.events.has_requests_before(comment);
    let answer = if !earlier.is_empty() {
        None
    } else if !later.is_empty() {
        Some(Answer::Late { overtaken_by: Overtaken::Request })
    } else if is_something_waiting {
        None
    } else {
        Some(Answer::NothingToStop)
    };
    // Remembered although there is nothing to stop: what was asked for before may reach us later.
    let stop = Effect::Stop(Stop {
        previews: earlier.into_iter().map(|report| report.preview.clone()).collect(),
        because: StopReason::Asked { by: Some(by.clone()) },
        asked_in: comment,
        at,
        is_everyones,
    });
    iter::once(stop).chain(answer.map(Effect::Answer)).collect()
}

fn answer(answer: Answer) -> Vec<Effect> {
    vec![Effect::Answer(answer)]
}

#[cfg(test)]
mod tests;
