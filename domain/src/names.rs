//! The names of a preview in the cluster and in the DNS: legal for every legal repository name,
//! and known to nobody but who has the key.

use std::collections::BTreeSet;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::{PreviewDomain, PreviewId, RunIdentity};

/// Longest Kubernetes namespace name and longest DNS label.
const LABEL_MAX: usize = 63;
/// What is kept of the keyed hash: 80 bits, which are 16 digits in base 32.
const HASH_BYTES: usize = 10;
/// Shortest key, in bytes.
const KEY_MIN: usize = 32;
/// How many different characters a random key of that length has, and `changemechangeme…` has not.
const KEY_VARIETY_MIN: usize = 8;

/// The service's secret that names are made with. In no `Debug` output.
#[derive(Clone, Debug)]
pub struct NameKey(SecretString);

/// The key is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has at least {KEY_MIN} random characters: make one with `openssl rand -hex {KEY_MIN}`")]
pub struct WeakNameKey;

impl NameKey {
    /// Takes a key; white space around it, as a file may have it, does not count.
    ///
    /// # Errors
    /// [`WeakNameKey`] if it is too short, or has too few different characters to be random.
    pub fn new(key: &SecretString) -> Result<Self, WeakNameKey> {
        let key = key.expose_secret().trim();
        let variety = key.bytes().collect::<BTreeSet<_>>().len();
        if key.len() >= KEY_MIN && variety >= KEY_VARIETY_MIN {
            Ok(Self(key.into()))
        } else {
            Err(WeakNameKey)
        }
    }

    /// Tells names apart where slugs do not (`a.b` and `a-b`, two owners, truncation). Whoever has not the
    /// key can neither guess it nor look for a repository that has the same.
    fn hash(&self, text: &str) -> String {
        let key = self.0.expose_secret().as_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        let whole = mac.chain_update(text).finalize().into_bytes();
        BASE32_NOPAD.encode(&whole[..HASH_BYTES]).to_ascii_lowercase()
    }
}

/// Gives previews their names. The same ones for the same preview, key and domain: any
/// worker, after any crash, finds them again.
#[derive(Clone, Debug)]
pub struct Names {
    key: NameKey,
    domain: PreviewDomain,
}

impl Names {
    /// Names with this key, and addresses below this domain.
    #[must_use]
    pub fn new(key: NameKey, domain: PreviewDomain) -> Self {
        Self { key, domain }
    }

    /// Below which addresses are.
    #[must_use]
    pub fn domain(&self) -> &PreviewDomain {
        &self.domain
    }

    /// The Kubernetes namespace of one run, at most 63 characters:
    /// `preview-<repo-slug>-<hash>-pr-123-<sha7>`. No other run's namespace is ever called so: whatever
    /// acts late, and by the name, finds nothing of another.
    #[must_use]
    pub fn namespace(&self, owner: &RunIdentity) -> String {
        let preview = &owner.preview;
        let tail = format!(
            "{}-pr-{}-{}",
            self.key.hash(&format!("{preview}:{}", owner.run_id)),
            preview.pull_request,
            preview.commit.short()
        );
        let slug = slug(preview, LABEL_MAX - "preview--".len() - tail.len());
        if slug.is_empty() {
            format!("preview-{tail}")
        } else {
            format!("preview-{slug}-{tail}")
        }
    }

    /// Could a namespace of this name have been made for this preview, with whatever key?
    #[must_use]
    pub fn could_name(namespace: &str, preview: &PreviewId) -> bool {
        let tail = format!("-pr-{}-{}", preview.pull_request, preview.commit.short());
        namespace.starts_with("preview-") && namespace.ends_with(&tail)
    }

    /// The host name of a preview, for its Ingress; its first label, of at most 63
    /// characters: `pr-123-<sha7>-<repo-slug>-<hash>`.
    #[must_use]
    pub fn host(&self, preview: &PreviewId) -> String {
        let head = format!("pr-{}-{}", preview.pull_request, preview.commit.short());
        let hash = self.key.hash(&preview.to_string());
        self.domain.host(&label(preview, &head, &hash))
    }

    /// The first label of the host name that follows the pull request, whichever
    /// commit is newest: `pr-123-<repo-slug>-<hash>`.
    #[must_use]
    pub fn stable_label(&self, preview: &PreviewId) -> String {
        let hash = self.key.hash(&preview.pull_request_name());
        label(preview, &format!("pr-{}", preview.pull_request), &hash)
    }

    /// The host name that follows the pull request.
    #[must_use]
    pub fn stable_host(&self, preview: &PreviewId) -> String {
        self.domain.host(&self.stable_label(preview))
    }

    /// The address of a preview, as a person opens it.
    #[must_use]
    pub fn url(&self, preview: &PreviewId) -> String {
        self.domain.url(&self.host(preview))
    }

    /// The pull request's own address.
    #[must_use]
    pub fn stable_url(&self, preview: &PreviewId) -> String {
        self.domain.url(&self.stable_host(preview))
    }
}

impl PreviewId {
    /// The Helm release: unique within the preview's own namespace.
    #[must_use]
    pub fn release(&self) -> String {
        format!("preview-pr-{}", self.pull_request)
    }
}

/// `<head>-<repo-slug>-<hash>`, at most 63 characters.
fn label(preview: &PreviewId, head: &str, hash: &str) -> String {
    let slug = slug(preview, LABEL_MAX - head.len() - hash.len() - "--".len());
    if slug.is_empty() {
        format!("{head}-{hash}")
    } else {
        format!("{head}-{slug}-{hash}")
    }
}

/// The repository's name as a piece of a DNS label, at most `max` characters;
/// empty if nothing of it is usable.
fn slug(preview: &PreviewId, max: usize) -> String {
    let mut slug = String::with_capacity(max);
    for character in preview.repository.name().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(max);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn names_with(key: &str) -> Names {
        let key = NameKey::new(&key.into()).expect("a key");
        let domain = "https://previews.example.com".parse().expect("a domain");
        Names::new(key, domain)
    }

    fn names() -> Names {
        names_with("a key for tests: 3d8f0c71b2a94e65")
    }

    fn preview(id: &str) -> PreviewId {
        id.parse().expect("an id")
    }

    fn run(preview: &PreviewId, run_id: &str) -> RunIdentity {
        RunIdentity { preview: preview.clone(), run_id: run_id.to_owned() }
    }

    /// All names that are a namespace's or a host's first label.
    fn labels(names: &Names, preview: &PreviewId) -> [String; 3] {
        let first = |host: String| host.split('.').next().unwrap_or_default().to_owned();
        [
            names.namespace(&run(preview, "run-1")),
            first(names.host(preview)),
            first(names.stable_host(preview)),
        ]
    }

    fn any_preview() -> impl Strategy<Value = PreviewId> {
        ("[A-Za-z0-9-]{1,39}", "[A-Za-z0-9._-]{1,100}", 1u32.., "[0-9a-f]{40}")
            .prop_filter_map("`.` and `..` are not repositories", |(owner, name, number, commit)| {
                format!("{owner}/{name}#{number}:{commit}").parse().ok()
            })
    }

    fn is_dns_label(text: &str) -> bool {
        (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }

    proptest! {
        #[test]
        fn every_legal_repository_gives_legal_names(id in any_preview()) {
            for label in labels(&names(), &id) {
                prop_assert!(is_dns_label(&label), "{label}");
            }
            prop_assert!(is_dns_label(&id.release()) && id.release().len() <= 53, "{}", id.release());
        }

        #[test]
        fn distinct_previews_have_distinct_names_and_each_run_another_namespace(ids in prop::collection::hash_set(any_preview(), 2..40)) {
            let mut namespaces = HashMap::new();
            let mut hosts = HashMap::new();
            for id in ids {
                prop_assert_eq!(namespaces.insert(names().namespace(&run(&id, "run-1")), id.clone()), None);
                prop_assert_eq!(namespaces.insert(names().namespace(&run(&id, "run-2")), id.clone()), None);
                prop_assert_eq!(hosts.insert(names().host(&id), id.clone()), None);
            }
        }

        #[test]
        fn a_pull_requests_own_address_is_no_other_ones_and_no_commits(ids in prop::collection::hash_set(any_preview(), 2..40)) {
            let names = names();
            let mut pull_requests = HashMap::new();
            for id in &ids {
                let pull_request = id.pull_request_name();
                if let Some(other) = pull_requests.insert(names.stable_host(id), pull_request.clone()) {
                    prop_assert_eq!(other, pull_request);
                }
            }
            for id in &ids {
                prop_assert!(!pull_requests.contains_key(&names.host(id)), "{}", names.host(id));
            }
        }

        #[test]
        fn every_commit_of_a_pull_request_has_the_same_stable_address(id in any_preview(), commit in "[0-9a-f]{40}") {
            let next = PreviewId { commit: commit.parse().expect("a commit"), ..id.clone() };
            prop_assert_eq!(names().stable_host(&id), names().stable_host(&next));
        }

        #[test]
        fn who_has_another_key_knows_no_name(id in any_preview(), key in "[!-~]{32,64}") {
            let Ok(key) = NameKey::new(&key.as_str().into()) else { return Ok(()) };
            let others = Names::new(key, names().domain().clone());
            for (ours, guessed) in labels(&names(), &id).into_iter().zip(labels(&others, &id)) {
                prop_assert_ne!(ours, guessed);
            }
        }

        #[test]
        fn an_id_survives_its_text_form(id in any_preview()) {
            prop_assert_eq!(id.to_string().parse::<PreviewId>(), Ok(id));
        }
    }

    #[test]
    fn names_a_person_will_read() {
        let id = preview(&format!("octo-org/Hello.World#12:{COMMIT}"));
        assert_eq!(id.release(), "preview-pr-12");
        let [namespace, host, stable] = labels(&names(), &id);
        let parts = |name: &str, before: &str, after: &str| {
            let hash = name
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .unwrap_or_else(|| panic!("{name}"));
            // 80 bits, five in each digit.
            assert_eq!(hash.len(), 16, "{name}");
            let is_digit = |b: u8| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b);
            assert!(hash.bytes().all(is_digit), "{name}");
        };
        parts(&namespace, "preview-hello-world-", "-pr-12-0123456");
        parts(&host, "pr-12-0123456-hello-world-", "");
        parts(&stable, "pr-12-hello-world-", "");
        assert_eq!(names().url(&id), format!("https://{host}.previews.example.com/"));
        assert_eq!(names().stable_url(&id), format!("https://{stable}.previews.example.com/"));
    }

    #[test]
    fn names_that_differ_only_in_what_a_slug_drops_stay_apart() {
        let dotted = preview(&format!("octo/a.b#1:{COMMIT}"));
        let dashed = preview(&format!("octo/a-b#1:{COMMIT}"));
        let other_owner = preview(&format!("hexa/a-b#1:{COMMIT}"));
        let names = names();
        assert_ne!(names.host(&dotted), names.host(&dashed));
        assert_ne!(names.namespace(&run(&dashed, "run-1")), names.namespace(&run(&other_owner, "run-1")));
        assert_ne!(names.stable_host(&dashed), names.stable_host(&other_owner));

        // A repository whose name begins like a commit.
        let commit_like = preview(&format!("octo/0123456-a-b#1:{COMMIT}"));
        assert_ne!(names.stable_host(&commit_like), names.host(&dashed));
    }

    /// Repositories that anyone can look for and make: in the first 40 bits of SHA-256
    /// over what names them, these pairs are alike.
    #[test]
    fn pairs_that_collide_without_a_key_stay_apart() {
        for (one, other) in [
            ("octo-org/shop..-_._--.__-#12", "octo-org/shop--.-_._...-_.#12"),
            ("octo-org/shop-..__.-..--_-#12", "octo-org/shop_._-_.-.-_-..#12"),
        ] {
            let [one, other] = [one, other].map(|name| preview(&format!("{name}:{COMMIT}")));
            let names = names();
            for (ours, theirs) in labels(&names, &one).into_iter().zip(labels(&names, &other)) {
                assert_ne!(ours, theirs);
            }
        }
    }

    #[test]
    fn a_key_is_long_random_and_shown_nowhere() {
        let random = "6f1c0d9be24a7385fa60c7d81b3e5924";
        for good in [random, &format!("{random}\n"), "correct horse battery staple, and more"] {
            let key = NameKey::new(&good.into()).expect(good);
            let shown = format!("{key:?} {:?}", names_with(random));
            assert!(!shown.contains(good.trim()), "{shown}");
        }
        let spaces = format!("{}\n", " ".repeat(40));
        for bad in ["", &random[1..], &"changeme".repeat(8), &spaces, &"0".repeat(64)] {
            assert!(NameKey::new(&bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn white_space_around_a_key_makes_no_other_key() {
        let id = preview(&format!("octo-org/shop#1:{COMMIT}"));
        let key = "6f1c0d9be24a7385fa60c7d81b3e5924";
        let with_line_end = names_with(&format!("{key}\n"));
        assert_eq!(names_with(key).host(&id), with_line_end.host(&id));
    }
}
