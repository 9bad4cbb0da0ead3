//! Uses a real browser as a person does.
//!
//! Headless Chromium, spoken to in its own DevTools protocol. Of the protocol's many hundred commands we need
//! seven, which is why no client library for all of them is built here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use url::Url;

use crate::{
    process::programs,
    timeouts::{HTTP, URL},
};

/// For the browser to come up.
const START: Duration = Duration::from_secs(60);
/// How often a page of others is loaded before it counts as broken.
const RELOADS: u32 = 5;

/// A browser with one tab; gone when it is dropped.
pub struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u64,
    /// How often it has gone to another page.
    navigated: u64,
    screenshots: PathBuf,
    _process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a browser that knows nothing yet.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub async fn open() -> Result<Self> {
        let program = stack::tools::browser::find()
            .context("there is no Chromium on PATH; `cargo dev test` says how to get it")?;
        let profile = tempfile::tempdir()?;
        let mut process = Command::new(&program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
                "--hide-scrollbars",
            ])
            .args(["--remote-debugging-port=0", "--window-size=1280,1000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let stderr = process.stderr.take().context("it is piped")?;
        let devtools = timeout(START, devtools_address(stderr))
            .await
            .context("the browser did not start")??;
        let tab = first_tab(&devtools).await?;
        let (socket, _) = connect_async(tab.as_str()).await?;
        let screenshots = programs()?.parent().unwrap_or(Path::new("/")).join("screenshots");
        fs::create_dir_all(&screenshots)?;
        let mut browser = Self {
            socket,
            sent: 0,
            navigated: 0,
            screenshots,
            _process: process,
            _profile: profile,
        };
        browser.command("Page.enable", json!({})).await?;
        Ok(browser)
    }

    async fn command(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.sent += 1;
        let id = self.sent;
        self.socket
            .send(Message::text(json!({"id": id, "method": method, "params": parameters}).to_string()))
            .await?;
        let answer = timeout(URL, async {
            loop {
                let answer = self.hear().await?;
                // Events come in between.
                if answer["id"] == id {
                    return Ok(answer);
                }
            }
        });
        let answer: Result<Value> =
            answer.await.with_context(|| format!("the browser did not answer {method}"))?;
        let answer = answer?;
        ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        Ok(answer["result"].clone())
    }

    /// What the browser says next: an answer or an event.
    async fn hear(&mut self) -> Result<Value> {
        while let Some(message) = self.socket.next().await {
            if let Message::Text(text) = message? {
                let said: Value = serde_json::from_str(&text)?;
                self.navigated += u64::from(said["method"] == "Page.frameNavigated");
                return Ok(said);
            }
        }
        bail!("the browser is gone")
    }

    /// Goes to a page; returns when all of it has loaded.
    ///
    /// # Errors
    /// When nothing answers there.
    pub async fn go_to(&mut self, url: &Url) -> Result<()> {
        let went = self.command("Page.navigate", json!({"url": url})).await?;
        ensure!(went["errorText"].is_null(), "{url}: {}", went["errorText"]);
        self.loads().await
    }

    /// Returns when all of the page has loaded.
    async fn loads(&mut self) -> Result<()> {
        self.run("new Promise(done => document.readyState === 'complete' ? done(true) : addEventListener('load', () => done(true)))").await?;
        Ok(())
    }

    /// Runs JavaScript on the page, waits for its promise if it gives one, and returns the value.
    ///
    /// # Errors
    /// When it throws.
    pub async fn run(&mut self, script: &str) -> Result<Value> {
        let ran = self
            .command(
                "Runtime.evaluate",
                json!({"expression": script, "awaitPromise": true, "returnByValue": true}),
            )
            .await?;
        ensure!(ran["exceptionDetails"].is_null(), "{script}: {}", ran["exceptionDetails"]);
        Ok(ran["result"]["value"].clone())
    }

    /// Types into a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn type_into(&mut self, selector: &str, text: &str) -> Result<()> {
        self.run(&format!("document.querySelector({}).focus()", json!(selector)))
            .await?;
        self.command("Input.insertText", json!({"text": text})).await.map(drop)
    }

    /// Clicks in the middle of an element.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn click(&mut self, selector: &str) -> Result<()> {
        let middle = format!(
            "(() => {{ const it = document.querySelector({}); it.scrollIntoView({{block: 'center'}}); const box = it.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2] }})()",
            json!(selector)
        );
        let middle = self.run(&middle).await?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.command("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Clicks on what leads to another page; returns when all of that has loaded.
    ///
    /// # Errors
    /// When there is no such element, or it leads nowhere.
    pub async fn follow(&mut self, selector: &str) -> Result<()> {
        let before = self.navigated;
        self.click(selector).await?;
        let leaves = timeout(HTTP, async {
            while self.navigated == before {
                self.hear().await?;
            }
            anyhow::Ok(())
        });
        leaves.await.with_context(|| format!("{selector} leads to no page"))??;
        self.loads().await
    }

    /// Waits until an expression is true on the page; it is evaluated again after every change of the page.
    ///
    /// # Errors
    /// When it is not in time; the error shows the page's text.
    pub async fn shows(&mut self, expression: &str) -> Result<()> {
        if self.comes_to_show(expression, URL - HTTP).await? {
            return Ok(());
        }
        self.never_showed(expression).await
    }

    /// Goes to a page until an expression is true on it, and loads it again when it is
    /// not, as a person would: for pages of others.
    ///
    /// # Errors
    /// When it is not after a few times; the error shows the page's text.
    pub async fn finds(&mut self, url: &Url, expression: &str) -> Result<()> {
        for _ in 0..RELOADS {
            self.go_to(url).await?;
            if self.comes_to_show(expression, HTTP).await? {
                return Ok(());
            }
        }
        self.never_showed(expression).await
    }

    async fn comes_to_show(&mut self, expression: &str, within: Duration) -> Result<bool> {
        let watch = format!(
            "new Promise(done => {{
                const check = () => {{ if ({expression}) {{ observer.disconnect(); done(true) }} }};
                const observer = new MutationObserver(check);
                observer.observe(document, {{subtree: true, childList: true, characterData: true, attributes: true}});
                setTimeout(() => {{ observer.disconnect(); done(false) }}, {});
                check();
            }})",
            within.as_millis()
        );
        Ok(self.run(&watch).await? == true)
    }

    async fn never_showed(&mut self, expression: &str) -> Result<()> {
        let text = self.run("document.body.innerText").await?;
        bail!("the page never fulfilled {expression}; it says:\n{}", text.as_str().unwrap_or_default())
    }

    /// Keeps how the whole page looks, as `target/screenshots/<name>.png`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn screenshot(&mut self, name: &str) -> Result<()> {
        let layout = self.command("Page.getLayoutMetrics", json!({})).await?;
        let size = &layout["cssContentSize"];
        let page = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"]});
        let file = self.screenshots.join(format!("{name}.png"));
        self.capture(page, &file).await
    }

    /// Keeps how one element of the page looks.
    ///
    /// # Errors
    /// When there is no such element, or the file cannot be written.
    pub async fn picture(&mut self, selector: &str, file: &Path) -> Result<()> {
        let place = format!(
            "(() => {{ const box = document.querySelector({}).getBoundingClientRect();
                return {{x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height}} }})()",
            json!(selector)
        );
        let place = self.run(&place).await?;
        self.capture(place, file).await
    }

    async fn capture(&mut self, mut place: Value, file: &Path) -> Result<()> {
        place["scale"] = json!(1);
        let shot = self
            .command(
                "Page.captureScreenshot",
                json!({"format": "png", "captureBeyondViewport": true, "clip": place}),
            )
            .await?;
        let image = BASE64_STANDARD.decode(shot["data"].as_str().context("a screenshot has data")?)?;
        fs::write(file, image).with_context(|| file.display().to_string())
    }
}

/// The browser says on standard error where it listens.
async fn devtools_address(stderr: tokio::process::ChildStderr) -> Result<Url> {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix("DevTools listening on ") {
            let address = address.parse()?;
            // Nobody reads what it says from now on; but it must be able to say it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(address);
        }
        said.push(line);
    }
    bail!("the browser ended: {}", said.join("\n"))
}

async fn first_tab(devtools: &Url) -> Result<Url> {
    let address = devtools
        .host_str()
        .zip(devtools.port())
        .context("the browser listens somewhere")?;
    let client = reqwest::Client::builder().timeout(HTTP).no_proxy().build()?;
    let tabs: Vec<Value> = client
        .get(format!("http://{}:{}/json/list", address.0, address.1))
        .send()
        .await?
        .json()
        .await?;
    let tab = tabs.iter().find(|tab| tab["type"] == "page").context("a browser has a tab")?;
    Ok(tab["webSocketDebuggerUrl"]
        .as_str()
        .context("a tab can be spoken to")?
        .parse()?)
}
