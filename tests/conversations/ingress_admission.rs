//! An ingress controller that admits a host and path once, by an admission webhook of its own, as
//! ingress-nginx does. It looks after the namespaces of one conversation only.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use axum::{Json, Router, routing};
use k8s_openapi::api::{admissionregistration::v1::ValidatingWebhookConfiguration, networking::v1::Ingress};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use tests::{Conversation, OsProcess};

use crate::tls::TlsServer;

/// The webhook, until it is removed.
pub(crate) struct IngressAdmission {
    configurations: Api<ValidatingWebhookConfiguration>,
    name: String,
    rules: Arc<Rules>,
    /// Ends with it.
    _server: TlsServer,
}

/// By what an Ingress is denied.
struct Rules {
    ingresses: Api<Ingress>,
    closed_host: Mutex<Option<String>>,
    denied: AtomicUsize,
}

impl IngressAdmission {
    /// # Errors
    /// When the cluster refuses it.
    pub(crate) async fn install(chat: &Conversation) -> Result<Self> {
        let rules = Arc::new(Rules {
            ingresses: Api::all(chat.stack.kube.clone()),
            closed_host: Mutex::default(),
            denied: AtomicUsize::default(),
        });
        // The API server reaches what is in its own network only.
        let node = OsProcess::kubelet(&chat.stack.folder)?;
        let listener = node.listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let url = format!("https://{}/", listener.local_addr()?);
        let asked = Arc::clone(&rules);
        let router = Router::new().route(
            "/",
            routing::post(async move |Json(review): Json<Value>| {
                Json(asked.answer(&review["request"]).await)
            }),
        );
        let server = TlsServer::start(listener, router)?;

        let configurations = Api::all(chat.stack.kube.clone());
        let name = format!("hosts-of-{}", chat.instance);
        let ca = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &server.certificate);
        let configuration = serde_json::from_value(json!({
            "metadata": { "name": name },
            "webhooks": [{
                "name": "hosts.example.com",
                "clientConfig": { "url": url, "caBundle": ca },
                "namespaceSelector": { "matchLabels": { "preview.internal/instance": chat.instance } },
                "rules": [{
                    "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"], "resources": ["ingresses"],
                    "operations": ["CREATE", "UPDATE"],
                }],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
            }],
        }))?;
        configurations.create(&PostParams::default(), &configuration).await?;
        Ok(Self { configurations, name, rules, _server: server })
    }

    /// Nobody gets this host from now on; nor any other one that was closed before.
    pub(crate) fn close(&self, host: Option<&str>) {
        *self.rules.closed_host.lock().unwrap_or_else(PoisonError::into_inner) = host.map(str::to_owned);
    }

    /// How many were turned away so far.
    pub(crate) fn denied(&self) -> usize {
        self.rules.denied.load(Ordering::Relaxed)
    }

    /// # Errors
    /// When the cluster refuses.
    pub(crate) async fn remove(self) -> Result<()> {
        self.configurations.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

impl Rules {
    async fn answer(&self, request: &Value) -> Value {
        let denial = self.denial(request).await.unwrap_or_else(|error| Some(format!("{error:#}")));
        if denial.is_some() {
            self.denied.fetch_add(1, Ordering::Relaxed);
        }
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {
                "uid": request["uid"], "allowed": denial.is_none(),
                "status": { "code": 400, "message": denial.unwrap_or_default() },
            },
        })
    }

    /// Why the Ingress is not admitted, if it is not.
    async fn denial(&self, request: &Value) -> Result<Option<String>> {
        let asked: Ingress = serde_json::from_value(request["object"].clone())?;
        let closed = self.closed_host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let wanted = places(&asked);
        if let Some((host, _)) = wanted.iter().find(|(host, _)| Some(host) == closed.as_ref()) {
            return Ok(Some(format!("host {host:?} is closed for maintenance")));
        }
        let all = self.ingresses.list(&ListParams::default()).await?;
        let others = all.iter().filter(|other| {
            (other.namespace().as_deref(), Some(other.name_any().as_str()))
                != (request["namespace"].as_str(), request["name"].as_str())
        });
        let mut taken = others.flat_map(|other| places(other).into_iter().map(move |place| (other, place)));
        Ok(taken.find(|(_, place)| wanted.contains(place)).map(|(other, (host, path))| {
            format!(
                "host {host:?} and path {path:?} is already defined in ingress {}/{}",
                other.namespace().unwrap_or_default(),
                other.name_any()
            )
        }))
    }
}

/// The hosts that an Ingress wants, each with a path.
fn places(ingress: &Ingress) -> Vec<(String, String)> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    let places = rules.flat_map(|rule| {
        let paths = rule.http.iter().flat_map(|http| &http.paths);
        paths.map(|path| (rule.host.clone().unwrap_or_default(), path.path.clone().unwrap_or_default()))
    });
    places.collect()
}
