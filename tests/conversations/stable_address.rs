//! The pull request's own address: it is asked before it is published, and comes back after failures.

use anyhow::{Context, Result};
use checks::cookbook::configuration;
use github_stand_in::User;
use k8s_openapi::api::networking::v1::Ingress;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use stack::eventually;
use tests::{Conversation, Preview, PullRequest, Setting, converse, timeouts::ANSWER};
use url::Url;

use crate::{
    chart::{pull_request_with, with_charts_of_repositories},
    ingress_admission::IngressAdmission,
    newer_commit::address_follows,
    ready::shop,
};

/// The Ingresses that lead an address somewhere.
async fn leading(chat: &Conversation, address: &Url) -> Result<Vec<Ingress>> {
    let all: Api<Ingress> = Api::all(chat.stack.kube.clone());
    let mut found = all.list(&ListParams::default()).await?.items;
    found.retain(|ingress| {
        let mut rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
        rules.any(|rule| rule.host.as_deref() == address.host_str())
    });
    Ok(found)
}

/// Waits until the comment shows both addresses of the preview. What is shown serves its commit.
async fn shows_both_addresses(chat: &Conversation, pull: &PullRequest) -> Result<Preview> {
    let (preview, stable) = (pull.preview()?, pull.stable_url()?);
    let own = preview.url()?;
    pull.comes_to_say("both addresses", |said| said.contains(own.as_str()) && said.contains(stable.as_str()))
        .await?;
    let page = chat.stack.open(&stable).await?;
    assert_eq!(page.commit, Some(pull.github.head_sha()), "{}: {}", page.status, page.body);
    Ok(preview)
}

#[test]
fn where_a_host_is_admitted_once_the_address_goes_from_commit_to_commit() {
    converse(Setting::default(), async |chat| {
        let admission = IngressAdmission::install(chat).await?;
        let pull = chat.pull_request().await?;
        pull.request_preview().await?;
        let older = shows_both_addresses(chat, &pull).await?;
        assert_eq!(admission.denied(), 0);

        pull.push(PullRequest::content("A second thought")).await?;
        pull.request_preview().await?;
        let newer = shows_both_addresses(chat, &pull).await?;

        assert!(admission.denied() > 0, "the older one had the host");
        older.is_over().await?;
        assert_eq!(leading(chat, &pull.stable_url()?).await?.len(), 1);
        assert_eq!(chat.stack.open(&pull.stable_url()?).await?.commit, Some(pull.github.head_sha()));
        newer.stop().await?;
        assert!(leading(chat, &pull.stable_url()?).await?.is_empty());
        admission.remove().await
    });
}

/// An app that answers at the addresses that it was told, and nowhere else. More values stand above it.
const PARTICULAR: &str = "  script: |
    import os
    from http.server import BaseHTTPRequestHandler, HTTPServer
    class Shop(BaseHTTPRequestHandler):
        def do_GET(self):
            host = self.headers[\"Host\"].split(\":\")[0]
            known = host in os.environ[\"ALLOWED_HOSTS\"].split(\",\")
            self.send_response(200 if known else 400)
            self.end_headers()
    HTTPServer((\"\", 8080), Shop).serve_forever()
";

#[test]
fn an_app_that_does_not_know_the_address_is_told_of_and_may_learn_it() {
    converse(with_charts_of_repositories(), async |chat| {
        let recipe = configuration("An app that checks its host name") + PARTICULAR;
        chat.configure(&recipe.replace(",{stable_host}", "")).await?;
        let pull = pull_request_with(chat, shop("")?).await?;
        let preview = pull.previewed().await?;

        let said = pull.says("the app answers 400 at `/`").await?.body;
        assert!(said.contains(preview.url()?.as_str()) && said.contains("`{stable_host}`"), "{said}");
        assert!(!said.contains("always points"), "{said}");
        let stable = pull.stable_url()?;
        assert_eq!(chat.stack.open(&stable).await?.status, 400);
        assert_eq!(preview.open("/").await?.status, 200);

        chat.configure(&recipe).await?;
        pull.push(PullRequest::content("It knows both hosts")).await?;
        let newer = pull.previewed().await?;
        pull.says(&format!("{stable}> always points")).await?;
        assert_eq!(chat.stack.open(&stable).await?.status, 200);
        newer.stop().await
    });
}

#[test]
fn an_address_that_could_not_be_pointed_or_was_taken_away_comes_back() {
    converse(Setting::default(), async |chat| {
        let admission = IngressAdmission::install(chat).await?;
        let pull = chat.pull_request().await?;
        let stable = pull.stable_url()?;
        admission.close(stable.host_str());
        let preview = pull.previewed().await?;
        let said = pull.sticky()?.body;
        assert!(!said.contains(stable.as_str()), "it leads nowhere: {said}");
        assert!(admission.denied() > 0);

        admission.close(None);
        shows_both_addresses(chat, &pull).await?;

        let mut aliases = leading(chat, &stable).await?;
        let alias = aliases.pop().context("an Ingress")?;
        let namespace = alias.namespace().context("a namespace")?;
        let ingresses: Api<Ingress> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        ingresses.delete(&alias.name_any(), &DeleteParams::default()).await?;
        let is_away = async || match chat.stack.open(&stable).await {
            Ok(page) if page.status == 404 => Ok(()),
            seen => Err(format!("{seen:?}")),
        };
        eventually(ANSWER, is_away).await.map_err(anyhow::Error::msg)?;
        pull.asks(&User::writer(), "/preview").await?;
        address_follows(chat, &pull).await?;
        preview.stop().await?;
        admission.remove().await
    });
}
