//! Calls Cargo from a program that Cargo runs.

use std::env;

use tokio::process::Command;

/// Cargo, to be given its arguments, for this workspace.
///
/// In a person's own environment: Cargo tells the program that it runs about that program's package, and
/// would take that for a change of what some build scripts look at (`ring` looks at `CARGO_MANIFEST_DIR`).
/// Half of all dependencies would be built anew, back and forth.
#[must_use]
pub fn command() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_about_the_package) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo
}

fn is_about_the_package(variable: &str) -> bool {
    variable == "CARGO" || variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_one_package_is_dropped_and_what_a_person_sets_is_kept() {
        for dropped in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(is_about_the_package(dropped), "{dropped}");
        }
        for kept in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "CARGO_NET_OFFLINE"] {
            assert!(!is_about_the_package(kept), "{kept}");
        }
    }
}
