//! Does a comment ask us for something?
//!
//! A command is a line of an ordinary paragraph whose first word is `/preview`. Whatever Markdown shows as something else is talk *about*
//! commands and runs nothing: quotes, code, headings, lists, tables, links, emphasis, HTML. A quoted reply or a README pasted into a comment
//! must never deploy.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The word that a command begins with, in any case: phones like to capitalise.
const PREFIX: &str = "/preview";
/// Longest comment that is read, in bytes. GitHub's limit is 65,536 characters of at most 4 bytes.
const COMMENT_MAX: usize = 262_144;
/// Stands for anything that is not plain text. No word with it is one of ours.
const NOT_TEXT: char = '\u{FFFC}';

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Deploy the newest commit.
    Preview,
}

/// What a comment is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// No line of it is addressed to us.
    Nothing,
    /// Its first line that is addressed to us is one we understand.
    Run(Command),
    /// Its first line that is addressed to us is not.
    Unknown,
}

/// Every form that a command has: what follows the prefix, and what it means.
const COMMANDS: &[(&[&str], Command)] = &[(&[], Command::Preview)];

impl Command {
    /// The command as one word, for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
        }
    }
}

/// Reads a comment.
#[must_use]
pub fn parse(markdown: &str) -> Parsed {
    if markdown.len() > COMMENT_MAX {
        return Parsed::Nothing;
    }
    plain_lines(markdown)
        .iter()
        .find_map(|line| parse_line(line))
        .unwrap_or(Parsed::Nothing)
}

fn parse_line(line: &str) -> Option<Parsed> {
    let mut words = line.split_whitespace();
    if !words.next()?.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let arguments: Vec<&str> = words.collect();
    let command = COMMANDS.iter().find(|(form, _)| {
        form.len() == arguments.len()
            && form
                .iter()
                .zip(&arguments)
                .all(|(word, argument)| argument.eq_ignore_ascii_case(word))
    });
    Some(command.map_or(Parsed::Unknown, |(_, command)| Parsed::Run(*command)))
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

    const RUN: Parsed = Parsed::Run(Command::Preview);

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
            "/preview\n/preview",
            "* one\n* two\n\n/preview",
            "\u{a0}/preview",
        ] {
            assert_eq!(parse(comment), RUN, "{comment:?}");
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
            assert_eq!(parse(comment), Parsed::Nothing, "{comment:?}");
        }
    }

    #[test]
    fn a_command_with_an_argument_is_not_the_one_without() {
        for comment in [
            "/preview stop",
            "/preview please",
            "/preview 30m",
            "/preview `x`",
            "/preview **now**",
            "/preview <!-- x -->",
            "/preview @mona",
            "/preview stop\n/preview",
        ] {
            assert_eq!(parse(comment), Parsed::Unknown, "{comment:?}");
        }
    }

    #[test]
    fn an_endless_comment_is_not_read() {
        let comment = format!("/preview\n\n{}", "x".repeat(COMMENT_MAX));
        assert_eq!(parse(&comment), Parsed::Nothing);
    }

    fn markdown() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/preview".to_owned()),
            Just("/preview stop".to_owned()),
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
            prop_assert_eq!(parse(&quoted.join("\n")), Parsed::Nothing);
        }

        #[test]
        fn indenting_a_comment_runs_nothing_of_it(text in markdown()) {
            let indented: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
            prop_assert_eq!(parse(&indented.join("\n")), Parsed::Nothing);
        }

        #[test]
        fn fencing_a_comment_runs_nothing_of_it(text in markdown()) {
            prop_assert_eq!(parse(&format!("~~~~\n{text}\n~~~~")), Parsed::Nothing);
        }

        #[test]
        fn a_paragraph_of_its_own_always_runs(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            prop_assert_eq!(parse(&format!("{before}\n\n/preview\n\n{after}")), RUN);
        }
    }
}
