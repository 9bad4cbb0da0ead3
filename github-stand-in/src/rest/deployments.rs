//! Deployments and their statuses.

use axum::http::StatusCode;
use serde_json::json;

use super::{answer::Answer, call::Call, paging, refusal::Refusal};
use crate::model::{Deployment, DeploymentStatus};

pub(super) async fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let git = call.in_repository(|_, repository| Ok(repository.git.clone()))?;
    let reference = call.text("ref");
    let no_such_ref =
        || Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("No ref found for: {reference}"));
    let sha = git.resolve(reference).await.ok_or_else(no_such_ref)?;
    let text = |field: &str, default: &str| call.body[field].as_str().unwrap_or(default).to_owned();
    let environment = text("environment", "production");
    let id = call.shared.change(|state| {
        let (id, creator, now) = (state.next_id(), call.actor().login(state), call.shared.clock.now());
        let deployment = Deployment {
            id,
            sha,
            reference: reference.to_owned(),
            task: text("task", "deploy"),
            description: call.body["description"].as_str().map(str::to_owned),
            payload: if call.body["payload"].is_null() {
                json!({})
            } else {
                call.body["payload"].clone()
            },
            transient_environment: call.body["transient_environment"].as_bool().unwrap_or(false),
            production_environment: call.body["production_environment"]
                .as_bool()
                .unwrap_or(environment == "production"),
            environment,
            creator,
            created_at: now,
            statuses: Vec::new(),
        };
        let repository = state.repository_mut(call.owner(), call.repo()).ok_or_else(Refusal::not_found)?;
        repository.deployments.insert(id, deployment);
        Ok::<_, Refusal>(id)
    })?;
    call.in_repository(|wire, repository| {
        let deployment = repository.deployments.get(&id).ok_or_else(Refusal::not_found)?;
        Ok(Answer::created(wire.deployment(repository, deployment)))
    })
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let wanted = |field: &str, value: &str| call.query(field).is_none_or(|query| query == value);
    let newest_first = call.in_repository(|wire, repository| {
        let all = repository.deployments.values().rev();
        let chosen = all.filter(|one| {
            wanted("sha", &one.sha)
                && wanted("ref", &one.reference)
                && wanted("task", &one.task)
                && wanted("environment", &one.environment)
        });
        Ok(chosen.map(|deployment| wire.deployment(repository, deployment)).collect())
    })?;
    Ok(paging::page(call, newest_first))
}

pub(super) fn create_status(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("deployment_id")?;
    call.shared.change(|state| {
        let (status_id, creator, now) = (state.next_id(), call.actor().login(state), call.shared.clock.now());
        let repository = state.repository_mut(call.owner(), call.repo()).ok_or_else(Refusal::not_found)?;
        let deployment = repository.deployments.get_mut(&id).ok_or_else(Refusal::not_found)?;
        let log_url = if call.text("log_url").is_empty() {
            call.text("target_url")
        } else {
            call.text("log_url")
        };
        deployment.statuses.push(DeploymentStatus {
            id: status_id,
            state: call.text("state").to_owned(),
            description: call.text("description").to_owned(),
            environment: call.body["environment"].as_str().unwrap_or(&deployment.environment).to_owned(),
            environment_url: call.text("environment_url").to_owned(),
            log_url: log_url.to_owned(),
            creator,
            created_at: now,
        });
        Ok::<_, Refusal>(())
    })?;
    call.in_repository(|wire, repository| {
        let deployment = repository.deployments.get(&id).ok_or_else(Refusal::not_found)?;
        let status = deployment.statuses.last().ok_or_else(Refusal::not_found)?;
        Ok(Answer::created(wire.deployment_status(repository, deployment, status)))
    })
}

pub(super) fn list_statuses(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("deployment_id")?;
    let newest_first = call.in_repository(|wire, repository| {
        let deployment = repository.deployments.get(&id).ok_or_else(Refusal::not_found)?;
        Ok(deployment
            .statuses
            .iter()
            .rev()
            .map(|status| wire.deployment_status(repository, deployment, status))
            .collect())
    })?;
    Ok(paging::page(call, newest_first))
}
