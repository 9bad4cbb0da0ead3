//! How an event reaches the webhook: signed, in the background, once, with a deadline; and the log of it.

mod log;
mod signature;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    clock::Clock,
    description::{Description, Violation},
    wire::Event,
};

use log::Log;
pub use log::{Delivery, Outcome};
pub use signature::sign;

/// How long GitHub waits for the webhook's answer before it records a failure.
pub const DELIVERY_DEADLINE: Duration = Duration::from_secs(10);

/// The `X-GitHub-Hook-ID` of the App's one webhook.
pub(crate) const HOOK_ID: u64 = 457_012_345;

/// Bytes of an answer's body that the log keeps.
const KEPT_OF_ANSWER: usize = 64 * 1024;

/// Where deliveries go.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) url: Option<Url>,
    pub(crate) secret: SecretString,
}

/// Sends deliveries and remembers them.
pub(crate) struct Courier {
    hook: Mutex<Hook>,
    log: Mutex<Log>,
    queue: mpsc::UnboundedSender<u64>,
    app_id: u64,
    clock: Clock,
    changed: watch::Sender<u64>,
    violations: Arc<Mutex<Vec<Violation>>>,
    http: reqwest::Client,
}

impl Courier {
    /// The courier and the task that carries its queue until `stop`.
    pub(crate) fn start(
        hook: Hook,
        app_id: u64,
        deadline: Duration,
        (clock, changed, violations): (Clock, watch::Sender<u64>, Arc<Mutex<Vec<Violation>>>),
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Result<Arc<Self>, reqwest::Error> {
        // Deliveries are plain HTTP on this machine, yet the client is built with TLS and wants to know
        // whose. An error says that the program has chosen a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(deadline)
            .build()?;
        let (queue, mut waiting) = mpsc::unbounded_channel();
        let courier = Arc::new(Self {
            hook: Mutex::new(hook),
            log: Mutex::default(),
            queue,
            app_id,
            clock,
            changed,
            violations,
            http,
        });
        let (carrier, carrying, stop) = (Arc::downgrade(&courier), tasks.clone(), stop.clone());
        tasks.spawn(async move {
            while let Some(Some(id)) = stop.run_until_cancelled(waiting.recv()).await {
                let Some(courier) = carrier.upgrade() else {
                    return;
                };
                let stop = stop.clone();
                // Sent in the order of events, but a slow answer holds up nothing behind it.
                carrying.spawn(async move { stop.run_until_cancelled(courier.carry(id)).await });
            }
        });
        Ok(courier)
    }

    pub(crate) fn hook(&self) -> Hook {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_url(&self, url: Option<Url>) {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).url = url;
    }

    pub(crate) fn set_secret(&self, secret: SecretString) {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).secret = secret;
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Queues an event and returns its GUID. Nothing happens without a webhook,
    /// or where the App is not installed.
    pub(crate) fn send(&self, event: Event) -> Option<String> {
        let url = self.hook().url?;
        if event.installation.is_none() && event.name != "ping" {
            return None;
        }
        let guid = uuid::Uuid::new_v4().to_string();
        let id = self.log(|log| log.add(guid.clone(), &url, event, self.clock.now()));
        // Fails only while the stand-in stops.
        let _ = self.queue.send(id);
        Some(guid)
    }

    /// Sends a delivery once more, with the same GUID and payload; `false` if
    /// there is none with this identifier.
    pub(crate) fn redeliver(&self, id: u64) -> bool {
        let Some(url) = self.hook().url else {
            return false;
        };
        match self.log(|log| log.repeat(id, &url, self.clock.now())) {
            Some(again) => {
                let _ = self.queue.send(again);
                true
            }
            None => false,
        }
    }

    /// Looks into the log, or changes it; watchers are told.
    pub(crate) fn log<T>(&self, look: impl FnOnce(&mut Log) -> T) -> T {
        let found = look(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|version| *version += 1);
        found
    }

    /// All deliveries, oldest first.
    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).all().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Delivery> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    async fn carry(&self, id: u64) {
        let Some(delivery) = self.get(id) else { return };
        let body = serde_json::to_vec(&delivery.payload).expect("JSON can be written");
        let headers = self.headers(&delivery, &body);
        self.log(|log| log.sending(id, headers.clone(), self.clock.now()));
        let found =
            Description::get().check_delivery(&delivery.event, delivery.action.as_deref(), &delivery.payload);
        let outcome = if found.is_empty() {
            self.post(&delivery.url, &headers, body).await
        } else {
            let reason = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            tracing::error!(event = delivery.event, %reason, "a delivery departs from GitHub's description and is not sent");
            self.violations.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            Outcome::failed("not sent: departs from GitHub's description", 500, Duration::ZERO)
                .with_body(reason)
        };
        self.log(|log| log.finish(id, outcome));
    }

    fn headers(&self, delivery: &Delivery, body: &[u8]) -> BTreeMap<String, String> {
        [
            ("Accept", "*/*".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", "GitHub-Hookshot/5a1c3e7".to_owned()),
            ("X-GitHub-Delivery", delivery.guid.clone()),
            ("X-GitHub-Event", delivery.event.clone()),
            ("X-GitHub-Hook-ID", HOOK_ID.to_string()),
            ("X-GitHub-Hook-Installation-Target-ID", self.app_id.to_string()),
            ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
            ("X-Hub-Signature-256", sign(self.hook().secret.expose_secret(), body)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    async fn post(&self, url: &Url, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Outcome {
        let started = Instant::now();
        let mut request = self.http.post(url.clone()).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status();
            let headers = answer
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            let body = answer.bytes().await?;
            Ok::<_, reqwest::Error>((status, headers, body))
        }
        .await;
        match answer {
            Ok((status, headers, body)) => Outcome {
                status: if status.is_success() {
                    "OK".to_owned()
                } else {
                    format!("Invalid HTTP Response: {}", status.as_u16())
                },
                status_code: status.as_u16(),
                duration: started.elapsed(),
                headers,
                body: String::from_utf8_lossy(&body[..body.len().min(KEPT_OF_ANSWER)]).into_owned(),
            },
            Err(error) if error.is_timeout() => Outcome::failed("timed out", 504, started.elapsed()),
            Err(error) => {
                Outcome::failed("failed to connect to host", 502, started.elapsed()).with_body(chain(&error))
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
