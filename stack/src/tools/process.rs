//! Runs an installer, keeping its output and showing its progress.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::{ToolError, at};
use crate::last_words;

/// Runs `command`, writing both its streams to `log`; `seen` gets each line of standard error as it appears.
/// Returns standard output.
pub(super) fn run(
    tool: &'static str,
    command: &mut Command,
    log: &Path,
    mut seen: impl FnMut(&str),
) -> Result<String, ToolError> {
    let failed =
        |what: String| ToolError::Failed { tool, what, tail: last_words::of(log), log: log.to_owned() };
    let mut file = OpenOptions::new().append(true).open(log).map_err(at(log))?;
    writeln!(file, "$ {command:?}").map_err(at(log))?;

    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{:?} did not start: {error}", command.get_program())))?;
    let stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    let reader = std::thread::spawn(move || std::io::read_to_string(stdout));
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        writeln!(file, "{line}").map_err(at(log))?;
        seen(&line);
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    let output = reader
        .join()
        .expect("the reader does not panic")
        .map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(output);
    }
    file.write_all(output.as_bytes()).map_err(at(log))?;
    Err(failed(format!("{:?} ended with {status}", command.get_program())))
}
