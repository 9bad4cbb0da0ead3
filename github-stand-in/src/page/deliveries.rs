//! The webhook deliveries, as a person looks at them.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::show;
use crate::{deliveries::Delivery, shared::Shared, wire::time};

/// Deliveries shown; there may be thousands.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Deliveries {
    webhook: Option<String>,
    total: usize,
    items: Vec<Item>,
}

struct Item {
    id: u64,
    guid: String,
    event: String,
    redelivery: bool,
    at: String,
    class: &'static str,
    status: String,
    milliseconds: Option<u128>,
    request_headers: String,
    payload: String,
    response_headers: String,
    response_body: String,
    /// Changes when the outcome is known.
    version: &'static str,
}

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let all = shared.courier.all();
    show(&Deliveries {
        webhook: shared.courier.hook().url.map(String::from),
        total: all.len(),
        items: all.iter().rev().take(SHOWN).map(Item::of).collect(),
    })
}

pub(super) async fn redeliver(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Response {
    if shared.courier.redeliver(id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (
            StatusCode::NOT_FOUND,
            Json(json!({ "message": "There is no such delivery, or no webhook." })),
        )
            .into_response()
    }
}

impl Item {
    fn of(delivery: &Delivery) -> Self {
        let outcome = delivery.outcome.as_ref();
        let lines = |headers: &BTreeMap<String, String>| {
            headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
        };
        Self {
            id: delivery.id,
            guid: delivery.guid.clone(),
            event: delivery
                .action
                .as_ref()
                .map_or_else(|| delivery.event.clone(), |action| format!("{}.{action}", delivery.event)),
            redelivery: delivery.redelivery,
            at: time(delivery.delivered_at),
            class: outcome.map_or(
                "pending",
                |outcome| {
                    if outcome.is_success() { "success" } else { "failure" }
                },
            ),
            status: outcome.map_or_else(
                || "under way".to_owned(),
                |outcome| format!("{} {}", outcome.status_code, outcome.status),
            ),
            milliseconds: outcome.map(|outcome| outcome.duration.as_millis()),
            request_headers: lines(&delivery.headers),
            payload: serde_json::to_string_pretty(&delivery.payload).unwrap_or_default(),
            response_headers: outcome.map(|outcome| lines(&outcome.headers)).unwrap_or_default(),
            response_body: outcome.map(|outcome| outcome.body.clone()).unwrap_or_default(),
            version: if outcome.is_some() { "1" } else { "0" },
        }
    }
}
