//! The App, its installations and their tokens, and how much of the limits is left.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{access::Access, answer::Answer, call::Call, paging, refusal::Refusal};
use crate::{
    keys::random_hex,
    limits::{Meter, REQUESTS_PER_HOUR},
    model::{Installation, Level, Permissions, Selection, State, Token},
    shared::lock,
};

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    call.shared.read(|wire| {
        let app = wire.state.app_by_id(call.app).ok_or_else(Refusal::not_found)?;
        Ok(Answer::ok(wire.authenticated_app(app)))
    })
}

/// Hands over an App that was registered from a manifest: once, and in time.
pub(super) fn convert(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.shared.redeem(call.path("code")).ok_or_else(Refusal::not_found)?;
    call.shared.read(|wire| {
        let app = wire.state.app_by_id(id).ok_or_else(Refusal::not_found)?;
        Ok(Answer::created(wire.conversion(app, &random_hex(40))))
    })
}

pub(super) fn list_installations(call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = call.shared.read(|wire| {
        wire.state
            .installations_of(call.app)
            .map(|installation| wire.installation(installation))
            .collect()
    });
    Ok(paging::page(call, all))
}

pub(super) fn repository_installation(call: &Call<'_>) -> Result<Answer, Refusal> {
    call.in_repository(|wire, repository| {
        let installation = wire
            .state
            .installation_for(call.app, repository)
            .ok_or_else(Refusal::not_found)?;
        Ok(Answer::ok(wire.installation(installation)))
    })
}

pub(super) fn create_token(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("installation_id")?;
    // GitHub's tokens are "ghs_" and 36 characters; clients may recognise them by that.
    let secret = format!("ghs_{}", random_hex(36));
    let expires_at = call.shared.clock.now() + *lock(&call.shared.token_life);
    let token = call.shared.change(|state| {
        let installation = state.installations.get(&id).filter(|one| one.app == call.app);
        let installation = installation.ok_or_else(Refusal::not_found)?;
        let token = Token {
            app: call.app,
            installation: id,
            expires_at,
            selection: selection(call, state, installation)?,
            permissions: permissions(call, installation)?,
        };
        state.tokens.insert(secret.clone(), token.clone());
        Ok::<_, Refusal>(token)
    })?;
    *lock(&call.shared.traffic).tokens_minted.entry(id).or_default() += 1;
    Ok(Answer::created(call.shared.read(|wire| wire.token(&secret, &token))))
}

/// The repositories that the token is for: all of the installation, or those asked for.
fn selection(call: &Call<'_>, state: &State, installation: &Installation) -> Result<Selection, Refusal> {
    let names = call.body["repositories"].as_array();
    let ids = call.body["repository_ids"].as_array();
    if names.is_none() && ids.is_none() {
        return Ok(installation.selection.clone());
    }
    let refused = || {
        Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    };
    let mut chosen = BTreeSet::new();
    let named = names.into_iter().flatten().filter_map(Value::as_str);
    for repository in named.map(|name| state.repository(&installation.account, name)) {
        chosen.insert(
            repository
                .filter(|repository| installation.covers(repository))
                .ok_or_else(refused)?
                .id,
        );
    }
    for id in ids.into_iter().flatten().filter_map(Value::as_u64) {
        let known = state
            .repositories()
            .any(|repository| repository.id == id && installation.covers(repository));
        chosen.insert(known.then_some(id).ok_or_else(refused)?);
    }
    Ok(Selection::Only(chosen))
}

/// The permissions of the token: all of the installation, or the part asked for.
fn permissions(call: &Call<'_>, installation: &Installation) -> Result<Permissions, Refusal> {
    let Some(asked) = call.body["permissions"].as_object() else {
        return Ok(installation.permissions.clone());
    };
    asked
        .iter()
        .map(|(name, level)| {
            let level = level
                .as_str()
                .and_then(Level::parse)
                .filter(|level| installation.permissions.get(name).is_some_and(|held| held >= level));
            let level = level.ok_or_else(|| {
                Refusal::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "The permissions requested are not granted to this installation.",
                )
            })?;
            Ok((name.clone(), level))
        })
        .collect()
}

pub(super) fn rate_limit(access: &Access, call: &Call<'_>) -> Answer {
    let now = call.shared.clock.now();
    let quota = lock(&call.shared.meters)
        .entry(access.payer())
        .or_insert_with(|| Meter::new(now))
        .quota();
    let core = json!({"limit": REQUESTS_PER_HOUR, "used": quota.used, "remaining": quota.remaining(), "reset": quota.resets_at.as_second()});
    Answer::ok(json!({"resources": {"core": core, "search": core}, "rate": core}))
}
