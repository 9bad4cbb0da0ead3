//! What happens to one delivery, from its first byte to its answer?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use github::GitHubApp;
use tokio::sync::Semaphore;
use tracing::Instrument;
use workflows::vocabulary::{PreviewRequest, PullRequestRef};

use crate::{
    command::{self, Command, Parsed},
    decide::{Terms, Verdict, decide},
    delivery::{Delivery, DeliveryId},
    event::{Comment, Event},
    health::Readiness,
    metrics::Metrics,
    outcome::{Ignored, Outcome, Unavailable},
    signature::Secrets,
    start::{Start, Starter},
};

/// A delivery is answered within this time: GitHub gives up after 10 s and would not see a later answer.
pub const DEADLINE: Duration = Duration::from_secs(8);
/// Deliveries worked on at the same moment; the others wait for their turn, within their deadline. Bounds memory too: each may hold 25 MiB.
const CONCURRENT_MAX: usize = 32;

/// All that handling a delivery takes.
pub struct Service {
    secrets: Secrets,
    github: GitHubApp,
    starter: Arc<dyn Starter>,
    terms: Terms,
    readiness: Readiness,
    metrics: Metrics,
    turns: Semaphore,
}

/// What is known of a delivery when it is logged.
#[derive(Default)]
struct Seen {
    event: Option<String>,
    pull_request: Option<PullRequestRef>,
    command: Option<Command>,
}

impl Service {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        secrets: Secrets,
        github: GitHubApp,
        starter: Arc<dyn Starter>,
        terms: Terms,
        readiness: Readiness,
    ) -> Self {
        Self {
            secrets,
            github,
            starter,
            terms,
            readiness,
            metrics: Metrics::default(),
            turns: Semaphore::new(CONCURRENT_MAX),
        }
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether deliveries can be accepted.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    async fn handle(&self, request: Request, seen: &mut Seen) -> Outcome {
        // The semaphore is never closed, so there is always a turn to come.
        let _turn = self.turns.acquire().await;
        self.read(request, seen)
            .await
            .unwrap_or_else(|outcome| outcome)
    }

    async fn read(&self, request: Request, seen: &mut Seen) -> Result<Outcome, Outcome> {
        let delivery = Delivery::read(request, &self.secrets).await?;
        seen.event = Some(delivery.event.clone());
        let comment = match Event::read(&delivery)? {
            Event::Comment(comment) => comment,
            Event::Ignored(ignored) => return Ok(Outcome::Ignored(ignored)),
        };
        seen.pull_request = Some(comment.pull_request.clone());
        match command::parse(&comment.body) {
            Parsed::Nothing => Ok(Outcome::Ignored(Ignored::NoCommand)),
            Parsed::Unknown => Ok(Outcome::Ignored(Ignored::UnknownCommand)),
            Parsed::Run(command) => {
                seen.command = Some(command);
                match command {
                    Command::Preview => self.preview(&comment).await,
                }
                .map_err(Outcome::Unavailable)
            }
        }
    }

    async fn preview(&self, comment: &Comment) -> Result<Outcome, Unavailable> {
        let asked = tokio::try_join!(
            async {
                let result = self.github.pull_request(&comment.pull_request).await;
                self.metrics.github("pull_request", &result);
                result
            },
            async {
                let login = comment.author.as_str();
                let result = self.github.role(&comment.pull_request, login).await;
                self.metrics.github("role", &result);
                result
            },
        );
        let (pull_request, role) = match asked {
            Ok(answers) => answers,
            Err(error) if error.is_not_found() => return Ok(Outcome::Ignored(Ignored::NotVisible)),
            Err(error) => return Err(error.into()),
        };
        match decide(comment, &pull_request, &role, self.terms) {
            Verdict::Start(request) => self.start(request).await,
            Verdict::Refuse(notice) => {
                let sent = self.starter.send_notice(&notice).await;
                self.metrics
                    .start(if sent.is_ok() { "notice" } else { "error" });
                sent?;
                Ok(Outcome::Refused(notice.reason))
            }
            Verdict::Ignore(ignored) => Ok(Outcome::Ignored(ignored)),
        }
    }

    async fn start(&self, request: PreviewRequest) -> Result<Outcome, Unavailable> {
        let start = self.starter.start_preview(&request).await;
        self.metrics.start(match &start {
            Ok(Start::Started) => "started",
            Ok(Start::Joined) => "joined",
            Ok(Start::AlreadyServed) => "already_served",
            Err(_) => "error",
        });
        Ok(match start? {
            Start::Started => Outcome::Started(request.preview),
            Start::Joined => Outcome::Joined(request.preview),
            Start::AlreadyServed => Outcome::AlreadyServed(request.preview),
        })
    }
}

/// `POST /api/github/webhooks`
pub(crate) async fn receive(State(service): State<Arc<Service>>, request: Request) -> Response {
    let received_at = Instant::now();
    let id = DeliveryId::of(request.headers()).map(|id| id.to_string());
    let span = tracing::info_span!("delivery", id = id.as_deref().unwrap_or("none"));
    async {
        let mut seen = Seen::default();
        let outcome = tokio::time::timeout(DEADLINE, service.handle(request, &mut seen))
            .await
            .unwrap_or(Outcome::Unavailable(Unavailable::Deadline(
                DEADLINE.as_secs(),
            )));
        let took = received_at.elapsed();
        service.metrics.delivery(outcome.label(), took);
        log(&outcome, &seen, took);
        (&outcome).into_response()
    }
    .instrument(span)
    .await
}

/// The one line about a delivery. Nothing that a comment says is in it; names are of alphabets without line ends or escapes.
fn log(outcome: &Outcome, seen: &Seen, took: Duration) {
    let status = outcome.status().as_u16();
    let pull_request = seen.pull_request.as_ref().map(ToString::to_string);
    let command = seen.command.map(Command::as_str);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                outcome = outcome.label(),
                status,
                event = seen.event.as_deref(),
                pull_request = pull_request.as_deref(),
                command,
                took_ms,
                "{}",
                outcome.text()
            )
        };
    }
    match outcome {
        Outcome::Unavailable(_) => line!(error),
        Outcome::Rejected(_) => line!(warn),
        Outcome::Ignored(_) => line!(debug),
        Outcome::Started(_)
        | Outcome::Joined(_)
        | Outcome::AlreadyServed(_)
        | Outcome::Refused(_) => line!(info),
    }
}
