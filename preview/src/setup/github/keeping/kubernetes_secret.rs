//! Secrets in a Secret of a cluster, as `charts/preview` expects it.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, ensure};
use github::NewApp;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    config::KubeConfigOptions,
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::super::{one_time::OneTime, options::SecretName};

const PRIVATE_KEY: &str = "private-key.pem";
const WEBHOOK_SECRET: &str = "webhook-secret";
/// What the names of previews are made with. It stays what it is, or all previews have other names.
const NAME_KEY: &str = "name-key";

/// A Secret that is not there, or may be changed.
pub(crate) struct KubernetesSecret {
    secrets: Api<Secret>,
    name: SecretName,
    there: Option<There>,
}

/// What is there already.
struct There {
    has_name_key: bool,
}

impl KubernetesSecret {
    /// Looks at what is there, and tries to write without doing so: GitHub gives the key out once.
    ///
    /// # Errors
    /// If the Secret is there and `force` is not, or the cluster would not take it.
    pub(crate) async fn prepare(
        name: SecretName,
        context: Option<&str>,
        force: bool,
    ) -> anyhow::Result<Self> {
        let client = Client::try_from(config(context).await?).context("the kubeconfig is of no use")?;
        let secrets: Api<Secret> = Api::namespaced(client, &name.namespace);
        let found = secrets
            .get_opt(&name.name)
            .await
            .with_context(|| format!("reading Secret {name}"))?;
        ensure!(
            force || found.is_none(),
            "Secret {name} is there already: choose another name, or --force to replace the App's key and the webhook's secret in it"
        );
        let has_name_key =
            |secret: &Secret| secret.data.as_ref().is_some_and(|data| data.contains_key(NAME_KEY));
        let there = found.map(|secret| There { has_name_key: has_name_key(&secret) });
        let prepared = Self { secrets, name, there };
        prepared
            .send([(PRIVATE_KEY, String::new()), (WEBHOOK_SECRET, String::new())].into(), true)
            .await
            .context("it cannot be written later; nothing was done")?;
        Ok(prepared)
    }

    /// Writes the App's secrets, and a key for names unless there is one.
    ///
    /// # Errors
    /// If the cluster does not take it, or such a Secret has come there meanwhile.
    pub(crate) async fn write(&self, app: &NewApp) -> anyhow::Result<()> {
        let mut texts = BTreeMap::from([
            (PRIVATE_KEY, app.private_key.expose_secret().to_owned()),
            (WEBHOOK_SECRET, app.webhook_secret.expose_secret().to_owned()),
        ]);
        if !self.there.as_ref().is_some_and(|there| there.has_name_key) {
            texts.insert(NAME_KEY, OneTime::new()?.expose().to_owned());
        }
        self.send(texts, false).await
    }

    async fn send(&self, texts: BTreeMap<&str, String>, dry_run: bool) -> anyhow::Result<()> {
        let name = &self.name.name;
        let sent = if self.there.is_some() {
            let parameters = PatchParams { dry_run, ..PatchParams::default() };
            let patch = Patch::Merge(json!({ "stringData": texts }));
            self.secrets.patch(name, &parameters, &patch).await
        } else {
            let parameters = PostParams { dry_run, ..PostParams::default() };
            let secret = Secret {
                metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
                string_data: Some(texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect()),
                ..Secret::default()
            };
            self.secrets.create(&parameters, &secret).await
        };
        sent.with_context(|| format!("writing Secret {}", self.name))?;
        Ok(())
    }
}

impl fmt::Display for KubernetesSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Secret {}", self.name)
    }
}

async fn config(context: Option<&str>) -> anyhow::Result<Config> {
    match context {
        Some(name) => {
            let options = KubeConfigOptions {
                context: Some(name.to_owned()),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_kubeconfig(&options).await;
            config.with_context(|| format!("no usable context {name} in the kubeconfig (--kube-context)"))
        }
        None => Config::infer()
            .await
            .context("no cluster: set KUBECONFIG, or run inside of one"),
    }
}
