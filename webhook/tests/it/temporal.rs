//! A Temporal of a few lines: it remembers what was signalled.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use domain::{PullRequestRef, pull_request::PullRequestEvent};
use runtime::probes::Dependency;
use tokio::sync::Notify;
use webhook::{
    delivery::DeliveryId,
    signaler::{SignalError, Signaler, Signalled},
};

/// What was signalled, and what is to be answered.
#[derive(Default)]
pub(crate) struct FakeTemporal {
    signals: Mutex<Vec<(PullRequestRef, PullRequestEvent)>>,
    down: AtomicBool,
    silent: AtomicBool,
    waiting: AtomicUsize,
    speaks_again: Notify,
    checks: AtomicUsize,
}

impl FakeTemporal {
    /// Every call fails from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// No call is answered from now on.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// Everything that waits for an answer gets it.
    pub(crate) fn speak_again(&self) {
        self.silent.store(false, Ordering::SeqCst);
        self.speaks_again.notify_waiters();
    }

    /// How many calls came while nobody answered.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn signals(&self) -> Vec<(PullRequestRef, PullRequestEvent)> {
        self.signals.lock().expect("not poisoned").clone()
    }

    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    /// The error is what Temporal says.
    async fn answer(&self) -> Result<(), String> {
        if self.silent.load(Ordering::SeqCst) {
            let speaks_again = self.speaks_again.notified();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            speaks_again.await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err("Unavailable: connection refused".to_owned());
        }
        Ok(())
    }
}

#[async_trait]
impl Signaler for FakeTemporal {
    async fn signal(
        &self,
        pull_request: &PullRequestRef,
        event: PullRequestEvent,
        _: &DeliveryId,
    ) -> Result<Signalled, SignalError> {
        self.answer()
            .await
            .map_err(|reason| SignalError { pull_request: pull_request.clone(), reason })?;
        let mut signals = self.signals.lock().expect("not poisoned");
        if event.starts_workflow() || signals.iter().any(|(open, _)| open == pull_request) {
            signals.push((pull_request.clone(), event));
            Ok(Signalled::Delivered)
        } else {
            Ok(Signalled::NoWorkflow)
        }
    }
}

#[async_trait]
impl Dependency for FakeTemporal {
    fn name(&self) -> &'static str {
        "Temporal"
    }

    async fn check(&self) -> Result<(), String> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        self.answer().await
    }
}
