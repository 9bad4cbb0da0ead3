//! One line of the report.

use std::fmt::Write as _;

use serde::Serialize;

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// In a word or two.
    pub(super) check: &'static str,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

/// How it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(super) enum Verdict {
    /// As it has to be.
    Fine {
        /// What was found.
        found: String,
    },
    /// It works, and should not stay so.
    Doubtful {
        /// What was found.
        found: String,
        /// What to do.
        next: String,
    },
    /// The service does not work so, or not as promised.
    Wrong {
        /// What was found.
        found: String,
        /// What to do.
        next: String,
    },
    /// It could not be looked at.
    Unknown {
        /// Why.
        found: String,
        /// What to do.
        next: String,
    },
}

impl Line {
    pub(super) fn fine(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fine { found: found.into() } }
    }

    pub(super) fn doubtful(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        let (found, next) = (found.into(), next.into());
        Self { check, verdict: Verdict::Doubtful { found, next } }
    }

    pub(super) fn wrong(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        let (found, next) = (found.into(), next.into());
        Self { check, verdict: Verdict::Wrong { found, next } }
    }

    pub(super) fn unknown(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        let (found, next) = (found.into(), next.into());
        Self { check, verdict: Verdict::Unknown { found, next } }
    }

    pub(super) fn is_wrong(&self) -> bool {
        matches!(self.verdict, Verdict::Wrong { .. })
    }
}

/// For people: a line each, what to do below it, and how many are wrong.
pub(super) fn report(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Line { check, verdict } in lines {
        let (mark, found, next) = match verdict {
            Verdict::Fine { found } => ("ok", found, None),
            Verdict::Doubtful { found, next } => ("warn", found, Some(next)),
            Verdict::Wrong { found, next } => ("WRONG", found, Some(next)),
            Verdict::Unknown { found, next } => ("?", found, Some(next)),
        };
        let _ = writeln!(text, "{mark:5}  {check:width$}  {found}");
        if let Some(next) = next {
            let _ = writeln!(text, "{:5}  {:width$}  → {next}", "", "");
        }
    }
    let wrong = lines.iter().filter(|line| line.is_wrong()).count();
    let _ = match wrong {
        0 => writeln!(text, "\nNothing is wrong."),
        _ => writeln!(text, "\n{wrong} of {} checks found something wrong.", lines.len()),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_a_line_and_what_to_do_stands_below_it() {
        let lines = [
            Line::fine("Temporal", "namespace default at http://127.0.0.1:7233/"),
            Line::wrong(
                "webhook",
                "nobody answers at https://hooks.example.com/",
                "let it be reached from GitHub",
            ),
            Line::doubtful(
                "cookies",
                "previews can set cookies of example.com",
                "give them a domain of their own",
            ),
            Line::unknown("network policies", "not tried", "set PREVIEW_PROBE_IMAGE to the worker's image"),
        ];
        insta::assert_snapshot!(report(&lines));
        insta::assert_json_snapshot!(lines[1], @r#"
        {
          "check": "webhook",
          "is": "wrong",
          "found": "nobody answers at https://hooks.example.com/",
          "next": "let it be reached from GitHub"
        }
        "#);
        assert!(report(&lines[..1]).ends_with("\nNothing is wrong.\n"));
    }
}
