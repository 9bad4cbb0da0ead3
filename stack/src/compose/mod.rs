//! Runs `docker-compose.yml` where no image can be pulled: on a Docker engine of its own, with stand-ins for
//! the images that are not the service's.
//!
//! All of it is in the namespaces of this process, and below one folder and one cgroup.

mod engine;
mod names;
mod packages;
mod stand_ins;

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::cluster::cgroups;
use crate::images::{BaseImage, ImageError};
use crate::namespace;
use crate::part::{PartError, Parts};
use crate::program::output;
use crate::tools::{Tool, ToolError, Toolbox};
use engine::Engine;
pub use engine::ROOT;

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ComposeError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{what} failed: {why}")]
    Failed { what: String, why: String },
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ComposeError + use<> {
    let path = path.to_owned();
    move |source| ComposeError::File { path, source }
}

fn failed(what: impl Into<String>) -> impl FnOnce(String) -> ComposeError {
    let what = what.into();
    move |why| ComposeError::Failed { what, why }
}

/// What is there before anything is started.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The programs.
    pub toolbox: Toolbox,
    /// Where the engine's packages are unpacked.
    engine: PathBuf,
    /// The root file system of the stand-ins, as an archive.
    system: PathBuf,
    /// The base image of the sample app.
    python: BaseImage,
}

impl Installed {
    /// Makes sure that everything is here: minutes the first time.
    ///
    /// # Errors
    /// When something cannot be installed, such as Debian's packages on another system.
    pub async fn ensure() -> Result<Self, ComposeError> {
        let cache = Toolbox::ensure_system_programs(Tool::COMPOSE).await?;
        // Packages are unpacked while programs are compiled: each leaves the other something of the machine.
        let unpacked = async {
            let engine = packages::engine(&cache).await?;
            Ok::<_, ComposeError>((engine, packages::system(&cache).await?))
        };
        let compiled = async { Ok(Toolbox::ensure_all(Tool::COMPOSE).await?) };
        let ((engine, system), toolbox) = tokio::try_join!(unpacked, compiled)?;
        let python = BaseImage::ensure(&cache).await?;
        Ok(Self { toolbox, engine, system, python })
    }
}

/// The engine, and the project that runs on it.
pub struct Compose {
    engine: Engine,
    parts: Parts,
    state: PathBuf,
    cgroup: String,
}

impl Compose {
    /// Starts the engine with its state in the folder `state`, which is emptied, and makes the images; those
    /// of the service of what Cargo has put into the folder `programs`.
    ///
    /// # Errors
    /// Names the step, and what it complained of.
    pub async fn start(installed: &Installed, state: &Path, programs: &Path) -> Result<Self, ComposeError> {
        if state.exists() {
            fs::remove_dir_all(state).map_err(at(state))?;
        }
        fs::create_dir_all(state).map_err(at(state))?;
        let cgroup = cgroups::name(state);
        let own = failed(format!("the cgroup {cgroup}"));
        cgroups::remove(&cgroup).await.map_err(failed("what an earlier run has left"))?;
        cgroups::create(&cgroup).map_err(|error| own(error.to_string()))?;
        let logs = state.join("logs");
        let (parts, _) = Parts::new(&logs).map_err(at(&logs))?;
        let engine = Engine::start(&parts, installed, state, &cgroup).await?;
        let compose = Self { engine, parts, state: state.to_owned(), cgroup };
        compose.make_images(installed, programs).await?;
        Ok(compose)
    }

    /// Runs Compose with `words` on the project, and returns what it printed.
    ///
    /// # Errors
    /// What it complained of.
    pub async fn run(&self, words: &[&str]) -> Result<String, ComposeError> {
        let command = self.engine.compose(&self.environment(), words);
        output(command)
            .await
            .map_err(failed(format!("docker compose {}", words.join(" "))))
    }

    /// Runs Docker's own program.
    ///
    /// # Errors
    /// What it complained of.
    pub async fn docker(&self, words: &[&str]) -> Result<String, ComposeError> {
        let mut command: Command = self.engine.docker();
        command.args(words);
        output(command).await.map_err(failed(format!("docker {}", words.join(" "))))
    }

    /// Builds the sample app with the builder that Docker had before BuildKit, and reads the commit in it.
    ///
    /// # Errors
    /// What it complained of.
    pub async fn build_with_the_old_builder(&self) -> Result<String, ComposeError> {
        let (image, commit) = ("offline/hello-world-app", "4f2d9c0de3b1a7665544332211009988776655ff");
        let base = format!("BASE_IMAGE={}", stand_ins::PYTHON[0]);
        let commit_of = format!("COMMIT={commit}");
        let mut build: Command = self.engine.docker();
        build
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "--tag", image, "--build-arg", &base, "--build-arg", &commit_of])
            .arg(Path::new(ROOT).join("hello-world-app"));
        output(build).await.map_err(failed("docker build of hello-world-app"))?;
        let read = ["run", "--rm", image, "python3", "-c", "print(open('COMMIT').read(), end='')"];
        let said = self.docker(&read).await?;
        if said.trim() == commit {
            Ok(format!("DOCKER_BUILDKIT=0 docker build hello-world-app: it is of {commit}"))
        } else {
            Err(failed("docker build of hello-world-app")(format!("it says that it is of {said:?}")))
        }
    }

    /// The folders that take the place of stages of `docker/Dockerfile`.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, PathBuf); 3] {
        let images = self.state.join("images");
        ["binaries", "helm", "buildkit"].map(|stage| (stage, images.join(stage)))
    }

    /// What the variables of `docker-compose.yml` are here.
    fn environment(&self) -> PathBuf {
        self.state.join("offline.env")
    }

    /// Ends everything, and leaves nothing but logs.
    pub async fn stop(self) {
        self.parts.stop().await;
        namespace::kill_everything();
        if let Err(error) = cgroups::remove(&self.cgroup).await {
            eprintln!("{error}");
        }
        for folder in [self.engine.root(), &self.state.join("images")] {
            if let Err(error) = fs::remove_dir_all(folder) {
                eprintln!("{}: {error}", folder.display());
            }
        }
    }
}
