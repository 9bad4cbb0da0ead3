//! Every call that the client makes, and the permissions that it needs.

use std::collections::BTreeSet;

use domain::{CommentId, CommitSha, preview::DeploymentState};
use github::{
    APP_EVENTS, AppConfig, Depth, GitHubApp, Level, NewDeployment, Operation, Permission, app_permissions,
    convert_manifest,
};
use github_stand_in::{described_event_permission, described_permissions};

use crate::scene::Scene;

/// As GitHub writes it.
fn written((permission, level): (Permission, Level)) -> String {
    let name = serde_json::to_value(permission).expect("a name");
    format!("{}={}", name.as_str().expect("a text"), level.name())
}

#[test]
fn no_call_needs_more_than_github_says() {
    // GitHub says that either will do, and takes both (github/rest-api-description#6994).
    let takes_all = |operation: Operation| operation.needs().len() > 1;
    for operation in Operation::ALL {
        let described = described_permissions(operation.id());
        let needs: Vec<_> = operation.needs().iter().copied().map(written).collect();
        assert!(
            needs.iter().all(|need| described.contains(need)),
            "{operation:?}: {needs:?}, not {described:?}"
        );
        assert_eq!(needs.is_empty(), described.is_empty(), "{operation:?}");
        let writes_comment = ["issues/create-comment", "issues/update-comment", "issues/delete-comment"];
        assert_eq!(takes_all(operation), writes_comment.contains(&operation.id()), "{operation:?}");
    }
}

#[test]
fn the_app_may_hear_its_events_without_asking_for_more() {
    let permissions = app_permissions(false);
    for event in APP_EVENTS {
        let needed = described_event_permission(event).expect("an App may subscribe to it");
        let mut held = permissions.keys().map(|permission| written((*permission, Level::Read)));
        assert!(held.any(|held| held == format!("{needed}=read")), "{event} needs {needed}");
    }
}

#[tokio::test]
async fn the_client_makes_the_calls_of_its_list_and_no_others_and_may_make_all_of_them() {
    let scene = Scene::start().await;
    let app = GitHubApp::new(&AppConfig { deployments: true, ..scene.config() }).expect("a client");
    let reference = scene.reference();
    let (installation, repository) = (reference.installation, &reference.repository);
    app.slug().await.expect("the App");
    app.registration().await.expect("the App");
    app.installations().await.expect("its installations");
    app.visibility(&reference).await.expect("the repository");
    let head = app.pull_request(&reference).await.expect("the pull request").head;
    app.role(&reference, "mona").await.expect("a role");
    app.file(&reference, "main", &[".preview.yaml"], 1).await.expect("no file");
    let tree = app
        .tree(installation, repository, head.as_str(), Depth::Folder)
        .await
        .expect("a tree");
    let entries = tree.expect("the commit's").entries;
    let file = entries.iter().find(|entry| entry.path == "content.json").expect("a file");
    app.blob(installation, repository, &file.sha).await.expect("a file");
    app.comments(&reference).await.expect("no comments");
    let comment = app.create_comment(&reference, "hello").await.expect("a comment");
    app.update_comment(&reference, comment.id, "hello again")
        .await
        .expect("a comment");
    app.delete_comment(&reference, comment.id).await.expect("no comment");
    deploy(&app, &scene, &head).await;
    convert_manifest(&scene.github.api_url(), "not-a-code")
        .await
        .expect_err("no App");

    let made: BTreeSet<String> = scene.github.traffic().requests.into_keys().collect();
    let listed: BTreeSet<String> = Operation::ALL.map(|operation| operation.id().to_owned()).into();
    assert_eq!(made, listed);
}

async fn deploy(app: &GitHubApp, scene: &Scene, commit: &CommitSha) {
    let new = NewDeployment { commit, environment: "preview", asked_in: CommentId(1) };
    let reference = scene.reference();
    app.find_deployment(&reference, new).await.expect("no deployment");
    let deployment = app.create_deployment(&reference, new).await.expect("a deployment");
    let state = DeploymentState::Queued;
    app.set_deployment_state(&reference, deployment, &state, None)
        .await
        .expect("its state");
}
