//! Files and folders of a repository.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{answer::Answer, base64_lines::base64_lines, call::Call, refusal::Refusal};
use crate::{git::Entry, model::Repository};

pub(super) async fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    let path = call.path("path").trim_matches('/');
    let (git, full_name, default) = call.in_repository(|_, repository| {
        Ok((repository.git.clone(), repository.full_name(), repository.main_sha.clone()))
    })?;
    let reference = call.query("ref");
    let commit = match reference {
        Some(name) => git.resolve(name).await.ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, format!("No commit found for the ref {name}"))
        })?,
        None => default,
    };
    let base = Base {
        api: format!("{}/repos/{full_name}", call.shared.urls.api),
        page: format!("{}/{full_name}", call.shared.urls.page),
        commit: &commit,
    };
    let reference = reference.unwrap_or(Repository::DEFAULT_BRANCH);
    match git.read(&commit, path).await? {
        None => Err(Refusal::not_found()),
        Some(Entry::File { content, .. }) if call.wants_raw() => Ok(Answer::raw(content)),
        Some(Entry::File { sha, content }) => {
            let mut json = base.entry(path, reference, ("file", &sha), content.len() as u64);
            json["encoding"] = json!("base64");
            json["content"] = json!(base64_lines(&content));
            Ok(Answer::ok(json))
        }
        Some(Entry::Link { target, .. }) if call.wants_raw() => Ok(Answer::raw(target.into_bytes())),
        Some(Entry::Link { sha, target }) => {
            let mut json = base.entry(path, reference, ("symlink", &sha), target.len() as u64);
            json["target"] = json!(target);
            Ok(Answer::ok(json))
        }
        Some(Entry::Folder(entries)) => {
            let list = entries.iter().map(|entry| {
                let path = if path.is_empty() {
                    entry.path.clone()
                } else {
                    format!("{path}/{}", entry.path)
                };
                let kind = match entry.mode.as_str() {
                    "040000" => "dir",
                    "120000" => "symlink",
                    _ => "file",
                };
                let size = entry.size.unwrap_or(0);
                base.entry(&path, reference, (kind, &entry.sha), size)
            });
            Ok(Answer::ok(list.collect()))
        }
    }
}

struct Base<'a> {
    api: String,
    page: String,
    commit: &'a str,
}

impl Base<'_> {
    fn entry(&self, path: &str, reference: &str, (kind, sha): (&str, &str), size: u64) -> Value {
        let name = path.rsplit('/').next().unwrap_or(path);
        let url = format!("{}/contents/{path}?ref={reference}", self.api);
        let html = format!("{}/blob/{}/{path}", self.page, self.commit);
        let git = format!("{}/git/{}/{sha}", self.api, if kind == "dir" { "trees" } else { "blobs" });
        json!({
            "type": kind,
            "name": name,
            "path": path,
            "sha": sha,
            "size": size,
            "url": url,
            "html_url": html,
            "git_url": git,
            "download_url": (kind != "dir").then(|| format!("{}/raw/{}/{path}", self.page, self.commit)),
            "_links": { "self": url, "git": git, "html": html },
        })
    }
}
