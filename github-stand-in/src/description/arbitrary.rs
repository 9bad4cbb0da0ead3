//! For tests of readers: something that GitHub may send, according to its own description.
//!
//! What the description leaves open is decided by a tape of bytes. Its end, and each zero
//! on it, mean the fullest instance: everything that may be there is there, nothing is
//! null. So proptest shrinks to the one odd field.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

static REST: LazyLock<Value> = LazyLock::new(|| parse(super::REST));
static WEBHOOKS: LazyLock<Value> = LazyLock::new(|| parse(super::WEBHOOKS));

fn parse(description: &str) -> Value {
    serde_json::from_str(description).expect("the committed description is JSON")
}

/// A body that GitHub may answer an operation (`issues/create-comment`) with, under this status.
///
/// # Panics
/// When there is no such operation, or it has no such answer with a JSON body.
#[must_use]
pub fn arbitrary_answer(operation: &str, status: u16, tape: &[u8]) -> Value {
    let paths = REST["paths"].as_object().expect("paths is an object");
    let described = paths
        .values()
        .flat_map(|path| path.as_object().expect("a path is an object").values())
        .find(|described| described["operationId"] == operation)
        .unwrap_or_else(|| panic!("{operation} is not described"));
    let content = &described["responses"][status.to_string()]["content"];
    instance(&REST, &content["application/json"]["schema"], tape)
}

/// The webhooks that are described, by event and action: `issue-comment-created` and its like.
pub fn described_webhooks() -> impl Iterator<Item = &'static str> {
    let webhooks = WEBHOOKS["webhooks"].as_object().expect("webhooks is an object");
    webhooks.keys().map(String::as_str)
}

/// A payload that GitHub may send to one of the [`described_webhooks`].
///
/// # Panics
/// When there is no such webhook.
#[must_use]
pub fn arbitrary_payload(webhook: &str, tape: &[u8]) -> Value {
    let content = &WEBHOOKS["webhooks"][webhook]["post"]["requestBody"]["content"];
    instance(&WEBHOOKS, &content["application/json"]["schema"], tape)
}

fn instance(document: &Value, schema: &Value, tape: &[u8]) -> Value {
    assert!(schema.is_object(), "the description has no such body");
    Instances { document, tape: tape.iter() }.of(schema)
}

struct Instances<'a> {
    document: &'a Value,
    tape: std::slice::Iter<'a, u8>,
}

impl Instances<'_> {
    fn decide(&mut self, alternatives: usize) -> usize {
        let byte = self.tape.next().copied().unwrap_or_default();
        usize::from(byte) % alternatives
    }

    /// One time in four, as it is about hundreds of fields.
    fn is_left_out(&mut self) -> bool {
        self.decide(4) == 1
    }

    fn of(&mut self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("within the document");
            let document = self.document;
            return self.of(document.pointer(pointer).expect("what is referred to"));
        }
        let may_be_null = schema["nullable"] == true || types(schema).contains(&"null");
        if may_be_null && self.is_left_out() {
            return Value::Null;
        }
        if let Some(one) = schema["enum"].as_array() {
            return one[self.decide(one.len())].clone();
        }
        for alternatives in ["oneOf", "anyOf"] {
            if let Some(alternatives) = schema[alternatives].as_array() {
                let chosen = self.decide(alternatives.len());
                return self.of(&alternatives[chosen]);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Value::Null;
            parts.iter().for_each(|part| merge(&mut whole, self.of(part)));
            return whole;
        }
        match types(schema).into_iter().find(|kind| *kind != "null") {
            Some("string") => string(schema),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(self.decide(2) == 1),
            Some("array") => (0..self.decide(3)).map(|_| self.of(&schema["items"])).collect(),
            None if schema["properties"].is_null() => Value::Null,
            _ => self.object(schema),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut object = Map::new();
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.iter().any(|one| one == name.as_str());
            if is_required || !self.is_left_out() {
                object.insert(name.clone(), self.of(property));
            }
        }
        object.into()
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

fn string(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("uri") => json!("https://github.com/octo-org/hello-world"),
        Some("date-time") => json!("2026-01-02T03:04:05Z"),
        _ => json!("x"),
    }
}

fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        // A part that says nothing of it.
        (_, Value::Null) => {}
        // The later part says it more exactly.
        (whole, part) => *whole = part,
    }
}
