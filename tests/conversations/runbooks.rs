//! The commands of `docs/runbooks`, typed as they stand there, in the situations that they are for. Those
//! that need the service to be installed are typed in `installed.rs`.

use anyhow::ensure;
use checks::commands;
use github_stand_in::User;
use temporalio_client::WorkflowExecutionStatus;
use tests::{HeldNamespace, Setting, converse};

#[test]
fn dead_letters_are_listed_explained_and_done_again() {
    converse(Setting::default().image_timeout("5s"), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        pull.says("could not").await?;
        pull.build_image().await?;
        let failed_run = preview.run_id().await?;

        let page = commands::script(include_str!("../../docs/runbooks/dead-letters.md"));
        let said = chat.type_in(&page, &[("PREVIEW", preview.id.to_string())]).await?;

        ensure!(said.contains("could not be deployed"), "{said}");
        assert_ne!(preview.run_id().await?, failed_run);
        pull.shows_url().await?;
        preview.stop().await
    });
}

#[test]
fn a_namespace_that_a_finalizer_holds_is_freed() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let namespace = preview.namespace_name().await?;
        HeldNamespace::new(chat.stack.kube.clone(), &namespace).await?;
        pull.asks(&User::writer(), "/preview stop").await?;
        pull.says("It takes longer than usual").await?;

        let page = commands::script(include_str!("../../docs/runbooks/stuck-namespace.md"));
        let situation =
            [("NAMESPACE", namespace), ("KIND", "configmap".to_owned()), ("OBJECT", "held".to_owned())];
        let said = chat.type_in(&page, &situation).await?;

        ensure!(said.contains("example.com/hold"), "{said}");
        preview.gone().await
    });
}

#[test]
fn what_is_asked_of_temporal_is_answered() {
    converse(Setting::default(), async |chat| {
        let preview = chat.pull_request().await?.previewed().await?;
        for (page, told) in [
            (include_str!("../../docs/runbooks/github-limits.md"), "Rate Limit"),
            (include_str!("../../docs/runbooks/temporal-away.md"), "SERVING"),
            (include_str!("../../docs/runbooks/restore.md"), "orphan-sweep-confirmed"),
        ] {
            let situation = [("PULL_REQUEST", preview.id.pull_request_name()), ("NUMBER", "25".to_owned())];
            let said = chat.type_in(&commands::script(page), &situation).await?;
            ensure!(said.contains(told), "{told:?} is not in:\n{said}");
        }
        preview.stop().await
    });
}
