use proptest::prelude::*;

use super::*;

const DEPLOY: Result<Command, Misunderstood> = Ok(Command::Preview { ttl: None });

/// What is said about a line that is nearly a command.
fn hint(line: &str, did_you_mean: &str) -> Result<Command, Misunderstood> {
    Err(Misunderstood::NearlyCommand { line: line.to_owned(), did_you_mean: did_you_mean.to_owned() })
}

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
        "Looks good to me.\r\n/preview\r\nThanks!",
        "Looks good to me.\n\n/preview\n\nThanks!",
        "> does this work?\n\nLet us see:\n\n/preview",
        "<!-- hidden -->\n\n/preview",
        "<!-- hidden -->\n/preview",
        "* one\n* two\n\n/preview",
        "| a |\n|---|\n| b |\n\n/preview",
        "On Tue, 3 Mar 2026 at 10:12, Mona <mona@example.com> wrote:\n> Shall we?\n\n/preview",
        "/preview\n\nOn Tue, 3 Mar 2026 at 10:12, Mona wrote:\n> /preview stop\n> it",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
}

#[test]
fn what_nobody_sees_does_not_matter() {
    for comment in [
        "\u{a0}/preview",
        "\u{200b}/preview",
        "\u{feff}/preview",
        "\u{2060}\u{200e}/preview",
        "Look:\n\u{200b} /preview",
        "/preview\u{200b}",
        "/preview \u{200b}",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
    assert_eq!(parse("/preview\u{200b} \u{200b}stop"), [Ok(Command::Stop)]);
}

#[test]
fn a_line_that_only_continues_a_list_is_one_of_its_own() {
    for comment in [
        "- [ ] docs\n/preview",
        "- [x] docs\n- [ ] tests\n/preview",
        "* one\n* two\n/preview",
        "1. one\n/preview",
        "1. one\n  /preview",
        "-   one\n  /preview",
        "- one\n  - two\n/preview",
        "- one\n\n- two\n/preview",
        "- one\n\n  more\n/preview",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
    for comment in [
        "- one\n  /preview",
        "- one\n   /preview",
        "1. one\n   /preview",
        "- one\n  - two\n  /preview",
        "- one\n\n  /preview",
        "- one\n\t/preview",
        "- > one\n/preview",
        "> - one\n/preview",
        "- `one\n/preview`",
    ] {
        assert_eq!(parse(comment), [], "{comment:?}");
    }
}

#[test]
fn a_line_below_a_picture_is_one_of_its_own() {
    for comment in [
        "<img src=\"https://example.com/x.png\">\n/preview",
        "<img width=\"3\" alt=\"a > b\" src=\"https://example.com/x.png\" />\r\n/preview",
        "<img\nsrc=\"https://example.com/x.png\"\n>\n/preview",
        "![x](https://example.com/x.png)\n/preview",
        "<br>\n/preview",
        "<BR/>\n/preview",
        "<hr>\n/preview",
        "Look:\n<img src=x>\n/preview\n<img src=y>",
        "<img src=x>\n<img src=y>\n/preview\nThanks!",
        "<img src=x>\n> a quote\n/preview",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
    for comment in [
        "<img src=\"x\n/preview\n\">",
        "<img src=x>\n> /preview",
        "<img src=x>\n- /preview",
        "<img src=x>\n# /preview",
        "<img src=x>\n`/preview`",
        "<img src=x>\n    /preview",
        "<img src=x>\n\t/preview",
        "<img src=x>\n```\n/preview\n```",
        "<img src=x>\n~~~\n/preview\n```\n/preview\n~~~",
        "<img src=x>\n&#47;preview",
        "<img src=x>\n&gt; /preview",
    ] {
        assert_eq!(parse(comment), [], "{comment:?}");
    }
}

#[test]
fn a_signature_ends_a_comment_and_makes_no_heading() {
    for comment in [
        "/preview\r\n-- \r\nSent from a phone",
        "/preview\n-- \nSent from a phone",
        "/preview\n--\nSent from a phone\n\n/preview stop",
        "Looks good!\n\n/preview\n\n-- \n/preview stop",
        "- [ ] docs\n/preview\n--\n/preview stop",
        "<img src=x>\n/preview\n--\n/preview stop",
        "/preview\n\n> a quote\n-- \n/preview stop",
        "/preview\n\n| a |\n|---|\n-- \n/preview stop",
        "```\n--\n```\n/preview",
        "<!--\n--\n-->\n\n/preview",
        "<details>\n\nOne\n--\nTwo\n\n</details>\n\n/preview",
        "> --\n\n/preview",
        "---\n/preview",
        "--- \n\n/preview",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
    for comment in ["/preview\n---", "/preview\n==", "/preview\n -- ", "-- \n/preview"] {
        assert_eq!(parse(comment), [], "{comment:?}");
    }
}

#[test]
fn talking_about_it_runs_nothing() {
    for comment in [
        "",
        "Type /preview to see it",
        "> /preview",
        "> quoted\n/preview",
        "> [!NOTE]\n> /preview",
        "`/preview`",
        "`a\n/preview\nb`",
        "```\n/preview\n```",
        "~~~\n/preview\n~~~",
        "```\n/preview",
        "    /preview",
        "\t/preview",
        "words\n    /preview",
        "# /preview",
        "\u{feff}# /preview",
        "/preview\n===",
        "- /preview",
        "1. /preview",
        "- [ ] /preview",
        "| a |\n|---|\n| /preview |",
        "/preview | b\n--- | ---",
        "a | b\n--- | ---\n/preview | deploys\n/preview stop | stops",
        "[/preview](https://example.com)",
        "[a\n/preview\nb](https://example.com)",
        "![/preview](https://example.com/x.png)",
        "![a\n/preview\nb](https://example.com/x.png)",
        "~~/preview~~",
        "[^1]\n\n[^1]: /preview",
        "\\/preview",
        "&#47;preview",
        "&gt; /preview",
        "/previews",
        "/previewed it",
        "/preview-docs are here",
        "/preview/12 is slow",
        "/preview.html is slow",
        "/review",
        "preview",
        "# @mona /preview",
        "> **/preview**",
        "- /preview, please",
    ] {
        assert_eq!(parse(comment), [], "{comment:?}");
    }
}

#[test]
fn what_is_hidden_runs_nothing() {
    for comment in [
        "<!-- /preview -->",
        "<!--\n\n/preview\n\n-->",
        "a <!--\n/preview\n--> b",
        "Looks good!\n\n> <!--\n/preview stop\n> -->",
        "- <!--\n\n/preview stop\n\n-->",
        "- <!--\n\n/preview stop",
        "> <div title=\"\n\n/preview\n\n> \">",
        "<div>\n/preview\n</div>",
        "<blockquote>\n\n/preview stop\n\n</blockquote>",
        "<details>\n\n/preview\n\n</details>",
        "<details>\n<summary>Log</summary>\n\n/preview\n\n</details>",
        "<details>\n\n- a list\n/preview\n\n</details>",
        "<details>\n<img src=x>\n/preview\n</details>",
        "<details><summary>\n\n/preview",
        "Have a look at the <details>\n\n/preview",
        "<p align=\"center\">\n\n/preview\n\n</p>",
        "<p align=\"center\">\n  <img src=x>\n/preview\n</p>",
        "<ul><li>\n\n/preview\n\n</li></ul>",
        "<b>/preview</b>",
        "<b>\n\n/preview\n\n</b>",
        "Note this: <b>\n\n/preview",
        "<my-element>\n\n/preview\n\n</my-element>",
        "<pre>\n/preview\n</pre>",
        "<script>\n\n/preview\n\n</script>",
        "<?\n/preview\n?>",
        "<![CDATA[\n/preview\n]]>",
        "<!DOCTYPE\n/preview\n>",
    ] {
        assert_eq!(parse(comment), [], "{comment:?}");
    }
}

#[test]
fn what_is_closed_hides_no_longer() {
    for comment in [
        "<details><summary>Log</summary>\n\n/preview stop\n\n</details>\n\n/preview",
        "<details><summary>Log</summary>text</details>\n/preview",
        "<details>\n\n<details>\n\n/preview stop\n\n</details>\n\n/preview stop\n\n</details>\n/preview",
        "<p align=\"center\">\n  <img src=x>\n</p>\n/preview",
        "<p align=\"center\"><a href=x><img src=x></a></p>\n\n/preview",
        "<p>\n\n/preview",
        "> <details>\n> and so on\n\n/preview",
        "- <details>\n  and so on\n\n/preview",
        "- one\n\n  <!-- two -->\n\n/preview",
        "<a href=x><img src=x></a>\n/preview",
        "A `Vec<T>`, a Vec<T>, a <placeholder> and an <e@mail.example>\n\n/preview",
        "The <Button> is too small.\n/preview",
        "if a <b then\n\n/preview",
        "</div>\n/preview",
    ] {
        assert_eq!(parse(comment), [DEPLOY], "{comment:?}");
    }
}

#[test]
fn what_is_nearly_a_command_gets_a_hint() {
    for (comment, line, meant) in [
        ("/preview, please", "/preview, please", "/preview"),
        ("/preview.", "/preview.", "/preview"),
        ("/preview!\nThanks", "/preview!", "/preview"),
        ("**/preview**", "/preview", "/preview"),
        ("**/preview stop**", "/preview stop", "/preview stop"),
        ("*a\n/preview\nb*", "/preview", "/preview"),
        ("_/preview_", "/preview", "/preview"),
        ("**/preview", "**/preview", "/preview"),
        ("<img src=x>\n**/preview**", "**/preview**", "/preview"),
        ("<img src=x> /preview", "/preview", "/preview"),
        ("<!-- x -->/preview", "/preview", "/preview"),
        ("![x](https://example.com) /preview", "/preview", "/preview"),
        ("<a href=x><img src=x></a> /preview", "/preview", "/preview"),
        ("@deploy-previews /preview", "@deploy-previews /preview", "/preview"),
        ("Hi\n@a @b: /preview --ttl 2h\nBye", "@a @b: /preview --ttl 2h", "/preview --ttl 2h"),
        ("\u{1F680} /preview", "\u{1F680} /preview", "/preview"),
        (":rocket: /preview", ":rocket: /preview", "/preview"),
        ("\"/preview\"", "\"/preview\"", "/preview"),
        ("//preview", "//preview", "/preview"),
        ("\\preview", "\\preview", "/preview"),
        ("／preview", "／preview", "/preview"),
        ("/ preview stop", "/ preview stop", "/preview stop"),
        ("/prev\u{200b}iew", "/prev\u{200b}iew", "/preview"),
        ("/preveiw extend 30m", "/preveiw extend 30m", "/preview extend 30m"),
        ("- [ ] docs\n/preview!", "/preview!", "/preview"),
        ("| a |\n|---|\n| b |\n/preview", "/preview", "/preview"),
        ("/preview.\n-- \n/preview stop.", "/preview.", "/preview"),
    ] {
        assert_eq!(parse(comment), [hint(line, meant)], "{comment:?}");
    }
}

#[test]
fn one_comment_gets_one_hint() {
    let comment = "/preview.\n\n@mona /preview\n\n/preview\n\n**/preview stop**";
    assert_eq!(parse(comment), [hint("/preview.", "/preview"), DEPLOY]);
}

#[test]
fn several_commands_keep_their_order() {
    let comment = "First\n/preview stop\nthen\n\n/preview exten 5m\n\n> /preview help\n\n/preview";
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
        "/preview <b>stop</b>",
        "/preview [stop](https://example.com)",
        "/preview [](https://example.com)",
        "/preview ![x](https://example.com)",
        "/preview \\--ttl 2h",
        "/preview st\\op",
        "/preview st&#111;p",
        "/preview :rocket: `x`",
        "<img src=x>\n/preview st&#111;p",
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
        assert_eq!(*last, Err(Misunderstood::TooMany { at_most: COMMANDS_MAX }));
    }
}

#[test]
fn an_endless_comment_is_not_read() {
    let comment = format!("/preview\n\n{}", "x".repeat(COMMENT_MAX));
    assert_eq!(parse(&comment), []);
}

#[test]
fn what_stands_too_deep_is_not_read() {
    for nested in ["<div>\n\n", "<b a>", "> ", "- "] {
        let comment = format!("{}/preview\n\n/preview", nested.repeat(COMMENT_MAX / 16));
        assert!(parse(&comment).len() <= 1, "{nested:?}");
    }
}

/// Words that no markup is in, on one line.
fn words() -> impl Strategy<Value = String> {
    "[A-Z][a-z]{0,8}( [a-z]{1,8}){0,4}[.!?]?"
}

/// Paragraphs of such lines.
fn prose() -> impl Strategy<Value = String> {
    let paragraph = prop::collection::vec(words(), 1..3).prop_map(|lines| lines.join("\n"));
    prop::collection::vec(paragraph, 0..3).prop_map(|paragraphs| paragraphs.join("\n\n"))
}

/// Lines that would be answered if they were seen as plain text at the left edge.
fn addressed() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "/preview",
        "/preview stop",
        "/preview extend 30m",
        "/preview exten 30m",
        "/preview, please",
        "**/preview**",
        "@deploy-previews /preview",
    ]);
    (prose(), prop::collection::vec(line, 1..4), prose(), "\n{1,2}").prop_map(
        |(before, lines, after, gap)| {
            [before, lines.join(&gap), after]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("\n\n")
        },
    )
}

/// A way to show text as something else than plain text at the left edge.
type Wrap = fn(&str) -> String;

fn each_line(text: &str, first: &str, others: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(at, line)| [if at == 0 { first } else { others }, line].concat());
    lines.collect::<Vec<_>>().join("\n")
}

fn fence(text: &str, mark: char) -> String {
    let longest = (3..).find(|length| !text.contains(&mark.to_string().repeat(*length)));
    let fence = mark.to_string().repeat(longest.unwrap_or(3));
    format!("{fence}\n{text}\n{fence}")
}

/// Ways that can be in each other.
const WRAPS: [Wrap; 19] = [
    |text| each_line(text, "> ", "> "),
    |text| each_line(text, "> [!NOTE]\n> ", "> "),
    |text| each_line(text, "- ", "  "),
    |text| each_line(text, "12. ", "    "),
    |text| each_line(text, "* [ ] ", "  "),
    |text| each_line(text, "    ", "    "),
    |text| each_line(text, "\t", "\t"),
    |text| fence(text, '`'),
    |text| fence(text, '~'),
    |text| format!("<details>\n\n{text}\n\n</details>"),
    |text| format!("<details open><summary>Log</summary>\n\n{text}\n\n</details>"),
    |text| format!("<blockquote>\n\n{text}\n\n</blockquote>"),
    |text| format!("<DIV align='center'>\n\n{text}\n\n</DIV>"),
    |text| format!("<p align=\"center\">\n\n{text}\n\n</p>"),
    |text| format!("<table><tr><td>\n\n{text}\n\n</td></tr></table>"),
    |text| format!("<b>\n\n{text}\n\n</b>"),
    |text| format!("<span>\n\n{text}\n\n</span>"),
    |text| format!("<my-element>\n\n{text}\n\n</my-element>"),
    |text| format!("<section>\n\n<hr>\n\n{text}\n\n</section>"),
];

/// Ways that can be in others, with nothing but lines in them, and that end.
const CORES: [Wrap; 9] = [
    |text| format!("<!--\n{text}\n-->"),
    |text| format!("See <!--\n{}\n--> above.", text.replace("\n\n", "\n")),
    |text| format!("<div>\n{}\n</div>", text.replace("\n\n", "\n")),
    |text| format!("<pre>\n{text}\n</pre>"),
    |text| format!("<img alt=\"\n{}\n\">", text.replace("\n\n", "\n")),
    |text| each_line(&text.replace("\n\n", "\n"), "## ", "## "),
    |text| each_line(&text.replace("\n\n", "\n"), "- ", "- "),
    |text| format!("[{}](https://example.com)", text.replace("\n\n", "\n")),
    |text| format!("~~{}~~", text.replace("\n\n", "\n")),
];

/// Ways that reach to the end of the comment.
const ENDLESS: [Wrap; 8] = [
    |text| format!("> <!--\n\n{text}\n\n> -->"),
    |text| format!("- <!--\n\n{text}\n\n-->"),
    |text| format!("- <div title=\"\n\n{text}\n\n\">"),
    |text| format!("~~~~~~\n{text}"),
    |text| format!("<details>\n\n{text}"),
    |text| format!("See <details>\n\n{text}"),
    |text| format!("<div><b></i>\n\n{text}"),
    |text| format!("-- \n{text}"),
];

/// Something addressed to us in one to four wraps.
fn wrapped() -> impl Strategy<Value = String> {
    let wraps = |ways: &'static [Wrap], count: std::ops::Range<usize>| {
        prop::collection::vec(prop::sample::select(ways), count)
    };
    let ways =
        prop_oneof![(wraps(&CORES, 1..2), wraps(&WRAPS, 0..4)), (wraps(&CORES, 0..1), wraps(&WRAPS, 1..4)),];
    (addressed(), ways).prop_map(|(text, (core, around))| {
        let ways = core.into_iter().chain(around);
        ways.fold(text, |text, wrap| wrap(&text))
    })
}

/// What a command can stand below, without an empty line between.
fn what_leaves_a_line_alone() -> impl Strategy<Value = String> {
    let list = (
        prop::sample::select(vec!["- ", "* ", "+ ", "1. ", "23) ", "- [ ] ", "* [x] ", "-    "]),
        prop::sample::select(vec!["", " ", "   "]),
        prop::collection::vec(words(), 1..3),
    )
        .prop_map(|(bullet, indentation, items)| {
            let bullet = [indentation, bullet].concat();
            each_line(&items.join("\n"), &bullet, &bullet)
        });
    let nested = (words(), words()).prop_map(|(outer, inner)| format!("- {outer}\n  - {inner}"));
    let void = prop::sample::select(vec![
        "<img src=\"https://example.com/x.png\">",
        "<img width=\"1\" alt=\"a > b\" src='x' />",
        "<IMG SRC=x>",
        "<br>",
        "<br/>",
        "<hr>",
        "<wbr>",
        "![x](https://example.com/x.png)",
        "<img src=x>\n<br>",
        "Look: <img src=x>",
        "<details><summary>Log</summary>text</details>",
        "<p align=\"center\">\n<img src=x>\n</p>",
        "<!-- hidden -->",
        "Vec<T>",
    ]);
    prop_oneof![words(), list, nested, void.prop_map(str::to_owned), Just(String::new())]
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/preview",
            "/preview stop",
            "/preview extend 30m",
            "/preview,",
            "@a /preview",
            "\n",
            "\n\n",
            "\r\n",
            "\t",
            "> ",
            "- ",
            "1. ",
            "- [ ] ",
            "    ",
            "```",
            "~~~",
            "`",
            "**",
            "_",
            "~~",
            "# ",
            "\n--\n",
            "\n-- \n",
            "\n---\n",
            "\n===\n",
            "<!--",
            "-->",
            "<",
            ">",
            "</",
            "<div>",
            "</div>",
            "<p>",
            "</p>",
            "<details>",
            "</details>",
            "<b>",
            "</b>",
            "<img src=\"",
            "\">",
            "<br>",
            "<T>",
            "<pre>",
            "<script>",
            "<?",
            "<![CDATA[",
            "&lt;",
            "&#47;",
            "[x](y)",
            "[^1]",
            "[^1]: ",
            "![",
            "|",
            "|---|\n",
            "\\",
            "\u{FEFF}",
            "\u{200b}",
            "\u{FDD0}",
            "\u{FDD1}",
            "\u{FDD2}",
            "\u{FFFC}",
        ])
        .prop_map(str::to_owned),
        "[ -~\u{a0}é\u{1F600}]{0,8}",
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
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
        prop_assert_eq!(parse(&fence(&text, '~')), []);
    }

    #[test]
    fn what_is_shown_as_something_else_runs_nothing(
        before in prose(), text in wrapped(), after in prose(), mail in any::<bool>(),
    ) {
        let comment = format!("{before}\n\n{text}\n\n{after}");
        let comment = if mail { comment.replace('\n', "\r\n") } else { comment };
        prop_assert_eq!(parse(&comment), []);
    }

    #[test]
    fn what_is_never_closed_reaches_to_the_end(
        before in prose(), text in addressed(), way in 0..ENDLESS.len(), wrap in 0..=WRAPS.len(),
    ) {
        let text = WRAPS.get(wrap).map_or(text.clone(), |wrap| wrap(&text));
        prop_assert_eq!(parse(&format!("{before}\n\n{}\n\n/preview", ENDLESS[way](&text))), []);
    }

    #[test]
    fn what_follows_it_runs(before in prose(), text in wrapped(), after in prose()) {
        let comment = format!("{before}\n\n{text}\n\n/preview\n\n{after}");
        prop_assert_eq!(parse(&comment), [DEPLOY]);
    }

    #[test]
    fn plain_text_at_the_left_edge_runs(
        before in prose(),
        above in what_leaves_a_line_alone(),
        indentation in " {0,3}",
        invisible in "[\u{200b}\u{a0}\u{2060}]{0,2}",
        signature in prop::sample::select(vec!["", "\n-- \nMona", "\n--\nMona\n\n/preview stop"]),
        after in prose(),
        mail in any::<bool>(),
    ) {
        // Below a list, a line that is indented belongs to it.
        let is_list = above.trim_start().starts_with(['-', '*', '+', '1', '2']);
        let indentation = if is_list { "" } else { &indentation };
        let comment = format!("{before}\n\n{above}\n{indentation}{invisible}/preview{signature}\n\n{after}");
        let comment = if mail { comment.replace('\n', "\r\n") } else { comment };
        prop_assert_eq!(parse(&comment), [DEPLOY]);
    }

    #[test]
    fn what_is_nearly_one_gets_one_hint_there(
        above in what_leaves_a_line_alone(),
        lines in prop::collection::vec(
            prop::sample::select(vec!["/preview, please", "**/preview**", "@mona /preview", "//preview", "/preview."]),
            1..4,
        ),
    ) {
        let comment = format!("{above}\n{}", lines.join("\n"));
        let parsed = parse(&comment);
        prop_assert!(
            matches!(&parsed[..], [Err(Misunderstood::NearlyCommand { did_you_mean, .. })] if did_you_mean == "/preview"),
            "{:?}",
            parsed
        );
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
