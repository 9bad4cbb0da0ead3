//! Tokens, their expiry, and what they may do.

use std::time::Duration;

use serde_json::json;

use super::{Client, assert_as_described, client, scene};

#[tokio::test]
async fn only_the_apps_own_signature_gets_a_token() {
    let (github, _, _, _) = scene().await;
    let path = format!("/app/installations/{}/access_tokens", github.installation_id("octo-org").unwrap());
    let good = client::jwt(&github);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered =
        format!("{head}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    for credential in [tampered.as_str(), "nonsense"] {
        let refused = Client::new(&github, credential).post(&path, &json!({})).await;
        assert_eq!((refused.status, refused.message()), (401, "A JSON web token could not be decoded"));
    }
    let refused = Client::new(&github, "").post(&path, &json!({})).await;
    assert_eq!((refused.status, refused.message()), (401, "Requires authentication"));
    let unknown = Client::as_app(&github)
        .post("/app/installations/1/access_tokens", &json!({}))
        .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(github.traffic().tokens_minted.into_values().sum::<u64>(), 1, "only the scene's own");
    assert_as_described(&github);
}

#[tokio::test]
async fn a_token_lasts_an_hour() {
    let (github, repository, pull, client) = scene().await;
    let path = format!("/repos/{}/pulls/{}", repository.full_name(), pull.number());
    assert_eq!(client.get(&path).await.status, 200);
    github.advance(Duration::from_secs(59 * 60));
    assert_eq!(client.get(&path).await.status, 200);
    github.advance(Duration::from_secs(61));
    let refused = client.get(&path).await;
    assert_eq!((refused.status, refused.message()), (401, "Bad credentials"));
    let fresh = Client::with_token(&github).await;
    assert_eq!(fresh.get(&path).await.status, 200);
    github.expire_tokens();
    assert_eq!(fresh.get(&path).await.status, 401);
    assert_as_described(&github);
}

#[tokio::test]
async fn a_token_covers_only_its_repositories_and_permissions() {
    let (github, repository, pull, client) = scene().await;
    let other = github.repository("octo-org", "other").await.unwrap();
    github.repository_named("umbrella", "secret", true).await.unwrap();
    assert_eq!(client.get("/repos/umbrella/secret").await.status, 404, "another installation's");
    assert_eq!(client.get("/repos/octo-org/absent").await.status, 404);
    assert_eq!(client.get(&format!("/repos/{}", other.full_name())).await.status, 200);

    let narrow = Client::with_token_for(&github, &json!({"repositories": [repository.name()], "permissions": {"pull_requests": "read", "issues": "write"}})).await;
    assert_eq!(
        narrow
            .get(&format!("/repos/{}/pulls/{}", repository.full_name(), pull.number()))
            .await
            .status,
        200
    );
    assert_eq!(narrow.get(&format!("/repos/{}", other.full_name())).await.status, 404);
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let refused = narrow.post(&comments, &json!({"body": "hello"})).await;
    assert_eq!((refused.status, refused.message()), (403, "Resource not accessible by integration"));
    assert_eq!(refused.header("x-accepted-github-permissions"), "issues=write,pull_requests=write");
    let issue = repository.open_issue(&super::User::reader(), "An issue").unwrap();
    let on_issue = format!("/repos/{}/issues/{}/comments", repository.full_name(), issue.number());
    assert_eq!(
        narrow.post(&on_issue, &json!({"body": "hello"})).await.status,
        201,
        "an issue takes only the one permission"
    );

    let too_much = Client::as_app(&github)
        .post(
            &format!("/app/installations/{}/access_tokens", github.installation_id("octo-org").unwrap()),
            &json!({"permissions": {"contents": "write"}}),
        )
        .await;
    assert_eq!(too_much.status, 422);
    assert_as_described(&github);
}

#[tokio::test]
async fn the_app_sees_itself_and_its_installations() {
    let (github, repository, _, client) = scene().await;
    let app = Client::as_app(&github);
    let itself = app.get("/app").await;
    assert_eq!(
        (itself.body["slug"].as_str(), itself.body["id"].as_u64()),
        (Some("deploy-previews"), Some(github.app_id()))
    );
    let installations = app.get("/app/installations").await;
    assert_eq!(installations.body[0]["id"].as_u64(), github.installation_id("octo-org"));
    let one = app.get(&format!("/repos/{}/installation", repository.full_name())).await;
    assert_eq!(one.body["id"], installations.body[0]["id"]);
    let limits = client.get("/rate_limit").await;
    assert_eq!(limits.body["rate"]["limit"], 5_000);
    github.uninstall("octo-org");
    assert_eq!(app.get(&format!("/repos/{}/installation", repository.full_name())).await.status, 404);
    assert_as_described(&github);
}

#[tokio::test]
async fn roles_are_told_in_both_vocabularies() {
    let (github, repository, _, client) = scene().await;
    for (login, permission, role) in [
        ("ada", "admin", "admin"),
        ("maia", "write", "maintain"),
        ("mona", "write", "write"),
        ("tess", "read", "triage"),
        ("otto", "read", "read"),
    ] {
        let answer = client
            .get(&format!("/repos/{}/collaborators/{login}/permission", repository.full_name()))
            .await;
        assert_eq!(
            (answer.body["permission"].as_str(), answer.body["role_name"].as_str()),
            (Some(permission), Some(role)),
            "{login}"
        );
    }
    let nobody = client
        .get(&format!("/repos/{}/collaborators/nobody/permission", repository.full_name()))
        .await;
    assert_eq!(nobody.status, 404);
    let private = github.repository_named("octo-org", "private", true).await.unwrap();
    let outsider = client
        .get(&format!("/repos/{}/collaborators/otto/permission", private.full_name()))
        .await;
    assert_eq!(outsider.body["role_name"], "none");
    assert_as_described(&github);
}
