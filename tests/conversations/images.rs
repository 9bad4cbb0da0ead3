//! The images of `docker/Dockerfile`, run as a cluster would run them: by nobody in particular, on a root
//! file system that cannot be written to.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, LogParams, PostParams},
};
use serde_json::{Value, from_value, json};
use stack::{eventually, images::ServiceImage};
use tests::{Conversation, Setting, converse};

/// How long a program may take that only says who it is.
const DONE: Duration = Duration::from_secs(60);

/// Runs a pod to its end; returns what it printed.
async fn output(chat: &Conversation, image: &str, words: &Value) -> Result<String> {
    let pods: Api<Pod> = Api::namespaced(chat.stack.kube.clone(), "default");
    let mut container = json!({ "name": "it", "image": image, "securityContext": {
        "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] }, "readOnlyRootFilesystem": true,
    }});
    container
        .as_object_mut()
        .context("an object")?
        .extend(words.as_object().context("an object")?.clone());
    let pod = json!({ "metadata": { "generateName": "image-" }, "spec": {
        "automountServiceAccountToken": false,
        "restartPolicy": "Never",
        // Not who: that the image says itself, by a number.
        "securityContext": { "runAsNonRoot": true },
        "containers": [container],
    }});
    let name = pods.create(&PostParams::default(), &from_value(pod)?).await?.name_any();
    let ended = eventually(DONE, async || {
        let pod = pods.get(&name).await.map_err(|error| error.to_string())?;
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        match phase {
            Some("Succeeded" | "Failed") => Ok(()),
            _ => Err(format!("{:?}", pod.status)),
        }
    });
    let ended = ended.await.map_err(anyhow::Error::msg);
    let printed = pods.logs(&name, &LogParams::default()).await;
    pods.delete(&name, &DeleteParams::default()).await?;
    ended?;
    Ok(printed?)
}

#[test]
fn the_images_of_the_service_run_without_root_shell_and_writable_files() {
    converse(Setting::default(), async |chat| {
        for (image, name) in [
            (ServiceImage::Webhook, "preview-webhook"),
            (ServiceImage::Worker, "preview-worker"),
            (ServiceImage::Preview, "preview"),
        ] {
            let image = chat.stack.build_service_image(image).await?;
            let said = output(chat, &image, &json!({ "args": ["--version"] })).await?;
            ensure!(said.starts_with(&format!("{name} {}", env!("CARGO_PKG_VERSION"))), "{said}");
        }
        // The local base has no git, so no more than this can be tried of it.
        let image = chat.stack.build_service_image(ServiceImage::StandIn).await?;
        let said = output(chat, &image, &json!({ "args": ["--help"] })).await?;
        ensure!(said.contains("one sample repository"), "{said}");

        // As the worker starts it.
        let helm =
            json!({ "command": ["setpriv", "--pdeathsig", "KILL", "--", "helm", "version", "--short"] });
        let said = output(chat, &ServiceImage::Worker.name(), &helm).await?;
        ensure!(said.starts_with('v'), "{said}");
        Ok(())
    });
}
