//! The REST API: what happens to a request between arriving and being answered.
//!
//! The published description is the router: it says which operation a request asks for. Around each
//! operation stand, in GitHub's order, the credentials, the limits, the permissions and the shape of the
//! request; behind it, the shape of the answer.

mod access;
mod answer;
mod apps;
mod base64_lines;
mod call;
mod comments;
mod contents;
mod deliveries;
mod deployments;
mod git;
mod moved;
mod paging;
mod refusal;
mod repositories;

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    description::{Description, Operation, Violation},
    fault::Fault,
    limits::{Quota, REQUESTS_PER_HOUR},
    shared::{ReceivedRequest, Shared, lock},
    wire::Urls,
};
use access::Access;
use answer::Answer;
use call::Call;
use refusal::Refusal;

/// A comment of 65,536 four-byte characters in JSON escapes stays below this.
const LARGEST_REQUEST: usize = 2 * 1024 * 1024;

/// Answers one request to the API.
pub(super) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(Urls::API_ROOT).unwrap_or(parts.uri.path());
    let path = match moved::locate(&shared, path, parts.uri.query()) {
        moved::Located::Here(path) => path,
        moved::Located::Elsewhere(answer) => return respond(&shared, None, answer, None),
    };
    let path = path.as_ref();
    let Some((operation, parameters)) = Description::get().find(&parts.method, path) else {
        let operation = format!("{} {path}", parts.method);
        shared.record(vec![Violation {
            operation,
            part: "request".into(),
            pointer: String::new(),
            message: "no such call in the description".into(),
        }]);
        return respond(
            &shared,
            None,
            Refusal::not_found().into_answer("https://docs.github.com/rest"),
            None,
        );
    };
    let body = to_bytes(body, LARGEST_REQUEST).await;
    shared.received(ReceivedRequest {
        operation: operation.id.clone(),
        headers: parts.headers.clone(),
        body: body.as_ref().map(|body| body.to_vec()).unwrap_or_default(),
    });
    match shared.fault(&operation.id) {
        Some(Fault::Answer(canned)) => {
            count_answer(&shared, canned.status());
            return canned.into_response();
        }
        Some(Fault::Error { status, retry_after }) => {
            let answer = access::failure(status, retry_after).into_answer(&operation.documentation_url);
            return respond(&shared, Some(operation), answer, None);
        }
        None => {}
    }
    let mut quota = None;
    let answer = match body {
        Ok(body) => {
            let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
            let call = Call {
                shared: &shared,
                operation,
                path: parameters,
                query,
                headers: &parts.headers,
                app: 0,
                body: Value::Null,
            };
            handle(call, &body, &parts.headers, &mut quota).await
        }
        Err(_) => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large")),
    };
    let answer = answer.unwrap_or_else(|refusal| refusal.into_answer(&operation.documentation_url));
    respond(&shared, Some(operation), answer, quota)
}

/// The way of a request for a known operation.
async fn handle(
    mut call: Call<'_>,
    body: &[u8],
    headers: &HeaderMap,
    quota: &mut Option<Quota>,
) -> Result<Answer, Refusal> {
    if !headers.contains_key("user-agent") {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).",
        ));
    }
    let access = Access::identify(&call)?;
    call.app = access.app();
    let metered = access.meter(&call)?;
    *quota = Some(metered.quota);
    let malformed = !body.is_empty() && {
        match serde_json::from_slice(body) {
            Ok(json) => {
                call.body = json;
                false
            }
            Err(_) => true,
        }
    };
    if malformed {
        call.shared
            .record(vec![call.operation.violation("request body", "is not JSON")]);
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"));
    }
    let found =
        call.operation
            .check_request(&call.path, &call.query, (!body.is_empty()).then_some(&call.body));
    if !found.is_empty() {
        let reasons = found
            .iter()
            .map(|violation| format!("{} {}", violation.part, violation.message))
            .collect::<Vec<_>>()
            .join("; ");
        call.shared.record(found);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("Invalid request.\n\n{reasons}")));
    }
    access.authorize(&call)?;
    let answer = dispatch(&call, &access).await?;
    access.record(&call);
    drop(metered.under_way);
    Ok(answer)
}

async fn dispatch(call: &Call<'_>, access: &Access) -> Result<Answer, Refusal> {
    match call.operation.id.as_str() {
        "apps/create-from-manifest" => apps::convert(call),
        "apps/get-authenticated" => apps::get(call),
        "apps/list-installations" => apps::list_installations(call),
        "apps/get-repo-installation" => apps::repository_installation(call),
        "apps/create-installation-access-token" => apps::create_token(call),
        "apps/list-webhook-deliveries" => deliveries::list(call),
        "apps/get-webhook-delivery" => deliveries::get(call),
        "apps/redeliver-webhook-delivery" => deliveries::redeliver(call),
        "repos/get" => repositories::get(call),
        "pulls/get" => repositories::pull(call),
        "repos/get-collaborator-permission-level" => repositories::permission(call),
        "repos/get-content" => contents::get(call).await,
        "git/get-tree" => git::tree(call).await,
        "git/get-blob" => git::blob(call).await,
        "issues/list-comments" => comments::list(call),
        "issues/create-comment" => comments::create(call),
        "issues/get-comment" => comments::get(call),
        "issues/update-comment" => comments::update(call),
        "issues/delete-comment" => comments::delete(call),
        "reactions/create-for-issue-comment" => comments::react(call),
        "repos/list-deployments" => deployments::list(call),
        "repos/create-deployment" => deployments::create(call).await,
        "repos/list-deployment-statuses" => deployments::list_statuses(call),
        "repos/create-deployment-status" => deployments::create_status(call),
        "rate-limit/get" => Ok(apps::rate_limit(access, call)),
        unhandled => Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("the stand-in does not know {unhandled}"),
        )),
    }
}

/// Checks the answer against the description and gives it the headers that GitHub gives every answer.
fn respond(
    shared: &Shared,
    operation: Option<&Operation>,
    mut answer: Answer,
    quota: Option<Quota>,
) -> Response {
    if let Some(operation) = operation {
        let found = match &answer.raw {
            // Raw media types are not JSON, and the description does not say what they hold.
            Some(_) => Vec::new(),
            None => {
                Description::get().check_response(operation, answer.status.as_u16(), answer.body.as_ref())
            }
        };
        if !found.is_empty() {
            let reasons: Vec<String> = found.iter().map(ToString::to_string).collect();
            shared.record(found);
            answer = Answer::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                json!({"message": format!("the stand-in's answer departs from GitHub's description: {}", reasons.join("; "))}),
            );
        }
    }
    count_answer(shared, answer.status);
    let mut response = Response::builder()
        .status(answer.status)
        .header("server", "github.com")
        .header("x-github-request-id", uuid::Uuid::new_v4().simple().to_string())
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-github-api-version-selected", "2022-11-28");
    if let Some(quota) = quota {
        response = response
            .header("x-ratelimit-limit", REQUESTS_PER_HOUR)
            .header("x-ratelimit-remaining", quota.remaining())
            .header("x-ratelimit-used", quota.used)
            .header("x-ratelimit-reset", quota.resets_at.as_second())
            .header("x-ratelimit-resource", "core");
    }
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let body = match (answer.raw, answer.body) {
        (Some(raw), _) => Body::from(raw),
        (None, Some(json)) => {
            response = response.header("content-type", "application/json; charset=utf-8");
            Body::from(json.to_string())
        }
        (None, None) => Body::empty(),
    };
    response.body(body).expect("all headers above are valid")
}

fn count_answer(shared: &Shared, status: StatusCode) {
    *lock(&shared.traffic).answers.entry(status.as_u16()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, StandIn};

    #[tokio::test]
    async fn an_answer_that_departs_from_the_description_is_not_given() {
        let github = StandIn::start(Options::default()).await.unwrap();
        let post = http::Method::POST;
        let path = "/app/installations/1/access_tokens";
        let (operation, _) = Description::get().find(&post, path).unwrap();
        let wrong = Answer::created(json!({"token": "ghs_x"}));
        let response = respond(&github.shared, Some(operation), wrong, None);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), LARGEST_REQUEST).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(body["message"].as_str().unwrap().contains("expires_at"), "{body}");
        assert_eq!(github.violations().len(), 1);
    }
}
