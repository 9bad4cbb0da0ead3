//! The App and its installations.

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{Wire, node_id, time};
use crate::model::{App, Installation, Permissions, Selection, Token};

/// Permissions as GitHub writes them.
pub(crate) fn permissions(permissions: &Permissions) -> Value {
    permissions
        .iter()
        .map(|(name, level)| (name.clone(), Value::from(level.name())))
        .collect::<Map<_, _>>()
        .into()
}

impl Wire<'_> {
    /// `integration`.
    pub(crate) fn app(&self, app: &App) -> Value {
        json!({
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("A", app.id),
            "client_id": app.client_id(),
            "owner": self.user(&app.owner),
            "name": app.name,
            "description": app.description,
            "external_url": app.homepage,
            "html_url": format!("{}/apps/{}", self.urls.page, app.slug),
            "created_at": time(app.created_at),
            "updated_at": time(app.created_at),
            "permissions": permissions(&app.permissions),
            "events": app.events,
        })
    }

    /// `integration` of the App that acts under this login; null if none does.
    pub(super) fn app_by_bot(&self, login: &str) -> Value {
        self.state.app_by_bot(login).map_or(Value::Null, |app| self.app(app))
    }

    /// `GET /app` also counts the installations.
    pub(crate) fn authenticated_app(&self, app: &App) -> Value {
        let mut json = self.app(app);
        json["installations_count"] = json!(self.state.installations_of(app.id).count());
        json
    }

    /// What hands over an App that was registered from a manifest: `integration` with its secrets.
    pub(crate) fn conversion(&self, app: &App, client_secret: &str) -> Value {
        let mut json = self.app(app);
        json["client_secret"] = json!(client_secret);
        json["webhook_secret"] = json!(app.webhook.as_ref().map(|webhook| webhook.secret.expose_secret()));
        json["pem"] = json!(app.keys.first_pem());
        json
    }

    /// `installation`.
    pub(crate) fn installation(&self, installation: &Installation) -> Value {
        let account = self.user(&installation.account);
        let app = self.state.app_by_id(installation.app).expect("Apps are never removed");
        json!({
            "id": installation.id,
            "client_id": app.client_id(),
            "account": account,
            "repository_selection": installation.selection.name(),
            "access_tokens_url": format!("{}/app/installations/{}/access_tokens", self.urls.api, installation.id),
            "repositories_url": format!("{}/installation/repositories", self.urls.api),
            "html_url": format!("{}/settings/installations/{}", self.urls.page, installation.id),
            "app_id": app.id,
            "app_slug": app.slug,
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": permissions(&installation.permissions),
            "events": app.events,
            "created_at": time(installation.created_at),
            "updated_at": time(installation.created_at),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": null,
            "suspended_at": null,
        })
    }

    /// `simple-installation`, as it stands in a webhook payload.
    pub(super) fn simple_installation(installation: &Installation) -> Value {
        json!({ "id": installation.id, "node_id": node_id("I", installation.id) })
    }

    /// `installation-token`.
    pub(crate) fn token(&self, secret: &str, token: &Token) -> Value {
        let mut json = json!({
            "token": secret,
            "expires_at": time(token.expires_at),
            "permissions": permissions(&token.permissions),
            "repository_selection": token.selection.name(),
        });
        if let Selection::Only(ids) = &token.selection {
            let repositories = self.state.repositories().filter(|repository| ids.contains(&repository.id));
            json["repositories"] = repositories.map(|repository| self.repository(repository)).collect();
        }
        json
    }
}
