//! Builds the image of a commit if there is none yet; once, however many ask.

use std::{
    collections::HashMap,
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{process::Command, sync::Semaphore, time::timeout};

use super::{
    base::BaseImage,
    buildkit::{Build, Buildkit},
    checkout::{CommitSource, MAX_SOURCE_BYTES},
    error::{ImageError, at},
    import::{Import, ImportCommand},
    reference::ImageRef,
    service::{self, Programs, ServiceImage},
};

/// Longest that one build may take: a preview's image is expected in seconds.
const BUILD_TIMEOUT: Duration = Duration::from_secs(120);

/// Longest that a person's import command may take; kind copies the archive into every node.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);

/// Builds at the same moment. Each has a copy of its commit's files on disk.
const MAX_BUILDS: usize = 4;

/// Lines of a failed program's output that an error shows.
const TAIL_LINES: usize = 20;

/// Makes sure that images exist.
#[derive(Debug)]
pub struct ImageBuilder {
    buildkit: Buildkit,
    base: BaseImage,
    builds: Semaphore,
    /// One lock for each image ever asked for; it holds whether this process has delivered the image.
    images: Mutex<HashMap<ImageRef, Arc<tokio::sync::Mutex<bool>>>>,
}

impl ImageBuilder {
    /// A builder that uses a running BuildKit.
    #[must_use]
    pub fn new(buildkit: Buildkit, base: BaseImage) -> Self {
        Self {
            buildkit,
            base,
            builds: Semaphore::new(MAX_BUILDS),
            images: Mutex::default(),
        }
    }

    /// Returns when the commit's image is in the cluster. Harmless to call again, and to call at
    /// once from many tasks: the image is built once. A failure is not remembered, so that the
    /// next call tries again. Cancel by dropping.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub async fn build(&self, source: &CommitSource) -> Result<ImageRef, ImageError> {
        let image = source.image();
        let lock = {
            let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
            images.entry(image.clone()).or_default().clone()
        };
        let mut delivered = lock.lock().await;
        let exists = match &self.buildkit.import {
            Import::Containerd { ctr, address } => is_in_containerd(ctr, address, image).await?,
            // There is no telling what a person's cluster holds, so only this process's own deliveries count.
            Import::Command(_) => *delivered,
        };
        if !exists {
            self.deliver(source).await?;
            *delivered = true;
        }
        Ok(image.clone())
    }

    async fn deliver(&self, source: &CommitSource) -> Result<(), ImageError> {
        let _permit = self.builds.acquire().await.expect("the semaphore is never closed");
        let scratch = tempfile::tempdir().map_err(at(std::env::temp_dir()))?;
        let files = scratch.path().join("source");
        check_out(source.clone(), files.clone()).await?;

        let image = source.image();
        if !files.join("Dockerfile").symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Err(ImageError::NoDockerfile { image: image.clone() });
        }
        let build = Build {
            image: &image.to_string(),
            commit: image.commit(),
            dockerfile: &files,
            context: &files,
            bases: &["BASE_IMAGE"],
            target: None,
            stages: &[],
        };
        self.build_and_import(&build, scratch.path()).await
    }

    /// Brings an image of the service itself into the cluster, of the programs that Cargo has built already;
    /// returns its name. It is the same name each time: what is running goes on as it is.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub async fn build_service(
        &self,
        image: ServiceImage,
        programs: &Programs,
    ) -> Result<String, ImageError> {
        let scratch = tempfile::tempdir().map_err(at(std::env::temp_dir()))?;
        let stages = image.stages(programs, &self.buildkit.buildctl, scratch.path()).await?;
        let stages: Vec<_> = stages.iter().map(|(stage, folder)| (*stage, folder.as_path())).collect();
        let name = image.name();
        let build = Build {
            image: &name,
            commit: "",
            dockerfile: &service::root().join("docker"),
            context: &service::root(),
            bases: &["BASE_IMAGE", "STAND_IN_BASE_IMAGE"],
            target: Some(image.target()),
            stages: &stages,
        };
        self.build_and_import(&build, scratch.path()).await?;
        Ok(name)
    }

    async fn build_and_import(&self, build: &Build<'_>, scratch: &Path) -> Result<(), ImageError> {
        let image = build.image;
        let archive = scratch.join("image.tar");
        let command = self.buildkit.build(build, &self.base, &archive);
        let output = run(command, format!("building {image}"), BUILD_TIMEOUT).await?;
        if !output.status.success() {
            return Err(ImageError::Build { image: image.to_owned(), tail: tail(&output.stderr) });
        }
        match &self.buildkit.import {
            Import::Containerd { .. } => Ok(()),
            Import::Command(command) => load(command, image, &archive).await,
        }
    }
}

async fn check_out(source: CommitSource, files: std::path::PathBuf) -> Result<(), ImageError> {
    std::fs::create_dir(&files).map_err(at(&files))?;
    tokio::task::spawn_blocking(move || source.check_out(&files, MAX_SOURCE_BYTES))
        .await
        .expect("the checkout does not panic and is not cancelled")
}

/// Whether the cluster's containerd holds an image; `ctr` is the program, `address` containerd's socket.
///
/// # Errors
/// [`ImageError::Daemon`] when it does not say.
pub async fn is_in_containerd(ctr: &Path, address: &Path, image: &ImageRef) -> Result<bool, ImageError> {
    let mut question = Command::new(ctr);
    question
        .arg("--address")
        .arg(address)
        .args(["--namespace", "k8s.io", "images", "list", "--quiet"])
        .arg(format!("name=={image}"));
    let what = "asking containerd for an image";
    let output = run(question, what.to_owned(), IMPORT_TIMEOUT).await?;
    if !output.status.success() {
        return Err(ImageError::Daemon { what, tail: tail(&output.stderr) });
    }
    Ok(!output.stdout.trim_ascii().is_empty())
}

async fn load(command: &ImportCommand, image: &str, archive: &Path) -> Result<(), ImageError> {
    let (program, arguments) = command.for_archive(archive);
    let shown = format!("{program} {}", arguments.join(" "));
    let mut import = Command::new(program);
    import.args(arguments);
    let output = run(import, format!("`{shown}`"), IMPORT_TIMEOUT).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(ImageError::Import {
        image: image.to_owned(),
        command: shown,
        tail: tail(&output.stderr),
    })
}

async fn run(mut command: Command, what: String, limit: Duration) -> Result<Output, ImageError> {
    let program = command.as_std().get_program().into();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(limit, output).await {
        Err(_) => Err(ImageError::TooSlow { what, limit }),
        Ok(output) => output.map_err(|source| ImageError::Program { program, source }),
    }
}

fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    /// A repository with one commit, and a BuildKit whose client notes each call in `builds` and writes an
    /// archive, or fails while the file `broken` exists.
    struct Workshop {
        folder: tempfile::TempDir,
        builder: ImageBuilder,
        source: CommitSource,
    }

    impl Workshop {
        fn new(file: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let shown = folder.path().display();
            let commit = shell(&format!(
                "cd {shown} && git init --quiet . && echo FROM scratch > {file} && git add {file} && \
                 git -c user.name=mona -c user.email=mona@example.com commit --quiet --message Hello && git rev-parse HEAD"
            ));
            // The file is written by another process: this one may fork for another test while it is open,
            // and a program that somebody can write to does not run.
            shell(&format!(
                "cat > {shown}/buildctl <<'END'\n#!/bin/sh\necho build >> {shown}/builds\n\
                 if [ -e {shown}/broken ]; then echo 'Dockerfile:1: no such base' >&2; exit 1; fi\n\
                 for word; do case $word in type=docker,*) echo $word > ${{word##*,dest=}};; esac; done\nEND\n\
                 chmod +x {shown}/buildctl"
            ));
            let buildkit = Buildkit {
                buildkitd: at("buildkitd"),
                buildctl: at("buildctl"),
                runc: at("runc"),
                root: at("root"),
                socket: at("socket"),
                cgroup: "test".into(),
                import: Import::Command(format!("cp {{archive}} {shown}/cluster").parse().unwrap()),
            };
            let source = CommitSource::new(at(".git"), "octo-org", "hello-world", &commit).unwrap();
            let builder = ImageBuilder::new(buildkit, BaseImage::new(at("base"), "sha256:0".into()));
            Self { folder, builder, source }
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.folder.path().join(name)).unwrap()
        }
    }

    fn shell(script: &str) -> String {
        let mut shell = std::process::Command::new("sh");
        let mut child = shell.arg("-e").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{script}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn twenty_who_ask_at_once_get_one_build() {
        let workshop = Workshop::new("Dockerfile");
        let asked = (0..20).map(|_| workshop.builder.build(&workshop.source));
        for image in futures::future::try_join_all(asked).await.unwrap() {
            assert_eq!(&image, workshop.source.image());
        }
        assert_eq!(workshop.read("builds"), "build\n");
        assert!(
            workshop.read("cluster").contains(workshop.source.image().commit()),
            "the import got the archive"
        );
    }

    #[tokio::test]
    async fn a_failure_is_explained_and_not_remembered() {
        let workshop = Workshop::new("Dockerfile");
        fs::write(workshop.folder.path().join("broken"), "").unwrap();
        let error = workshop.builder.build(&workshop.source).await.unwrap_err();
        assert!(error.to_string().ends_with("\nDockerfile:1: no such base"), "{error}");

        fs::remove_file(workshop.folder.path().join("broken")).unwrap();
        workshop.builder.build(&workshop.source).await.unwrap();
        assert_eq!(workshop.read("builds"), "build\nbuild\n");
    }

    #[tokio::test]
    async fn a_commit_without_a_dockerfile_is_not_built() {
        let workshop = Workshop::new("Makefile");
        let error = workshop.builder.build(&workshop.source).await.unwrap_err();
        assert!(matches!(error, ImageError::NoDockerfile { .. }), "{error}");
        assert!(!workshop.folder.path().join("builds").exists());
    }

    #[test]
    fn the_tail_is_the_last_lines_that_say_something() {
        let output: String = (1..=30).map(|n| format!("{n}\n\n")).collect();
        assert_eq!(tail(output.as_bytes()), (11..=30).map(|n| n.to_string()).collect::<Vec<_>>().join("\n"));
        assert_eq!(tail(b""), "");
    }
}
