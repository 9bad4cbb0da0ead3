//! The values of a chart: the repository's own, with the service's on top of them.

use domain::PreviewId;
use serde_json::{Map, Value, json};
use workflows::contract::InstallRelease;

use super::image::Image;

/// What the service says itself; charts/hello-world-app documents it for
/// authors of charts. A repository cannot say it.
const OURS: [&str; 6] = [
    "host",
    "image.pullPolicy",
    "image.repository",
    "image.tag",
    "ingress.className",
    "preview",
];

/// The value among these, as `image.tag`, that the service says itself. Repositories are told, so that
/// nobody wonders why theirs has no effect.
pub(crate) fn reserved(key: &str, value: &Value) -> Option<&'static str> {
    OURS.into_iter().find(|path| match path.split_once('.') {
        None => *path == key,
        // Anything but a map would have to give way as a whole.
        Some((outer, inner)) => outer == key && value.as_object().is_none_or(|map| map.contains_key(inner)),
    })
}

/// All that the chart is installed with.
pub(super) fn values(
    image: &Image,
    ingress_class: Option<&str>,
    host: &str,
    request: &InstallRelease,
) -> Value {
    let preview = &request.owner.preview;
    let mut values = filled(&request.settings.values, preview, host);
    lay_over(
        &mut values,
        json!({
            "image": { "repository": image.repository, "tag": image.tag, "pullPolicy": "IfNotPresent" },
            "host": host,
            "ingress": { "className": ingress_class.unwrap_or_default() },
            "preview": {
                "repository": preview.repository,
                "pullRequest": preview.pull_request,
                "commit": preview.commit,
                "expiresAt": request.expires_at,
            },
        }),
    );
    values
}

/// The repository's values with what they leave open. Other braces are the chart's business.
fn filled(values: &Map<String, Value>, preview: &PreviewId, host: &str) -> Value {
    fn fill(value: &Value, text: &impl Fn(&str) -> String) -> Value {
        match value {
            Value::String(template) => Value::String(text(template)),
            Value::Array(items) => items.iter().map(|item| fill(item, text)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), fill(value, text))).collect(),
            other => other.clone(),
        }
    }
    let pull_request = preview.pull_request.to_string();
    fill(&Value::Object(values.clone()), &|template| {
        template
            .replace("{commit}", preview.commit.as_str())
            .replace("{pr}", &pull_request)
            .replace("{host}", host)
    })
}

/// Maps are merged; of everything else the upper one stays.
fn lay_over(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                lay_over(lower.entry(key).or_insert(Value::Null), value);
            }
        }
        (lower, upper) => *lower = upper,
    }
}

#[cfg(test)]
mod tests {
    use domain::{InstallationId, NamespaceHandle, RunIdentity, preview::PreviewSettings};
    use proptest::prelude::*;

    use super::*;

    /// The chart is installed with these values of the repository's own.
    fn installed_with(own: &Value) -> Value {
        let preview: PreviewId = "Octo-Org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("an id");
        let image = Image {
            repository: "registry.example.com/octo-org/hello-world".to_owned(),
            tag: preview.commit.to_string(),
        };
        let request = InstallRelease {
            owner: RunIdentity { preview: preview.clone(), run_id: "run-1".to_owned() },
            installation: InstallationId(1),
            namespace: NamespaceHandle { name: "preview-x".to_owned(), uid: "u".to_owned() },
            expires_at: "2026-11-22T05:42:00Z".parse().expect("a time"),
            settings: PreviewSettings {
                values: own.as_object().cloned().unwrap_or_default(),
                ..PreviewSettings::default()
            },
        };
        let host = "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com";
        values(&image, Some("traefik"), host, &request)
    }

    #[test]
    fn a_chart_gets_exactly_the_documented_values() {
        insta::assert_json_snapshot!(installed_with(&json!({})), @r#"
        {
          "host": "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com",
          "image": {
            "pullPolicy": "IfNotPresent",
            "repository": "registry.example.com/octo-org/hello-world",
            "tag": "0123456789abcdef0123456789abcdef01234567"
          },
          "ingress": {
            "className": "traefik"
          },
          "preview": {
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "expiresAt": "2026-11-22T05:42:00Z",
            "pullRequest": 12,
            "repository": "Octo-Org/hello-world"
          }
        }
        "#);
    }

    #[test]
    fn a_repository_adds_values_and_what_it_leaves_open_is_filled_in() {
        let own = json!({
            "replicaCount": 2,
            "ingress": { "annotations": { "example.com/host": "{host}" } },
            "env": ["COMMIT={commit}", { "name": "PR", "value": "#{pr} of {pr}" }, null, true],
            "template": "{{ .Values.host }} {other}",
        });
        let values = installed_with(&own);
        assert_eq!(values["replicaCount"], 2);
        assert_eq!(
            values["ingress"],
            json!({ "className": "traefik", "annotations": {
                "example.com/host": "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com",
            }})
        );
        assert_eq!(
            values["env"],
            json!([
                "COMMIT=0123456789abcdef0123456789abcdef01234567",
                { "name": "PR", "value": "#12 of 12" },
                null,
                true
            ])
        );
        assert_eq!(values["template"], "{{ .Values.host }} {other}");
    }

    #[test]
    fn whatever_the_service_says_is_reserved() {
        let Value::Object(ours) = installed_with(&json!({})) else {
            panic!("values are a map");
        };
        for (key, value) in &ours {
            let said = match value {
                Value::Object(inner) => inner.keys().map(|inner| json!({ inner: 1 })).collect(),
                other => vec![other.clone()],
            };
            for value in said {
                assert!(reserved(key, &value).is_some(), "{key}: {value}");
            }
        }
        assert_eq!(reserved("image", &json!("nginx")), Some("image.pullPolicy"));
        assert_eq!(reserved("image", &json!({ "command": [] })), None);
        assert_eq!(reserved("hosts", &json!("a")), None);
    }

    fn any_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            let key = prop_oneof![
                Just("host"),
                Just("image"),
                Just("tag"),
                Just("preview"),
                Just("commit"),
                Just("x")
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_a_repository_says_changes_what_the_service_says(own in any_values()) {
            let alone = installed_with(&json!({}));
            let together = installed_with(&own);
            for path in OURS {
                let pointer = format!("/{}", path.replace('.', "/"));
                if path == "preview" {
                    for (key, value) in alone["preview"].as_object().expect("a map") {
                        prop_assert_eq!(&together["preview"][key], value);
                    }
                } else {
                    prop_assert_eq!(together.pointer(&pointer), alone.pointer(&pointer));
                }
            }
        }
    }
}
