//! Is what is true still worth a write, when its turn comes late?

use std::time::{Duration, SystemTime};

use temporalio_sdk::activities::ActivityInfo;
use workflows::activities::StickyComment;

/// A write that waited longer is behind what it was meant to tell. GitHub's content writes are few: progress does without, and the next milestone
/// says it all.
const LATE: Duration = Duration::from_secs(20);

/// Milestones are always said, progress only while it is fresh.
pub(super) fn is_worth_writing(truth: &StickyComment, waited: Duration) -> bool {
    !(truth.is_passing && waited > LATE)
}

/// How long the write has waited for its turn, failed attempts included.
pub(super) fn waited(info: &ActivityInfo) -> Duration {
    let started = info.started_time.unwrap_or_else(SystemTime::now);
    // Both are the server's clock; and if they contradicted each other, the write is not late.
    info.scheduled_time
        .and_then(|scheduled| started.duration_since(scheduled).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_progress_that_comes_late_goes_unsaid() {
        let truth = |is_passing| StickyComment {
            revision: 1,
            is_passing,
            previews: Vec::new(),
        };
        let late = LATE + Duration::from_millis(1);
        assert!(is_worth_writing(&truth(true), LATE));
        assert!(!is_worth_writing(&truth(true), late));
        assert!(is_worth_writing(&truth(false), late));
    }
}
