//! Whatever GitHub's own description allows for an answer is understood.

use std::{future::Future, sync::LazyLock};

use domain::{CommentId, DeploymentId, InstallationId, preview::DeploymentState};
use github::{Depth, Error, GitHubApp, NewDeployment};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    instance::instance,
    pull_request,
    server::{HEAD, Server},
};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../github-stand-in/description/api.github.com.json");
    serde_json::from_str(text).expect("the description is JSON")
});

const REPOSITORY: &str = "/repos/octo-org/hello-world";

/// An answer of this operation, with names and numbers in it that GitHub would give out: `fields` are set wherever they are and are not null.
fn answer(operation: &str, fields: &[(&str, Value)], tape: &[u8]) -> Value {
    let (method, rest) = operation.split_once(' ').expect("a method");
    let (path, status) = rest.split_once(' ').expect("a path");
    let path = path.replace('/', "~1");
    let schema =
        format!("/paths/{path}/{method}/responses/{status}/content/application~1json/schema");
    let mut answer = instance(&DESCRIPTION, &schema, tape);
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
    answer
}

/// Asks with the client, of a GitHub that gives this answer at this path.
fn ask<Asked: Future<Output = Result<(), Error>>>(
    path: &str,
    answer: &Value,
    ask: impl FnOnce(GitHubApp) -> Asked,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = runtime.block_on(async {
        let server = Server::start().await;
        server.answer_with(path, answer.clone());
        ask(server.app()).await
    });
    prop_assert!(asked.is_ok(), "{path}: {asked:?}\n{answer}");
    Ok(())
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..1000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn about_the_app(tape in tape()) {
        let app = answer("get /app 200", &[], &tape);
        ask("/app", &app, async |app| app.own_comments(&pull_request()).await.map(drop))?;
    }

    #[test]
    fn about_a_pull_request(tape in tape()) {
        let pull = answer(
            "get /repos/{owner}/{repo}/pulls/{pull_number} 200",
            &[("/head/sha", json!(HEAD))],
            &tape,
        );
        ask(&format!("{REPOSITORY}/pulls/12"), &pull, async |app| {
            app.pull_request(&pull_request()).await.map(drop)
        })?;
    }

    #[test]
    fn about_a_role(tape in tape()) {
        let role = answer(
            "get /repos/{owner}/{repo}/collaborators/{username}/permission 200",
            &[],
            &tape,
        );
        let path = format!("{REPOSITORY}/collaborators/mona/permission");
        ask(&path, &role, async |app| app.role(&pull_request(), "mona").await.map(drop))?;
    }

    #[test]
    fn about_comments(tape in tape()) {
        let path = format!("{REPOSITORY}/issues/12/comments");
        let comments = answer(
            "get /repos/{owner}/{repo}/issues/{issue_number}/comments 200",
            // Half of them are ours.
            &[("/user/type", json!(if tape.len() % 2 == 0 { "Bot" } else { "User" })), ("/user/login", json!("previews[bot]"))],
            &tape,
        );
        ask(&path, &comments, async |app| app.own_comments(&pull_request()).await.map(drop))?;
        let made = answer(
            "post /repos/{owner}/{repo}/issues/{issue_number}/comments 201",
            &[],
            &tape,
        );
        ask(&path, &made, async |app| app.create_comment(&pull_request(), "a").await.map(drop))?;
        let changed = answer(
            "patch /repos/{owner}/{repo}/issues/comments/{comment_id} 200",
            &[],
            &tape,
        );
        ask(&format!("{REPOSITORY}/issues/comments/7"), &changed, async |app| {
            app.update_comment(&pull_request(), CommentId(7), "a").await.map(drop)
        })?;
    }

    #[test]
    fn about_deployments(tape in tape()) {
        let path = format!("{REPOSITORY}/deployments");
        let commit = HEAD.parse().expect("a commit");
        let new = NewDeployment { commit: &commit, environment: "preview", asked_in: CommentId(7) };
        let deployments = answer("get /repos/{owner}/{repo}/deployments 200", &[], &tape);
        ask(&path, &deployments, async |app| app.find_deployment(&pull_request(), new).await.map(drop))?;
        let made = answer("post /repos/{owner}/{repo}/deployments 201", &[], &tape);
        ask(&path, &made, async |app| app.create_deployment(&pull_request(), new).await.map(drop))?;
        let status = answer(
            "post /repos/{owner}/{repo}/deployments/{deployment_id}/statuses 201",
            &[],
            &tape,
        );
        ask(&format!("{path}/1/statuses"), &status, async |app| {
            let (id, state) = (DeploymentId(1), DeploymentState::Queued);
            app.set_deployment_state(&pull_request(), id, &state, None).await
        })?;
    }

    #[test]
    fn about_files_and_folders(tape in tape()) {
        let content = [("/encoding", json!("base64")), ("/content", json!("aGk=\n"))];
        let file = answer("get /repos/{owner}/{repo}/contents/{path} 200", &content, &tape);
        ask(&format!("{REPOSITORY}/contents/.preview.yaml"), &file, async |app| {
            app.file(&pull_request(), "main", &[".preview.yaml"], 1000).await.map(drop)
        })?;
        let repository = &pull_request().repository;
        let blob = answer("get /repos/{owner}/{repo}/git/blobs/{file_sha} 200", &content, &tape);
        ask(&format!("{REPOSITORY}/git/blobs/{HEAD}"), &blob, async |app| {
            app.blob(InstallationId(5), repository, HEAD).await.map(drop)
        })?;
        let mut tree = answer("get /repos/{owner}/{repo}/git/trees/{tree_sha} 200", &[], &tape);
        for entry in tree["tree"].as_array_mut().into_iter().flatten() {
            entry["mode"] = json!("100644");
        }
        ask(&format!("{REPOSITORY}/git/trees/{HEAD}"), &tree, async |app| {
            app.tree(InstallationId(5), repository, HEAD, Depth::Everything).await.map(drop)
        })?;
    }
}
