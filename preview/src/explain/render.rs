//! What a person reads.

use std::fmt::Write as _;

use domain::preview::{Ending, PreviewState};
use jiff::Timestamp;
use temporalio_client::WorkflowExecutionStatus;

use super::{
    advice,
    facts::{Explained, Pending, Preview, Workflow},
    words,
};
use crate::{target::short_name, time};

/// The labels' column.
const LABEL: usize = 14;

/// One paragraph for the conversation, and one for each preview.
pub(super) fn text(explained: &Explained, now: Timestamp) -> String {
    let conversation = explained.conversation.iter().map(|workflow| conversation(workflow, now));
    let previews = explained.previews.iter().map(|found| preview(found, now));
    let mut paragraphs: Vec<_> = conversation.chain(previews).collect();
    if explained.left_out > 0 {
        paragraphs.push(format!("{} older previews are not shown.\n", explained.left_out));
    }
    paragraphs.join("\n")
}

fn conversation(workflow: &Workflow, now: Timestamp) -> String {
    let mut fields = Fields::new(&workflow.id);
    fields.add("conversation", [life(workflow, now)]);
    fields.add_workflow(workflow, now);
    fields.add("next", advice::about_workflow(workflow));
    fields.text
}

fn preview(found: &Preview, now: Timestamp) -> String {
    let mut fields = Fields::new(&short_name(&found.preview));
    fields.add("commit", [found.preview.commit.to_string()]);
    fields.add("asked for by", found.requested_by.clone());
    let (state, log) = state(found, now);
    fields.add("state", [state]);
    fields.add("last lines", log);
    fields.add("workflow", [life(&found.workflow, now)]);
    fields.add_workflow(&found.workflow, now);
    fields.add("next", advice::about_preview(found, now));
    fields.text
}

/// And the log that belongs to it.
fn state(found: &Preview, now: Timestamp) -> (String, Option<String>) {
    match (&found.ending, &found.report) {
        (Some(Ending::Failed(explanation)), _) => {
            (format!("could not be deployed: {}", explanation.summary), explanation.log_tail.clone())
        }
        (Some(Ending::Stopped(because)), _) => (format!("gone: {}", words::reason(because)), None),
        (None, Some(report)) => {
            let log = match &report.state {
                PreviewState::Failing { explanation } => explanation.log_tail.clone(),
                _ => None,
            };
            (words::state(&report.state, now), log)
        }
        (None, None) => {
            let phase = found.phase.as_deref().unwrap_or("unknown");
            let until = found.expires_at.map(|at| format!(", {}", words::left(now, at)));
            (format!("{phase}, by Temporal's records{}", until.unwrap_or_default()), None)
        }
    }
}

fn life(workflow: &Workflow, now: Timestamp) -> String {
    let since = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| time::short(at.duration_until(now)));
    let run = &workflow.run_id;
    if workflow.is_open() {
        let state = if workflow.status == WorkflowExecutionStatus::Paused {
            "paused"
        } else {
            "open"
        };
        return format!("{state}, for {} (run {run})", since(workflow.started_at));
    }
    format!("{:?} {} ago (run {run})", workflow.status, since(workflow.ended_at)).to_lowercase()
}

fn pending(activity: &Pending, now: Timestamp) -> String {
    let mut text = activity.activity.clone();
    if activity.attempt > 1 {
        let _ = write!(text, ", attempt {}", activity.attempt);
    }
    if let Some(next) = activity.next_attempt_at.filter(|next| *next > now) {
        let _ = write!(text, ", tried again in {}", time::short(now.duration_until(next)));
    }
    if let Some(failure) = &activity.last_failure {
        let _ = write!(text, "\nfailed: {failure}");
    }
    text
}

/// A paragraph: a head, and fields with their labels.
struct Fields {
    text: String,
}

impl Fields {
    fn new(head: &str) -> Self {
        Self { text: format!("{head}\n") }
    }

    fn add_workflow(&mut self, workflow: &Workflow, now: Timestamp) {
        self.add("under way", workflow.pending.iter().map(|activity| pending(activity, now)));
        self.add("problems", workflow.problems.clone());
        self.add("no answer", workflow.silent.clone());
        self.add("ignored", workflow.ignored_signals.clone());
    }

    /// The label stands before the first line only; without a value there is no field.
    fn add(&mut self, label: &str, values: impl IntoIterator<Item = String>) {
        let mut label = label;
        for value in values {
            for line in value.lines() {
                let line = format!("  {label:LABEL$}{line}");
                self.text.push_str(line.trim_end());
                self.text.push('\n');
                label = "";
            }
        }
    }
}

#[cfg(test)]
mod tests;
