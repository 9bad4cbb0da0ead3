//! The values of a chart.
//!
//! A repository says where what the service knows belongs, in placeholders. A chart that was made for the
//! service asks for it, in its `Chart.yaml`, and is given it under the names of [`GIVEN`].

use std::collections::BTreeMap;

use domain::{ImageName, preview::PreviewSettings};
use serde_json::{Map, Value, json};
use workflows::contract::InstallRelease;

use super::{image::Image, placeholder};
use crate::listed::listed;

/// What is given to charts that ask; charts/hello-world-app documents it for
/// authors of charts. A repository cannot say it to them.
const GIVEN: [&str; 6] = [
    "host",
    "image.pullPolicy",
    "image.repository",
    "image.tag",
    "ingress.className",
    "preview",
];
/// What placeholders of images begin with.
const OF_IMAGES: [&str; 3] = ["image", "image_repository", "image_tag"];

/// What the service knows of a preview.
pub(super) struct Facts<'a> {
    pub(super) request: &'a InstallRelease,
    pub(super) images: PreviewImages,
    pub(super) host: &'a str,
    pub(super) url: &'a str,
    pub(super) stable_host: &'a str,
    pub(super) stable_url: &'a str,
    pub(super) ingress_class: Option<&'a str>,
}

/// The images of a commit.
pub(super) enum PreviewImages {
    /// It has one.
    One(Image),
    /// It has several, each with a name.
    Named(BTreeMap<ImageName, Image>),
}

impl Facts<'_> {
    /// What each placeholder stands for.
    pub(super) fn placeholders(&self) -> BTreeMap<String, String> {
        let preview = &self.request.owner.preview;
        let known = [
            ("host", self.host),
            ("url", self.url),
            ("stable_host", self.stable_host),
            ("stable_url", self.stable_url),
            ("commit", preview.commit.as_str()),
            ("short_commit", preview.commit.short()),
            ("pr", &preview.pull_request.to_string()),
            ("branch", self.request.branch.as_deref().unwrap_or_default()),
            ("owner", preview.repository.owner()),
            ("repo", preview.repository.name()),
            ("namespace", &self.request.namespace.name),
            ("release", &preview.release()),
            ("ingress_class", self.ingress_class.unwrap_or_default()),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
        let of_image = |suffix: &str, image: &Image| {
            let [whole, repository, tag] = OF_IMAGES.map(|kind| format!("{kind}{suffix}"));
            [
                (whole, image.to_string()),
                (repository, image.repository.clone()),
                (tag, image.tag.clone()),
            ]
        };
        let images: Vec<_> = match &self.images {
            PreviewImages::One(image) => of_image("", image).into(),
            PreviewImages::Named(images) => images
                .iter()
                .flat_map(|(name, image)| of_image(&format!(".{name}"), image))
                .collect(),
        };
        known.into_iter().chain(images).collect()
    }

    /// What the repository says, with its placeholders filled in.
    pub(super) fn own_values(&self) -> Value {
        let placeholders = self.placeholders();
        let known = |name: &str| placeholders.get(name).map(String::as_str);
        filled(&Value::Object(self.request.settings.values.clone()), &|text| {
            placeholder::fill(text, known)
        })
    }

    /// What charts are given that ask for it.
    pub(super) fn given_values(&self) -> Value {
        let preview = &self.request.owner.preview;
        let mut given = json!({
            "host": self.host,
            "ingress": { "className": self.ingress_class.unwrap_or_default() },
            "preview": {
                "repository": preview.repository,
                "pullRequest": preview.pull_request,
                "commit": preview.commit,
                "expiresAt": self.request.expires_at,
            },
        });
        // Which of several it is meant for, the repository says.
        if let PreviewImages::One(image) = &self.images {
            given["image"] =
                json!({ "repository": image.repository, "tag": image.tag, "pullPolicy": "IfNotPresent" });
        }
        given
    }
}

/// A value that the repository says, and the service too: `image.tag`, with its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`values`: `{value}` is given by the service to this chart and cannot be chosen")]
pub(crate) struct Taken {
    value: &'static str,
    /// In the repository's file.
    pub(crate) line: Option<u32>,
}

/// What the repository cannot say to a chart that asks for the service's values. It is told, so that nobody
/// wonders why theirs has no effect.
pub(crate) fn taken(settings: &PreviewSettings) -> Option<Taken> {
    let is_said = |path: &str| match path.split_once('.') {
        None => settings.values.contains_key(path),
        Some(("image", _)) if !settings.images.is_empty() => false,
        // Anything but a map would have to give way as a whole.
        Some((outer, inner)) => settings
            .values
            .get(outer)
            .is_some_and(|value| value.as_object().is_none_or(|map| map.contains_key(inner))),
    };
    let value = GIVEN.into_iter().find(|path| is_said(path))?;
    let pointer = format!("/values/{}", value.replace('.', "/"));
    Some(Taken {
        value,
        line: settings.lines.find(&pointer).map(|(_, line)| line),
    })
}

/// A placeholder for an image that the repository does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownImage {
    #[error("`{{{placeholder}}}`: without `images` there is one image; write `{{{kind}}}`")]
    OnlyOne { placeholder: String, kind: String },
    #[error("`{{{placeholder}}}`: `images` names {known}; write, for example, `{{{kind}.{first}}}`")]
    Named {
        placeholder: String,
        kind: String,
        known: String,
        first: ImageName,
    },
}

/// Every placeholder for an image in a text is one that this repository's images fill.
pub(crate) fn check_images(text: &str, images: &BTreeMap<ImageName, String>) -> Result<(), UnknownImage> {
    for placeholder in placeholder::names(text) {
        let (kind, name) = match placeholder.split_once('.') {
            Some((kind, name)) => (kind, Some(name)),
            None => (placeholder, None),
        };
        if !OF_IMAGES.contains(&kind) {
            continue;
        }
        let (placeholder, kind) = (placeholder.to_owned(), kind.to_owned());
        match (images.first_key_value(), name) {
            (None, None) => {}
            (None, Some(_)) => return Err(UnknownImage::OnlyOne { placeholder, kind }),
            (Some(_), Some(name)) if name.parse().is_ok_and(|name: ImageName| images.contains_key(&name)) => {
            }
            (Some((first, _)), _) => {
                return Err(UnknownImage::Named {
                    placeholder,
                    kind,
                    known: listed(images.keys()),
                    first: first.clone(),
                });
            }
        }
    }
    Ok(())
}

fn filled(value: &Value, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(template) => Value::String(text(template)),
        Value::Array(items) => items.iter().map(|item| filled(item, text)).collect(),
        Value::Object(map) => {
            let filled = map.iter().map(|(key, value)| (key.clone(), filled(value, text)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Maps are merged; of everything else the upper one stays.
pub(super) fn lay_over(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                lay_over(lower.entry(key).or_insert(Value::Null), value);
            }
        }
        (lower, upper) => *lower = upper,
    }
}

/// A value as people write it: `values.image.tag` for `/values/image/tag`.
pub(super) fn dotted(pointer: &str) -> String {
    let pieces = pointer.split('/').skip(1);
    let pieces: Vec<_> = pieces.map(|piece| piece.replace("~1", "/").replace("~0", "~")).collect();
    pieces.join(".")
}

#[cfg(test)]
mod tests;
