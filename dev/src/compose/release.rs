//! What .github/workflows/release.yml does for a tag, as far as it needs no GitHub: images for two
//! architectures with their provenance, joined, and charts that name them; all of it goes to the project's
//! registry.
//!
//! Nothing is compiled. Programs that are built already take the place of stages, the same for both
//! architectures, and there is nothing in the bases: what comes of it is not run. No scanner can be pulled,
//! so no bill of materials is made.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde_json::Value;
use stack::compose::{Compose, Installed, ROOT};
use tokio::process::Command;

use super::play::Project;
use crate::demo::look::output;

/// The version that this is built as, which is released for the trial.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What stands in for the commit of the tag.
const COMMIT: &str = "4f2d9c0de3b1a7665544332211009988776655ff";
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
const IMAGES: [&str; 4] = ["webhook", "worker", "preview", "github-stand-in"];
/// The registry, as builds reach it, and as this process does.
const REGISTRY: [&str; 2] = ["registry:5000/preview", "127.0.0.1:5001/preview"];
/// The name of BuildKit among the builders of `buildx`.
const BUILDER: &str = "release";
/// What a tag's version stands in.
const VERSIONED: [&str; 4] = ["charts", "Cargo.toml", "CHANGELOG.md", ".ci/release"];

/// The trial.
pub(super) struct Release<'a> {
    compose: &'a Compose,
    installed: &'a Installed,
    folder: PathBuf,
}

impl<'a> Release<'a> {
    /// Everything is below `state`.
    pub(super) fn new(compose: &'a Compose, installed: &'a Installed, state: &Path) -> Self {
        Self { compose, installed, folder: state.join("release") }
    }

    /// Builds and publishes, and looks at what was published.
    pub(super) async fn try_out(&self, project: &Project<'_>) -> anyhow::Result<String> {
        fs::create_dir_all(&self.folder)?;
        self.build(project).await?;
        for image in IMAGES {
            self.join(image).await?;
        }
        let images = self.publish_charts().await?;
        let wanted: BTreeSet<_> = ["webhook", "worker"]
            .map(|image| format!("ghcr.io/preview/{image}:{VERSION}"))
            .into();
        ensure!(images == wanted, "the chart of the release names {images:?}");
        Ok(format!(
            "{} images for {}, and the charts that name them",
            IMAGES.len(),
            ARCHITECTURES.join(" and ")
        ))
    }

    async fn build(&self, project: &Project<'_>) -> anyhow::Result<()> {
        let buildkit = format!("tcp://{}:1234", project.address_of("buildkit").await?);
        self.buildx(&["create", "--name", BUILDER, "--driver", "remote", &buildkit], "")
            .await?;
        let stages = self.compose.stages();
        for architecture in ARCHITECTURES {
            let mut words = vec!["bake", "--builder", BUILDER, "--file", "docker/bake.hcl", "--push"];
            words.extend(["--provenance=mode=max", "--sbom=false"]);
            let mut set =
                vec!["*.args.BASE_IMAGE=scratch".to_owned(), "*.args.STAND_IN_BASE_IMAGE=scratch".to_owned()];
            set.extend(
                stages
                    .iter()
                    .map(|(stage, folder)| format!("*.contexts.{stage}={}", folder.display())),
            );
            words.extend(set.iter().flat_map(|setting| ["--set", setting]));
            self.buildx(&words, architecture).await?;
        }
        Ok(())
    }

    /// Makes one image of those for each architecture, and reads it again.
    async fn join(&self, image: &str) -> anyhow::Result<()> {
        let joined = format!("{}/{image}:{VERSION}", REGISTRY[1]);
        let parts = ARCHITECTURES.map(|architecture| format!("{joined}-{architecture}"));
        self.buildx(&["imagetools", "create", "--tag", &joined, &parts[0], &parts[1]], "")
            .await?;
        let index = self.buildx(&["imagetools", "inspect", "--raw", &joined], "").await?;
        let index: Value = serde_json::from_str(&index)?;
        let manifests = index["manifests"].as_array().context("an index has manifests")?;
        let architectures: BTreeSet<_> = manifests
            .iter()
            .filter_map(|manifest| manifest["platform"]["architecture"].as_str())
            .filter(|architecture| *architecture != "unknown")
            .collect();
        ensure!(architectures == ARCHITECTURES.into(), "{joined} is for {architectures:?}");

        let provenance = self
            .buildx(&["imagetools", "inspect", "--format", "{{json .Provenance}}", &joined], "")
            .await?;
        let provenance: Value = serde_json::from_str(&provenance)?;
        for architecture in ARCHITECTURES {
            let said = provenance[format!("linux/{architecture}")].to_string();
            ensure!(said.contains(COMMIT), "the provenance of {joined} for {architecture} is {said}");
        }
        Ok(())
    }

    /// Returns the images that the published chart installs.
    async fn publish_charts(&self) -> anyhow::Result<BTreeSet<String>> {
        let (source, packages) = (self.folder.join("source"), self.folder.join("charts"));
        fs::create_dir_all(&source)?;
        let mut copy = Command::new("cp");
        copy.current_dir(ROOT)
            .args(["--recursive", "--parents"])
            .args(VERSIONED)
            .arg(&source);
        output(copy).await?;
        let changelog = source.join("CHANGELOG.md");
        let closed = fs::read_to_string(&changelog)?
            .replace("## [Unreleased]", &format!("## [Unreleased]\n\n## [{VERSION}] - 2026-11-26"));
        fs::write(&changelog, closed)?;

        let mut script = Command::new(source.join(".ci/release"));
        let helm = self.installed.toolbox.path("helm")?;
        let folders = helm.parent().into_iter().map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        script
            .args(["charts", &format!("v{VERSION}")])
            .arg(&packages)
            .env("PATH", std::env::join_paths(folders.chain(std::env::split_paths(&path)))?);
        output(script).await?;
        let repository = format!("oci://{}/charts", REGISTRY[1]);
        for package in fs::read_dir(&packages)? {
            let package = package?.path();
            self.helm(&["push", &package.to_string_lossy(), &repository, "--plain-http"])
                .await?;
        }
        let chart = format!("{repository}/preview");
        let values = format!("{ROOT}/charts/preview/ci/least-values.yaml");
        let words =
            ["template", "previews", &chart, "--version", VERSION, "--plain-http", "--values", &values];
        let rendered = self.helm(&words).await?;
        let images = rendered.lines().filter_map(|line| line.trim().strip_prefix("image: "));
        Ok(images.map(|image| image.trim_matches('"').to_owned()).collect())
    }

    async fn helm(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut helm = Command::new(self.installed.toolbox.path("helm")?);
        helm.args(words).env("HOME", &self.folder);
        output(helm).await
    }

    /// As the workflow calls it for an architecture.
    async fn buildx(&self, words: &[&str], architecture: &str) -> anyhow::Result<String> {
        let mut buildx = Command::new(self.installed.toolbox.path("buildx")?);
        buildx
            .current_dir(ROOT)
            .args(words)
            .env("DOCKER_CONFIG", &self.folder)
            .env("REGISTRY", REGISTRY[0])
            .env("VERSION", VERSION)
            .env("COMMIT", COMMIT)
            .env("ARCH", architecture);
        output(buildx).await
    }
}
