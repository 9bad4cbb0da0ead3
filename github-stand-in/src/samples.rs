//! What is there at the start: the files of a new repository, and the sample
//! repository with its pull requests.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::json;

use super::{
    File, FileMode, User,
    actions::{Actor, NewPull, NewRepository, Place, PullState, Refused},
    model::Repository,
    shared::Shared,
};

/// Owner and name of the sample repository.
pub const SAMPLE_REPOSITORY: (&str, &str) = ("octo-org", "hello-world");

/// When the sample commits were made, in Unix seconds. A constant, so that unchanged content has the same
/// SHAs at every start and the images built from them are found again.
const SAMPLE_TIME: i64 = 1_793_527_200;

/// The file that the hello-world app shows.
const CONTENT_FILE: &str = "content.json";

/// What tools leave behind and no repository holds.
const IGNORED_FOLDERS: &[&str] = &[".git", "__pycache__", "target", "node_modules"];

/// Why a repository could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The folder with the content cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The repository could not be made.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// All files below a folder.
pub(super) async fn read_folder(folder: &Path) -> Result<Vec<File>, ContentError> {
    let root = folder.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut files = Vec::new();
        collect(&root, &root, &mut files)?;
        files.sort_by(|one: &File, other| one.path.cmp(&other.path));
        Ok(files)
    });
    read.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<File>) -> Result<(), ContentError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ContentError::Read { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        let meta = entry.metadata().map_err(failed(&path))?;
        if meta.is_dir() {
            if !IGNORED_FOLDERS.iter().any(|ignored| entry.file_name() == *ignored) {
                collect(root, &path, into)?;
            }
        } else if meta.is_file() {
            let relative = path.strip_prefix(root).expect("found below it").to_string_lossy().into_owned();
            into.push(File {
                path: relative,
                content: std::fs::read(&path).map_err(failed(&path))?,
                mode: if meta.permissions().mode() & 0o111 == 0 {
                    FileMode::Regular
                } else {
                    FileMode::Executable
                },
            });
        }
    }
    Ok(())
}

/// The sample app's chart in `folder`, where the sample repository has it: `chart: ./chart` in its
/// `.preview.yaml` installs it as a commit has it.
pub(super) async fn chart(folder: &Path) -> Result<Vec<File>, ContentError> {
    let files = read_folder(folder).await?;
    let into_repository = |file: File| File { path: format!("chart/{}", file.path), ..file };
    Ok(files.into_iter().map(into_repository).collect())
}

/// Creates a repository in which the usual people have their usual roles.
pub(super) async fn create(
    shared: &Shared,
    owner: &str,
    name: &str,
    private: bool,
    files: &[File],
    at: Timestamp,
) -> Result<(), Refused> {
    shared
        .create_repository(&NewRepository { owner, name, private, collaborators: User::ROLES, files, at })
        .await
}

/// A greeting in a colour: what the sample pull requests change.
pub(super) fn greeting(greeting: &str, message: &str, colour: &str) -> File {
    let content = json!({"greeting": greeting, "message": message, "colour": colour});
    let mut text = serde_json::to_string_pretty(&content).expect("JSON can be written");
    text.push('\n');
    (CONTENT_FILE, text).into()
}

/// Adds the sample repository.
pub(super) async fn add(shared: &Shared, files: Vec<File>) -> Result<(), ContentError> {
    let (owner, repo) = SAMPLE_REPOSITORY;
    let at = Timestamp::from_second(SAMPLE_TIME).expect("a constant within range");
    create(shared, owner, repo, false, &files, at).await?;
    let sample = |author: &'static str, branch: &'static str, title: &'static str| NewPull {
        owner,
        repo,
        author,
        branch,
        base: Repository::DEFAULT_BRANCH,
        title,
        body: "",
        draft: false,
        from_fork: false,
        files: &[],
        at,
    };
    let spanish = [greeting("¡Hola, mundo!", "Built from the branch greet-in-spanish.", "#b3361f")];
    let body = "Our users in Madrid asked for it.\n\nComment `/preview` below to see it running.";
    shared
        .open_pull(&NewPull {
            body,
            files: &spanish,
            ..sample("mona", "greet-in-spanish", "Greet in Spanish")
        })
        .await?;

    let evening = [greeting("Good evening, world!", "Built from the branch evening-colours.", "#5b3fa0")];
    let body = "Violet, as the sky over the harbour.\n\n- [x] new colour\n- [ ] ask the designers";
    shared
        .open_pull(&NewPull {
            body,
            files: &evening,
            ..sample("ada", "evening-colours", "Evening colours")
        })
        .await?;

    let fork = [greeting("Hello from a fork!", "Somebody from outside proposes this.", "#0f766e")];
    shared
        .open_pull(&NewPull {
            body: "My first contribution :wave:",
            files: &fork,
            from_fork: true,
            ..sample("otto", "patch-1", "Say where we come from")
        })
        .await?;

    let draft = [greeting("Work in progress", "Not ready for review.", "#92610a")];
    shared
        .open_pull(&NewPull {
            files: &draft,
            draft: true,
            ..sample("mona", "wip", "Try a warmer colour")
        })
        .await?;

    let abandoned = [greeting("HELLO WORLD!!!", "Too loud.", "#ff0000")];
    let number = shared
        .open_pull(&NewPull { files: &abandoned, ..sample("mona", "shout", "Shout") })
        .await?;
    let place = Place { owner: owner.to_owned(), repo: repo.to_owned(), number };
    shared.set_pull_state(&Actor::Person("mona".to_owned()), &place, PullState::Closed)?;

    shared.open_issue(
        owner,
        repo,
        "rita",
        "The greeting is only in English",
        "Could we have more languages?",
    )?;
    shared.install(owner);
    Ok(())
}
