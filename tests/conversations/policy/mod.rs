//! What the cluster admits from a chart that lies in the repository: each rule of
//! `charts/preview-cluster`, tried on the API server itself.

mod manifests;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, TypeMeta},
};
use serde_json::{Value, json};
use tests::{Conversation, PullRequest, Setting, converse};

use crate::chart::in_repository;
use manifests::{honest, hostile_addresses, hostile_metadata, hostile_objects, hostile_pods, pods};

/// What a chart is told that cannot have something; nothing if it can.
fn refusal<T>(tried: Result<T, kube::Error>) -> Result<Option<String>> {
    match tried {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) => Ok(Some(status.message.clone())),
        Err(error) => bail!(error),
    }
}

/// Tries to make an object, without making it.
async fn try_to_make(client: &Client, namespace: &str, mut object: Value) -> Result<Option<String>> {
    if object["metadata"]["name"].is_null() {
        object["metadata"]["name"] = json!("tried");
    }
    let object: DynamicObject = serde_json::from_value(object)?;
    let types: &TypeMeta = object.types.as_ref().context("it has a kind")?;
    let resource = ApiResource::from_gvk(&types.try_into()?);
    let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    refusal(objects.create(&dry, &object).await)
}

async fn preview_of_a_chart_of_its_own(chat: &Conversation) -> Result<PullRequest> {
    chat.configure("chart: ./chart\n").await?;
    let chart = &chat.stack.env.preview_chart;
    let pull = chat.pull_request_without_image().await?;
    pull.github.push(in_repository(chart, "chart", "none.yaml", "")?).await?;
    pull.build_image().await?;
    Ok(pull)
}

#[test]
fn a_chart_of_a_repository_may_make_what_stays_in_its_preview() {
    let setting = Setting::default()
        .worker("PREVIEW_REPOSITORY_CHARTS", "true")
        .worker("PREVIEW_ALLOWED_ANNOTATIONS", "example.com/allowed");
    converse(setting, async |chat| {
        let pull = preview_of_a_chart_of_its_own(chat).await?;
        let preview = pull.previewed().await?;
        let namespace = preview.namespace_name().await?;
        let account = format!("system:serviceaccount:{namespace}:preview-release");
        let client = chat.stack.kube_as(&account).await?;
        let host = chat.stack.names()?.host(&preview.id);
        let image = format!(
            "{}{}",
            chat.stack.env.preview_image.split_once('/').context("a registry")?.0,
            format_args!("/{}", chat.repository.full_name().to_ascii_lowercase())
        );

        for object in honest(&image, &host) {
            let refused = try_to_make(&client, &namespace, object.clone()).await?;
            ensure!(refused.is_none(), "{object}: {refused:?}");
        }
        let hostile = [
            hostile_objects(&image),
            hostile_metadata(&image),
            hostile_pods(&image),
            hostile_addresses(&host),
        ];
        for (object, told) in hostile.concat() {
            let refused = try_to_make(&client, &namespace, object.clone()).await?;
            let is_told = refused.as_deref().is_some_and(|words| words.contains(told));
            ensure!(is_told, "{object}: {told:?} expected, not {refused:?}");
        }
        ensure!(
            try_to_make(&client, "default", json!({ "apiVersion": "v1", "kind": "ConfigMap" }))
                .await?
                .is_some(),
            "other namespaces are none of its business"
        );

        // Through what the cluster's own controllers make, too.
        let elsewhere =
            json!([{ "topologyKey": "kubernetes.io/os", "namespaceSelector": {}, "labelSelector": {} }]);
        let affinity =
            json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": elsewhere } });
        let template = pods(&image, &json!({ "affinity": affinity }));
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": template["spec"] });
        let refused = try_to_make(&chat.stack.kube, &namespace, pod).await?;
        ensure!(
            refused.as_deref().is_some_and(|words| words.contains("preview-affinity")),
            "nobody else is kept from being scheduled: {refused:?}"
        );

        // What a pod could do that gets hold of the account.
        let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), &namespace);
        let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
        let open = policies.delete("preview-default-deny", &dry).await;
        ensure!(refusal(open)?.is_some(), "the guards cannot be removed");
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
        let token = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let token = accounts.create_token_request("default", &PostParams::default(), &token).await;
        ensure!(refusal(token)?.is_some(), "nobody logs in");
        let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
        let scale = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let scale = deployments.patch_scale(&preview.id.release(), &dry, &scale).await;
        ensure!(refusal(scale)?.is_some(), "parts of objects are not for charts");
        preview.stop().await
    });
}
