//! What somebody needs to see who has to find out why a conversation failed.

use std::fmt::Write;

use crate::Conversation;

/// Longest part of one comment or answer that is shown, in characters.
const EXCERPT: usize = 1_500;

/// Comments, deliveries, workflows, namespaces and logs, as far as they can still be had.
pub(crate) async fn of(conversation: &Conversation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, conversation).await;
    text
}

async fn write_all(out: &mut String, conversation: &Conversation) -> std::fmt::Result {
    let Conversation { github, webhook, worker, workflows, .. } = conversation;
    writeln!(out, "\n== Comments")?;
    for pull in github.conversations() {
        for comment in pull.comments() {
            writeln!(
                out,
                "{pull} {} at {}:\n{}",
                comment.author,
                comment.updated_at,
                indented(&comment.body)
            )?;
        }
    }
    writeln!(out, "== Deliveries")?;
    for delivery in github.deliveries() {
        let action = delivery.action.unwrap_or_default();
        match delivery.outcome {
            Some(outcome) => {
                let body = indented(&outcome.body);
                writeln!(
                    out,
                    "{} {action} {}: {} {} after {:?}\n{body}",
                    delivery.event, delivery.guid, outcome.status_code, outcome.status, outcome.duration
                )?;
            }
            None => writeln!(out, "{} {action} {}: no answer yet", delivery.event, delivery.guid)?,
        }
    }
    writeln!(
        out,
        "== Violations of GitHub's description\n{:#?}\n== Traffic\n{:#?}",
        github.violations(),
        github.traffic()
    )?;
    writeln!(out, "== Workflows")?;
    match workflows.summaries().await {
        Ok(summaries) => summaries.iter().try_for_each(|summary| writeln!(out, "{summary}"))?,
        Err(error) => writeln!(out, "{error:#}")?,
    }
    writeln!(out, "== Namespaces\n{:?}", conversation.namespaces().await)?;
    for service in [webhook, worker] {
        writeln!(out, "== The end of {}\n{}", service.log().display(), service.last_words())?;
    }
    Ok(())
}

fn indented(text: &str) -> String {
    let excerpt: String = text.chars().take(EXCERPT).collect();
    excerpt.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
