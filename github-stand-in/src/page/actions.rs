//! What a person does on the page.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    actions::{Actor, Place, PullState, Refused},
    samples,
    shared::Shared,
};

type At = Path<(String, String, u64)>;

/// A comment. JSON and not a form: a browser asks before another site may send that, and we do not answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentRequest {
    r#as: String,
    body: String,
}

/// A commit that changes what the sample app shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushRequest {
    r#as: String,
    greeting: String,
    colour: String,
}

/// A file for a branch, which is made if it is new.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRequest {
    r#as: String,
    branch: String,
    path: String,
    content: String,
}

/// Somebody does what needs no words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bare {
    r#as: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateRequest {
    r#as: String,
    state: WantedState,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedState {
    Open,
    Closed,
    Merged,
    Locked,
    Unlocked,
    Draft,
    Ready,
}

pub(super) async fn comment(
    State(shared): State<Arc<Shared>>,
    at: At,
    Json(request): Json<CommentRequest>,
) -> Response {
    answer(
        shared
            .write_comment(&Actor::Person(request.r#as), &place(at), &request.body)
            .map(drop),
    )
}

pub(super) async fn delete_comment(
    State(shared): State<Arc<Shared>>,
    Path((owner, repo, id)): At,
    Json(request): Json<Bare>,
) -> Response {
    answer(shared.delete_comment(&Actor::Person(request.r#as), &owner, &repo, id).map(drop))
}

pub(super) async fn commit(
    State(shared): State<Arc<Shared>>,
    Path((owner, repo)): Path<(String, String)>,
    Json(request): Json<FileRequest>,
) -> Response {
    let file = (request.path, request.content).into();
    answer(
        shared
            .commit(&Actor::Person(request.r#as), &owner, &repo, &request.branch, &[file])
            .await
            .map(drop),
    )
}

pub(super) async fn push(
    State(shared): State<Arc<Shared>>,
    at: At,
    Json(request): Json<PushRequest>,
) -> Response {
    let message = format!("Say “{}”", request.greeting);
    let file = samples::greeting(
        &request.greeting,
        &format!("Pushed by {} on the stand-in's page.", request.r#as),
        &request.colour,
    );
    answer(
        shared
            .push(&Actor::Person(request.r#as), &place(at), &message, &[file])
            .await
            .map(drop),
    )
}

pub(super) async fn state(
    State(shared): State<Arc<Shared>>,
    at: At,
    Json(request): Json<StateRequest>,
) -> Response {
    let (actor, place) = (Actor::Person(request.r#as), place(at));
    let to = match request.state {
        WantedState::Open => PullState::Open,
        WantedState::Closed => PullState::Closed,
        WantedState::Locked => PullState::Locked,
        WantedState::Unlocked => PullState::Unlocked,
        WantedState::Draft => PullState::Draft,
        WantedState::Ready => PullState::ReadyForReview,
        WantedState::Merged => return answer(shared.merge(&actor, &place).await.map(drop)),
    };
    answer(shared.set_pull_state(&actor, &place, to).map(drop))
}

fn place(Path((owner, repo, number)): At) -> Place {
    Place { owner, repo, number }
}

fn answer(result: Result<(), Refused>) -> Response {
    let Err(refused) = result else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let status = match refused {
        Refused::NotFound => StatusCode::NOT_FOUND,
        Refused::Forbidden(_) | Refused::Locked => StatusCode::FORBIDDEN,
        Refused::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Git(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({ "message": refused.to_string() }))).into_response()
}
