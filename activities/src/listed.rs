//! Names in a text for people.

use std::fmt::Display;

/// Each in backticks, with commas between them: `` `web`, `api` ``. "none" if there are none.
pub(crate) fn listed(names: impl IntoIterator<Item: Display>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
