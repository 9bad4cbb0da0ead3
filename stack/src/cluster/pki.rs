//! Makes the certificates, keys and tokens of one embedded cluster. All of them are new at each start.

use std::fs;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

use super::{ClusterError, network};
use crate::private_file;

/// The random part of a token, in bytes.
const TOKEN_BYTES: usize = 24;

/// Who a component is to the API server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    Admin,
    ControllerManager,
    Scheduler,
    Kubelet,
    Proxy,
    /// Ours: the preview service's worker, with the rights that
    /// `charts/preview-cluster` gives it and no others.
    Worker,
}

impl Identity {
    const ALL: [Self; 6] = [
        Self::Admin,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
        Self::Proxy,
        Self::Worker,
    ];

    /// The user, and the group that gives it its rights.
    pub(super) fn subject(self) -> (String, &'static str) {
        match self {
            Self::Admin => ("admin".into(), "system:masters"),
            Self::ControllerManager => ("system:kube-controller-manager".into(), ""),
            Self::Scheduler => ("system:kube-scheduler".into(), ""),
            Self::Kubelet => (format!("system:node:{}", super::NODE), "system:nodes"),
            Self::Proxy => ("system:kube-proxy".into(), ""),
            Self::Worker => (
                format!("system:serviceaccount:{}:preview-worker", super::SERVICE_NAMESPACE),
                "system:serviceaccounts",
            ),
        }
    }
}

/// The files of a cluster's identity, and its tokens.
#[derive(Debug)]
pub(super) struct Pki {
    folder: PathBuf,
    ca: String,
    /// In the order of [`Identity::ALL`].
    tokens: Vec<String>,
}

impl Pki {
    /// Writes everything into `folder`, readable by its owner only. Servers are found under `own_name` too.
    pub(super) fn generate(folder: &Path, own_name: Option<&str>) -> Result<Self, ClusterError> {
        let ca = authority().map_err(ClusterError::Certificate)?;
        let pki = Self {
            folder: folder.to_owned(),
            ca: ca.pem(),
            tokens: Identity::ALL.iter().map(|_| token()).collect::<Result<_, _>>()?,
        };
        private_file::write(&pki.ca_file(), &pki.ca)?;
        for (name, purpose) in [
            ("server", ExtendedKeyUsagePurpose::ServerAuth),
            ("client", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let (certificate, key) = leaf(&ca, purpose, own_name).map_err(ClusterError::Certificate)?;
            private_file::write(&folder.join(format!("{name}.crt")), &certificate)?;
            private_file::write(&folder.join(format!("{name}.key")), &key)?;
        }
        let service_accounts = KeyPair::generate().map_err(ClusterError::Certificate)?;
        private_file::write(&pki.service_account_key(), &service_accounts.serialize_pem())?;
        private_file::write(&pki.service_account_public_key(), &service_accounts.public_key_pem())?;
        let lines: Vec<_> = Identity::ALL.iter().map(|identity| pki.token_line(*identity)).collect();
        private_file::write(&pki.token_file(), &lines.join("\n"))?;
        Ok(pki)
    }

    /// One line of the API server's `--token-auth-file`.
    fn token_line(&self, identity: Identity) -> String {
        let (user, group) = identity.subject();
        format!("{},{user},{user},\"{group}\"", self.token(identity))
    }

    pub(super) fn token(&self, identity: Identity) -> &str {
        &self.tokens[identity as usize]
    }

    /// The authority's certificate, as PEM.
    pub(super) fn ca(&self) -> &str {
        &self.ca
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// What every component shows to its clients: the names and addresses under which they are found.
    pub(super) fn server(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("server.crt"), self.folder.join("server.key"))
    }

    /// What the API server shows to the kubelet.
    pub(super) fn client(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("client.crt"), self.folder.join("client.key"))
    }

    pub(super) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    pub(super) fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-accounts.pub")
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// A kubeconfig that holds all it needs, for `identity` at `server`.
    pub(super) fn write_kubeconfig(
        &self,
        identity: Identity,
        server: &str,
        path: &Path,
    ) -> Result<(), ClusterError> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "preview",
            "contexts": [{ "name": "preview", "context": { "cluster": "preview", "user": "preview" } }],
            "clusters": [{ "name": "preview", "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(&self.ca) } }],
            "users": [{ "name": "preview", "user": { "token": self.token(identity) } }],
        });
        private_file::write(path, &format!("{config:#}\n"))?;
        Ok(())
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, "preview-dev");
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// A certificate and its key, as PEM.
fn leaf(
    ca: &CertifiedIssuer<'_, KeyPair>,
    purpose: ExtendedKeyUsagePurpose,
    own_name: Option<&str>,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let names = ["localhost", "kubernetes.default.svc", "kubernetes.default"]
        .into_iter()
        .chain(own_name);
    let addresses = [Ipv4Addr::LOCALHOST, network::NODE_ADDRESS, network::API_SERVICE];
    let mut params = CertificateParams::new(
        names
            .map(str::to_owned)
            .chain(addresses.map(|it| it.to_string()))
            .collect::<Vec<_>>(),
    )?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.distinguished_name.push(DnType::CommonName, "preview-dev-component");
    let certificate = params.signed_by(&key, ca)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn token() -> Result<String, ClusterError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; TOKEN_BYTES];
    let read = fs::File::open(path).and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(ClusterError::file(path))?;
    Ok(hex::encode(bytes))
}
