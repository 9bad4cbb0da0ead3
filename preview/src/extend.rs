//! `preview extend`: more time for a preview.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use domain::{PreviewId, Ttl};
use jiff::Timestamp;
use runtime::TemporalSettings;
use temporalio_client::{Client, WorkflowHandle, WorkflowSignalOptions};
use tokio::time::{Instant, sleep};
use workflows::{PreviewWorkflow, preview::PreviewStatus};

use crate::{
    connection,
    find::{self, Wanted},
    query, signal,
    target::{Target, short_name},
    time,
};

/// For the preview's answer. Without a worker there is none.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two questions.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Which, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The preview as `preview list` shows it, or its pull request if only one preview of it is open.
    #[arg(value_name = "PREVIEW | PULL REQUEST")]
    target: Target,

    /// How much longer: 30m, 2h, 1h30m. No preview lives longer than its maximum lifetime.
    #[arg(value_name = "DURATION")]
    by: Ttl,

    #[command(flatten)]
    temporal: TemporalSettings,
}

/// Sends the signal, and says what the preview makes of it.
///
/// # Errors
/// If no such preview is open, or Temporal does not answer.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let temporal = connection::open(&options.temporal).await?;
    let queue = &options.temporal.preview_task_queue;
    let preview = find::one(&temporal, queue, &options.target, Wanted::Open).await?;
    let (before, after) = by(&temporal, &preview, options.by).await?;
    let name = short_name(&preview);
    println!("{}", in_words(&name, before.as_ref(), after.as_ref(), Timestamp::now()));
    Ok(ExitCode::SUCCESS)
}

/// Sends the signal; returns what the preview says of itself before and after, if it does.
///
/// # Errors
/// If it is not open, or Temporal does not answer.
pub(crate) async fn by(
    temporal: &Client,
    preview: &PreviewId,
    more: Ttl,
) -> anyhow::Result<(Option<PreviewStatus>, Option<PreviewStatus>)> {
    let handle = temporal.get_workflow_handle::<PreviewWorkflow>(preview.to_string());
    let before = status(&handle).await;
    let signal = handle.signal(PreviewWorkflow::extend_ttl, more.into(), WorkflowSignalOptions::default());
    signal::taken(signal.await, &short_name(preview))?;
    let after = changed(&handle, before.as_ref()).await;
    Ok((before, after))
}

/// None if nobody answers.
async fn status(handle: &WorkflowHandle<Client, PreviewWorkflow>) -> Option<PreviewStatus> {
    handle.query(PreviewWorkflow::status, (), query::within(ANSWER)).await.ok()
}

/// The status once its end has moved; the last one if it does not.
async fn changed(
    handle: &WorkflowHandle<Client, PreviewWorkflow>,
    before: Option<&PreviewStatus>,
) -> Option<PreviewStatus> {
    let before = before?;
    let deadline = Instant::now() + ANSWER;
    loop {
        let after = status(handle).await?;
        let is_settled = before.expires_at.is_none() || after.expires_at != before.expires_at;
        if is_settled || Instant::now() > deadline {
            return Some(after);
        }
        sleep(ASK_AGAIN).await;
    }
}

fn in_words(
    name: &str,
    before: Option<&PreviewStatus>,
    after: Option<&PreviewStatus>,
    now: Timestamp,
) -> String {
    let Some(after) = after else {
        return format!(
            "{name} has been told, and no worker answers for it yet; `preview explain {name}` says what it waits for"
        );
    };
    match after.expires_at {
        None => format!("{name} is not ready yet; it will have that much more time from then on"),
        Some(until) => {
            let (at, left) = (time::minute(until), time::short(now.duration_until(until)));
            if before.and_then(|before| before.expires_at) == Some(until) {
                format!("{name} ends at {at}, in {left}, as before: it cannot live longer")
            } else {
                format!("{name} now ends at {at}, in {left}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::preview::Phase;

    use super::*;
    use crate::page;

    fn until(text: Option<&str>) -> PreviewStatus {
        PreviewStatus {
            phase: Phase::Ready,
            url: None,
            expires_at: text.map(|text| text.parse().expect("a timestamp")),
            ignored_signals: Vec::new(),
        }
    }

    #[test]
    fn a_person_is_told_what_became_of_it() {
        let now = "2026-11-26T12:00:00Z".parse().expect("a timestamp");
        let (early, late) = (until(Some("2026-11-26T12:10:00Z")), until(Some("2026-11-26T12:40:00Z")));
        let told = [
            in_words("octo-org/shop#12:4f2d9c0", Some(&early), Some(&late), now),
            in_words("octo-org/shop#12:4f2d9c0", Some(&late), Some(&late), now),
            in_words("octo-org/shop#12:4f2d9c0", Some(&until(None)), Some(&until(None)), now),
            in_words("octo-org/shop#12:4f2d9c0", None, None, now),
        ];
        page::assert_shows(&told[0]);
        insta::assert_snapshot!(told.join("\n"));
    }
}
