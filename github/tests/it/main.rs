//! The client against a small GitHub on this machine: what it sends, how often, and what it makes of the answers.

mod answers;
#[path = "../../../github-stand-in/description/instance.rs"]
mod instance;
mod server;

use std::{collections::BTreeSet, time::Duration};

use axum::http::StatusCode;
use domain::pull_request::PullRequestState;
use domain::{CommentId, InstallationId, PullRequestNumber, PullRequestRef};
use futures::future::join_all;
use github::{AppConfig, ConfigError, Error, ErrorKind, RepositoryFile, Role};
use jiff::SignedDuration;
use serde_json::json;
use server::{APP_ID, HEAD, Server};

fn pull_request() -> PullRequestRef {
    PullRequestRef {
        installation: InstallationId(5),
        repository: "octo-org/hello-world".parse().expect("a repository"),
        number: PullRequestNumber::new(12).expect("a number"),
    }
}

#[tokio::test]
async fn fifty_calls_at_once_mint_one_token() {
    let server = Server::start().await;
    let app = server.app();
    let (app, reference) = (&app, &pull_request());
    for result in join_all((0..50).map(|_| app.pull_request(reference))).await {
        let pull_request = result.expect("a pull request");
        assert_eq!(pull_request.head.as_str(), HEAD);
        assert_eq!(pull_request.state, PullRequestState::Open);
        assert!(!pull_request.from_fork);
    }
    assert_eq!(server.tokens_minted(), 1);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_replaced_before_it_does() {
    let server = Server::start().await;
    server.tokens_live(SignedDuration::from_secs(60));
    let app = server.app();
    app.pull_request(&pull_request()).await.expect("first");
    server.tokens_live(SignedDuration::from_hours(1));
    app.pull_request(&pull_request()).await.expect("second");
    app.pull_request(&pull_request()).await.expect("third");
    assert_eq!(server.tokens_minted(), 2);
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_however_many_calls_it_hits() {
    let server = Server::start().await;
    let app = server.app();
    app.pull_request(&pull_request()).await.expect("warm-up");
    server.revoke_tokens();
    let (app, reference) = (&app, &pull_request());
    for result in join_all((0..20).map(|_| app.pull_request(reference))).await {
        result.expect("a pull request");
    }
    assert_eq!(server.tokens_minted(), 2);
}

#[tokio::test]
async fn a_second_rejection_is_reported_and_not_repeated() {
    let server = Server::start().await;
    server.reject_all_tokens();
    let error = server
        .app()
        .pull_request(&pull_request())
        .await
        .expect_err("no token is good");
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(_)),
        "{error}"
    );
    assert!(error.is_retryable(), "keys are rotated, clocks set right");
    assert_eq!(server.tokens_minted(), 2);
    assert_eq!(
        server.requests_to("/repos/octo-org/hello-world/pulls/12"),
        2
    );
}

#[tokio::test]
async fn a_token_may_do_no_more_than_the_calls_need() {
    let server = Server::start().await;
    server
        .app()
        .pull_request(&pull_request())
        .await
        .expect("a pull request");
    assert_eq!(
        server.last_body_of("/app/installations/5/access_tokens"),
        json!({ "permissions": { "contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write" } })
    );
}

#[tokio::test]
async fn every_request_says_who_is_calling_and_in_which_version() {
    let server = Server::start().await;
    let app = server.app();
    app.pull_request(&pull_request())
        .await
        .expect("a pull request");
    app.slug().await.expect("a slug");
    for headers in server.headers_of_all_requests() {
        let all = |name: &str| -> Vec<String> {
            headers
                .get_all(name)
                .iter()
                .map(|value| value.to_str().expect("text").to_owned())
                .collect()
        };
        assert_eq!(all("accept"), ["application/vnd.github+json"]);
        assert_eq!(all("x-github-api-version"), ["2022-11-28"]);
        let agents = all("user-agent");
        assert!(
            agents.len() == 1 && agents[0].starts_with("preview/"),
            "{agents:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_repeated_behind_the_callers_back() {
    let server = Server::start().await;
    let app = server.app();
    app.pull_request(&pull_request()).await.expect("warm-up");
    server.break_with(StatusCode::BAD_GATEWAY);
    let error = app
        .create_comment(&pull_request(), "hello")
        .await
        .expect_err("the server is broken");
    assert!(error.is_retryable(), "{error}");
    assert_eq!(
        server.requests_to("/repos/octo-org/hello-world/issues/12/comments"),
        1
    );
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let server = Server::start().await;
    let app = server.app();
    app.pull_request(&pull_request()).await.expect("warm-up");
    server.limit_rate(17);
    let error = app
        .create_comment(&pull_request(), "hello")
        .await
        .expect_err("limited");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn a_github_that_is_not_there_is_unavailable_and_the_cause_is_named() {
    let config = AppConfig {
        // Port 1 of this machine: nothing listens there.
        api_url: "http://127.0.0.1:1/".parse().expect("an address"),
        app_id: APP_ID,
        private_key: server::private_key(),
        deployments: false,
    };
    let app = github::GitHubApp::new(&config).expect("a client");
    let error = app
        .pull_request(&pull_request())
        .await
        .expect_err("nobody there");
    assert!(error.is_retryable());
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn roles_are_read_and_strangers_have_none() {
    let server = Server::start().await;
    let app = server.app();
    let role = async |login: &str| app.role(&pull_request(), login).await;
    assert_eq!(role("mona").await, Ok(Role::Write));
    assert_eq!(role("otto").await, Ok(Role::None));
    // Whatever a login contains, it stays one segment of the path.
    assert_eq!(role("../../../app?x=").await, Ok(Role::None));
    assert_eq!(
        role("odd").await.map_err(|error| error.label()),
        Err("unexpected")
    );
}

#[tokio::test]
async fn a_file_is_read_at_the_end_of_its_branch() {
    let server = Server::start().await;
    let app = server.app();
    let read = async |branch: &str, max_size: u64| {
        app.file(&pull_request(), branch, &[".preview.yaml"], max_size)
            .await
    };
    assert_eq!(read("main", 1000).await, Ok(None));

    let content = b"ttl: 1h\n".repeat(50);
    server.commit_file(&content);
    assert_eq!(
        read("main", 1000).await,
        Ok(Some(RepositoryFile::Content(content)))
    );
    assert_eq!(
        read("main", 399).await,
        Ok(Some(RepositoryFile::TooLarge { size: 400 }))
    );
    // Whatever a branch is called, it stays one parameter of the query.
    assert_eq!(read("a&ref=main", 1000).await, Ok(None));
}

#[tokio::test]
async fn own_comments_are_found_on_every_page_and_others_are_left_out() {
    let server = Server::start().await;
    let app = server.app();
    for index in 0..250 {
        server.comment_by("mona", "User", &format!("<!-- marker --> {index}"));
        if index % 100 == 0 {
            let body = format!("ours {index}");
            app.create_comment(&pull_request(), &body)
                .await
                .expect("a comment");
        }
    }
    let own = app.own_comments(&pull_request()).await.expect("comments");
    let bodies: Vec<_> = own.iter().map(|comment| comment.body.as_str()).collect();
    assert_eq!(bodies, ["ours 0", "ours 100", "ours 200"]);
    let ids: BTreeSet<_> = own.iter().map(|comment| comment.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(server.pages_read(), 3);
    assert_eq!(server.requests_to("/app"), 1, "the slug is remembered");
}

#[tokio::test]
async fn no_comment_of_others_keeps_our_own_from_being_found() {
    let server = Server::start().await;
    let app = server.app();
    let id = 7;
    let bot = json!({ "login": "previews[bot]", "type": "Bot" });
    let url = "https://github.com/octo-org/hello-world/pull/12#issuecomment-7";
    for odd in [
        json!({ "id": id, "body": null, "user": null, "html_url": url, "performed_via_github_app": null }),
        json!({ "id": id, "user": { "login": "mona" }, "html_url": url }),
        json!({ "id": id, "body": "", "user": { "login": null, "type": null }, "html_url": null }),
        json!({ "id": null, "body": 3, "html_url": "nowhere" }),
        json!({}),
    ] {
        server.odd_comment(odd);
    }
    server.odd_comment(json!({ "id": 8, "body": null, "user": bot, "html_url": url }));
    server.odd_comment(json!({ "id": 9, "body": "ours", "user": bot, "html_url": url }));
    let own = app.own_comments(&pull_request()).await.expect("comments");
    let found: Vec<_> = own
        .iter()
        .map(|one| (one.id.0, one.body.as_str()))
        .collect();
    assert_eq!(found, [(8, ""), (9, "ours")]);
}

#[tokio::test]
async fn a_comment_is_changed_and_a_deleted_one_is_gone() {
    let server = Server::start().await;
    let app = server.app();
    let comment = app
        .create_comment(&pull_request(), "first")
        .await
        .expect("a comment");
    let changed = app
        .update_comment(&pull_request(), comment.id, "second")
        .await
        .expect("a change");
    assert_eq!((changed.id, changed.body.as_str()), (comment.id, "second"));

    let error: Error = app
        .update_comment(&pull_request(), CommentId(404), "third")
        .await
        .expect_err("no such comment");
    assert!(error.is_gone(), "{error}");
}

#[tokio::test]
async fn a_useless_configuration_is_refused_without_repeating_secrets() {
    let config = |api_url: &str, private_key: &str| AppConfig {
        api_url: api_url.parse().expect("an address"),
        app_id: APP_ID,
        private_key: private_key.into(),
        deployments: false,
    };
    let error = github::GitHubApp::new(&config("https://api.github.com", "s3cret"))
        .err()
        .expect("no key");
    assert!(matches!(error, ConfigError::PrivateKey));
    assert!(!error.to_string().contains("s3cret"));
    let error = github::GitHubApp::new(&config("ftp://example.com", "s3cret"))
        .err()
        .expect("no HTTP");
    assert!(matches!(error, ConfigError::ApiUrl(_)));
    assert!(!format!("{:?}", config("https://api.github.com", "s3cret")).contains("s3cret"));
}
