use std::{env, fs, path::Path};

use proptest::prelude::*;

use super::*;

fn understood(line: &str) -> Command {
    parse_line(line)
        .unwrap_or_else(|| panic!("{line:?} is not addressed to us"))
        .unwrap_or_else(|problem| panic!("{line:?}: {problem:?}"))
}

fn misunderstood(line: &str) -> Misunderstood {
    match parse_line(line) {
        Some(Err(problem)) => problem,
        other => panic!("{line:?} was read as {other:?}"),
    }
}

fn ttl(text: &str) -> Ttl {
    text.parse().expect("a duration")
}

#[test]
fn people_write_commands_like_this() {
    let two_hours = || Command::Preview { ttl: Some(ttl("2h")) };
    let extended = || Command::Extend { by: ttl("90m") };
    for (line, command) in [
        ("/preview", Command::Preview { ttl: None }),
        ("  /Preview  ", Command::Preview { ttl: None }),
        ("/preview --ttl 2h", two_hours()),
        ("/preview --ttl=2h", two_hours()),
        ("/preview --TTL= 2h", two_hours()),
        ("/preview -ttl 2 hours", two_hours()),
        ("/preview —ttl 2h", two_hours()),
        ("/preview –ttl=2h", two_hours()),
        ("/preview extend 90m", extended()),
        ("/preview extend 1h30m", extended()),
        ("/PREVIEW Extend 1h 30m", extended()),
        ("/preview stop", Command::Stop),
        ("/preview\tSTOP\r", Command::Stop),
        ("/preview status", Command::Status),
        ("/preview help", Command::Help),
        ("/preview --help", Command::Help),
        ("/preview -h", Command::Help),
        ("/preview stop --help", Command::Help),
    ] {
        assert_eq!(understood(line), command, "{line:?}");
    }
}

#[test]
fn what_is_not_addressed_to_us_is_nothing() {
    for line in [
        "",
        "preview",
        "/previews",
        "/previews/1",
        "/preview-docs",
        "/preview.html",
        "/preview's page",
        "/review",
        "/view",
        "Type /preview",
        "> /preview",
        "- /preview",
        "# /preview",
        "$ /preview",
        "`/preview`",
        "**`/preview`**",
        "@mona",
        "@mona /preview is slow",
        "\"/preview\" is what you write",
        "\\preview is a package of LaTeX",
        "/ preview of the page",
        "\u{FFFC} /preview",
        "\u{FFFC}/preview",
        "\u{FFFC}",
    ] {
        assert_eq!(parse_line(line), None, "{line:?}");
    }
}

#[test]
fn what_is_nearly_addressed_to_us_gets_a_hint() {
    for (line, shown, meant) in [
        ("/preview, please", "/preview, please", "/preview"),
        ("/preview. It is slow", "/preview. It is slow", "/preview"),
        ("/preview,please", "/preview,please", "/preview"),
        ("/PREVIEW!", "/PREVIEW!", "/preview"),
        ("/preview, stop.", "/preview, stop.", "/preview stop"),
        ("/preview: stpo", "/preview: stpo", "/preview stop"),
        ("/preview: 2h", "/preview: 2h", "/preview --ttl 2h"),
        ("/preview, extend soon", "/preview, extend soon", "/preview extend <duration>"),
        ("\u{FDD2}/preview stop\u{FDD2}", "/preview stop", "/preview stop"),
        ("\u{FDD2} /preview", "/preview", "/preview"),
        ("@deploy-previews /preview", "@deploy-previews /preview", "/preview"),
        ("@a, @b: /preview help!", "@a, @b: /preview help!", "/preview help"),
        (":rocket: 🚀 /preview", ":rocket: 🚀 /preview", "/preview"),
        ("“/preview”", "“/preview”", "/preview"),
        ("//preview stop", "//preview stop", "/preview stop"),
        ("\\preview", "\\preview", "/preview"),
        ("／preview", "／preview", "/preview"),
        ("/ preview", "/ preview", "/preview"),
        ("/pre\u{200b}view", "/pre\u{200b}view", "/preview"),
        ("/prview", "/prview", "/preview"),
        ("/preveiw stop", "/preveiw stop", "/preview stop"),
    ] {
        let hint = Misunderstood::NearlyCommand { line: shown.to_owned(), did_you_mean: meant.to_owned() };
        assert_eq!(misunderstood(line), hint, "{line:?}");
    }
}

#[test]
fn what_nobody_sees_is_no_part_of_a_word() {
    for line in ["\u{200b}/preview stop", "/preview\u{feff} stop\u{200b}", "\u{2060} /preview stop"] {
        assert_eq!(understood(line), Command::Stop, "{line:?}");
    }
}

#[test]
fn a_typo_gets_a_hint_if_one_is_near() {
    for (line, hint) in [
        ("/preview exten 30m", Some("extend")),
        ("/preview Extnd 30m", Some("extend")),
        ("/preview stpo", Some("stop")),
        ("/preview stop.", Some("stop")),
        ("/preview stats", Some("status")),
        ("/preview 2h", Some("--ttl 2h")),
        ("/preview 1h 30m", Some("--ttl 1h30m")),
        ("/preview please", None),
        ("/preview to", None),
        ("/preview @mona", None),
        ("/preview \u{FFFC}", None),
    ] {
        let Misunderstood::UnknownCommand { did_you_mean, .. } = misunderstood(line) else {
            panic!("{line:?}: {:?}", misunderstood(line));
        };
        assert_eq!(did_you_mean.as_deref(), hint, "{line:?}");
    }
}

#[test]
fn a_wrong_argument_is_answered_with_what_is_allowed() {
    let words = |text: &str| text.to_owned();
    let extend = || words("/preview extend <duration>");
    let preview = || words("/preview [--ttl <duration>]");
    for (line, problem) in [
        ("/preview extend", Misunderstood::MissingArgument { usage: extend() }),
        ("/preview --ttl", Misunderstood::MissingArgument { usage: preview() }),
        ("/preview --ttl=", Misunderstood::MissingArgument { usage: preview() }),
        (
            "/preview --force 2h",
            Misunderstood::UnexpectedArgument { word: words("--force"), usage: preview() },
        ),
        (
            "/preview stop now",
            Misunderstood::UnexpectedArgument { word: words("now"), usage: words("/preview stop") },
        ),
        (
            "/preview extend soon",
            Misunderstood::BadDuration {
                word: words("soon"),
                reason: words("write it like 30m, 2h or 1h30m"),
            },
        ),
        (
            "/preview --ttl 1h or so",
            Misunderstood::BadDuration {
                word: words("1h or so"),
                reason: words("write it like 30m, 2h or 1h30m"),
            },
        ),
        (
            "/preview extend 99d",
            Misunderstood::BadDuration {
                word: words("99d"),
                reason: words("a duration is at least 1 second and at most 30 days"),
            },
        ),
        (
            "/preview extend \u{FFFC}",
            Misunderstood::BadDuration {
                word: words("…"),
                reason: words("write it like 30m, 2h or 1h30m"),
            },
        ),
    ] {
        assert_eq!(misunderstood(line), problem, "{line:?}");
    }
}

#[test]
fn every_row_of_the_table_is_true() {
    for form in COMMANDS {
        let filled_in = form.usage.replace("<duration>", "5m").replace(['[', ']'], "");
        let shortest = format!("/preview {}", form.verb);
        assert!(form.usage.starts_with(shortest.trim()), "{form:?}");
        for line in [form.example, &filled_in] {
            assert_eq!(understood(line).form().usage, form.usage, "{line}");
        }
    }
}

/// The table between these lines of `docs/commands.md` is ours; the rest is written by hand.
const PAGE_BEGIN: &str =
    "<!-- the table of commands, written by `UPDATE_DOCS=1 cargo test --workspace --lib commands_page` -->\n";
const PAGE_END: &str = "<!-- end of the table -->\n";

#[test]
fn the_commands_page_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let page = fs::read_to_string(&path).expect("docs/commands.md");
    let (before, rest) = page.split_once(PAGE_BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(PAGE_END).expect("where the table ends");
    let expected = format!("{before}{PAGE_BEGIN}{}{PAGE_END}{after}", page_table());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).expect("docs/commands.md can be written");
    } else {
        assert!(
            page == expected,
            "docs/commands.md is not what the table of commands says; write it anew with `UPDATE_DOCS=1 cargo test --workspace --lib commands_page`"
        );
    }
}

fn page_table() -> String {
    let rows = COMMANDS.iter().map(|form| {
        let mut written = format!("`{}`", form.usage);
        if form.example != form.usage {
            written += &format!("<br>for example `{}`", form.example);
        }
        format!("| {written} | {} | {} |\n", form.does, form.who_may)
    });
    let head = "| Comment | What it does | Who may |\n| --- | --- | --- |\n".to_owned();
    std::iter::once(head).chain(rows).collect()
}

fn any_ttl() -> impl Strategy<Value = Ttl> {
    (1..=30 * 86_400_u32).prop_map(|seconds| ttl(&format!("{seconds}s")))
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        prop::option::of(any_ttl()).prop_map(|ttl| Command::Preview { ttl }),
        any_ttl().prop_map(|by| Command::Extend { by }),
        Just(Command::Stop),
        Just(Command::Status),
        Just(Command::Help),
    ]
}

fn any_words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("extend".to_owned()),
        Just("stop".to_owned()),
        Just("--ttl".to_owned()),
        Just("—ttl=".to_owned()),
        Just("2h".to_owned()),
        Just("=".to_owned()),
        "\\PC{0,60}",
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_command_survives_its_text_form(command in any_command()) {
        prop_assert_eq!(parse_line(&command.to_string()), Some(Ok(command)));
    }

    #[test]
    fn case_makes_no_other_command(command in any_command()) {
        // But for the duration, which is not ours.
        let text = command.to_string();
        let verb = command.form().verb;
        let shouted = text.replace("/preview", "/PREVIEW").replace(verb, &verb.to_uppercase());
        prop_assume!(!verb.is_empty());
        prop_assert_eq!(parse_line(&shouted), Some(Ok(command)));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = parse_line(&text);
    }

    #[test]
    fn punctuation_behind_it_is_a_slip_and_letters_are_another_word(
        punctuation in "[,;:.!?]{1,3}", letters in "[_-]?[a-z0-9]{1,5}", words in "( [a-z]{1,9}){0,3}",
    ) {
        let is_hint = |line: &str| {
            matches!(parse_line(line), Some(Err(Misunderstood::NearlyCommand { did_you_mean, .. })) if did_you_mean.starts_with("/preview"))
        };
        let slip = format!("/preview{punctuation}{words}");
        prop_assert!(is_hint(&slip), "{}", slip);
        prop_assert_eq!(parse_line(&format!("/preview{letters}{words}")), None);
    }

    #[test]
    fn decoration_around_a_command_is_a_slip(
        command in any_command(), around in prop::sample::select(vec!["\u{FDD2}", "**", "\"", "_"]),
    ) {
        let line = format!("{around}{command}{around}");
        prop_assert_eq!(
            parse_line(&line),
            Some(Err(Misunderstood::NearlyCommand {
                line: line.replace('\u{FDD2}', ""),
                did_you_mean: command.to_string(),
            }))
        );
    }

    #[test]
    fn what_is_repeated_is_short(
        first in prop::sample::select(vec!["/preview ", "/preview, ", "@a /preview ", "**/preview "]), words in any_words(),
    ) {
        let Some(parsed) = parse_line(&format!("{first}{words}")) else {
            prop_assert_ne!(first, "/preview ");
            return Ok(());
        };
        if let Err(
            Misunderstood::NearlyCommand { line: word, .. }
            | Misunderstood::UnknownCommand { word, .. }
            | Misunderstood::UnexpectedArgument { word, .. }
            | Misunderstood::BadDuration { word, .. },
        ) = parsed
        {
            prop_assert!(!word.is_empty() && word.chars().count() <= 40, "{word}");
        }
    }

    #[test]
    fn one_wrong_letter_is_forgiven(row in 1..COMMANDS.len(), place in 0..20_usize, letter in "[a-z]") {
        let verb = COMMANDS[row].verb;
        let place = place % verb.len();
        let typo = format!("{}{letter}{}", &verb[..place], &verb[place + 1..]);
        prop_assume!(typo != verb);
        let Misunderstood::UnknownCommand { did_you_mean, .. } = misunderstood(&format!("/preview {typo}")) else {
            return Err(TestCaseError::fail(typo));
        };
        prop_assert_eq!(did_you_mean.as_deref(), Some(verb));
    }
}
