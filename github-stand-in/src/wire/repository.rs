//! Repositories.

use serde_json::{Map, Value, json};

use super::{Wire, node_id, time};
use crate::model::{AccountKind, Repository};

/// Fields that are the repository's API address and a tail.
const URL_FIELDS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

impl Wire<'_> {
    pub(super) fn repository_url(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.urls.api, repository.full_name())
    }

    /// `repository`, as it stands inside other objects.
    pub(crate) fn repository(&self, repository: &Repository) -> Value {
        let url = self.repository_url(repository);
        let page = format!("{}/{}", self.urls.page, repository.full_name());
        let open_issues = repository.issues.values().filter(|issue| issue.is_open()).count();
        let created = time(repository.created_at);
        let mut fields: Map<String, Value> = URL_FIELDS
            .iter()
            .map(|(name, tail)| ((*name).to_owned(), format!("{url}{tail}").into()))
            .collect();
        let rest = json!({
            "id": repository.id,
            "node_id": node_id("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name(),
            "owner": self.user(&repository.owner),
            "private": repository.private,
            "visibility": if repository.private { "private" } else { "public" },
            "html_url": page,
            "description": null,
            "fork": repository.fork,
            "clone_url": format!("{page}.git"),
            "git_url": format!("{}.git", page.replacen("http", "git", 1)),
            "ssh_url": format!("git@localhost:{}.git", repository.full_name()),
            "svn_url": page,
            "mirror_url": null,
            "homepage": null,
            "language": "Python",
            "license": null,
            "default_branch": Repository::DEFAULT_BRANCH,
            "size": 8,
            "forks": 0,
            "forks_count": 0,
            "stargazers_count": 0,
            "watchers": 0,
            "watchers_count": 0,
            "open_issues": open_issues,
            "open_issues_count": open_issues,
            "created_at": created,
            "updated_at": created,
            "pushed_at": created,
        });
        for part in [settings(), rest] {
            if let Value::Object(part) = part {
                fields.extend(part);
            }
        }
        fields.into()
    }

    /// `full-repository`, the answer to a request for just this one.
    pub(crate) fn full_repository(&self, repository: &Repository) -> Value {
        let mut full = self.repository(repository);
        full["network_count"] = json!(0);
        full["subscribers_count"] = json!(0);
        full["permissions"] =
            json!({"admin": false, "maintain": false, "push": false, "triage": false, "pull": true});
        if self
            .state
            .account(&repository.owner)
            .is_some_and(|owner| owner.kind == AccountKind::Organization)
        {
            full["organization"] = self.user(&repository.owner);
        }
        full
    }
}

/// What nobody changed since the repository was created.
fn settings() -> Value {
    json!({
        "archived": false,
        "disabled": false,
        "is_template": false,
        "topics": [],
        "has_issues": true,
        "has_projects": false,
        "has_wiki": false,
        "has_pages": false,
        "has_downloads": true,
        "has_discussions": false,
        "allow_forking": true,
        "allow_auto_merge": false,
        "allow_merge_commit": true,
        "allow_rebase_merge": true,
        "allow_squash_merge": true,
        "allow_update_branch": false,
        "delete_branch_on_merge": false,
        "use_squash_pr_title_as_default": false,
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
        "web_commit_signoff_required": false,
    })
}
