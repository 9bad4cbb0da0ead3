//! The way to the cluster's API server for accounts other than ours: with a token, and without our
//! credentials.

use std::{io, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use kube::{
    Client, Config,
    client::Body,
    config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext},
};
use pem::Pem;
use secrecy::{ExposeSecret, SecretString};
use tower::service_fn;

/// What the one entry of each list of a kubeconfig is called.
const ENTRY: &str = "preview";

/// Where the API server is, how it is known to be the right one, and a connection on which nobody is
/// logged in.
#[derive(Clone)]
pub struct ApiServer {
    config: Arc<Config>,
    client: Client,
}

impl ApiServer {
    /// The API server that `config` leads to. Its credentials are not kept: `connect` gets it without them.
    ///
    /// # Errors
    /// Those of `connect`.
    pub fn new<Error>(
        config: &Config,
        connect: impl FnOnce(Config) -> Result<Client, Error>,
    ) -> Result<Self, Error> {
        let mut config = config.clone();
        config.auth_info = AuthInfo::default();
        let client = connect(config.clone())?;
        Ok(Self { config: Arc::new(config), client })
    }

    /// A client that has logged in with a token. All of them share their connections.
    ///
    /// # Panics
    /// If `token` cannot stand in a header; those of service accounts can.
    pub(crate) fn logged_in(&self, token: &SecretString) -> Client {
        let bearer = format!("Bearer {}", token.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer).expect("tokens are printable ASCII");
        bearer.set_sensitive(true);
        let client = self.client.clone();
        let service = service_fn(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, bearer.clone());
            let client = client.clone();
            async move { client.send(request).await }
        });
        Client::new(service, self.client.default_namespace())
    }

    /// For other programs: the same way, the token, and a namespace to begin with. It names no files.
    ///
    /// # Errors
    /// If the file with the server's certificate authority cannot be read.
    pub(crate) async fn kubeconfig(&self, token: &SecretString, namespace: &str) -> io::Result<SecretString> {
        let authority = match &self.config.root_cert_file {
            // Read each time, because it may be replaced.
            Some(file) => Some(tokio::fs::read_to_string(file).await?),
            None => self.config.root_cert.as_deref().map(to_pem),
        };
        let kubeconfig = render(&self.config, authority.as_deref(), token, namespace);
        // JSON is YAML.
        Ok(serde_json::to_string(&kubeconfig)?.into())
    }
}

fn to_pem(certificates: &[Vec<u8>]) -> String {
    let certificates: Vec<_> = certificates
        .iter()
        .map(|certificate| Pem::new("CERTIFICATE", certificate.as_slice()))
        .collect();
    pem::encode_many(&certificates)
}

fn render(config: &Config, authority: Option<&str>, token: &SecretString, namespace: &str) -> Kubeconfig {
    // Go's client refuses an authority that it is told to ignore.
    let authority = authority.filter(|_| !config.accept_invalid_certs);
    let cluster = Cluster {
        server: Some(config.cluster_url.to_string()),
        insecure_skip_tls_verify: config.accept_invalid_certs.then_some(true),
        certificate_authority_data: authority.map(|authority| BASE64_STANDARD.encode(authority)),
        proxy_url: config.proxy_url.as_ref().map(ToString::to_string),
        disable_compression: config.disable_compression.then_some(true),
        tls_server_name: config.tls_server_name.clone(),
        ..Cluster::default()
    };
    let account = AuthInfo { token: Some(token.clone()), ..AuthInfo::default() };
    let context = Context {
        cluster: ENTRY.to_owned(),
        user: Some(ENTRY.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..Context::default()
    };
    Kubeconfig {
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        clusters: vec![NamedCluster {
            name: ENTRY.to_owned(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: ENTRY.to_owned(),
            auth_info: Some(account),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: ENTRY.to_owned(),
            context: Some(context),
            ..NamedContext::default()
        }],
        current_context: Some(ENTRY.to_owned()),
        ..Kubeconfig::default()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use kube::config::KubeConfigOptions;
    use serde_json::json;

    use super::*;

    /// Of a worker that has a token, a key, and somebody to act as.
    async fn workers() -> Config {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{ "name": "x", "cluster": {
                "server": "https://api.example.com:6443/clusters/x",
                "certificate-authority-data": BASE64_STANDARD.encode(to_pem(&[b"an authority".to_vec()])),
                "tls-server-name": "kubernetes.default",
            } }],
            "users": [{ "name": "x", "user": { "token": "the worker's token", "as": "somebody", "client-key-data": "a2V5" } }],
            "contexts": [{ "name": "x", "context": { "cluster": "x", "user": "x" } }],
        });
        let kubeconfig = serde_json::from_value(kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        config.expect("a configuration")
    }

    /// As the worker's kubeconfig may be changed.
    async fn written(change: impl FnOnce(&mut Config)) -> serde_json::Value {
        let mut config = workers().await;
        change(&mut config);
        let nobody =
            service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let connect = |_| Ok::<_, Infallible>(Client::new(nobody, "default"));
        let Ok(server) = ApiServer::new(&config, connect);
        let kubeconfig = server
            .kubeconfig(&"the account's token".into(), "preview-x")
            .await
            .expect("readable");
        serde_json::from_str(kubeconfig.expose_secret()).expect("JSON")
    }

    #[tokio::test]
    async fn others_get_the_same_way_with_their_own_token_and_nothing_else_of_ours() {
        let kubeconfig = written(|_| {}).await;
        assert_eq!(kubeconfig["users"][0]["user"], json!({ "token": "the account's token" }));
        let authority = BASE64_STANDARD.encode(to_pem(&[b"an authority".to_vec()]));
        assert_eq!(
            kubeconfig["clusters"][0]["cluster"],
            json!({
                "server": "https://api.example.com:6443/clusters/x",
                "certificate-authority-data": authority,
                "tls-server-name": "kubernetes.default",
            })
        );
        assert_eq!(kubeconfig["contexts"][0]["context"]["namespace"], "preview-x");
        let read: Kubeconfig = serde_json::from_value(kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        assert_eq!(config.expect("a configuration").root_cert, Some(vec![b"an authority".to_vec()]));
    }

    #[tokio::test]
    async fn the_authority_is_read_anew_or_left_out_where_it_is_not_looked_at() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "another authority").expect("written");
        let inside = written(|config| config.root_cert_file = Some(file.path().to_owned())).await;
        let data = &inside["clusters"][0]["cluster"]["certificate-authority-data"];
        assert_eq!(*data, BASE64_STANDARD.encode("another authority"));

        let anyones = written(|config| {
            config.accept_invalid_certs = true;
            config.proxy_url = Some("http://proxy.example.com:3128".parse().expect("a URI"));
        })
        .await;
        let cluster = &anyones["clusters"][0]["cluster"];
        assert!(cluster["certificate-authority-data"].is_null());
        assert_eq!(cluster["insecure-skip-tls-verify"], true);
        assert_eq!(cluster["proxy-url"], "http://proxy.example.com:3128/");
    }

    #[tokio::test]
    async fn whoever_logs_in_does_so_by_each_request_and_the_connection_has_no_credentials() {
        let echo = service_fn(|request: Request<Body>| async move {
            let header = request.headers()[AUTHORIZATION].as_bytes().to_vec();
            Ok::<_, Infallible>(Response::new(Body::from(header)))
        });
        let connect = |config: Config| {
            assert!(config.auth_info.token.is_none() && config.auth_info.impersonate.is_none());
            assert!(config.auth_info.client_key_data.is_none());
            Ok::<_, Infallible>(Client::new(echo, "default"))
        };
        let Ok(server) = ApiServer::new(&workers().await, connect);
        let request = Request::get("/").body(Vec::new()).expect("a request");
        let said = server.logged_in(&"abc".into()).request_text(request).await.expect("an answer");
        assert_eq!(said, "Bearer abc");
    }
}
