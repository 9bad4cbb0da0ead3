//! Somebody who may do nothing writes a great many comments.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use github_stand_in::User;
use stack::temporal::LONG_HISTORY;
use tests::{Conversation, PullRequest, Setting, converse};

/// How many comments arrive at the same moment.
const AT_ONCE: usize = 20;

async fn runs(chat: &Conversation, pull: &PullRequest) -> Result<usize> {
    let condition = format!("WorkflowId = '{}'", pull.github);
    Ok(chat.workflows.such_that(&condition).await?.len())
}

#[test]
fn a_flood_of_comments_costs_nobody_anything_and_makes_the_conversation_go_on_in_a_new_run_that_remembers() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let (first, _) = pull.comment(&User::writer(), "/preview").await?;
        let first = first.delivery.context("GitHub told of the comment")?;
        let preview = pull.shows_url().await?;
        let (run, sticky) = (preview.run_id().await?, pull.sticky()?.id);

        let otto = User::outsider();
        let mut comments = 0;
        while runs(chat, &pull).await? == 1 {
            let flood = (0..AT_ONCE).map(|_| pull.asks(&otto, "/preview stop"));
            try_join_all(flood).await?;
            comments += AT_ONCE;
            assert!(comments < LONG_HISTORY, "each is at least one event");
        }

        // The new run knows what the old one knew: the preview, the comment, and what was asked.
        let status = pull.hears(&User::writer(), "/preview status").await?;
        assert!(status.contains(preview.url()?.as_str()), "{status}");
        assert!(chat.github.redeliver(&first), "GitHub knows the delivery");
        pull.outcome_of(&first).await?;
        pull.asks(&User::writer(), "/preview stop").await?;
        pull.says("stopped").await?;
        assert_eq!(preview.run_id().await?, run, "nothing was started anew");
        assert_eq!(pull.sticky()?.id, sticky);
        let refusals = pull.replies().len() - 1;
        assert_eq!(refusals, 1, "one person is refused once: {:#?}", pull.replies());
        Ok(())
    });
}
