//! Repositories, pull requests, files and deployments over REST.

use serde_json::json;

use super::{Client, Options, Receiver, StandIn, User, assert_as_described, scene};
use crate::File;

/// `ttl: 1h` and the end of the line, as GitHub encodes files.
const TTL_IN_BASE64: &str = "dHRsOiAxaAo=\n";

#[tokio::test]
async fn a_pull_request_can_be_into_any_branch() {
    let (github, repository, _, client) = scene().await;
    let mona = User::writer();
    assert!(
        repository
            .open_pull_request_into("lax", &mona, "Early", [("a.txt", "1\n")])
            .await
            .is_err(),
        "there is no such branch yet"
    );
    let tip = repository.commit_to(&mona, "lax", [("rules.txt", "none\n")]).await.unwrap();
    let pull = repository
        .open_pull_request_into("lax", &mona, "Into lax", [("a.txt", "1\n")])
        .await
        .unwrap();

    let path = format!("/repos/{}/pulls/{}", repository.full_name(), pull.number());
    let base = client.get(&path).await.body["base"].clone();
    assert_eq!(
        (&base["ref"], &base["sha"], &base["repo"]["default_branch"]),
        (&json!("lax"), &json!(tip), &json!("main"))
    );
    pull.merge().await.unwrap();
    for (branch, status) in [("lax", 200), ("main", 404)] {
        for file in ["rules.txt", "a.txt"] {
            let path = format!("/repos/{}/contents/{file}?ref=refs/heads/{branch}", repository.full_name());
            assert_eq!(client.get(&path).await.status, status, "{file} on {branch}");
        }
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn a_pull_request_follows_its_branch() {
    let (github, repository, pull, client) = scene().await;
    let mut pushes = github.subscribe_pushes();
    let path = format!("/repos/{}/pulls/{}", repository.full_name(), pull.number());
    let before = client.get(&path).await;
    assert_eq!(before.body["head"]["sha"], pull.head_sha());
    let sha = pull
        .push([("content.json", "{\"new\": 1}"), ("more.txt", "x\n")])
        .await
        .unwrap();
    let push = pushes.recv().await.unwrap();
    assert_eq!((push.sha.as_str(), push.number), (sha.as_str(), pull.number()));
    let after = client.get(&path).await;
    assert_eq!(
        (after.body["head"]["sha"].as_str(), after.body["commits"].as_u64()),
        (Some(sha.as_str()), Some(2))
    );
    assert_eq!(after.body["changed_files"], 2);
    pull.close().unwrap();
    let closed = client.get(&path).await;
    assert_eq!(
        (closed.body["state"].as_str(), closed.body["merged"].as_bool()),
        (Some("closed"), Some(false))
    );
    assert!(pull.push([("a", "b")]).await.is_err(), "closed");
    pull.reopen().unwrap();
    let merge = pull.merge().await.unwrap();
    let merged = client.get(&path).await;
    assert_eq!(
        (merged.body["merged"].as_bool(), merged.body["merge_commit_sha"].as_str()),
        (Some(true), Some(merge.as_str()))
    );
    assert!(pull.reopen().is_err(), "merged");
    let on_main = client
        .get(&format!("/repos/{}/contents/more.txt", repository.full_name()))
        .await;
    assert_eq!(on_main.body["content"], "eAo=\n");
    assert_as_described(&github);
}

#[tokio::test]
async fn a_commit_to_the_default_branch_is_seen_there_and_on_no_other() {
    let (github, repository, pull, client) = scene().await;
    let on_main = format!("/repos/{}/contents/.preview.yaml", repository.full_name());
    let before = pull.head_sha();
    assert_eq!(client.get(&on_main).await.status, 404);
    repository
        .commit(&User::maintainer(), [(".preview.yaml", "ttl: 1h\n")])
        .await
        .unwrap();
    for reference in ["", "?ref=main"] {
        let file = client.get(&format!("{on_main}{reference}")).await;
        assert_eq!(file.body["content"], TTL_IN_BASE64);
    }
    assert_eq!(pull.head_sha(), before);
    assert_eq!(client.get(&format!("{on_main}?ref={before}")).await.status, 404);
    let readers = repository.commit(&User::reader(), [(".preview.yaml", "")]).await;
    assert!(readers.is_err(), "who may only read");
    assert_as_described(&github);
}

#[tokio::test]
async fn a_fork_is_another_repository() {
    let (github, repository, _, client) = scene().await;
    let pull = repository
        .open_from_fork(&User::outsider(), "From outside", [("content.json", "{\"fork\": 1}")])
        .await
        .unwrap();
    let answer = client
        .get(&format!("/repos/{}/pulls/{}", repository.full_name(), pull.number()))
        .await;
    assert_eq!(answer.body["head"]["repo"]["full_name"], format!("otto/{}", repository.name()));
    assert_eq!(answer.body["head"]["repo"]["fork"], true);
    assert_eq!(answer.body["base"]["repo"]["full_name"], repository.full_name());
    let draft = repository
        .open_draft(&User::writer(), "Later", [("content.json", "{}")])
        .await
        .unwrap();
    assert_eq!(
        client
            .get(&format!("/repos/{}/pulls/{}", repository.full_name(), draft.number()))
            .await
            .body["draft"],
        true
    );
    let issue = repository.open_issue(&User::reader(), "Not a pull request").unwrap();
    assert_eq!(
        client
            .get(&format!("/repos/{}/pulls/{}", repository.full_name(), issue.number()))
            .await
            .status,
        404
    );
    assert_as_described(&github);
}

#[tokio::test]
async fn a_link_to_a_file_is_read_as_that_file_and_any_other_link_as_a_link() {
    let (github, repository, _, client) = scene().await;
    repository
        .commit(
            &User::admin(),
            [
                ("deploy/preview.yaml", "ttl: 1h\n").into(),
                File::link(".preview.yaml", "deploy/preview.yaml"),
                File::link("deploy/again", "../.preview.yaml"),
                File::link("folder", "deploy"),
                File::link("nowhere", "no/such/file"),
                File::link("out", "../../etc/passwd"),
            ],
        )
        .await
        .unwrap();
    let read = async |path: &str| {
        let path = format!("/repos/{}/contents/{path}", repository.full_name());
        client.get(&path).await.body
    };
    for path in [".preview.yaml", "deploy/again"] {
        let file = read(path).await;
        assert_eq!((&file["type"], &file["size"]), (&json!("file"), &json!(8)));
        assert_eq!(file["content"], json!(TTL_IN_BASE64));
    }
    for (path, target) in [("folder", "deploy"), ("nowhere", "no/such/file"), ("out", "../../etc/passwd")] {
        let link = read(path).await;
        assert_eq!((&link["type"], &link["target"]), (&json!("symlink"), &json!(target)));
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn files_are_read_at_any_commit() {
    let (github, repository, pull, client) = scene().await;
    let contents = format!("/repos/{}/contents", repository.full_name());
    let at_head = client.get(&format!("{contents}/content.json?ref={}", pull.head_sha())).await;
    assert_eq!((at_head.status, at_head.body["content"].as_str()), (200, Some("e30=\n")));
    let folder = client.get(&format!("{contents}/hello_world")).await;
    assert!(
        folder
            .body
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["path"] == "hello_world/server.py"),
        "{folder:?}"
    );
    assert_eq!(client.get(&format!("{contents}/.preview.yml")).await.status, 404);
    assert_eq!(client.get(&format!("{contents}/content.json?ref=nowhere")).await.status, 404);
    assert_as_described(&github);
}

#[tokio::test]
async fn deployments_and_their_statuses() {
    let (github, repository, pull, client) = scene().await;
    let deployments = format!("/repos/{}/deployments", repository.full_name());
    let request = json!({"ref": pull.head_sha(), "environment": "preview", "transient_environment": true, "auto_merge": false, "required_contexts": []});
    let made = client.post(&deployments, &request).await;
    assert_eq!((made.status, made.body["sha"].as_str()), (201, Some(pull.head_sha().as_str())));
    let statuses = format!("{deployments}/{}/statuses", made.body["id"]);
    let status = json!({"state": "success", "environment_url": "http://pr-1.preview.localhost"});
    assert_eq!(client.post(&statuses, &status).await.status, 201);
    assert_eq!(client.get(&statuses).await.body[0]["state"], "success");
    assert_eq!(
        client
            .get(&format!("{deployments}?environment=preview"))
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(client.get(&format!("{deployments}?environment=production")).await.body, json!([]));
    assert_eq!(client.post(&deployments, &json!({"ref": "nowhere"})).await.status, 422);
    assert_as_described(&github);
}

#[tokio::test]
async fn the_samples_are_there() {
    let receiver = Receiver::answering(202).await;
    let github = StandIn::start(Options {
        webhook_url: Some(receiver.url.clone()),
        ..Options::default()
    })
    .await
    .unwrap();
    let repository = github.add_samples().await.unwrap();
    assert!(github.deliveries().is_empty(), "they were there before the App");
    let client = Client::with_token(&github).await;
    let titles: Vec<String> = client_titles(&client, &repository.full_name()).await;
    assert_eq!(
        titles,
        [
            "Greet in Spanish",
            "Evening colours",
            "Say where we come from",
            "Try a warmer colour",
            "Shout"
        ]
    );
    assert_eq!(github.open_heads().iter().filter(|push| push.repo == "hello-world").count(), 4);
    let again = StandIn::start(Options::default()).await.unwrap();
    let same = again.add_samples().await.unwrap();
    assert_eq!(
        same.pull_request(1).head_sha(),
        repository.pull_request(1).head_sha(),
        "unchanged content keeps its commits"
    );
    assert_as_described(&github);
}

async fn client_titles(client: &Client, repository: &str) -> Vec<String> {
    let mut titles = Vec::new();
    for number in 1..=5 {
        let pull = client.get(&format!("/repos/{repository}/pulls/{number}")).await;
        titles.push(pull.body["title"].as_str().unwrap().to_owned());
    }
    titles
}
