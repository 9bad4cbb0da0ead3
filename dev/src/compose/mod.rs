//! `cargo dev compose`: runs `docker-compose.yml` on an engine of its own, where no image can be pulled, and
//! plays a conversation against it.

mod look;
mod play;
mod release;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use stack::compose::{Compose, Installed};
use stack::{StackError, namespace, services};

/// The profiles of the file.
const PROFILES: [&str; 3] = ["stand-in", "github", "observe"];

/// What a person can choose.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Folder for the engine's state, which is removed in the end, and for logs.
    #[arg(long, default_value = ".dev/compose")]
    state: PathBuf,
}

/// Installs and builds, then plays in namespaces of its own and waits for it.
pub(crate) async fn outside() -> anyhow::Result<ExitCode> {
    // Asked for now, as the build below may replace the file that this process was started from.
    let program = std::env::current_exe()?;
    Installed::ensure().await?;
    services::build().await?;
    // The same options again: the inside resolves them in the same way.
    let arguments = std::env::args_os().skip(1).map(|word| {
        if word == "compose" {
            OsString::from("compose-inside")
        } else {
            word
        }
    });
    Ok(namespace::run(&program, arguments).await?)
}

/// Leaves the machine's network. Called while there is one thread.
pub(crate) fn enter() -> anyhow::Result<()> {
    ensure!(
        namespace::is_inside(),
        "`dev compose-inside` is for its own use; type `cargo dev compose`"
    );
    namespace::leave_network().map_err(StackError::Namespace)?;
    Ok(namespace::empty_run().map_err(StackError::Namespace)?)
}

/// Plays, and stops when that is done or somebody asks for it.
pub(crate) async fn inside(options: Options) -> anyhow::Result<ExitCode> {
    let state = std::path::absolute(&options.state)?;
    let installed = Installed::ensure().await?;
    let compose = Compose::start(&installed, &state, &services::programs()?).await?;
    let outcome = tokio::select! {
        played = run(&compose, &installed, &state) => played,
        asked = namespace::stop_requested() => {
            eprintln!("Stopping.");
            asked.map_err(Into::into)
        }
    };
    if outcome.is_err() {
        // What there is to say about it is gone with the engine.
        for words in [["ps", "--all"].as_slice(), &["logs", "--tail=40"]] {
            match compose.run(&[&with_stand_in(), words].concat()).await {
                Ok(said) => eprintln!("{said}"),
                Err(error) => eprintln!("{error}"),
            }
        }
    }
    compose.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn run(compose: &Compose, installed: &Installed, state: &std::path::Path) -> anyhow::Result<()> {
    for profiles in combinations() {
        let chosen: Vec<_> = profiles.iter().flat_map(|profile| ["--profile", profile]).collect();
        compose.run(&[&chosen, ["config", "--quiet"].as_slice()].concat()).await?;
    }
    Box::pin(play::play(compose, installed, state)).await
}

/// The profiles that are played. Of `github` there is only the tunnel.
fn with_stand_in() -> [&'static str; 4] {
    ["--profile", PROFILES[0], "--profile", PROFILES[2]]
}

/// Every set of profiles.
fn combinations() -> Vec<Vec<&'static str>> {
    let chosen = |set: usize| {
        let profiles = PROFILES.iter().enumerate();
        profiles
            .filter(|(n, _)| set & (1 << n) != 0)
            .map(|(_, profile)| *profile)
            .collect()
    };
    (0..1 << PROFILES.len()).map(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_every_combination_of_profiles_once() {
        let mut all = combinations();
        assert_eq!((all.len(), all[0].len(), all[7].len()), (8, 0, 3));
        all.dedup();
        assert_eq!(all.len(), 8);
    }
}
