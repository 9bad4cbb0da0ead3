//! Turns a comment's Markdown into a page.
//!
//! HTML, as far as it matters for [`super::html`]: the author's own HTML as it was written, what
//! Markdown puts around it, and the lines of text, each behind a [`LINE`] if it stands at the left edge.
//! Of other text there is only that it was there.

use std::ops::Range;

use domain::{MARKUP, NOT_TEXT};
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::html::{BLOCK, DEPTH_MAX, LINE, PARAGRAPH, PLAIN_BLOCK, SIGNATURE};

/// How far a line of text may be indented, in columns. From there on it is code, or
/// would be, were it not for what it continues.
const INDENTATION_MAX: usize = 3;

/// The page that a comment makes.
pub(super) fn page(comment: &str) -> String {
    let source = readable(comment);
    let options = Options::ENABLE_GFM
        | Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut page = Page {
        source: &source,
        html: String::new(),
        inside: Vec::new(),
        begins_line: false,
        fence: None,
    };
    for (event, place) in Parser::new_ext(&source, options).into_offset_iter() {
        page.add(event, &place);
        if page.inside.len() > DEPTH_MAX {
            break;
        }
    }
    page.html
}

/// The comment with one kind of line end, without what no person writes, and with [`SIGNATURE`] for the line
/// above a mail's signature, which Markdown would take for the underline of a heading.
fn readable(comment: &str) -> String {
    let text = comment
        .trim_start_matches('\u{FEFF}')
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace([LINE, SIGNATURE], "\u{FFFD}");
    let lines = text.split('\n').map(|line| match line {
        "--" | "-- " => SIGNATURE.to_string(),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What text stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Paragraph,
    /// The parts of a list or of a table hold its text.
    ListOrTable,
    /// Lines that begin left of this column do not belong to the item, and only continue its paragraph.
    Item {
        column: usize,
    },
    /// A row of a table, but for the first.
    Row,
    Cell,
    /// The author's own HTML, outside of paragraphs.
    Html,
    Emphasis,
    /// A link, or what was struck out.
    OtherInline,
    Picture,
    Code,
    /// A quote, a heading, a footnote, the first row of a table.
    OtherBlock,
}

impl Inside {
    /// The element that the page has for it.
    fn element(self) -> Option<&'static str> {
        match self {
            Self::Paragraph => Some(PARAGRAPH),
            Self::Item { .. } | Self::Row => Some(PLAIN_BLOCK),
            Self::OtherBlock => Some(BLOCK),
            _ => None,
        }
    }

    fn is_inline(self) -> bool {
        matches!(self, Self::Emphasis | Self::OtherInline | Self::Picture)
    }

    /// Can text in it be plain, if the line stands at the left edge?
    fn can_be_plain(self) -> bool {
        matches!(
            self,
            Self::Paragraph | Self::ListOrTable | Self::Item { .. } | Self::Row | Self::Cell | Self::Emphasis
        )
    }
}

struct Page<'a> {
    source: &'a str,
    html: String,
    inside: Vec<Inside>,
    /// What comes next is the first thing on its line.
    begins_line: bool,
    /// The fence that is open in the author's own HTML.
    fence: Option<&'static str>,
}

impl Page<'_> {
    fn add(&mut self, event: Event<'_>, place: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, place.start),
            Event::End(_) => self.end(),
            Event::Html(html) => html.split_inclusive('\n').for_each(|line| self.html(line)),
            Event::SoftBreak | Event::HardBreak => self.line_ends(),
            Event::Rule => {}
            inline => {
                self.begin_line(place.start);
                self.inline(&inline, place);
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>, at: usize) {
        let inside = match tag {
            Tag::Paragraph => Inside::Paragraph,
            Tag::List(_) | Tag::Table(_) => Inside::ListOrTable,
            Tag::Item => Inside::Item { column: self.column_of_content(at) },
            Tag::TableRow => Inside::Row,
            Tag::TableCell => Inside::Cell,
            Tag::HtmlBlock => Inside::Html,
            Tag::Emphasis | Tag::Strong => Inside::Emphasis,
            Tag::Image { .. } => Inside::Picture,
            Tag::Link { .. } | Tag::Strikethrough | Tag::Superscript | Tag::Subscript => Inside::OtherInline,
            Tag::CodeBlock(_) => Inside::Code,
            _ => Inside::OtherBlock,
        };
        if inside.is_inline() {
            self.begin_line(at);
            self.html.push(MARKUP);
        } else if inside == Inside::Cell {
            self.html.push('\n');
        } else {
            self.line_ends();
        }
        if let Some(name) = inside.element() {
            self.html.extend(["<", name, ">"]);
        }
        self.inside.push(inside);
    }

    fn end(&mut self) {
        let Some(inside) = self.inside.pop() else {
            return;
        };
        if inside.is_inline() {
            self.html.push(MARKUP);
        } else {
            self.fence = None;
        }
        if let Some(name) = inside.element() {
            self.html.extend(["</", name, ">"]);
        }
    }

    fn line_ends(&mut self) {
        if !self.inside.contains(&Inside::Picture) {
            self.html.push('\n');
            self.begins_line = true;
        }
    }

    /// Marks the line if this is the first thing on it.
    fn begin_line(&mut self, at: usize) {
        if !std::mem::take(&mut self.begins_line) || !self.can_be_plain() {
            return;
        }
        let start = self.start_of_line(at);
        let items = self.inside.iter().filter_map(|inside| match inside {
            Inside::Item { column } => Some(*column),
            _ => None,
        });
        let room = items.fold(INDENTATION_MAX + 1, usize::min);
        let indentation = &self.source[start..at];
        if indentation.len() >= room || indentation.contains(|c| c != ' ') {
            return;
        }
        if self.inside.contains(&Inside::Row) {
            // Whatever stands below a table without an empty line between is a row of it. Nobody
            // who has a row in mind leaves out all bars.
            let line = self.source[start..].lines().next().unwrap_or_default();
            if !line.contains('|') {
                self.html.extend([LINE, MARKUP]);
            }
        } else {
            self.html.push(LINE);
        }
    }

    fn inline(&mut self, event: &Event<'_>, place: &Range<usize>) {
        if self.inside.contains(&Inside::Picture) || self.inside.contains(&Inside::Code) {
            return;
        }
        match event {
            Event::InlineHtml(html) => self.html += &as_written(html),
            Event::Text(text) if text.contains(SIGNATURE) => self.html.push(SIGNATURE),
            Event::Text(text) if self.can_be_plain() && self.is_written_plainly(text, place) => {
                if self.inside.contains(&Inside::Emphasis) {
                    self.html.push(MARKUP);
                }
                self.html += &escaped(text);
            }
            _ => self.html.push(NOT_TEXT),
        }
    }

    /// One line of the author's own HTML. Markdown shows what is text in it as it stands. It means
    /// nothing by a fence there, but its author does.
    fn html(&mut self, line: &str) {
        let text = line.trim_start_matches(' ');
        let is_indented = line.len() - text.len() > INDENTATION_MAX || text.starts_with('\t');
        let fence = ["```", "~~~"].into_iter().find(|fence| text.starts_with(fence));
        if self.inside == [Inside::Html] && !is_indented && fence.or(self.fence).is_none() {
            self.html.push(LINE);
        }
        match (self.fence, fence) {
            (None, fence) => self.fence = fence,
            (open, fence) if open == fence => self.fence = None,
            _ => {}
        }
        self.html += &as_written(line);
    }

    fn can_be_plain(&self) -> bool {
        self.inside.iter().all(|inside| inside.can_be_plain())
    }

    /// Text that was written otherwise (`\/`, `&#47;`) is meant to be read, not run.
    fn is_written_plainly(&self, text: &str, place: &Range<usize>) -> bool {
        self.source[place.clone()] == *text && !self.source[..place.start].ends_with('\\')
    }

    fn start_of_line(&self, at: usize) -> usize {
        self.source[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The column in which what belongs to a list's item begins, by its bullet or number.
    fn column_of_content(&self, at: usize) -> usize {
        let line = self.source[at..].lines().next().unwrap_or_default();
        let after_number = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        let after_bullet = after_number.get(1..).unwrap_or_default();
        let content = after_bullet.trim_start_matches(' ');
        let spaces = match after_bullet.len() - content.len() {
            // Five are one, and four of an indented block of code.
            1..=4 if !content.is_empty() => after_bullet.len() - content.len(),
            _ => 1,
        };
        let bullet = at - self.start_of_line(at) + line.len() - after_bullet.len();
        bullet + spaces
    }
}

/// The author's HTML. An entity in it is no plain text, and in a tag none is of interest.
fn as_written(html: &str) -> String {
    html.replace('&', &NOT_TEXT.to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
