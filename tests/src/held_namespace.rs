//! A namespace that cannot go, because a finalizer in it is not taken away.

use anyhow::Result;
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

/// The config map that holds the namespace.
const NAME: &str = "held";

/// Stays while it is terminated, until it is released.
pub struct HeldNamespace {
    config_maps: Api<ConfigMap>,
}

impl HeldNamespace {
    /// # Errors
    /// When the cluster refuses.
    pub async fn new(kube: kube::Client, namespace: &str) -> Result<Self> {
        let config_maps = Api::namespaced(kube, namespace);
        let metadata = ObjectMeta {
            name: Some(NAME.to_owned()),
            finalizers: Some(vec!["example.com/hold".to_owned()]),
            ..ObjectMeta::default()
        };
        let config_map = ConfigMap { metadata, ..ConfigMap::default() };
        config_maps.create(&PostParams::default(), &config_map).await?;
        Ok(Self { config_maps })
    }

    /// Lets it go.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn release(self) -> Result<()> {
        let no_finalizers = json!({ "metadata": { "finalizers": null } });
        self.config_maps
            .patch(NAME, &PatchParams::default(), &Patch::Merge(no_finalizers))
            .await?;
        Ok(())
    }
}
