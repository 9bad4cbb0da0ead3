//! May this be? A pure function of what GitHub says, so that every answer can be tested.

use github::{PullRequest, PullRequestState, Role};
use workflows::{
    activities::{Notice, Refusal},
    vocabulary::{PreviewId, PreviewRequest, Ttl},
};

use crate::{event::Comment, outcome::Ignored};

/// What every preview is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long it lives.
    pub ttl: Ttl,
    /// How long it may live at the most, extensions included.
    pub max_lifetime: Ttl,
}

/// What becomes of a request for a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is started.
    Start(PreviewRequest),
    /// It is not, and the requester is told why.
    Refuse(Notice),
    /// It is not, and nobody is told.
    Ignore(Ignored),
}

/// Decides on a comment that asks for a preview.
#[must_use]
pub fn decide(comment: &Comment, pull_request: &PullRequest, role: &Role, terms: Terms) -> Verdict {
    let refuse = |reason| {
        Verdict::Refuse(Notice {
            pull_request: comment.pull_request.clone(),
            comment_id: comment.id,
            requested_by: comment.author.as_str().to_owned(),
            reason,
        })
    };
    // Whoever may not deploy is told so first: what else stands in the way is no business of theirs.
    if !role.may_deploy() {
        return refuse(Refusal::NoWriteAccess);
    }
    if pull_request.state != PullRequestState::Open {
        return refuse(Refusal::NotOpen);
    }
    // A locked conversation is one that nobody wants to hear more in, our answer included.
    if pull_request.locked {
        return Verdict::Ignore(Ignored::Locked);
    }
    if pull_request.from_fork {
        return refuse(Refusal::Fork);
    }
    Verdict::Start(PreviewRequest {
        preview: PreviewId {
            repository: comment.pull_request.repository.clone(),
            pull_request: comment.pull_request.number,
            commit: pull_request.head.clone(),
        },
        installation: comment.pull_request.installation,
        comment: comment.id,
        requested_by: comment.author.as_str().to_owned(),
        ttl: terms.ttl,
        max_lifetime: terms.max_lifetime,
    })
}

#[cfg(test)]
mod tests {
    use workflows::vocabulary::{CommentId, InstallationId, PullRequestNumber, PullRequestRef};

    use super::*;

    const TERMS: Terms = Terms {
        ttl: Ttl::DEFAULT,
        max_lifetime: Ttl::DEFAULT_MAXIMUM,
    };

    fn comment() -> Comment {
        Comment {
            pull_request: PullRequestRef {
                installation: InstallationId(5),
                repository: "octo-org/hello-world".parse().expect("a repository"),
                number: PullRequestNumber::new(12).expect("a number"),
            },
            id: CommentId(77),
            author: "mona".to_owned().try_into().expect("a login"),
            body: "/preview".to_owned(),
        }
    }

    fn open() -> PullRequest {
        PullRequest {
            head: "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("a commit"),
            from_fork: false,
            base_branch: "main".to_owned(),
            state: PullRequestState::Open,
            draft: false,
            locked: false,
            html_url: "https://github.com/octo-org/hello-world/pull/12"
                .parse()
                .expect("an address"),
        }
    }

    fn refusal(pull_request: &PullRequest, role: &Role) -> Option<Refusal> {
        match decide(&comment(), pull_request, role, TERMS) {
            Verdict::Refuse(notice) => Some(notice.reason),
            Verdict::Start(_) | Verdict::Ignore(_) => None,
        }
    }

    #[test]
    fn a_writer_gets_the_newest_commit() {
        let Verdict::Start(request) = decide(&comment(), &open(), &Role::Write, TERMS) else {
            panic!("refused");
        };
        assert_eq!(
            request.preview.to_string(),
            "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
        );
        assert_eq!(request.pull_request(), comment().pull_request);
        assert_eq!(
            (request.comment, request.ttl),
            (CommentId(77), Ttl::DEFAULT)
        );
        assert_eq!(request.requested_by, "mona");
    }

    #[test]
    fn a_draft_can_be_previewed() {
        let draft = PullRequest {
            draft: true,
            ..open()
        };
        assert_eq!(refusal(&draft, &Role::Admin), None);
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let fork = PullRequest {
            from_fork: true,
            ..open()
        };
        let closed = PullRequest {
            state: PullRequestState::Closed,
            ..open()
        };
        let merged = PullRequest {
            state: PullRequestState::Merged,
            ..open()
        };
        for (pull_request, role, reason) in [
            (&open(), Role::None, Refusal::NoWriteAccess),
            (&open(), Role::Read, Refusal::NoWriteAccess),
            (&open(), Role::Triage, Refusal::NoWriteAccess),
            (&fork, Role::Read, Refusal::NoWriteAccess),
            (&closed, Role::Read, Refusal::NoWriteAccess),
            (&fork, Role::Admin, Refusal::Fork),
            (&closed, Role::Write, Refusal::NotOpen),
            (&merged, Role::Write, Refusal::NotOpen),
        ] {
            assert_eq!(
                refusal(pull_request, &role),
                Some(reason),
                "{pull_request:?} {role:?}"
            );
        }
    }

    #[test]
    fn a_locked_conversation_stays_silent() {
        let locked = PullRequest {
            locked: true,
            ..open()
        };
        assert_eq!(
            decide(&comment(), &locked, &Role::Admin, TERMS),
            Verdict::Ignore(Ignored::Locked)
        );
    }
}
