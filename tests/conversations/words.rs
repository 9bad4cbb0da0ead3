//! How the service writes what it tells.

use jiff::Timestamp;

/// Until when a preview that is ready lives, as comments show it.
pub(crate) fn until(time: Timestamp) -> String {
    format!("until **{}**", written(time))
}

/// A time, as comments show it.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
