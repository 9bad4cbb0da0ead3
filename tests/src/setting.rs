//! The circumstances of a conversation.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use github_stand_in::DELIVERY_DEADLINE;

/// What a conversation's service is configured with; what is not said is as in [`Setting::default`].
pub struct Setting {
    pub(crate) webhook: BTreeMap<String, OsString>,
    pub(crate) worker: BTreeMap<String, OsString>,
    pub(crate) worker_runs: bool,
    pub(crate) delivery_deadline: Duration,
}

impl Default for Setting {
    /// Previews that outlive the conversation unless they are stopped, a sweep that comes only
    /// when it is called, and logs that are posted.
    fn default() -> Self {
        let empty = Self {
            webhook: BTreeMap::new(),
            worker: BTreeMap::new(),
            worker_runs: true,
            delivery_deadline: DELIVERY_DEADLINE,
        };
        empty
            .ttl("20m")
            .worker("SWEEP_INTERVAL", "24h")
            .worker("PREVIEW_POST_LOGS", "always")
    }
}

impl Setting {
    /// How long previews live.
    #[must_use]
    pub fn ttl(self, ttl: &str) -> Self {
        self.worker("PREVIEW_TTL", ttl)
    }

    /// How long they live at the most, extensions included.
    #[must_use]
    pub fn max_lifetime(self, most: &str) -> Self {
        self.worker("PREVIEW_MAX_LIFETIME", most)
    }

    /// How long a preview waits for its image.
    #[must_use]
    pub fn image_timeout(self, timeout: &str) -> Self {
        self.worker("PREVIEW_IMAGE_TIMEOUT", timeout)
    }

    /// The worker is not running yet when the conversation begins.
    #[must_use]
    pub fn without_worker(self) -> Self {
        Self { worker_runs: false, ..self }
    }

    /// Any variable of the webhook.
    #[must_use]
    pub fn webhook(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.webhook.insert(variable.to_owned(), value.into());
        self
    }

    /// Any variable of the worker.
    #[must_use]
    pub fn worker(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.worker.insert(variable.to_owned(), value.into());
        self
    }
}
