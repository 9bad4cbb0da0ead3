//! When GitHub may be asked again: what it has told one caller holds for all.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::InstallationId;

/// The installations that GitHub does not want to hear from, and until when.
#[derive(Clone, Debug, Default)]
pub struct RateLimits {
    closed: BTreeMap<InstallationId, Timestamp>,
}

impl RateLimits {
    /// GitHub has told somebody to stay away for so long. The longest wait counts.
    pub fn refused(&mut self, installation: InstallationId, now: Timestamp, wait: Duration) {
        let until = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let closed = self.closed.entry(installation).or_insert(until);
        *closed = until.max(*closed);
    }

    /// How long nobody is to ask on behalf of this installation. `None` if GitHub may be asked now.
    #[must_use]
    pub fn wait(&self, installation: InstallationId, now: Timestamp) -> Option<Duration> {
        let left = now.duration_until(*self.closed.get(&installation)?);
        left.is_positive().then(|| left.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: InstallationId = InstallationId(5);

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_refusal_closes_one_installation_until_its_time_is_over() {
        let mut limits = RateLimits::default();
        limits.refused(OURS, at("2026-11-22T12:00:00Z"), Duration::from_secs(60));
        assert_eq!(limits.wait(OURS, at("2026-11-22T12:00:15Z")), Some(Duration::from_secs(45)));
        assert_eq!(limits.wait(OURS, at("2026-11-22T12:01:00Z")), None);
        assert_eq!(limits.wait(InstallationId(6), at("2026-11-22T12:00:15Z")), None);
    }

    #[test]
    fn the_longest_wait_counts() {
        let mut limits = RateLimits::default();
        limits.refused(OURS, at("2026-11-22T12:00:00Z"), Duration::from_secs(60));
        limits.refused(OURS, at("2026-11-22T12:00:05Z"), Duration::from_secs(1));
        assert_eq!(limits.wait(OURS, at("2026-11-22T12:00:15Z")), Some(Duration::from_secs(45)));
    }
}
