//! How often GitHub is asked for what, what is left of its limits, and when they are reached.

use std::sync::Arc;

use github::{Exchange, Limited, Observer};
use temporalio_common::telemetry::metrics::{CoreMeter, Counter, Gauge};

use super::{counter, gauge, labels};

/// Every exchange of this process with GitHub. A repeated request is one more of them.
pub struct GitHubRequests {
    meter: Arc<dyn CoreMeter>,
    requests: Counter,
    limited: Counter,
    limit: Gauge,
    remaining: Gauge,
    resets_at: Gauge,
}

impl GitHubRequests {
    /// With no request yet.
    #[must_use]
    pub fn new(meter: &Arc<dyn CoreMeter>) -> Self {
        let measured = Self {
            requests: counter(
                &**meter,
                "preview_github_requests",
                "Requests to GitHub by method, what was asked for, and status",
            ),
            limited: counter(
                &**meter,
                "preview_github_limited",
                "Requests that GitHub refused because there were too many, by its limit",
            ),
            limit: gauge(
                &**meter,
                "preview_github_rate_limit",
                "Requests an hour that GitHub allows an installation",
            ),
            remaining: gauge(
                &**meter,
                "preview_github_rate_limit_remaining",
                "Requests that GitHub allows an installation for the rest of its hour, as last heard",
            ),
            resets_at: gauge(
                &**meter,
                "preview_github_rate_limit_reset_timestamp_seconds",
                "When that hour is over",
            ),
            meter: Arc::clone(meter),
        };
        for limit in [Limited::Primary, Limited::Secondary] {
            measured.limited(0, limit);
        }
        measured
    }

    fn limited(&self, count: u64, limit: Limited) {
        let limit = match limit {
            Limited::Primary => "primary",
            Limited::Secondary => "secondary",
        };
        self.limited.add(count, &labels(&*self.meter, [("limit", limit)]));
    }
}

impl Observer for GitHubRequests {
    fn exchanged(&self, exchange: &Exchange<'_>) {
        let status = exchange.status.map(|status| status.as_u16().to_string());
        let what = [
            ("method", exchange.method.as_str()),
            ("call", exchange.call),
            ("status", status.as_deref().unwrap_or("none")),
        ];
        self.requests.add(1, &labels(&*self.meter, what));
        if let Some(limit) = exchange.limited {
            self.limited(1, limit);
        }
        if let (Some(installation), Some(quota)) = (exchange.installation, exchange.quota) {
            let installation = installation.to_string();
            let whose = [("installation", installation.as_str()), ("resource", quota.resource)];
            let whose = labels(&*self.meter, whose);
            self.limit.record(quota.limit, &whose);
            self.remaining.record(quota.remaining, &whose);
            self.resets_at.record(quota.resets_at, &whose);
        }
    }
}
