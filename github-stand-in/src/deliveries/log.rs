//! What was delivered, and what came of it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::wire::Event;

/// Delivery identifiers grow from here; like GitHub's, they do not fit 32 bits.
const FIRST_ID: u64 = 12_000_000_001;

/// One attempt to tell the webhook of one event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The attempt's own identifier.
    pub id: u64,
    /// `X-GitHub-Delivery`: the same for all attempts at one event.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The payload's `action`.
    pub action: Option<String>,
    /// The installation that the event is about.
    pub installation_id: Option<u64>,
    /// The repository that the event is about.
    pub repository_id: Option<u64>,
    /// Whether somebody asked for this attempt.
    pub redelivery: bool,
    /// When the attempt was made.
    pub delivered_at: Timestamp,
    /// Where it went.
    pub url: Url,
    /// The request's headers; empty until it is sent.
    pub headers: BTreeMap<String, String>,
    /// The request's body.
    pub payload: Value,
    /// What came of it; `None` while the webhook has not answered and the deadline has not passed.
    pub outcome: Option<Outcome>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// In GitHub's words: `OK`, `timed out`, `Invalid HTTP Response: 500`.
    pub status: String,
    /// The webhook's status, or 504 after the deadline, or 502 without a connection.
    pub status_code: u16,
    /// From request to answer.
    pub duration: Duration,
    /// The answer's headers.
    pub headers: BTreeMap<String, String>,
    /// The answer's body, at most 64 KiB of it.
    pub body: String,
}

impl Outcome {
    pub(super) fn failed(status: &str, status_code: u16, duration: Duration) -> Self {
        Self {
            status: status.to_owned(),
            status_code,
            duration,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }

    pub(super) fn with_body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// Whether GitHub counts it as delivered.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// All attempts, by identifier.
#[derive(Default)]
pub(crate) struct Log {
    attempts: BTreeMap<u64, Delivery>,
}

impl Log {
    fn next_id(&self) -> u64 {
        self.attempts.keys().next_back().map_or(FIRST_ID, |last| last + 1)
    }

    pub(super) fn add(&mut self, guid: String, url: &Url, event: Event, now: Timestamp) -> u64 {
        let id = self.next_id();
        self.attempts.insert(
            id,
            Delivery {
                id,
                guid,
                event: event.name.to_owned(),
                action: event.action.map(str::to_owned),
                installation_id: event.installation,
                repository_id: event.repository,
                redelivery: false,
                delivered_at: now,
                url: url.clone(),
                headers: BTreeMap::new(),
                payload: event.payload,
                outcome: None,
            },
        );
        id
    }

    pub(super) fn repeat(&mut self, id: u64, url: &Url, now: Timestamp) -> Option<u64> {
        let again = self.next_id();
        let former = self.attempts.get(&id)?.clone();
        let attempt = Delivery {
            id: again,
            redelivery: true,
            delivered_at: now,
            url: url.clone(),
            headers: BTreeMap::new(),
            outcome: None,
            ..former
        };
        self.attempts.insert(again, attempt);
        Some(again)
    }

    pub(super) fn sending(&mut self, id: u64, headers: BTreeMap<String, String>, now: Timestamp) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.headers = headers;
            attempt.delivered_at = now;
        }
    }

    pub(super) fn finish(&mut self, id: u64, outcome: Outcome) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.outcome = Some(outcome);
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Delivery> {
        self.attempts.get(&id)
    }

    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.attempts.values()
    }
}
