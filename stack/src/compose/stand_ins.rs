//! Makes the images that cannot be pulled, and those of the service of what is built already.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::engine::ROOT;
use super::{Compose, ComposeError, Installed, at, failed};
use crate::eventually;
use crate::images::ServiceImage;
use crate::tools::Tool;

/// The image of the root file system that the stand-ins are made of.
const SYSTEM: &str = "offline/debian";
/// The base image of the sample app, where the engine pushes it and where builds find it.
pub(super) const PYTHON: [&str; 2] = ["127.0.0.1:5001/python", "registry:5000/python"];
/// The targets of `docker/offline/Dockerfile`, and the variable of `docker-compose.yml` that each is for.
const STAND_INS: &[(&str, &str)] = &[
    ("postgres", "POSTGRES_IMAGE"),
    ("temporal", "TEMPORAL_IMAGE"),
    ("temporal-tools", "TEMPORAL_TOOLS_IMAGE"),
    ("temporal-ui", "TEMPORAL_UI_IMAGE"),
    ("prometheus", "PROMETHEUS_IMAGE"),
    ("cluster", "CLUSTER_IMAGE"),
    ("registry", "REGISTRY_IMAGE"),
    ("buildkit", "BUILDKIT_IMAGE"),
    ("binaries", "BINARIES"),
    ("helm", "HELM"),
];
/// Those that come from the system itself. Grafana is not started, but Compose wants to have its image.
const SYSTEM_FOR: &[&str] = &["BASE_IMAGE", "STAND_IN_BASE_IMAGE", "GRAFANA_IMAGE"];
/// How long a preview lives: longer than everything that happens to it when the conversation is played.
const TTL: &str = "100s";
/// How long the registry may take from its start to the end of a push.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(90);
/// What tools' programs go where in the context of `docker/offline/Dockerfile`.
const PROGRAMS: &[&str] = &[
    "temporal",
    "temporal-server",
    "temporal-sql-tool",
    "temporal-ui",
    "prometheus",
    "registry",
    "buildkitd",
    "buildctl",
    "runc",
    "runc-unfiltered",
];

impl Compose {
    pub(super) async fn make_images(
        &self,
        installed: &Installed,
        programs: &Path,
    ) -> Result<(), ComposeError> {
        self.docker(&["import", &installed.system.to_string_lossy(), SYSTEM]).await?;
        let context = self.lay_out(installed, programs).await?;
        let folder = Path::new(ROOT).join("docker/offline");
        let dockerfile = folder.join("Dockerfile");
        for (target, _) in STAND_INS {
            self.docker(&[
                "build",
                "--quiet",
                "--file",
                &dockerfile.to_string_lossy(),
                "--build-arg",
                &format!("DEBIAN={SYSTEM}"),
                "--target",
                target,
                "--tag",
                &format!("offline/{target}"),
                &context.to_string_lossy(),
            ])
            .await?;
        }
        let (layer, environment) = installed.python.content()?;
        let environment = format!("ENV {}", environment.join(" "));
        self.docker(&["import", "--change", &environment, &layer.to_string_lossy(), PYTHON[0]])
            .await?;
        let variables = variables();
        fs::write(self.environment(), variables).map_err(at(&self.environment()))
    }

    /// Brings the sample app's base image into the project's registry, which has to run.
    ///
    /// # Errors
    /// What the engine complained of.
    pub async fn push_base_image(&self) -> Result<(), ComposeError> {
        let pushed = eventually(REGISTRY_PATIENCE, async || {
            let pushed = self.docker(&["push", "--quiet", PYTHON[0]]).await;
            pushed.map_err(|error| error.to_string())
        });
        pushed.await.map(drop).map_err(failed("the registry"))
    }

    /// Links what is on the same disk, and copies the rest.
    async fn lay_out(&self, installed: &Installed, programs: &Path) -> Result<PathBuf, ComposeError> {
        let context = self.state.join("images");
        let node = context.join("node");
        fs::create_dir_all(&node).map_err(at(&node))?;
        let toolbox = &installed.toolbox;
        for program in PROGRAMS {
            put(toolbox.path(program)?, &context)?;
        }
        for program in Tool::NODE.iter().flat_map(|tool| tool.programs()) {
            put(toolbox.path(program)?, &node)?;
        }
        for file in ["postgres.sh", "registry.yaml", "temporal-ui.yaml"] {
            put(&Path::new(ROOT).join("docker/offline").join(file), &context)?;
        }
        let (helm, buildctl) = (toolbox.path("helm")?, toolbox.path("buildctl")?);
        ServiceImage::lay_out_all(programs, helm, buildctl, &context).await?;
        ServiceImage::strip_into(&programs.join("dev"), &node).await?;
        Ok(context)
    }
}

fn put(file: &Path, folder: &Path) -> Result<(), ComposeError> {
    let name = file
        .file_name()
        .ok_or_else(|| failed("laying out images")(file.display().to_string()))?;
    let target = folder.join(name);
    fs::hard_link(file, &target)
        .or_else(|_| fs::copy(file, &target).map(drop))
        .map_err(at(&target))
}

/// As Compose reads them.
fn variables() -> String {
    let stand_ins = STAND_INS
        .iter()
        .map(|(target, variable)| format!("{variable}=offline/{target}\n"));
    let system = SYSTEM_FOR.iter().map(|variable| format!("{variable}={SYSTEM}\n"));
    let others = [format!("PYTHON_IMAGE={}\n", PYTHON[1]), format!("PREVIEW_TTL={TTL}\n")];
    stand_ins.chain(system).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = include_str!("../../../docker-compose.yml");
    const DOCKERFILE: &str = include_str!("../../../docker/offline/Dockerfile");

    #[test]
    fn every_variable_is_one_of_the_compose_files_and_every_target_one_of_the_dockerfiles() {
        for line in variables().lines() {
            let (variable, _) = line.split_once('=').unwrap();
            assert!(COMPOSE.contains(&format!("${{{variable}:-")), "{variable}");
        }
        for (target, _) in STAND_INS {
            assert!(
                DOCKERFILE
                    .lines()
                    .any(|line| line.starts_with("FROM ") && line.ends_with(&format!(" AS {target}"))),
                "{target}"
            );
        }
    }
}
