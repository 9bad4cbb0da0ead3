//! A model of GitHub: one pull request, its comments and deployments, rate limits, late writes and lost
//! answers.

use std::{fmt, time::Duration};

use domain::{
    CommentId, CommitSha, DeploymentId, InstallationId, Login, Repository, RepositoryId, Ttl,
    preview::{DeploymentState, PreviewSettings, PreviewState},
    pull_request::{Answer, PullRequestSnapshot, PullRequestState, StickyComment, Terms},
};

use crate::{
    executor::Moment,
    sim::Sim,
    temporal::{Attempt, NotDone},
};

/// How long our client waits for an answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// All that GitHub knows.
pub struct GitHub {
    /// What the repository is called now.
    pub repository: Repository,
    /// Its number, which never changes.
    pub repository_id: RepositoryId,
    /// The App's installation there.
    pub installation: InstallationId,
    /// The newest commit.
    pub head: CommitSha,
    /// Open, closed or merged.
    pub state: PullRequestState,
    /// Whoever may have previews.
    pub writers: Vec<Login>,
    /// Pushes are followed.
    pub redeploy_on_push: bool,
    /// The name of the environment, where deployments are wanted.
    pub environment: Option<String>,
    /// The usual time to live.
    pub ttl: Ttl,
    /// The longest.
    pub max_lifetime: Ttl,
    comments: Vec<Comment>,
    deployments: Vec<Deployment>,
    last_id: u64,
    /// What it answers instead, and until when.
    pub outage: Option<(Outage, Moment)>,
    /// What our comment has said, and since when.
    pub said: Vec<(Moment, CommentId, StickyComment)>,
}

/// A comment that we have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: CommentId,
    /// What it says.
    pub body: Body,
}

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// How the previews stand.
    Sticky(StickyComment),
    /// What somebody is answered.
    Reply {
        /// To which comment.
        to: CommentId,
        /// The second one to it.
        is_second: bool,
        /// The answers.
        answers: Vec<Answer>,
    },
}

/// An entry of GitHub's own list of deployments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    id: DeploymentId,
    /// The commit.
    pub commit: CommitSha,
    asked_in: CommentId,
    /// What it says.
    pub state: DeploymentState,
}

/// What can be wrong with GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// 5xx.
    Unavailable,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 403 with `Retry-After`.
    RateLimited,
}

impl GitHub {
    /// A fresh pull request of ours.
    pub fn new(head: CommitSha, writers: Vec<Login>) -> Self {
        Self {
            repository: "octo-org/hello-world".parse().expect("a repository"),
            repository_id: RepositoryId(77),
            installation: InstallationId(5),
            head,
            state: PullRequestState::Open,
            writers,
            redeploy_on_push: false,
            environment: None,
            ttl: "5m".parse().expect("a duration"),
            max_lifetime: "20m".parse().expect("a duration"),
            comments: Vec::new(),
            deployments: Vec::new(),
            last_id: 100,
            outage: None,
            said: Vec::new(),
        }
    }

    /// The number of something new.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// What `fetch_pull_request` returns.
    pub fn snapshot(&self, person: Option<&Login>) -> PullRequestSnapshot {
        PullRequestSnapshot {
            repository_id: self.repository_id,
            head: self.head.clone(),
            branch: None,
            state: self.state,
            is_locked: false,
            is_from_fork: false,
            is_authorized: person.is_some_and(|person| self.writers.contains(person)),
            started_in_the_last_hour: 0,
            terms: Ok(Terms {
                ttl: self.ttl,
                max_lifetime: self.max_lifetime,
                redeploy_on_push: self.redeploy_on_push,
                starts_per_hour: u32::MAX,
                settings: PreviewSettings {
                    environment: self.environment.clone(),
                    ..PreviewSettings::default()
                },
            }),
        }
    }

    /// Our comments, oldest first.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// Our comments that show how the previews stand. There should be one.
    pub fn stickies(&self) -> impl Iterator<Item = (&Comment, &StickyComment)> {
        self.comments.iter().filter_map(|comment| match &comment.body {
            Body::Sticky(truth) => Some((comment, truth)),
            Body::Reply { .. } => None,
        })
    }

    /// The answers to a comment.
    pub fn replies_to(&self, comment: CommentId) -> impl Iterator<Item = &Answer> {
        self.comments
            .iter()
            .filter_map(move |reply| match &reply.body {
                Body::Reply { to, answers, .. } if *to == comment => Some(answers),
                _ => None,
            })
            .flatten()
    }

    /// GitHub's own list of deployments.
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// The deployment that was made for a comment's request.
    pub fn find_deployment(&self, commit: &CommitSha, asked_in: CommentId) -> Option<DeploymentId> {
        let mut made = self.deployments.iter();
        made.find(|made| made.commit == *commit && made.asked_in == asked_in)
            .map(|made| made.id)
    }
}

/// A content write.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new comment.
    Comment(Body),
    /// Another text for a comment.
    Edit(CommentId, Body),
    /// The end of a comment.
    Delete(CommentId),
    /// A new deployment.
    Deploy(CommitSha, CommentId),
    /// What a deployment says.
    SetState(DeploymentId, DeploymentState),
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(body) => write!(f, "a new comment: {body}"),
            Self::Edit(id, body) => write!(f, "another text for comment {id}: {body}"),
            Self::Delete(id) => write!(f, "the end of comment {id}"),
            Self::Deploy(commit, asked_in) => {
                write!(f, "a deployment of {} for comment {asked_in}", commit.short())
            }
            Self::SetState(id, state) => write!(f, "deployment {}: {state:?}", id.0),
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sticky(truth) => {
                for report in &truth.previews {
                    write!(f, "{} {}; ", report.preview.commit.short(), in_short(&report.state))?;
                }
                Ok(())
            }
            Self::Reply { to, answers, .. } => write!(f, "reply to {to}: {answers:?}"),
        }
    }
}

/// A state without addresses.
pub fn in_short(state: &PreviewState) -> String {
    match state {
        PreviewState::Ready { stable_url, expires_at, is_expiring, .. } => {
            let address = if stable_url.is_some() { ", with the stable URL" } else { "" };
            let warning = if *is_expiring { ", expiring" } else { "" };
            format!("is ready until {expires_at:.0}{address}{warning}")
        }
        other => format!("is {other:?}"),
    }
}

impl Write {
    fn apply(self, at: Moment, github: &mut GitHub) -> Result<u64, NotDone> {
        let (id, body) = match self {
            Self::Comment(body) => {
                let id = CommentId(github.next_id());
                github.comments.push(Comment { id, body: body.clone() });
                (id, body)
            }
            Self::Edit(id, body) => {
                let found = github.comments.iter_mut().find(|comment| comment.id == id);
                let Some(found) = found else {
                    return Err(NotDone::for_now("CommentVanished"));
                };
                found.body = body.clone();
                (id, body)
            }
            Self::Delete(id) => {
                github.comments.retain(|comment| comment.id != id);
                return Ok(id.0);
            }
            Self::Deploy(commit, asked_in) => {
                let id = DeploymentId(github.next_id());
                let state = DeploymentState::Queued;
                github.deployments.push(Deployment { id, commit, asked_in, state });
                return Ok(id.0);
            }
            Self::SetState(id, state) => {
                if let Some(found) = github.deployments.iter_mut().find(|made| made.id == id) {
                    found.state = state;
                }
                return Ok(id.0);
            }
        };
        if let Body::Sticky(truth) = body {
            github.said.push((at, id, truth));
        }
        Ok(id.0)
    }
}

impl Sim {
    /// What GitHub answers a worker instead of what it was asked for, if anything. A worker that was told to
    /// stay away does not ask.
    pub fn github_refuses(&self, worker: usize, is_idempotent: bool) -> Result<(), NotDone> {
        let now = self.now();
        let installation = self.github().installation;
        if let Some(wait) = self.with_limits(worker, |limits| limits.wait(installation, now.timestamp())) {
            return Err(self.limited(wait));
        }
        self.checks().asks_github(self, worker);
        let outage = self.github().outage.filter(|(_, until)| now < *until);
        if let Some((outage, until)) = outage {
            return Err(match outage {
                Outage::Unavailable => NotDone::for_now("GitHubUnavailable"),
                // For reads, and while a key is being changed, these pass.
                Outage::Unauthorized => NotDone::for_now("GitHubUnauthorized"),
                Outage::Forbidden if is_idempotent => NotDone::for_now("GitHubForbidden"),
                Outage::NotFound if is_idempotent => NotDone::for_now("GitHubNotFound"),
                Outage::Forbidden | Outage::NotFound => NotDone::for_now("GitHubUnavailable"),
                Outage::RateLimited => {
                    let wait = until.since(now);
                    self.checks().is_told_to_wait(self, worker, until);
                    self.with_limits(worker, |limits| limits.refused(installation, now.timestamp(), wait));
                    self.limited(wait)
                }
            });
        }
        if self.random(fastrand::Rng::f64) < self.weights().github_error {
            return Err(NotDone::for_now("GitHubUnavailable"));
        }
        Ok(())
    }

    /// Whatever waits does not come back in one second.
    fn limited(&self, wait: Duration) -> NotDone {
        let spread = self.random(|random| Duration::from_millis(random.u64(..10_000)));
        NotDone::ForNow { kind: "GitHubRateLimited", retry_after: Some(wait + spread) }
    }

    /// Writes something. The answer can be lost, and the write can come to pass after the client has
    /// given up.
    pub async fn write_to_github(&self, attempt: &Attempt, write: Write) -> Result<u64, NotDone> {
        let worker = attempt.worker;
        attempt.pause().await;
        attempt.unless_late()?;
        self.github_refuses(worker, false)?;
        let draw = self.random(fastrand::Rng::f64);
        let weights = self.weights();
        let is_comment = matches!(write, Write::Comment(Body::Sticky(_)) | Write::Edit(..));
        if is_comment && draw < weights.late_write {
            let sim = self.clone();
            let delay = self.random(|random| Duration::from_millis(random.u64(10_000..60_000)));
            self.tell(|| format!("GitHub holds a write for {delay:?}: {write}"));
            self.spawn(("late write", self.now(), worker), async move {
                sim.executor().sleep(delay).await;
                let now = sim.now();
                let _ = write.apply(now, &mut sim.github_mut());
                sim.tell(|| "GitHub carries out a write that it held".to_owned());
            });
            self.sleep_on(worker, CLIENT_TIMEOUT).await;
            return Err(NotDone::for_now("GitHubUnavailable"));
        }
        self.tell(|| format!("GitHub takes {write}"));
        let now = self.now();
        let written = write.apply(now, &mut self.github_mut())?;
        if draw < weights.late_write + weights.lost_answer {
            self.sleep_on(worker, CLIENT_TIMEOUT).await;
            return Err(NotDone::for_now("GitHubUnavailable"));
        }
        self.pause_on(worker).await;
        Ok(written)
    }
}
