//! The search attributes by which people and the sweep find previews in Temporal.

use domain::{PullRequestRef, RepositoryId};
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributeUpdate, Timestamp};

/// `owner/repo`.
pub const REPOSITORY: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewRepository");
/// The repository's number, which a rename or a transfer does not change.
pub const REPOSITORY_ID: SearchAttributeKey<i64> = SearchAttributeKey::int("PreviewRepositoryId");
/// The pull request's number.
pub const PULL_REQUEST: SearchAttributeKey<i64> = SearchAttributeKey::int("PreviewPullRequest");
/// All 40 digits of the commit.
pub const COMMIT: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewCommit");
/// See [`Phase`](domain::preview::Phase).
pub const PHASE: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewPhase");
/// When the preview will be removed, from the moment it is ready.
pub const EXPIRES_AT: SearchAttributeKey<Timestamp> = SearchAttributeKey::datetime("PreviewExpiresAt");
/// The login of the person who asked.
pub const REQUESTED_BY: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewRequestedBy");

/// Of which pull request a workflow is: its own, or a preview's.
pub(crate) fn of_pull_request(
    pull_request: &PullRequestRef,
    repository_id: Option<RepositoryId>,
) -> impl Iterator<Item = SearchAttributeUpdate> + use<> {
    let attributes = [
        REPOSITORY.value_set(pull_request.repository.to_string()),
        PULL_REQUEST.value_set(i64::from(pull_request.number)),
    ];
    let known_only = repository_id.map(|id| REPOSITORY_ID.value_set(id.into()));
    attributes.into_iter().chain(known_only)
}

/// A text of the visibility query language.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The visibility query that finds what is open of a pull request on a task queue: its workflow, whatever the
/// repository was called when it began, and its previews, those that were started by hand too. A repository
/// that was given an earlier one's name is another one.
#[must_use]
pub fn open_workflows(
    pull_request: &PullRequestRef,
    repository_id: Option<RepositoryId>,
    task_queue: &str,
) -> String {
    let which = of_this(pull_request, repository_id, task_queue);
    format!("ExecutionStatus = 'Running' AND {which}")
}

/// The visibility query that finds what may attend to a pull request: what is open of it, and those of its
/// workflows that went on in a new run. Lists show that one a moment later, and its predecessor as closed.
#[must_use]
pub fn open_or_continued_workflows(
    pull_request: &PullRequestRef,
    repository_id: Option<RepositoryId>,
    task_queue: &str,
) -> String {
    let which = of_this(pull_request, repository_id, task_queue);
    format!("ExecutionStatus IN ('Running', 'ContinuedAsNew') AND {which}")
}

fn of_this(pull_request: &PullRequestRef, repository_id: Option<RepositoryId>, task_queue: &str) -> String {
    let number = pull_request.number;
    let by_name = format!("{} = {}", REPOSITORY.name(), quoted(&pull_request.repository.to_string()));
    let which = match repository_id {
        Some(id) => {
            let key = REPOSITORY_ID.name();
            format!("({key} = {id} OR ({by_name} AND {key} IS NULL))")
        }
        None => by_name,
    };
    format!("TaskQueue = {} AND {} = {number} AND {which}", quoted(task_queue), PULL_REQUEST.name())
}

#[cfg(test)]
mod tests {
    use domain::{InstallationId, PullRequestNumber};

    use super::*;

    #[test]
    fn what_is_open_is_found_by_the_repositorys_number_and_by_its_name() {
        let pull_request = PullRequestRef {
            installation: InstallationId(5),
            repository: "octo-org/hello-world".parse().expect("a repository"),
            number: PullRequestNumber::new(12).expect("a number"),
        };
        assert_eq!(
            open_workflows(&pull_request, Some(RepositoryId(77)), "previews"),
            "ExecutionStatus = 'Running' AND TaskQueue = 'previews' AND PreviewPullRequest = 12 AND \
             (PreviewRepositoryId = 77 OR (PreviewRepository = 'octo-org/hello-world' AND PreviewRepositoryId IS NULL))"
        );
        assert!(!open_workflows(&pull_request, None, "previews").contains("OR"));
    }

    #[test]
    fn a_text_stays_within_its_quotes() {
        assert_eq!(quoted(r"it's a \"), r"'it\'s a \\'");
    }
}
