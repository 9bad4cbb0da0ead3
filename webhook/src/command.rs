//! What does a comment ask us for?
//!
//! A command is a line of an ordinary paragraph whose first word is `/preview`. Whatever Markdown shows as something else is talk *about*
//! commands and runs nothing: quotes, code, headings, lists, tables, links, emphasis, HTML. A quoted reply or a README pasted into a comment
//! must never deploy. What the words of such a line mean is decided in [`workflows::vocabulary::parse_line`].

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use workflows::vocabulary::{Command, Misunderstood, NOT_TEXT, parse_line};

/// Longest comment that is read, in bytes. GitHub's limit is 65,536 characters of at most 4 bytes.
const COMMENT_MAX: usize = 262_144;
/// Commands that one comment may hold.
pub const COMMANDS_MAX: usize = 10;

/// The lines of a comment that are addressed to us, in order. Beyond [`COMMANDS_MAX`] there is one more, in place of all others, that says so.
#[must_use]
pub fn parse(markdown: &str) -> Vec<Result<Command, Misunderstood>> {
    if markdown.len() > COMMENT_MAX {
        return Vec::new();
    }
    let mut commands: Vec<_> = plain_lines(markdown)
        .iter()
        .filter_map(|line| parse_line(line))
        .take(COMMANDS_MAX + 1)
        .collect();
    if let Some(beyond) = commands.get_mut(COMMANDS_MAX) {
        *beyond = Err(Misunderstood::TooMany {
            at_most: COMMANDS_MAX,
        });
    }
    commands
}

/// The lines of the top-level paragraphs, with [`NOT_TEXT`] for whatever in them is not plain text.
fn plain_lines(markdown: &str) -> Vec<String> {
    let options = Options::ENABLE_GFM
        | Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut lines = Vec::new();
    let mut line: Option<String> = None;
    let mut depth = 0_usize;
    for (event, place) in Parser::new_ext(markdown, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                depth += 1;
                match (&mut line, tag) {
                    (None, Tag::Paragraph) if depth == 1 => line = Some(String::new()),
                    (Some(line), _) => line.push(NOT_TEXT),
                    (None, _) => {}
                }
            }
            Event::End(tag) => {
                depth -= 1;
                if depth == 0 && tag == TagEnd::Paragraph {
                    lines.extend(line.take());
                }
            }
            _ => {
                let Some(line) = line.as_mut() else { continue };
                match event {
                    Event::SoftBreak | Event::HardBreak if depth == 1 => {
                        lines.push(std::mem::take(line));
                    }
                    // Text that was written otherwise (`\/`, `&#47;`) or indented like code is meant to be read, not run.
                    Event::Text(text)
                        if depth == 1
                            && markdown[place.clone()] == *text
                            && !markdown[..place.start].ends_with('\\')
                            && !(line.is_empty() && is_indented(&markdown[..place.start])) =>
                    {
                        line.push_str(&text);
                    }
                    _ => line.push(NOT_TEXT),
                }
            }
        }
    }
    lines
}

/// Would what follows `before` be code, were it not for the paragraph it continues?
fn is_indented(before: &str) -> bool {
    let indentation = before.trim_end_matches([' ', '\t']).len();
    let indentation = &before[indentation..];
    indentation.len() >= 4 || indentation.contains('\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEPLOY: Result<Command, Misunderstood> = Ok(Command::Preview { ttl: None });

    #[test]
    fn people_write_it_like_this() {
        for comment in [
            "/preview",
            "/Preview",
            "/PREVIEW",
            "  /preview",
            "/preview   ",
            "/preview\r\n",
            "/preview\n\n\n",
            "Looks good to me.\n/preview",
            "Looks good to me.\n\n/preview\n\nThanks!",
            "> does this work?\n\nLet us see:\n\n/preview",
            "<!-- hidden -->\n\n/preview",
            "* one\n* two\n\n/preview",
            "\u{a0}/preview",
        ] {
            assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
        }
    }

    #[test]
    fn talking_about_it_runs_nothing() {
        for comment in [
            "",
            "Type /preview to see it",
            "> /preview",
            "> quoted\n/preview",
            "`/preview`",
            "```\n/preview\n```",
            "~~~\n/preview\n~~~",
            "```\n/preview",
            "    /preview",
            "\t/preview",
            "words\n    /preview",
            "# /preview",
            "/preview\n===",
            "/preview\n---",
            "- /preview",
            "1. /preview",
            "- [ ] /preview",
            "| a |\n|---|\n| /preview |",
            "/preview | b\n--- | ---",
            "[/preview](https://example.com)",
            "[a\n/preview\nb](https://example.com)",
            "![/preview](https://example.com/x.png)",
            "**/preview**",
            "*a\n/preview\nb*",
            "~~/preview~~",
            "<!-- /preview -->",
            "<!--\n\n/preview\n\n-->",
            "a <!--\n/preview\n--> b",
            "<div>\n/preview\n</div>",
            "[^1]\n\n[^1]: /preview",
            "\\/preview",
            "&#47;preview",
            "/previews",
            "/previewed it",
            "/preview.",
            "//preview",
            "/prev\u{200b}iew",
            "／preview",
            "preview",
        ] {
            assert_eq!(parse(comment), [], "{comment:?}");
        }
    }

    #[test]
    fn several_commands_keep_their_order() {
        let comment =
            "First\n/preview stop\nthen\n\n/preview exten 5m\n\n> /preview help\n\n/preview";
        let unknown = Misunderstood::UnknownCommand {
            word: "exten".to_owned(),
            did_you_mean: Some("extend".to_owned()),
        };
        assert_eq!(parse(comment), [Ok(Command::Stop), Err(unknown), DEPLOY]);
    }

    #[test]
    fn a_command_with_markup_behind_it_is_not_the_one_without() {
        for comment in [
            "/preview `x`",
            "/preview `stop`",
            "/preview **now**",
            "/preview *stop*",
            "/preview stop<br>",
            "/preview <!-- x -->",
            "/preview [stop](https://example.com)",
            "/preview \\--ttl 2h",
            "/preview st\\op",
            "/preview :rocket: `x`",
        ] {
            let [Err(_)] = parse(comment)[..] else {
                panic!("{comment:?} was read as {:?}", parse(comment));
            };
        }
    }

    #[test]
    fn what_is_too_much_for_one_comment_is_said() {
        let full = vec![DEPLOY; COMMANDS_MAX];
        let lines = |count| "/preview\n".repeat(count);
        assert_eq!(parse(&lines(COMMANDS_MAX)), full);
        for count in [COMMANDS_MAX + 1, 1000] {
            let parsed = parse(&lines(count));
            let (last, carried_out) = parsed.split_last().expect("lines");
            assert_eq!(carried_out, full);
            assert_eq!(
                *last,
                Err(Misunderstood::TooMany {
                    at_most: COMMANDS_MAX
                })
            );
        }
    }

    #[test]
    fn an_endless_comment_is_not_read() {
        let comment = format!("/preview\n\n{}", "x".repeat(COMMENT_MAX));
        assert_eq!(parse(&comment), []);
    }

    fn markdown() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/preview".to_owned()),
            Just("/preview stop".to_owned()),
            Just("/preview extend 30m".to_owned()),
            Just("\n".to_owned()),
            Just("\n\n".to_owned()),
            Just("> ".to_owned()),
            Just("- ".to_owned()),
            Just("    ".to_owned()),
            Just("```".to_owned()),
            Just("<!--".to_owned()),
            Just("-->".to_owned()),
            Just("[x](y)".to_owned()),
            Just("|".to_owned()),
            Just("\\".to_owned()),
            "[ -~\u{a0}é\u{1F600}]{0,8}",
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn no_markdown_makes_it_panic(text in markdown()) {
            let _ = parse(&text);
        }

        #[test]
        fn quoting_a_comment_runs_nothing_of_it(text in markdown()) {
            let quoted: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
            prop_assert_eq!(parse(&quoted.join("\n")), []);
        }

        #[test]
        fn indenting_a_comment_runs_nothing_of_it(text in markdown()) {
            let indented: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
            prop_assert_eq!(parse(&indented.join("\n")), []);
        }

        #[test]
        fn fencing_a_comment_runs_nothing_of_it(text in markdown()) {
            prop_assert_eq!(parse(&format!("~~~~\n{text}\n~~~~")), []);
        }

        #[test]
        fn a_paragraph_of_its_own_always_runs(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            prop_assert_eq!(parse(&format!("{before}\n\n/preview\n\n{after}")), [DEPLOY]);
        }

        #[test]
        fn there_are_never_more_than_allowed(text in markdown(), count in 0..30_usize) {
            let text = format!("{text}\n\n{}", "/preview\n".repeat(count));
            let understood = parse(&text).into_iter().filter(Result::is_ok).count();
            prop_assert!(understood <= COMMANDS_MAX);
        }
    }
}
