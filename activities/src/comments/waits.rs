//! Measures how long people have waited when the sticky comment tells them something for the first time.
//!
//! GitHub's clock has written both times. What cannot be told apart from a repetition is not measured: an
//! attempt whose predecessor died after it had written, or a change in the second before the answer.

use std::collections::BTreeMap;

use domain::{
    CommentId,
    preview::{PreviewReport, PreviewState},
    pull_request::StickyComment,
};
use github::Comment;
use jiff::Timestamp;

use crate::Lifecycle;

/// `written`: when each comment of the pull request was; `before` and `now`: our own, around this write.
pub(super) fn measure(
    lifecycle: &Lifecycle,
    truth: &StickyComment,
    written: &BTreeMap<CommentId, Timestamp>,
    before: Option<&Comment>,
    now: &Comment,
) {
    let Some(now_at) = now.updated_at else { return };
    for asked in first_answers(truth, written, before) {
        lifecycle.answered_by_comment(asked, now_at);
    }
    for asked in first_urls(truth, written, before) {
        lifecycle.url_shown(asked, now_at);
    }
}

/// When the comments were written that are answered just now.
fn first_answers(
    truth: &StickyComment,
    written: &BTreeMap<CommentId, Timestamp>,
    before: Option<&Comment>,
) -> Vec<Timestamp> {
    let told_until = before.and_then(|before| before.updated_at);
    // It answers the newest request; the others it has answered already, or never does.
    let newest = truth.previews.first().and_then(|newest| written.get(&newest.asked_in));
    newest
        .filter(|asked| told_until.is_none_or(|told_until| told_until < **asked))
        .copied()
        .into_iter()
        .collect()
}

/// When the comments were written whose previews' URLs are shown just now.
fn first_urls(
    truth: &StickyComment,
    written: &BTreeMap<CommentId, Timestamp>,
    before: Option<&Comment>,
) -> Vec<Timestamp> {
    let is_new = |report: &&PreviewReport| {
        let PreviewState::Ready { url, .. } = &report.state else {
            return false;
        };
        before.is_none_or(|before| !before.body.contains(url.as_str()))
    };
    let ready = truth.previews.iter().filter(is_new);
    ready.filter_map(|report| written.get(&report.asked_in).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comments::tests::report;

    const URL: &str = "http://x-1234567.preview.example.com/";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).expect("a time")
    }

    fn truth(state: PreviewState) -> StickyComment {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        StickyComment { revision: 1, previews: vec![report(commit, state)] }
    }

    fn ready() -> PreviewState {
        PreviewState::Ready {
            url: URL.to_owned(),
            note: None,
            stable_url: None,
            stable_note: None,
            expires_at: at(1_800),
            extendable_until: at(86_400),
            is_expiring: false,
        }
    }

    fn shown(body: &str, second: i64) -> Comment {
        Comment {
            id: CommentId(80),
            body: body.to_owned(),
            html_url: "https://github.com/octo-org/hello/pull/1#issuecomment-80"
                .parse()
                .expect("a URL"),
            updated_at: Some(at(second)),
        }
    }

    fn asked() -> BTreeMap<CommentId, Timestamp> {
        BTreeMap::from([(CommentId(77), at(10))])
    }

    #[test]
    fn only_the_first_change_since_the_question_answers_it() {
        let requested = truth(PreviewState::Requested);
        assert_eq!(first_answers(&requested, &asked(), None), [at(10)]);
        assert_eq!(first_answers(&requested, &asked(), Some(&shown("an earlier one is gone", 4))), [at(10)]);
        assert_eq!(first_answers(&requested, &asked(), Some(&shown("requested", 11))), []);
        // Its comment was deleted, or it was started by hand.
        assert_eq!(first_answers(&requested, &BTreeMap::new(), None), []);
    }

    #[test]
    fn a_url_is_new_while_the_comment_does_not_show_it() {
        assert_eq!(first_urls(&truth(PreviewState::Starting), &asked(), None), []);
        assert_eq!(first_urls(&truth(ready()), &asked(), Some(&shown("starting", 12))), [at(10)]);
        let again = shown(&format!("ready: **{URL}**"), 20);
        assert_eq!(first_urls(&truth(ready()), &asked(), Some(&again)), []);
    }
}
