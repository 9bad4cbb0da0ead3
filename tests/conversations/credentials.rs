//! What Helm is given of the worker's: next to nothing, whatever breaks it.

use std::process::Command;

use anyhow::{Result, ensure};
use k8s_openapi::api::{authentication::v1::SelfSubjectReview, core::v1::ServiceAccount};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use stack::eventually;
use tests::{HeldHelm, Setting, converse, timeouts::ANSWER};

/// Who the API server says that somebody is.
async fn name_of(client: &Client) -> Result<String, kube::Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    let user = review.status.and_then(|status| status.user_info);
    Ok(user.and_then(|user| user.username).unwrap_or_default())
}

#[test]
fn whatever_breaks_helm_reads_nothing_of_the_workers_and_is_its_previews_account_for_as_long_as_that_lives() {
    converse(Setting::default(), async |chat| {
        let ours = [chat.stack.env.worker_kubeconfig.clone(), chat.folder.join("app.pem")];
        let ours = ours.map(|file| format!("'{}'", file.display())).join(" ");
        let reads = format!(
            "for file in {ours} /proc/$PPID/environ /proc/$PPID/root/etc/shadow; do
               head -c 1 \"$file\" >/dev/null 2>&1 && echo \"$file\"
             done"
        );
        let read_by_us = Command::new("bash").args(["-c", &reads]).output()?;
        let read_by_us = String::from_utf8(read_by_us.stdout)?;
        assert_eq!(read_by_us.lines().count(), 4, "without confinement, all of it is read: {read_by_us}");
        let tell = format!("{reads}; env -0 | tr '\\n\\0' ' \\n'; echo ---; cat \"$KUBECONFIG\"");
        let mut helm = HeldHelm::telling(&chat.stack.env.helm, &chat.folder, &tell)?;
        chat.restart_worker_with("HELM", helm.program()).await?;

        let preview = chat.pull_request().await?.previewed().await?;

        let told = helm.tells().await?;
        let (seen, kubeconfig) = told.split_once("---\n").unwrap_or((&told, ""));
        for line in seen.lines() {
            ensure!(line.contains('=') && !line.starts_with('/'), "Helm has read {line}");
            let is_ours = ["GITHUB_", "PREVIEW_", "TEMPORAL_", "KUBERNETES_"]
                .iter()
                .any(|ours| line.starts_with(ours));
            ensure!(!is_ours, "Helm was given {line}");
        }
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let account = Client::try_from(config)?;
        let namespace = preview.namespace_name().await?;
        assert_eq!(name_of(&account).await?, format!("system:serviceaccount:{namespace}:preview-release"));

        preview.stop().await?;
        // The API server remembers for some seconds what it has let in.
        let refused = eventually(ANSWER, async || match name_of(&account).await {
            Err(kube::Error::Api(status)) if status.code == 401 => Ok(()),
            other => Err(format!("{other:?}")),
        });
        refused.await.map_err(anyhow::Error::msg)
    });
}

#[test]
fn a_preview_that_has_no_account_as_those_of_earlier_versions_is_uninstalled_with_a_new_one() {
    converse(Setting::default(), async |chat| {
        let preview = chat.pull_request().await?.previewed().await?;
        let namespace = preview.namespace_name().await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        accounts.delete("preview-release", &DeleteParams::default()).await?;

        preview.stop().await?;

        let said = chat.worker.said();
        ensure!(!said.contains("helm uninstall did not succeed"), "{said}");
        Ok(())
    });
}
