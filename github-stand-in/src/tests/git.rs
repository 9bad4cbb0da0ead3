//! Trees and blobs over REST.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Client, Repository, UNKNOWN, assert_as_described, chart, client::Reply, scene};

fn git(repository: &Repository, kind: &str, name: &str) -> String {
    format!("/repos/{}/git/{kind}/{name}", repository.full_name())
}

/// The entries of a tree, one line each.
fn listed(tree: &Reply) -> Vec<String> {
    assert_eq!(tree.body["truncated"], false, "{tree:?}");
    let entries = tree.body["tree"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap();
            let line = format!("{} {} {}", text("mode"), text("type"), text("path"));
            match &entry["size"] {
                Value::Null => line,
                size => format!("{line} {size}"),
            }
        })
        .collect()
}

fn sha_of(tree: &Reply, path: &str) -> String {
    let mut entries = tree.body["tree"].as_array().unwrap().iter();
    let entry = entries.find(|entry| entry["path"] == path).unwrap();
    entry["sha"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_folder_is_found_from_the_commit_down() {
    let (github, repository, client, commit) = chart().await;
    let root = client.get(&git(&repository, "trees", &commit)).await;
    assert_eq!((root.status, &root.body["sha"]), (200, &json!(commit)));
    assert!(listed(&root).contains(&"040000 tree chart".to_owned()), "{root:?}");

    let folder = sha_of(&root, "chart");
    let chart = client.get(&git(&repository, "trees", &folder)).await;
    assert_eq!(chart.body["sha"], json!(folder));
    assert_eq!(
        listed(&chart),
        [
            "100644 blob Chart.yaml 12",
            "040000 tree ci",
            "040000 tree templates",
            "120000 blob values.yaml 15",
        ]
    );
    // Each entry says where to go on.
    for entry in chart.body["tree"].as_array().unwrap() {
        let next = client.get(entry["url"].as_str().unwrap()).await;
        assert_eq!((next.status, &next.body["sha"]), (200, &entry["sha"]));
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn all_that_is_below_a_folder_is_listed_at_once() {
    let (github, repository, client, commit) = chart().await;
    let root = client.get(&git(&repository, "trees", &commit)).await;
    let folder = git(&repository, "trees", &sha_of(&root, "chart"));
    // Whatever the value is.
    for value in ["1", "true", "false"] {
        let chart = client.get(&format!("{folder}?recursive={value}")).await;
        assert_eq!(
            listed(&chart),
            [
                "100644 blob Chart.yaml 12",
                "040000 tree ci",
                "100755 blob ci/lint 10",
                "040000 tree templates",
                "100644 blob templates/app.yaml 0",
                "120000 blob values.yaml 15",
            ]
        );
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn a_tree_may_be_named_by_a_branch_but_not_by_an_expression() {
    let (github, repository, client, commit) = chart().await;
    let pull = repository.pull_request(1);
    assert_eq!(pull.head_sha(), commit);
    for name in ["refs/pull/1/head", "refs%2Fpull%2F1%2Fhead"] {
        let tree = client.get(&git(&repository, "trees", name)).await;
        assert_eq!((tree.status, &tree.body["sha"]), (200, &json!(commit)));
    }
    let main = client.get(&git(&repository, "trees", "main")).await;
    assert_eq!(main.status, 200);
    assert!(!listed(&main).contains(&"040000 tree chart".to_owned()));
    for name in ["nowhere", "main:hello_world", "main~0", "main@%7B0%7D"] {
        let refused = client.get(&git(&repository, "trees", name)).await;
        assert_eq!(refused.status, 404, "{name}");
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn a_submodule_leads_nowhere() {
    let (github, repository, client, _) = chart().await;
    let mut mktree = Command::new("git")
        .args(["mktree", "--missing"])
        .env("GIT_DIR", repository.git_dir().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let entry = format!("160000 commit {UNKNOWN}\tvendor\n");
    let mut stdin = mktree.stdin.take().unwrap();
    stdin.write_all(entry.as_bytes()).unwrap();
    drop(stdin);
    let made = mktree.wait_with_output().unwrap();
    let sha = String::from_utf8(made.stdout).unwrap();
    let tree = client.get(&git(&repository, "trees", sha.trim())).await;
    assert_eq!(
        tree.body["tree"],
        json!([{"path": "vendor", "mode": "160000", "type": "commit", "sha": UNKNOWN}])
    );
    assert_as_described(&github);
}

#[tokio::test]
async fn a_file_comes_in_lines_of_base64_or_as_it_is() {
    let (github, repository, pull, client) = scene().await;
    let content: Vec<u8> = (0..=255).collect();
    let commit = pull.push([("all.bin", &content)]).await.unwrap();
    let root = client.get(&git(&repository, "trees", &commit)).await;
    let path = git(&repository, "blobs", &sha_of(&root, "all.bin"));

    let blob = client.get(&path).await;
    assert_eq!((&blob.body["size"], &blob.body["encoding"]), (&json!(256), &json!("base64")));
    let text = blob.body["content"].as_str().unwrap();
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    assert!(text.ends_with('\n'));
    assert_eq!(lines.iter().map(|line| line.len()).max(), Some(60));
    assert_eq!(BASE64_STANDARD.decode(lines.concat()).unwrap(), content);

    assert_eq!(client.get_raw(&path).await, content);
    let same = format!("/repos/{}/contents/all.bin?ref={commit}", repository.full_name());
    assert_eq!(client.get_raw(&same).await, content);
    assert_as_described(&github);
}

#[tokio::test]
async fn a_link_holds_the_path_that_it_leads_to() {
    let (github, repository, client, commit) = chart().await;
    let all = format!("{}?recursive=1", git(&repository, "trees", &commit));
    let link = sha_of(&client.get(&all).await, "chart/values.yaml");
    let target = client.get_raw(&git(&repository, "blobs", &link)).await;
    assert_eq!(target, b"../content.json");
    let contents = format!("/repos/{}/contents/chart?ref={commit}", repository.full_name());
    let folder = client.get(&contents).await;
    assert_eq!(folder.body[3]["type"], "symlink", "{folder:?}");
    assert_as_described(&github);
}

#[tokio::test]
async fn what_is_not_there_is_told_in_githubs_words() {
    let (github, repository, client, commit) = chart().await;
    let all = format!("{UNKNOWN}?recursive=1");
    for (kind, name, status, message) in [
        ("trees", UNKNOWN, 404, "Not Found"),
        ("trees", &all, 422, "Invalid object requested. SHA must identify a commit or a tree."),
        ("blobs", UNKNOWN, 404, "Not Found"),
        (
            "blobs",
            &commit[..7],
            422,
            "The sha parameter must be exactly 40 characters and contain only [0-9a-f].",
        ),
    ] {
        let refused = client.get(&git(&repository, kind, name)).await;
        assert_eq!((refused.status, refused.message()), (status, message), "{kind}/{name}");
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn who_may_not_read_the_content_reads_no_tree_and_no_file() {
    let (github, repository, client, commit) = chart().await;
    let root = client.get(&git(&repository, "trees", &commit)).await;
    let file = sha_of(&root, "content.json");
    let asked = json!({"permissions": {"issues": "write", "metadata": "read"}});
    let narrow = Client::with_token_for(&github, &asked).await;
    for path in [git(&repository, "trees", &commit), git(&repository, "blobs", &file)] {
        assert_eq!(client.get(&path).await.status, 200);
        let refused = narrow.get(&path).await;
        assert_eq!((refused.status, refused.message()), (403, "Resource not accessible by integration"));
        assert_eq!(refused.header("x-accepted-github-permissions"), "contents=read");
    }
    assert_as_described(&github);
}
