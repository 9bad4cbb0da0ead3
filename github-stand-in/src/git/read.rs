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
    File {
        sha: String,
        content: Vec<u8>,
    },
    Folder(Vec<TreeEntry>),
    /// A link that does not lead to a file of the same commit.
    Link {
        sha: String,
        target: String,
    },
}

/// The mode of a symbolic link.
const LINK: &str = "120000";

/// A folder, which git calls a tree.
pub(crate) struct Tree {
    /// The SHA of the commit, if it was asked for by one.
    pub(crate) sha: String,
    pub(crate) entries: Vec<TreeEntry>,
}

/// Something in a folder.
pub(crate) struct TreeEntry {
    /// From the folder that was asked for.
    pub(crate) path: String,
    /// Six octal digits.
    pub(crate) mode: String,
    /// `blob`, `tree` or `commit` (a submodule).
    pub(crate) kind: String,
    pub(crate) sha: String,
    /// Of blobs.
    pub(crate) size: Option<u64>,
}

impl Git {
    /// What changed on the way from where both histories parted to `head`.
    pub(crate) async fn diff_stat(&self, base: &str, head: &str) -> Result<DiffStat, GitError> {
        let output = self
            .run(&["diff", "--numstat", "--no-renames", &format!("{base}...{head}")], b"")
            .await?;
        let mut stat = DiffStat::default();
        for line in String::from_utf8_lossy(&output).lines() {
            // A binary file counts as changed, with "-" for its lines.
            let mut columns = line.split('\t').map(|column| column.parse::<u64>().unwrap_or(0));
            stat.changed_files += 1;
            stat.additions += columns.next().unwrap_or(0);
            stat.deletions += columns.next().unwrap_or(0);
        }
        Ok(stat)
    }

    /// The full SHA that a branch, tag or (short) SHA stands for, if there is such a commit.
    pub(crate) async fn resolve(&self, name: &str) -> Option<String> {
        self.find(&format!("{name}^{{commit}}")).await
    }

    /// What is at `path` of a commit, or where a link there leads to; `None` if there is nothing.
    pub(crate) async fn read(&self, commit: &str, path: &str) -> Result<Option<Entry>, GitError> {
        let path = path.trim_matches('/');
        let Some(sha) = self.find(&format!("{commit}:{path}")).await else {
            return Ok(None);
        };
        if self.run(&["cat-file", "-t", &sha], b"").await?.starts_with(b"blob") {
            let content = self.run(&["cat-file", "blob", &sha], b"").await?;
            if !self.is_link(commit, path).await? {
                return Ok(Some(Entry::File { sha, content }));
            }
            return Ok(Some(match self.file_behind(commit, path).await? {
                Some((sha, content)) => Entry::File { sha, content },
                None => Entry::Link { sha, target: String::from_utf8_lossy(&content).into_owned() },
            }));
        }
        let entries = self.list(&sha, &[]).await?;
        Ok(Some(Entry::Folder(entries)))
    }

    async fn is_link(&self, commit: &str, path: &str) -> Result<bool, GitError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let siblings = self.list(&format!("{commit}:{folder}"), &[]).await?;
        let itself = siblings.iter().find(|entry| entry.path == name);
        Ok(itself.is_some_and(|entry| entry.mode == LINK))
    }

    /// The file that a link leads to at last, unless it leads to something else or out of the repository.
    async fn file_behind(&self, commit: &str, path: &str) -> Result<Option<(String, Vec<u8>)>, GitError> {
        let question = format!("{commit}:{path}\n");
        let follow = ["cat-file", "--batch-check=%(objecttype) %(objectname)", "--follow-symlinks"];
        let found = self.run(&follow, question.as_bytes()).await?;
        let found = String::from_utf8_lossy(&found);
        let Some(sha) = found.trim().strip_prefix("blob ") else {
            return Ok(None);
        };
        let content = self.run(&["cat-file", "blob", sha], b"").await?;
        Ok(Some((sha.to_owned(), content)))
    }

    /// What a tree holds, or a commit's, or a branch's or tag's: in the folder
    /// itself, or in all folders below it as well.
    pub(crate) async fn tree(&self, name: &str, recursive: bool) -> Result<Option<Tree>, GitError> {
        let Some(tree) = self.find(&format!("{name}^{{tree}}")).await else {
            return Ok(None);
        };
        // Folders are listed besides what is in them.
        let depth: &[&str] = if recursive { &["-r", "-t"] } else { &[] };
        let entries = self.list(&tree, depth).await?;
        let sha = self.resolve(name).await.unwrap_or(tree);
        Ok(Some(Tree { sha, entries }))
    }

    /// What the file with this SHA holds.
    pub(crate) async fn blob(&self, sha: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.find(&format!("{sha}^{{blob}}")).await {
            Some(sha) => self.run(&["cat-file", "blob", &sha], b"").await.map(Some),
            None => Ok(None),
        }
    }

    /// The SHA of what one of git's expressions names, if there is such an object.
    async fn find(&self, expression: &str) -> Option<String> {
        let output = self
            .run(&["rev-parse", "--verify", "--quiet", "--end-of-options", expression], b"")
            .await
            .ok()?;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    }

    async fn list(&self, tree: &str, options: &[&str]) -> Result<Vec<TreeEntry>, GitError> {
        let arguments = [&["ls-tree", "--long", "-z"], options, &[tree]].concat();
        let listing = self.run(&arguments, b"").await?;
        Ok(String::from_utf8_lossy(&listing)
            .split_terminator('\0')
            .filter_map(TreeEntry::parse)
            .collect())
    }
}

impl TreeEntry {
    /// `100644 blob <sha> <size>\t<path>`
    fn parse(line: &str) -> Option<Self> {
        let (meta, path) = line.split_once('\t')?;
        let mut columns = meta.split_whitespace().map(str::to_owned);
        Some(Self {
            path: path.to_owned(),
            mode: columns.next()?,
            kind: columns.next()?,
            sha: columns.next()?,
            size: columns.next()?.parse().ok(),
        })
    }
}
