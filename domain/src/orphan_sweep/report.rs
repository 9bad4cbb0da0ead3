//! What a sweep did, or would have done, and what an operator has to know.

use serde::{Deserialize, Serialize};

use super::{Change, LostPreview, Outcome, SweepPolicy};
use crate::NamespaceHandle;

/// Entries of a list that are written out. A report is one payload, which has a
/// bound; the rest is only counted.
const WRITTEN_OUT: usize = 100;
/// Longest reason that is written out, in characters.
const REASON_MAX: usize = 300;

/// A list of which the beginning is written out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    /// Counts the entry, and writes it out if there is room.
    pub fn push(&mut self, entry: T) {
        self.count += 1;
        if self.first.len() < WRITTEN_OUT {
            self.first.push(entry);
        }
    }
}

impl<T> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut listed = Self::default();
        entries.into_iter().for_each(|entry| listed.push(entry));
        listed
    }
}

/// A namespace, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedReason {
    /// The namespace.
    pub name: String,
    /// For the operator.
    pub why: String,
}

impl NamedReason {
    /// A namespace by its name.
    #[must_use]
    pub fn new(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            why: why.chars().take(REASON_MAX).collect(),
        }
    }
}

/// More was to be removed than a sweep removes on its own, so nothing was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// How many namespaces would have been removed.
    pub due: usize,
    /// How many may be removed without a confirmation, or with the one that was given.
    pub allowed: usize,
    /// What an operator who has looked starts a sweep with that removes them.
    pub confirm_with: SweepPolicy,
}

/// What a sweep did, or would have done; names of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReport {
    /// How many previews' namespaces there were.
    pub surveyed: usize,
    /// Seen without a workflow for the first time.
    pub marked: Listed<String>,
    /// Marked earlier, but somebody's again.
    pub unmarked: Listed<String>,
    /// Their deletion was requested. Those that are still there at the next sweep are `stuck` then.
    pub removed: Listed<String>,
    /// Due, but somebody's again at the last look.
    pub spared: Listed<String>,
    /// Their deletion was requested earlier, and they are still there: what holds them.
    pub stuck: Listed<NamedReason>,
    /// What could not be looked at or done, this time.
    pub failed: Listed<NamedReason>,
    /// With our labels, but no previews of ours: left alone.
    pub unaccounted: Listed<NamedReason>,
    /// Workflows of previews that are open long after the preview's time was over.
    pub overdue: Listed<String>,
    /// Workflows of previews that were ready and had no namespace any more: they were told to end.
    #[serde(default)]
    pub lost: Listed<String>,
    /// Set if nothing was removed because it would have been too much at once.
    pub brake: Option<Brake>,
}

impl SweepReport {
    /// Takes in what became of previews without a namespace.
    pub fn note_lost(&mut self, previews: Vec<LostPreview>) {
        for LostPreview { workflow_id, outcome } in previews {
            match outcome {
                Outcome::Done => self.lost.push(workflow_id),
                Outcome::Spared => {}
                Outcome::Failed { why } => self.failed.push(NamedReason::new(&workflow_id, &why)),
            }
        }
    }

    /// Takes in what became of a batch.
    pub fn note(&mut self, change: Change, batch: &[NamespaceHandle], outcomes: Vec<Outcome>) {
        for (key, outcome) in batch.iter().zip(outcomes) {
            let name = key.name.clone();
            match (outcome, change) {
                (Outcome::Done, Change::Mark) => self.marked.push(name),
                (Outcome::Done, Change::Unmark) => self.unmarked.push(name),
                (Outcome::Done, Change::Remove) => self.removed.push(name),
                (Outcome::Spared, _) => self.spared.push(name),
                (Outcome::Failed { why }, _) => self.failed.push(NamedReason::new(&name, &why)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_of_a_batch_has_its_own_outcome() {
        let batch =
            ["a", "b", "c"].map(|name| NamespaceHandle { name: name.to_owned(), uid: "1".to_owned() });
        let outcomes = vec![Outcome::Failed { why: "no".to_owned() }, Outcome::Spared, Outcome::Done];
        let mut report = SweepReport::default();
        report.note(Change::Remove, &batch, outcomes);
        assert_eq!(report.failed.first, [NamedReason::new("a", "no")]);
        assert_eq!(report.spared.first, ["b"]);
        assert_eq!(report.removed.first, ["c"]);
    }

    #[test]
    fn a_report_of_very_many_namespaces_stays_small_and_counts_them_all() {
        let batch: Vec<_> = (0..20_000)
            .map(|number| NamespaceHandle {
                name: format!("preview-{number:055}"),
                uid: number.to_string(),
            })
            .collect();
        let failed = Outcome::Failed { why: "x".repeat(10_000) };
        let mut report = SweepReport::default();
        report.note(Change::Mark, &batch, vec![Outcome::Done; batch.len()]);
        report.note(Change::Remove, &batch, vec![failed; batch.len()]);
        assert_eq!((report.marked.count, report.failed.count), (20_000, 20_000));
        let payload = serde_json::to_vec(&report).expect("JSON");
        assert!(payload.len() < 100_000, "{} bytes", payload.len());
    }
}
