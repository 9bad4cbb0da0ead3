//! Is it the same time everywhere? Elsewhere GitHub refuses tokens, and previews end early or late.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{Client, header::DATE};
use url::Url;

use super::{line::Line, now};
use crate::time;

/// More than that is no delay. A `Date` has whole seconds.
const OFF_MAX: SignedDuration = SignedDuration::from_secs(10);

/// How far ahead of ours a clock is; none if it does not say.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) of: &'static str,
    pub(super) ahead: Option<SignedDuration>,
}

impl Clock {
    /// By the `Date` of an answer that has come just now.
    pub(super) fn of(of: &'static str, date: Option<&str>) -> Self {
        Self { of, ahead: date.and_then(|date| ahead(date, now())) }
    }
}

fn ahead(date: &str, now: Timestamp) -> Option<SignedDuration> {
    let theirs = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(now.duration_until(theirs))
}

pub(super) async fn check(
    web: &Client,
    github: &Url,
    webhook: Option<&Url>,
    mut others: Vec<Clock>,
) -> Vec<Line> {
    for (of, url) in [("GitHub", Some(github)), ("the webhook", webhook)] {
        let Some(url) = url else { continue };
        // Whatever it answers, it says when.
        if let Ok(answer) = web.get(url.clone()).send().await {
            others.push(Clock::of(of, answer.headers().get(DATE).and_then(|date| date.to_str().ok())));
        }
    }
    vec![judge(&others)]
}

pub(super) fn judge(clocks: &[Clock]) -> Line {
    const CHECK: &str = "clocks";
    let told: Vec<_> = clocks.iter().filter_map(|clock| Some((clock.of, clock.ahead?))).collect();
    if told.is_empty() {
        return Line::unknown(CHECK, "nobody said what time it is", "see above");
    }
    let off = told.iter().filter(|(_, ahead)| ahead.abs() > OFF_MAX).map(|(of, ahead)| {
        let side = if ahead.is_negative() { "behind" } else { "ahead of" };
        format!("{of} is {} {side} this machine", time::short(ahead.abs()))
    });
    let off: Vec<_> = off.collect();
    if off.is_empty() {
        let names: Vec<_> = told.iter().map(|(of, _)| *of).collect();
        return Line::fine(CHECK, format!("the same as here: {}", names.join(", ")));
    }
    Line::wrong(
        CHECK,
        off.join("; "),
        "let each machine keep its clock by NTP: GitHub refuses tokens from another time",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_named() {
        let clock = |of, seconds| Clock { of, ahead: Some(SignedDuration::from_secs(seconds)) };
        let silent = Clock { of: "the webhook", ahead: None };
        assert_eq!(
            judge(&[clock("GitHub", -2), clock("the API server", 3), silent.clone()]),
            Line::fine("clocks", "the same as here: GitHub, the API server")
        );
        let wrong = format!("{:?}", judge(&[clock("GitHub", -3_600), clock("the API server", 90)]));
        assert!(wrong.contains("GitHub is 1h behind this machine"), "{wrong}");
        assert!(wrong.contains("the API server is 1m 30s ahead of this machine"), "{wrong}");
        assert!(!judge(&[silent]).is_wrong());
    }

    #[test]
    fn a_date_is_read_as_http_writes_it() {
        let now = "2026-11-26T12:00:00Z".parse().expect("a timestamp");
        let read = ahead("Thu, 26 Nov 2026 12:00:07 GMT", now);
        assert_eq!(read, Some(SignedDuration::from_secs(7)));
        assert_eq!(ahead("yesterday", now), None);
    }
}
