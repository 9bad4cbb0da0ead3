//! Where the committed description comes from: GitHub's own, cut down to the
//! calls and events of a deploy-preview app.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use serde_json::{Map, Value, json};
use tokio::process::Command;

/// The npm package and version that [`REST_FILE`] is cut from.
pub const REST_PACKAGE: &str = "@octokit/openapi@23.0.2";
/// The npm package and version that [`WEBHOOKS_FILE`] is cut from.
pub const WEBHOOKS_PACKAGE: &str = "@octokit/openapi-webhooks@12.1.0";
/// The npm package and version that [`PERMISSIONS_FILE`] is cut from.
pub const PERMISSIONS_PACKAGE: &str = "@octokit/app-permissions@2.1.0";
/// File name of the trimmed REST description (OpenAPI 3.0).
pub const REST_FILE: &str = "api.github.com.json";
/// File name of the trimmed webhook description (OpenAPI 3.1).
pub const WEBHOOKS_FILE: &str = "webhooks.json";
/// File name of the permissions that calls need.
pub const PERMISSIONS_FILE: &str = "permissions.json";

/// Where all packages keep the description of github.com.
const PATH_IN_PACKAGE: &str = "package/generated/api.github.com.json";
/// The key under which a trimmed file names its source.
pub(super) const SOURCE_KEY: &str = "x-trimmed-from";

/// The REST operations that are kept, by path and method.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("/app", &["get"]),
    ("/app-manifests/{code}/conversions", &["post"]),
    ("/app/hook/deliveries", &["get"]),
    ("/app/hook/deliveries/{delivery_id}", &["get"]),
    ("/app/hook/deliveries/{delivery_id}/attempts", &["post"]),
    ("/app/installations", &["get"]),
    ("/app/installations/{installation_id}/access_tokens", &["post"]),
    ("/rate_limit", &["get"]),
    ("/repos/{owner}/{repo}", &["get"]),
    ("/repos/{owner}/{repo}/collaborators/{username}/permission", &["get"]),
    ("/repos/{owner}/{repo}/contents/{path}", &["get"]),
    ("/repos/{owner}/{repo}/deployments", &["get", "post"]),
    ("/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", &["get", "post"]),
    ("/repos/{owner}/{repo}/git/blobs/{file_sha}", &["get"]),
    ("/repos/{owner}/{repo}/git/trees/{tree_sha}", &["get"]),
    ("/repos/{owner}/{repo}/installation", &["get"]),
    ("/repos/{owner}/{repo}/issues/comments/{comment_id}", &["get", "patch", "delete"]),
    ("/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", &["post"]),
    ("/repos/{owner}/{repo}/issues/{issue_number}/comments", &["get", "post"]),
    ("/repos/{owner}/{repo}/pulls/{pull_number}", &["get"]),
];

/// The webhooks that are kept.
const WEBHOOKS: &[&str] = &[
    "installation-created",
    "installation-deleted",
    "installation-repositories-added",
    "installation-repositories-removed",
    "installation-suspend",
    "installation-unsuspend",
    "issue-comment-created",
    "issue-comment-deleted",
    "issue-comment-edited",
    "ping",
    "pull-request-closed",
    "pull-request-converted-to-draft",
    "pull-request-edited",
    "pull-request-opened",
    "pull-request-ready-for-review",
    "pull-request-reopened",
    "pull-request-synchronize",
];

/// Why the description could not be regenerated.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// `npm` or `tar` could not be run, or a file could not be written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// `npm` or `tar` ended with an error.
    #[error("`{command}` failed: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// What it printed on standard error.
        stderr: String,
    },
    /// The package holds something else than expected.
    #[error("{package}: {reason}")]
    Content {
        /// The npm package.
        package: &'static str,
        /// What was missing or malformed.
        reason: String,
    },
}

/// Fetches the npm packages with the ordinary client and rewrites the files in
/// `folder` (`github-stand-in/description`).
///
/// # Errors
/// When npm or tar fails, or when a package no longer holds an operation or webhook that we keep.
pub async fn regenerate(folder: &Path) -> Result<(), TrimError> {
    let downloads = tempfile::tempdir()
        .map_err(|source| TrimError::Io { what: "creating a temporary folder".into(), source })?;
    for (package, file, licence, trim) in [
        (REST_PACKAGE, REST_FILE, "LICENSE", trim_rest as fn(&Value) -> Result<Value, String>),
        (WEBHOOKS_PACKAGE, WEBHOOKS_FILE, "LICENSE", trim_webhooks),
        (PERMISSIONS_PACKAGE, PERMISSIONS_FILE, "LICENSE.permissions", trim_permissions),
    ] {
        let packed =
            run("npm", &["pack", package, "--silent", "--pack-destination", "."], downloads.path()).await?;
        let tarball = String::from_utf8_lossy(&packed).trim().to_owned();
        let content = |reason| TrimError::Content { package, reason };
        let full = run("tar", &["-xzOf", &tarball, PATH_IN_PACKAGE], downloads.path()).await?;
        let full: Value = serde_json::from_slice(&full).map_err(|error| content(error.to_string()))?;
        let mut trimmed = trim(&full).map_err(content)?;
        trimmed[SOURCE_KEY] = json!(package);
        let mut text = serde_json::to_string_pretty(&trimmed).map_err(|error| content(error.to_string()))?;
        text.push('\n');
        write(&folder.join(file), text.as_bytes()).await?;
        let text = run("tar", &["-xzOf", &tarball, "package/LICENSE"], downloads.path()).await?;
        write(&folder.join(licence), &text).await?;
    }
    Ok(())
}

async fn write(path: &Path, content: &[u8]) -> Result<(), TrimError> {
    tokio::fs::write(path, content)
        .await
        .map_err(|source| TrimError::Io { what: format!("writing {}", path.display()), source })
}

async fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<Vec<u8>, TrimError> {
    let command = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| TrimError::Io { what: format!("running `{command}`"), source })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(TrimError::Command {
            command,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

fn trim_rest(full: &Value) -> Result<Value, String> {
    let mut paths = Map::new();
    for (path, methods) in OPERATIONS {
        let item = full["paths"].get(path).ok_or_else(|| format!("no path {path}"))?;
        let mut kept = Map::new();
        for method in *methods {
            let operation = item.get(method).ok_or_else(|| format!("no operation {method} {path}"))?;
            kept.insert((*method).to_owned(), without_examples(operation));
        }
        paths.insert((*path).to_owned(), kept.into());
    }
    let paths = Value::from(paths);
    let mut schemas = BTreeSet::from(["#/components/schemas/basic-error".to_owned()]);
    collect_references(&paths, &mut schemas);
    Ok(json!({
        "openapi": full["openapi"],
        "info": full["info"],
        "servers": full["servers"],
        "components": components(full, schemas)?,
        "paths": paths,
    }))
}

fn trim_webhooks(full: &Value) -> Result<Value, String> {
    let mut webhooks = Map::new();
    for name in WEBHOOKS {
        let webhook = full["webhooks"].get(name).ok_or_else(|| format!("no webhook {name}"))?;
        webhooks.insert((*name).to_owned(), without_examples(webhook));
    }
    let webhooks = Value::from(webhooks);
    let mut references = BTreeSet::new();
    collect_references(&webhooks, &mut references);
    Ok(json!({
        "openapi": full["openapi"],
        "info": full["info"],
        "components": components(full, references)?,
        "webhooks": webhooks,
    }))
}

/// By call, `GET /repos/{owner}/{repo}`: the permissions of which each suffices, `metadata=read`.
fn trim_permissions(full: &Value) -> Result<Value, String> {
    let permissions = full["permissions"].as_object().ok_or("no permissions")?;
    let suffices = |call: &str| {
        let is_meant = |listed: &Value| listed.as_str().is_some_and(|listed| same_call(listed, call));
        let of_permission = |(name, levels): (&String, &Value)| {
            let levels = levels.as_object().into_iter().flatten();
            let meant =
                levels.filter(|(_, calls)| calls.as_array().is_some_and(|calls| calls.iter().any(is_meant)));
            meant.map(|(level, _)| format!("{name}={level}")).collect::<Vec<_>>()
        };
        permissions.iter().flat_map(of_permission).collect::<BTreeSet<_>>()
    };
    let calls = OPERATIONS.iter().flat_map(|(path, methods)| {
        methods.iter().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let needed: Map<String, Value> = calls
        .map(|call| (suffices(&call), call))
        .filter(|(permissions, _)| !permissions.is_empty())
        .map(|(permissions, call)| (call, json!(permissions)))
        .collect();
    Ok(json!({ "permissions": needed }))
}

/// The same method and path, whatever the path's variables are called.
fn same_call(left: &str, right: &str) -> bool {
    let is_variable = |segment: &str| segment.starts_with('{');
    left.split('/').count() == right.split('/').count()
        && left
            .split('/')
            .zip(right.split('/'))
            .all(|(left, right)| left == right || (is_variable(left) && is_variable(right)))
}

/// Everything that is reachable from `wanted`, in the shape of an OpenAPI `components` object.
fn components(full: &Value, mut wanted: BTreeSet<String>) -> Result<Value, String> {
    let mut kept = Map::new();
    let mut done = BTreeSet::new();
    while let Some(reference) = wanted.pop_first() {
        if !done.insert(reference.clone()) {
            continue;
        }
        let pointer = reference
            .strip_prefix('#')
            .ok_or_else(|| format!("reference out of the file: {reference}"))?;
        let (kind, name) = pointer
            .strip_prefix("/components/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| format!("reference to something that is no component: {reference}"))?;
        let component =
            without_examples(full.pointer(pointer).ok_or_else(|| format!("dangling reference {reference}"))?);
        collect_references(&component, &mut wanted);
        let group = kept.entry(kind).or_insert_with(|| json!({}));
        group[name] = component;
    }
    Ok(kept.into())
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                into.insert(reference.clone());
            }
            map.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}

/// A copy without examples, which are two thirds of the text and validate nothing.
fn without_examples(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "example" | "examples" | "x-github"))
            .map(|(key, value)| {
                // The keys of `properties` are names of GitHub's fields, one of which might be "example".
                let value = match (key.as_str(), value) {
                    ("properties", Value::Object(fields)) => fields
                        .iter()
                        .map(|(name, field)| (name.clone(), without_examples(field)))
                        .collect(),
                    _ => without_examples(value),
                };
                (key.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_examples).collect(),
        other => other.clone(),
    }
}
