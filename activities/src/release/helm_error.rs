//! Classifies Helm's errors: would it fail again, and who can do something about it.
//!
//! Helm has one exit status for everything, so its words are all there is. What is not recognised is retried:
//! a needless retry costs seconds, a preview given up without need costs a person's time.

use crate::{
    failure::{Failure, explain},
    redact::Redacted,
};

struct Pattern {
    /// Lower case.
    words: &'static [&'static str],
    kind: &'static str,
    permanent: bool,
    summary: &'static str,
}

/// The first that fits decides; so what passes by itself stands before what it could be mistaken for.
const PATTERNS: &[Pattern] = &[
    Pattern {
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
    Pattern {
        // Helm's own first step: no chart is to blame. The rights may be
        // younger than the API server that was asked.
        words: &["secrets is forbidden: user"],
        kind: "ClusterForbids",
        permanent: false,
        summary: "Helm has no rights in the preview's namespace. Contact the operators of the preview service.",
    },
    Pattern {
        words: &["failed to perform \"fetchreference\""],
        kind: "ChartMissing",
        permanent: true,
        summary: "The chart could not be pulled from its registry. Check its version in `.preview.yaml`.",
    },
    Pattern {
        words: &["fatal error: ", "runtime: out of memory"],
        kind: "HelmCrashed",
        permanent: true,
        summary: "Helm crashed on the chart, most likely because its templates produce too much.",
    },
    Pattern {
        words: &["exceeded quota"],
        kind: "QuotaExceeded",
        permanent: true,
        summary: "The chart asks for more than a preview may have. Make its resource requests smaller.",
    },
    Pattern {
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
    Pattern {
        words: &["don't meet the specifications of the schema"],
        kind: "ValuesInvalid",
        permanent: true,
        summary: "The chart does not accept the values that previews are installed with.",
    },
    Pattern {
        words: &["is forbidden: user"],
        kind: "ChartForbidden",
        permanent: true,
        summary: "The chart contains what no preview may have. A chart has rights in its preview's own namespace only.",
    },
    Pattern {
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
    Pattern {
        words: &["is invalid:", "invalid ownership metadata"],
        kind: "ManifestRejected",
        permanent: true,
        summary: "The cluster rejects an object that the chart contains.",
    },
    Pattern {
        words: &["path \"", "no such file or directory", "not a valid chart reference", "repo not found"],
        kind: "ChartMissing",
        permanent: true,
        summary: "The chart that previews are installed from does not exist. Contact the operators of the preview service.",
    },
    Pattern {
        // An attempt that was given up is still at it. The next one takes down what it has made.
        words: &["cannot reuse a name that is still in use"],
        kind: "ReleaseInUse",
        permanent: false,
        summary: "Another installation of this preview was under way. Try again later.",
    },
    Pattern {
        // So Helm begins to tell of a hook that it ran. What it could not even
        // make has been recognised before.
        words: &["failed pre-install", "failed post-install"],
        kind: HOOK_FAILED,
        permanent: true,
        summary: "A hook of the chart failed.",
    },
];

/// What a failed hook is called.
pub(super) const HOOK_FAILED: &str = "HookFailed";

/// For whatever Helm says.
pub(super) fn classify(output: &Redacted) -> Failure {
    let lower = output.as_str().to_lowercase();
    let pattern = PATTERNS
        .iter()
        .find(|pattern| pattern.words.iter().any(|words| lower.contains(words)));
    // Helm that crashes lists what all of its threads were doing.
    let output = output.before("\ngoroutine ");
    let log = Some(output).filter(|output| !output.as_str().is_empty());
    let summary = pattern.map_or("Helm could not install the chart.", |it| it.summary);
    Failure {
        is_permanent: pattern.is_some_and(|it| it.permanent),
        ..Failure::temporary(pattern.map_or("HelmFailed", |it| it.kind), explain(summary).with_log(log))
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
            ("Error: path \"charts/none\" not found", "ChartMissing", true),
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
            let failure = classify(&Redacted::of(output));
            assert_eq!((failure.kind, failure.is_permanent), (kind, permanent), "{output}");
        }
    }
}
