//! The file by which clients — tests, the worker, a person's shell — find a running stack.
//!
//! `stack.env` in the state folder exists while the stack is ready. It holds
//! `KEY=VALUE` lines that a shell can source.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The addresses of a running stack. Each field is one line, named in capitals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct StackEnv {
    /// Kubeconfig of the cluster that holds the previews.
    pub kubeconfig: PathBuf,
    /// The same for the worker, which has fewer rights where the stack makes the cluster itself.
    pub worker_kubeconfig: PathBuf,
    /// The context in it; absent means its current one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kube_context: Option<String>,
    /// Temporal's gRPC address, `host:port`, as the `temporal` program takes it.
    pub temporal_address: String,
    /// Temporal's web UI.
    pub temporal_ui_url: String,
    /// Temporal's namespace.
    pub temporal_namespace: String,
    /// The `temporal` program.
    pub temporal_cli: PathBuf,
    /// Previews are served under names below this one; with scheme and port, as the worker takes it.
    pub preview_domain: String,
    /// The image of a commit, as the worker takes it.
    pub preview_image: String,
    /// Where the ingress listens, `address:port`, whatever name is asked for.
    pub preview_ingress_address: String,
    /// The ingress class that previews name.
    pub preview_ingress_class: String,
    /// Folder of the chart that a preview installs.
    pub preview_chart: PathBuf,
    /// The `helm` program.
    pub helm: PathBuf,
    /// The `kubectl` program; only with the embedded cluster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kubectl: Option<PathBuf>,
    /// The `ctr` program; only with the embedded cluster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ctr: Option<PathBuf>,
    /// containerd's socket; only with the embedded cluster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub containerd_address: Option<PathBuf>,
    /// BuildKit's address as a URL.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buildkit_host: Option<String>,
    /// The service and its GitHub, unless only the platform runs.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceEnv>,
}

/// The addresses of the preview service and of the GitHub that it serves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct ServiceEnv {
    /// Root of GitHub's REST API, that is of the stand-in.
    pub github_api_url: String,
    /// The stand-in's page for people.
    pub github_page_url: String,
    /// The App's ID.
    pub github_app_id: String,
    /// The App's private key, PEM.
    pub github_private_key_file: PathBuf,
    /// Where deliveries go.
    pub webhook_url: String,
    /// What deliveries are signed with.
    pub webhook_secret: String,
    /// Whom the service serves.
    pub preview_allowed_owners: String,
    /// The secret that names of previews are made with.
    pub preview_name_key_file: PathBuf,
    /// How long a preview lives unless the request says otherwise, for example
    /// `30m`; the service's default if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview_ttl: Option<String>,
}

/// Why `stack.env` is of no use.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EnvError {
    #[error("{path}: {source}; is the stack running? Start it with `cargo dev up`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("line {line} of stack.env is not KEY=VALUE: {text}")]
    Line { line: usize, text: String },
    #[error("stack.env does not describe a stack: {0}")]
    Content(#[from] serde_json::Error),
    #[error("the value of {key} cannot stand in a line: {value:?}")]
    Value { key: String, value: String },
}

impl StackEnv {
    /// Where it is in a state folder.
    #[must_use]
    pub fn file(state: &Path) -> PathBuf {
        state.join("stack.env")
    }

    /// The name alone below which previews are served, without scheme and port.
    #[must_use]
    pub fn preview_host(&self) -> &str {
        let (_, address) = self.preview_domain.split_once("://").unwrap_or(("", &self.preview_domain));
        address.split(':').next().unwrap_or(address)
    }

    /// Reads the file of a running stack.
    ///
    /// # Errors
    /// When it is missing, because no stack runs there, or damaged.
    pub fn read(path: &Path) -> Result<Self, EnvError> {
        let text =
            fs::read_to_string(path).map_err(|source| EnvError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Writes the file all at once, readable by its owner only.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<(), EnvError> {
        let text = self.render()?;
        let failed = |source| EnvError::Write { path: path.to_owned(), source };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }

    /// What the lines hold: each variable with its value. When a value is no text, there are none.
    fn variables(&self) -> Result<Vec<(String, String)>, EnvError> {
        Ok(serde_json::from_value::<BTreeMap<_, _>>(serde_json::to_value(self)?)?
            .into_iter()
            .collect())
    }

    fn render(&self) -> Result<String, EnvError> {
        self.variables()?
            .into_iter()
            .map(|(key, value)| Ok(format!("{key}={}\n", quote(&key, &value)?)))
            .collect()
    }

    fn parse(text: &str) -> Result<Self, EnvError> {
        let mut fields = Map::new();
        for (number, line) in text.lines().enumerate() {
            let bad = || EnvError::Line { line: number + 1, text: line.to_owned() };
            let (key, value) = line.split_once('=').ok_or_else(bad)?;
            let value = value
                .strip_prefix('\'')
                .and_then(|value| value.strip_suffix('\''))
                .unwrap_or(value);
            fields.insert(key.to_owned(), Value::from(value));
        }
        Ok(serde_json::from_value(Value::Object(fields))?)
    }
}

/// A value as a shell reads it back; quoted where it has to be.
fn quote(key: &str, value: &str) -> Result<String, EnvError> {
    if value.contains(['\'', '\n']) {
        return Err(EnvError::Value { key: key.to_owned(), value: value.to_owned() });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    Ok(if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{value}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> StackEnv {
        StackEnv {
            kubeconfig: "/tmp/a folder/kubeconfig".into(),
            worker_kubeconfig: "/tmp/worker.kubeconfig".into(),
            kube_context: None,
            temporal_address: "127.0.0.1:7233".into(),
            temporal_ui_url: "http://127.0.0.1:8233".into(),
            temporal_namespace: "default".into(),
            temporal_cli: "/bin/temporal".into(),
            preview_domain: "http://preview.localhost:8088".into(),
            preview_image: "registry.preview.localhost/{owner}/{repo}:{commit}".into(),
            preview_ingress_address: "127.0.0.1:8088".into(),
            preview_ingress_class: "traefik".into(),
            preview_chart: "charts/hello-world-app".into(),
            helm: "/bin/helm".into(),
            kubectl: None,
            ctr: None,
            containerd_address: None,
            buildkit_host: Some("unix:///tmp/buildkit.sock".into()),
            service: Some(ServiceEnv {
                github_api_url: "http://127.0.0.1:4100/api".into(),
                github_page_url: "http://127.0.0.1:4100".into(),
                github_app_id: "1".into(),
                github_private_key_file: "/tmp/key.pem".into(),
                webhook_url: "http://127.0.0.1:4200/api/github/webhooks".into(),
                webhook_secret: "secret".into(),
                preview_allowed_owners: "octo-org".into(),
                preview_name_key_file: "/tmp/name-key".into(),
                preview_ttl: Some("30m".into()),
            }),
        }
    }

    #[test]
    fn a_shell_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = StackEnv::file(folder.path());
        sample().write(&file).unwrap();
        let script = format!(". '{}' && echo \"$KUBECONFIG|$PREVIEW_IMAGE\"", file.display());
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "/tmp/a folder/kubeconfig|registry.preview.localhost/{owner}/{repo}:{commit}"
        );
    }

    #[test]
    fn a_missing_file_says_how_to_start_the_stack() {
        assert!(
            StackEnv::read(Path::new("/nonexistent"))
                .unwrap_err()
                .to_string()
                .contains("cargo dev up")
        );
    }

    #[test]
    fn a_value_that_would_break_the_file_is_refused() {
        let env = StackEnv { preview_domain: "two\nlines".into(), ..sample() };
        assert!(matches!(env.render(), Err(EnvError::Value { key, .. }) if key == "PREVIEW_DOMAIN"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(domain in "[ -&(-~]{1,40}", platform_only: bool) {
            let service = sample().service.filter(|_| !platform_only);
            let env = StackEnv { preview_domain: domain, service, ..sample() };
            prop_assert_eq!(StackEnv::parse(&env.render().unwrap()).unwrap(), env);
        }
    }
}
