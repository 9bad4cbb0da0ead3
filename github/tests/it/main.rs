//! The client against the GitHub stand-in: what it sends, how often, and what it makes of the answers.

mod answers;
mod calls;
mod observed;
mod scene;
mod tree;

use std::{collections::BTreeSet, time::Duration};

use domain::{CommentId, pull_request::PullRequestState};
use futures::future::join_all;
use github::{AppConfig, Comments, ConfigError, Error, ErrorKind, GitHubApp, RepositoryFile, Role};
use github_stand_in::{CannedAnswer, User};
use jiff::SignedDuration;
use scene::Scene;
use serde_json::{Value, json};

#[tokio::test]
async fn fifty_calls_at_once_mint_one_token() {
    let scene = Scene::start().await;
    let app = scene.app();
    let (app, reference) = (&app, &scene.reference());
    for result in join_all((0..50).map(|_| app.pull_request(reference))).await {
        let pull_request = result.expect("a pull request");
        assert_eq!(pull_request.head.as_str(), scene.pull.head_sha());
        assert_eq!(pull_request.state, PullRequestState::Open);
        assert!(!pull_request.from_fork);
    }
    assert_eq!(scene.tokens_minted(), 1);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_replaced_before_it_does() {
    let scene = Scene::start().await;
    scene.github.set_token_life(SignedDuration::from_secs(60));
    let app = scene.app();
    app.pull_request(&scene.reference()).await.expect("first");
    scene.github.set_token_life(SignedDuration::from_hours(1));
    app.pull_request(&scene.reference()).await.expect("second");
    app.pull_request(&scene.reference()).await.expect("third");
    assert_eq!(scene.tokens_minted(), 2);
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_however_many_calls_it_hits() {
    let scene = Scene::start().await;
    let app = scene.app();
    app.pull_request(&scene.reference()).await.expect("warm-up");
    scene.github.expire_tokens();
    let (app, reference) = (&app, &scene.reference());
    for result in join_all((0..20).map(|_| app.pull_request(reference))).await {
        result.expect("a pull request");
    }
    assert_eq!(scene.tokens_minted(), 2);
}

#[tokio::test]
async fn a_second_rejection_is_reported_and_not_repeated() {
    let scene = Scene::start().await;
    scene.github.fail_next("pulls/get", 401, usize::MAX);
    let error = scene
        .app()
        .pull_request(&scene.reference())
        .await
        .expect_err("no token is good");
    assert!(matches!(error.kind(), ErrorKind::Unauthorized(_)), "{error}");
    assert!(error.is_retryable(), "keys are rotated, clocks set right");
    assert_eq!(scene.tokens_minted(), 2);
    assert_eq!(scene.github.traffic().of("pulls/get"), 2);
}

#[tokio::test]
async fn a_token_may_do_no_more_than_the_calls_need() {
    let scene = Scene::start().await;
    scene.app().pull_request(&scene.reference()).await.expect("a pull request");
    let requests = scene.github.requests();
    let asked = requests
        .iter()
        .find(|request| request.operation == "apps/create-installation-access-token")
        .expect("a token was asked for");
    assert_eq!(
        serde_json::from_slice::<Value>(&asked.body).expect("JSON"),
        json!({ "permissions": { "contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write" } })
    );
}

#[tokio::test]
async fn every_request_says_who_is_calling_and_in_which_version() {
    let scene = Scene::start().await;
    let app = scene.app();
    app.pull_request(&scene.reference()).await.expect("a pull request");
    app.slug().await.expect("a slug");
    let requests = scene.github.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let all = |name: &str| -> Vec<String> {
            request
                .headers
                .get_all(name)
                .iter()
                .map(|value| value.to_str().expect("text").to_owned())
                .collect()
        };
        assert_eq!(all("accept"), ["application/vnd.github+json"]);
        assert_eq!(all("x-github-api-version"), ["2022-11-28"]);
        let agents = all("user-agent");
        assert!(agents.len() == 1 && agents[0].starts_with("preview/"), "{agents:?}");
    }
}

#[tokio::test]
async fn nothing_is_repeated_behind_the_callers_back() {
    let scene = Scene::start().await;
    let app = scene.app();
    app.pull_request(&scene.reference()).await.expect("warm-up");
    let page = CannedAnswer::new(502, "text/html", "<html>bad gateway</html>");
    scene.github.answer_next("issues/create-comment", page, usize::MAX);
    let error = app
        .create_comment(&scene.reference(), "hello")
        .await
        .expect_err("the server is broken");
    assert!(error.is_retryable(), "{error}");
    assert_eq!(scene.github.traffic().of("issues/create-comment"), 1);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let scene = Scene::start().await;
    let app = scene.app();
    app.pull_request(&scene.reference()).await.expect("warm-up");
    let message = json!({ "message": "You have exceeded a secondary rate limit." });
    let limited = CannedAnswer::json(403, &message).with_header("retry-after", "17");
    scene.github.answer_next("issues/create-comment", limited, 1);
    let error = app.create_comment(&scene.reference(), "hello").await.expect_err("limited");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn whoever_asks_after_a_refusal_is_told_to_wait_without_a_request() {
    let scene = Scene::start().await;
    let app = scene.app();
    let limited = CannedAnswer::json(403, &json!({ "message": "You have exceeded a secondary rate limit." }))
        .with_header("retry-after", "2");
    app.pull_request(&scene.reference()).await.expect("warm-up");
    scene.github.answer_next("issues/create-comment", limited, 1);
    app.create_comment(&scene.reference(), "hello").await.expect_err("limited");
    let asked = scene.github.traffic().of("pulls/get");

    let error = app.clone().pull_request(&scene.reference()).await.expect_err("still limited");
    assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(2)), "{error}");
    assert_eq!(scene.github.traffic().of("pulls/get"), asked);

    tokio::time::sleep(Duration::from_secs(2)).await;
    app.pull_request(&scene.reference()).await.expect("the time is over");
}

#[tokio::test]
async fn a_github_that_is_not_there_is_unavailable_and_the_cause_is_named() {
    let scene = Scene::start().await;
    let app = scene.app();
    scene.github.stop().await;
    let error = app.pull_request(&scene.reference()).await.expect_err("nobody there");
    assert!(error.is_retryable());
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn roles_are_read_and_strangers_have_none() {
    const PERMISSION: &str = "repos/get-collaborator-permission-level";
    let scene = Scene::start().await;
    let app = scene.app();
    let role = async |login: &str| app.role(&scene.reference(), login).await;
    assert_eq!(role("mona").await, Ok(Role::Write));
    // Everybody may read a public repository.
    assert_eq!(role("otto").await, Ok(Role::Read));
    assert_eq!(role("nobody").await, Ok(Role::None));
    // Whatever a login contains, it stays one segment of the path.
    assert_eq!(role("../../../app?x=").await, Ok(Role::None));
    assert_eq!(scene.github.traffic().of(PERMISSION), 4);

    let odd = CannedAnswer::json(200, &json!({ "permission": 3 }));
    scene.github.answer_next(PERMISSION, odd, 1);
    assert_eq!(role("mona").await.map_err(|error| error.label()), Err("unexpected"));
}

#[tokio::test]
async fn a_file_is_read_at_the_end_of_its_branch() {
    let scene = Scene::start().await;
    let app = scene.app();
    let read = async |branch: &str, max_size: u64| {
        app.file(&scene.reference(), branch, &[".preview.yaml"], max_size).await
    };
    assert_eq!(read("main", 1000).await, Ok(None));

    let content = b"ttl: 1h\n".repeat(50);
    let file = (".preview.yaml", &content);
    let committed = scene.repository.commit(&User::writer(), [file]).await;
    committed.expect("a commit");
    assert_eq!(read("main", 1000).await, Ok(Some(RepositoryFile::Content(content))));
    assert_eq!(read("main", 399).await, Ok(Some(RepositoryFile::TooLarge { size: 400 })));
    // Whatever a branch is called, it stays one parameter of the query.
    assert_eq!(read("a&ref=main", 1000).await, Ok(None));
}

#[tokio::test]
async fn own_comments_are_found_on_every_page_and_others_are_left_out() {
    let scene = Scene::start().await;
    let app = scene.app();
    for index in 0..250 {
        let body = format!("<!-- marker --> {index}");
        let written = scene.pull.comment(&User::writer(), &body);
        written.expect("a comment");
        if index % 100 == 0 {
            let body = format!("ours {index}");
            app.create_comment(&scene.reference(), &body).await.expect("a comment");
        }
    }
    let Comments { own, written } = app.comments(&scene.reference()).await.expect("comments");
    let bodies: Vec<_> = own.iter().map(|comment| comment.body.as_str()).collect();
    assert_eq!(bodies, ["ours 0", "ours 100", "ours 200"]);
    let ids: BTreeSet<_> = own.iter().map(|comment| comment.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(written.len(), 253, "when it was written is known of every comment");
    assert!(
        own.iter()
            .all(|comment| comment.updated_at.as_ref() == written.get(&comment.id))
    );
    assert_eq!(scene.github.traffic().of("issues/list-comments"), 3);
    let asked = scene.github.traffic().of("apps/get-authenticated");
    assert_eq!(asked, 1, "the slug is remembered");
}

#[tokio::test]
async fn no_comment_of_others_keeps_our_own_from_being_found() {
    let scene = Scene::start().await;
    let app = scene.app();
    let id = 7;
    let bot = json!({ "login": scene.github.app_login(), "type": "Bot" });
    let url = "https://github.com/octo-org/hello-world/pull/12#issuecomment-7";
    let listed = json!([
        { "id": id, "body": null, "user": null, "html_url": url, "performed_via_github_app": null },
        { "id": id, "user": { "login": "mona" }, "html_url": url },
        { "id": id, "body": "", "user": { "login": null, "type": null }, "html_url": null },
        { "id": null, "body": 3, "html_url": "nowhere" },
        {},
        { "id": 8, "body": null, "user": bot, "html_url": url },
        { "id": 9, "body": "ours", "user": bot, "html_url": url },
    ]);
    let listed = CannedAnswer::json(200, &listed);
    scene.github.answer_next("issues/list-comments", listed, 1);
    let comments = app.comments(&scene.reference()).await.expect("comments");
    let found: Vec<_> = comments.own.iter().map(|one| (one.id.0, one.body.as_str())).collect();
    assert_eq!(found, [(8, ""), (9, "ours")]);
}

#[tokio::test]
async fn a_comment_is_changed_and_a_deleted_one_is_gone() {
    let scene = Scene::start().await;
    let app = scene.app();
    let comment = app.create_comment(&scene.reference(), "first").await.expect("a comment");
    let changed = app
        .update_comment(&scene.reference(), comment.id, "second")
        .await
        .expect("a change");
    assert_eq!((changed.id, changed.body.as_str()), (comment.id, "second"));

    let error: Error = app
        .update_comment(&scene.reference(), CommentId(404), "third")
        .await
        .expect_err("no such comment");
    assert!(error.is_gone(), "{error}");
}

#[tokio::test]
async fn a_useless_configuration_is_refused_without_repeating_secrets() {
    let config = |api_url: &str, private_key: &str| AppConfig {
        api_url: api_url.parse().expect("an address"),
        app_id: 7,
        private_key: private_key.into(),
        deployments: false,
    };
    let error = GitHubApp::new(&config("https://api.github.com", "s3cret"))
        .err()
        .expect("no key");
    assert!(matches!(error, ConfigError::PrivateKey));
    assert!(!error.to_string().contains("s3cret"));
    let error = GitHubApp::new(&config("ftp://example.com", "s3cret")).err().expect("no HTTP");
    assert!(matches!(error, ConfigError::ApiUrl(_)));
    assert!(!format!("{:?}", config("https://api.github.com", "s3cret")).contains("s3cret"));
}
