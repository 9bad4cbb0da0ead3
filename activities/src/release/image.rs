//! Under which name has the pull request's own pipeline pushed this commit's image?

use std::{fmt, str::FromStr};

use workflows::vocabulary::PreviewId;

/// What a template may name, in braces.
const PLACEHOLDERS: [&str; 3] = ["{owner}", "{repo}", "{commit}"];

/// Where images are, with `{owner}`, `{repo}` and `{commit}` left open: `registry.example.com/{owner}/{repo}:{commit}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTemplate {
    repository: String,
    tag: String,
}

/// A preview's image, as Helm charts want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) repository: String,
    pub(crate) tag: String,
}

/// The text is not a template that gives each commit an image of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a template for images: {reason}. Expected, for example, `registry.example.com/{{owner}}/{{repo}}:{{commit}}`"
)]
pub struct InvalidImageTemplate {
    text: String,
    reason: &'static str,
}

impl ImageTemplate {
    /// Registries know lower-case names only, GitHub keeps the case that people chose.
    pub(crate) fn image(&self, preview: &PreviewId) -> Image {
        let fill = |template: &str| {
            template
                .replace("{owner}", preview.repository.owner())
                .replace("{repo}", preview.repository.name())
                .replace("{commit}", preview.commit.as_str())
        };
        Image {
            repository: fill(&self.repository).to_ascii_lowercase(),
            tag: fill(&self.tag),
        }
    }
}

impl FromStr for ImageTemplate {
    type Err = InvalidImageTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidImageTemplate {
            text: text.chars().take(200).collect(),
            reason,
        };
        // The colon of a port comes before the last slash, that of the tag after it.
        let name_start = text.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match text[name_start..].find(':') {
            Some(colon) => (&text[..name_start + colon], &text[name_start + colon + 1..]),
            None => return Err(invalid("it has no tag")),
        };
        if !tag.contains("{commit}") {
            return Err(invalid(
                "its tag does not name the {commit}, so all commits would share one image",
            ));
        }
        let without_placeholders = |part: &str| {
            PLACEHOLDERS
                .iter()
                .fold(part.to_owned(), |rest, placeholder| {
                    rest.replace(placeholder, "x")
                })
        };
        let legal_in_repository =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
        let legal_in_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let repository_rest = without_placeholders(repository);
        if repository_rest.is_empty() || !repository_rest.chars().all(legal_in_repository) {
            return Err(invalid(
                "its name holds a character that no image name may hold, or an unknown placeholder",
            ));
        }
        if !without_placeholders(tag).chars().all(legal_in_tag) {
            return Err(invalid(
                "its tag holds a character that no tag may hold, or an unknown placeholder",
            ));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

impl fmt::Display for ImageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(template: &str) -> String {
        let preview = "Octo-Org/Hello.World#12:0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("an id");
        template
            .parse::<ImageTemplate>()
            .expect("a template")
            .image(&preview)
            .to_string()
    }

    #[test]
    fn each_commit_has_an_image_of_its_own() {
        assert_eq!(
            image("registry.example.com:5000/previews/{owner}/{repo}:sha-{commit}"),
            "registry.example.com:5000/previews/octo-org/hello.world:sha-0123456789abcdef0123456789abcdef01234567"
        );
        assert_eq!(
            image("{repo}:{commit}"),
            "hello.world:0123456789abcdef0123456789abcdef01234567"
        );
    }

    #[test]
    fn a_template_that_cannot_name_each_commits_image_is_refused() {
        for text in [
            "",
            ":{commit}",
            "registry.example.com/{repo}",
            "registry.example.com:5000/{repo}",
            "a/{repo}:latest",
            "a/{name}:{commit}",
            "a b:{commit}",
            "a/b:{commit}@sha256:0",
        ] {
            assert!(text.parse::<ImageTemplate>().is_err(), "{text}");
        }
    }
}
