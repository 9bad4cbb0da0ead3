//! The page: what a person sees of the stand-in, and how they take part in the conversation.

mod actions;
mod apps;
mod deliveries;
mod live;
mod markdown;
mod pulls;
mod view;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

use super::shared::Shared;

/// Nothing from elsewhere is loaded, and no script but our own runs, whatever somebody writes into a comment.
/// Forms lead to the page itself, and to what else is named.
fn content_security_policy(forms_lead_to: &str) -> String {
    format!(
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self' {forms_lead_to}"
    )
}

/// The page's addresses.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(pulls::overview))
        .route("/assets/{file}", get(asset))
        .route("/apps/{slug}", get(apps::look))
        .route("/apps/{slug}/installations", post(apps::install))
        .route("/apps/{slug}/installations/new", get(apps::choose_account))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}/redeliver", post(deliveries::redeliver))
        .route("/events", get(live::changes))
        .route("/settings/apps", post(apps::register))
        .route("/settings/apps/new", get(apps::without_manifest).post(apps::review))
        .route("/organizations/{org}/settings/apps", post(apps::register))
        .route("/organizations/{org}/settings/apps/new", get(apps::without_manifest).post(apps::review))
        .route("/{owner}/{repo}", get(pulls::list))
        .route("/{owner}/{repo}/pulls", get(pulls::list))
        .route("/{owner}/{repo}/pull/{number}", get(pulls::conversation))
        .route("/{owner}/{repo}/issues/{number}", get(pulls::conversation))
        .route("/{owner}/{repo}/pull/{number}/comment", post(actions::comment))
        .route("/{owner}/{repo}/file", post(actions::commit))
        .route("/{owner}/{repo}/comment/{id}/delete", post(actions::delete_comment))
        .route("/{owner}/{repo}/pull/{number}/push", post(actions::push))
        .route("/{owner}/{repo}/pull/{number}/state", post(actions::state))
        .fallback(|| async { missing() })
        .layer(from_fn(guarded))
}

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| content_security_policy("").parse().expect("it is ASCII"));
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

async fn asset(Path(file): Path<String>) -> Response {
    let (kind, content) = match file.as_str() {
        "page.css" => ("text/css; charset=utf-8", include_str!("../../templates/page.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_str!("../../templates/page.js")),
        _ => return missing(),
    };
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, show(&Missing {})).into_response()
}

fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
