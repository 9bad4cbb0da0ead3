//! Values as repositories write them, and as charts get them.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Facts` itself takes those of one lifetime only"
)]

use domain::{InstallationId, NamespaceHandle, PreviewId, RunIdentity};
use proptest::prelude::*;

use super::*;

mod configurations;

const PAGE: &str = include_str!("../../../../docs/configuration.md");
const HOST: &str = "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com";

fn settings(own: &Value) -> PreviewSettings {
    PreviewSettings {
        values: own.as_object().cloned().unwrap_or_default(),
        ..PreviewSettings::default()
    }
}

fn image(name: &str) -> Image {
    Image {
        repository: format!("registry.example.com/octo-org/{name}"),
        tag: "0123456789abcdef0123456789abcdef01234567".to_owned(),
    }
}

/// What the service knows, of a preview with these values.
fn knowing<T>(settings: PreviewSettings, images: PreviewImages, then: impl Fn(&Facts<'_>) -> T) -> T {
    let preview: PreviewId = "Octo-Org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
        .parse()
        .expect("an id");
    let request = InstallRelease {
        owner: RunIdentity { preview, run_id: "run-1".to_owned() },
        installation: InstallationId(1),
        namespace: NamespaceHandle { name: "preview-x".to_owned(), uid: "u".to_owned() },
        branch: Some("mona/greet".to_owned()),
        expires_at: "2026-11-22T05:42:00Z".parse().expect("a time"),
        settings,
        image_missing_since: None,
    };
    then(&Facts {
        request: &request,
        images,
        host: HOST,
        url: "https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com/",
        stable_host: "pr-12-hello-world-9fbc35d0ea.previews.example.com",
        stable_url: "https://pr-12-hello-world-9fbc35d0ea.previews.example.com/",
        ingress_class: Some("traefik"),
    })
}

fn own(values: &Value) -> Value {
    knowing(settings(values), PreviewImages::One(image("hello-world")), |facts| facts.own_values())
}

fn given() -> Value {
    knowing(PreviewSettings::default(), PreviewImages::One(image("hello-world")), |facts| {
        facts.given_values()
    })
}

#[test]
fn a_chart_that_asks_gets_exactly_the_documented_values() {
    insta::assert_json_snapshot!(given(), @r#"
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
fn every_placeholder_is_filled_in_and_documented() {
    let images = || {
        let named = ["api", "web"].map(|name| (name.parse().expect("a name"), image(name)));
        PreviewImages::Named(named.into_iter().collect())
    };
    let one = knowing(PreviewSettings::default(), PreviewImages::One(image("hello-world")), |facts| {
        facts.placeholders()
    });
    insta::assert_json_snapshot!(one, @r#"
    {
      "branch": "mona/greet",
      "commit": "0123456789abcdef0123456789abcdef01234567",
      "host": "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com",
      "image": "registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567",
      "image_repository": "registry.example.com/octo-org/hello-world",
      "image_tag": "0123456789abcdef0123456789abcdef01234567",
      "ingress_class": "traefik",
      "namespace": "preview-x",
      "owner": "Octo-Org",
      "pr": "12",
      "release": "preview-pr-12",
      "repo": "hello-world",
      "short_commit": "0123456",
      "stable_host": "pr-12-hello-world-9fbc35d0ea.previews.example.com",
      "stable_url": "https://pr-12-hello-world-9fbc35d0ea.previews.example.com/",
      "url": "https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com/"
    }
    "#);
    for name in one.keys() {
        assert!(PAGE.contains(&format!("`{{{name}}}`")), "{name} is not documented");
    }
    let several = knowing(PreviewSettings::default(), images(), |facts| facts.placeholders());
    assert_eq!(several["image_repository.api"], "registry.example.com/octo-org/api");
    assert_eq!(several["image_tag.web"], image("web").tag);
    assert_eq!(several["image.web"], image("web").to_string());
    assert!(!several.contains_key("image"));
    assert_eq!(
        knowing(PreviewSettings::default(), images(), |facts| facts.given_values()).get("image"),
        None
    );
}

#[test]
fn what_a_repository_leaves_open_is_filled_in_wherever_it_stands() {
    let values = own(&json!({
        "replicaCount": 2,
        "image": "{image}",
        "env": ["COMMIT={short_commit}", { "name": "PR", "value": "#{pr} of {pr}" }, null, true],
        "number": "{pr}",
        "template": "{{ .Values.host }} {other}",
        "{host}": 1,
    }));
    assert_eq!(
        values,
        json!({
            "replicaCount": 2,
            "image": "registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567",
            "env": ["COMMIT=0123456", { "name": "PR", "value": "#12 of 12" }, null, true],
            "number": "12",
            "template": "{{ .Values.host }} {other}",
            "{host}": 1,
        })
    );
}

#[test]
fn whatever_the_service_gives_is_taken() {
    let taken = |own: &Value| taken(&settings(own)).map(|taken| taken.value);
    let Value::Object(given) = given() else {
        panic!("values are a map");
    };
    for (key, value) in &given {
        let said = match value {
            Value::Object(inner) => inner.keys().map(|inner| json!({ key: { inner: 1 } })).collect(),
            other => vec![json!({ key: other })],
        };
        for own in said {
            assert!(taken(&own).is_some(), "{own}");
        }
    }
    assert_eq!(taken(&json!({ "image": "nginx" })), Some("image.pullPolicy"));
    assert_eq!(taken(&json!({ "image": { "command": [] }, "hosts": "a" })), None);
    let named = ["web"].map(|name| (name.parse().expect("a name"), "x".to_owned()));
    let several = PreviewSettings {
        images: named.into_iter().collect(),
        ..settings(&json!({ "image": { "tag": "{image_tag.web}" } }))
    };
    assert_eq!(super::taken(&several), None);
}

#[test]
fn a_placeholder_for_an_image_that_there_is_not_is_told() {
    let images = |names: &[&str]| {
        let named = names.iter().map(|name| (name.parse().expect("a name"), String::new()));
        named.collect::<BTreeMap<ImageName, String>>()
    };
    let told =
        |text: &str, names: &[&str]| check_images(text, &images(names)).map_err(|error| error.to_string());
    assert_eq!(told("{image} {host} {{image.web}} {images}", &[]), Ok(()));
    assert_eq!(told("{image.web}{image_tag.api}", &["api", "web"]), Ok(()));
    assert_eq!(
        told("a {image_tag.web}", &[]),
        Err("`{image_tag.web}`: without `images` there is one image; write `{image_tag}`".to_owned())
    );
    for text in ["image", "image.app"] {
        assert_eq!(
            told(&format!("{{{text}}}"), &["api", "web"]),
            Err(format!("`{{{text}}}`: `images` names `api`, `web`; write, for example, `{{image.api}}`"))
        );
    }
}

fn any_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[{}a-z_. ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let key =
            prop_oneof![Just("host"), Just("image"), Just("tag"), Just("preview"), Just("commit"), Just("x")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// The same value with all texts left out.
fn shape(value: &Value) -> Value {
    filled(value, &|_| String::new())
}

proptest! {
    #[test]
    fn only_texts_change(values in any_values()) {
        let values = json!({ "x": values });
        prop_assert_eq!(shape(&own(&values)), shape(&values));
    }

    #[test]
    fn nothing_that_a_repository_says_changes_what_a_chart_is_given_that_asks(values in any_values()) {
        let mut together = own(&values);
        let alone = given();
        lay_over(&mut together, alone.clone());
        for path in GIVEN {
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
