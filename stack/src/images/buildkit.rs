//! Configures and calls BuildKit, so that it can build what strangers wrote.
//!
//! It gets a network namespace in which there is nothing, not even an address on the loopback interface. So
//! no Dockerfile reaches the network or this machine's own ports, whether by RUN, by ADD, by a base image or
//! by a `# syntax=` line. Its socket is a file, which needs no network.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::process::Command;

use super::{
    base::BaseImage,
    error::{ImageError, at},
    import::Import,
};
use crate::program::output;

/// Most that one file written by a RUN instruction may measure, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Most that layers and caches may take on disk before BuildKit removes what is used least.
const MAX_CACHE: &str = "4GB";

/// Steps of all builds together that run at the same moment.
const MAX_PARALLELISM: usize = 4;

/// The name under which builds know the base image.
const BASE_NAME: &str = "preview-base";

/// An image, and what it is made of.
pub(super) struct Build<'a> {
    /// Its name.
    pub image: &'a str,
    /// The commit that the image says it is of; empty: none.
    pub commit: &'a str,
    /// The folder of the `Dockerfile`.
    pub dockerfile: &'a Path,
    /// The folder of the files that it copies.
    pub context: &'a Path,
    /// The build arguments that ask for a base image.
    pub bases: &'a [&'a str],
    /// The stage of the Dockerfile that becomes the image; the last one if absent.
    pub target: Option<&'a str>,
    /// Stages whose place is taken by a folder.
    pub stages: &'a [(&'a str, &'a Path)],
}

/// The daemon `buildkitd` and its client. Plain data: the caller runs the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buildkit {
    /// The daemon's program.
    pub buildkitd: PathBuf,
    /// The client's program.
    pub buildctl: PathBuf,
    /// What runs the containers of RUN instructions.
    pub runc: PathBuf,
    /// Where the daemon keeps its state. With [`Import::Containerd`] that state refers to
    /// containerd's, so both must be wiped together.
    pub root: PathBuf,
    /// The daemon's socket; a path of at most 107 bytes.
    pub socket: PathBuf,
    /// The cgroup below which RUN instructions get theirs, such as `preview0`.
    pub cgroup: String,
    /// Where images go.
    pub import: Import,
}

impl Buildkit {
    /// Writes the daemon's configuration and returns the command that runs it, program first. Needs root, and
    /// util-linux for `unshare`. With [`Import::Containerd`] containerd must be up.
    ///
    /// # Errors
    /// [`ImageError::File`] when the configuration cannot be written.
    pub fn prepare(&self) -> Result<Vec<OsString>, ImageError> {
        fs::create_dir_all(&self.root).map_err(at(&self.root))?;
        let config = self.root.join("buildkitd.toml");
        fs::write(&config, self.config()).map_err(at(&config))?;
        let buildkitd = self.buildkitd.clone().into_os_string();
        Ok(
            ["unshare".into(), "--net".into(), "--".into(), buildkitd, "--config".into(), config.into()]
                .into(),
        )
    }

    /// Whether the daemon takes builds.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ready(&self) -> Result<(), String> {
        let mut question = self.client();
        question.args(["debug", "workers"]);
        output(question).await.map(drop)
    }

    /// TOML. It reads a JSON string as its own.
    fn config(&self) -> String {
        let quote = |path: &Path| json!(path.to_string_lossy());
        let common = format!(
            "max-parallelism = {MAX_PARALLELISM}\nmaxUsedSpace = \"{MAX_CACHE}\"\ndefaultCgroupParent = {}",
            json!(format!("/{}/buildkit", self.cgroup))
        );
        let runc = quote(&self.runc);
        let workers = match &self.import {
            Import::Containerd { address, .. } => format!(
                "[worker.oci]\nenabled = false\n\
                 [worker.containerd]\nenabled = true\naddress = {}\nnamespace = \"k8s.io\"\n{common}\n\
                 [worker.containerd.runtime]\nname = \"io.containerd.runc.v2\"\noptions = {{ BinaryName = {runc} }}\n",
                quote(address)
            ),
            Import::Command(_) => format!(
                "[worker.oci]\nenabled = true\nbinary = {runc}\n{common}\n\
                 [worker.containerd]\nenabled = false\n"
            ),
        };
        format!(
            "root = {}\n\
             [grpc]\naddress = [{}]\n\
             [cdi]\ndisabled = true\n\
             [frontend.\"gateway.v0\"]\nenabled = false\n\
             {workers}",
            quote(&self.root),
            json!(self.address()),
        )
    }

    /// The command of a build. With [`Import::Command`] it writes `archive`.
    pub(super) fn build(&self, build: &Build<'_>, base: &BaseImage, archive: &Path) -> Command {
        let Build { image, commit, dockerfile, context, bases, target, stages } = build;
        let mut command = self.client();
        command.args(["build", "--progress=plain", "--frontend=dockerfile.v0"]);
        let own = [("context", *context), ("dockerfile", *dockerfile)];
        for (role, folder) in own.into_iter().chain(stages.iter().copied()) {
            command.arg("--local").arg(assignment(role, folder));
        }
        command.arg("--oci-layout").arg(assignment("base", base.layout()));
        let output = match &self.import {
            // No compression: nothing leaves this machine, and an archive lives for seconds.
            Import::Containerd { .. } => {
                OsString::from(format!("type=image,unpack=true,compression=uncompressed,name={image}"))
            }
            Import::Command(_) => assignment(
                &format!("type=docker,compression=uncompressed,force-compression=true,name={image},dest"),
                archive,
            ),
        };
        command.arg("--output").arg(output);
        let given = [
            format!("build-arg:COMMIT={commit}"),
            format!("context:{BASE_NAME}=oci-layout://base@{}", base.digest()),
            // Keeps the built-in frontend, where a `# syntax=` line would have another one pulled.
            "cmdline=dockerfile.v0".to_owned(),
            "force-network-mode=none".to_owned(),
            format!("ulimit=fsize={MAX_FILE_BYTES}:{MAX_FILE_BYTES}"),
        ];
        let bases = bases.iter().map(|argument| format!("build-arg:{argument}={BASE_NAME}"));
        let stages = stages.iter().map(|(stage, _)| format!("context:{stage}=local:{stage}"));
        let target = target.map(|target| format!("target={target}"));
        for option in given.into_iter().chain(bases).chain(target).chain(stages) {
            command.arg("--opt").arg(option);
        }
        command
    }

    fn client(&self) -> Command {
        let mut command = Command::new(&self.buildctl);
        command
            // With the person's environment it would offer their registry passwords and proxies to the build.
            .env_clear()
            .env("DOCKER_CONFIG", &self.root)
            .arg("--addr")
            .arg(self.address());
        command
    }

    fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

fn assignment(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(path);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buildkit(import: Import) -> Buildkit {
        Buildkit {
            buildkitd: "/cache/buildkitd".into(),
            buildctl: "/cache/buildctl".into(),
            runc: "/cache/runc".into(),
            root: "/state/build\"kit".into(),
            socket: "/state/buildkit.sock".into(),
            cgroup: "preview0".into(),
            import,
        }
    }

    fn containerd() -> Import {
        Import::Containerd {
            ctr: "/cache/ctr".into(),
            address: "/state/containerd.sock".into(),
        }
    }

    fn kind() -> Import {
        Import::Command("kind load image-archive {archive}".parse().unwrap())
    }

    #[test]
    fn with_the_embedded_cluster_it_works_in_its_containerd() {
        insta::assert_snapshot!(buildkit(containerd()).config(), @r#"
        root = "/state/build\"kit"
        [grpc]
        address = ["unix:///state/buildkit.sock"]
        [cdi]
        disabled = true
        [frontend."gateway.v0"]
        enabled = false
        [worker.oci]
        enabled = false
        [worker.containerd]
        enabled = true
        address = "/state/containerd.sock"
        namespace = "k8s.io"
        max-parallelism = 4
        maxUsedSpace = "4GB"
        defaultCgroupParent = "/preview0/buildkit"
        [worker.containerd.runtime]
        name = "io.containerd.runc.v2"
        options = { BinaryName = "/cache/runc" }
        "#);
    }

    #[test]
    fn beside_a_persons_cluster_it_runs_containers_itself() {
        insta::assert_snapshot!(buildkit(kind()).config(), @r#"
        root = "/state/build\"kit"
        [grpc]
        address = ["unix:///state/buildkit.sock"]
        [cdi]
        disabled = true
        [frontend."gateway.v0"]
        enabled = false
        [worker.oci]
        enabled = true
        binary = "/cache/runc"
        max-parallelism = 4
        maxUsedSpace = "4GB"
        defaultCgroupParent = "/preview0/buildkit"
        [worker.containerd]
        enabled = false
        "#);
    }

    fn arguments_of(buildkit: &Buildkit, build: &Build<'_>) -> Vec<String> {
        let base = BaseImage::new("/cache/python".into(), "sha256:0123".into());
        let command = buildkit.build(build, &base, Path::new("/scratch/image.tar"));
        let arguments = command.as_std().get_args();
        arguments.map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_folder_takes_the_place_of_a_stage() {
        let build = Build {
            image: "registry.preview.localhost/preview-worker:dev",
            commit: "",
            dockerfile: Path::new("/source/docker"),
            context: Path::new("/source"),
            bases: &["BASE_IMAGE"],
            target: Some("worker"),
            stages: &[("binaries", Path::new("/scratch/binaries"))],
        };
        let arguments = arguments_of(&buildkit(containerd()), &build).join(" ");
        for part in [
            "--local binaries=/scratch/binaries",
            "--opt target=worker",
            "--opt context:binaries=local:binaries",
            "name=registry.preview.localhost/preview-worker:dev",
        ] {
            assert!(arguments.contains(part), "{part} is missing in {arguments}");
        }
    }

    #[test]
    fn a_build_gets_its_commit_its_base_and_no_network() {
        let commit = "a".repeat(40);
        let image = format!("registry.preview.localhost/octo-org/hello-world:{commit}");
        let build = Build {
            image: &image,
            commit: &commit,
            dockerfile: Path::new("/scratch/source"),
            context: Path::new("/scratch/source"),
            bases: &["BASE_IMAGE"],
            target: None,
            stages: &[],
        };
        let arguments = arguments_of(&buildkit(kind()), &build);
        insta::assert_snapshot!(arguments.join("\n"), @r"
        --addr
        unix:///state/buildkit.sock
        build
        --progress=plain
        --frontend=dockerfile.v0
        --local
        context=/scratch/source
        --local
        dockerfile=/scratch/source
        --oci-layout
        base=/cache/python
        --output
        type=docker,compression=uncompressed,force-compression=true,name=registry.preview.localhost/octo-org/hello-world:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,dest=/scratch/image.tar
        --opt
        build-arg:COMMIT=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        --opt
        context:preview-base=oci-layout://base@sha256:0123
        --opt
        cmdline=dockerfile.v0
        --opt
        force-network-mode=none
        --opt
        ulimit=fsize=1073741824:1073741824
        --opt
        build-arg:BASE_IMAGE=preview-base
        ");
    }
}
