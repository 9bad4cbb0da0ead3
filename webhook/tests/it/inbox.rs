//! A Temporal of a few lines: it remembers what it was told.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use webhook::{
    delivery::DeliveryId,
    inbox::{Inbox, News, Told, Unconfirmed},
};
use workflows::vocabulary::PullRequestRef;

/// What was told, and what is to be answered.
#[derive(Default)]
pub(crate) struct FakeInbox {
    told: Mutex<Vec<(PullRequestRef, News)>>,
    down: AtomicBool,
    silent: AtomicBool,
    waiting: AtomicUsize,
    speaks_again: Notify,
    checks: AtomicUsize,
}

impl FakeInbox {
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

    pub(crate) fn told(&self) -> Vec<(PullRequestRef, News)> {
        self.told.lock().expect("not poisoned").clone()
    }

    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    async fn answer(&self, doing: &str) -> Result<(), Unconfirmed> {
        if self.silent.load(Ordering::SeqCst) {
            let speaks_again = self.speaks_again.notified();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            speaks_again.await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(Unconfirmed {
                doing: doing.to_owned(),
                reason: "Unavailable: connection refused".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Inbox for FakeInbox {
    async fn tell(
        &self,
        pull_request: &PullRequestRef,
        news: &News,
        _: &DeliveryId,
    ) -> Result<Told, Unconfirmed> {
        self.answer("telling").await?;
        let mut told = self.told.lock().expect("not poisoned");
        let begins = matches!(news, News::Commented(_));
        if begins || told.iter().any(|(there, _)| there == pull_request) {
            told.push((pull_request.clone(), news.clone()));
            Ok(Told::Heard)
        } else {
            Ok(Told::NobodyThere)
        }
    }

    async fn check(&self) -> Result<(), Unconfirmed> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        self.answer("reaching namespace default").await
    }
}
