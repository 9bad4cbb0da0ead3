//! Lists that come in pages, with GitHub's `Link` header.

use serde_json::Value;

use super::{answer::Answer, call::Call};

/// Items of a page, unless asked otherwise.
const DEFAULT_PAGE: usize = 30;
/// The most that can be asked for.
const LARGEST_PAGE: usize = 100;

/// `per_page`, within GitHub's bounds.
pub(super) fn page_size(call: &Call<'_>) -> usize {
    call.query("per_page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_PAGE)
        .clamp(1, LARGEST_PAGE)
}

/// The page of `items` that `page` and `per_page` ask for.
pub(super) fn page(call: &Call<'_>, items: Vec<Value>) -> Answer {
    let (size, total) = (page_size(call), items.len());
    let number: usize = call.query("page").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let last = total.div_ceil(size).max(1);
    let shown: Vec<Value> = items.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    let mut links = Vec::new();
    if number > 1 {
        links.push((number.min(last + 1) - 1, "prev"));
    }
    if number < last {
        links.push((number + 1, "next"));
        links.push((last, "last"));
    }
    if number > 1 {
        links.push((1, "first"));
    }
    let links = links
        .into_iter()
        .map(|(number, relation)| link(call, ("page", &number.to_string()), relation));
    with_links(Answer::ok(shown.into()), &links.collect::<Vec<_>>())
}

/// An answer with a `Link` header, if there is something to link to.
pub(super) fn with_links(answer: Answer, links: &[String]) -> Answer {
    if links.is_empty() {
        answer
    } else {
        answer.with_header("link", links.join(", "))
    }
}

/// One entry of a `Link` header: this request with one parameter replaced.
pub(super) fn link(call: &Call<'_>, replaced: (&str, &str), relation: &str) -> String {
    let mut path = call.shared.urls.api.clone();
    path += &call.operation.path_of(&call.path);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.iter().filter(|(name, _)| name != replaced.0) {
        query.append_pair(name, value);
    }
    query.append_pair(replaced.0, replaced.1);
    format!("<{path}?{}>; rel=\"{relation}\"", query.finish())
}
