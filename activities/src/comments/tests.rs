//! What all texts have in common: the examples they are shown with, and that
//! nothing foreign does anything in them.

use domain::{
    CommentId, Explanation, InstallationId, Misunderstood, PullRequestNumber, PullRequestRef, Repository,
    preview::{AnswerNote, MissingImage, PreviewReport, PreviewState, Probe, PullProblem, StopReason},
    pull_request::{Answer, InvalidConfiguration, Reply, StickyComment},
};
use jiff::Timestamp;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::TemporalUi;

use super::{reply::reply, sticky::sticky};

/// GitHub's limit, in characters.
const LONGEST_COMMENT: usize = 65_536;

/// What GitHub understands beyond plain Markdown.
const GITHUB: Options = Options::ENABLE_GFM
    .union(Options::ENABLE_TABLES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_MATH);

pub(super) const OLDER: &str = "0123456789abcdef0123456789abcdef01234567";
pub(super) const NEWER: &str = "fedcba9876543210fedcba9876543210fedcba98";

pub(super) fn temporal_ui() -> TemporalUi {
    TemporalUi {
        url: Some("https://temporal.example.com/ui/".parse().expect("an address")),
        namespace: "default".to_owned(),
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn pull_request() -> PullRequestRef {
    PullRequestRef {
        installation: InstallationId(1),
        repository: repository(),
        number: PullRequestNumber::new(12).expect("a number"),
    }
}

fn repository() -> Repository {
    "octo-org/hello-world".parse().expect("a repository")
}

pub(super) fn report(commit: &str, state: PreviewState) -> PreviewReport {
    PreviewReport {
        preview: format!("{}#12:{commit}", repository()).parse().expect("an id"),
        run_id: Some("0198c0de-0000-7000-8000-000000000000".to_owned()),
        started_at: None,
        revision: 1,
        requested_by: "mona".parse().expect("a login"),
        asked_in: CommentId(77),
        state,
        environment: None,
        probe: Probe::default(),
    }
}

pub(super) fn ready(commit: &str) -> PreviewState {
    PreviewState::Ready {
        url: format!("https://pr-12-{}-hello-world-cab5ebdfaf.previews.example.com/", &commit[..7]),
        note: None,
        stable_url: None,
        stable_note: None,
        expires_at: at("2026-11-22T05:12:40Z"),
        extendable_until: at("2026-11-23T04:42:40Z"),
        is_expiring: false,
    }
}

pub(super) fn told(previews: Vec<PreviewReport>) -> String {
    let truth = StickyComment { revision: 1, previews };
    sticky(&truth, &temporal_ui(), true).expect("something to tell")
}

pub(super) fn answered(answers: Vec<Answer>) -> String {
    let question = Reply {
        is_second: false,
        pull_request: pull_request(),
        comment_id: CommentId(77),
        to: "mona".parse().expect("a login"),
        answers,
        sticky: Some(CommentId(5)),
    };
    let sticky = "https://github.com/octo-org/hello-world/pull/12#issuecomment-5"
        .parse()
        .expect("an address");
    reply(&question, Some(&sticky)).expect("something to answer")
}

/// Every state with foreign text in it.
fn states(foreign: &str) -> Vec<PreviewState> {
    let text = foreign.to_owned();
    let mut redirected = ready(OLDER);
    if let PreviewState::Ready { note, .. } = &mut redirected {
        *note = Some(AnswerNote::Redirects { to: text.clone() });
    }
    vec![
        redirected,
        PreviewState::WaitingForImage(MissingImage { image: text.clone(), because: PullProblem::NotAllowed }),
        PreviewState::Stopping {
            because: StopReason::Cancelled { reason: Some(text.clone()) },
            is_slow: true,
        },
        PreviewState::Removed {
            because: StopReason::Cancelled { reason: Some(text.clone()) },
        },
        PreviewState::Failed {
            explanation: Explanation { summary: text.clone(), log_tail: Some(text) },
        },
    ]
}

/// Every answer with foreign text in it.
fn answers(foreign: &str) -> Vec<Answer> {
    let text = foreign.to_owned();
    let misunderstood = [
        Misunderstood::NearlyCommand { line: text.clone(), did_you_mean: text.clone() },
        Misunderstood::UnknownCommand { word: text.clone(), did_you_mean: Some(text.clone()) },
        Misunderstood::MissingArgument { usage: text.clone() },
        Misunderstood::UnexpectedArgument { word: text.clone(), usage: text.clone() },
        Misunderstood::BadDuration { word: text.clone(), reason: text.clone() },
    ];
    let misconfigured = Answer::InvalidConfiguration {
        problem: InvalidConfiguration {
            file: text.clone(),
            branch: text.clone(),
            line: Some(3),
            reason: text,
        },
    };
    let status = Answer::Status {
        previews: states(foreign).into_iter().map(|state| report(OLDER, state)).collect(),
    };
    misunderstood
        .map(|problem| Answer::Misunderstood { problem })
        .into_iter()
        .chain([misconfigured, status])
        .collect()
}

/// All comments with foreign text in them, wherever it can be.
fn comments(foreign: &str) -> Vec<String> {
    let alone = states(foreign).into_iter().map(|state| told(vec![report(NEWER, state)]));
    let beside = states(foreign)
        .into_iter()
        .map(|state| told(vec![report(NEWER, PreviewState::Requested), report(OLDER, state)]));
    alone.chain(beside).chain([answered(answers(foreign))]).collect()
}

/// What GitHub makes of a comment, without its texts.
fn structure(comment: &str) -> Vec<String> {
    Parser::new_ext(comment, GITHUB)
        .filter_map(|event| match event {
            Event::Html(html) | Event::InlineHtml(html) => Some(html.to_string()),
            // What language a log is in, and that a name is code, are the template's
            // business; the rest is a paragraph's inside.
            Event::Start(Tag::Paragraph) => None,
            Event::Start(tag) => Some(format!("{tag:?}")),
            Event::Rule
            | Event::TaskListMarker(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => Some(format!("{event:?}")),
            _ => None,
        })
        .collect()
}

/// What people read, without code, in which GitHub recognises nothing.
fn prose(comment: &str) -> String {
    let mut in_code = false;
    let mut prose = String::new();
    for event in Parser::new_ext(comment, GITHUB) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => prose.push_str(&text),
            Event::Code(_) | Event::SoftBreak | Event::End(_) => prose.push('\n'),
            _ => {}
        }
    }
    prose
}

/// Whom and what GitHub would take as mentioned.
fn mentions(comment: &str) -> usize {
    prose(comment)
        .split(['@', '#'])
        .skip(1)
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .count()
}

/// Text that would like to be mark-up.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "(?s).{1,20}",
        "[`*_~\\[\\]()<>|#@!&;:/.\\\\\n -]{1,12}",
        prop::sample::select(vec![
            "<script>alert(1)</script>",
            "</details>",
            "<!-- preview:sticky -->",
            "-->",
            "@mona",
            "#12",
            "GH-12",
            "https://evil.example.com",
            "www.evil.example.com",
            "![x](https://evil.example.com/x.png)",
            "[x]: https://evil.example.com",
            "[^1]",
            "\n\n# heading\n",
            "\n- item\n1. item\n",
            "\n> quote\n",
            "\n---\n",
            "```\n",
            "~~~\n",
            "| a | b |\n| - | - |\n",
            "$$x$$",
            "&lt;b&gt;",
            "a@b.example.com",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_foreign_does_anything(text in hostile()) {
        let harmless = comments("harmless");
        for (comment, like) in comments(&text).iter().zip(&harmless) {
            prop_assert_eq!(structure(comment), structure(like), "{}", comment);
            prop_assert_eq!(mentions(comment), mentions(like), "{}", comment);
        }
    }

    #[test]
    fn every_address_is_a_web_address_or_no_link(text in hostile()) {
        let state = PreviewState::Ready {
            url: text.clone(),
            note: None,
            stable_url: Some(format!("https://x/{text}")),
            stable_note: None,
            expires_at: Timestamp::UNIX_EPOCH,
            extendable_until: Timestamp::UNIX_EPOCH,
            is_expiring: true,
        };
        let comment = told(vec![report(OLDER, state)]);
        for event in Parser::new_ext(&comment, GITHUB) {
            if let Event::Start(Tag::Link { dest_url, .. }) = &event {
                prop_assert!(dest_url.starts_with("http://") || dest_url.starts_with("https://"), "{}", comment);
            }
            prop_assert!(!matches!(event, Event::Start(Tag::Image { .. })), "{}", comment);
        }
        let html = structure(&comment).into_iter().filter(|part| part.starts_with('<')).collect::<String>();
        prop_assert_eq!(html, "<!-- preview:sticky -->\n<sub></sub>");
    }
}

#[test]
fn whatever_comes_a_comment_fits_into_githubs_limit() {
    for unit in ["`<@#", "`\u{1F600}", "www.", "|\n"] {
        let endless = unit.repeat(100_000);
        let all = states(&endless).into_iter().cycle().take(50).map(|state| report(OLDER, state));
        let mut asked: Vec<Answer> = answers(&endless).into_iter().cycle().take(50).collect();
        asked.insert(0, Answer::Help);
        let everything = comments(&endless).into_iter().chain([told(all.collect()), answered(asked)]);
        for comment in everything {
            assert!(comment.chars().count() <= LONGEST_COMMENT, "{unit}");
        }
    }
}
