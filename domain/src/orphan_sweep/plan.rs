//! What is to be done about the namespaces that the survey noted.

use jiff::Timestamp;

use super::{
    Change, Note, SurveyedPage, SweepPolicy,
    report::{Brake, NamedReason, SweepReport},
};
use crate::NamespaceHandle;

/// So many go in one sweep without a question, however few there are in all.
const ALWAYS_ALLOWED: usize = 3;
/// One in so many goes in one sweep without a question. When more seem to be orphans, it is
/// more likely that Temporal is not the one that knows them (a wrong address, a restored
/// backup) than that so many workflows were terminated.
const ALLOWED_SHARE: usize = 5;

/// What is to be done to which namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The time that marks are written with and graces are measured at.
    pub made_at: Timestamp,
    mark: Vec<NamespaceHandle>,
    unmark: Vec<NamespaceHandle>,
    remove: Vec<NamespaceHandle>,
}

impl Plan {
    /// What harms nobody first.
    pub fn steps(&self) -> [(Change, &[NamespaceHandle]); 3] {
        [(Change::Unmark, &self.unmark), (Change::Mark, &self.mark), (Change::Remove, &self.remove)]
    }
}

/// What is to be done now, and what there is to report beforehand. Nothing is done to a namespace whose grace
/// is not over, and nothing is removed if it is too much at once.
pub fn make_plan(now: Timestamp, policy: &SweepPolicy, pages: Vec<SurveyedPage>) -> (Plan, SweepReport) {
    let mut report = SweepReport::default();
    let mut plan = Plan {
        made_at: now,
        mark: Vec::new(),
        unmark: Vec::new(),
        remove: Vec::new(),
    };
    for page in pages {
        report.surveyed += page.previews;
        for noted in page.noted {
            let key = noted.key;
            match noted.note {
                Note::FoundAgain => plan.unmark.push(key),
                Note::Orphan { marked_since: None } => plan.mark.push(key),
                Note::Orphan { marked_since: Some(since) } => {
                    if since.duration_until(now) >= policy.grace.as_signed_duration() {
                        plan.remove.push(key);
                    }
                }
                Note::Terminating { held_by } => {
                    report.stuck.push(NamedReason::new(&key.name, &held_by));
                }
                Note::Unaccounted { why } => {
                    report.unaccounted.push(NamedReason::new(&key.name, &why));
                }
                Note::Unclear { why } => report.failed.push(NamedReason::new(&key.name, &why)),
            }
        }
    }
    report.brake = brake(plan.remove.len(), report.surveyed, policy);
    if report.brake.is_some() {
        plan.remove.clear();
    }
    (plan, report)
}

/// Are so many of all more than one sweep ends without a question?
#[must_use]
pub fn is_too_much(due: usize, all: usize) -> bool {
    due > allowed_of(all)
}

fn allowed_of(all: usize) -> usize {
    ALWAYS_ALLOWED.max(all / ALLOWED_SHARE)
}

/// Is it too much to remove so many of all?
fn brake(due: usize, all: usize, policy: &SweepPolicy) -> Option<Brake> {
    let allowed = allowed_of(all).max(policy.confirm_removals.unwrap_or_default());
    (due > allowed).then(|| Brake {
        due,
        allowed,
        confirm_with: SweepPolicy { confirm_removals: Some(due), ..policy.clone() },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::orphan_sweep::NotedNamespace;

    const NOW: &str = "2026-11-22T12:00:00Z";
    const LONG_AGO: &str = "2026-11-22T11:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn policy() -> SweepPolicy {
        SweepPolicy {
            grace: "10m".parse().expect("a duration"),
            dry_run: false,
            confirm_removals: None,
        }
    }

    fn noted(name: &str, note: Note) -> NotedNamespace {
        let key = NamespaceHandle { name: name.to_owned(), uid: "1".to_owned() };
        NotedNamespace { key, note }
    }

    fn orphan(name: &str, marked_since: Option<&str>) -> NotedNamespace {
        let marked_since = marked_since.map(at);
        noted(name, Note::Orphan { marked_since })
    }

    fn page(previews: usize, noted: Vec<NotedNamespace>) -> SurveyedPage {
        SurveyedPage { previews, noted, continue_token: None }
    }

    fn steps(noted: NotedNamespace) -> Vec<Change> {
        let (plan, _) = make_plan(at(NOW), &policy(), vec![page(1, vec![noted])]);
        let steps = plan.steps().into_iter();
        steps.filter(|(_, keys)| !keys.is_empty()).map(|(doing, _)| doing).collect()
    }

    #[test]
    fn a_namespace_that_found_a_workflow_again_loses_its_mark() {
        assert_eq!(steps(noted("a", Note::FoundAgain)), [Change::Unmark]);
    }

    #[test]
    fn an_orphan_is_marked_before_it_is_removed() {
        assert_eq!(steps(orphan("a", None)), [Change::Mark]);
    }

    #[test]
    fn a_marked_orphan_is_removed_only_after_the_grace() {
        assert_eq!(steps(orphan("a", Some("2026-11-22T11:50:01Z"))), []);
        assert_eq!(steps(orphan("a", Some("2026-11-22T11:50:00Z"))), [Change::Remove]);
    }

    #[test]
    fn a_mark_from_the_future_removes_nothing() {
        assert_eq!(steps(orphan("a", Some("2026-11-22T13:00:00Z"))), []);
    }

    #[test]
    fn what_is_stuck_or_unclear_or_no_preview_is_reported_and_left_alone_and_the_others_are_dealt_with() {
        let why = || "because".to_owned();
        let pages = vec![
            page(
                2,
                vec![
                    noted("a", Note::Terminating { held_by: why() }),
                    noted("b", Note::Unclear { why: why() }),
                    noted("c", Note::Unaccounted { why: why() }),
                ],
            ),
            page(1, vec![orphan("d", Some(LONG_AGO))]),
        ];
        let (plan, report) = make_plan(at(NOW), &policy(), pages);
        let reason = |name| [NamedReason::new(name, "because")];
        assert_eq!(report.stuck.first, reason("a"));
        assert_eq!(report.failed.first, reason("b"));
        assert_eq!(report.unaccounted.first, reason("c"));
        assert_eq!((report.surveyed, report.brake), (3, None));
        assert_eq!((plan.mark.len(), plan.unmark.len()), (0, 0));
        assert_eq!(plan.remove[0].name, "d");
    }

    fn due(count: usize) -> Vec<NotedNamespace> {
        (0..count).map(|number| orphan(&number.to_string(), Some(LONG_AGO))).collect()
    }

    #[test]
    fn more_than_three_and_a_fifth_of_all_are_not_removed_without_a_confirmation() {
        for (all, orphans, removed) in [
            (3, 3, 3),
            (4, 4, 0),
            (19, 4, 0),
            (20, 4, 4),
            (20, 5, 0),
            (10_000, 2_000, 2_000),
            (10_000, 2_001, 0),
        ] {
            let mut noted = due(orphans);
            noted.push(orphan("new", None));
            let (plan, report) = make_plan(at(NOW), &policy(), vec![page(all, noted)]);
            assert_eq!(plan.remove.len(), removed, "{orphans} of {all}");
            assert_eq!(report.brake.is_some(), removed == 0, "{orphans} of {all}");
            assert_eq!(plan.mark.len(), 1, "a mark harms nobody");
        }
    }

    #[test]
    fn a_confirmation_holds_for_as_many_as_it_says() {
        let confirmed = |removals: usize| SweepPolicy { confirm_removals: Some(removals), ..policy() };
        let removed = |policy: &SweepPolicy| {
            let (plan, report) = make_plan(at(NOW), policy, vec![page(10, due(7))]);
            (plan.remove.len(), report.brake)
        };
        let (none, brake) = removed(&confirmed(6));
        let brake = brake.expect("seven are more than six");
        assert_eq!((none, brake.due, brake.allowed), (0, 7, 6));
        assert_eq!(removed(&brake.confirm_with), (7, None));
    }

    proptest! {
        #[test]
        fn a_sweep_removes_few_or_nothing(all in 0usize..10_000, orphans in 0usize..10_000) {
            let orphans = orphans.min(all);
            let (plan, _) = make_plan(at(NOW), &policy(), vec![page(all, due(orphans))]);
            prop_assert!(plan.remove.is_empty() || plan.remove.len() <= 3.max(all / 5));
        }
    }
}
