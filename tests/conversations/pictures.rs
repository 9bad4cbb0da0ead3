//! What the texts look like on a pull request: takes the pictures of `docs/comment.md` anew.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use github_stand_in::{Comment, User};
use serde_json::json;
use tests::{Browser, Conversation, PullRequest, Setting, converse};

use crate::{newer_commit::BROKEN, sweep::remove_orphans};

/// A browser, and where its pictures go.
struct Camera {
    browser: Browser,
    folder: PathBuf,
}

impl Camera {
    async fn new() -> Result<Self> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let folder = project.unwrap_or(Path::new("/")).join("docs/images/comment");
        fs::create_dir_all(&folder)?;
        Ok(Self { browser: Browser::open().await?, folder })
    }

    /// Takes the pull request's one comment as soon as it says this.
    async fn sticky(&mut self, pull: &PullRequest, says: &str, name: &str) -> Result<()> {
        let comment = pull.says(says).await?;
        self.take(pull, &comment, says, name).await
    }

    /// Has somebody ask something, and takes the answer.
    async fn reply(&mut self, pull: &PullRequest, (who, asks): (&User, &str), name: &str) -> Result<()> {
        let asked = pull.asks(who, asks).await?;
        let reply = pull.reply_to(&asked).await?;
        self.take(pull, &reply, who.login(), name).await
    }

    async fn take(&mut self, pull: &PullRequest, comment: &Comment, says: &str, name: &str) -> Result<()> {
        let selector = format!("#issuecomment-{}", comment.id);
        self.browser.go_to(&pull.github.url()).await?;
        let shown =
            format!("document.querySelector({})?.innerText.includes({})", json!(selector), json!(says));
        self.browser.shows(&shown).await?;
        let unfold = "document.querySelectorAll('details').forEach(it => it.open = true)";
        self.browser.run(unfold).await?;
        let file = self.folder.join(format!("{name}.png"));
        self.browser.picture(&selector, &file).await
    }
}

async fn on_the_way_and_ready(chat: &Conversation, camera: &mut Camera) -> Result<()> {
    let (pull, mona) = (chat.pull_request_without_image().await?, User::writer());
    pull.request_preview().await?;
    camera.sticky(&pull, "Deployment requested!", "requested").await?;
    camera
        .sticky(&pull, "Waiting for this commit's image", "waiting-for-image")
        .await?;
    pull.build_image().await?;
    camera.sticky(&pull, "is ready", "ready").await?;
    for (who, asks, name) in [
        (User::maintainer(), "/preview", "reply-exists"),
        (User::reader(), "/preview", "reply-refused"),
        (mona.clone(), "/preview exten 30m", "reply-typo"),
        (mona.clone(), "/preview extend soon", "reply-duration"),
        (mona.clone(), "/preview status", "reply-status"),
        (mona.clone(), "/preview help", "reply-help"),
    ] {
        camera.reply(&pull, (&who, asks), name).await?;
    }

    pull.github.push([BROKEN]).await?;
    pull.request_preview().await?;
    camera.sticky(&pull, "It stays until", "newer").await?;
    pull.build_image().await?;
    camera.sticky(&pull, "has been removed", "newer-failed").await?;
    chat.configure("ttl: 1h\nredeploy: true\n").await?;
    camera.reply(&pull, (&mona, "/preview"), "reply-misconfigured").await?;
    chat.configure("").await?;
    pull.asks(&mona, "/preview stop").await?;
    pull.comes_to_say("nothing is live", |said| !said.contains("is live")).await?;
    camera.sticky(&pull, "has been removed", "failed").await
}

async fn endings(chat: &Conversation, camera: &mut Camera) -> Result<()> {
    let (pull, mona) = (chat.pull_request().await?, User::writer());
    pull.asks(&mona, "/preview --ttl 1m").await?;
    camera.sticky(&pull, "That is soon", "expiring").await?;
    camera.sticky(&pull, "expired", "expired").await?;

    pull.asks(&mona, "/preview").await?;
    pull.says("is ready").await?;
    pull.asks(&mona, "/preview stop\n/preview").await?;
    camera.sticky(&pull, "Queued", "queued").await?;
    let preview = pull.shows_url().await?;
    pull.asks(&User::admin(), "/preview stop").await?;
    camera.sticky(&pull, "stopped", "stopped").await?;
    preview.is_over().await?;

    let merged = chat.pull_request().await?;
    let preview = merged.previewed().await?;
    merged.github.merge().await?;
    camera.sticky(&merged, "was merged", "merged").await?;
    preview.is_over().await?;

    let pull = chat.pull_request().await?;
    let preview = pull.previewed().await?;
    chat.stack.cancel(&preview.id.to_string()).await?;
    camera.sticky(&pull, "gone: it was cancelled", "cancelled").await?;
    preview.gone().await?;

    let pull = chat.pull_request().await?;
    let preview = pull.previewed().await?;
    chat.stack.terminate(&preview.id.to_string()).await?;
    camera.sticky(&pull, "terminated", "terminated").await?;
    remove_orphans(chat).await?;
    preview.gone().await
}

#[test]
#[ignore = "changes files of the project: cargo dev test -- --ignored pictures"]
fn pictures_of_every_text() {
    let setting = Setting::default().worker("SWEEP_GRACE", "1s");
    converse(setting, async |chat| {
        chat.repository = chat.github.repository_named("octo-org", "hello-world", false).await?;
        let mut camera = Camera::new().await?;
        on_the_way_and_ready(chat, &mut camera).await?;
        endings(chat, &mut camera).await
    });
}
