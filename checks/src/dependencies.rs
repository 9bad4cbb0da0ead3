//! Who may depend on whom? Cargo would allow anything; this table does not.

use std::collections::BTreeSet;
use std::process::Command;

use crate::files;

/// What one of our crates must not link, however many crates lie between.
struct Rule {
    /// The crate.
    of: &'static str,
    /// Names of crates; `*` at the end stands for anything.
    never: &'static [&'static [&'static str]],
    /// If not all of our own crates are allowed, those that are.
    ours: Option<&'static [&'static str]>,
}

const KUBERNETES: &[&str] = &["kube", "kube-*", "k8s-openapi"];
const GITHUB: &[&str] = &["github", "octocrab"];
/// What carries workflows and activities out, or calls the server.
const TEMPORAL_RUNTIME: &[&str] = &["temporalio-client", "temporalio-sdk", "temporalio-sdk-*"];
const TEMPORAL: &[&str] = &["temporalio-*"];
/// Clients of HTTP, and encryption.
const CLIENTS: &[&str] = &["reqwest", "hyper-rustls", "rustls"];
/// Sockets and HTTP. `workflows` gets some of it along with Temporal's own types.
const NETWORK: &[&str] = &["tokio", "tokio-*", "http", "hyper", "hyper-*", "tonic", "axum"];
/// What there is for developers only.
const DEVELOPMENT: &[&str] = &["dev", "stack", "github-stand-in", "simulation", "tests"];

const RULES: &[Rule] = &[
    // The rules of previews: nobody needs Temporal, a network or a cluster to read, build or test them.
    Rule {
        of: "domain",
        never: &[TEMPORAL, NETWORK, CLIENTS, GITHUB, KUBERNETES],
        ours: Some(&[]),
    },
    // A client of GitHub and of nothing else.
    Rule {
        of: "github",
        never: &[TEMPORAL, KUBERNETES],
        ours: Some(&["domain"]),
    },
    // Workflows decide and touch nothing: what a decision depends on is in its history.
    Rule {
        of: "workflows",
        never: &[TEMPORAL_RUNTIME, CLIENTS, GITHUB, KUBERNETES],
        ours: Some(&["domain"]),
    },
    // The workflows' own code against models: no server, no network, no cluster.
    Rule {
        of: "simulation",
        never: &[TEMPORAL_RUNTIME, CLIENTS, GITHUB, KUBERNETES],
        ours: Some(&["domain", "workflows"]),
    },
    // It faces the internet, and has no way to GitHub or the cluster.
    Rule {
        of: "webhook",
        never: &[&["activities", "worker", "preview"], GITHUB, KUBERNETES, DEVELOPMENT],
        ours: None,
    },
    Rule {
        of: "worker",
        never: &[&["webhook", "preview"], DEVELOPMENT],
        ours: None,
    },
    // It looks at an installation with the worker's own eyes.
    Rule {
        of: "preview",
        never: &[&["webhook"], DEVELOPMENT],
        ours: None,
    },
];

impl Rule {
    /// What it links and must not.
    fn broken_by(&self, linked: &BTreeSet<String>, members: &BTreeSet<String>) -> Vec<String> {
        let forbidden = |name: &str| self.never.iter().copied().flatten().any(|rule| fits(rule, name));
        let not_allowed =
            |name: &str| members.contains(name) && self.ours.is_some_and(|allowed| !allowed.contains(&name));
        linked
            .iter()
            .filter(|name| *name != self.of)
            .filter(|name| forbidden(name) || not_allowed(name))
            .map(|name| format!("{} links {name}", self.of))
            .collect()
    }
}

fn fits(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == rule,
    }
}

/// What `cargo tree` prints of each crate in this format, each once.
fn tree(format: &str, arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(files::root())
        .args(["tree", "--locked", "--prefix", "none", "--format", format])
        .args(arguments)
        .output()
        .expect("Cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// The names of the crates.
fn names(arguments: &[&str]) -> BTreeSet<String> {
    tree("{p}", arguments)
        .iter()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn members() -> BTreeSet<String> {
    names(&["--workspace", "--depth", "0"])
}

#[test]
fn nobody_links_what_it_must_not() {
    let members = members();
    let mut broken = Vec::new();
    for rule in RULES {
        assert!(members.contains(rule.of), "the table names the crate {}, and there is none", rule.of);
        let linked = names(&["--package", rule.of, "--edges", "normal"]);
        broken.extend(rule.broken_by(&linked, &members));
    }
    assert!(
        broken.is_empty(),
        "{}\n`cargo tree --edges normal --package <crate> --invert <linked>` says by which way",
        broken.join("\n")
    );
}

#[test]
fn plain_cargo_test_takes_in_every_crate_that_needs_no_stack() {
    let mut wanted = members();
    wanted.remove("tests");
    assert_eq!(names(&["--depth", "0"]), wanted, "`default-members` in Cargo.toml");
}

#[test]
fn cargo_dev_and_cargo_dev_test_share_one_build() {
    let features = |which: &[&str]| tree("{p} {f}", &[&["--edges", "normal,build"], which].concat());
    let (alone, with_tests) = (features(&[]), features(&["--workspace"]));
    let twice: Vec<_> = alone.difference(&with_tests).collect();
    assert!(
        twice.is_empty(),
        "`tests` asks for further features, so this is built twice: {twice:#?}\nAsk for them in [workspace.dependencies]"
    );
}

#[test]
fn what_is_not_allowed_is_named() {
    let rule = Rule {
        of: "webhook",
        never: &[KUBERNETES],
        ours: Some(&["runtime"]),
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let members = set(&["webhook", "runtime", "github"]);
    let linked = set(&["webhook", "runtime", "github", "kube-core", "serde"]);
    assert_eq!(rule.broken_by(&linked, &members), ["webhook links github", "webhook links kube-core"]);
}
