//! Durations as people write them (`30m`, `2h`, `1h30m`): bounded, never negative, never months.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{SignedDuration, Span, SpanRelativeTo, Unit};
use serde_with::{DeserializeFromStr, SerializeDisplay};

/// The longest duration anyone may write. Services set lower limits of their own.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The shortest: shorter than a second is a mistake.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// A time to live: between 1 second and 30 days, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct Ttl(SignedDuration);

/// The text is not a usable duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTtl {
    /// Not a duration at all, or one whose length depends on the calendar.
    #[error("`{0}` is not a duration: {reason}", reason = self.reason())]
    Unreadable(String),
    /// A duration, but shorter than a second or longer than 30 days.
    #[error("`{0}` is out of bounds: {reason}", reason = self.reason())]
    OutOfBounds(String),
}

impl InvalidTtl {
    /// What would be one. Does not repeat what was written.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "write it like 30m, 2h or 1h30m",
            Self::OutOfBounds(_) => "a duration is at least 1 second and at most 30 days",
        }
    }
}

impl Ttl {
    /// Thirty minutes: how long a preview lives unless someone says otherwise.
    pub const DEFAULT: Self = Self(SignedDuration::from_mins(30));
    /// One day: how long a preview lives at the most, extensions included,
    /// unless the service is configured otherwise.
    pub const DEFAULT_MAXIMUM: Self = Self(SignedDuration::from_hours(24));

    /// For adding to a [`jiff::Timestamp`].
    #[must_use]
    pub fn as_signed_duration(self) -> SignedDuration {
        self.0
    }

    /// For timers.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0.unsigned_abs()
    }
}

impl FromStr for Ttl {
    type Err = InvalidTtl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown: String = text.chars().take(40).collect();
        let unreadable = || InvalidTtl::Unreadable(shown.clone());
        let span: Span = text.trim().parse().map_err(|_| unreadable())?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(unreadable());
        }
        // A week and a day are 7 × 24 and 24 hours here: previews know no daylight saving.
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| unreadable())?;
        let whole = length.round(Unit::Second).map_err(|_| unreadable())?;
        if (SHORTEST..=LONGEST).contains(&length) && (SHORTEST..=LONGEST).contains(&whole) {
            Ok(Self(whole))
        } else {
            Err(InvalidTtl::OutOfBounds(shown))
        }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ];
        parts
            .into_iter()
            .filter(|(amount, _)| *amount > 0)
            .try_for_each(|(amount, unit)| write!(f, "{amount}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_write_durations_like_this() {
        for (text, seconds) in [
            ("30m", 1800),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("90s", 90),
            ("1d", 86_400),
            ("1 week", 604_800),
            ("PT10M", 600),
            (" 5m ", 300),
        ] {
            assert_eq!(
                text.parse::<Ttl>().map(|ttl| ttl.as_signed_duration().as_secs()),
                Ok(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_to_live_is_refused() {
        for text in [
            "",
            "soon",
            "30",
            "-1h",
            "0s",
            "0",
            "99999y",
            "1mo",
            "1 month",
            "P1M",
            "31d",
            "1e9h",
            "10m; rm -rf /",
            "٣٠m",
            "0.2s",
        ] {
            assert!(text.parse::<Ttl>().is_err(), "{text:?} was read as {:?}", text.parse::<Ttl>());
        }
    }

    #[test]
    fn one_upper_case_m_is_not_a_month() {
        assert!(
            "1M".parse::<Ttl>()
                .map_or(true, |ttl| ttl.as_duration() == Duration::from_secs(60))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_either_refused_or_within_bounds(text in ".{0,40}") {
            if let Ok(ttl) = text.parse::<Ttl>() {
                prop_assert!((SHORTEST..=LONGEST).contains(&ttl.as_signed_duration()));
            }
        }

        #[test]
        fn a_ttl_survives_its_text_form(seconds in 1i64..=30 * 86_400) {
            let ttl = Ttl(SignedDuration::from_secs(seconds));
            prop_assert_eq!(ttl.to_string().parse::<Ttl>(), Ok(ttl));
        }
    }
}
