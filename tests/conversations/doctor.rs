//! `preview doctor`: each line is good where the stack has what it asks for, and wrong where that is broken.

use std::{fs, net::Ipv4Addr, path::PathBuf};

use anyhow::{Context, Result, ensure};
use axum::{
    Json, Router,
    body::to_bytes,
    extract::Request,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{AUTHORIZATION, DATE},
    },
    response::IntoResponse,
};
use github_stand_in::User;
use jiff::{SignedDuration, Timestamp};
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use stack::images::ServiceImage;
use tests::{Conversation, Operator, PullRequest, Setting, converse};
use tokio::{net::TcpListener, task::JoinSet};

use crate::tls::TlsServer;

/// What the operator reads, for programs.
async fn lines(doctor: &Operator) -> Result<(bool, Vec<Value>)> {
    let printed = doctor.types(&["doctor", "--output", "json"]).await?;
    let lines = serde_json::from_str(&printed.out)
        .with_context(|| format!("the doctor said {}{}", printed.out, printed.err))?;
    Ok((printed.is_success, lines))
}

fn line_of<'l>(lines: &'l [Value], check: &str) -> Result<&'l Value> {
    let line = lines.iter().find(|line| line["check"] == check);
    line.with_context(|| format!("{check} is not in {lines:#?}"))
}

/// The doctor finds this wrong, says so in these words, says what to do, and fails.
async fn finds_wrong(doctor: &Operator, check: &str, words: &str) -> Result<()> {
    let (is_success, lines) = lines(doctor).await?;
    let line = line_of(&lines, check)?;
    let found = line["found"].as_str().unwrap_or_default();
    ensure!(line["is"] == "wrong" && found.contains(words), "{check}: {line:#}");
    ensure!(line["next"].as_str().is_some_and(|next| !next.is_empty()), "{line:#}");
    ensure!(!is_success, "{check} is wrong, and the exit status is 0");
    Ok(())
}

/// Servers that answer everything alike, until they are dropped.
#[derive(Default)]
struct Servers(JoinSet<()>);

impl Servers {
    /// Returns `127.0.0.1:port`.
    async fn answer(&mut self, status: StatusCode, ahead: SignedDuration) -> Result<String> {
        let router = Router::new().fallback(async move || {
            let date = (Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            (status, [(DATE, date)])
        });
        self.serve(router).await
    }

    async fn serve(&mut self, router: Router) -> Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        self.0.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(address)
    }
}

impl Servers {
    /// GitHub, as it answers an App that has neither this permission nor this event.
    async fn github_without(&mut self, chat: &Conversation, permission: &str, event: &str) -> Result<String> {
        let client = reqwest::Client::builder().user_agent("conversations").build()?;
        let root = chat.github.api_url().as_str().trim_end_matches('/').to_owned();
        let (permission, event) = (permission.to_owned(), event.to_owned());
        let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap| {
            let asked = client
                .get(format!("{root}{uri}"))
                .header(AUTHORIZATION, headers[AUTHORIZATION].clone());
            let mut answer: Value = asked.send().await.expect("GitHub answers").json().await.expect("JSON");
            if let Some(app) = answer.as_object_mut().filter(|_| uri.path() == "/app") {
                app["permissions"].as_object_mut().expect("permissions").remove(&permission);
                app["events"].as_array_mut().expect("events").retain(|it| *it != event);
            }
            Json(answer)
        });
        self.serve(router).await
    }

    /// The cluster, as the worker sees it, in which an admission policy is not there; returns a kubeconfig.
    async fn cluster_without(&mut self, chat: &Conversation, policy: &str) -> Result<PathBuf> {
        let worker = Kubeconfig::read_from(&chat.stack.env.worker_kubeconfig)?;
        let config = Config::from_custom_kubeconfig(worker, &KubeConfigOptions::default()).await?;
        let (client, policy) = (kube::Client::try_from(config)?, format!("/{policy}"));
        let router = Router::new().fallback(async move |request: Request| {
            if request.uri().path().ends_with(&policy) {
                let status =
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404 });
                return (StatusCode::NOT_FOUND, Json(status)).into_response();
            }
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("a body");
            let answer = client.send(Request::from_parts(parts, body.to_vec().into())).await;
            answer
                .expect("the API server answers")
                .map(axum::body::Body::new)
                .into_response()
        });
        let address = self.serve(router).await?;
        let file = chat.folder.join("incomplete.kubeconfig");
        let kubeconfig = json!({
            "current-context": "it",
            "clusters": [{ "name": "it", "cluster": { "server": format!("http://{address}") } }],
            "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it" } }],
            "users": [{ "name": "it", "user": {} }],
        });
        fs::write(&file, kubeconfig.to_string())?;
        Ok(file)
    }
}

/// Somebody who sees what the worker sees, and knows where the webhook is.
async fn doctor(chat: &Conversation, servers: &mut Servers) -> Result<Operator> {
    let registry = servers.answer(StatusCode::OK, SignedDuration::ZERO).await?;
    Ok(chat
        .operator_beside_the_worker()?
        .with("PREVIEW_IMAGE", format!("{registry}/{{owner}}/{{repo}}:{{commit}}"))
        .with("WEBHOOK_URL", format!("http://{}/api/github/webhooks", chat.webhook_address)))
}

#[test]
fn an_installation_that_is_whole_has_nothing_wrong() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        let image = chat.stack.build_service_image(ServiceImage::Worker).await?;
        let doctor = doctor(chat, &mut servers).await?.with("PREVIEW_PROBE_IMAGE", image);

        let (is_success, lines) = lines(&doctor).await?;

        for check in [
            "GitHub App",
            "App's permissions",
            "App's events",
            "installations",
            "webhook",
            "Temporal",
            "search attributes",
            "sweep",
            "worker",
            "cluster",
            "rights",
            "admission policies",
            "pods",
            "network policies",
            "wildcard DNS",
            "registry",
            "clocks",
            "own domain",
        ] {
            ensure!(line_of(&lines, check)?["is"] == "fine", "{check}: {lines:#?}");
        }
        assert!(is_success, "{lines:#?}");
        let read = doctor.without("PREVIEW_PROBE_IMAGE").reads(&["doctor"]).await?;
        assert!(
            read.contains("?      network policies") && read.ends_with("\nNothing is wrong.\n"),
            "{read}"
        );
        Ok(())
    });
}

#[test]
fn what_is_wrong_at_github_and_on_the_way_from_there_is_found() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        chat.github.set_permission(chat.repository.owner(), "issues", Some("read"));
        let sound = doctor(chat, &mut servers).await?;
        finds_wrong(&sound, "installations", "has not granted issues: write").await?;
        let poor = servers.github_without(chat, "pull_requests", "pull_request").await?;
        let poor = sound.with("GITHUB_API_URL", format!("http://{poor}"));
        finds_wrong(&poor, "App's permissions", "lacks pull_requests: write").await?;
        finds_wrong(&poor, "App's events", "does not tell of pull_request").await?;
        let unknown = doctor(chat, &mut servers).await?.with("GITHUB_APP_ID", "4711");
        finds_wrong(&unknown, "GitHub App", "").await?;

        let careless = servers.answer(StatusCode::OK, SignedDuration::ZERO).await?;
        for (address, words) in [
            ("127.0.0.1:1/api/github/webhooks".to_owned(), "nobody answers"),
            (format!("{}/elsewhere", chat.webhook_address), "404"),
            (careless, "takes what nobody signed"),
        ] {
            let lost = doctor(chat, &mut servers)
                .await?
                .with("WEBHOOK_URL", format!("http://{address}"));
            finds_wrong(&lost, "webhook", words).await?;
        }
        let late = servers.answer(StatusCode::UNAUTHORIZED, SignedDuration::from_mins(-90)).await?;
        let late = doctor(chat, &mut servers).await?.with("WEBHOOK_URL", format!("http://{late}"));
        finds_wrong(&late, "clocks", "the webhook is 1h 30m behind this machine").await
    });
}

#[test]
fn what_is_wrong_with_temporal_is_found() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        let away = doctor(chat, &mut servers).await?.with("TEMPORAL_ADDRESS", "127.0.0.1:1");
        finds_wrong(&away, "Temporal", "127.0.0.1:1").await?;
        let unknown = doctor(chat, &mut servers).await?.with("TEMPORAL_NAMESPACE", "nowhere");
        finds_wrong(&unknown, "Temporal", "nowhere").await?;

        let bare = format!("{}-bare", chat.instance);
        chat.stack.other_temporal_namespace(&bare).await?;
        let bare = doctor(chat, &mut servers).await?.with("TEMPORAL_NAMESPACE", &bare);
        finds_wrong(&bare, "search attributes", "PreviewPhase").await?;

        let other = doctor(chat, &mut servers).await?.with("PREVIEW_INSTANCE", "another");
        finds_wrong(&other, "sweep", "there is no schedule orphan-sweep-another").await?;
        let idle = doctor(chat, &mut servers).await?.with("PREVIEW_TASK_QUEUE", "nobodys");
        finds_wrong(&idle, "worker", "from nobodys and nobodys-github").await
    });
}

/// The stack's cluster, as somebody who has no rights in it.
fn kubeconfig_of_a_stranger(chat: &Conversation) -> Result<PathBuf> {
    let mut config = Kubeconfig::read_from(&chat.stack.env.kubeconfig)?;
    for user in config.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()) {
        user.impersonate = Some("system:serviceaccount:default:nobody".to_owned());
    }
    let file = chat.folder.join("stranger.kubeconfig");
    // JSON is YAML.
    fs::write(&file, serde_json::to_string(&config)?)?;
    Ok(file)
}

#[test]
fn what_is_wrong_with_the_cluster_is_found() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        let nowhere = doctor(chat, &mut servers).await?.with("KUBECONFIG", "/nonexistent");
        finds_wrong(&nowhere, "cluster", "no cluster").await?;
        let file = kubeconfig_of_a_stranger(chat)?;
        let stranger = doctor(chat, &mut servers).await?.with("KUBECONFIG", &file);
        finds_wrong(&stranger, "rights", "get namespaces").await?;
        let policy = "validatingadmissionpolicies/preview-charts";
        let bare = servers.cluster_without(chat, policy).await?;
        let bare = doctor(chat, &mut servers).await?.with("KUBECONFIG", bare);
        finds_wrong(&bare, "admission policies", "there is no ValidatingAdmissionPolicy preview-charts").await
    });
}

#[test]
fn what_is_wrong_with_names_certificates_and_the_registry_is_found() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        let lost = doctor(chat, &mut servers)
            .await?
            .with("PREVIEW_DOMAIN", "http://previews.nowhere.invalid");
        finds_wrong(&lost, "wildcard DNS", "leads nowhere").await?;
        for (image, words) in [
            ("127.0.0.1:1/app:{commit}".to_owned(), "does not answer"),
            (format!("{}/app:{{commit}}", chat.webhook_address), "that is no registry"),
        ] {
            let lost = doctor(chat, &mut servers).await?.with("PREVIEW_IMAGE", image);
            finds_wrong(&lost, "registry", words).await?;
        }

        let name = "*.previews.localhost";
        let day = SignedDuration::from_hours(24);
        for (ends, is_trusted, wrong) in [
            (day * 60, true, None),
            (day * -2, true, Some("ended 2d")),
            (day * 60, false, Some("is not trusted")),
        ] {
            let server = TlsServer::of_a_name(name, Timestamp::now() + ends)?;
            let authority = chat.folder.join("authorities/authority.pem");
            fs::create_dir_all(authority.parent().context("a folder")?)?;
            fs::write(&authority, &server.certificate)?;
            let secure = doctor(chat, &mut servers)
                .await?
                .with("PREVIEW_DOMAIN", format!("https://previews.localhost:{}", server.port))
                .with("PREVIEW_INGRESS_ADDRESS", format!("127.0.0.1:{}", server.port));
            // As charts/preview has it.
            let trusted = format!("/etc/ssl/certs:{}", chat.folder.join("authorities").display());
            let secure = if is_trusted { secure.with("SSL_CERT_DIR", trusted) } else { secure };
            match wrong {
                Some(words) => finds_wrong(&secure, "certificate", words).await?,
                None => {
                    let (_, lines) = lines(&secure).await?;
                    let line = line_of(&lines, "certificate")?;
                    ensure!(line["is"] == "fine", "{line:#}");
                }
            }
        }

        let shared = doctor(chat, &mut servers)
            .await?
            .with("PREVIEW_DOMAIN", "http://previews.example.com")
            .with("MAIN_SITES", "https://www.example.com");
        let (_, lines) = lines(&shared).await?;
        let line = line_of(&lines, "own domain")?;
        ensure!(
            line["is"] == "doubtful" && line["found"].to_string().contains("www.example.com"),
            "{line:#}"
        );
        Ok(())
    });
}

/// Plays a conversation on the pull request, on which mona comments this.
async fn play(
    chat: &Conversation,
    doctor: &Operator,
    pull: &PullRequest,
    comment: &str,
) -> Result<(bool, Vec<Value>)> {
    let name = format!("{}#{}", chat.repository.full_name(), pull.github.number());
    let words = ["doctor", "--conformance", &name, "--output", "json"];
    let request = format!("Comment `/preview` on {name} now.");
    let comments = async || pull.comment(&User::writer(), comment).await.map(drop);
    let printed = doctor.types_and_does(&words, &request, comments).await?;
    let lines = serde_json::from_str(&printed.out)
        .with_context(|| format!("the doctor said {}{}", printed.out, printed.err))?;
    Ok((printed.is_success, lines))
}

fn is_wrong(lines: &[Value], check: &str, words: &str) -> Result<()> {
    let line = line_of(lines, check)?;
    let found = line["found"].as_str().unwrap_or_default();
    ensure!(line["is"] == "wrong" && found.contains(words), "{check}: {lines:#?}");
    Ok(())
}

#[test]
fn a_conversation_is_played_on_a_pull_request_of_ones_own() {
    converse(Setting::default(), async |chat| {
        let mut servers = Servers::default();
        let doctor = doctor(chat, &mut servers).await?;
        let pull = chat.pull_request().await?;

        let (is_success, lines) = play(chat, &doctor, &pull, "/preview").await?;

        for (check, words) in [
            ("comment", "asks for"),
            ("answer", "Deployment requested!"),
            ("ready", "http://"),
            ("page", &pull.github.head_sha()[..7]),
            ("extension", "1m more"),
            ("removal", "is gone"),
            ("last word", "it was stopped"),
        ] {
            let line = line_of(&lines, check)?;
            let found = line["found"].as_str().unwrap_or_default();
            ensure!(line["is"] == "fine" && found.contains(words), "{check}: {lines:#?}");
        }
        ensure!(is_success, "{lines:#?}");
        ensure!(chat.namespaces().await?.is_empty(), "something is left behind");
        Ok(())
    });
}

#[test]
fn a_conversation_that_does_not_come_to_its_end_says_what_to_look_at() {
    converse(Setting::default().image_timeout("2s"), async |chat| {
        let mut servers = Servers::default();
        let doctor = doctor(chat, &mut servers).await?;
        let pull = chat.pull_request_without_image().await?;

        let (is_success, lines) = play(chat, &doctor, &pull, "/preview").await?;
        is_wrong(&lines, "ready", "could not be deployed")?;
        ensure!(!is_success);

        pull.preview()?.closed().await?;
        pull.comes_to_say("that all is gone", |text| !text.contains("is being removed"))
            .await?;
        // Nobody answers what is not addressed to the App.
        let (_, lines) = play(chat, &doctor, &pull, "Looks good to me.").await?;
        is_wrong(&lines, "answer", "does not answer within")?;

        // What it does not do it answers otherwise.
        let (_, lines) = play(chat, &doctor, &pull, "/preview --ttl soon").await?;
        let line = line_of(&lines, "answer")?;
        ensure!(line["is"] == "unknown" && line["found"].to_string().contains("@mona"), "{line:#}");

        // What became of an earlier preview of that commit is old news.
        pull.build_image().await?;
        let (is_success, lines) = play(chat, &doctor, &pull, "/preview").await?;
        ensure!(is_success, "{lines:#?}");

        pull.request_preview().await?;
        let name = format!("{}#{}", chat.repository.full_name(), pull.github.number());
        let printed = doctor.types(&["doctor", "--conformance", &name]).await?;
        ensure!(printed.out.contains("is not to be disturbed"), "{}", printed.out);

        let broken = doctor.with("PREVIEW_TASK_QUEUE", "nobodys");
        let printed = broken.types(&["doctor", "--conformance", &name]).await?;
        ensure!(printed.out.contains("no conversation was played"), "{}", printed.out);

        let open = pull.preview()?;
        open.stop().await?;
        open.gone().await?;
        Ok(())
    });
}
