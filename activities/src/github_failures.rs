//! How often GitHub did not do what was asked of it, and why: what waits for it now is tried again.

use std::collections::BTreeMap;

use temporalio_common::telemetry::metrics::{
    CoreMeter, Counter, MetricAttributes, MetricKeyValue, MetricParameters, NewAttributes,
};

/// What is asked of GitHub on a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// To show the pull request, somebody's role, and the configuration.
    PullRequest,
    /// To take the one comment.
    Comment,
    /// To take an answer.
    Reply,
    /// To list a deployment.
    Deployment,
}

impl Asked {
    const ALL: [Self; 4] = [Self::PullRequest, Self::Comment, Self::Reply, Self::Deployment];

    fn label(self) -> &'static str {
        match self {
            Self::PullRequest => "pull_request",
            Self::Comment => "comment",
            Self::Reply => "reply",
            Self::Deployment => "deployment",
        }
    }
}

/// Counts attempts that came to nothing.
#[derive(Clone)]
pub struct GitHubFailures {
    attempts: Counter,
    labels: BTreeMap<(Asked, &'static str), MetricAttributes>,
}

impl GitHubFailures {
    /// All at zero, so that the first increase is seen as one.
    #[must_use]
    pub fn new(meter: &dyn CoreMeter) -> Self {
        let attempts = meter.counter(
            MetricParameters::builder()
                .name("preview_github_failed_attempts")
                .description("Attempts that GitHub did not carry out, by what was asked and why")
                .build(),
        );
        let mut labels = BTreeMap::new();
        for asked in Asked::ALL {
            for reason in github::Error::LABELS {
                let label = meter.new_attributes(NewAttributes::from([
                    MetricKeyValue::new("asked", asked.label()),
                    MetricKeyValue::new("reason", *reason),
                ]));
                attempts.add(0, &label);
                labels.insert((asked, *reason), label);
            }
        }
        Self { attempts, labels }
    }

    pub(crate) fn count(&self, asked: Asked, error: &github::Error) {
        if let Some(label) = self.labels.get(&(asked, error.label())) {
            self.attempts.add(1, label);
        }
    }
}
