//! Recipes of docs/cookbook.md that no other conversation is about.

use std::path::Path;

use anyhow::{Context, Result};
use github_stand_in::File;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use stack::{cookbook::configuration, eventually};
use tests::{Setting, converse, timeouts::ANSWER};

use crate::chart::{files, pull_request_with};

fn with_charts_of_repositories() -> Setting {
    Setting::default().worker("PREVIEW_REPOSITORY_CHARTS", "true")
}

fn shop() -> Result<Vec<File>> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations/shop"), "deploy/chart")
}

#[test]
fn a_larger_app_gets_the_room_that_it_asks_for() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&configuration("A larger app")).await?;
        let preview = pull_request_with(chat, shop()?).await?.previewed().await?;

        let namespace = preview.namespace_name().await?;
        let quotas: Api<ResourceQuota> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let granted = quotas
            .get("preview")
            .await?
            .spec
            .and_then(|spec| spec.hard)
            .context("it is bounded")?;
        for (what, amount) in [
            ("pods", "20"),
            ("limits.cpu", "8"),
            ("limits.memory", "8Gi"),
            // Containers say nothing of the node's disk, and each is given 1Gi.
            ("limits.ephemeral-storage", "20Gi"),
        ] {
            assert_eq!(granted[what].0, amount, "{what}");
        }
        preview.stop().await
    });
}

/// An app that answers at the addresses that it was told, and nowhere else. More values stand above it.
const PARTICULAR: &str = "  script: |
    import os
    from http.server import BaseHTTPRequestHandler, HTTPServer
    class Shop(BaseHTTPRequestHandler):
        def do_GET(self):
            host = self.headers[\"Host\"].split(\":\")[0]
            known = host in os.environ[\"ALLOWED_HOSTS\"].split(\",\")
            self.send_response(200 if known else 400)
            self.end_headers()
    HTTPServer((\"\", 8080), Shop).serve_forever()
";

#[test]
fn an_app_that_checks_its_host_name_answers_at_both_of_its_addresses() {
    converse(with_charts_of_repositories(), async |chat| {
        let recipe = configuration("An app that checks its host name");
        // Told of the commit's address alone, it does not answer at the other.
        for (configuration, at_the_stable_address) in
            [(recipe.clone(), 200), (recipe.replace(",{stable_host}", ""), 400)]
        {
            chat.configure(&(configuration + PARTICULAR)).await?;
            let pull = pull_request_with(chat, shop()?).await?;
            let preview = pull.previewed().await?;
            assert_eq!(preview.open("/").await?.status, 200);
            let stable = pull.stable_url()?;
            pull.says(stable.as_str()).await?;
            // The ingress controller learns of it a moment later.
            let answers = async || match chat.stack.open(&stable).await {
                Ok(page) if page.status == at_the_stable_address => Ok(()),
                Ok(page) => Err(format!("{stable} answers {}", page.status)),
                Err(error) => Err(format!("{error:#}")),
            };
            eventually(ANSWER, answers).await.map_err(anyhow::Error::msg)?;
            preview.stop().await?;
        }
        Ok(())
    });
}
