//! The commands that the pages for operators show. A test runs those of the blocks `sh`; those of the blocks
//! `sh not-run` make something at a vendor's, or need a machine that no test has. `console` shows a session.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// One block of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// What is typed, in Bash.
    pub text: String,
    /// A test runs it.
    pub is_run: bool,
}

/// The blocks of a page, in their order.
#[must_use]
pub fn of_page(page: &str) -> Vec<Commands> {
    let mut blocks: Vec<Commands> = Vec::new();
    let mut is_inside = false;
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let mut words = language.split_whitespace();
                is_inside = words.next() == Some("sh");
                if is_inside {
                    let is_run = words.next() != Some("not-run");
                    blocks.push(Commands { text: String::new(), is_run });
                }
            }
            Event::End(TagEnd::CodeBlock) => is_inside = false,
            Event::Text(text) if is_inside => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

/// What a test types of a page: all of its blocks that can be run, as one script.
#[must_use]
pub fn script(page: &str) -> String {
    let run = of_page(page).into_iter().filter(|block| block.is_run);
    run.map(|block| block.text).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files;

    /// The pages whose commands a conversation of `tests` runs, or `cargo dev compose`.
    const RUN: &[&str] = &[
        "docs/install/compose.md",
        "docs/install/README.md",
        "docs/install/ghes.md",
        "docs/runbooks/dead-letters.md",
        "docs/runbooks/github-limits.md",
        "docs/runbooks/key-rotation.md",
        "docs/runbooks/restore.md",
        "docs/runbooks/scaling.md",
        "docs/runbooks/stuck-namespace.md",
        "docs/runbooks/temporal-away.md",
        "docs/runbooks/upgrade.md",
    ];
    /// Blocks that no test runs, sessions included. There are to be fewer, not more.
    const NOT_RUN: usize = 11;

    fn pages() -> impl Iterator<Item = (String, String)> {
        let pages = files::with_extension("md")
            .filter(|file| ["docs/install", "docs/runbooks"].iter().any(|folder| file.starts_with(folder)));
        pages.map(|file| (file.display().to_string(), files::read(Path::new(&file))))
    }

    #[test]
    fn a_page_has_commands_that_are_run_and_such_that_are_not() {
        let page = "```sh\nhelm list\n```\n```yaml\na: 1\n```\n```sh not-run\ngcloud auth login\n```\n```sh\nhelm test\n```\n";
        assert_eq!(script(page), "helm list\nhelm test\n");
        assert_eq!(of_page(page).len(), 3);
    }

    #[test]
    fn whatever_an_operator_is_told_to_type_is_run_by_a_test_or_says_that_it_is_not() {
        let mut not_run = 0;
        for (file, page) in pages() {
            for line in page.lines().map(str::trim) {
                assert!(!["```bash", "```shell"].contains(&line), "{file}: use `sh` or `sh not-run`");
                not_run += usize::from(line == "```console");
            }
            let (run, others): (Vec<_>, Vec<_>) = of_page(&page).into_iter().partition(|it| it.is_run);
            not_run += others.len();
            assert!(run.is_empty() || RUN.contains(&file.as_str()), "{file}: no test runs its commands");
        }
        assert_eq!(not_run, NOT_RUN, "blocks that no test runs; more of them need a good reason");
    }
}
