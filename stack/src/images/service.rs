//! Lays out what the images of the service's own programs are made of, in place of the stages of
//! `docker/Dockerfile` that would compile and download it.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{
    error::{ImageError, at},
    reference::REGISTRY,
};
use crate::program::output;

/// A target of `docker/Dockerfile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ServiceImage {
    Webhook,
    Worker,
    Preview,
    StandIn,
}

/// What is built already.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The folder that Cargo has put the service's programs into.
    pub folder: PathBuf,
    /// The program Helm.
    pub helm: PathBuf,
}

impl ServiceImage {
    /// What it is called in the cluster.
    #[must_use]
    pub fn name(self) -> String {
        format!("{REGISTRY}/{}:dev", self.program())
    }

    fn program(self) -> &'static str {
        match self {
            Self::Webhook => "preview-webhook",
            Self::Worker => "preview-worker",
            Self::Preview => "preview",
            Self::StandIn => "github-stand-in",
        }
    }

    /// The stage of the Dockerfile that becomes the image.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Worker => "worker",
            Self::Preview => "preview",
            Self::StandIn => "github-stand-in",
        }
    }

    /// Lays out what the stages `binaries`, `helm` and `buildkit` of all images hold, in folders of these
    /// names in `folder`; `buildctl` is BuildKit's client.
    ///
    /// # Errors
    /// [`ImageError::Layout`] with the reason.
    pub(crate) async fn lay_out_all(
        programs: &Path,
        helm: &Path,
        buildctl: &Path,
        folder: &Path,
    ) -> Result<(), ImageError> {
        let binaries = empty_folder(folder, "binaries")?;
        for image in [Self::Webhook, Self::Worker, Self::Preview, Self::StandIn] {
            strip(&programs.join(image.program()), &binaries).await?;
        }
        install(&helm_and_what_starts_it(helm).await?, &empty_folder(folder, "helm")?).await?;
        lay_out_buildkit(buildctl, folder).await.map(drop)
    }

    /// Copies a program without its symbols.
    ///
    /// # Errors
    /// [`ImageError::Layout`] with the reason.
    pub(crate) async fn strip_into(program: &Path, folder: &Path) -> Result<(), ImageError> {
        strip(program, folder).await
    }

    /// Fills a folder for each stage that need not run, below `scratch`; `buildctl` is BuildKit's client.
    pub(super) async fn stages(
        self,
        programs: &Programs,
        buildctl: &Path,
        scratch: &Path,
    ) -> Result<Vec<(&'static str, PathBuf)>, ImageError> {
        let binaries = empty_folder(scratch, "binaries")?;
        let operators = (self == Self::Worker).then_some(Self::Preview);
        for image in [self].into_iter().chain(operators) {
            strip(&programs.folder.join(image.program()), &binaries).await?;
        }
        let mut stages = vec![("binaries", binaries)];
        if self == Self::Worker {
            let helm = empty_folder(scratch, "helm")?;
            install(&helm_and_what_starts_it(&programs.helm).await?, &helm).await?;
            stages.push(("helm", helm));
        }
        if self == Self::StandIn {
            stages.push(("buildkit", lay_out_buildkit(buildctl, scratch).await?));
        }
        Ok(stages)
    }
}

/// The root of the repository, of which builds get no more than the Dockerfile copies.
pub(super) fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).to_owned()
}

fn empty_folder(scratch: &Path, name: &str) -> Result<PathBuf, ImageError> {
    let folder = scratch.join(name);
    std::fs::create_dir(&folder).map_err(at(&folder))?;
    Ok(folder)
}

/// BuildKit's client where its image has it.
async fn lay_out_buildkit(buildctl: &Path, scratch: &Path) -> Result<PathBuf, ImageError> {
    let buildkit = empty_folder(scratch, "buildkit")?;
    let programs = buildkit.join("usr/bin");
    std::fs::create_dir_all(&programs).map_err(at(&programs))?;
    install(&[buildctl.to_owned()], &programs).await?;
    Ok(buildkit)
}

/// Copies a program without its symbols, which are most of a debug build.
async fn strip(program: &Path, folder: &Path) -> Result<(), ImageError> {
    let mut install = Command::new("install");
    install.arg("--strip").arg(program).arg(folder);
    output(install).await.map(drop).map_err(ImageError::Layout)
}

async fn install(files: &[PathBuf], folder: &Path) -> Result<(), ImageError> {
    let mut install = Command::new("install");
    install.args(files).arg(folder);
    output(install).await.map(drop).map_err(ImageError::Layout)
}

/// Helm, this machine's `setpriv`, and the one library that neither image nor program brings along.
async fn helm_and_what_starts_it(helm: &Path) -> Result<[PathBuf; 3], ImageError> {
    let setpriv = which::which("setpriv")
        .map_err(|error| ImageError::Layout(format!("setpriv: {error}; install util-linux")))?;
    let mut ldd = Command::new("ldd");
    ldd.arg(&setpriv);
    let libraries = output(ldd).await.map_err(ImageError::Layout)?;
    let library = file_of_library(&libraries, "libcap-ng.so.0")
        .ok_or_else(|| ImageError::Layout(format!("ldd names no libcap-ng.so.0 of setpriv:\n{libraries}")))?;
    Ok([helm.to_owned(), setpriv, library])
}

/// `name => /path (address)`, in the output of `ldd`.
fn file_of_library(listed: &str, name: &str) -> Option<PathBuf> {
    let mut lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find_map(|words| match words.as_slice() {
        [listed, "=>", file, ..] if *listed == name => Some(PathBuf::from(*file)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = include_str!("../../../docker/Dockerfile");

    #[test]
    fn the_dockerfile_has_the_targets_and_the_stages_that_are_replaced() {
        for stage in [
            "AS webhook",
            "AS worker",
            "AS preview",
            "AS github-stand-in",
            "AS binaries",
            "AS helm",
            "AS buildkit",
        ] {
            let lines = DOCKERFILE
                .lines()
                .filter(|line| line.starts_with("FROM ") && line.ends_with(stage));
            assert_eq!(lines.count(), 1, "{stage}");
        }
    }

    #[test]
    fn the_file_of_a_library_is_found_in_the_words_of_ldd() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibcap-ng.so.0 => /lib/libcap-ng.so.0 (0x2)\n";
        assert_eq!(file_of_library(listed, "libcap-ng.so.0"), Some("/lib/libcap-ng.so.0".into()));
        assert_eq!(file_of_library(listed, "libc.so.6"), None);
    }
}
