//! Is the cluster there, may the worker do its work in it, and are previews kept in their place?

use activities::{Bounds, Cluster, Instance, NetworkPolicies, PodSecurity, TemporalNamespaceId};
use domain::Names;
use http::{Request, header::DATE};
use kube::client::Body;
use temporalio_common::telemetry::metrics::NoOpCoreMeter;
use worker::{cluster::connect, config::Config};

use super::{clocks::Clock, line::Line, rights};

/// What to install.
const CHART: &str = "install charts/preview-cluster of this version";

/// And the API server's clock.
pub(super) async fn check(
    config: &Config,
    bounds: &Bounds,
    names: Names,
    temporal: Option<TemporalNamespaceId>,
) -> (Vec<Line>, Vec<Clock>) {
    const CHECK: &str = "cluster";
    let next = "set KUBECONFIG and KUBE_CONTEXT, or run inside of the cluster";
    let (client, api_server) = match connect(config.kube_context.as_deref(), &NoOpCoreMeter).await {
        Ok(connected) => connected,
        Err(error) => return (vec![Line::wrong(CHECK, format!("{error:#}"), next)], Vec::new()),
    };
    let version = match client.apiserver_version().await {
        Ok(version) => version.git_version,
        Err(error) => {
            return (
                vec![Line::wrong(CHECK, format!("the API server does not answer: {error}"), next)],
                Vec::new(),
            );
        }
    };
    let mut lines = vec![Line::fine(CHECK, format!("Kubernetes {version}"))];
    let namespaces = config.namespaces(bounds, &NoOpCoreMeter);
    lines.push(rights::check(&client, &namespaces.release_role).await);
    let clocks = clock(&client).await.into_iter().collect();
    let Some(temporal) = temporal else {
        // Whose namespaces are ours cannot be said without it.
        lines.push(Line::unknown("admission policies", "not looked at without Temporal", "see above"));
        return (lines, clocks);
    };
    let instance = Instance { name: config.preview_instance.clone(), temporal };
    let cluster = Cluster { client, api_server, instance, names };
    lines.push(match activities::missing_policy(&cluster).await {
        Ok(difference) => judge_policies(difference),
        Err(error) => Line::unknown("admission policies", error.to_string(), "try again"),
    });
    lines.push(match activities::pod_security(&cluster, &namespaces).await {
        Ok(security) => judge_pods(security),
        Err(error) => Line::unknown("pods", error.to_string(), "try again"),
    });
    lines.push(network(&cluster, config).await);
    (lines, clocks)
}

/// `difference` is the first policy that is not as it should be.
pub(super) fn judge_policies(difference: Option<String>) -> Line {
    const CHECK: &str = "admission policies";
    match difference {
        None => Line::fine(CHECK, "those that this version was built with"),
        Some(difference) => {
            Line::wrong(CHECK, format!("{difference}; no preview is deployed without"), CHART)
        }
    }
}

pub(super) fn judge_pods(security: PodSecurity) -> Line {
    const CHECK: &str = "pods";
    match security {
        PodSecurity::UserNamespaces => Line::fine(CHECK, "in user namespaces; ordinary images come up"),
        PodSecurity::Restricted { because } => Line::doubtful(
            CHECK,
            format!("held to the restricted standard, which many images do not meet: {because}"),
            "nothing, if the apps run as non-root; docs/configuration.md says what user namespaces take",
        ),
    }
}

pub(super) fn not_tried() -> Line {
    Line::unknown("network policies", "not tried", "set PREVIEW_PROBE_IMAGE to the worker's image")
}

/// Takes a pod, and some seconds.
async fn network(cluster: &Cluster, config: &Config) -> Line {
    let Some(image) = config.probe_image() else {
        return not_tried();
    };
    judge_network(activities::try_network_policies(cluster, &image).await)
}

fn judge_network(policies: NetworkPolicies) -> Line {
    const CHECK: &str = "network policies";
    match policies {
        NetworkPolicies::Enforced => Line::fine(CHECK, "enforced: a pod was cut off"),
        NetworkPolicies::NotEnforced => Line::wrong(
            CHECK,
            "NOT enforced: previews reach one another, the API server and the Internet",
            "use a network plugin that enforces them, such as Calico, Cilium or GKE's Dataplane V2",
        ),
        NetworkPolicies::Unknown { because } => Line::unknown(CHECK, because, CHART),
    }
}

async fn clock(client: &kube::Client) -> Option<Clock> {
    let request = Request::get("/version").body(Body::empty()).ok()?;
    let answer = client.send(request).await.ok()?;
    Some(Clock::of("the API server", answer.headers().get(DATE)?.to_str().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_nobody_enforces_are_wrong() {
        assert!(judge_network(NetworkPolicies::NotEnforced).is_wrong());
        assert!(!judge_network(NetworkPolicies::Enforced).is_wrong());
        let unknown = NetworkPolicies::Unknown { because: "the pod did not come up".to_owned() };
        assert!(format!("{:?}", judge_network(unknown)).contains("the pod did not come up"));
    }
}
