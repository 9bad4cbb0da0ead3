//! A release of a version that does not exist: what `cargo release` would change, and what the workflow of a
//! tag makes of it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use regex::Regex;
use serde::Deserialize;
use tempfile::TempDir;

use crate::files;

const VERSION: &str = "0.987.0";

/// One of `pre-release-replacements`, as `cargo release` reads it.
#[derive(Deserialize)]
struct Replacement {
    /// From the folder of the crate.
    file: String,
    search: String,
    replace: String,
    exactly: usize,
}

/// A copy of what says a version.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().expect("a folder"));
        let is_wanted = |file: &&std::path::PathBuf| {
            file.ends_with("Chart.yaml")
                || ["Cargo.toml", "CHANGELOG.md", ".ci/release"].contains(&file.to_str().unwrap_or_default())
        };
        for file in files::all().iter().filter(is_wanted) {
            let target = copy.0.path().join(file);
            fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
            fs::copy(files::root().join(file), target).expect("a copy");
        }
        copy
    }

    fn change(&self, file: &Path, change: impl FnOnce(String) -> String) {
        let path = self.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::write(path, change(text)).expect("it can be written");
    }

    /// As `cargo release` does it.
    fn apply(&self, replacement: &Replacement) {
        let file = replacement.file.strip_prefix("../").expect("a file of the repository");
        let search = Regex::new(&replacement.search).expect(&replacement.search);
        let by = replacement
            .replace
            .replace("{{version}}", VERSION)
            .replace("{{date}}", "2026-11-26");
        self.change(Path::new(file), |text| {
            assert_eq!(
                search.find_iter(&text).count(),
                replacement.exactly,
                "{} in {file}",
                replacement.search
            );
            search.replace_all(&text, by.as_str()).into_owned()
        });
    }

    fn release(&self, words: &[&str]) -> Output {
        let script = self.0.path().join(".ci/release");
        Command::new(script).args(words).output().expect("it runs")
    }
}

fn replacements() -> Vec<Replacement> {
    let manifest: toml::Table = files::read(Path::new("worker/Cargo.toml")).parse().expect("TOML");
    let replacements = &manifest["package"]["metadata"]["release"]["pre-release-replacements"];
    replacements.clone().try_into().expect("replacements")
}

#[test]
fn a_tag_is_released_once_everything_says_its_version() {
    let copy = Copy::new();
    let tag = format!("v{VERSION}");
    let early = copy.release(&["check", &tag]);
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success());
    for file in ["Cargo.toml", "charts/preview/Chart.yaml", "charts/preview-cluster/Chart.yaml"] {
        assert!(said.contains(file), "{said}");
    }

    let own = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    copy.change(Path::new("Cargo.toml"), |text| text.replace(&own, &format!("version = \"{VERSION}\"")));
    for replacement in replacements() {
        copy.apply(&replacement);
    }

    let checked = copy.release(&["check", &tag]);
    assert!(checked.status.success(), "{checked:?}");
    let notes = copy.release(&["notes", &tag]);
    let notes = String::from_utf8_lossy(&notes.stdout).into_owned();
    assert!(notes.starts_with("### Added\n") && !notes.contains("## ["), "{notes}");
}

#[test]
fn a_tag_of_which_the_changelog_says_nothing_is_not_released() {
    let copy = Copy::new();
    copy.change(Path::new("CHANGELOG.md"), |text| {
        text.replace(
            "## [Unreleased]",
            &format!(
                "## [Unreleased]\n\n## [{}] - 2026-11-26\n\n## [0.0.0] - 2026-11-01",
                env!("CARGO_PKG_VERSION")
            ),
        )
    });
    let checked = copy.release(&["check", concat!("v", env!("CARGO_PKG_VERSION"))]);
    assert!(!checked.status.success());
    assert!(
        String::from_utf8_lossy(&checked.stderr).contains("CHANGELOG.md has no section"),
        "{checked:?}"
    );
}
