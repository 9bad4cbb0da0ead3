//! One call of the REST API: how its requests look.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{
    LOST_PERMISSIONS, Violation,
    schema::{Document, Schema},
};

/// Values of the `{…}` parts of a path, decoded.
pub(crate) type PathParameters = BTreeMap<String, String>;

/// A described call.
pub(crate) struct Operation {
    /// GitHub's name for it, `issues/create-comment`.
    pub(crate) id: String,
    pub(crate) method: Method,
    /// The documentation page, which error answers name.
    pub(crate) documentation_url: String,
    /// By status; `None` for an answer without JSON body.
    /// Of these each suffices, `issues=write`. None: what takes no token of an installation.
    pub(crate) permissions: Vec<String>,
    pub(super) responses: BTreeMap<u16, Option<Schema>>,
    path: Vec<Segment>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
}

enum Segment {
    Literal(String),
    Variable(String),
}

struct Parameter {
    name: String,
    in_path: bool,
    /// May its value hold slashes that are not escaped (`contents/{path}`)?
    spans_slashes: bool,
    required: bool,
    kind: Option<String>,
    schema: Schema,
}

struct Body {
    required: bool,
    schema: Schema,
}

/// All operations of a document, those with the most literal path first, so
/// that the first match is the right one.
pub(super) fn read_all(document: &'static Document, permissions: &Value) -> Vec<Operation> {
    let paths = document.json()["paths"].as_object().expect("paths is an object");
    let mut operations: Vec<Operation> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path item is an object");
            methods
                .keys()
                .map(move |method| Operation::read(document, path, method, permissions))
        })
        .collect();
    operations.sort_by_key(|operation| {
        operation
            .path
            .iter()
            .filter(|segment| matches!(segment, Segment::Variable(_)))
            .count()
    });
    operations
}

impl Operation {
    fn read(document: &'static Document, path: &str, method: &str, permissions: &Value) -> Self {
        let pointer = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
        let json = document.json().pointer(&pointer).expect("just listed");
        let (body_pointer, body) = resolve(document, format!("{pointer}/requestBody"));
        Self {
            id: json["operationId"].as_str().unwrap_or_default().to_owned(),
            method: method.to_ascii_uppercase().parse().expect("OpenAPI's methods are HTTP's"),
            documentation_url: json["externalDocs"]["url"]
                .as_str()
                .unwrap_or("https://docs.github.com/rest")
                .to_owned(),
            permissions: needed(permissions, &format!("{} {path}", method.to_uppercase())),
            path: path
                .trim_start_matches('/')
                .split('/')
                .map(|segment| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) => Segment::Variable(name.to_owned()),
                    None => Segment::Literal(segment.to_owned()),
                })
                .collect(),
            parameters: (0..json["parameters"].as_array().map_or(0, Vec::len))
                .map(|index| Parameter::read(document, &format!("{pointer}/parameters/{index}")))
                .collect(),
            body: json_schema(document, &body_pointer, body)
                .map(|schema| Body { required: body["required"] == Value::Bool(true), schema }),
            responses: json["responses"]
                .as_object()
                .expect("responses is an object")
                .keys()
                .filter_map(|status| {
                    let (pointer, response) = resolve(document, format!("{pointer}/responses/{status}"));
                    Some((status.parse().ok()?, json_schema(document, &pointer, response)))
                })
                .collect(),
        }
    }

    /// The values of the path's variables, if the path is this operation's.
    /// Only the last variable may span slashes.
    pub(super) fn match_path(&self, path: &str) -> Option<PathParameters> {
        let mut rest = Some(path.trim_start_matches('/'));
        let mut parameters = PathParameters::new();
        for (index, segment) in self.path.iter().enumerate() {
            let text = rest?;
            let whole_rest = matches!(segment, Segment::Variable(name) if self.spans_slashes(name))
                && index + 1 == self.path.len();
            let (head, tail) = match text.split_once('/') {
                Some((head, tail)) if !whole_rest => (head, Some(tail)),
                _ => (text, None),
            };
            match segment {
                Segment::Literal(literal) if literal == head => {}
                Segment::Literal(_) => return None,
                Segment::Variable(_) if head.is_empty() && !whole_rest => return None,
                Segment::Variable(name) => {
                    parameters
                        .insert(name.clone(), percent_decode_str(head).decode_utf8().ok()?.into_owned());
                }
            }
            rest = tail;
        }
        rest.is_none().then_some(parameters)
    }

    fn spans_slashes(&self, variable: &str) -> bool {
        self.parameters
            .iter()
            .any(|parameter| parameter.spans_slashes && parameter.name == variable)
    }

    /// The path with its variables filled in, below the API root.
    pub(crate) fn path_of(&self, parameters: &PathParameters) -> String {
        let segments = self.path.iter().map(|segment| match segment {
            Segment::Literal(literal) => literal.as_str(),
            Segment::Variable(name) => parameters.get(name).map_or("", String::as_str),
        });
        segments.fold(String::new(), |path, segment| path + "/" + segment)
    }

    /// What is wrong with a request; nothing if it is as described.
    pub(crate) fn check_request(
        &self,
        path: &PathParameters,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        for parameter in &self.parameters {
            let (place, value) = if parameter.in_path {
                ("path", path.get(&parameter.name))
            } else {
                ("query", query.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value))
            };
            let part = format!("{place} parameter {}", parameter.name);
            match value {
                Some(text) => found.extend(parameter.schema.check(&self.id, &part, &parameter.typed(text))),
                None if parameter.required => found.push(self.violation(&part, "is missing")),
                None => {}
            }
        }
        for (name, _) in query {
            if !self
                .parameters
                .iter()
                .any(|parameter| !parameter.in_path && parameter.name == *name)
            {
                found.push(self.violation(&format!("query parameter {name}"), "is not in the description"));
            }
        }
        match (&self.body, body) {
            (Some(Body { schema, .. }), Some(body)) => {
                found.extend(schema.check(&self.id, "request body", body));
            }
            (Some(Body { required: true, .. }), None) => {
                found.push(self.violation("request body", "is missing"));
            }
            // Some clients send an empty object where nothing is asked for; it says nothing either.
            (None, Some(Value::Null)) => {}
            (None, Some(Value::Object(fields))) if fields.is_empty() => {}
            (None, Some(_)) => found.push(self.violation("request body", "this call takes none")),
            (_, None) => {}
        }
        found
    }

    pub(crate) fn violation(&self, part: &str, message: &str) -> Violation {
        Violation {
            operation: self.id.clone(),
            part: part.to_owned(),
            pointer: String::new(),
            message: message.to_owned(),
        }
    }

    #[cfg(test)]
    pub(super) fn schemas(&self) -> impl Iterator<Item = &Schema> {
        let parameters = self.parameters.iter().map(|parameter| &parameter.schema);
        parameters
            .chain(self.body.iter().map(|body| &body.schema))
            .chain(self.responses.values().flatten())
    }
}

impl Parameter {
    fn read(document: &'static Document, pointer: &str) -> Self {
        let (pointer, json) = resolve(document, pointer.to_owned());
        let (_, schema) = resolve(document, format!("{pointer}/schema"));
        Self {
            name: json["name"].as_str().unwrap_or_default().to_owned(),
            in_path: json["in"] == "path",
            spans_slashes: json["x-multi-segment"] == Value::Bool(true),
            required: json["required"] == Value::Bool(true),
            kind: schema["type"].as_str().map(str::to_owned),
            schema: Schema::at(document, &format!("{pointer}/schema")),
        }
    }

    /// In a URL everything is text; the schema says what it stands for. What does
    /// not parse stays text, and fails the schema.
    fn typed(&self, text: &str) -> Value {
        let parsed = match self.kind.as_deref() {
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).ok(),
            _ => None,
        };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

fn needed(permissions: &Value, call: &str) -> Vec<String> {
    let described = permissions[call].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lost = LOST_PERMISSIONS
        .iter()
        .filter(|(lost, _)| *lost == call)
        .map(|(_, permission)| *permission);
    described.chain(lost).map(str::to_owned).collect()
}

/// Follows `$ref` (to a shared parameter, body or response) and says where it led.
fn resolve(document: &'static Document, pointer: String) -> (String, &'static Value) {
    let value = document.json().pointer(&pointer).unwrap_or(&Value::Null);
    match value["$ref"].as_str() {
        Some(reference) => resolve(document, reference.trim_start_matches('#').to_owned()),
        None => (pointer, value),
    }
}

/// The schema of a body or response, if it has JSON content.
fn json_schema(document: &'static Document, pointer: &str, body: &Value) -> Option<Schema> {
    let content = body["content"].as_object()?;
    // `contents/{path}` has several media types; the plain JSON one is a superset for our purposes.
    let media_type = content
        .keys()
        .find(|name| name.as_str() == "application/json")
        .or_else(|| content.keys().find(|name| name.contains("json")))?;
    Some(Schema::at(
        document,
        &format!("{pointer}/content/{}/schema", media_type.replace('~', "~0").replace('/', "~1")),
    ))
}
