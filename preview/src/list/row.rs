//! One preview of the list, and how lists look.

use std::time::SystemTime;

use domain::PreviewId;
use jiff::Timestamp;
use serde::Serialize;
use temporalio_client::WorkflowExecution;
use workflows::search_attributes::{EXPIRES_AT, PHASE, REQUESTED_BY};

use crate::{table, target::short_name, time};

/// As much of a failure as a line holds; `preview explain` shows all of it.
const REASON_SHOWN: usize = 100;
/// What stands where nothing is known.
const NOTHING: &str = "-";

/// What Temporal's records, and the preview itself, say of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// The workflow's ID: `owner/repo#12:<40-hex commit>`.
    pub(super) preview: String,
    /// The run.
    pub(super) run_id: String,
    /// How far along it is.
    pub(super) phase: Option<String>,
    /// Who asked.
    pub(super) requested_by: Option<String>,
    /// When the run began.
    pub(super) started_at: Option<Timestamp>,
    /// When it will be removed, once it is ready.
    pub(super) expires_at: Option<Timestamp>,
    /// Where it answers, once it does.
    pub(super) url: Option<String>,
    /// When it ended, if it has.
    pub(super) ended_at: Option<Timestamp>,
    /// Why it could not be deployed.
    pub(super) failure: Option<String>,
}

impl Row {
    pub(super) fn from_record(record: &WorkflowExecution) -> Self {
        let attributes = record.search_attributes();
        let expires_at = attributes.get(&EXPIRES_AT);
        Self {
            preview: record.id().to_owned(),
            run_id: record.run_id().to_owned(),
            phase: attributes.get(&PHASE),
            requested_by: attributes.get(&REQUESTED_BY),
            started_at: record.start_time().and_then(timestamp),
            expires_at: expires_at.and_then(|at| Timestamp::new(at.seconds(), at.nanos()).ok()),
            url: None,
            ended_at: record.close_time().and_then(timestamp),
            failure: None,
        }
    }

    /// As people write it, and as other commands take it: `owner/repo#12:0123456`.
    fn short_name(&self) -> String {
        match self.preview.parse::<PreviewId>() {
            Ok(preview) => short_name(&preview),
            Err(_) => self.preview.clone(),
        }
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

/// The open previews, one line each.
pub(super) fn open_table(rows: &[Row], now: Timestamp) -> String {
    let cells = rows.iter().map(|row| {
        [
            row.short_name(),
            or_nothing(row.phase.clone()),
            or_nothing(row.requested_by.clone()),
            or_nothing(row.started_at.map(|at| time::short(at.duration_until(now)))),
            or_nothing(row.expires_at.map(time::minute)),
            or_nothing(row.expires_at.map(|at| left(now, at))),
            or_nothing(row.url.clone()),
        ]
    });
    table::render(["PREVIEW", "PHASE", "WHO", "AGE", "UNTIL", "LEFT", "URL"], &cells.collect::<Vec<_>>())
}

/// The dead letters, one line each.
pub(super) fn failed_table(rows: &[Row], now: Timestamp) -> String {
    let cells = rows.iter().map(|row| {
        let reason = row.failure.as_deref().map(|reason| shortened(reason, REASON_SHOWN));
        [
            row.short_name(),
            or_nothing(row.requested_by.clone()),
            or_nothing(row.ended_at.map(|at| format!("{} ago", time::short(at.duration_until(now))))),
            or_nothing(reason),
        ]
    });
    table::render(["PREVIEW", "WHO", "FAILED", "WHY"], &cells.collect::<Vec<_>>())
}

fn or_nothing(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| NOTHING.to_owned())
}

fn left(now: Timestamp, until: Timestamp) -> String {
    if until < now {
        format!("over {}", time::short(until.duration_until(now)))
    } else {
        time::short(now.duration_until(until))
    }
}

/// In one line of so many characters at the most.
fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page;

    const NOW: &str = "2026-11-26T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn row(preview: &str) -> Row {
        Row {
            preview: preview.to_owned(),
            run_id: "01a2".to_owned(),
            phase: Some("Installing".to_owned()),
            requested_by: Some("mona".to_owned()),
            started_at: Some(at("2026-11-26T11:59:48Z")),
            expires_at: None,
            url: None,
            ended_at: None,
            failure: None,
        }
    }

    fn ready() -> Row {
        Row {
            phase: Some("Ready".to_owned()),
            requested_by: Some("hubot".to_owned()),
            started_at: Some(at("2026-11-26T11:42:00Z")),
            expires_at: Some(at("2026-11-26T12:12:30Z")),
            url: Some("https://pr-12-4f2d9c0-shop-mzqhyb.previews.example.com/".to_owned()),
            ..row("octo-org/shop#12:4f2d9c0de3b1a7665544332211009988776655ff")
        }
    }

    #[test]
    fn each_open_preview_has_a_line() {
        let installing = row("octo-org/hello-world#7:0123456789abcdef0123456789abcdef01234567");
        let table = open_table(&[installing, ready()], at(NOW));
        page::assert_shows(&table);
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_is_overdue_and_what_is_no_preview_has_a_line_too() {
        let overdue = Row { expires_at: Some(at("2026-11-26T11:10:00Z")), ..ready() };
        let nameless = Row { phase: None, requested_by: None, ..row("by hand") };
        insta::assert_snapshot!(open_table(&[overdue, nameless], at(NOW)));
    }

    #[test]
    fn a_dead_letter_says_why_in_one_line() {
        let failed = |failure: &str| Row {
            ended_at: Some(at("2026-11-26T11:50:00Z")),
            failure: Some(failure.to_owned()),
            ..ready()
        };
        let table =
            failed_table(&[failed("The container `web` ended with exit code 1,\nagain and again.")], at(NOW));
        page::assert_shows(&table);
        insta::assert_snapshot!(table);
        let long = failed_table(&[failed(&"x".repeat(200)), Row { requested_by: None, ..ready() }], at(NOW));
        assert!(long.contains(&format!("{}…", "x".repeat(REASON_SHOWN - 1))), "{long}");
    }

    #[test]
    fn programs_read_all_of_it() {
        insta::assert_json_snapshot!([ready()]);
    }
}
