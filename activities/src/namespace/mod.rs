//! Gives a run a namespace of its own, guarded, whatever an earlier run or attempt has left behind.

mod account;
mod delete;
mod egress;
mod first_look;
mod guards;
mod network_probe;
mod pod_security;
mod policy;
mod room;

use domain::{
    NamespaceHandle, PreviewId, RunIdentity,
    preview::{Capacity, Full, Quota},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    ResourceExt,
    api::{ListParams, PostParams, Preconditions},
};
use temporalio_client::Client as Temporal;
use workflows::contract::CreateNamespace;

use crate::{
    Cluster,
    cluster::{ClusterError, Doing, FIELD_MANAGER, unless_changed},
    failure::{ActivityFailure, Failure, explain},
    heartbeat::Progress,
    ownership::{Claim, claimed_namespace, is_terminating, preview_selector},
    temporal::{TemporalError, latest_run},
};

use egress::UnknownDestination;

pub(crate) use account::{Login, log_in};
pub(crate) use delete::{DeleteError, delete, wait_until_gone, what_holds};
pub use egress::{Destination, Destinations, InvalidDestination, InvalidNameServer, NameServer};
pub use first_look::{look_at_cluster, missing_policy, pod_security};
pub use network_probe::{NOT_SEEN, NetworkPolicies, NetworkProbe, try_network_policies};
pub use pod_security::{PodSecurity, PodSecurityChoice};
pub use policy::{AllowedKind, AnnotationKey, ChartBounds, InvalidAllowedKind, InvalidAnnotationKey};
pub(crate) use policy::{NotInForce, assert_in_force as assert_policies_in_force};

/// What previews' namespaces have to fit in with.
#[derive(Clone)]
pub struct NamespaceConfig {
    /// The cluster role that Helm has in a preview's namespace.
    pub release_role: String,
    /// What charts are held to that come from repositories.
    pub charts: ChartBounds,
    /// The namespace that the ingress controller runs in, the only one whose pods may reach
    /// previews. Unset: previews are reachable from anywhere, which an ingress controller
    /// outside the cluster's pod network needs.
    pub ingress_namespace: Option<String>,
    /// How many previews live at once.
    pub capacity: Capacity,
    /// Who answers pods' questions for names.
    pub name_servers: Vec<NameServer>,
    /// What else pods may reach, if their repository chooses it.
    pub destinations: Destinations,
    /// How pods are confined.
    pub pod_security: PodSecurityChoice,
    /// What the pods of a preview may take together, unless its repository wants it otherwise.
    pub quota: Quota,
    /// What they may take at the most.
    pub quota_max: Quota,
}

/// The namespace that a run works in is not its own any more.
#[derive(Debug, thiserror::Error)]
#[error("the namespace of {preview} is not there any more, or not this run's")]
pub(crate) struct NamespaceLost {
    preview: PreviewId,
}

impl NamespaceLost {
    pub(crate) fn of(preview: &PreviewId) -> Self {
        Self { preview: preview.clone() }
    }
}

impl ActivityFailure for NamespaceLost {
    fn failure(&self) -> Failure {
        Failure::permanent(
            "NamespaceLost",
            explain(
                "The preview's namespace was removed from the cluster. Comment `/preview` for a new one.",
            ),
        )
    }
}

/// Why there is no namespace.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamespaceError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
    #[error(transparent)]
    Predecessor(#[from] DeleteError),
    #[error(
        "namespace {name} exists and is not ours: it does not have our labels, or names another workflow. Rename or remove it"
    )]
    Foreign { name: String },
    #[error(
        "this run was overtaken by run {by} of the same workflow; it must not take the namespace from it"
    )]
    Overtaken { by: String },
    #[error("{0}")]
    Full(Full),
    #[error(transparent)]
    Destination(#[from] UnknownDestination),
}

impl ActivityFailure for NamespaceError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::Temporal(error) => error.failure(),
            Self::Predecessor(error) => error.failure(),
            Self::Foreign { name } => Failure::permanent(
                "NamespaceNotOurs",
                explain(format!(
                    "The namespace {name} exists already and does not belong to the preview service. Contact its operators."
                )),
            ),
            Self::Overtaken { .. } => {
                Failure::permanent("Overtaken", explain("A newer preview of the same commit has taken over."))
            }
            Self::Full(full) => Failure::permanent("NoRoom", explain(full.to_string())),
            Self::Destination(unknown) => {
                Failure::permanent("DestinationRefused", explain(format!("`egress`: {unknown}.")))
            }
        }
    }
}

/// What an existing namespace of the wanted name is to us.
#[derive(Debug, PartialEq, Eq)]
enum Existing {
    /// An earlier attempt of this run made it.
    Ours,
    /// Made for this preview by another run.
    AnotherRuns,
    /// Made for this preview, and on its way out: the name is free only when it is gone.
    Terminating,
    /// Not to be touched.
    Foreign,
}

fn existing(found: &Namespace, request: &CreateNamespace, cluster: &Cluster) -> Existing {
    match Claim::on(found, &cluster.instance) {
        Some(claim) if claim.is_for_workflow(&request.owner.preview) => {
            if is_terminating(found) {
                Existing::Terminating
            } else if claim.is_held_by(&request.owner) {
                Existing::Ours
            } else {
                Existing::AnotherRuns
            }
        }
        _ => Existing::Foreign,
    }
}

/// Makes or finds again the namespace, and puts its guards up.
pub(crate) async fn create(
    cluster: &Cluster,
    config: &NamespaceConfig,
    temporal: &Temporal,
    request: &CreateNamespace,
    progress: &Progress,
) -> Result<NamespaceHandle, NamespaceError> {
    let preview = &request.owner.preview;
    let name = cluster.names.namespace(&request.owner);
    let mut wanted = claimed_namespace(request, &cluster.instance, name);
    let host = cluster.names.host(preview);
    policy::write_on(&mut wanted, &config.charts, request, host);
    // What runs here comes out of a pull request: nothing in it may gain privileges on the node.
    let pod_security = config.pod_security.find(cluster).await?;
    wanted.labels_mut().extend(pod_security.labels());
    let namespace = obtain(cluster, &wanted, temporal, request, progress).await?;
    room::assert_room(cluster, &config.capacity, request, &namespace).await?;
    let name = namespace.name_any();
    progress.report(format!("guarding namespace {name}"));
    let outside = config.destinations.choose(&request.egress)?;
    let granted = config.quota.changed(request.quota, config.quota_max);
    guards::apply_all(cluster, config, &outside, granted, &name).await?;
    Ok(NamespaceHandle { name, uid: namespace.uid().unwrap_or_default() })
}

async fn obtain(
    cluster: &Cluster,
    wanted: &Namespace,
    temporal: &Temporal,
    request: &CreateNamespace,
    progress: &Progress,
) -> Result<Namespace, NamespaceError> {
    let namespaces = cluster.namespaces();
    let name = wanted.name_any();
    // Each turn ends in a namespace, in an error, or because somebody changed the
    // namespace between our look and our deed.
    loop {
        progress.report(format!("making namespace {name}"));
        let Some(found) = find(cluster, &request.owner, &name).await? else {
            let params = PostParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            };
            // Created, not applied: an apply would merge our labels into a stranger's namespace of that name.
            match unless_changed(namespaces.create(&params, wanted).await) {
                Some(made) => return Ok(made.doing(|| format!("creating namespace {name}"))?),
                None => continue,
            }
        };
        match existing(&found, request, cluster) {
            Existing::Ours => return Ok(found),
            Existing::Foreign => return Err(NamespaceError::Foreign { name }),
            Existing::Terminating => {
                let name = found.name_any();
                let uid = found.uid().unwrap_or_default();
                wait_until_gone(cluster, &name, &uid, progress).await?;
            }
            // Not built on: whatever that run's worker still does, late, it does there.
            Existing::AnotherRuns => {
                assert_newest(temporal, request).await?;
                let exactly_this =
                    Preconditions { uid: found.uid(), resource_version: found.resource_version() };
                if delete(cluster, &found.name_any(), exactly_this).await? {
                    let (namespace, run_id) = (found.name_any(), &request.owner.run_id);
                    tracing::info!(namespace, run_id, "removing what an earlier run left");
                }
            }
        }
    }
}

/// The namespace that the run has already, else one that another run has left, else whatever has the wanted
/// name. They are known by what they say: the name depends on the service's key, too, which can be changed.
async fn find(cluster: &Cluster, owner: &RunIdentity, name: &str) -> Result<Option<Namespace>, ClusterError> {
    let made = made_for(cluster, &owner.preview).await?;
    let held = made.iter().position(|(_, claim)| claim.is_held_by(owner));
    if let Some((namespace, _)) = made.into_iter().nth(held.unwrap_or_default()) {
        return Ok(Some(namespace));
    }
    cluster.namespace(name).await
}

/// All namespaces that say they were made for this preview, whatever they are called.
pub(crate) async fn made_for(
    cluster: &Cluster,
    preview: &PreviewId,
) -> Result<Vec<(Namespace, Claim)>, ClusterError> {
    let selector = preview_selector(preview, &cluster.instance);
    let found = cluster
        .namespaces()
        .list(&ListParams::default().labels(&selector))
        .await
        .doing(|| format!("looking for the namespace of {preview}"))?;
    Ok(found
        .into_iter()
        .filter_map(|namespace| {
            let claim = Claim::on(&namespace, &cluster.instance)?;
            claim.is_for_workflow(preview).then_some((namespace, claim))
        })
        .collect())
}

/// The namespace that this run holds, whatever it is called, if it is not on its way out.
pub(crate) async fn find_by_owner(
    cluster: &Cluster,
    owner: &RunIdentity,
) -> Result<Option<Namespace>, ClusterError> {
    let made = made_for(cluster, &owner.preview).await?;
    Ok(made
        .into_iter()
        .find(|(namespace, claim)| claim.is_held_by(owner) && !is_terminating(namespace))
        .map(|(namespace, _)| namespace))
}

/// The host name that a preview got with its namespace, and keeps even if the
/// service's key or domain is changed meanwhile.
pub(crate) fn host_of(namespace: &Namespace, cluster: &Cluster, preview: &PreviewId) -> String {
    policy::written_host(namespace)
        .cloned()
        .unwrap_or_else(|| cluster.names.host(preview))
}

/// The namespace that is meant, if this run holds it and it is not on its way out.
pub(crate) async fn find_held(
    cluster: &Cluster,
    owner: &RunIdentity,
    handle: &NamespaceHandle,
) -> Result<Option<Namespace>, ClusterError> {
    let namespace = cluster.find_namespace(handle).await?;
    Ok(namespace.filter(|namespace| {
        !is_terminating(namespace)
            && Claim::on(namespace, &cluster.instance).is_some_and(|claim| claim.is_held_by(owner))
    }))
}

/// Of one workflow ID only the newest run can be open, so what another run holds is a
/// leftover, unless that run is newer than we are.
async fn assert_newest(temporal: &Temporal, request: &CreateNamespace) -> Result<(), NamespaceError> {
    let workflow_id = request.owner.preview.to_string();
    match latest_run(temporal, &workflow_id).await? {
        Some(latest) if latest.first_run_id != request.owner.run_id => {
            Err(NamespaceError::Overtaken { by: latest.run_id })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
