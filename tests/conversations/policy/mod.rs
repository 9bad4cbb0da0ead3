//! What the cluster admits from a chart, wherever it comes from: each rule of `charts/preview-cluster`, tried
//! on the API server itself.

mod manifests;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, Secret, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, TypeMeta},
};
use serde_json::{Value, json};
use tests::{Conversation, Preview, PullRequest, Setting, converse};

use crate::chart::{in_repository, pull_request_with};
use manifests::{honest, hostile_addresses, hostile_metadata, hostile_objects, hostile_pods, pods};

/// The account that Helm logs in as.
const RELEASE: &str = "preview-release";

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
    pull_request_with(chat, in_repository(chart, "chart", "none.yaml", "")?).await
}

fn setting() -> Setting {
    Setting::default().worker("PREVIEW_ALLOWED_ANNOTATIONS", "example.com/allowed")
}

#[test]
fn a_chart_of_a_repository_may_make_what_stays_in_its_preview() {
    converse(setting().worker("PREVIEW_REPOSITORY_CHARTS", "true"), async |chat| {
        let preview = preview_of_a_chart_of_its_own(chat).await?.previewed().await?;
        admits_what_stays_there(chat, &preview).await?;
        preview.stop().await
    });
}

#[test]
fn a_chart_that_operators_have_packaged_may_make_no_more() {
    converse(setting(), async |chat| {
        let preview = chat.pull_request().await?.previewed().await?;
        admits_what_stays_there(chat, &preview).await?;
        preview.stop().await
    });
}

#[test]
fn what_operators_allow_may_be_made_too_and_is_held_to_the_same() {
    let kinds = "daemonsets.apps,octo-org/other=pods";
    converse(setting().worker("PREVIEW_ALLOWED_KINDS", kinds), async |chat| {
        let preview = chat.pull_request().await?.previewed().await?;
        let namespace = preview.namespace_name().await?;
        let client = chat.stack.kube_as(&account(&namespace)).await?;
        let image = image(chat)?;
        let daemon_set = |template: Value| {
            json!({ "apiVersion": "apps/v1", "kind": "DaemonSet",
                "spec": { "selector": { "matchLabels": { "app": "x" } }, "template": template } })
        };
        let fine = daemon_set(pods(&image, &json!({})));
        let refused = try_to_make(&client, &namespace, fine).await?;
        ensure!(refused.is_none(), "{refused:?}");
        let everywhere = json!({ "tolerations": [{ "operator": "Exists" }] });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": pods(&image, &json!({}))["spec"] });
        for (object, told) in [
            (daemon_set(pods(&image, &everywhere)), "of its pods"),
            (daemon_set(pods("evil", &json!({}))), "previews do not run images from"),
            (pod, "no business with pods"),
        ] {
            let refused = try_to_make(&client, &namespace, object.clone()).await?;
            let is_told = refused.as_deref().is_some_and(|words| words.contains(told));
            ensure!(is_told, "{object}: {told:?} expected, not {refused:?}");
        }
        preview.stop().await
    });
}

#[test]
fn whoever_steals_the_workers_credentials_gets_previews_and_not_the_cluster() {
    converse(setting(), async |chat| {
        let preview = chat.pull_request().await?.previewed().await?;
        let own = preview.namespace_name().await?;
        let thief = chat
            .stack
            .kube_as("system:serviceaccount:preview-system:preview-worker")
            .await?;
        let account = |name: &str, namespace: &str| json!([{ "kind": "ServiceAccount", "name": name, "namespace": namespace }]);
        let binding = |role: &str, subjects: Value| {
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "preview-release" },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role }, "subjects": subjects })
        };
        let with_a_token = json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": {
            "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 60,
            "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "x", "image": "x" }] } } } });
        let guard = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": { "podSelector": {} } });
        for (namespace, object, told) in [
            (
                "kube-system",
                binding("edit", account("preview-release", "kube-system")),
                "namespaces of previews only",
            ),
            (own.as_str(), binding("edit", account("default", &own)), "to nobody else"),
            (own.as_str(), binding("edit", account("preview-release", "default")), "to nobody else"),
            (own.as_str(), binding("admin", account("preview-release", &own)), "forbidden"),
            ("kube-system", guard.clone(), "namespaces of previews only"),
            ("preview-network-probe", guard.clone(), "one pod that has no rights"),
            ("preview-network-probe", with_a_token, "one pod that has no rights"),
            (
                "default",
                json!({ "apiVersion": "v1", "kind": "ServiceAccount" }),
                "namespaces of previews only",
            ),
        ] {
            let refused = try_to_make(&thief, namespace, object.clone()).await?;
            let is_told = refused.as_deref().is_some_and(|words| words.contains(told));
            ensure!(is_told, "{object} in {namespace}: {told:?} expected, not {refused:?}");
        }
        ensure!(try_to_make(&thief, &own, guard).await?.is_none(), "what it does for a preview it can do");

        let namespaces: Api<Namespace> = Api::all(thief.clone());
        let labels = |standard: &str| {
            json!({ "app.kubernetes.io/managed-by": "preview", "preview.internal/instance": "x",
                "pod-security.kubernetes.io/enforce": standard })
        };
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        for (name, labels, told) in [
            ("preview-x", json!({}), "namespaces of previews only"),
            ("preview-x", labels("privileged"), "confines their pods"),
            ("preview-x", labels("baseline"), "confines their pods"),
            ("kube-x", labels("restricted"), "namespaces of previews only"),
        ] {
            let namespace =
                serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels } }))?;
            let refused = refusal(namespaces.create(&dry, &namespace).await)?;
            ensure!(refused.as_deref().is_some_and(|words| words.contains(told)), "{labels}: {refused:?}");
        }
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let loosened =
            json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } });
        let refused = refusal(namespaces.patch(&own, &dry, &Patch::Merge(loosened)).await)?;
        ensure!(refused.is_some(), "the confinement of a preview is not changed");
        let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
        let refused = refusal(namespaces.delete("preview-system", &dry).await)?;
        ensure!(
            refused.is_some_and(|words| words.contains("changes and removes namespaces of previews only")),
            "nor others removed"
        );
        tokens_of_the_thief(chat, &thief, &own).await?;
        let secrets: Api<Secret> = Api::all(thief);
        ensure!(refusal(secrets.list(&ListParams::default()).await)?.is_some(), "no Secret is read");
        preview.stop().await
    });
}

/// Of the account that Helm logs in as, in namespaces of previews, for ten minutes.
async fn tokens_of_the_thief(chat: &Conversation, thief: &Client, own: &str) -> Result<()> {
    // One of that name in a namespace that is nobody's preview.
    let elsewhere: Api<ServiceAccount> = Api::namespaced(chat.stack.kube.clone(), "default");
    let account: ServiceAccount = serde_json::from_value(json!({ "metadata": { "name": RELEASE } }))?;
    elsewhere.create(&PostParams::default(), &account).await?;
    let request = |namespace: &str, name: &str, spec: Value| {
        let accounts: Api<ServiceAccount> = Api::namespaced(thief.clone(), namespace);
        let name = name.to_owned();
        async move {
            let request: TokenRequest = serde_json::from_value(json!({ "spec": spec }))?;
            anyhow::Ok(accounts.create_token_request(&name, &PostParams::default(), &request).await)
        }
    };
    let ten_minutes = json!({ "audiences": [], "expirationSeconds": 600 });
    let an_hour = json!({ "audiences": [], "expirationSeconds": 3600 });
    for (namespace, name, spec, told) in [
        ("default", RELEASE, &ten_minutes, "namespaces of previews only"),
        ("kube-system", "default", &ten_minutes, "forbidden"),
        (own, "default", &ten_minutes, "forbidden"),
        (own, RELEASE, &an_hour, "for ten minutes"),
    ] {
        let refused = refusal(request(namespace, name, spec.clone()).await?)?;
        let is_told = refused.as_deref().is_some_and(|words| words.contains(told));
        ensure!(is_told, "{spec} of {name} in {namespace}: {told:?} expected, not {refused:?}");
    }
    let for_others = json!({ "audiences": ["vault"], "expirationSeconds": 600 });
    let token = request(own, RELEASE, for_others).await??;
    let audiences = token.spec.and_then(|spec| spec.audiences).unwrap_or_default();
    ensure!(!audiences.is_empty() && !audiences.contains(&"vault".to_owned()), "{audiences:?}");
    elsewhere.delete(RELEASE, &DeleteParams::default()).await?;
    Ok(())
}

fn account(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{RELEASE}")
}

/// What previews may run, without a tag.
fn image(chat: &Conversation) -> Result<String> {
    let (registry, _) = chat.stack.env.preview_image.split_once('/').context("a registry")?;
    Ok(format!("{registry}/{}", chat.repository.full_name().to_ascii_lowercase()))
}

async fn admits_what_stays_there(chat: &Conversation, preview: &Preview) -> Result<()> {
    let namespace = preview.namespace_name().await?;
    let client = chat.stack.kube_as(&account(&namespace)).await?;
    let host = chat.stack.names()?.host(&preview.id);
    let image = image(chat)?;

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
    for name in ["default", RELEASE] {
        let token = accounts.create_token_request(name, &PostParams::default(), &token).await;
        ensure!(refusal(token)?.is_some(), "nobody logs in as {name}");
    }
    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    let scale = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let scale = deployments.patch_scale(&preview.id.release(), &dry, &scale).await;
    ensure!(refusal(scale)?.is_some(), "parts of objects are not for charts");
    Ok(())
}
