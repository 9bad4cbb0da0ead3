//! Temporal Cloud: a front before the real server is closed where that is, and counts what that bills.

mod actions;
mod front;

use std::fs;

use anyhow::{Context, Result, ensure};
use github_stand_in::User;
use stack::eventually;
use tests::{
    Conversation, Service, Setting, converse,
    timeouts::{ANSWER, SERVICE_UP},
};

use crate::temporal_tls::write_certificates;
use front::{Front, Limits};

/// The most that a plain preview may cost.
const ACTIONS_MAX: u32 = 60;
/// What the chart sets for Temporal Cloud.
const VALUES: &str = include_str!("../../../charts/preview/values-temporal-cloud.yaml");
const HEARTBEAT: &str = "10s";
/// How many writes a second all installations share, where Temporal does not hold the limit for each.
const TOGETHER: f64 = 1.2;

/// Moves webhook and worker behind a front that takes the API key `first`.
async fn moves_behind(chat: &mut Conversation, limits: Limits) -> Result<Front> {
    let folder = chat.folder.clone();
    write_certificates(&folder)?;
    fs::write(folder.join("temporal-api-key"), "first\n")?;
    let front = Front::start(&chat.stack.env.temporal_address, &folder, "first", limits).await?;
    let Conversation { worker, webhook, .. } = chat;
    for service in [worker, webhook] {
        service.stop().await?;
        stand_behind(service, &front, &folder);
        service.start().await?;
    }
    Ok(front)
}

fn stand_behind(service: &mut Service, front: &Front, folder: &std::path::Path) {
    service.set("TEMPORAL_ADDRESS", front.address.to_string());
    service.set("TEMPORAL_API_KEY_FILE", folder.join("temporal-api-key"));
    service.set("TEMPORAL_TLS_SERVER_NAME", "temporal.example.com");
    service.set("TEMPORAL_TLS_SERVER_CA_CERT_PATH", folder.join("ca.crt"));
}

fn limited_itself(front: &Front) -> Result<()> {
    let limit = front.polled_limit().context("the worker asks for no limit")?;
    ensure!((limit - TOGETHER).abs() < 0.001, "the worker asks for {limit} writes a second");
    Ok(())
}

#[test]
fn a_plain_preview_costs_at_most_sixty_billed_actions() {
    assert!(VALUES.contains(&format!("PREVIEW_HEARTBEAT: {HEARTBEAT}")), "{VALUES}");
    let setting = Setting::default().ttl("1m").worker("PREVIEW_HEARTBEAT", HEARTBEAT);
    // Until the last word is said.
    let mut front = None;
    converse(setting, async |chat| {
        let front = front.insert(moves_behind(chat, Limits::TakesAndForgets).await?);
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let url = front.actions();

        preview.is_over().await?;
        pull.says("gone: it expired").await?;

        let all = front.actions();
        println!("Until the URL:\n{url}\nUntil it is gone:\n{all}");
        ensure!(all.total() <= ACTIONS_MAX, "it costs too much:\n{all}");
        ensure!(all.of("workflows started") + all.of("signals") >= 3, "not all is counted:\n{all}");
        ensure!(all.of("activities: install_release") == 1, "not all is counted:\n{all}");
        let history = ["workflow", "show", "--output", "json", "--workflow-id", &preview.id.to_string()];
        let history = chat.stack.temporal_cli(&history).await?;
        ensure!(history.contains(r#""heartbeatTimeout": "46s""#), "{history}");
        let refused = front.refused();
        ensure!(refused.iter().any(|call| call.starts_with("AddSearchAttributes")), "{refused:?}");
        ensure!(refused.iter().any(|call| call.starts_with("ListSearchAttributes")), "{refused:?}");
        limited_itself(front)
    });
}

#[test]
fn temporals_api_key_is_changed_in_its_file_while_a_preview_lives() {
    // Until the last word is said.
    let mut front = None;
    converse(Setting::default(), async |chat| {
        let front = front.insert(moves_behind(chat, Limits::Refuses).await?);
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        limited_itself(front)?;

        front.take_api_keys(&["first", "second"]);
        fs::write(chat.folder.join("temporal-api-key"), "second\n")?;
        for service in [&chat.worker, &chat.webhook] {
            notices(service, "Temporal's API key has changed").await?;
        }
        front.take_api_keys(&["second"]);
        let refused = front.refused();

        pull.asks(&User::writer(), "/preview stop").await?;
        preview.is_over().await?;
        pull.says("gone").await?;
        let refused_since = &front.refused()[refused.len()..];
        ensure!(refused_since.is_empty(), "refused with the new key: {refused_since:?}");
        Ok(())
    });
}

async fn notices(service: &Service, what: &str) -> Result<()> {
    let noticed = eventually(ANSWER, async || {
        if service.said().contains(what) {
            Ok(())
        } else {
            Err(format!("{} does not say: {what}", service.log().display()))
        }
    });
    noticed.await.map_err(anyhow::Error::msg)
}

#[test]
fn the_apps_private_key_is_changed_in_its_file_while_a_preview_lives() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        let new = chat.github.generate_private_key();
        fs::write(chat.folder.join("app.pem"), new)?;
        notices(&chat.worker, "the App's private key has changed").await?;
        chat.github.delete_private_key(chat.github.private_key_pem());
        // Whatever is said from now on needs a token that only the new key gets.
        chat.github.expire_tokens();

        pull.asks(&User::writer(), "/preview stop").await?;
        preview.is_over().await?;
        pull.says("gone").await.map(drop)
    });
}

#[test]
fn whoever_runs_a_closed_server_is_told_which_search_attributes_to_add() {
    // Until the last word is said.
    let mut front = None;
    converse(Setting::default(), async |chat| {
        let front = front.insert(moves_behind(chat, Limits::Refuses).await?);
        let namespace = format!("{}-closed", chat.instance);
        chat.stack.other_temporal_namespace(&namespace).await?;
        let mut worker = chat.namesake_worker(&namespace)?;
        stand_behind(&mut worker, front, &chat.folder);

        let error = worker.start().await.err().context("it starts without its search attributes")?;
        let said = worker.said();
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("  temporal operator search-attribute"));
        let line = line.with_context(|| format!("it does not say what to type: {error:#}"))?;

        let arguments: Vec<_> = ["operator", "search-attribute"]
            .into_iter()
            .chain(line.split_whitespace())
            .collect();
        chat.stack.temporal_cli_in(&namespace, &arguments).await?;
        let usable = eventually(SERVICE_UP, async || {
            let count =
                ["workflow", "count", "--query", "PreviewExpiresAt IS NULL AND PreviewRequestedBy IS NULL"];
            chat.stack
                .temporal_cli_in(&namespace, &count)
                .await
                .map(drop)
                .map_err(|error| format!("{error:#}"))
        });
        usable.await.map_err(anyhow::Error::msg)?;
        worker.start().await?;
        worker.stop().await?;
        Ok(())
    });
}
