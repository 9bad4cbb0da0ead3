//! The way of one delivery, from its first byte to its answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use domain::{AllowedOwners, Command, Misunderstood, pull_request::PullRequestEvent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use crate::{
    delivery::{DeliveryId, Reader},
    event::Event,
    limit::{Holder, Limit, Limits},
    metrics::Metrics,
    outcome::{Ignored, Outcome, Unavailable},
    signaler::{Signaler, Signalled},
    signature::Secrets,
};

/// A delivery is answered within this time: GitHub gives up after 10 s and would not see a later answer.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// All that handling a delivery takes.
pub struct Service {
    reader: Reader,
    owners: AllowedOwners,
    signaler: Arc<dyn Signaler>,
    metrics: Arc<Metrics>,
    connections: Limit,
    /// For what is verified and has to be passed on. Nobody waits for one.
    turns: Semaphore,
}

/// What is known of a delivery when it is logged.
#[derive(Default)]
struct Seen {
    event: Option<String>,
    commands: Option<String>,
    /// Is our silence worth a line in the log?
    mentions_a_command: bool,
}

impl Service {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        secrets: watch::Receiver<Secrets>,
        owners: AllowedOwners,
        signaler: Arc<dyn Signaler>,
        limits: &Limits,
    ) -> Self {
        let metrics = Arc::new(Metrics::default());
        Self {
            reader: Reader {
                secrets,
                unverified_bytes: metrics.limit("unverified_bytes", limits.unverified_bytes),
                timeout: limits.receive_timeout,
            },
            owners,
            signaler,
            connections: metrics.limit("connections", limits.connections),
            metrics,
            turns: Semaphore::new(limits.concurrent),
        }
    }

    /// For the connections that deliveries come through.
    #[must_use]
    pub fn connections(&self) -> &Limit {
        &self.connections
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    async fn handle(&self, request: Request, seen: &mut Seen) -> Outcome {
        self.read(request, seen).await.unwrap_or_else(|outcome| outcome)
    }

    async fn read(&self, request: Request, seen: &mut Seen) -> Result<Outcome, Outcome> {
        let connection = request.extensions().get::<Arc<Holder>>().cloned();
        let delivery = self.reader.read(request).await?;
        if let Some(connection) = connection {
            connection.verified();
        }
        seen.event = Some(delivery.event.clone());
        let (pull_request, event) = match Event::read(&delivery, Timestamp::now())? {
            Event::OnPullRequest { pull_request, event } => (pull_request, event),
            Event::Ignored { why, mentions_a_command } => {
                seen.mentions_a_command = mentions_a_command;
                return Ok(Outcome::Ignored(why));
            }
        };
        let span = Span::current();
        span.record("repository", display(&pull_request.repository));
        span.record("pull_request", pull_request.number.get());
        if let PullRequestEvent::Commented(comment) = &event {
            span.record("comment", comment.comment.0);
            seen.commands = Some(names(&comment.commands));
        }
        if !self.owners.cover(&pull_request.repository) {
            return Ok(Outcome::Ignored(Ignored::NotServed));
        }
        // Nothing but what was read of it is kept while Temporal is asked.
        drop(delivery.body);
        let Ok(_turn) = self.turns.try_acquire() else {
            return Err(Outcome::Unavailable(Unavailable::Busy));
        };
        let signal = event.signal_name();
        let result = self.signaler.signal(&pull_request, event, &delivery.id).await;
        self.metrics.signal(signal, &result);
        Ok(match result {
            Ok(Signalled::Delivered) => Outcome::Signalled { pull_request, signal },
            Ok(Signalled::NoWorkflow) => Outcome::Ignored(Ignored::NoWorkflow),
            Err(error) => Outcome::Unavailable(error.into()),
        })
    }
}

/// The commands as they would be written, for logs. Repeats nothing that we did not understand.
fn names(commands: &[Result<Command, Misunderstood>]) -> String {
    let names: Vec<_> = commands
        .iter()
        .map(|command| match command {
            Ok(command) => command.to_string(),
            Err(_) => "(misunderstood)".to_owned(),
        })
        .collect();
    names.join(", ")
}

/// `POST /api/github/webhooks`
pub(crate) async fn receive(State(service): State<Arc<Service>>, request: Request) -> Response {
    let received_at = Instant::now();
    let id = DeliveryId::of(request.headers()).map(|id| id.to_string());
    // The worker's lines have the same fields, but for the delivery's ID, which ends here: the comment joins
    // them.
    let span = tracing::info_span!(
        "delivery",
        delivery = id.as_deref().unwrap_or("none"),
        repository = Empty,
        pull_request = Empty,
        comment = Empty
    );
    async {
        let mut seen = Seen::default();
        let outcome = tokio::time::timeout(DEADLINE, service.handle(request, &mut seen))
            .await
            .unwrap_or(Outcome::Unavailable(Unavailable::Deadline(DEADLINE.as_secs())));
        let took = received_at.elapsed();
        service.metrics.delivery(outcome.label(), took);
        if let Outcome::Ignored(why) = outcome {
            service.metrics.ignored(why);
        }
        log(&outcome, &seen, took);
        (&outcome).into_response()
    }
    .instrument(span)
    .await
}

/// The one line about a delivery. Nothing that a comment says is in it; names are
/// of alphabets without line ends or escapes.
fn log(outcome: &Outcome, seen: &Seen, took: Duration) {
    let status = outcome.status().as_u16();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                outcome = outcome.label(),
                status,
                event = seen.event.as_deref(),
                commands = seen.commands.as_deref(),
                took_ms,
                "{}",
                outcome.text()
            )
        };
    }
    match outcome {
        Outcome::Unavailable(_) => line!(error),
        Outcome::Rejected(_) => line!(warn),
        // An operator has set up something wrong.
        Outcome::Ignored(Ignored::NoInstallation) => line!(warn),
        // Somebody waits in vain there, and the operators can help it.
        Outcome::Ignored(Ignored::NotServed) => line!(info),
        // Somebody may be waiting for an answer.
        Outcome::Ignored(_) if seen.mentions_a_command => line!(info),
        Outcome::Ignored(_) => line!(debug),
        Outcome::Signalled { .. } => line!(info),
    }
}
