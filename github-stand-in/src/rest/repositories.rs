//! Repositories, pull requests, and who may do what.

use serde_json::json;

use super::{answer::Answer, call::Call, refusal::Refusal};
use crate::model::Role;

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    call.in_repository(|wire, repository| Ok(Answer::ok(wire.full_repository(repository))))
}

pub(super) fn pull(call: &Call<'_>) -> Result<Answer, Refusal> {
    let number = call.number("pull_number")?;
    call.in_repository(|wire, repository| {
        let (issue, pull) = repository.pull(number).ok_or_else(Refusal::not_found)?;
        Ok(Answer::ok(wire.pull(repository, issue, pull)))
    })
}

pub(super) fn permission(call: &Call<'_>) -> Result<Answer, Refusal> {
    let login = call.path("username");
    call.in_repository(|wire, repository| {
        let account = wire.state.account(login).ok_or_else(Refusal::not_found)?;
        let role = wire.state.role(repository, login);
        let mut user = wire.user(&account.login);
        user["role_name"] = role.role_name().into();
        user["permissions"] = json!({
            "pull": role >= Role::Read,
            "triage": role >= Role::Triage,
            "push": role >= Role::Write,
            "maintain": role >= Role::Maintain,
            "admin": role >= Role::Admin,
        });
        Ok(Answer::ok(
            json!({ "permission": role.legacy_permission(), "role_name": role.role_name(), "user": user }),
        ))
    })
}
