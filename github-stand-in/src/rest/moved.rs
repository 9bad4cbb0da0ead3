//! Repositories that were renamed: requests under the old name are told the
//! address by number, and that address works too.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use crate::{model::Repository, shared::Shared};

/// Where a request's path leads.
pub(super) enum Located<'a> {
    /// To this path, with the repository's present name.
    Here(Cow<'a, str>),
    /// To another address, which the answer names.
    Elsewhere(Answer),
}

pub(super) fn locate<'a>(shared: &Shared, path: &'a str, query: Option<&str>) -> Located<'a> {
    let mut pieces = path.splitn(5, '/').skip(1);
    match (pieces.next(), pieces.next(), pieces.next(), pieces.next()) {
        (Some("repositories"), Some(id), first, more) => {
            let name = id.parse().ok().and_then(|id| {
                shared.read(|wire| wire.state.repository_by_id(id).map(Repository::full_name))
            });
            let rest = [first, more].into_iter().flatten();
            Located::Here(name.map_or(path.into(), |name| {
                rest.fold(format!("/repos/{name}"), |path, piece| path + "/" + piece).into()
            }))
        }
        (Some("repos"), Some(owner), Some(name), rest) => {
            match shared.read(|wire| wire.state.moved(owner, name)) {
                None => Located::Here(path.into()),
                Some(id) => {
                    let rest = rest.map_or(String::new(), |rest| format!("/{rest}"));
                    let query = query.map_or(String::new(), |query| format!("?{query}"));
                    let url = format!("{}/repositories/{id}{rest}{query}", shared.urls.api);
                    let mut answer = Answer::new(
                        StatusCode::MOVED_PERMANENTLY,
                        json!({
                            "message": "Moved Permanently",
                            "url": url,
                            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
                        }),
                    );
                    answer.headers.push(("location", url));
                    Located::Elsewhere(answer)
                }
            }
        }
        _ => Located::Here(path.into()),
    }
}
