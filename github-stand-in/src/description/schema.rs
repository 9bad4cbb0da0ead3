//! How a schema of an OpenAPI document becomes a JSON Schema validator.

use std::sync::OnceLock;

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Map, Value, json};

use super::Violation;

/// A violation's message quotes the offending value; a 60 kB comment body would drown the reason.
const LONGEST_MESSAGE: usize = 400;

/// An OpenAPI document whose parts can be compiled one by one.
pub(super) struct Document {
    json: Value,
    registry: Registry<'static>,
    draft: Draft,
}

/// The address under which a document refers to itself; never fetched.
const DOCUMENT_URI: &str = "urn:github-description";

impl Document {
    /// OpenAPI 3.0 has its own dialect: `nullable` instead of a null type, and
    /// `$ref` hides its siblings (as in draft 7).
    pub(super) fn openapi_3_0(json: Value) -> &'static Self {
        Self::new(null_as_a_type(json), Draft::Draft7)
    }

    /// OpenAPI 3.1 is JSON Schema 2020-12.
    pub(super) fn openapi_3_1(json: Value) -> &'static Self {
        Self::new(json, Draft::Draft202012)
    }

    /// Leaked on purpose: the two documents live as long as the process, and the validators borrow from them.
    fn new(json: Value, draft: Draft) -> &'static Self {
        let registry = Registry::new()
            .draft(draft)
            .add(DOCUMENT_URI, json.clone())
            .and_then(jsonschema::RegistryBuilder::prepare)
            .expect("the committed description refers to nothing outside itself");
        Box::leak(Box::new(Self { json, registry, draft }))
    }

    pub(super) fn json(&self) -> &Value {
        &self.json
    }
}

/// One schema of a document.
pub(super) struct Schema {
    document: &'static Document,
    pointer: String,
    validator: OnceLock<Validator>,
}

impl Schema {
    pub(super) fn at(document: &'static Document, pointer: &str) -> Self {
        Self {
            document,
            pointer: pointer.to_owned(),
            validator: OnceLock::new(),
        }
    }

    fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| {
            // In a URI fragment the braces of a path template are percent-encoded.
            let fragment = self.pointer.replace('{', "%7B").replace('}', "%7D");
            jsonschema::options()
                .with_draft(self.document.draft)
                .with_registry(&self.document.registry)
                .should_validate_formats(true)
                .with_format("uri", is_address)
                .build(&json!({"$ref": format!("{DOCUMENT_URI}#{fragment}")}))
                .unwrap_or_else(|error| {
                    panic!("the committed description does not compile at {}: {error}", self.pointer)
                })
        })
    }

    #[cfg(test)]
    pub(super) fn compile(&self) {
        self.validator();
    }

    pub(super) fn check(&self, operation: &str, part: &str, value: &Value) -> Vec<Violation> {
        self.validator()
            .iter_errors(value)
            .map(|error| Violation {
                operation: operation.to_owned(),
                part: part.to_owned(),
                pointer: error.instance_path().to_string(),
                message: shortened(&error.to_string()),
            })
            .collect()
    }
}

/// GitHub says "" where there is no address, and its templated ones are not marked as addresses.
fn is_address(text: &str) -> bool {
    text.is_empty() || url::Url::parse(text).is_ok()
}

fn shortened(message: &str) -> String {
    if message.chars().count() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    // The reason follows the quoted value, so the end is worth more than the beginning.
    let characters: Vec<char> = message.chars().collect();
    let half = LONGEST_MESSAGE / 2;
    let (head, tail) = (&characters[..half], &characters[characters.len() - half..]);
    format!("{} … {}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// `{"type": "string", "nullable": true}` → `{"type": ["string", "null"]}`; schemas
/// without a type become `anyOf [it, null]`.
fn null_as_a_type(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(null_as_a_type).collect(),
        Value::Object(map) => {
            let mut map: Map<String, Value> =
                map.into_iter().map(|(key, value)| (key, null_as_a_type(value))).collect();
            if map.get("nullable") != Some(&Value::Bool(true)) {
                return map.into();
            }
            map.remove("nullable");
            if let Some(Value::Array(values)) = map.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            match map.get("type") {
                Some(Value::String(name)) => {
                    let types = json!([name, "null"]);
                    map.insert("type".into(), types);
                    map.into()
                }
                _ => json!({"anyOf": [map, {"type": "null"}]}),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_becomes_a_type() {
        assert_eq!(
            null_as_a_type(json!({"type": "string", "nullable": true})),
            json!({"type": ["string", "null"]})
        );
        assert_eq!(
            null_as_a_type(json!({"type": "string", "enum": ["a"], "nullable": true})),
            json!({"type": ["string", "null"], "enum": ["a", null]})
        );
        assert_eq!(
            null_as_a_type(json!({"items": {"allOf": [{"$ref": "#/x"}], "nullable": true}})),
            json!({"items": {"anyOf": [{"allOf": [{"$ref": "#/x"}]}, {"type": "null"}]}})
        );
        // A field that happens to be called so is left alone.
        assert_eq!(
            null_as_a_type(json!({"properties": {"nullable": {"type": "boolean"}}})),
            json!({"properties": {"nullable": {"type": "boolean"}}})
        );
    }
}
