//! Prints the demo line by line: when, who, what.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Prints as it goes.
pub(crate) struct Transcript {
    begun: Instant,
    last: Instant,
}

impl Transcript {
    pub(crate) fn begin() -> Self {
        println!("\n  {:>7}  {:9} what happens", "after", "who");
        let now = Instant::now();
        Self { begun: now, last: now }
    }

    /// Tells of something, and returns when that was.
    pub(crate) fn line(&mut self, who: &str, what: impl Display) -> Instant {
        self.last = Instant::now();
        println!("  {:>7}  {who:9} {what}", seconds(self.begun.elapsed()));
        self.last
    }

    /// Tells of something, and how long it took since the line before.
    pub(crate) fn took(&mut self, who: &str, what: impl Display) {
        let took = seconds(self.last.elapsed());
        self.line(who, format!("{what}  (+{took})"));
    }
}

/// As people read it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
