//! How the service writes what it tells.

use jiff::Timestamp;

/// A time, as comments show it.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
