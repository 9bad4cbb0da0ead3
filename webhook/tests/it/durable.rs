//! A Temporal of a few lines: it remembers what it was asked for.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use webhook::start::{Start, StartError, Starter};
use workflows::{activities::Notice, vocabulary::PreviewRequest};

/// What was asked for, and what is to be answered.
#[derive(Default)]
pub(crate) struct Durable {
    started: Mutex<Vec<PreviewRequest>>,
    notices: Mutex<Vec<Notice>>,
    down: AtomicBool,
    silent: AtomicBool,
    checks: AtomicUsize,
}

impl Durable {
    /// Every call fails from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// No call is answered from now on.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn started(&self) -> Vec<PreviewRequest> {
        self.started.lock().expect("not poisoned").clone()
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().expect("not poisoned").clone()
    }

    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    async fn answer(&self, doing: &str) -> Result<(), StartError> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(StartError {
                doing: doing.to_owned(),
                reason: "Unavailable: connection refused".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Starter for Durable {
    async fn start_preview(&self, request: &PreviewRequest) -> Result<Start, StartError> {
        self.answer("starting").await?;
        let mut started = self.started.lock().expect("not poisoned");
        let newest = started
            .iter()
            .filter(|earlier| earlier.preview == request.preview)
            .map(|earlier| earlier.comment)
            .max();
        match newest {
            Some(newest) if newest >= request.comment => Ok(Start::AlreadyServed),
            Some(_) => Ok(Start::Joined),
            None => {
                started.push(request.clone());
                Ok(Start::Started)
            }
        }
    }

    async fn send_notice(&self, notice: &Notice) -> Result<(), StartError> {
        self.answer("telling").await?;
        self.notices
            .lock()
            .expect("not poisoned")
            .push(notice.clone());
        Ok(())
    }

    async fn check(&self) -> Result<(), StartError> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        self.answer("reaching namespace default").await
    }
}
