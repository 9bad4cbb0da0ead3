//! What GitHub lets one installation do at once, in a minute and in an hour.
//!
//! From "Rate limits for the REST API". Edits are counted as content too: the
//! documentation does not say that they are free.

use std::{collections::VecDeque, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of an installation in an hour.
pub(crate) const REQUESTS_PER_HOUR: u64 = 5_000;
/// Requests of an installation that are under way at the same moment.
pub(crate) const REQUESTS_AT_ONCE: usize = 100;
/// Points of an installation in any 60 seconds.
pub(crate) const POINTS_PER_MINUTE: u64 = 900;
/// Points of a request that only reads.
const READ_POINTS: u64 = 1;
/// Points of any other request.
const WRITE_POINTS: u64 = 5;
/// Requests that create content, in any 60 seconds.
pub(crate) const CONTENT_PER_MINUTE: usize = 80;
/// Requests that create content, in any 60 minutes.
pub(crate) const CONTENT_PER_HOUR: usize = 500;
/// Characters (not bytes) of a comment.
pub(crate) const LONGEST_BODY: usize = 65_536;
/// Until when a delivery can be listed and asked for again.
pub(crate) const DELIVERY_RETENTION: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How long an installation token is good for.
pub(crate) const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The counters of one installation.
#[derive(Debug)]
pub(crate) struct Meter {
    /// The hour in which requests are counted began here.
    since: Timestamp,
    used: u64,
    /// What was spent within the last minute, oldest first.
    points: VecDeque<(Timestamp, u64)>,
    /// When content was created, within the last hour, oldest first.
    content: VecDeque<Timestamp>,
    under_way: Arc<Semaphore>,
}

/// What the `x-ratelimit-*` headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) used: u64,
    pub(crate) resets_at: Timestamp,
}

impl Quota {
    pub(crate) fn remaining(self) -> u64 {
        REQUESTS_PER_HOUR.saturating_sub(self.used)
    }
}

/// That a secondary limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    /// After so many seconds one more is allowed.
    pub(crate) retry_after: i64,
}

impl TooMuch {
    fn until(free_at: Timestamp, now: Timestamp) -> Self {
        let wait = free_at.duration_since(now).as_millis();
        Self {
            retry_after: i64::try_from(wait).unwrap_or(i64::MAX).saturating_add(999) / 1000,
        }
    }
}

impl Meter {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            since: whole_second(now),
            used: 0,
            points: VecDeque::new(),
            content: VecDeque::new(),
            under_way: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
        }
    }

    /// Counts a request as under way until the permit is dropped; `None` if there are too many.
    pub(crate) fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.under_way).try_acquire_owned().ok()
    }

    /// Counts a request; `Err` if the hour's requests are used up.
    pub(crate) fn request(&mut self, now: Timestamp) -> Result<Quota, Quota> {
        if now >= self.since + HOUR {
            (self.since, self.used) = (whole_second(now), 0);
        }
        if self.used >= REQUESTS_PER_HOUR {
            return Err(self.quota());
        }
        self.used += 1;
        Ok(self.quota())
    }

    /// Leaves nothing of the hour's requests, and gives them anew at the next whole second after `until`.
    pub(crate) fn use_up_requests(&mut self, until: Timestamp) {
        let until = whole_second(until) + SignedDuration::from_secs(1);
        (self.since, self.used) = (until - HOUR, REQUESTS_PER_HOUR);
    }

    pub(crate) fn quota(&self) -> Quota {
        Quota { used: self.used, resets_at: self.since + HOUR }
    }

    /// Counts what a request costs.
    pub(crate) fn spend(&mut self, only_reads: bool, now: Timestamp) -> Result<(), TooMuch> {
        while self.points.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            self.points.pop_front();
        }
        let cost = if only_reads { READ_POINTS } else { WRITE_POINTS };
        let mut left = self.points.iter().map(|(_, points)| points).sum::<u64>() + cost;
        for (at, points) in &self.points {
            if left <= POINTS_PER_MINUTE {
                break;
            }
            left -= points;
            if left <= POINTS_PER_MINUTE {
                return Err(TooMuch::until(*at + MINUTE, now));
            }
        }
        self.points.push_back((now, cost));
        Ok(())
    }

    /// Counts a request that creates content.
    pub(crate) fn content(&mut self, now: Timestamp) -> Result<(), TooMuch> {
        while self.content.front().is_some_and(|first| *first + HOUR <= now) {
            self.content.pop_front();
        }
        // The oldest one that has to leave its window before there is room.
        let blocking = |limit: usize, window: SignedDuration| {
            let oldest = self.content.len().checked_sub(limit).map(|index| self.content[index])?;
            let free_at = oldest + window;
            (free_at > now).then_some(free_at)
        };
        if let Some(free_at) = blocking(CONTENT_PER_HOUR, HOUR).max(blocking(CONTENT_PER_MINUTE, MINUTE)) {
            return Err(TooMuch::until(free_at, now));
        }
        self.content.push_back(now);
        Ok(())
    }
}

/// An hour begins and ends with a second, because its end is told in whole seconds:
/// whoever comes back then has not come too early.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("a moment without its fraction is one, too")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn eighty_a_minute_and_five_hundred_an_hour() {
        let mut meter = Meter::new(at(0));
        for _ in 0..CONTENT_PER_MINUTE {
            meter.content(at(0)).unwrap();
        }
        assert_eq!(meter.content(at(10)), Err(TooMuch { retry_after: 50 }));
        for minute in 1..=5 {
            for _ in 0..CONTENT_PER_MINUTE {
                meter.content(at(minute * 60)).unwrap();
            }
        }
        for _ in 0..20 {
            meter.content(at(360)).unwrap();
        }
        assert_eq!(meter.content(at(420)), Err(TooMuch { retry_after: 3600 - 420 }));
        meter.content(at(3600)).unwrap();
    }

    #[test]
    fn nine_hundred_points_a_minute_of_which_a_write_takes_five() {
        let mut meter = Meter::new(at(0));
        for second in 0..100 {
            meter.spend(false, at(second / 10)).unwrap();
        }
        for _ in 0..400 {
            meter.spend(true, at(20)).unwrap();
        }
        assert_eq!(meter.spend(true, at(30)), Err(TooMuch { retry_after: 30 }));
        assert_eq!(meter.spend(false, at(59)), Err(TooMuch { retry_after: 1 }));
        meter.spend(false, at(60)).unwrap();
    }

    #[test]
    fn a_hundred_requests_at_once() {
        let meter = Meter::new(at(0));
        let mut under_way: Vec<_> = (0..REQUESTS_AT_ONCE).map(|_| meter.begin().unwrap()).collect();
        assert!(meter.begin().is_none());
        under_way.pop();
        assert!(meter.begin().is_some());
    }

    #[test]
    fn whoever_comes_back_in_the_second_that_was_told_has_not_come_too_early() {
        let in_between = at(0) + SignedDuration::from_millis(750);
        let mut meter = Meter::new(in_between);
        assert_eq!(meter.quota().resets_at, at(3600));
        meter.use_up_requests(in_between);
        let told = meter.request(in_between).unwrap_err().resets_at;
        assert_eq!(told, at(1));
        meter.request(told).unwrap();
    }

    #[test]
    fn requests_are_counted_by_the_hour() {
        let mut meter = Meter::new(at(0));
        for _ in 0..REQUESTS_PER_HOUR {
            meter.request(at(1)).unwrap();
        }
        let spent = meter.request(at(3599)).unwrap_err();
        assert_eq!((spent.remaining(), spent.resets_at), (0, at(3600)));
        assert_eq!(meter.request(at(3600)).unwrap().remaining(), REQUESTS_PER_HOUR - 1);
    }
}
