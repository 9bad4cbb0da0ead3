//! What people bring along who come from another preview system: charts in the shape of theirs.

use std::fs;

use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job};
use kube::{Api, ResourceExt, api::ListParams};
use tests::{Conversation, Preview, converse};

use crate::chart::{chart_folder, files, pull_request_with, with_charts_of_repositories};

/// The preview of a pull request in the repository of a peer, with its chart in this folder. No registry can
/// be reached from here: the commit's image takes the place of all others, by what is written in `place`
/// of what.
async fn previewed(
    chat: &Conversation,
    peer: &str,
    folder: &str,
    place: &[(&str, &str)],
) -> Result<(Preview, String)> {
    let peer = chart_folder("peers").join(peer);
    let configuration = fs::read_to_string(peer.join(".preview.yaml"))?;
    let image = &chat.stack.env.preview_image;
    let lines = configuration.lines().map(|line| match line.split_once("ghcr.io/") {
        Some((name, _)) => format!("{name}\"{image}\"\n"),
        None => format!("{line}\n"),
    });
    let mut configuration: String = lines.collect();
    for (of, here) in place {
        assert!(configuration.contains(of), "{of:?} is not in\n{configuration}");
        configuration = configuration.replace(of, here);
    }
    chat.configure(&configuration).await?;
    let pull = pull_request_with(chat, files(&peer.join("chart"), folder)?).await?;
    Ok((pull.previewed().await?, pull.github.head_sha()))
}

#[test]
fn from_lifecycle_four_services_and_jenkins_come_up_behind_one_address() {
    converse(with_charts_of_repositories(), async |chat| {
        let place = [
            ("DATABASE_URL: db,", "DATABASE_URL: db, PREVIEW_REPOSITORY: the/back-end,"),
            ("    backend:\n", "    backend:\n      image: \"{image}\"\n"),
            (
                "cache: { enabled: true }\n",
                "cache: { enabled: true, image: \"{image}\" }\n    db: { image: \"{image}\" }\n",
            ),
            (
                "values:\n",
                "values:\n  jenkins: { image: { repository: \"{image_repository}\", tag: \"{image_tag}\" } }\n",
            ),
        ];
        let (preview, commit) = previewed(chat, "lifecycle", "deploy", &place).await?;

        assert_eq!(preview.open("/").await?.commit, Some(commit));
        let page = preview.open("/api/info").await?;
        assert!(page.body.contains("the/back-end"), "a path leads to the back end: {}", page.body);
        let namespace = preview.namespace_name().await?;
        let services: Api<Deployment> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let services = services.list(&ListParams::default()).await?;
        let mut names: Vec<_> = services.iter().map(ResourceExt::name_any).collect();
        names.sort();
        assert_eq!(names, ["backend", "cache", "db", "frontend"]);
        preview.stop().await
    });
}

/// What a migration does here: it needs the database, and nothing of it.
const MIGRATION: &str = "import os, socket; socket.create_connection((os.environ['DATABASE_HOST'], 5432), 2)";

#[test]
fn from_argo_cd_two_images_and_a_migrated_database_come_up() {
    converse(with_charts_of_repositories(), async |chat| {
        let preview_values = format!(
            "preview: {{ postgres: {{ image: \"{{image.api}}\", env: {{ PORT: \"5432\" }} }}, migrate: {{ command: [python3, -c, \"{MIGRATION}\"] }},"
        );
        let place = [("preview: {", preview_values.as_str())];
        let (preview, commit) = previewed(chat, "studio", "deploy/helm/studio", &place).await?;

        assert_eq!(preview.open("/").await?.commit, Some(commit));
        let namespace = preview.namespace_name().await?;
        let jobs: Api<Job> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let migration = jobs.get("preview-migrate").await?.status.context("it has run")?;
        assert_eq!(migration.succeeded, Some(1));
        preview.stop().await
    });
}
