//! Who sends a request, and what they may do.

use axum::http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::{call::Call, refusal::Refusal};
use crate::{
    keys::JwtError,
    limits::{Meter, Quota, REQUESTS_PER_HOUR, TooMuch},
    model::{Level, State, Token},
    shared::{Payer, lock},
};

/// Where GitHub documents its limits.
const LIMITS_PAGE: &str = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";

/// What GitHub says to those who ask too much at once, or too much in a minute.
const OVERLOADED: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

/// That a request may go on.
pub(super) struct Metered {
    pub(super) quota: Quota,
    /// Held while it is under way.
    pub(super) under_way: Option<OwnedSemaphorePermit>,
}

/// Who sends the request.
pub(super) enum Access {
    /// Anybody: what is asked for takes no credentials.
    Anybody,
    /// An App itself, by its number, with a JSON web token.
    App(u64),
    /// One of the installations of the App with this number.
    Installation(u64, Token),
}

/// Whether an operation counts against the content limits.
fn creates_content(operation: &str) -> bool {
    matches!(
        operation,
        "issues/create-comment"
            | "issues/update-comment"
            | "reactions/create-for-issue-comment"
            | "repos/create-deployment"
            | "repos/create-deployment-status"
    )
}

/// Operations that take no credentials.
fn is_for_anybody(operation: &str) -> bool {
    operation == "apps/create-from-manifest"
}

/// Operations of the App rather than of an installation.
fn is_for_app(operation: &str) -> bool {
    operation.starts_with("apps/")
}

impl Access {
    /// Reads the credentials.
    pub(super) fn identify(call: &Call<'_>) -> Result<Self, Refusal> {
        if is_for_anybody(&call.operation.id) {
            return Ok(Self::Anybody);
        }
        let header = call
            .header("authorization")
            .ok_or_else(|| Refusal::unauthorized("Requires authentication"))?;
        let (_, credentials) = header
            .split_once(' ')
            .filter(|(scheme, _)| {
                scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token")
            })
            .ok_or_else(|| Refusal::unauthorized("Bad credentials"))?;
        let credentials = credentials.trim();
        if !is_for_app(&call.operation.id) {
            let now = call.shared.clock.now();
            let token = call.shared.read(|wire| {
                let token = wire.state.tokens.get(credentials).filter(|token| token.expires_at > now)?;
                Some((token.app, token.clone()))
            });
            return token
                .map(|(app, token)| Self::Installation(app, token))
                .ok_or_else(|| Refusal::unauthorized("Bad credentials"));
        }
        call.shared.read(|wire| signer(wire.state, credentials)).map(Self::App).map_err(|error| match error {
            JwtError::Undecodable => Refusal::unauthorized("A JSON web token could not be decoded"),
            JwtError::Expired => Refusal::unauthorized(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            ),
            JwtError::ExpiresTooLate => Refusal::unauthorized("'Expiration time' claim ('exp') is too far in the future"),
            JwtError::IssuedInFuture => {
                Refusal::unauthorized("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
            }
            JwtError::UnknownIssuer => Refusal::new(StatusCode::NOT_FOUND, "Integration not found"),
        })
    }

    /// The number of the App that asks; 0 if none does.
    pub(super) fn app(&self) -> u64 {
        match self {
            Self::Anybody => 0,
            Self::App(app) | Self::Installation(app, _) => *app,
        }
    }

    pub(super) fn payer(&self) -> Payer {
        match self {
            Self::Anybody => Payer::Anybody,
            Self::App(app) => Payer::App(*app),
            Self::Installation(_, token) => Payer::Installation(token.installation),
        }
    }

    /// Counts the request against its limits.
    pub(super) fn meter(&self, call: &Call<'_>) -> Result<Metered, Refusal> {
        let now = call.shared.clock.now();
        let mut meters = lock(&call.shared.meters);
        let meter = meters.entry(self.payer()).or_insert_with(|| Meter::new(now));
        // Asking how much is left costs nothing.
        if call.operation.id == "rate-limit/get" {
            return Ok(Metered { quota: meter.quota(), under_way: None });
        }
        let count = || lock(&call.shared.traffic).rate_limited += 1;
        let under_way = meter.begin().ok_or_else(|| {
            count();
            too_much(OVERLOADED, None)
        })?;
        let quota = meter.request(now).map_err(|spent| {
            count();
            let whose = match self.payer() {
                Payer::Anybody => "127.0.0.1".to_owned(),
                Payer::App(_) => "the GitHub App".to_owned(),
                Payer::Installation(id) => format!("installation ID {id}"),
            };
            Refusal::new(StatusCode::FORBIDDEN, format!("API rate limit exceeded for {whose}."))
                .documented_at("https://docs.github.com/rest/overview/rate-limits-for-the-rest-api")
                .with_header("x-ratelimit-limit", REQUESTS_PER_HOUR.to_string())
                .with_header("x-ratelimit-remaining", "0".into())
                .with_header("x-ratelimit-reset", spent.resets_at.as_second().to_string())
                .with_header("x-ratelimit-resource", "core".into())
        })?;
        meter.spend(call.operation.method.is_safe(), now).map_err(|limit| {
            count();
            too_much(OVERLOADED, Some(limit))
        })?;
        if creates_content(&call.operation.id) {
            meter.content(now).map_err(|limit| {
                count();
                too_much("You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.", Some(limit))
            })?;
        }
        Ok(Metered { quota, under_way: Some(under_way) })
    }

    /// Writes down what was done on whose account.
    pub(super) fn record(&self, call: &Call<'_>) {
        if let Self::Installation(_, token) = self
            && creates_content(&call.operation.id)
        {
            *lock(&call.shared.traffic).content_writes.entry(token.installation).or_default() += 1;
        }
    }

    /// Checks that the token covers the repository and holds the permission.
    pub(super) fn authorize(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let Self::Installation(_, token) = self else {
            return Ok(());
        };
        if call.path.contains_key("owner") {
            let covered = call.in_repository(|wire, repository| {
                let installation = wire
                    .state
                    .installations
                    .get(&token.installation)
                    .ok_or_else(Refusal::not_found)?;
                Ok(installation.covers(repository) && token.selection.contains(repository.id))
            })?;
            if !covered {
                return Err(Refusal::not_found());
            }
        }
        let holds = |name: &str, level: Level| token.permissions.get(name).is_some_and(|held| *held >= level);
        // The documentation says that either permission will do; in truth a comment on a pull request takes
        // both (github/rest-api-description#6994).
        let comments = ["issues", "pull_requests"];
        let writes_comment =
            creates_content(&call.operation.id) || call.operation.id == "issues/delete-comment";
        if writes_comment && concerns_pull(call) && !comments.iter().all(|name| holds(name, Level::Write)) {
            return Err(Refusal::not_accessible("issues=write,pull_requests=write".into()));
        }
        let suffices = |permission: &String| {
            let (name, level) = permission.split_once('=').unwrap_or_default();
            Level::parse(level).is_some_and(|level| holds(name, level))
        };
        let needed = &call.operation.permissions;
        if needed.is_empty() || needed.iter().any(suffices) {
            Ok(())
        } else {
            Err(Refusal::not_accessible(needed.join("; ")))
        }
    }
}

/// The App that has signed a JSON web token. If none has, the error says how near the nearest one came.
fn signer(state: &State, token: &str) -> Result<u64, JwtError> {
    let mut nearest = JwtError::Undecodable;
    for app in state.apps() {
        match app.keys.verify(token, app.id, &app.client_id()) {
            Ok(()) => return Ok(app.id),
            Err(JwtError::Undecodable) => {}
            Err(nearer) => nearest = nearer,
        }
    }
    Err(nearest)
}

/// An error that a test asked for.
pub(super) fn failure(status: u16, retry_after: Option<u64>) -> Refusal {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match retry_after {
        Some(seconds) => Refusal::new(status, OVERLOADED)
            .documented_at(LIMITS_PAGE)
            .with_header("retry-after", seconds.to_string()),
        None => Refusal::new(status, status.canonical_reason().unwrap_or("Error")),
    }
}

/// A secondary limit's answer. Where GitHub gives no time, its documentation says to wait for a minute.
fn too_much(message: &str, limit: Option<TooMuch>) -> Refusal {
    let refusal = Refusal::new(StatusCode::FORBIDDEN, message).documented_at(LIMITS_PAGE);
    match limit {
        Some(limit) => refusal.with_header("retry-after", limit.retry_after.to_string()),
        None => refusal,
    }
}

fn concerns_pull(call: &Call<'_>) -> bool {
    let found = call.in_repository(|_, repository| {
        let issue = match (call.number("issue_number"), call.number("comment_id")) {
            (Ok(number), _) => repository.issues.get(&number),
            (_, Ok(id)) => repository.comment(id).map(|(issue, _)| issue),
            _ => None,
        };
        Ok(issue.is_some_and(|issue| issue.pull_request.is_some()))
    });
    matches!(found, Ok(true))
}
