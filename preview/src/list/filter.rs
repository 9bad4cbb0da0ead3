//! Which previews are asked for, as a query that Temporal understands.

use clap::Args;
use domain::{Login, PullRequestNumber, Repository, preview::Phase};
use workflows::search_attributes::{PHASE, PULL_REQUEST, REPOSITORY, REQUESTED_BY, quoted};

/// All that is given has to fit.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only of this repository, as GitHub spells it.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<Repository>,

    /// Only of the pull request with this number.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pull_request: Option<PullRequestNumber>,

    /// Only in this phase: Requested, Provisioning, Installing, Starting, WaitingForImage, Ready, Expiring,
    /// TearingDown.
    #[arg(long, value_name = "PHASE", value_parser = phase, conflicts_with = "failed")]
    phase: Option<Phase>,

    /// Only those that this person asked for.
    #[arg(long, value_name = "LOGIN")]
    requested_by: Option<Login>,

    /// Those that could not be deployed and were not asked for again, in place of the open ones: the dead
    /// letters.
    #[arg(long)]
    pub(super) failed: bool,
}

impl Filter {
    /// Temporal's visibility query.
    pub(super) fn query(&self, task_queue: &str) -> String {
        let status = if self.failed { "Failed" } else { "Running" };
        let conditions = [
            Some(format!("TaskQueue = {}", quoted(task_queue))),
            Some("WorkflowType = 'PreviewWorkflow'".to_owned()),
            Some(format!("ExecutionStatus = '{status}'")),
            self.repository
                .as_ref()
                .map(|it| format!("{} = {}", REPOSITORY.name(), quoted(&it.to_string()))),
            self.pull_request.map(|it| format!("{} = {it}", PULL_REQUEST.name())),
            self.phase.map(|it| format!("{} = '{it}'", PHASE.name())),
            self.requested_by
                .as_ref()
                .map(|it| format!("{} = {}", REQUESTED_BY.name(), quoted(it.as_str()))),
        ];
        conditions.into_iter().flatten().collect::<Vec<_>>().join(" AND ")
    }

    /// What a person is told in place of an empty table.
    pub(super) fn nothing_found(&self) -> &'static str {
        let is_narrowed = self.repository.is_some()
            || self.pull_request.is_some()
            || self.phase.is_some()
            || self.requested_by.is_some();
        match (self.failed, is_narrowed) {
            (false, false) => "No preview is open.",
            (false, true) => "No open preview fits.",
            (true, false) => "No preview has failed that was not asked for again.",
            (true, true) => "No failed preview fits.",
        }
    }
}

fn number(text: &str) -> Result<PullRequestNumber, String> {
    let number = text.parse().ok().and_then(PullRequestNumber::new);
    number.ok_or_else(|| "expected the number of a pull request".to_owned())
}

fn phase(text: &str) -> Result<Phase, String> {
    let named = Phase::OPEN.into_iter().find(|phase| phase.as_str().eq_ignore_ascii_case(text));
    named.ok_or_else(|| format!("expected one of {}", Phase::OPEN.map(Phase::as_str).join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        filter: Filter,
    }

    fn query(arguments: &[&str]) -> Result<String, clap::Error> {
        let program = Program::try_parse_from(["program"].iter().chain(arguments))?;
        Ok(program.filter.query("previews"))
    }

    #[test]
    fn all_that_is_given_has_to_fit() {
        insta::assert_snapshot!(query(&[]).expect("a filter"), @"TaskQueue = 'previews' AND WorkflowType = 'PreviewWorkflow' AND ExecutionStatus = 'Running'");
        let narrow =
            ["--repository=octo-org/shop", "--pull-request=12", "--phase=ready", "--requested-by=mona"];
        insta::assert_snapshot!(query(&narrow).expect("a filter"), @"TaskQueue = 'previews' AND WorkflowType = 'PreviewWorkflow' AND ExecutionStatus = 'Running' AND PreviewRepository = 'octo-org/shop' AND PreviewPullRequest = 12 AND PreviewPhase = 'Ready' AND PreviewRequestedBy = 'mona'");
        assert!(query(&["--failed"]).expect("a filter").ends_with("ExecutionStatus = 'Failed'"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (argument, complaint) in [
            ("--repository=shop", "expected `owner/name`"),
            ("--pull-request=0", "expected the number"),
            ("--phase=Failed", "WaitingForImage"),
            ("--requested-by=not a login", "not a login"),
        ] {
            let error = query(&[argument]).expect_err(argument).to_string();
            assert!(error.contains(complaint), "{error}");
        }
        query(&["--failed", "--phase=Ready"]).expect_err("a failed preview has no other phase");
    }
}
