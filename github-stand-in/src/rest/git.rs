//! Folders and files by their SHAs, as git keeps them: trees and blobs.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{answer::Answer, base64_lines::base64_lines, call::Call, refusal::Refusal};
use crate::git::{Git, Tree, TreeEntry};

/// Most entries of a tree that are listed.
const LONGEST_LISTING: usize = 100_000;

pub(super) async fn tree(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (git, api) = repository(call)?;
    let name = call.path("tree_sha");
    // With any value at all, `false` included.
    let recursive = call.query("recursive").is_some();
    let found = if is_name(name) { git.tree(name, recursive).await? } else { None };
    let Tree { sha, mut entries } = found.ok_or_else(|| no_such_tree(name, recursive))?;
    let truncated = entries.len() > LONGEST_LISTING;
    entries.truncate(LONGEST_LISTING);
    Ok(Answer::ok(json!({
        "sha": sha,
        "url": format!("{api}/trees/{sha}"),
        "tree": entries.iter().map(|entry| in_tree(&api, entry)).collect::<Value>(),
        "truncated": truncated,
    })))
}

pub(super) async fn blob(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (git, api) = repository(call)?;
    let sha = call.path("file_sha");
    if !is_sha(sha) {
        return Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The sha parameter must be exactly 40 characters and contain only [0-9a-f].",
        ));
    }
    let content = git.blob(sha).await?.ok_or_else(Refusal::not_found)?;
    if call.wants_raw() {
        return Ok(Answer::raw(content));
    }
    Ok(Answer::ok(json!({
        "sha": sha,
        "node_id": format!("B_{sha}"),
        "size": content.len(),
        "url": format!("{api}/blobs/{sha}"),
        "content": base64_lines(&content),
        "encoding": "base64",
    })))
}

/// The git repository, and where its objects are in the API.
fn repository(call: &Call<'_>) -> Result<(Git, String), Refusal> {
    call.in_repository(|wire, repository| {
        let api = format!("{}/repos/{}/git", wire.urls.api, repository.full_name());
        Ok((repository.git.clone(), api))
    })
}

/// An entry of a tree. What a submodule leads to is in another repository, so it has no address here.
fn in_tree(api: &str, entry: &TreeEntry) -> Value {
    let mut json = json!({
        "path": entry.path,
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.sha,
    });
    if let Some(size) = entry.size {
        json["size"] = size.into();
    }
    if entry.kind != "commit" {
        json["url"] = format!("{api}/{}s/{}", entry.kind, entry.sha).into();
    }
    json
}

/// Of a SHA that stands for no tree, GitHub says something else when all below it was
/// asked for (googleapis/release-please#2886).
fn no_such_tree(name: &str, recursive: bool) -> Refusal {
    if recursive && is_sha(name) {
        Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid object requested. SHA must identify a commit or a tree.",
        )
    } else {
        Refusal::not_found()
    }
}

fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Git understands more than SHAs and names (`main~2`, `main:folder`), all of
/// it by characters that no name has.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['^', '~', ':']) && !text.contains("@{")
}
