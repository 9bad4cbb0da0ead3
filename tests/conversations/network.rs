//! What the pods of a preview reach. Whatever they shall not reach is first seen to be reached while the
//! preview's network policies are taken away, so that it is the policies that keep them from it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use checks::cookbook::configuration;
use k8s_openapi::api::{core::v1::Pod, networking::v1::NetworkPolicy};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use stack::eventually;
use tests::{Conversation, OsProcess, Preview, Setting, converse};

/// How long a change of policies may take to count.
const ENFORCED: Duration = Duration::from_secs(20);
/// The node, as pods know it.
const NODE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
/// Where a cloud keeps the credentials of a node, and GKE answers questions for names.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// What `cargo dev up` has for cluster DNS.
const DNS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10)), 53);
/// The API server, as every pod is told of it.
const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// Puts somebody at this address beyond the node, to whom pods have a route. The address goes with the stack.
fn settle(chat: &Conversation, from: &OsProcess, address: SocketAddr) -> Result<TcpListener> {
    let node = OsProcess::kubelet(&chat.stack.folder)?;
    let host = format!("{}/32", address.ip());
    node.ip(&["address", "replace", &host, "dev", "pods0"])?;
    from.ip(&["route", "replace", &host, "via", &NODE.to_string()])?;
    node.listen(address)
}

async fn comes_to_reach(from: &OsProcess, what: &str, address: SocketAddr, wanted: bool) -> Result<()> {
    let reaches = async || match from.reaches(address) {
        Ok(reached) if reached == wanted => Ok(()),
        Ok(reached) => Err(format!("{what} at {address}: reached is {reached}")),
        Err(error) => Err(error.to_string()),
    };
    eventually(ENFORCED, reaches).await.map_err(anyhow::Error::msg)
}

/// The policies of a preview, taken away.
struct TakenAway {
    policies: Api<NetworkPolicy>,
    taken: Vec<NetworkPolicy>,
}

impl TakenAway {
    async fn from(chat: &Conversation, preview: &Preview) -> Result<Self> {
        let namespace = preview.namespace_name().await?;
        let policies: Api<NetworkPolicy> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let mut taken = policies.list(&ListParams::default()).await?.items;
        ensure!(!taken.is_empty(), "it has policies");
        for policy in &mut taken {
            policies.delete(&policy.name_any(), &DeleteParams::default()).await?;
            policy.metadata.resource_version = None;
            policy.metadata.uid = None;
        }
        Ok(Self { policies, taken })
    }

    async fn put_back(self) -> Result<()> {
        for policy in &self.taken {
            self.policies.create(&PostParams::default(), policy).await?;
        }
        Ok(())
    }
}

fn address_of(pod: &Pod) -> Result<Ipv4Addr> {
    let status = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref());
    Ok(status.context("a pod that runs has an address")?.parse()?)
}

#[test]
fn a_preview_reaches_names_and_its_own_pods_and_nothing_else() {
    converse(Setting::default(), async |chat| {
        let (pull, other) = tokio::try_join!(chat.pull_request(), chat.pull_request())?;
        let (preview, other) = tokio::try_join!(pull.previewed(), other.previewed())?;
        let pod = preview.pod().await?;
        let app = OsProcess::of_pod(&pod)?;
        let api: u16 = chat.stack.api_port().await?;
        let temporal: SocketAddr = chat.stack.env.temporal_address.parse()?;
        let forbidden: Vec<(&str, SocketAddr)> = vec![
            ("another preview", (address_of(&other.pod().await?)?, 8080).into()),
            ("the API server", (API_SERVICE, 443).into()),
            ("the API server's own address", (NODE, api).into()),
            ("Temporal", (NODE, temporal.port()).into()),
            ("the metadata address", (METADATA, 80).into()),
            ("the Internet", (Ipv4Addr::new(198, 51, 100, 7), 443).into()),
        ];
        let _listeners = [
            settle(chat, &app, forbidden[4].1)?,
            settle(chat, &app, forbidden[5].1)?,
            settle(chat, &app, (METADATA, 53).into())?,
        ];

        let taken = TakenAway::from(chat, &preview).await?;
        for (what, address) in &forbidden {
            comes_to_reach(&app, what, *address, true).await?;
        }
        taken.put_back().await?;
        for (what, address) in &forbidden {
            comes_to_reach(&app, what, *address, false).await?;
        }

        let own = (address_of(&pod)?, 8080).into();
        for (what, address) in [("names", DNS), ("names, on GKE", (METADATA, 53).into()), ("itself", own)] {
            ensure!(app.reaches(address)?, "{what} at {address}");
        }
        preview.open("/").await?;
        tokio::try_join!(preview.stop(), other.stop()).map(drop)
    });
}

#[test]
fn a_preview_reaches_what_operators_have_named_and_its_repository_has_chosen() {
    let setting = Setting::default()
        .worker("PREVIEW_EGRESS", "mail=198.51.100.25:25,lab=198.51.100.64/26,web=internet:443");
    converse(setting, async |chat| {
        chat.configure(&configuration("An app that sends mail and calls an API"))
            .await?;
        let preview = chat.pull_request().await?.previewed().await?;
        let app = OsProcess::of_pod(&preview.pod().await?)?;
        let at = |last, port| SocketAddr::from((Ipv4Addr::new(198, 51, 100, last), port));
        let _listeners = [at(25, 25), at(25, 26), at(65, 80), at(8, 443), (METADATA, 443).into()]
            .map(|address| settle(chat, &app, address))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;

        comes_to_reach(&app, "its mail server", at(25, 25), true).await?;
        comes_to_reach(&app, "the Internet", at(8, 443), true).await?;
        for (what, address) in [
            ("another port of the mail server", at(25, 26)),
            ("what it has not chosen", at(65, 80)),
            ("the metadata address", (METADATA, 443).into()),
            ("the API server", (API_SERVICE, 443).into()),
        ] {
            ensure!(!app.reaches(address)?, "{what} at {address}");
        }
        preview.stop().await
    });
}

#[test]
fn a_destination_that_operators_have_no_name_for_is_told_with_its_line() {
    converse(Setting::default().worker("PREVIEW_EGRESS", "mail=198.51.100.25:25"), async |chat| {
        chat.configure("ttl: 10m\negress:\n  - web\n").await?;
        let pull = chat.pull_request().await?;
        let told = pull.hears(&github_stand_in::User::writer(), "/preview").await?;
        assert!(told.contains("line 3") && told.contains("`web`") && told.contains("`mail`"), "{told}");
        Ok(())
    });
}
