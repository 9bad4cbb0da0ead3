//! Makes the base image of this machine's own Python, where no registry can be reached.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::error::{ImageError, at};
use crate::program::output;

/// Makes the image; its own text says how.
const SCRIPT: &str = include_str!("base_image.py");

/// Tells one interpreter from another: version, build and place.
const IDENTITY: &str = "import os, sys; print(sys.version_info[0], sys.version_info[1], sep='.'); print(sys.version, os.path.realpath(sys.executable))";

/// A base image on disk, as an OCI layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    layout: PathBuf,
    digest: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

impl BaseImage {
    /// The image of the `python3` on `PATH`, made now (seconds) unless the folder `cache` holds it.
    /// Several processes may call this at once.
    ///
    /// # Errors
    /// [`ImageError::Base`] with Python's own words; [`ImageError::File`] for the cache.
    pub async fn ensure(cache: &Path) -> Result<Self, ImageError> {
        let identity = python(IDENTITY, None).await?;
        let version = identity.lines().next().unwrap_or_default();
        let key = hex::encode(&Sha256::digest([SCRIPT, &identity].concat())[..6]);
        let layout = cache.join(format!("python-base-{version}-{key}"));
        let index = layout.join("index.json");
        if !index.exists() {
            std::fs::create_dir_all(cache).map_err(at(cache))?;
            let partial = tempfile::Builder::new()
                .prefix(".python-base-")
                .tempdir_in(cache)
                .map_err(at(cache))?;
            let fresh = partial.path().join("layout");
            python(SCRIPT, Some(&fresh)).await?;
            match std::fs::rename(&fresh, &layout) {
                Err(_) if index.exists() => {} // Another process was quicker; its image is the same.
                renamed => renamed.map_err(at(&layout))?,
            }
        }
        let text = std::fs::read(&index).map_err(at(&index))?;
        let Index { manifests } =
            serde_json::from_slice(&text).map_err(|error| damaged(&index, &error.to_string()))?;
        let manifest = manifests
            .into_iter()
            .next()
            .ok_or_else(|| damaged(&index, "it lists no image"))?;
        Ok(Self::new(layout, manifest.digest))
    }

    pub(super) fn new(layout: PathBuf, digest: String) -> Self {
        Self { layout, digest }
    }

    /// The file of its one layer, and the variables that it sets, as `NAME=VALUE`.
    ///
    /// # Errors
    /// [`ImageError::Base`] if the layout is damaged.
    pub(crate) fn content(&self) -> Result<(PathBuf, Vec<String>), ImageError> {
        let blob = |digest: &str| self.layout.join("blobs").join(digest.replace(':', "/"));
        let read = |digest: &str| -> Result<serde_json::Value, ImageError> {
            let file = blob(digest);
            let text = std::fs::read(&file).map_err(at(&file))?;
            serde_json::from_slice(&text).map_err(|error| damaged(&file, &error.to_string()))
        };
        let manifest = read(&self.digest)?;
        let part = |pointer: &str| {
            manifest
                .pointer(pointer)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
        };
        let config = read(part("/config/digest"))?;
        let environment = config.pointer("/config/Env").and_then(serde_json::Value::as_array);
        let variables = environment
            .into_iter()
            .flatten()
            .filter_map(|one| one.as_str().map(str::to_owned));
        Ok((blob(part("/layers/0/digest")), variables.collect()))
    }

    /// The folder of the OCI layout.
    pub(super) fn layout(&self) -> &Path {
        &self.layout
    }

    /// The digest of its one manifest.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

fn damaged(index: &Path, why: &str) -> ImageError {
    ImageError::Base(format!("{} is damaged ({why}); remove its folder and start again", index.display()))
}

/// Runs a program text and returns what it prints.
async fn python(program: &str, argument: Option<&Path>) -> Result<String, ImageError> {
    let mut python = Command::new("python3");
    python
        // -I: the person's own modules and variables do not matter.
        .args(["-I", "-c", program])
        .args(argument);
    output(python).await.map_err(ImageError::Base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machines_python_becomes_a_complete_image() {
        let cache = tempfile::tempdir().unwrap();
        let (one, other) = tokio::join!(BaseImage::ensure(cache.path()), BaseImage::ensure(cache.path()));
        let image = one.unwrap();
        assert_eq!(image, other.unwrap(), "two at once agree");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "and leave nothing else");

        let blob = |digest: &str| {
            let content = std::fs::read(image.layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
            assert_eq!(format!("sha256:{}", hex::encode(Sha256::digest(&content))), digest);
            content
        };
        let manifest: serde_json::Value = serde_json::from_slice(&blob(&image.digest)).unwrap();
        let layer = blob(manifest["layers"][0]["digest"].as_str().unwrap());
        blob(manifest["config"]["digest"].as_str().unwrap());
        let mut archive = tar::Archive::new(layer.as_slice());
        let paths: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned())
            .collect();
        for part in [
            "usr/local/bin/python3",
            "/http/server.py",
            "usr/local/lib/libc.",
            "libgcc_s.so.1",
            "etc/passwd",
        ] {
            assert!(paths.iter().any(|path| path.contains(part)), "{part} is missing");
        }
        assert!(
            !paths.iter().any(|path| path.contains("site-packages")),
            "other people's packages are not ours to ship"
        );
    }
}
