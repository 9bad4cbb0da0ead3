//! Where previews answer: computed where the worker's key for names is at hand, and asked of each preview
//! otherwise.

use std::time::Duration;

use domain::{Names, PreviewId, preview::Phase};
use futures::{StreamExt, stream};
use temporalio_client::Client;
use tokio::time::{Instant, timeout_at};
use workflows::PreviewWorkflow;

use super::row::Row;
use crate::query;

/// For all of a list. What is not answered by then, it does without.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Questions at the same time: a worker replays what it does not have in memory.
const AT_ONCE: usize = 32;

/// Fills in the addresses of those that are ready. `since` is when the person began to wait.
pub(super) async fn fill_in(temporal: &Client, names: Option<&Names>, rows: &mut [Row], since: Instant) {
    let ready = rows.iter_mut().filter(|row| is_ready(row));
    match names {
        Some(names) => ready.for_each(|row| {
            row.url = row.preview.parse::<PreviewId>().ok().map(|preview| names.url(&preview));
        }),
        None => {
            let deadline = since + WITHIN;
            let asked = ready.map(async |row| {
                let answer = timeout_at(deadline, ask(temporal, row.preview.clone())).await;
                row.url = answer.ok().flatten();
            });
            stream::iter(asked).for_each_concurrent(AT_ONCE, |question| question).await;
        }
    }
}

fn is_ready(row: &Row) -> bool {
    let phase = row.phase.as_deref();
    [Phase::Ready, Phase::Expiring]
        .iter()
        .any(|ready| phase == Some(ready.as_str()))
}

async fn ask(temporal: &Client, preview: String) -> Option<String> {
    let handle = temporal.get_workflow_handle::<PreviewWorkflow>(preview);
    let status = handle.query(PreviewWorkflow::status, (), query::within(WITHIN)).await;
    status.ok()?.url
}
