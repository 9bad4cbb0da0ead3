//! Classifies Helm's errors: would it fail again, and who can do something about it.
//!
//! Helm has one exit status for everything, so its words are all there is. What is not recognised is retried:
//! a needless retry costs seconds, a preview given up without need costs a person's time.

use domain::preview::Lines;

use super::values::dotted;
use crate::{
    failure::{Failure, explain},
    redact::Redacted,
    repository_config::FILE,
};

/// So many values are blamed at the most.
const BLAMED_MAX: usize = 3;
/// So much is said of each, in characters.
const WHY_MAX: usize = 120;

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
            "index.yaml : 5",
            ".tgz : 5",
            "no such host",
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
        words: &[
            "failed to perform \"fetchreference\"",
            "is not a valid chart repository or cannot be reached",
            "\" not found in http",
        ],
        kind: "ChartMissing",
        permanent: true,
        summary: "The chart could not be pulled from its registry or repository. Check its version in `.preview.yaml`.",
    },
    Pattern {
        words: &["fatal error: ", "runtime: out of memory"],
        kind: "HelmCrashed",
        permanent: true,
        summary: "Helm crashed on the chart, most likely because its templates produce too much.",
    },
    Pattern {
        // The API server asks its own store before it says so.
        words: &["error looking up service account"],
        kind: "ServiceAccountMissing",
        permanent: true,
        summary: "A pod of the chart needs a ServiceAccount that is not there. Hooks run before the rest of a chart is made.",
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
        words: &[SCHEMA],
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

/// How Helm begins to tell what a schema says, in lower case.
const SCHEMA: &str = "don't meet the specifications of the schema";
/// What a failed hook is called.
pub(super) const HOOK_FAILED: &str = "HookFailed";

/// A value of the repository's that Helm stumbled over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blamed {
    /// `values.image`
    value: String,
    /// In the repository's file.
    line: u32,
    /// In the words of whoever checked it against the chart's schema.
    why: Option<String>,
}

/// Which of the repository's values Helm complains of, installing this chart.
pub(super) fn blame(output: &Redacted, chart: &str, lines: &Lines) -> Vec<Blamed> {
    let output = output.as_str();
    let complaints = if output.to_lowercase().contains(SCHEMA) {
        complaints_of_schema(output, chart)
    } else {
        complaints_of_templates(output)
    };
    let mut blamed: Vec<Blamed> = Vec::new();
    for Complaint { pointer, why } in complaints {
        let pointer = format!("/values{pointer}");
        let Some((part, line)) = lines.find(&pointer) else {
            continue;
        };
        // A schema names exactly what is wrong. A template names what it misses in it.
        if why.is_some() && part != pointer {
            continue;
        }
        let value: String = dotted(part).chars().filter(|c| !c.is_control()).take(WHY_MAX).collect();
        if blamed.len() < BLAMED_MAX && !blamed.iter().any(|known| known.value == value) {
            let why = why.map(|why| why.chars().take(WHY_MAX).collect());
            blamed.push(Blamed { value, line, why });
        }
    }
    blamed
}

struct Complaint {
    /// Below the chart's values.
    pointer: String,
    why: Option<String>,
}

/// `- at '/image': got object, want string`, below the name of the chart whose schema says so.
fn complaints_of_schema(output: &str, chart: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut below = String::new();
    for line in output.lines() {
        let Some((at, why)) = line.trim_start().strip_prefix("- at ").and_then(quoted) else {
            if let Some(name) = line.strip_suffix(':').filter(|name| !name.contains(' ')) {
                // The values of a chart within the chart stand under its name.
                below = if name == chart { String::new() } else { format!("/{name}") };
            }
            continue;
        };
        let pointer = format!("{below}{at}");
        let why = why.trim_start_matches(':').trim();
        match why.strip_prefix("additional ") {
            Some(mut names) => {
                while let Some((name, rest)) = names.find('\'').and_then(|start| quoted(&names[start..])) {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    let why = Some("the chart has no such value".to_owned());
                    complaints.push(Complaint { pointer: format!("{pointer}/{name}"), why });
                    names = rest;
                }
            }
            None if why == "validation failed" => {}
            None => complaints.push(Complaint { pointer, why: Some(why.to_owned()) }),
        }
    }
    complaints
}

/// `executing "…" at <.Values.image.tag>: can't evaluate field tag …`
fn complaints_of_templates(output: &str) -> Vec<Complaint> {
    let expressions = output.split(" at <").skip(1).filter_map(|rest| rest.split('>').next());
    let values = expressions.filter_map(|expression| {
        let path = expression.split_once(".Values.")?.1;
        let path = path
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
            .next()?;
        Some(Complaint { pointer: format!("/{}", path.replace('.', "/")), why: None })
    });
    values.collect()
}

/// What stands in quotes at the beginning, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut characters = text.strip_prefix('\'')?.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '\'' => return Some((inside, &text[index + 2..])),
            '\\' => inside.extend(characters.next().map(|(_, escaped)| escaped)),
            other => inside.push(other),
        }
    }
    None
}

/// For whatever Helm says, and the values that it says it of.
pub(super) fn classify(output: &Redacted, blamed: &[Blamed]) -> Failure {
    let lower = output.as_str().to_lowercase();
    let pattern = PATTERNS
        .iter()
        .find(|pattern| pattern.words.iter().any(|words| lower.contains(words)));
    // Helm that crashes lists what all of its threads were doing.
    let output = output.before("\ngoroutine ");
    let log = Some(output).filter(|output| !output.as_str().is_empty());
    let mut summary = pattern.map_or("Helm could not install the chart.", |it| it.summary).to_owned();
    if !blamed.is_empty() {
        let places = blamed.iter().map(|Blamed { value, line, why }| match why {
            Some(why) => format!("line {line}: `{value}` ({why})"),
            None => format!("line {line}: `{value}`"),
        });
        let places: Vec<_> = places.collect();
        summary.push_str(&format!(" In `{FILE}`, see {}.", places.join("; ")));
    }
    Failure {
        is_permanent: pattern.is_some_and(|it| it.permanent),
        ..Failure::temporary(pattern.map_or("HelmFailed", |it| it.kind), explain(summary).with_log(log))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
                "Error: INSTALLATION FAILED: failed pre-install: pods \"x\" is forbidden: error looking up service account preview-x/app: serviceaccount \"app\" not found",
                "ServiceAccountMissing",
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
                "Error: chart \"app\" version \"1.2.3\" not found in https://charts.example.com repository",
                "ChartMissing",
                true,
            ),
            (
                "Error: looks like \"https://charts.example.com\" is not a valid chart repository or cannot be reached: failed to fetch https://charts.example.com/index.yaml : 404 Not Found",
                "ChartMissing",
                true,
            ),
            (
                "Error: looks like \"https://charts.example.com\" is not a valid chart repository or cannot be reached: failed to fetch https://charts.example.com/index.yaml : 503 Service Unavailable",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: looks like \"https://charts.example.com\" is not a valid chart repository or cannot be reached: Get \"https://charts.example.com/index.yaml\": dial tcp: lookup charts.example.com: no such host",
                "ClusterUnavailable",
                false,
            ),
            (
                "Error: failed to fetch https://charts.example.com/app-1.2.3.tgz : 502 Bad Gateway",
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
            let failure = classify(&Redacted::of(output), &[]);
            assert_eq!((failure.kind, failure.is_permanent), (kind, permanent), "{output}");
        }
    }

    fn blamed(output: &str, lines: &[(&str, u32)]) -> Vec<(String, u32)> {
        let lines = lines.iter().map(|(pointer, line)| ((*pointer).to_owned(), *line)).collect();
        let blamed = blame(&Redacted::of(output), "app", &lines);
        blamed.into_iter().map(|it| (it.value, it.line)).collect()
    }

    #[test]
    fn a_value_that_a_schema_refuses_is_named_with_its_line() {
        let output = "Error: INSTALLATION FAILED: values don't meet the specifications of the schema(s) in the following chart(s):\napp:\n- at '/n': validation failed\n  - at '/n/x': got string, want integer\n  - at '/n': additional properties 'it\\'s', 'a/b' not allowed\n- at '/image': got object, want string\n- at '': additional properties 'host', 'replicas' not allowed\nsub:\n- at '/image': got object, want string\n";
        let lines = [
            ("/values/image", 3),
            ("/values/n", 5),
            ("/values/n/x", 6),
            ("/values/n/it's", 7),
            ("/values/n/a~1b", 8),
            ("/values/host", 9),
            ("/values/sub/image", 11),
        ];
        let told = |picked: &[usize]| {
            let picked: Vec<_> = picked.iter().map(|index| lines[*index]).collect();
            blamed(output, &picked)
        };
        assert_eq!(told(&[0]), [("values.image".to_owned(), 3)]);
        assert_eq!(told(&[6]), [("values.sub.image".to_owned(), 11)]);
        assert_eq!(told(&[1]), [], "what is wrong in it is the chart's own");
        assert_eq!(told(&[2, 3]), [("values.n.x".to_owned(), 6), ("values.n.it's".to_owned(), 7)]);
        assert_eq!(told(&[4, 5]), [("values.n.a/b".to_owned(), 8), ("values.host".to_owned(), 9)]);
        assert_eq!(told(&[0, 1, 2, 3, 4, 5, 6]).len(), BLAMED_MAX);

        let lines = [("/values/image".to_owned(), 3), ("/values/host".to_owned(), 9)];
        let output = Redacted::of(output);
        let failure = classify(&output, &blame(&output, "app", &lines.into_iter().collect()));
        assert_eq!(
            failure.explanation.to_string(),
            "The chart does not accept the values that previews are installed with. In `.preview.yaml`, see line 3: `values.image` (got object, want string); line 9: `values.host` (the chart has no such value)."
        );
    }

    #[test]
    fn a_value_that_a_template_stumbles_over_is_named_with_its_line() {
        let output = "Error: INSTALLATION FAILED: app/templates/deployment.yaml:41:28\n  executing \"app/templates/deployment.yaml\" at <.Values.image.repository>:\n    can't evaluate field repository in type interface {}\n";
        assert_eq!(blamed(output, &[("/values/image", 3)]), [("values.image".to_owned(), 3)]);
        assert_eq!(blamed(output, &[("/values/service", 3)]), []);
        let nothing = "Error: INSTALLATION FAILED: execution error at (app/templates/x.yaml:1:2): no";
        assert_eq!(blamed(nothing, &[("/values/image", 3)]), []);
    }

    proptest! {
        #[test]
        fn whatever_helm_says_little_is_made_of_it(said in "(- at '|'|/a|\\\\|\n|app:|sub:| at <|[.]Values[.]a|>|additional properties |ü){0,20}") {
            let lines = [("/values/a".to_owned(), 1)].into_iter().collect();
            for output in [said.clone(), format!("Error: values {SCHEMA}(s)\n{said}")] {
                prop_assert!(blame(&Redacted::of(&output), "app", &lines).len() <= BLAMED_MAX);
            }
        }
    }
}
