//! What is a preview called in the cluster? Deterministic, legal and distinct for every legal repository name.

use sha2::{Digest, Sha256};

use super::PreviewId;

/// Longest Kubernetes namespace name and longest DNS label.
const LABEL_MAX: usize = 63;
/// Digits of the hash that keeps names distinct where slugs are not (`a.b` and `a-b`, two owners, truncation): 40 bits.
const HASH_DIGITS: usize = 10;

impl PreviewId {
    /// The Helm release: unique within the preview's own namespace.
    #[must_use]
    pub fn release(&self) -> String {
        format!("preview-pr-{}", self.pull_request)
    }

    /// The Kubernetes namespace, at most 63 characters: `preview-<repo-slug>-<hash>-pr-123-<sha7>`.
    #[must_use]
    pub fn namespace(&self) -> String {
        let tail = format!(
            "{}-pr-{}-{}",
            hash(&self.to_string()),
            self.pull_request,
            self.commit.short()
        );
        let slug = self.slug(LABEL_MAX - "preview--".len() - tail.len());
        if slug.is_empty() {
            format!("preview-{tail}")
        } else {
            format!("preview-{slug}-{tail}")
        }
    }

    /// The first label of the preview's host name, at most 63 characters: `pr-123-<sha7>-<repo-slug>-<hash>`.
    #[must_use]
    pub fn host_label(&self) -> String {
        let head = format!("pr-{}-{}", self.pull_request, self.commit.short());
        self.label(&head, &hash(&self.to_string()))
    }

    /// The first label of the host name that follows the pull request, whichever commit is newest: `pr-123-<repo-slug>-<hash>`.
    #[must_use]
    pub fn stable_host_label(&self) -> String {
        let pull_request = format!("{}#{}", self.repository, self.pull_request);
        self.label(&format!("pr-{}", self.pull_request), &hash(&pull_request))
    }

    /// `<head>-<repo-slug>-<hash>`, at most 63 characters.
    fn label(&self, head: &str, hash: &str) -> String {
        let slug = self.slug(LABEL_MAX - head.len() - hash.len() - "--".len());
        if slug.is_empty() {
            format!("{head}-{hash}")
        } else {
            format!("{head}-{slug}-{hash}")
        }
    }

    /// The repository's name as a piece of a DNS label, at most `max` characters; empty if nothing of it is usable.
    fn slug(&self, max: usize) -> String {
        let mut slug = String::with_capacity(max);
        for character in self.repository.name().chars() {
            if character.is_ascii_alphanumeric() {
                slug.push(character.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(max);
        slug.trim_end_matches('-').to_owned()
    }
}

fn hash(text: &str) -> String {
    let mut digits = hex::encode(Sha256::digest(text));
    digits.truncate(HASH_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn any_preview() -> impl Strategy<Value = PreviewId> {
        (
            "[A-Za-z0-9-]{1,39}",
            "[A-Za-z0-9._-]{1,100}",
            1u32..,
            "[0-9a-f]{40}",
        )
            .prop_filter_map(
                "`.` and `..` are not repositories",
                |(owner, name, number, commit)| {
                    format!("{owner}/{name}#{number}:{commit}").parse().ok()
                },
            )
    }

    fn is_dns_label(text: &str) -> bool {
        (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }

    proptest! {
        #[test]
        fn every_legal_repository_gives_legal_names(id in any_preview()) {
            prop_assert!(is_dns_label(&id.namespace()), "{}", id.namespace());
            prop_assert!(is_dns_label(&id.host_label()), "{}", id.host_label());
            prop_assert!(is_dns_label(&id.stable_host_label()), "{}", id.stable_host_label());
            prop_assert!(is_dns_label(&id.release()) && id.release().len() <= 53, "{}", id.release());
        }

        #[test]
        fn distinct_previews_have_distinct_names(ids in prop::collection::hash_set(any_preview(), 2..40)) {
            let mut namespaces = HashMap::new();
            let mut hosts = HashMap::new();
            for id in ids {
                prop_assert_eq!(namespaces.insert(id.namespace(), id.clone()), None);
                prop_assert_eq!(hosts.insert(id.host_label(), id.clone()), None);
            }
        }

        #[test]
        fn a_pull_requests_own_address_is_no_other_ones_and_no_commits(ids in prop::collection::hash_set(any_preview(), 2..40)) {
            let mut pull_requests = HashMap::new();
            for id in &ids {
                let pull_request = (id.repository.clone(), id.pull_request);
                if let Some(other) = pull_requests.insert(id.stable_host_label(), pull_request.clone()) {
                    prop_assert_eq!(other, pull_request);
                }
            }
            for id in &ids {
                prop_assert!(!pull_requests.contains_key(&id.host_label()), "{}", id.host_label());
            }
        }

        #[test]
        fn every_commit_of_a_pull_request_has_the_same_stable_address(id in any_preview(), commit in "[0-9a-f]{40}") {
            let next = PreviewId { commit: commit.parse().expect("a commit"), ..id.clone() };
            prop_assert_eq!(id.stable_host_label(), next.stable_host_label());
        }

        #[test]
        fn an_id_survives_its_text_form(id in any_preview()) {
            prop_assert_eq!(id.to_string().parse::<PreviewId>(), Ok(id));
        }
    }

    #[test]
    fn names_a_person_will_read() {
        let id: PreviewId = "octo-org/Hello.World#12:0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("an id");
        assert_eq!(id.release(), "preview-pr-12");
        assert_eq!(
            id.namespace(),
            "preview-hello-world-cab5ebdfaf-pr-12-0123456"
        );
        assert_eq!(id.host_label(), "pr-12-0123456-hello-world-cab5ebdfaf");
        assert_eq!(id.stable_host_label(), "pr-12-hello-world-60eca836ec");
    }

    #[test]
    fn names_that_differ_only_in_what_a_slug_drops_stay_apart() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let dotted: PreviewId = format!("octo/a.b#1:{commit}").parse().expect("an id");
        let dashed: PreviewId = format!("octo/a-b#1:{commit}").parse().expect("an id");
        let other_owner: PreviewId = format!("hexa/a-b#1:{commit}").parse().expect("an id");
        assert_ne!(dotted.host_label(), dashed.host_label());
        assert_ne!(dashed.namespace(), other_owner.namespace());
        assert_ne!(dashed.stable_host_label(), other_owner.stable_host_label());

        // A repository whose name begins like a commit.
        let commit_like: PreviewId = format!("octo/0123456-a-b#1:{commit}")
            .parse()
            .expect("an id");
        assert_ne!(commit_like.stable_host_label(), dashed.host_label());
    }
}
