//! Issues, pull requests, comments and reactions.

use serde_json::{Value, json};

use super::{Wire, href, node_id, time};
use crate::model::{Comment, Issue, PullRequest, Reaction, Repository};

/// GitHub's reactions, in its order.
const REACTIONS: &[&str] = &["+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket"];

impl Wire<'_> {
    pub(crate) fn issue_page(&self, repository: &Repository, issue: &Issue) -> String {
        let kind = if issue.pull_request.is_some() { "pull" } else { "issues" };
        format!("{}/{}/{kind}/{}", self.urls.page, repository.full_name(), issue.number)
    }

    /// `issue`, as it stands in a webhook payload.
    pub(super) fn issue(&self, repository: &Repository, issue: &Issue) -> Value {
        let repository_url = self.repository_url(repository);
        let url = format!("{repository_url}/issues/{}", issue.number);
        let page = self.issue_page(repository, issue);
        let mut json = json!({
            "url": url,
            "repository_url": repository_url,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": page,
            "id": issue.id,
            "node_id": node_id("I", issue.id),
            "number": issue.number,
            "title": issue.title,
            "user": self.user(&issue.author),
            "labels": [],
            "state": issue.state(),
            "state_reason": null,
            "locked": issue.locked,
            "active_lock_reason": null,
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "comments": issue.visible_comments().count(),
            "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at),
            "closed_at": issue.closed_at.map(time),
            "author_association": self.state.association(repository, &issue.author),
            "body": issue.body,
            "reactions": Self::reactions(&url, &[]),
            "performed_via_github_app": null,
        });
        if let Some(pull) = &issue.pull_request {
            json["draft"] = json!(pull.draft);
            json["pull_request"] = json!({
                "url": format!("{repository_url}/pulls/{}", issue.number),
                "html_url": page,
                "diff_url": format!("{page}.diff"),
                "patch_url": format!("{page}.patch"),
                "merged_at": pull.merge.as_ref().map(|merge| time(merge.at)),
            });
        }
        json
    }

    /// `pull-request`.
    pub(crate) fn pull(&self, repository: &Repository, issue: &Issue, pull: &PullRequest) -> Value {
        let repository_url = self.repository_url(repository);
        let url = format!("{repository_url}/pulls/{}", issue.number);
        let issue_url = format!("{repository_url}/issues/{}", issue.number);
        let page = self.issue_page(repository, issue);
        let statuses_url = format!("{repository_url}/statuses/{}", pull.head_sha());
        let merge = pull.merge.as_ref();
        let mut json = json!({
            "url": url,
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "issue_url": issue_url,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{repository_url}/pulls/comments{{/number}}"),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": statuses_url,
            "number": issue.number,
            "state": issue.state(),
            "locked": issue.locked,
            "title": issue.title,
            "user": self.user(&issue.author),
            "body": issue.body,
            "labels": [],
            "milestone": null,
            "active_lock_reason": null,
            "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at),
            "closed_at": issue.closed_at.map(time),
            "merged_at": merge.map(|merge| time(merge.at)),
            "merge_commit_sha": merge.map(|merge| &merge.sha),
            "assignee": null,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self.head(repository, pull),
            "base": self.branch(repository, &pull.base_branch, &pull.base_sha),
            "_links": {
                "self": href(&url),
                "html": href(&page),
                "issue": href(&issue_url),
                "comments": href(&format!("{issue_url}/comments")),
                "review_comments": href(&format!("{url}/comments")),
                "review_comment": href(&format!("{repository_url}/pulls/comments{{/number}}")),
                "commits": href(&format!("{url}/commits")),
                "statuses": href(&statuses_url),
            },
            "author_association": self.state.association(repository, &issue.author),
            "auto_merge": null,
            "draft": pull.draft,
        });
        let details = json!({
            "merged": merge.is_some(),
            "mergeable": merge.is_none().then_some(true),
            "rebaseable": merge.is_none().then_some(true),
            "mergeable_state": if merge.is_some() { "unknown" } else { "clean" },
            "merged_by": merge.map(|merge| self.user(&merge.by)),
            "comments": issue.visible_comments().count(),
            "review_comments": 0,
            "maintainer_can_modify": pull.fork.is_some(),
            "commits": pull.commits.len(),
            "additions": pull.diff.additions,
            "deletions": pull.diff.deletions,
            "changed_files": pull.diff.changed_files,
        });
        if let (Value::Object(json), Value::Object(details)) = (&mut json, details) {
            json.extend(details);
        }
        json
    }

    fn head(&self, repository: &Repository, pull: &PullRequest) -> Value {
        match &pull.fork {
            None => self.branch(repository, &pull.head_branch, pull.head_sha()),
            Some((owner, name)) => match self.state.repository(owner, name) {
                Some(fork) => self.branch(fork, &pull.head_branch, pull.head_sha()),
                // A fork that was deleted under its pull request: GitHub says null.
                None => json!({
                    "label": format!("{owner}:{}", pull.head_branch),
                    "ref": pull.head_branch,
                    "sha": pull.head_sha(),
                    "user": self.user(owner),
                    "repo": null,
                }),
            },
        }
    }

    fn branch(&self, repository: &Repository, name: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{name}", repository.owner),
            "ref": name,
            "sha": sha,
            "user": self.user(&repository.owner),
            "repo": self.repository(repository),
        })
    }

    /// `issue-comment`.
    pub(crate) fn comment(&self, repository: &Repository, issue: &Issue, comment: &Comment) -> Value {
        let repository_url = self.repository_url(repository);
        let url = format!("{repository_url}/issues/comments/{}", comment.id);
        json!({
            "url": url,
            "html_url": format!("{}#issuecomment-{}", self.issue_page(repository, issue), comment.id),
            "issue_url": format!("{repository_url}/issues/{}", issue.number),
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "user": self.user(&comment.author),
            "created_at": time(comment.created_at()),
            "updated_at": time(comment.latest().at),
            "body": comment.latest().body,
            "author_association": self.state.association(repository, &comment.author),
            "reactions": Self::reactions(&url, &comment.reactions),
            "performed_via_github_app": comment.via_app.then(|| self.app_by_bot(&comment.author)),
        })
    }

    fn reactions(of: &str, reactions: &[Reaction]) -> Value {
        let count = |content: &str| reactions.iter().filter(|reaction| reaction.content == content).count();
        let mut json = json!({ "url": format!("{of}/reactions"), "total_count": reactions.len() });
        for content in REACTIONS {
            json[*content] = json!(count(content));
        }
        json
    }

    /// `reaction`.
    pub(crate) fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": node_id("REA", reaction.id),
            "user": self.user(&reaction.author),
            "content": reaction.content,
            "created_at": time(reaction.at),
        })
    }
}
