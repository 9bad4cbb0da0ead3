//! What a test turns: the webhook, the App's permissions, the clock, and what goes wrong.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::StandIn;
use crate::{
    CannedAnswer,
    deliveries::HOOK_ID,
    fault::{Fault, PlannedFault},
    limits::Meter,
    model::Level,
    shared::{Payer, lock},
    sign,
};

/// The webhook's answer to a request of a test's own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl StandIn {
    /// What deliveries are signed with.
    #[must_use]
    pub fn webhook_secret(&self) -> SecretString {
        self.shared.courier.hook().secret
    }

    /// Sends deliveries elsewhere from now on, or nowhere.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        self.shared.courier.set_url(url);
    }

    /// Signs deliveries with another secret from now on.
    pub fn set_webhook_secret(&self, secret: SecretString) {
        self.shared.courier.set_secret(secret);
    }

    /// Changes what the App may do on an owner's repositories (`issues` → `read`), for
    /// tokens made from now on. `None` takes it away.
    pub fn set_permission(&self, owner: &str, permission: &str, level: Option<&str>) {
        self.shared.change(|state| {
            let app = state.app.id;
            for installation in state
                .installations
                .values_mut()
                .filter(|one| one.app == app && one.account.eq_ignore_ascii_case(owner))
            {
                match level.and_then(Level::parse) {
                    Some(level) => installation.permissions.insert(permission.to_owned(), level),
                    None => installation.permissions.remove(permission),
                };
            }
        });
    }

    /// Removes the App from an owner's repositories.
    pub fn uninstall(&self, owner: &str) {
        self.shared.change(|state| {
            let app = state.app.id;
            state
                .installations
                .retain(|_, one| one.app != app || !one.account.eq_ignore_ascii_case(owner));
        });
    }

    /// Removes the App from an owner's repositories and installs it again: the installation has another ID.
    pub fn reinstall(&self, owner: &str) {
        self.uninstall(owner);
        self.shared.install(owner);
    }

    /// Makes another private key for the App (PKCS#8, PEM), which is good beside those that it has.
    #[must_use]
    pub fn generate_private_key(&self) -> String {
        self.shared.change(|state| state.app.keys.generate())
    }

    /// Deletes one of the App's private keys: what is signed with it is refused from now on.
    pub fn delete_private_key(&self, pem: &str) {
        self.shared.change(|state| state.app.keys.delete(pem));
    }

    /// Lets every token handed out so far expire now.
    pub fn expire_tokens(&self) {
        let now = self.shared.clock.now();
        self.shared.change(|state| {
            state.tokens.values_mut().for_each(|token| token.expires_at = now);
        });
    }

    /// Moves the stand-in's clock forward: tokens age, limits recover, deliveries are forgotten.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Lets the tokens handed out from now on be good for so long, instead of GitHub's hour.
    pub fn set_token_life(&self, life: SignedDuration) {
        *lock(&self.shared.token_life) = life;
    }

    /// Answers the next `times` requests of an operation (`issues/create-comment`) with this error
    /// status, and does nothing else with them.
    pub fn fail_next(&self, operation: &str, status: u16, times: usize) {
        let fault = Fault::Error { status, retry_after: None };
        self.plan(operation, fault, times);
    }

    /// Refuses the next `times` requests of an operation as if a secondary limit were
    /// reached that ends after so many seconds.
    pub fn throttle_next(&self, operation: &str, retry_after: u64, times: usize) {
        let fault = Fault::Error { status: 429, retry_after: Some(retry_after) };
        self.plan(operation, fault, times);
    }

    /// Gives the next `times` requests of an operation this answer, be it malformed, and does nothing else
    /// with them: neither credentials nor limits are looked at, and no violation is recorded.
    pub fn answer_next(&self, operation: &str, answer: CannedAnswer, times: usize) {
        self.plan(operation, Fault::Answer(answer), times);
    }

    /// Replaces what was planned for the operation before.
    fn plan(&self, operation: &str, fault: Fault, times: usize) {
        lock(&self.shared.faults).insert(operation.to_owned(), PlannedFault { fault, times });
    }

    /// Leaves nothing of the requests that the App may make in an hour on an owner's
    /// repositories; they are given anew after `wait`.
    pub fn use_up_requests(&self, owner: &str, wait: Duration) {
        let Some(installation) = self.installation_id(owner) else {
            return;
        };
        let now = self.shared.clock.now();
        lock(&self.shared.meters)
            .entry(Payer::Installation(installation))
            .or_insert_with(|| Meter::new(now))
            .use_up_requests(now + wait);
    }

    /// Sends the last delivery with this GUID once more; `false` if there is none.
    #[must_use]
    pub fn redeliver(&self, guid: &str) -> bool {
        let last = self.deliveries().into_iter().rev().find(|delivery| delivery.guid == guid);
        last.is_some_and(|delivery| self.shared.courier.redeliver(delivery.id))
    }

    /// Tells the webhook that it was set up.
    pub fn ping(&self) -> Option<String> {
        let url = self.shared.courier.hook().url?;
        let event = self.shared.read(|wire| wire.ping(HOOK_ID, url.as_str()));
        self.shared.courier.send(event)
    }

    /// Sends something of the test's own making to the webhook. Not a delivery: it
    /// is neither signed, checked nor recorded.
    ///
    /// # Errors
    /// When no webhook is set or it cannot be reached.
    pub async fn deliver_raw(
        &self,
        headers: &BTreeMap<String, String>,
        body: impl Into<Vec<u8>>,
    ) -> Result<RawAnswer, Box<dyn std::error::Error + Send + Sync>> {
        let url = self.shared.courier.hook().url.ok_or("no webhook is set")?;
        let mut request = self.shared.courier.http().post(url).body(body.into());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        Ok(RawAnswer { status: answer.status().as_u16(), body: answer.text().await? })
    }

    /// The signature that the webhook expects of a body.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        sign(self.webhook_secret().expose_secret(), body)
    }
}
