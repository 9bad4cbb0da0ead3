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
pub use trim::{
    PERMISSIONS_FILE, PERMISSIONS_PACKAGE, REST_FILE, REST_PACKAGE, TrimError, WEBHOOKS_FILE,
    WEBHOOKS_PACKAGE, regenerate,
};

use schema::{Document, Schema};

/// Where the description is committed.
pub const DESCRIPTION_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/description");
/// The trimmed REST description, as committed.
const REST: &str = include_str!("../../description/api.github.com.json");
/// The trimmed webhook description, as committed.
const WEBHOOKS: &str = include_str!("../../description/webhooks.json");

/// Which permissions calls need, as committed.
const PERMISSIONS: &str = include_str!("../../description/permissions.json");

/// What got lost between GitHub's page "Permissions required for GitHub Apps", a copy of which is in the
/// package, and the package's table.
const LOST_PERMISSIONS: &[(&str, &str)] =
    &[("GET /repos/{owner}/{repo}/collaborators/{username}/permission", "metadata=read")];

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
    /// By event, `issue_comment`: the permission without which no App may subscribe to it, `issues`.
    event_permissions: HashMap<String, String>,
    /// By permission, `issues`: the levels that there are of it.
    permission_levels: HashMap<String, Vec<String>>,
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
        let permissions: Value =
            serde_json::from_str(PERMISSIONS).expect("the committed description is JSON");
        let permission_levels = permission_levels(&rest);
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
            event_permissions: event_permissions(webhooks.json()),
            permission_levels,
            operations: operation::read_all(rest, &permissions["permissions"]),
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

    /// The permission without which no App may subscribe to an event; `None` if no App may.
    pub(crate) fn event_permission(&self, event: &str) -> Option<&str> {
        self.event_permissions.get(event).map(String::as_str)
    }

    /// Is there such a permission at such a level?
    pub(crate) fn knows_permission(&self, name: &str, level: &str) -> bool {
        let levels = self.permission_levels.get(name);
        levels.is_some_and(|levels| levels.iter().any(|known| known == level))
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

/// The permissions of which each suffices for an operation (`issues/create-comment`), as in
/// `issues=write`; none for what takes none, and for what the stand-in does not know.
#[must_use]
pub fn described_permissions(operation: &str) -> Vec<String> {
    let described = Description::get().operations.iter().find(|one| one.id == operation);
    described.map(|one| one.permissions.clone()).unwrap_or_default()
}

/// The permission without which no App may subscribe to an event (`issue_comment`); `None` if no App may, or
/// the stand-in does not know it.
#[must_use]
pub fn described_event_permission(event: &str) -> Option<&'static str> {
    Description::get().event_permission(event)
}

/// The levels are what the schema of a token's permissions lists.
fn permission_levels(rest: &Value) -> HashMap<String, Vec<String>> {
    let permissions = rest["components"]["schemas"]["app-permissions"]["properties"].as_object();
    let levels = |schema: &Value| {
        let levels = schema["enum"].as_array().into_iter().flatten();
        levels.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    permissions
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), levels(schema)))
        .collect()
}

/// In words, at the end of an event's summary: … must have at least read-level access for the "Pull requests"
/// repository permission.
fn event_permissions(webhooks: &Value) -> HashMap<String, String> {
    let all = webhooks["webhooks"].as_object().into_iter().flatten();
    all.filter_map(|(_, webhook)| {
        let webhook = &webhook["post"];
        let (_, event) = webhook["externalDocs"]["url"].as_str()?.rsplit_once('#')?;
        let (_, permission) = webhook["summary"]
            .as_str()?
            .split_once("at least read-level access for the \"")?;
        let (permission, _) = permission.split_once('"')?;
        Some((event.to_owned(), permission.to_lowercase().replace(' ', "_")))
    })
    .collect()
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
        assert_eq!(source(PERMISSIONS), PERMISSIONS_PACKAGE);
    }

    #[test]
    fn every_call_with_an_installations_token_needs_a_permission() {
        for operation in &Description::get().operations {
            let of_app = operation.id.starts_with("apps/");
            assert_eq!(operation.permissions.is_empty(), of_app, "{}", operation.id);
        }
        assert_eq!(described_permissions("issues/create-comment"), ["issues=write", "pull_requests=write"]);
        assert_eq!(described_permissions("repos/get-content"), ["contents=read", "single_file=read"]);
    }

    #[test]
    fn what_got_lost_is_still_lost() {
        let permissions: Value = serde_json::from_str(PERMISSIONS).unwrap();
        for (call, _) in LOST_PERMISSIONS {
            assert!(permissions["permissions"][call].is_null(), "{call} is there: LOST_PERMISSIONS can go");
        }
    }

    #[test]
    fn events_need_the_permissions_that_their_summaries_name() {
        assert_eq!(described_event_permission("issue_comment"), Some("issues"));
        assert_eq!(described_event_permission("pull_request"), Some("pull_requests"));
        assert_eq!(described_event_permission("installation"), None, "every App gets it");
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
