//! Temporal behind TLS, with client certificates and an API key, as it is run where others could listen.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::json;
use stack::{
    eventually,
    ports::free_ports,
    tools::{Tool, Toolbox},
};
use tests::{Setting, converse};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

/// How long a proxy may take to start.
const STARTED: Duration = Duration::from_secs(20);

/// Writes `ca.crt`, and a certificate with its key for the server and for its client.
pub(crate) fn write_certificates(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.crt"), ca.pem())?;
    for (name, purpose) in [
        ("server", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["temporal.example.com".to_owned()])?;
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &ca)?.pem();
        fs::write(folder.join(format!("{name}.crt")), certificate)?;
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    }
    Ok(())
}

/// Puts Traefik before Temporal. It lets nobody pass without a certificate of ours and
/// the API key. It ends when it is dropped.
async fn guard(temporal: &str, at: &str, api_key: &str, folder: &Path) -> Result<Child> {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let rules = json!({
        "http": {
            "routers": { "temporal": {
                "rule": format!("Header(`authorization`, `Bearer {api_key}`)"), "service": "temporal", "tls": {},
            } },
            "services": { "temporal": { "loadBalancer": { "servers": [{ "url": format!("h2c://{temporal}") }] } } },
        },
        "tls": {
            "certificates": [{ "certFile": path("server.crt"), "keyFile": path("server.key") }],
            "options": { "default": { "clientAuth": { "caFiles": [path("ca.crt")], "clientAuthType": "RequireAndVerifyClientCert" } } },
        },
    });
    fs::write(folder.join("rules.yml"), rules.to_string())?;
    let config = json!({
        "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
        "entryPoints": { "temporal": { "address": at } },
        "providers": { "file": { "filename": path("rules.yml") } },
    });
    fs::write(folder.join("traefik.yml"), config.to_string())?;

    let toolbox = Toolbox::ensure_all(Tool::EMBEDDED).await?;
    let log = fs::File::create(folder.join("traefik.log"))?;
    let proxy = Command::new(toolbox.path("traefik")?)
        .arg(format!("--configFile={}", path("traefik.yml")))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    eventually(STARTED, async || {
        let connected = TcpStream::connect(at).await;
        connected.map(drop).map_err(|error| error.to_string())
    })
    .await
    .map_err(anyhow::Error::msg)
    .context("Traefik does not listen")?;
    Ok(proxy)
}

#[test]
fn temporal_is_reached_through_tls_with_a_client_certificate_and_an_api_key() {
    // Until the last word is said.
    let mut proxy = None;
    converse(Setting::default(), async |chat| {
        let folder = chat.folder.clone();
        write_certificates(&folder)?;
        let [port] = free_ports()?;
        let at = format!("127.0.0.1:{port}");
        proxy = Some(guard(&chat.stack.env.temporal_address, &at, "k3y", &folder).await?);

        for service in [&mut chat.worker, &mut chat.webhook] {
            service.stop().await?;
            service.set("TEMPORAL_ADDRESS", &at);
            service.set("TEMPORAL_API_KEY", "k3y");
            service.set("TEMPORAL_TLS_SERVER_NAME", "temporal.example.com");
            for (variable, file) in [
                ("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "ca.crt"),
                ("TEMPORAL_TLS_CLIENT_CERT_PATH", "client.crt"),
                ("TEMPORAL_TLS_CLIENT_KEY_PATH", "client.key"),
            ] {
                service.set(variable, folder.join(file));
            }
            service.start().await?;
        }

        let preview = chat.pull_request().await?.previewed().await?;
        preview.stop().await
    });
}
