//! How an open page hears that something changed.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt, stream};

use crate::shared::Shared;

/// One event for each change of state (several at once may be told as one).
pub(super) async fn changes(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = stream::unfold(shared.changed.subscribe(), |mut changes| async {
        changes.changed().await.ok()?;
        let version = *changes.borrow_and_update();
        Some((Ok(Event::default().data(version.to_string())), changes))
    });
    // An open page must not keep the stand-in from stopping.
    let stop = shared.stop.clone();
    Sse::new(changes.take_until(async move { stop.cancelled().await })).keep_alive(KeepAlive::default())
}
