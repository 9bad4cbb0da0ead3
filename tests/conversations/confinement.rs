//! How the pods of a preview are confined: ordinary images come up, and are nobody on the node.

use anyhow::{Context, Result};
use domain::preview::Phase;
use github_stand_in::File;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, OsProcess, PullRequest, converse};

use crate::chart::{pull_request_with, with_charts_of_repositories};

/// UIDs of the node's own users end below.
const FIRST_OF_A_USER_NAMESPACE: u32 = 65_536;

async fn ordinary_app(chat: &Conversation) -> Result<PullRequest> {
    chat.configure("chart: ./chart\n").await?;
    let files: Vec<File> = vec![
        (
            "chart/Chart.yaml",
            "{apiVersion: v2, name: ordinary, version: 1.0.0, annotations: {preview.internal/values: \"1\"}}",
        )
            .into(),
        ("chart/templates/app.yaml", include_str!("ordinary-app.yaml")).into(),
    ];
    pull_request_with(chat, files).await
}

#[test]
fn an_image_that_runs_as_root_on_port_80_comes_up_and_is_nobody_on_the_node() {
    converse(with_charts_of_repositories(), async |chat| {
        let preview = ordinary_app(chat).await?.previewed().await?;
        assert_eq!(preview.status().await?.phase, Phase::Ready);

        let pod = preview.pod().await?;
        let app = OsProcess::of_pod(&pod)?;
        let status = app.text("status");
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).context("a UID")?;
        let uid: u32 = uid.split_whitespace().next().context("a number")?.parse()?;
        assert!(uid >= FIRST_OF_A_USER_NAMESPACE, "root in the container is {uid} on the node");

        let spec = pod.spec.context("it has a spec")?;
        assert_eq!(spec.host_users, Some(false));
        let container = spec.containers[0].security_context.as_ref().context("it is filled in")?;
        assert_eq!(container.allow_privilege_escalation, Some(false));
        let dropped = container.capabilities.as_ref().and_then(|all| all.drop.clone());
        assert_eq!(dropped, Some(vec!["NET_RAW".to_owned()]));
        assert_eq!(chat.worker.counted("preview_user_namespaces", &[]).await?, 1);
        preview.stop().await
    });
}

#[test]
fn where_pods_have_no_user_namespaces_the_same_is_refused_and_the_comment_says_why() {
    converse(with_charts_of_repositories().worker("PREVIEW_POD_SECURITY", "restricted"), async |chat| {
        let pull = ordinary_app(chat).await?;
        let preview = pull.request_preview().await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        pull.says("more than the restricted pod security standard of this service allows")
            .await?;
        assert_eq!(chat.worker.counted("preview_user_namespaces", &[]).await?, 0);
        preview.gone().await
    });
}
