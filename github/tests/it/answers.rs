//! Whatever GitHub's own description allows for an answer is understood.

use domain::{CommentId, DeploymentId, PullRequestRef, preview::DeploymentState};
use github::{Depth, Error, GitHubApp, NewDeployment};
use github_stand_in::{CannedAnswer, arbitrary_answer};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{self, Runtime};

use crate::scene::Scene;

/// The newest commit of the pull request.
const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

/// A GitHub that gives the answers it is told to.
struct ScriptedGitHub {
    runtime: Runtime,
    scene: Scene,
}

impl ScriptedGitHub {
    fn start() -> Self {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        Self { scene: runtime.block_on(Scene::start()), runtime }
    }

    /// Asks with a new client, when the answer to an operation is one that is described: with names and
    /// numbers in it that GitHub would give out, as `fields` are set wherever they are and are not null.
    fn ask(
        &self,
        (operation, status): (&str, u16),
        fields: &[(&str, Value)],
        tape: &[u8],
        ask: impl AsyncFnOnce(&GitHubApp, &PullRequestRef) -> Result<(), Error>,
    ) -> Result<(), TestCaseError> {
        let mut answer = arbitrary_answer(operation, status, tape);
        let each = |answer: &mut Value| {
            for (pointer, value) in fields {
                if let Some(field) = answer.pointer_mut(pointer).filter(|field| !field.is_null()) {
                    *field = value.clone();
                }
            }
        };
        match &mut answer {
            Value::Array(items) => items.iter_mut().for_each(each),
            whole => each(whole),
        }
        let canned = CannedAnswer::json(status, &answer);
        self.scene.github.answer_next(operation, canned, usize::MAX);
        let asked = self
            .runtime
            .block_on(async { ask(&self.scene.app(), &self.scene.reference()).await });
        prop_assert!(asked.is_ok(), "{operation}: {asked:?}\n{answer}");
        Ok(())
    }
}

/// Runs the check with tapes for the answers.
fn for_any(check: impl Fn(&ScriptedGitHub, &[u8]) -> Result<(), TestCaseError>) {
    let github = ScriptedGitHub::start();
    proptest!(ProptestConfig::with_cases(24), |(tape in prop::collection::vec(any::<u8>(), 0..1000))| {
        check(&github, &tape)?;
    });
}

#[test]
fn about_the_app() {
    for_any(|github, tape| {
        let operation = ("apps/get-authenticated", 200);
        github.ask(operation, &[], tape, async |app, pull| app.comments(pull).await.map(drop))
    });
}

#[test]
fn about_a_pull_request() {
    for_any(|github, tape| {
        let head = [("/head/sha", json!(HEAD))];
        github.ask(("pulls/get", 200), &head, tape, async |app, pull| app.pull_request(pull).await.map(drop))
    });
}

#[test]
fn about_a_role() {
    for_any(|github, tape| {
        let operation = ("repos/get-collaborator-permission-level", 200);
        github.ask(operation, &[], tape, async |app, pull| app.role(pull, "mona").await.map(drop))
    });
}

#[test]
fn about_comments() {
    for_any(|github, tape| {
        // Half of them are ours.
        let kind = if tape.len() % 2 == 0 { "Bot" } else { "User" };
        let author = [("/user/type", json!(kind)), ("/user/login", json!(github.scene.github.app_login()))];
        github.ask(("issues/list-comments", 200), &author, tape, async |app, pull| {
            app.comments(pull).await.map(drop)
        })?;
        github.ask(("issues/create-comment", 201), &[], tape, async |app, pull| {
            app.create_comment(pull, "a").await.map(drop)
        })?;
        github.ask(("issues/update-comment", 200), &[], tape, async |app, pull| {
            app.update_comment(pull, CommentId(7), "a").await.map(drop)
        })
    });
}

#[test]
fn about_deployments() {
    let commit = HEAD.parse().expect("a commit");
    let new = NewDeployment {
        commit: &commit,
        environment: "preview",
        asked_in: CommentId(7),
    };
    for_any(|github, tape| {
        github.ask(("repos/list-deployments", 200), &[], tape, async |app, pull| {
            app.find_deployment(pull, new).await.map(drop)
        })?;
        github.ask(("repos/create-deployment", 201), &[], tape, async |app, pull| {
            app.create_deployment(pull, new).await.map(drop)
        })?;
        let operation = ("repos/create-deployment-status", 201);
        github.ask(operation, &[], tape, async |app, pull| {
            let (id, state) = (DeploymentId(1), DeploymentState::Queued);
            app.set_deployment_state(pull, id, &state, None).await
        })
    });
}

#[test]
fn about_files_and_folders() {
    let content = [("/encoding", json!("base64")), ("/content", json!("aGk=\n"))];
    for_any(|github, tape| {
        github.ask(("repos/get-content", 200), &content, tape, async |app, pull| {
            app.file(pull, "main", &[".preview.yaml"], 1000).await.map(drop)
        })?;
        github.ask(("git/get-blob", 200), &content, tape, async |app, pull| {
            app.blob(pull.installation, &pull.repository, HEAD).await.map(drop)
        })?;
        let modes: Vec<(String, Value)> =
            (0..3).map(|index| (format!("/tree/{index}/mode"), json!("100644"))).collect();
        let modes: Vec<(&str, Value)> =
            modes.iter().map(|(pointer, mode)| (pointer.as_str(), mode.clone())).collect();
        github.ask(("git/get-tree", 200), &modes, tape, async |app, pull| {
            let depth = Depth::Everything;
            app.tree(pull.installation, &pull.repository, HEAD, depth).await.map(drop)
        })
    });
}
