//! What does Helm's refusal mean: would it refuse again, and whose business is it?
//!
//! Helm has one exit status for everything, so its words are all there is. What is not recognised is retried: a needless retry costs seconds, a
//! preview given up without need costs a person's time.

use crate::{
    fault::{Explanation, explain},
    redact::Redacted,
};

/// What follows from one failure of Helm.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) kind: &'static str,
    pub(super) permanent: bool,
    pub(super) explanation: Explanation,
}

struct Sign {
    /// Lower case.
    words: &'static [&'static str],
    kind: &'static str,
    permanent: bool,
    summary: &'static str,
}

/// The first that fits decides; so what passes by itself stands before what it could be mistaken for.
const SIGNS: &[Sign] = &[
    Sign {
        words: &[
            "status unknown for quota",
            "i/o timeout",
            "connection refused",
            "tls handshake timeout",
            "kubernetes cluster unreachable",
            "etcdserver",
            "too many requests",
            "response status code 5",
            "the object has been modified",
        ],
        kind: "ClusterUnavailable",
        permanent: false,
        summary: "The cluster, or a registry, did not answer Helm as it should. Try again later.",
    },
    Sign {
        // Helm's own first step: no chart is to blame. The rights may be younger than the API server that was asked.
        words: &["secrets is forbidden: user"],
        kind: "ClusterForbids",
        permanent: false,
        summary: "Helm has no rights in the preview's namespace. The operators of the preview service have to look.",
    },
    Sign {
        words: &["failed to perform \"fetchreference\""],
        kind: "ChartMissing",
        permanent: true,
        summary: "The chart cannot be had from its registry. Is the version in `.preview.yaml` the right one?",
    },
    Sign {
        words: &["fatal error: ", "runtime: out of memory"],
        kind: "HelmCrashed",
        permanent: true,
        summary: "Helm broke down over the chart, most likely because its templates make too much.",
    },
    Sign {
        words: &["exceeded quota"],
        kind: "QuotaExceeded",
        permanent: true,
        summary: "The chart asks for more than a preview may have. Make its resource requests smaller.",
    },
    Sign {
        words: &[
            "violates podsecurity",
            "admission webhook",
            "denied the request",
            "validatingadmissionpolicy",
        ],
        kind: "AdmissionDenied",
        permanent: true,
        summary: "The cluster's rules do not admit what the chart contains.",
    },
    Sign {
        words: &["don't meet the specifications of the schema"],
        kind: "ValuesInvalid",
        permanent: true,
        summary: "The chart does not accept the values that previews are installed with.",
    },
    Sign {
        words: &["is forbidden: user"],
        kind: "ChartForbidden",
        permanent: true,
        summary: "The chart contains what no preview may have. A chart has rights in its preview's own namespace only.",
    },
    Sign {
        words: &[
            "execution error at",
            "parse error",
            "error converting yaml",
            "yaml parse error",
            "error validating data",
            "unable to build kubernetes objects",
            "no matches for kind",
            "chart.yaml file is missing",
            "chart.metadata",
            "cannot load",
            "missing in charts/ directory",
            "nil pointer evaluating",
            "error calling",
            "can't evaluate field",
            "can't iterate over",
            "wrong type for value",
            "chart requires kubeversion",
            "library charts are not installable",
        ],
        kind: "ChartInvalid",
        permanent: true,
        summary: "The chart cannot be rendered into valid Kubernetes objects.",
    },
    Sign {
        words: &["is invalid:", "invalid ownership metadata"],
        kind: "ManifestRejected",
        permanent: true,
        summary: "The cluster rejects an object that the chart contains.",
    },
    Sign {
        words: &[
            "path \"",
            "no such file or directory",
            "not a valid chart reference",
            "repo not found",
        ],
        kind: "ChartMissing",
        permanent: true,
        summary: "The chart that previews are installed from does not exist. The operators of the preview service have to look.",
    },
    Sign {
        // An attempt that was given up is still at it. The next one takes down what it has made.
        words: &["cannot reuse a name that is still in use"],
        kind: "ReleaseInUse",
        permanent: false,
        summary: "Another installation of this preview was under way. Try again later.",
    },
    Sign {
        // So Helm begins to tell of a hook that it ran. What it could not even make has been recognised before.
        words: &["failed pre-install", "failed post-install"],
        kind: HOOK_FAILED,
        permanent: true,
        summary: "A hook of the chart failed.",
    },
];

/// What a failed hook is called.
pub(super) const HOOK_FAILED: &str = "HookFailed";

/// For whatever Helm says.
pub(super) fn of(output: &Redacted) -> Verdict {
    let lower = output.as_str().to_lowercase();
    let sign = SIGNS
        .iter()
        .find(|sign| sign.words.iter().any(|words| lower.contains(words)));
    // Helm that breaks down lists what all of its threads were doing.
    let output = output.before("\ngoroutine ");
    let log = Some(output).filter(|output| !output.as_str().is_empty());
    let summary = sign.map_or("Helm could not install the chart.", |sign| sign.summary);
    Verdict {
        kind: sign.map_or("HelmFailed", |sign| sign.kind),
        permanent: sign.is_some_and(|sign| sign.permanent),
        explanation: explain(summary).with_log(log),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helms_words_are_understood() {
        for (output, kind, permanent) in [
            (
                "Error: INSTALLATION FAILED: services \"x\" is forbidden: status unknown for quota: preview, resources: services.nodeports",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: INSTALLATION FAILED: Kubernetes cluster unreachable: Get \"https://127.0.0.1:6443/version\": dial tcp 127.0.0.1:6443: connect: connection refused",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: query: failed to query with labels: secrets is forbidden: User \"system:serviceaccount:preview-x:preview-release\" cannot list resource \"secrets\" in API group \"\" in the namespace \"preview-x\"",
                "ClusterForbids",
                false,
            ),
            (
                "Error: INSTALLATION FAILED: clusterroles.rbac.authorization.k8s.io \"x\" is forbidden: User \"system:serviceaccount:preview-x:preview-release\" cannot get resource \"clusterroles\" at the cluster scope",
                "ChartForbidden",
                true,
            ),
            (
                "Error: pods \"x\" is forbidden: exceeded quota: preview, requested: pods=1",
                "QuotaExceeded",
                true,
            ),
            (
                "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nhello-world-app:\n- at '/image': missing property 'tag'",
                "ValuesInvalid",
                true,
            ),
            (
                "Error: INSTALLATION FAILED: execution error at (hello-world-app/templates/ingress.yaml:14:17): host: the preview's host name",
                "ChartInvalid",
                true,
            ),
            (
                "Error: path \"charts/none\" not found",
                "ChartMissing",
                true,
            ),
            (
                "Error: failed to perform \"FetchReference\" on source: registry.example.com/charts/app:9.9.9: not found",
                "ChartMissing",
                true,
            ),
            (
                "Error: failed to perform \"FetchReference\" on source: Get \"https://registry.example.com/v2/charts/app/manifests/9.9.9\": dial tcp 192.0.2.1:443: connect: connection refused",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: failed to perform \"FetchReference\" on source: GET \"https://registry.example.com/v2/charts/app/manifests/9.9.9\": response status code 503: Service Unavailable",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: INSTALLATION FAILED: Deployment.apps \"x\" is invalid: spec.replicas: Invalid value: -1",
                "ManifestRejected",
                true,
            ),
            (
                "runtime: out of memory: cannot allocate 8003780608-byte block (4194304 in use)\nfatal error: out of memory\n\ngoroutine 1 [running]:",
                "HelmCrashed",
                true,
            ),
            (
                "Error: INSTALLATION FAILED: failed pre-install: resource Job/preview-x/migrate not ready. status: Failed, message: Job has reached the specified backoff limit",
                "HookFailed",
                true,
            ),
            (
                "Error: INSTALLATION FAILED: failed post-install: 1 error occurred:\n\t* job seed failed: BackoffLimitExceeded",
                "HookFailed",
                true,
            ),
            (
                "Error: INSTALLATION FAILED: failed pre-install: Get \"https://127.0.0.1:6443/apis/batch/v1\": dial tcp 127.0.0.1:6443: connect: connection refused",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: INSTALLATION FAILED: failed pre-install: jobs.batch \"migrate\" is forbidden: exceeded quota: preview",
                "QuotaExceeded",
                true,
            ),
            (
                "Error: INSTALLATION FAILED: cannot reuse a name that is still in use",
                "ReleaseInUse",
                false,
            ),
            ("Error: something nobody has ever seen", "HelmFailed", false),
            ("", "HelmFailed", false),
        ] {
            let verdict = of(&Redacted::of(output));
            assert_eq!(
                (verdict.kind, verdict.permanent),
                (kind, permanent),
                "{output}"
            );
        }
    }
}
