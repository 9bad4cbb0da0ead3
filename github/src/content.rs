//! Decodes the bytes of a file from GitHub's JSON.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

/// A file's content as GitHub sends it. Of what has none, both fields may be absent.
#[derive(Deserialize)]
pub(crate) struct Content {
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
}

impl Content {
    /// The bytes, or what keeps us from them.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        if self.encoding != "base64" {
            return Err(format!("a file in encoding {:?}", self.encoding));
        }
        // Broken into lines, as in a letter.
        let text: String = self.content.split_ascii_whitespace().collect();
        BASE64_STANDARD
            .decode(text)
            .map_err(|error| format!("a file that is not in base64: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn decode(json: Value) -> Result<Vec<u8>, String> {
        serde_json::from_value::<Content>(json).expect("a content").decode()
    }

    #[test]
    fn only_base64_is_read_and_its_lines_are_put_together() {
        let content =
            |encoding: &str, content: &str| json!({ "encoding": encoding, "content": content, "size": 5 });
        assert_eq!(decode(content("base64", "aGVs\nbG8=\n")), Ok(b"hello".to_vec()));
        assert_eq!(decode(content("base64", "")), Ok(Vec::new()));
        assert!(decode(content("base64", "%")).is_err());
        assert!(decode(content("none", "")).is_err());
        assert!(decode(json!({})).is_err());
    }
}
