//! Users, bots and organisations.

use serde_json::{Value, json};

use super::{Wire, node_id};
use crate::model::AccountKind;

impl Wire<'_> {
    /// `simple-user`; null for a login that nobody has.
    pub(crate) fn user(&self, login: &str) -> Value {
        let Some(account) = self.state.account(login) else {
            return Value::Null;
        };
        let login = &account.login;
        // In a URL the brackets of a bot's login are percent-encoded.
        let in_url = login.replace('[', "%5B").replace(']', "%5D");
        let url = format!("{}/users/{in_url}", self.urls.api);
        let page = match account.kind {
            AccountKind::Bot => format!("{}/apps/{}", self.urls.page, login.trim_end_matches("[bot]")),
            _ => format!("{}/{in_url}", self.urls.page),
        };
        json!({
            "login": login,
            "id": account.id,
            "node_id": node_id("U", account.id),
            "avatar_url": format!("{}/avatars/u/{}", self.urls.page, account.id),
            "gravatar_id": "",
            "url": url,
            "html_url": page,
            "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"),
            "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
            "type": account.kind.name(),
            "user_view_type": "public",
            "site_admin": false,
        })
    }

    /// `organization-simple-webhooks`; null if the account is no organisation.
    pub(crate) fn organization(&self, login: &str) -> Value {
        let Some(account) = self
            .state
            .account(login)
            .filter(|account| account.kind == AccountKind::Organization)
        else {
            return Value::Null;
        };
        let url = format!("{}/orgs/{}", self.urls.api, account.login);
        json!({
            "login": account.login,
            "id": account.id,
            "node_id": node_id("O", account.id),
            "url": url,
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"),
            "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("{}/avatars/u/{}", self.urls.page, account.id),
            "description": "",
        })
    }
}
