//! Looking into commits.

use super::{Git, GitError};

/// How two commits differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiffStat {
    pub(crate) changed_files: u64,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

/// What a path holds at a commit.
pub(crate) enum Entry {
    File { sha: String, content: Vec<u8> },
    Folder(Vec<FolderEntry>),
}

pub(crate) struct FolderEntry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
    pub(crate) sha: String,
    pub(crate) size: u64,
}

impl Git {
    /// What changed on the way from where both histories parted to `head`.
    pub(crate) async fn diff_stat(&self, base: &str, head: &str) -> Result<DiffStat, GitError> {
        let output = self
            .run(
                &[
                    "diff",
                    "--numstat",
                    "--no-renames",
                    &format!("{base}...{head}"),
                ],
                b"",
            )
            .await?;
        let mut stat = DiffStat::default();
        for line in String::from_utf8_lossy(&output).lines() {
            // A binary file counts as changed, with "-" for its lines.
            let mut columns = line
                .split('\t')
                .map(|column| column.parse::<u64>().unwrap_or(0));
            stat.changed_files += 1;
            stat.additions += columns.next().unwrap_or(0);
            stat.deletions += columns.next().unwrap_or(0);
        }
        Ok(stat)
    }

    /// The full SHA that a branch, tag or (short) SHA stands for, if there is such a commit.
    pub(crate) async fn resolve(&self, name: &str) -> Option<String> {
        let output = self
            .run(
                &[
                    "rev-parse",
                    "--verify",
                    "--quiet",
                    "--end-of-options",
                    &format!("{name}^{{commit}}"),
                ],
                b"",
            )
            .await
            .ok()?;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// The file or folder at `path` of a commit; `None` if there is none.
    pub(crate) async fn read(&self, commit: &str, path: &str) -> Result<Option<Entry>, GitError> {
        let path = path.trim_matches('/');
        let Ok(output) = self
            .run(
                &[
                    "rev-parse",
                    "--verify",
                    "--quiet",
                    "--end-of-options",
                    &format!("{commit}:{path}"),
                ],
                b"",
            )
            .await
        else {
            return Ok(None);
        };
        let sha = String::from_utf8_lossy(&output).trim().to_owned();
        if self
            .run(&["cat-file", "-t", &sha], b"")
            .await?
            .starts_with(b"blob")
        {
            let content = self.run(&["cat-file", "blob", &sha], b"").await?;
            return Ok(Some(Entry::File { sha, content }));
        }
        let listing = self.run(&["ls-tree", "--long", "-z", &sha], b"").await?;
        let entries = String::from_utf8_lossy(&listing)
            .split_terminator('\0')
            .filter_map(FolderEntry::parse)
            .collect();
        Ok(Some(Entry::Folder(entries)))
    }
}

impl FolderEntry {
    /// `100644 blob <sha> <size>\t<name>`
    fn parse(line: &str) -> Option<Self> {
        let (meta, name) = line.split_once('\t')?;
        let mut columns = meta.split_whitespace();
        let (_mode, kind, sha, size) = (
            columns.next()?,
            columns.next()?,
            columns.next()?,
            columns.next()?,
        );
        Some(Self {
            name: name.to_owned(),
            is_folder: kind == "tree",
            sha: sha.to_owned(),
            size: size.parse().unwrap_or(0),
        })
    }
}
