//! The App's webhook deliveries: listed, looked at, asked for again.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{answer::Answer, call::Call, paging, refusal::Refusal};
use crate::{
    deliveries::{Delivery, Outcome},
    limits::DELIVERY_RETENTION,
    wire::time,
};

/// The App's deliveries that GitHub still knows, newest first. Those under way are not in its list yet.
fn known(call: &Call<'_>) -> impl Iterator<Item = (Delivery, Outcome)> {
    let oldest = call.shared.clock.now() - DELIVERY_RETENTION;
    // Others than the first App get none.
    let is_first = call.shared.read(|wire| wire.state.app.id == call.app);
    let all = call.shared.courier.all().into_iter().rev();
    all.filter(move |_| is_first)
        .filter(move |delivery| delivery.delivered_at >= oldest)
        .filter_map(|delivery| {
            let outcome = delivery.outcome.clone()?;
            Some((delivery, outcome))
        })
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let size = paging::page_size(call);
    // The cursor is opaque to clients; ours names the last delivery of the page before.
    let before: u64 = match call.query("cursor") {
        Some(cursor) => cursor
            .strip_prefix("v1_")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid cursor"))?,
        None => u64::MAX,
    };
    let status = call.query("status");
    let mut page: Vec<(Delivery, Outcome)> = known(call)
        .filter(|(delivery, outcome)| {
            delivery.id < before && status.is_none_or(|status| (status == "success") == outcome.is_success())
        })
        .take(size + 1)
        .collect();
    let more = page.len() > size;
    page.truncate(size);
    let mut links = Vec::new();
    if let Some((last, _)) = page.last().filter(|_| more) {
        links.push(paging::link(call, ("cursor", &format!("v1_{}", last.id)), "next"));
    }
    let items = page.iter().map(|(delivery, outcome)| item(delivery, outcome)).collect();
    Ok(paging::with_links(Answer::ok(items), &links))
}

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("delivery_id")?;
    let (delivery, outcome) = known(call).find(|(delivery, _)| delivery.id == id).ok_or_else(missing)?;
    let mut json = item(&delivery, &outcome);
    json["url"] = json!(delivery.url.as_str());
    json["request"] = json!({ "headers": delivery.headers, "payload": delivery.payload });
    json["response"] = json!({ "headers": outcome.headers, "payload": outcome.body });
    Ok(Answer::ok(json))
}

pub(super) fn redeliver(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("delivery_id")?;
    let may_be_repeated = known(call).any(|(delivery, _)| delivery.id == id);
    if may_be_repeated && call.shared.courier.redeliver(id) {
        Ok(Answer::new(StatusCode::ACCEPTED, json!({})))
    } else {
        Err(missing())
    }
}

/// GitHub documents 400 and 422 here, and answers 404 nonetheless.
fn missing() -> Refusal {
    Refusal::not_found()
}

fn item(delivery: &Delivery, outcome: &Outcome) -> Value {
    json!({
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": time(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": outcome.duration.as_secs_f64(),
        "status": outcome.status,
        "status_code": outcome.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": null,
    })
}
