//! Placeholders in texts: `{host}`, `{image.web}`.
//!
//! A placeholder is a name between one brace and one brace. Whatever else braces are for stays as it is:
//! two of them are Helm's, or another template's, also around a name that we know.

/// A text, taken apart.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// Its name, and how it is written.
    Placeholder {
        name: &'a str,
        written: &'a str,
    },
}

/// The text with the placeholders whose names are known. What is filled in is not looked at again.
pub(super) fn fill<'k>(text: &str, known: impl Fn(&str) -> Option<&'k str>) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        filled.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Placeholder { name, written } => known(name).unwrap_or(written),
        });
    }
    filled
}

/// The names of the placeholders in a text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Placeholder { name, .. } => Some(name),
    })
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut told = 0;
    for (start, _) in text.match_indices('{') {
        let Some(name) = name_behind(text, start) else {
            continue;
        };
        let end = start + name.len() + "{}".len();
        pieces.push(Piece::Text(&text[told..start]));
        pieces.push(Piece::Placeholder { name, written: &text[start..end] });
        told = end;
    }
    pieces.push(Piece::Text(&text[told..]));
    pieces
}

/// The name of the placeholder that begins with the brace at `start`, if one does.
fn name_behind(text: &str, start: usize) -> Option<&str> {
    let behind = &text[start + 1..];
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let name = &behind[..behind.find(|c| !is_name(c))?];
    let is_single = !text[..start].ends_with('{')
        && behind[name.len()..].starts_with('}')
        && !behind[name.len() + 1..].starts_with('}');
    (is_single && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> Option<&'static str> {
        match name {
            "host" => Some("pr-12.example.com"),
            "pr" => Some("12"),
            "branch" => Some("{pr}"),
            "image.web" => Some("registry.example.com/web:1"),
            _ => None,
        }
    }

    #[test]
    fn names_in_single_braces_are_filled_in_and_all_other_braces_stay() {
        for (text, filled) in [
            ("{host}", "pr-12.example.com"),
            ("api-{host}:{pr}", "api-pr-12.example.com:12"),
            ("{pr}{pr}", "1212"),
            ("{image.web}", "registry.example.com/web:1"),
            ("{\"pr\": \"{pr}\"}", "{\"pr\": \"12\"}"),
            // What was filled in is no template.
            ("{branch}", "{pr}"),
            ("{{host}}", "{{host}}"),
            ("{{ .Values.host }}", "{{ .Values.host }}"),
            ("{{{host}}}", "{{{host}}}"),
            ("{{ x }}{host}", "{{ x }}pr-12.example.com"),
            ("${{host}", "${{host}"),
            ("{host}}", "{host}}"),
            ("{unknown} {Host} { host } {}", "{unknown} {Host} { host } {}"),
            ("{host", "{host"),
            ("größer {", "größer {"),
        ] {
            assert_eq!(fill(text, known), filled, "{text}");
        }
        assert_eq!(names("{a} {{b}} {c.d}").collect::<Vec<_>>(), ["a", "c.d"]);
    }

    proptest! {
        #[test]
        fn a_text_that_names_nothing_known_stays_as_it_is(text in r"([{}]|[a-z.]{0,4}| |ü){0,12}") {
            prop_assert_eq!(fill(&text, |_| None), text);
        }

        #[test]
        fn between_two_braces_nothing_is_filled_in(before in "[a-z ]{0,4}", after in "[a-z ]{0,4}") {
            for text in [format!("{before}{{{{host}}}}{after}"), format!("{before}{{{{ .Values.host }}}}{after}")] {
                prop_assert_eq!(fill(&text, known), text);
            }
        }

        #[test]
        fn between_single_braces_it_always_is(before in "[^{}]{0,8}", after in "[^{}]{0,8}") {
            prop_assert_eq!(
                fill(&format!("{before}{{host}}{after}"), known),
                format!("{before}pr-12.example.com{after}")
            );
        }
    }
}
