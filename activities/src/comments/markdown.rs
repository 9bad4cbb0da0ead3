//! Foreign text as Markdown that shows it and does nothing else.
//!
//! Whatever people, pods or clusters wrote may hold Markdown, HTML, mentions that would ping people and
//! references that would mark other issues. What these functions give is on a single line, unless it is a
//! block.

use std::fmt;

use askama::filters::Escaper;
use domain::Login;
use url::Url;

use crate::printable::printable;

/// Invisible; breaks up what GitHub would otherwise recognise after Markdown has been
/// rendered, where a backslash does not help.
const ZERO_WIDTH_SPACE: char = '\u{200B}';
/// What stands for what was cut off.
const ELLIPSIS: char = '…';

/// The templates' escaper.
#[derive(Clone, Copy, Default)]
pub(crate) struct MarkdownEscaper;

impl Escaper for MarkdownEscaper {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        dest.write_str(&escape(&printable(text).replace(char::is_whitespace, " ")))
    }
}

/// Markdown that is safe to put into a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Markdown(String);

impl fmt::Display for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A sentence, cut to `max` characters. Names that it sets in `backticks` are shown as code.
pub(super) fn sentence(text: &str, max: usize) -> Markdown {
    let line = cut(&single_line(text), max);
    let parts: Vec<&str> = line.split('`').collect();
    // An odd number of backticks, or empty code, is no code at all.
    let has_code =
        parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|code| !code.trim().is_empty());
    if !has_code {
        return Markdown(escape(&line));
    }
    let rendered = parts.iter().enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => code(part, max).0,
    });
    Markdown(rendered.collect())
}

/// Literal text as inline code, cut to `max` characters.
pub(super) fn code(text: &str, max: usize) -> Markdown {
    let line = cut(single_line(text).trim(), max);
    if line.is_empty() {
        return Markdown(String::new());
    }
    let fence = "`".repeat(longest_run_of_backticks(&line) + 1);
    // One space on each side is not shown, and keeps a backtick at the edge apart from the fence.
    let space = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    Markdown(format!("{fence}{space}{line}{space}{fence}"))
}

/// An address as a link to itself; as code if it is longer than `max` characters,
/// or none that a browser should be led to.
pub(super) fn address(text: &str, max: usize) -> Markdown {
    match text.parse::<Url>() {
        // A parsed address has no spaces and no angle brackets left in it: it cannot end the link.
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.as_str().len() <= max => {
            Markdown(format!("<{url}>"))
        }
        _ => code(text, max),
    }
}

/// A person, who is told by GitHub that they are meant. Apps cannot be told anything.
pub(super) fn mention(login: &Login) -> Markdown {
    let name = escape(login.as_str());
    if login.as_str().contains('[') {
        Markdown(name)
    } else {
        Markdown(format!("@{name}"))
    }
}

/// Output of a program as a block, cut to its last `max` characters.
pub(super) fn block(text: &str, max: usize) -> Markdown {
    let text = printable(text);
    let surplus = text.chars().count().saturating_sub(max);
    let start = text.char_indices().nth(surplus).map_or(text.len(), |(index, _)| index);
    let kept = &text[start..];
    let fence = "`".repeat(longest_run_of_backticks(kept).max(2) + 1);
    Markdown(format!("{fence}text\n{}\n{fence}", kept.trim_end()))
}

fn escape(line: &str) -> String {
    const MARKS: &str = r"\`*_[]<>&~|$#";
    let mut escaped = String::with_capacity(line.len() * 2);
    for (index, character) in line.char_indices() {
        let rest = &line[index..];
        // GitHub makes links of `http://…` and `www.…` wherever they stand.
        let begins_an_address = rest.starts_with("://") || (character == '.' && ends_with(&escaped, "www"));
        if MARKS.contains(character) || begins_an_address {
            escaped.push('\\');
        }
        escaped.push(character);
        // `@name` pings; `#12` and `GH-12` mark another issue as mentioned.
        if matches!(character, '@' | '#') || ends_with(&escaped, "gh") {
            escaped.push(ZERO_WIDTH_SPACE);
        }
    }
    escaped
}

/// In whatever case.
fn ends_with(text: &str, word: &str) -> bool {
    text.len()
        .checked_sub(word.len())
        .is_some_and(|start| text.as_bytes()[start..].eq_ignore_ascii_case(word.as_bytes()))
}

fn single_line(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        text.to_owned()
    } else {
        text.chars().take(max.saturating_sub(1)).chain([ELLIPSIS]).collect()
    }
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        sentence(text, 500).to_string()
    }

    #[test]
    fn a_sentence_pings_nobody_links_nothing_and_formats_nothing() {
        assert_eq!(shown("ask @mona"), "ask @\u{200B}mona");
        assert_eq!(shown("see #12 or GH-12"), "see \\#\u{200B}12 or GH\u{200B}-12");
        assert_eq!(
            shown("<img src=x onerror=y> **b** [a](http://b)"),
            r"\<img src=x onerror=y\> \*\*b\*\* \[a\](http\://b)"
        );
        assert_eq!(shown("www.example.com ftp://a"), r"www\.example.com ftp\://a");
        assert_eq!(shown("line one\n# line two\r\n- three"), "line one \\#\u{200B} line two - three");
        assert_eq!(shown("\u{1b}[31mred\u{1b}[0m \u{202E}hidden\u{0}"), "red hidden");
    }

    #[test]
    fn names_in_backticks_are_code() {
        assert_eq!(shown("the container `web_1` ends"), "the container `web_1` ends");
        assert_eq!(shown("`@mona` and <b>"), r"`@mona` and \<b\>");
        assert_eq!(shown("one ` alone"), r"one \` alone");
        assert_eq!(shown("empty `` code"), r"empty \`\` code");
    }

    #[test]
    fn code_cannot_end_itself() {
        assert_eq!(code("a``b`", 50).to_string(), "``` a``b` ```");
        assert_eq!(code(" \n ", 50).to_string(), "");
    }

    #[test]
    fn a_block_cannot_end_itself_and_keeps_the_last_lines() {
        assert_eq!(
            block("````\n</details>\n@mona", 500).to_string(),
            "`````text\n````\n</details>\n@mona\n`````"
        );
        assert_eq!(block("first\nlast", 4).to_string(), "```text\nlast\n```");
    }

    #[test]
    fn only_what_a_browser_can_open_becomes_a_link() {
        let shown = |text| address(text, 50).to_string();
        assert_eq!(shown("https://a.example.com/x?y=<z>"), "<https://a.example.com/x?y=%3Cz%3E>");
        assert_eq!(shown("javascript:alert(1)"), "`javascript:alert(1)`");
        assert_eq!(shown("not an address"), "`not an address`");
    }

    #[test]
    fn people_are_mentioned_and_apps_are_named() {
        let shown = |login: &str| mention(&login.parse().expect("a login")).to_string();
        assert_eq!(shown("octo_cat"), r"@octo\_cat");
        assert_eq!(shown("preview[bot]"), r"preview\[bot\]");
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_line(text in "(?s).{0,300}") {
            for markdown in [sentence(&text, 200), code(&text, 200)] {
                prop_assert!(!markdown.0.contains(['\n', '\r']));
                prop_assert!(markdown.0.chars().count() <= 900);
            }
        }

        #[test]
        fn no_mention_survives_outside_of_code(text in "[a-z@#<> ]{0,60}") {
            let markdown = sentence(&text, 200).0;
            for (index, _) in markdown.match_indices(['@', '#']) {
                prop_assert!(markdown[index + 1..].starts_with(ZERO_WIDTH_SPACE));
            }
            prop_assert!(!markdown.replace("\\<", "").contains('<'));
        }

        #[test]
        fn no_address_survives_outside_of_code(text in "(www|http|ftp|\\.|:|/|//|W|a| ){0,30}") {
            let markdown = sentence(&text, 200).0.to_ascii_lowercase();
            prop_assert!(!markdown.contains("www."), "{}", markdown);
            prop_assert!(!markdown.replace("\\://", "…").contains("://"), "{}", markdown);
        }

        #[test]
        fn a_block_is_closed_by_its_last_line_only(text in "[`\na ]{0,120}") {
            let markdown = block(&text, 500).0;
            let fence: String = markdown.chars().take_while(|&c| c == '`').collect();
            prop_assert_eq!(markdown.matches(&fence).count(), 2);
        }
    }
}
