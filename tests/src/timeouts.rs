//! How long a conversation waits before it calls something broken. Bounds, not
//! expectations: nothing waits longer than it has to.

use std::time::Duration;

/// From an event to what follows at once: a comment's first answer, an edit, a status.
pub const ANSWER: Duration = Duration::from_secs(60);
/// From a request to its URL, on a machine that is busy with other conversations.
pub const URL: Duration = Duration::from_secs(150);
/// From the end of a preview to its disappearance.
pub const GONE: Duration = Duration::from_secs(90);
/// For a killed worker's heartbeat to be missed, on top of everything else.
pub const RECOVERY: Duration = Duration::from_secs(180);
/// For one of the service's programs to be ready.
pub const SERVICE_UP: Duration = Duration::from_secs(60);
/// For one of the service's programs to end after SIGTERM: its own longest grace, and a little.
pub const SERVICE_DOWN: Duration = Duration::from_secs(40);
/// For one HTTP exchange.
pub const HTTP: Duration = Duration::from_secs(20);
