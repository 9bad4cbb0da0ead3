//! A chart that lies in the repository is installed as it is at the commit that is
//! previewed, and reaches nothing but its preview.

use anyhow::{Context, Result};
use github_stand_in::File;
use k8s_openapi::api::{core::v1::ConfigMap, rbac::v1::ClusterRole};
use kube::{Api, api::ListParams};
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, Preview, Setting, converse};

use crate::chart::{copy_with, in_repository, pull_request_with, with_charts_of_repositories};

const CONFIGURATION: &str = "chart: ./deploy/chart\n";

/// A template that makes a ConfigMap.
fn note(text: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: note}}, data: {{note: \"{text} for {{{{ .Values.host }}}}\"}}}}"
    )
}

/// The sample's chart, with one template more.
fn chart(chat: &Conversation, template: &str) -> Result<Vec<File>> {
    let chart = &chat.stack.env.preview_chart;
    in_repository(chart, "deploy/chart", "more.yaml", template)
}

async fn noted(chat: &Conversation, preview: &Preview) -> Result<String> {
    let namespace = preview.namespace_name().await?;
    let note = Api::<ConfigMap>::namespaced(chat.stack.kube.clone(), &namespace)
        .get("note")
        .await?;
    Ok(note.data.context("it has data")?["note"].clone())
}

#[test]
fn each_commit_is_installed_from_its_own_chart_which_is_fetched_once() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(CONFIGURATION).await?;
        let mut files = chart(chat, &note("one"))?;
        // Helm would read it from the worker's machine, and say what is wrong with it.
        let schema = r#"{"$ref": "file:///etc/passwd"}"#;
        files.push(("deploy/chart/values.schema.json", schema).into());
        let pull = pull_request_with(chat, files).await?;
        let first = pull.previewed().await?;
        let host = first.url()?.host_str().context("a host")?.to_owned();
        assert_eq!(noted(chat, &first).await?, format!("one for {host}"));

        pull.push(("deploy/chart/templates/more.yaml", note("two")).into()).await?;
        let second = pull.previewed().await?;
        assert!(noted(chat, &second).await?.starts_with("two for"));
        first.gone().await?;

        let fetched = |chat: &Conversation| {
            let traffic = chat.github.traffic();
            traffic.requests.get("git/get-blob").copied()
        };
        let before = fetched(chat);
        assert!(before.is_some());
        let mut files = chart(chat, &note("two"))?;
        files.push(("deploy/chart/values.schema.json", schema).into());
        let other = pull_request_with(chat, files).await?;
        let third = other.previewed().await?;
        assert!(noted(chat, &third).await?.starts_with("two for"));
        assert_eq!(fetched(chat), before, "the same chart is not fetched again");

        second.stop().await?;
        third.stop().await
    });
}

#[test]
fn a_chart_that_is_not_there_or_leads_elsewhere_is_told() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(CONFIGURATION).await?;
        let link = || File::link("deploy/chart/values.yaml", "/etc/passwd");
        let chart_yaml = || ("deploy/chart/Chart.yaml", "name: app").into();
        for (files, told) in [
            (vec![("deploy/app.yaml", "").into()], "no folder"),
            (vec![("deploy/chart/values.yaml", "").into()], "Chart.yaml"),
            (vec![chart_yaml(), link()], "values.yaml"),
            (vec![chart_yaml(), ("deploy/chart/big", vec![0; 3_000_000]).into()], "MiB"),
        ] {
            let pull = pull_request_with(chat, files).await?;
            let preview = pull.request_preview().await?;
            assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
            pull.says(told).await?;
            preview.gone().await?;
        }
        Ok(())
    });
}

#[test]
fn a_chart_that_reaches_beyond_its_preview_is_refused_with_the_reason() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(CONFIGURATION).await?;
        let role = format!("hostile-{}", chat.instance);
        let cluster_role = format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {role}}}}}"
        );
        for (template, told) in [
            (cluster_role.as_str(), "own namespace only"),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: note, namespace: default}}",
                "own namespace only",
            ),
            (
                "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: open}, spec: {podSelector: {}, egress: [{}]}}",
                "no business with networkpolicies",
            ),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: note, finalizers: [example.com/hold]}}",
                "finalizers",
            ),
            ("{{ lookup \"v1\" \"Namespace\" \"\" \"kube-system\" | toYaml }}", "own namespace only"),
            ("{{ range until 1000000000 }}x{{ end }}", "Helm crashed"),
        ] {
            let pull = pull_request_with(chat, chart(chat, template)?).await?;
            let preview = pull.request_preview().await?;
            assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
            pull.says(told).await?;
            preview.gone().await?;
        }
        let roles: Api<ClusterRole> = Api::all(chat.stack.kube.clone());
        assert!(roles.get_opt(&role).await?.is_none());
        Ok(())
    });
}

#[test]
fn what_a_terminated_preview_has_left_is_not_built_on() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(CONFIGURATION).await?;
        let pull = pull_request_with(chat, chart(chat, &note("one"))?).await?;
        let preview = pull.previewed().await?;
        let before = preview.namespace().await?.context("it is there")?;
        chat.stack.terminate(&preview.id.to_string()).await?;
        pull.says("terminated").await?;

        chat.configure("").await?;
        pull.previewed().await?;

        let after = preview.namespace().await?.context("it is there")?;
        assert_ne!(after.metadata.uid, before.metadata.uid);
        preview.stop().await
    });
}

#[test]
fn a_chart_that_comes_with_the_service_reaches_no_further_than_its_preview_either() {
    converse(Setting::default(), async |chat| {
        let folder = chat.folder.join("chart");
        let template = format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {}}}}}",
            chat.instance
        );
        copy_with(&chat.stack.env.preview_chart, &folder, "role.yaml", &template)?;
        chat.restart_worker_with("PREVIEW_CHART", &folder).await?;
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        pull.says("own namespace only").await?;
        preview.gone().await?;
        let roles: Api<ClusterRole> = Api::all(chat.stack.kube.clone());
        let made = roles.list_metadata(&ListParams::default()).await?.items;
        let ours = |role: &str| role == chat.instance;
        assert!(!made.iter().any(|role| role.metadata.name.as_deref().is_some_and(ours)));
        Ok(())
    });
}
