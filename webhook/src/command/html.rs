//! Finds the lines of a page that a reader sees as plain text.
//!
//! The page is what [`super::markdown`] makes of a comment: HTML in which every line that Markdown shows as
//! text at the left edge begins with [`LINE`]. Whether it is seen is for HTML to say: a comment may have
//! been opened in a quote, where Markdown ends with the quote what a browser reads on to its `-->`, and an
//! element hides what is in it until it is closed.

use std::collections::HashMap;

use domain::{MARKUP, NOT_TEXT};
use html5gum::{Token, Tokenizer};

/// Begins a line that Markdown shows as text at the left edge. No comment holds
/// it: it is no character of Unicode's.
pub(super) const LINE: char = '\u{FDD0}';
/// Stands for the line above a mail's signature. No comment holds it either.
pub(super) const SIGNATURE: char = '\u{FDD1}';

/// A paragraph of Markdown's. No comment can name an element like this one and the
/// two below: their names end with [`LINE`].
pub(super) const PARAGRAPH: &str = "p\u{FDD0}";
/// A part of a list or of a table of Markdown's. A line at the left edge only continues it.
pub(super) const PLAIN_BLOCK: &str = "li\u{FDD0}";
/// Whatever else Markdown puts text into: a quote, a heading, a block of code.
pub(super) const BLOCK: &str = "div\u{FDD0}";

/// How many elements may stand in each other. What is deeper, and what follows
/// it, is not read; browsers give up at 512.
pub(super) const DEPTH_MAX: usize = 256;

/// Elements that hold nothing, so that they need not be closed.
const VOID: &[&str] = &[
    "area", "base", "basefont", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta", "param",
    "source", "track", "wbr",
];

/// Elements that GitHub shows as such, so that one that is never closed holds the rest of the comment. Of all
/// others GitHub leaves out the tags and shows the text: `Vec<T>` or `<Button>` in a sentence hides nothing
/// of what follows. This is the list of GitHub's own `html-pipeline`.
const SHOWN: &[&str] = &[
    "a",
    "abbr",
    "b",
    "bdo",
    "blockquote",
    "caption",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "i",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "ul",
    "var",
];

/// The lines that are seen as plain text, in order, up to a signature. [`MARKUP`] and
/// [`NOT_TEXT`] stand in them for what is not plain.
pub(super) fn plain_lines(page: &str) -> Vec<String> {
    let tokens: Vec<Token> = Tokenizer::new(page).map(|Ok(token)| token).collect();
    let mut reader = Reader {
        last_end: last_ends(&tokens),
        open: Vec::new(),
        line: None,
        lines: Vec::new(),
    };
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::StartTag(tag) => reader.start(&tag.name, at),
            Token::EndTag(tag) => reader.end(&tag.name),
            Token::String(text) => {
                let text = String::from_utf8_lossy(text);
                let (text, signed) = match text.split_once(SIGNATURE) {
                    Some((before, _)) if !reader.is_in_an_element() => (before, true),
                    _ => (&*text, false),
                };
                reader.read(text);
                if signed {
                    break;
                }
            }
            Token::Comment(_) | Token::Doctype(_) => reader.push(MARKUP),
            Token::Error(_) => {}
        }
        if reader.open.len() > DEPTH_MAX {
            break;
        }
    }
    reader.finish();
    reader.lines
}

/// Where each element is closed for the last time.
fn last_ends(tokens: &[Token]) -> HashMap<&[u8], usize> {
    let mut ends = HashMap::new();
    for (at, token) in tokens.iter().enumerate() {
        if let Token::EndTag(tag) = token {
            ends.insert(tag.name.as_slice(), at);
        }
    }
    ends
}

/// What has been read of a page.
struct Reader<'a> {
    /// Where in the page each element is closed for the last time.
    last_end: HashMap<&'a [u8], usize>,
    /// The elements that are open, the innermost last.
    open: Vec<&'a [u8]>,
    /// The line that is being read, if it is one of those that begin with [`LINE`].
    line: Option<String>,
    lines: Vec<String>,
}

impl<'a> Reader<'a> {
    fn start(&mut self, name: &'a [u8], at: usize) {
        if is_markdowns(name) {
            self.finish();
        } else {
            self.push(MARKUP);
        }
        if name == PARAGRAPH.as_bytes() {
            // As in a browser: a new paragraph closes the one before it, unless its author closes it.
            while self.open.last().is_some_and(|open| *open == b"p") && !self.is_closed(b"p", at) {
                self.open.pop();
            }
        }
        let holds_what_follows = is_markdowns(name) || is_one_of(SHOWN, name) || self.is_closed(name, at);
        if holds_what_follows && !is_one_of(VOID, name) {
            self.open.push(name);
        }
    }

    fn end(&mut self, name: &[u8]) {
        if is_markdowns(name) {
            self.finish();
        } else {
            self.push(MARKUP);
        }
        let Some(place) = self.open.iter().rposition(|open| *open == name) else {
            return;
        };
        if name == PARAGRAPH.as_bytes() {
            // What was opened in a paragraph goes on behind it, as `<details>` in a sentence does.
            self.open.remove(place);
        } else {
            self.open.truncate(place);
        }
    }

    fn read(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                LINE => {
                    self.finish();
                    self.line = Some(String::new());
                }
                '\n' => self.finish(),
                _ if self.is_at_top_level() => self.push(character),
                _ => self.push(NOT_TEXT),
            }
        }
    }

    /// Adds to the line; whatever is not text only once in a row.
    fn push(&mut self, character: char) {
        if let Some(line) = &mut self.line
            && !(character == NOT_TEXT && line.ends_with(NOT_TEXT))
        {
            line.push(character);
        }
    }

    fn finish(&mut self) {
        self.lines.extend(self.line.take());
    }

    /// Is the element closed anywhere behind this place?
    fn is_closed(&self, name: &[u8], at: usize) -> bool {
        self.last_end.get(name).is_some_and(|end| *end > at)
    }

    fn is_in_an_element(&self) -> bool {
        self.open.iter().any(|name| !is_markdowns(name))
    }

    /// Nothing is open but what a lazily continued line of a list stands in.
    fn is_at_top_level(&self) -> bool {
        let shows_it_plainly = |name: &&[u8]| [PARAGRAPH.as_bytes(), PLAIN_BLOCK.as_bytes()].contains(name);
        self.open.iter().all(shows_it_plainly)
    }
}

fn is_markdowns(name: &[u8]) -> bool {
    [PARAGRAPH, PLAIN_BLOCK, BLOCK].iter().any(|ours| ours.as_bytes() == name)
}

fn is_one_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}
