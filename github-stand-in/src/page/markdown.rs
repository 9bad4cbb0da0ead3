//! How Markdown is shown: as GitHub shows it, and as harmless.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::Builder;
use comrak::{Options, markdown_to_html};

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.shortcodes = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    // In comments, unlike in files, GitHub keeps line breaks.
    options.render.hardbreaks = true;
    // HTML is let through here and cleaned below.
    options.render.r#unsafe = true;
    options
});

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_tags(["input"])
        .add_tag_attributes("input", ["checked", "disabled"])
        .add_tag_attribute_values("input", "type", ["checkbox"])
        .add_tag_attributes("details", ["open"])
        .add_allowed_classes(
            "div",
            [
                "markdown-alert",
                "markdown-alert-note",
                "markdown-alert-tip",
                "markdown-alert-important",
                "markdown-alert-warning",
                "markdown-alert-caution",
            ],
        )
        .add_allowed_classes("p", ["markdown-alert-title"])
        .set_tag_attribute_value("a", "target", "_blank")
        .set_tag_attribute_value("input", "disabled", "")
        .link_rel(Some("noopener noreferrer nofollow"))
        .url_schemes(HashSet::from(["http", "https", "mailto"]));
    builder
});

/// Markdown as HTML that can stand in a page.
pub(super) fn render(markdown: &str) -> String {
    CLEANER.clean(&markdown_to_html(markdown, &OPTIONS)).to_string()
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn looks_as_on_github() {
        insta::assert_snapshot!(render("**Ready**: https://pr-1.preview.localhost\nuntil 12:30 :rocket:\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n- [x] done"), @r#"
        <p><strong>Ready</strong>: <a href="https://pr-1.preview.localhost" target="_blank" rel="noopener noreferrer nofollow">https://pr-1.preview.localhost</a><br>
        until 12:30 🚀</p>
        <table>
        <thead>
        <tr>
        <th>a</th>
        <th>b</th>
        </tr>
        </thead>
        <tbody>
        <tr>
        <td>1</td>
        <td><del>2</del></td>
        </tr>
        </tbody>
        </table>
        <ul>
        <li><input type="checkbox" checked="" disabled=""> done</li>
        </ul>
        "#);
    }

    #[test]
    fn hides_comments_and_defuses_scripts() {
        let shown = render(
            "<!-- preview: {\"id\": 1} -->\n<details><summary>Logs</summary>\n\n```\n<b>\n```\n</details>\n<script>alert(1)</script><img src=x onerror=alert(1)><a href=\"javascript:alert(1)\">x</a>",
        );
        insta::assert_snapshot!(shown.trim(), @r#"
        <details><summary>Logs</summary>
        <pre><code>&lt;b&gt;
        </code></pre>
        </details>
        <img src="x"><a target="_blank" rel="noopener noreferrer nofollow">x</a>
        "#);
    }
}
