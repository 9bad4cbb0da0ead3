//! Recipes of docs/cookbook.md that no other conversation is about.

use anyhow::Context;
use checks::cookbook::configuration;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use tests::converse;

use crate::{
    chart::{pull_request_with, with_charts_of_repositories},
    ready::shop,
};

#[test]
fn a_larger_app_gets_the_room_that_it_asks_for() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&configuration("A larger app")).await?;
        let preview = pull_request_with(chat, shop("")?).await?.previewed().await?;

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
