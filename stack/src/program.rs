//! Runs programs that come to an end by themselves.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// Runs a program to its end, and returns what it printed.
///
/// # Errors
/// Why it did not run, or what it complained of.
pub async fn output(mut command: Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| {
        let program = Path::new(command.as_std().get_program());
        format!("cannot run {}: {error}", program.display())
    })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        // Some say what is wrong where others say what they have found.
        let said =
            [output.stderr, output.stdout].map(|said| String::from_utf8_lossy(&said).trim().to_owned());
        Err(said.into_iter().find(|said| !said.is_empty()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[tokio::test]
    async fn it_is_what_the_program_printed_or_its_complaint() {
        assert_eq!(output(shell("echo fine; echo hm >&2")).await, Ok("fine\n".to_owned()));
        assert_eq!(output(shell("echo fine; echo no space >&2; exit 1")).await, Err("no space".to_owned()));
        assert_eq!(output(shell("echo no space; exit 1")).await, Err("no space".to_owned()));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = output(Command::new("/nonexistent/helm")).await.unwrap_err();
        assert!(missing.starts_with("cannot run /nonexistent/helm: "), "{missing}");
    }
}
