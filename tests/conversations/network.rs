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
use stack::{cluster::NODE_ADDRESS, eventually, images::ServiceImage};
use tests::{Conversation, OsProcess, Setting, converse};

/// How long a change of policies may take to count.
const ENFORCED: Duration = Duration::from_secs(20);
/// How long a worker may take to find out whether policies are enforced at all.
const FOUND_OUT: Duration = Duration::from_secs(120);
/// Where it tries that. No other conversation does.
const PROBE: &str = "preview-network-probe";
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
    from.ip(&["route", "replace", &host, "via", &NODE_ADDRESS.to_string()])?;
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

/// The policies of a namespace, taken away.
struct TakenAway {
    policies: Api<NetworkPolicy>,
    taken: Vec<NetworkPolicy>,
}

impl TakenAway {
    async fn from(chat: &Conversation, namespace: &str) -> Result<Self> {
        let policies: Api<NetworkPolicy> = Api::namespaced(chat.stack.kube.clone(), namespace);
        let mut taken = policies.list(&ListParams::default()).await?.items;
        ensure!(!taken.is_empty(), "{namespace} has policies");
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
            ("the API server's own address", (NODE_ADDRESS, api).into()),
            ("Temporal", (NODE_ADDRESS, temporal.port()).into()),
            ("the metadata address", (METADATA, 80).into()),
            ("the Internet", (Ipv4Addr::new(198, 51, 100, 7), 443).into()),
        ];
        let _listeners = [
            settle(chat, &app, forbidden[4].1)?,
            settle(chat, &app, forbidden[5].1)?,
            settle(chat, &app, (METADATA, 53).into())?,
        ];

        let taken = TakenAway::from(chat, &preview.namespace_name().await?).await?;
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

async fn comes_to_say(chat: &Conversation, words: &str) -> Result<()> {
    let says = async || match chat.worker.said() {
        said if said.contains(words) => Ok(()),
        said => Err(format!("{words:?} is not in its log:\n{said}")),
    };
    eventually(FOUND_OUT, says).await.map_err(anyhow::Error::msg)
}

#[test]
fn a_worker_that_starts_says_whether_the_cluster_enforces_network_policies_at_all() {
    converse(Setting::default(), async |chat| {
        comes_to_say(chat, "set PREVIEW_PROBE_IMAGE").await?;

        let image = chat.stack.build_service_image(ServiceImage::Worker).await?;
        chat.restart_worker_with("PREVIEW_PROBE_IMAGE", &image).await?;
        comes_to_say(chat, "INFO the cluster enforces network policies").await?;
        assert_eq!(chat.worker.counted("preview_network_policies_enforced", &[]).await?, 1);

        // Without its policy the pod is cut off from nothing, as where a network plugin enforces none.
        let taken = TakenAway::from(chat, PROBE).await?;
        let restarted = chat.restart_worker_with("PREVIEW_PROBE_IMAGE", &image).await;
        let said = comes_to_say(chat, "the cluster does NOT enforce network policies").await;
        taken.put_back().await?;
        restarted.and(said)?;
        assert_eq!(chat.worker.counted("preview_network_policies_enforced", &[]).await?, 0);
        Ok(())
    });
}
