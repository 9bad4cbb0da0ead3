//! What GitHub's published description says of a request, an answer or a
//! delivery, and where one departs from it.
//!
//! The description does not say everything that GitHub does: error answers that every call can
//! give (401, 403, 404, 429), rate limits and token scopes are not in it. Those are
//! hand-written in `rest/` and `limits.rs`.

mod arbitrary;
mod operation;
mod schema;
mod trim;

use std::{collections::HashMap, sync::LazyLock};

use serde_json::Value;

pub use arbitrary::{arbitrary_answer, arbitrary_payload, described_webhooks};
pub(crate) use operation::{Operation, PathParameters};
pub use trim::{REST_FILE, REST_PACKAGE, TrimError, WEBHOOKS_FILE, WEBHOOKS_PACKAGE, regenerate};

use schema::{Document, Schema};

/// Where the description is committed.
pub const DESCRIPTION_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/description");
/// The trimmed REST description, as committed.
const REST: &str = include_str!("../../description/api.github.com.json");
/// The trimmed webhook description, as committed.
const WEBHOOKS: &str = include_str!("../../description/webhooks.json");

/// Where the description contradicts itself and GitHub, and what it should say.
const ERRATA: &[(&str, &str)] = &[
    // Demands an `account` that is a user *and* an enterprise; the schema that
    // the other installation calls use says *or*.
    (
        "/paths/~1app~1installations/get/responses/200/content/application~1json/schema/items",
        "#/components/schemas/installation",
    ),
];

/// A departure from GitHub's published description.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The operation (`issues/create-comment`), webhook (`issue-comment-created`),
    /// or method and path if it is not described.
    pub operation: String,
    /// What departs: `request body`, `query parameter per_page`, `response 200`, `delivery` …
    pub part: String,
    /// JSON pointer to the offending value inside that part.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {} at {:?}: {}", self.operation, self.part, self.pointer, self.message)
    }
}

/// GitHub's description, ready to validate with. Each schema is compiled when it is first needed.
pub(crate) struct Description {
    operations: Vec<Operation>,
    basic_error: Schema,
    webhooks: HashMap<String, Schema>,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(Description::load);

impl Description {
    /// The committed description; parsed once in a process.
    pub(crate) fn get() -> &'static Self {
        &DESCRIPTION
    }

    fn load() -> Self {
        let mut rest: Value = serde_json::from_str(REST).expect("the committed description is JSON");
        for (pointer, right) in ERRATA {
            let wrong = rest.pointer_mut(pointer).expect("the erratum is still in the description");
            *wrong = serde_json::json!({ "$ref": right });
        }
        let rest = Document::openapi_3_0(rest);
        let webhooks: Value = serde_json::from_str(WEBHOOKS).expect("the committed description is JSON");
        let webhooks = Document::openapi_3_1(webhooks);
        let names: Vec<String> = webhooks.json()["webhooks"]
            .as_object()
            .expect("webhooks is an object")
            .keys()
            .cloned()
            .collect();
        Self {
            operations: operation::read_all(rest),
            basic_error: Schema::at(rest, "/components/schemas/basic-error"),
            webhooks: names
                .into_iter()
                .map(|name| {
                    let schema = Schema::at(
                        webhooks,
                        &format!("/webhooks/{name}/post/requestBody/content/application~1json/schema"),
                    );
                    (name, schema)
                })
                .collect(),
        }
    }

    /// The operation that a request asks for. `path` is below the API root and still percent-encoded.
    pub(crate) fn find(&self, method: &http::Method, path: &str) -> Option<(&Operation, PathParameters)> {
        self.operations
            .iter()
            .filter(|operation| operation.method == method)
            .find_map(|operation| operation.match_path(path).map(|parameters| (operation, parameters)))
    }

    /// What is wrong with an answer; nothing if it is as described.
    pub(crate) fn check_response(
        &self,
        operation: &Operation,
        status: u16,
        body: Option<&Value>,
    ) -> Vec<Violation> {
        let part = format!("response {status}");
        match (operation.responses.get(&status), body) {
            (Some(Some(schema)), Some(body)) => schema.check(&operation.id, &part, body),
            (Some(Some(_)), None) => {
                vec![operation.violation(&part, "the description demands a body")]
            }
            (Some(None), Some(_)) => {
                vec![operation.violation(&part, "the description has no body here")]
            }
            (Some(None), None) => Vec::new(),
            // GitHub does not repeat at each operation the answers that all of them can give.
            (None, Some(body))
                if matches!(status, 400 | 401 | 403 | 404 | 413 | 422 | 429) || status >= 500 =>
            {
                self.basic_error.check(&operation.id, &part, body)
            }
            (None, _) => vec![operation.violation(&part, "the description has no such status")],
        }
    }

    /// What is wrong with a webhook payload; `action` as in the payload.
    pub(crate) fn check_delivery(
        &self,
        event: &str,
        action: Option<&str>,
        payload: &Value,
    ) -> Vec<Violation> {
        let name = action
            .map_or_else(|| event.to_owned(), |action| format!("{event}_{action}"))
            .replace('_', "-");
        match self.webhooks.get(&name) {
            Some(schema) => schema.check(&name, "delivery", payload),
            None => vec![Violation {
                operation: name,
                part: "delivery".into(),
                pointer: String::new(),
                message: "no such webhook in the description".into(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> String {
        serde_json::from_str::<Value>(text).unwrap()[trim::SOURCE_KEY]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn committed_files_come_from_the_pinned_packages() {
        assert_eq!(source(REST), REST_PACKAGE);
        assert_eq!(source(WEBHOOKS), WEBHOOKS_PACKAGE);
    }

    #[test]
    fn every_schema_compiles() {
        let description = Description::get();
        for operation in &description.operations {
            operation.schemas().for_each(Schema::compile);
        }
        description.webhooks.values().for_each(Schema::compile);
        description.basic_error.compile();
    }

    #[test]
    fn a_wrong_answer_is_found_with_its_place() {
        let description = Description::get();
        let (operation, _) = description
            .find(&http::Method::POST, "/app/installations/1/access_tokens")
            .unwrap();
        // The drift that a hand-written mock of this call has had in public
        // code: no `expires_at`, 200 for 201.
        let body = serde_json::json!({"token": "ghs_x"});
        let found = description.check_response(operation, 201, Some(&body));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("expires_at"), "{found:?}");
        let found = description.check_response(operation, 200, Some(&body));
        assert_eq!(found[0].message, "the description has no such status");
    }

    #[test]
    fn a_wrong_delivery_is_found() {
        let found = Description::get().check_delivery(
            "issue_comment",
            Some("created"),
            &serde_json::json!({"action": "created"}),
        );
        assert!(found.iter().any(|violation| violation.message.contains("\"comment\"")), "{found:?}");
        assert_eq!(
            Description::get().check_delivery("star", Some("created"), &Value::Null)[0].operation,
            "star-created"
        );
    }
}
