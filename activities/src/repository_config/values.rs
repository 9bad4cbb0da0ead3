//! Values for a chart, with the line of each.

use std::{collections::VecDeque, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::file::line;

/// A map of values, as the file has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    /// That of the key.
    line: Option<u32>,
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Value),
    List(Vec<Spanned<Node>>),
    Map(Values),
}

/// A value at its place.
struct Place<'a> {
    pointer: String,
    line: Option<u32>,
    node: &'a Node,
}

impl Values {
    /// The values alone.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0.into_iter().map(|entry| (entry.key, entry.node.into_value())).collect()
    }

    /// Where each of them stands, outer ones first, with JSON pointers from the whole file on.
    pub(super) fn lines(&self) -> impl Iterator<Item = (String, u32)> {
        self.places().filter_map(|place| Some((place.pointer, place.line?)))
    }

    /// The texts, each with its line.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, Option<u32>)> {
        self.places().filter_map(|place| match place.node {
            Node::Leaf(Value::String(text)) => Some((text.as_str(), place.line)),
            _ => None,
        })
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let mut next: VecDeque<_> = self.below("/values").collect();
        std::iter::from_fn(move || {
            let place = next.pop_front()?;
            match place.node {
                Node::Leaf(_) => {}
                Node::List(items) => next.extend(items.iter().enumerate().map(|(index, item)| Place {
                    pointer: format!("{}/{index}", place.pointer),
                    line: line(item.referenced),
                    node: &item.value,
                })),
                Node::Map(values) => next.extend(values.below(&place.pointer)),
            }
            Some(place)
        })
    }

    fn below(&self, pointer: &str) -> impl Iterator<Item = Place<'_>> {
        self.0.iter().map(move |entry| Place {
            pointer: format!("{pointer}/{}", entry.key.replace('~', "~0").replace('/', "~1")),
            line: entry.line,
            node: &entry.node,
        })
    }
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::List(items) => items.into_iter().map(|item| item.value.into_value()).collect(),
            Self::Map(values) => Value::Object(values.into_map()),
        }
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValuesVisitor)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lines like `name: value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push(Entry {
                line: line(key.referenced),
                key: key.value,
                node: map.next_value()?,
            });
        }
        Ok(Values(entries))
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value);
        number
            .map(|number| Node::Leaf(number.into()))
            .ok_or_else(|| E::custom("this is no finite number"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Leaf(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
        ValuesVisitor.visit_map(map).map(Node::Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_line() {
        let text = "\nimage:\n  tag: \"{commit}\"\n  pull: { policy: Always }\nenv:\n  - name: A\n    value: 1\n  - text\na/b: ~\nlong: |\n  one\n  two\nend: 1.5\n";
        let values: Values = serde_saphyr::from_str(text).expect("values");
        let lines: Vec<_> = values.lines().map(|(pointer, line)| format!("{line} {pointer}")).collect();
        assert_eq!(
            lines,
            [
                "2 /values/image",
                "5 /values/env",
                "9 /values/a~1b",
                "10 /values/long",
                "13 /values/end",
                "3 /values/image/tag",
                "4 /values/image/pull",
                "6 /values/env/0",
                "8 /values/env/1",
                "4 /values/image/pull/policy",
                "6 /values/env/0/name",
                "7 /values/env/0/value",
            ]
        );
        let texts: Vec<_> = values.texts().collect();
        assert_eq!(
            texts,
            [
                ("one\ntwo\n", Some(10)),
                ("{commit}", Some(3)),
                ("text", Some(8)),
                ("Always", Some(4)),
                ("A", Some(6)),
            ]
        );
        assert_eq!(
            Value::Object(values.into_map()),
            serde_json::json!({
                "image": { "tag": "{commit}", "pull": { "policy": "Always" } },
                "env": [{ "name": "A", "value": 1 }, "text"],
                "a/b": null,
                "long": "one\ntwo\n",
                "end": 1.5,
            })
        );
    }
}
