//! Which files does the repository have?

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file that is in the repository or about to be, by its path there. What git ignores is not.
pub(crate) fn all() -> Vec<PathBuf> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git ls-files: {output:?}");
    let text = String::from_utf8(output.stdout).expect("file names are UTF-8");
    text.split_terminator('\0')
        .map(PathBuf::from)
        // Git lists a file that was removed until the removal is staged.
        .filter(|file| root().join(file).exists())
        .collect()
}

/// Those whose names end in `extension`.
pub(crate) fn with_extension(extension: &str) -> impl Iterator<Item = PathBuf> {
    all()
        .into_iter()
        .filter(move |file| file.extension().is_some_and(|found| found == extension))
}

/// The text of one of them.
pub(crate) fn read(file: &Path) -> String {
    let path = root().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
