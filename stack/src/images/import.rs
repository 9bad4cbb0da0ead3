//! Brings a finished image into the cluster.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

/// What stands for the archive's path in an [`ImportCommand`].
const PLACEHOLDER: &str = "{archive}";

/// Where images go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// Into the embedded cluster's containerd: BuildKit works in its namespace
    /// `k8s.io`, so nothing is copied.
    Containerd {
        /// The program `ctr`, which tells whether an image is there.
        ctr: PathBuf,
        /// containerd's socket.
        address: PathBuf,
    },
    /// Into a person's own cluster, by a command that loads an image archive.
    Command(ImportCommand),
}

/// A program and its arguments, with `{archive}` where the path of the image archive goes. No shell reads it,
/// so no argument can hold a blank: `kind load image-archive {archive} --name mine`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportCommand {
    program: String,
    arguments: Vec<String>,
}

/// The text is not a command that could load an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an import command: expected a program and arguments, one of them with {{archive}}, \
     such as `kind load image-archive {{archive}}`"
)]
pub struct InvalidImportCommand(String);

impl FromStr for ImportCommand {
    type Err = InvalidImportCommand;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace().map(str::to_owned);
        let program = words.next();
        let arguments: Vec<_> = words.collect();
        match program {
            Some(program) if arguments.iter().any(|word| word.contains(PLACEHOLDER)) => {
                Ok(Self { program, arguments })
            }
            _ => Err(InvalidImportCommand(text.to_owned())),
        }
    }
}

impl ImportCommand {
    /// Program and arguments for one archive.
    pub(super) fn for_archive(&self, archive: &Path) -> (&str, Vec<String>) {
        let path = archive.to_string_lossy();
        let arguments = self.arguments.iter().map(|word| word.replace(PLACEHOLDER, &path)).collect();
        (&self.program, arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_takes_the_placeholders_place() {
        let command: ImportCommand = "k3d image import --file={archive} -c mine".parse().unwrap();
        let (program, arguments) = command.for_archive(Path::new("/tmp/a b.tar"));
        assert_eq!(program, "k3d");
        assert_eq!(arguments, ["image", "import", "--file=/tmp/a b.tar", "-c", "mine"]);
    }

    #[test]
    fn a_command_that_cannot_load_the_archive_is_refused() {
        for text in ["", "kind load image-archive", "{archive}"] {
            assert!(text.parse::<ImportCommand>().is_err(), "{text:?}");
        }
    }
}
