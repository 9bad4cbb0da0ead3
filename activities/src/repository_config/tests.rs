//! Files as people write them, well and badly, and files as no one writes them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fixtures::bounds, *};

const EXAMPLE: &str = include_str!("../../../docs/preview.example.yaml");
const SCHEMA: &str = include_str!("../../../docs/preview.schema.json");
const PAGE: &str = include_str!("../../../docs/configuration.md");

fn ttl(text: &str) -> Ttl {
    text.parse().expect("a duration")
}

fn read(content: &[u8]) -> Result<RepositoryConfig, Mistake> {
    let repository = "octo-org/hello-world".parse().expect("a repository");
    RepositoryConfig::read(content, &repository, &bounds())
}

/// `3: what is wrong`
fn told(content: &str) -> String {
    let problem = read(content.as_bytes()).expect_err(content);
    match problem.line {
        Some(line) => format!("{line}: {}", problem.reason),
        None => problem.reason,
    }
}

#[test]
fn a_file_that_says_nothing_is_as_good_as_none() {
    for content in ["", "\n", "# later\n", "ttl:\n", "{}"] {
        assert_eq!(read(content.as_bytes()), Ok(RepositoryConfig::unsaid(&bounds())), "{content:?}");
    }
}

#[test]
fn the_example_says_everything_there_is_to_say() {
    let config = read(EXAMPLE.as_bytes()).expect("the example is right");
    insta::assert_json_snapshot!(config.terms, @r#"
    {
      "ttl": "1h",
      "max_lifetime": "8h",
      "redeploy_on_push": true,
      "starts_per_hour": 20,
      "settings": {
        "chart": {
          "helm_repository": {
            "repo": "https://charts.example.com",
            "name": "shop",
            "version": "1.4.0"
          }
        },
        "values": {
          "image": {
            "repository": "{image_repository.web}",
            "tag": "{image_tag.web}"
          },
          "ingress": {
            "className": "{ingress_class}",
            "host": "{host}"
          },
          "replicaCount": 2,
          "resources": {
            "limits": {
              "cpu": "500m",
              "memory": "64Mi"
            },
            "requests": {
              "cpu": "50m",
              "memory": "32Mi"
            }
          },
          "worker": {
            "image": "{image.worker}"
          }
        },
        "values_files": [
          "values-small.yaml"
        ],
        "lines": {
          "/values/image": 25,
          "/values/image/repository": 25,
          "/values/image/tag": 25,
          "/values/ingress": 27,
          "/values/ingress/className": 28,
          "/values/ingress/host": 29,
          "/values/replicaCount": 24,
          "/values/resources": 30,
          "/values/resources/limits": 32,
          "/values/resources/limits/cpu": 32,
          "/values/resources/limits/memory": 32,
          "/values/resources/requests": 31,
          "/values/resources/requests/cpu": 31,
          "/values/resources/requests/memory": 31,
          "/values/worker": 26,
          "/values/worker/image": 26,
          "/values_files/0": 19
        },
        "images": {
          "web": "registry.example.com/{owner}/{repo}/web:{commit}",
          "worker": "registry.example.com/{owner}/{repo}/worker:pr-{pr}-{short_commit}"
        },
        "environment": "previews",
        "limits": {
          "live": 10,
          "live_per_person": 3
        },
        "egress": [
          "web"
        ],
        "quota": {
          "pods": 20,
          "cpu": "6",
          "memory": "6Gi",
          "storage": "20Gi"
        },
        "readiness": {
          "probe": {
            "http": {
              "path": "/",
              "expects": [
                200,
                302
              ]
            }
          },
          "timeout": "10m"
        },
        "expose": {
          "service": "{release}-web",
          "port": {
            "name": "http"
          }
        }
      }
    }
    "#);
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    for field in schema["properties"].as_object().expect("properties").keys() {
        // What excludes something else that is said stands in a comment.
        let is_said = ["\n", "\n# "].iter().any(|start| EXAMPLE.contains(&format!("{start}{field}:")));
        assert!(is_said, "{field}");
        assert!(PAGE.contains(&format!("\n| `{field}` |")), "{field}");
    }
}

#[test]
fn a_line_of_its_own_is_told_for_every_mistake() {
    let mistakes = [
        "ttl: 1h\ntttl: 1h\n",
        "ttl: 1h\nttl: 2h\n",
        "ttl: soon\n",
        "ttl: 30\n",
        "\n\nttl: [1h]\n",
        "max_ttl: 2d\n",
        "ttl: 2d\n",
        "ttl: 2h\nmax_ttl: 1h\n",
        "redeploy_on_push: yes\n",
        "chart: nginx\n",
        "chart: oci://evil.example.com/app:1.0.0\n",
        "chart: oci://registry.example.com/charts/app\n",
        "chart: ./chart\n",
        "chart: ../chart\n",
        "image: nginx:latest\n",
        "image: docker.io/octo-org/hello-world:{commit}\n",
        "values:\n  replicaCount: 2\n  host: mine.example.com\n",
        "values:\n  image:\n    tag: latest\n",
        "values:\n  image: nginx\n",
        "values:\n  command:\n    - \"{image.web}\"\n",
        "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\nvalues:\n  command: \"{image}\"\n",
        "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\nimage: registry.example.com/{owner}/{repo}:{commit}\n",
        "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\n  api: registry.example.com/{owner}/{repo}/api:{pr}\n",
        "images:\n  web: docker.io/{owner}/web:{commit}\n",
        "images:\n  Web: registry.example.com/{owner}/{repo}/web:{commit}\n",
        "images: {}\n",
        "images:\n  - registry.example.com/{owner}/{repo}/web:{commit}\n",
        "chart:\n  repo: https://charts.example.com\n  name: app\n",
        "chart:\n  repo: https://charts.example.com\n  name: app\n  version: 1.2\n",
        "chart:\n  repo: https://charts.example.com\n  name: app\n  version: ^1.2.3\n",
        "chart:\n  repo: https://charts.example.org\n  name: app\n  version: 1.2.3\n",
        "chart:\n  url: https://charts.example.com\n",
        "chart: [app]\n",
        "values_files:\n  - values-preview.yaml\n  - ../values.yaml\n",
        "values_files: values-preview.yaml\n",
        "values: [1]\n",
        "values:\n  a: 1\n  a: 2\n",
        "who_may: []\n",
        "who_may:\n  - write\n  - everyone\n",
        "who_may:\n  - @mona\n",
        "who_may: write\n",
        "branches: release-1.x\n",
        "limits: 3\n",
        "limits:\n  live: many\n",
        "limits:\n  live: 0\n",
        "limits:\n  live: 5\n  live_per_person: 11\n",
        "limits:\n  starts_per_hour: 31\n",
        "limits:\n  running: 3\n",
        "egress:\n  - web\n  - lab\n",
        "egress: web\n",
        "quota:\n  cpu: 9\n",
        "quota:\n  memory: 2GB\n",
        "branches:\n  - release-1.x\n  - release-*\n",
        "readiness: 5m\n",
        "readiness:\n  path: app\n",
        "readiness:\n  path: //evil.example.com/\n",
        "readiness:\n  status: ok\n",
        "readiness:\n  path: /\n  status: [200, 700]\n",
        "readiness:\n  status: 70000\n",
        "readiness:\n  status: []\n",
        "readiness:\n  timeout: 10s\n",
        "readiness:\n  timeout: 16m\n",
        "readiness:\n  path: /\n  tcp: true\n",
        "readiness:\n  tcp: yes\n",
        "readiness:\n  port: 80\n",
        "expose: web\n",
        "expose:\n  service: web\n",
        "expose:\n  service: Web\n  port: 80\n",
        "expose:\n  service: '{name}-web'\n  port: 80\n",
        "expose:\n  service: web\n  port: 0\n",
        "expose:\n  service: web\n  port: HTTP\n",
        "environment: ''\n",
        "environment: \"a\\nb\"\n",
        "ttl: &a 1h\nmax_ttl: *a\n",
        "values:\n  <<: { a: 1 }\n",
        "ttl: !duration 1h\n",
        "ttl: 1h\n---\nttl: 2h\n",
        "ttl: 'x\n",
        "values:\n\ta: 1\n",
        "just text\n",
        "- ttl: 1h\n",
        "values: .nan\n",
        "values:\n  a: .inf\n",
    ];
    let told: Vec<_> = mistakes
        .iter()
        .map(|content| format!("{content:?}\n    {}", told(content)))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "ttl: 1h\ntttl: 1h\n"
        2: there is no `tttl` here, only `chart`, `values`, `values_files`, `ttl`, `max_ttl`, `image`, `images`, `redeploy_on_push`, `who_may`, `branches`, `environment`, `limits`, `egress`, `quota`, `readiness`, `expose`
    "ttl: 1h\nttl: 2h\n"
        2: `ttl` is there twice
    "ttl: soon\n"
        1: `soon` is not a duration: write it like 30m, 2h or 1h30m
    "ttl: 30\n"
        1: `30` is not a duration: write it like 30m, 2h or 1h30m
    "\n\nttl: [1h]\n"
        3: expected a text
    "max_ttl: 2d\n"
        1: `max_ttl` is 2d, but no preview of this service lives longer than 1d
    "ttl: 2d\n"
        1: `ttl` is 2d, but no preview of this service lives longer than 1d
    "ttl: 2h\nmax_ttl: 1h\n"
        1: `ttl` is 2h, more than `max_ttl`, which is 1h
    "redeploy_on_push: yes\n"
        1: expected `true` or `false`
    "chart: nginx\n"
        1: `chart`: no chart of the name `nginx` comes with this service, only `hello-world-app`
    "chart: oci://evil.example.com/app:1.0.0\n"
        1: `chart`: this service does not install `oci://evil.example.com/app:1.0.0`; it installs charts from `oci://registry.example.com/charts`, `https://charts.example.com`, and those that come with it: `hello-world-app`
    "chart: oci://registry.example.com/charts/app\n"
        1: `chart`: `oci://registry.example.com/charts/app` does not name one version of a chart: expected, for example, `oci://registry.example.com/charts/app:1.2.3`
    "chart: ./chart\n"
        1: `chart`: this service does not install charts from repositories; name one that comes with it (`hello-world-app`) or one from a registry
    "chart: ../chart\n"
        1: `chart`: `../chart` is no folder of the repository: expected, for example, `./deploy/chart`
    "image: nginx:latest\n"
        1: `image`: `nginx:latest` is not a template for images: its tag names neither {commit} nor {short_commit}, so all commits would share one image. Expected, for example, `registry.example.com/{owner}/{repo}:{commit}`
    "image: docker.io/octo-org/hello-world:{commit}\n"
        1: `image`: this service does not run images from `docker.io/octo-org/hello-world`, only from `registry.example.com/octo-org/hello-world`
    "values:\n  replicaCount: 2\n  host: mine.example.com\n"
        3: `values`: `host` is given by the service to this chart and cannot be chosen
    "values:\n  image:\n    tag: latest\n"
        3: `values`: `image.tag` is given by the service to this chart and cannot be chosen
    "values:\n  image: nginx\n"
        2: `values`: `image.pullPolicy` is given by the service to this chart and cannot be chosen
    "values:\n  command:\n    - \"{image.web}\"\n"
        3: `values`: `{image.web}`: without `images` there is one image; write `{image}`
    "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\nvalues:\n  command: \"{image}\"\n"
        4: `values`: `{image}`: `images` names `web`; write, for example, `{image.web}`
    "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\nimage: registry.example.com/{owner}/{repo}:{commit}\n"
        2: `image` and `images` exclude each other; keep one of them
    "images:\n  web: registry.example.com/{owner}/{repo}/web:{commit}\n  api: registry.example.com/{owner}/{repo}/api:{pr}\n"
        3: `images`: `registry.example.com/{owner}/{repo}/api:{pr}` is not a template for images: its tag names neither {commit} nor {short_commit}, so all commits would share one image. Expected, for example, `registry.example.com/{owner}/{repo}:{commit}`
    "images:\n  web: docker.io/{owner}/web:{commit}\n"
        2: `images`: this service does not run images from `docker.io/octo-org/web`, only from `registry.example.com/octo-org/hello-world`
    "images:\n  Web: registry.example.com/{owner}/{repo}/web:{commit}\n"
        2: `Web` cannot name an image: expected lower-case letters, digits and `-`, at most 30, like `web`
    "images: {}\n"
        1: `images` is empty: expected lines like `web: …`
    "images:\n  - registry.example.com/{owner}/{repo}/web:{commit}\n"
        2: expected lines like `name: value`
    "chart:\n  repo: https://charts.example.com\n  name: app\n"
        3: missing field `version`
    "chart:\n  repo: https://charts.example.com\n  name: app\n  version: 1.2\n"
        2: `chart`: `https://charts.example.com/app:1.2` does not name one version of a chart in a Helm repository: expected, for example, `{repo: https://charts.example.com, name: app, version: 1.2.3}`
    "chart:\n  repo: https://charts.example.com\n  name: app\n  version: ^1.2.3\n"
        2: `chart`: `https://charts.example.com/app:^1.2.3` does not name one version of a chart in a Helm repository: expected, for example, `{repo: https://charts.example.com, name: app, version: 1.2.3}`
    "chart:\n  repo: https://charts.example.org\n  name: app\n  version: 1.2.3\n"
        2: `chart`: this service does not install `https://charts.example.org/app:1.2.3`; it installs charts from `oci://registry.example.com/charts`, `https://charts.example.com`, and those that come with it: `hello-world-app`
    "chart:\n  url: https://charts.example.com\n"
        2: there is no `url` here, only `repo`, `name`, `version`
    "chart: [app]\n"
        1: invalid type: sequence, expected a text, or `repo`, `name` and `version`
    "values_files:\n  - values-preview.yaml\n  - ../values.yaml\n"
        3: `../values.yaml` is no file of a chart: expected a path from the chart's folder on, like `values-preview.yaml`, of letters, digits, `.`, `_`, `-` and `/`
    "values_files: values-preview.yaml\n"
        1: expected a list, of lines like `- value`
    "values: [1]\n"
        1: expected lines like `name: value`
    "values:\n  a: 1\n  a: 2\n"
        3: `a` is there twice
    "who_may: []\n"
        1: `who_may` is empty: remove it, and everyone with write access may request previews
    "who_may:\n  - write\n  - everyone\n"
        3: `everyone` is not a role or `@login`: expected `write`, `maintain`, `admin` or a login like `"@mona"`
    "who_may:\n  - @mona\n"
        2: unexpected character: `@'; a text that begins with `@` needs quotes, like `"@mona"`
    "who_may: write\n"
        1: expected a list, of lines like `- value`
    "branches: release-1.x\n"
        1: expected a list, of lines like `- value`
    "limits: 3\n"
        1: expected lines like `name: value`
    "limits:\n  live: many\n"
        2: expected a number
    "limits:\n  live: 0\n"
        2: `live` is 0: there would be no preview
    "limits:\n  live: 5\n  live_per_person: 11\n"
        3: `live_per_person` is 11, but this service allows no more than 10
    "limits:\n  starts_per_hour: 31\n"
        2: `starts_per_hour` is 31, but this service allows no more than 30
    "limits:\n  running: 3\n"
        2: there is no `running` here, only `live`, `live_per_person`, `starts_per_hour`
    "egress:\n  - web\n  - lab\n"
        3: `egress`: this service has no destination `lab`, only `web`
    "egress: web\n"
        1: expected a list, of lines like `- value`
    "quota:\n  cpu: 9\n"
        2: `cpu` is 9, but this service allows no more than 8
    "quota:\n  memory: 2GB\n"
        2: `memory`: `2GB` is no amount: write it like 4Gi or 512Mi
    "branches:\n  - release-1.x\n  - release-*\n"
        3: `release-*` is no branch: expected its whole name, like `release-1.x`; patterns are not read here
    "readiness: 5m\n"
        1: expected lines like `name: value`
    "readiness:\n  path: app\n"
        2: `path`: `app` is no path: expected, for example, `/healthz`
    "readiness:\n  path: //evil.example.com/\n"
        2: `path`: `//evil.example.com/` is no path: expected, for example, `/healthz`
    "readiness:\n  status: ok\n"
        2: `ok` is no status: expected a number like 200, or a list of them
    "readiness:\n  path: /\n  status: [200, 700]\n"
        3: `status`: 700 is no status of an answer: expected 200 to 599
    "readiness:\n  status: 70000\n"
        2: `70000` is no status: expected a number like 200, or a list of them
    "readiness:\n  status: []\n"
        2: `status` is empty: remove it, or name at least one
    "readiness:\n  timeout: 10s\n"
        2: `timeout` is 10s: expected at least 30s
    "readiness:\n  timeout: 16m\n"
        2: `timeout` is 16m, but this service waits no longer than 15m
    "readiness:\n  path: /\n  tcp: true\n"
        3: `tcp` asks for no page: remove it, or `path` and `status`
    "readiness:\n  tcp: yes\n"
        2: expected `true` or `false`
    "readiness:\n  port: 80\n"
        2: there is no `port` here, only `path`, `status`, `timeout`, `tcp`
    "expose: web\n"
        1: expected lines like `name: value`
    "expose:\n  service: web\n"
        2: missing field `port`
    "expose:\n  service: Web\n  port: 80\n"
        2: `service`: `Web` is no name of a Service: expected, for example, `{release}-web`
    "expose:\n  service: '{name}-web'\n  port: 80\n"
        2: `service`: `{name}-web` is no name of a Service: expected, for example, `{release}-web`
    "expose:\n  service: web\n  port: 0\n"
        3: `port`: `0` is no port of a Service: expected its number or its name, like 80 or `http`
    "expose:\n  service: web\n  port: HTTP\n"
        3: `port`: `HTTP` is no port of a Service: expected its number or its name, like 80 or `http`
    "environment: ''\n"
        1: `environment` is one line of at most 255 characters
    "environment: \"a\\nb\"\n"
        1: `environment` is one line of at most 255 characters
    "ttl: &a 1h\nmax_ttl: *a\n"
        1: anchors and aliases (`&`, `*`, `<<`) are not read here; write it out
    "values:\n  <<: { a: 1 }\n"
        2: anchors and aliases (`&`, `*`, `<<`) are not read here; write it out
    "ttl: !duration 1h\n"
        1: unsupported tag `!duration`
    "ttl: 1h\n---\nttl: 2h\n"
        2: expected one document, without `---`
    "ttl: 'x\n"
        2: invalid indentation in multiline quoted scalar
    "values:\n\ta: 1\n"
        2: tabs disallowed within this context (block indentation)
    "just text\n"
        1: expected lines like `name: value`
    "- ttl: 1h\n"
        1: expected lines like `name: value`
    "values: .nan\n"
        1: expected lines like `name: value`
    "values:\n  a: .inf\n"
        2: value `.inf` is not a finite number
    "#);
}

#[test]
fn what_is_no_text_or_too_much_of_it_is_not_read() {
    let problem = read(b"ttl: 1h\nchart: \xff\n").expect_err("no text");
    assert_eq!((problem.line, problem.reason.as_str()), (Some(2), "this is no text in UTF-8"));
    assert_eq!(read(&b"#".repeat(64 * 1024)), Ok(RepositoryConfig::unsaid(&bounds())));
    assert_eq!(told(&"#".repeat(64 * 1024 + 1)), "the file is larger than 64 KiB");
}

#[test]
fn nothing_small_becomes_something_large() {
    let laughs = (1..9).fold("values:\n  a0: &a0 [x]\n".to_owned(), |text, n| {
        format!("{text}  a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)
    });
    assert!(told(&laughs).contains("anchors"), "{}", told(&laughs));
    let deep = |depth| format!("values:\n  a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(told(&deep(100)), "2: this is nested too deeply");
    assert!(read(deep(30_000).as_bytes()).is_err());
    let many = format!("values:\n  a: [{}]\n", "1,".repeat(20_000));
    assert!(told(&many).contains("more than"), "{}", told(&many));
}

#[test]
fn the_services_own_bounds_hold_whatever_is_said() {
    let narrow = Bounds { ttl: ttl("2h"), max_lifetime: ttl("3h"), ..bounds() };
    let repository = "octo-org/hello-world".parse().expect("a repository");
    let read = |content: &str| RepositoryConfig::read(content.as_bytes(), &repository, &narrow);
    // The usual time gives way to a repository's shorter maximum, not to an error about a line nobody wrote.
    let terms = read("max_ttl: 1h").expect("in bounds").terms;
    assert_eq!((terms.ttl, terms.max_lifetime), (ttl("1h"), ttl("1h")));
    let terms = read("ttl: 3h").expect("in bounds").terms;
    assert_eq!((terms.ttl, terms.max_lifetime), (ttl("3h"), ttl("3h")));
    assert!(read("max_ttl: 4h").is_err());
    assert!(read("ttl: 4h").is_err());
}

/// What editors are told is what is read: on the fields, and on files that are right or
/// wrong for reasons that a schema can know.
#[test]
fn the_schema_and_the_reader_agree() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let known = told("nonsense: 1");
    for field in schema["properties"].as_object().expect("properties").keys() {
        assert!(known.contains(&format!("`{field}`")), "{field} is not read: {known}");
    }
    assert_eq!(
        known.matches('`').count() / 2 - 1,
        schema["properties"].as_object().map_or(0, serde_json::Map::len),
        "{known}"
    );

    let widest = Bounds { charts: bounds().charts.of_repositories(true), ..bounds() };
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    for (file, right) in [
        (json!({}), true),
        (json!({ "nonsense": 1 }), false),
        (json!({ "ttl": "1h30m", "max_ttl": "2h" }), true),
        (json!({ "ttl": 30 }), false),
        (json!({ "ttl": "soon" }), false),
        (json!({ "chart": "hello-world-app" }), true),
        (json!({ "chart": "oci://registry.example.com/charts/app:1.2.3" }), true),
        (json!({ "chart": "oci://registry.example.com/charts/app" }), false),
        (json!({ "chart": "oci://registry.example.com/charts/app:latest" }), false),
        (json!({ "chart": "./deploy/my.chart" }), true),
        (json!({ "chart": "./deploy/../chart" }), false),
        (json!({ "chart": "/chart" }), false),
        (json!({ "chart": 1 }), false),
        (
            json!({ "chart": { "repo": "https://charts.example.com", "name": "app", "version": "1.2.3" } }),
            true,
        ),
        (json!({ "chart": { "repo": "https://charts.example.com", "name": "app" } }), false),
        (
            json!({ "chart": { "repo": "https://charts.example.com", "name": "app", "version": "^1.2.3" } }),
            false,
        ),
        (
            json!({ "chart": { "repo": "oci://charts.example.com", "name": "app", "version": "1.2.3" } }),
            false,
        ),
        (
            json!({ "chart": { "repo": "https://charts.example.com", "name": "a/b", "version": "1.2.3" } }),
            false,
        ),
        (json!({ "values_files": ["values-preview.yaml", "environments/preview.yaml"] }), true),
        (json!({ "values_files": ["../values.yaml"] }), false),
        (json!({ "values_files": ["/etc/passwd"] }), false),
        (json!({ "values_files": ["a,b"] }), false),
        (json!({ "values_files": vec!["x"; 11] }), false),
        (json!({ "image": "registry.example.com/{owner}/{repo}:sha-{commit}" }), true),
        (json!({ "image": "registry.example.com/octo-org/hello-world:latest" }), false),
        (json!({ "image": "registry.example.com/{owner}/{repo}:pr-{pr}-{short_commit}" }), true),
        (json!({ "image": "registry.example.com/{owner}/{repo}:pr-{pr}" }), false),
        (json!({ "images": { "web": "registry.example.com/{owner}/{repo}/web:{commit}" } }), true),
        (json!({ "images": { "Web": "registry.example.com/{owner}/{repo}/web:{commit}" } }), false),
        (json!({ "images": { "web": "registry.example.com/{owner}/{repo}/web:latest" } }), false),
        (json!({ "images": {} }), false),
        (
            json!({
                "image": "registry.example.com/{owner}/{repo}:{commit}",
                "images": { "web": "registry.example.com/{owner}/{repo}/web:{commit}" },
            }),
            false,
        ),
        (json!({ "values": { "replicaCount": 2, "image": { "command": [] } } }), true),
        (json!({ "values": [] }), false),
        (json!({ "redeploy_on_push": true }), true),
        (json!({ "redeploy_on_push": 1 }), false),
        (json!({ "who_may": ["write", "@mona"] }), true),
        (json!({ "who_may": [] }), false),
        (json!({ "who_may": ["everyone"] }), false),
        (json!({ "branches": ["release-1.x", "team/next"] }), true),
        (json!({ "branches": [] }), true),
        (json!({ "branches": "release-1.x" }), false),
        (json!({ "branches": ["release-*"] }), false),
        (json!({ "branches": [""] }), false),
        (json!({ "readiness": {} }), true),
        (
            json!({ "readiness": { "path": "/healthz?full=1", "status": 204, "timeout": "10m" } }),
            true,
        ),
        (json!({ "readiness": { "status": [200, 401] } }), true),
        (json!({ "readiness": { "status": [] } }), false),
        (json!({ "readiness": { "status": 100 } }), false),
        (json!({ "readiness": { "path": "app" } }), false),
        (json!({ "readiness": { "path": "//evil.example.com" } }), false),
        (json!({ "readiness": { "tcp": true } }), true),
        (json!({ "readiness": { "tcp": true, "timeout": "1m" } }), true),
        (json!({ "readiness": { "tcp": true, "path": "/" } }), false),
        (json!({ "readiness": { "tcp": false, "path": "/" } }), true),
        (json!({ "expose": { "service": "{release}-web", "port": "http" } }), true),
        (json!({ "expose": { "service": "web", "port": 8080 } }), true),
        (json!({ "expose": { "service": "web" } }), false),
        (json!({ "expose": { "service": "Web", "port": 80 } }), false),
        (json!({ "expose": { "service": "web", "port": 0 } }), false),
        (json!({ "expose": { "service": "web", "port": "80" } }), false),
        (json!({ "environment": "previews" }), true),
        (json!({ "environment": "" }), false),
    ] {
        // JSON is YAML.
        let repository = "octo-org/hello-world".parse().expect("a repository");
        let read = RepositoryConfig::read(file.to_string().as_bytes(), &repository, &widest);
        assert_eq!(validator.is_valid(&file), right, "the schema on {file}");
        assert_eq!(read.is_ok(), right, "the reader on {file}: {read:?}");
    }
    let example: Value = serde_saphyr::from_str(EXAMPLE).expect("the example is YAML");
    assert!(validator.is_valid(&example));
}

/// Pieces that files are made of, so that chance finds its way past the first line.
fn any_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "ttl: ", "max_ttl: ", "chart: ", "repo: ", "name: ", "version: ", "values:\n", "values_files:\n", "images:\n", "image: ", "redeploy_on_push: ", "who_may:\n", "branches:\n", "environment: ", "1h", "30m", "true", "oci://", "./x",
            "{commit}", "{image}", "{image.a}", "\n", "  ", "- ", "a: ", "&a ", "*a", "<<: ", "!!binary ", "? ", "| \n", "> \n", "\"", "'", "[", "]", "{", "}", ",", "#", "@mona", "---\n", "...\n", "%YAML 1.2\n",
        ]).prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_are_too_much_for_the_reader(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&content);
    }

    #[test]
    fn whatever_is_read_is_within_the_bounds_and_whatever_is_not_has_a_reason(content in any_file()) {
        match read(content.as_bytes()) {
            Ok(config) => {
                prop_assert!(config.terms.ttl <= config.terms.max_lifetime);
                prop_assert!(config.terms.max_lifetime <= bounds().max_lifetime);
            }
            Err(problem) => {
                prop_assert!((1..=400).contains(&problem.reason.chars().count()), "{}", problem.reason);
                // To YAML, a carriage return ends a line as well.
                let lines = content.split(['\n', '\r']).count();
                prop_assert!(problem.line.is_none_or(|line| (1..=lines).contains(&(line as usize))), "{problem:?}");
            }
        }
    }
}
