//! The image of a commit, and which images a repository may choose.

use std::{fmt, str::FromStr};

use domain::{PreviewId, Repository, preview::PreviewSettings};

use super::values::PreviewImages;
use crate::listed::listed;

/// What a template may name, in braces.
const PLACEHOLDERS: [&str; 5] = ["{owner}", "{repo}", "{commit}", "{short_commit}", "{pr}"];
/// What is another one in each commit's image. One of them stands in the tag.
const OF_COMMITS: [&str; 2] = ["{commit}", "{short_commit}"];

/// Where images are, with `PLACEHOLDERS` left open: `registry.example.com/{owner}/{repo}:{commit}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTemplate {
    repository: String,
    tag: String,
}

/// The images that previews may be made of.
#[derive(Clone, Debug)]
pub struct Images {
    default: ImageTemplate,
    allowed: Vec<ImagePrefix>,
}

/// `registry.example.com/{owner}`: that image, or whatever is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePrefix(String);

/// The text is not the beginning of an image's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the beginning of an image's name: expected, for example, `registry.example.com/{{owner}}`"
)]
pub struct InvalidImagePrefix(String);

/// An image that this service does not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageRefused {
    #[error(transparent)]
    NoTemplate(#[from] InvalidImageTemplate),
    #[error("this service does not run images from `{place}`, only from {allowed}")]
    NotAllowed { place: String, allowed: String },
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

impl Images {
    /// `default` is where images are unless a repository says otherwise; repositories
    /// choose below it and below the `allowed` ones.
    #[must_use]
    pub fn new(default: ImageTemplate, mut allowed: Vec<ImagePrefix>) -> Self {
        allowed.push(ImagePrefix(default.repository.clone()));
        Self { default, allowed }
    }

    /// Below which names the images are that a repository may run.
    pub(crate) fn places(&self, repository: &Repository) -> Vec<String> {
        let prefixes = self.allowed.iter();
        prefixes.map(|prefix| in_repository(&prefix.0, repository)).collect()
    }

    /// The images of a preview, as its repository chose them.
    pub(super) fn of_preview(
        &self,
        settings: &PreviewSettings,
        preview: &PreviewId,
    ) -> Result<PreviewImages, ImageRefused> {
        let image = |wanted| {
            let template = self.find(wanted, &preview.repository)?;
            Ok::<_, ImageRefused>(template.image(preview))
        };
        if settings.images.is_empty() {
            return Ok(PreviewImages::One(image(settings.image.as_deref())?));
        }
        let named = settings.images.iter();
        let named =
            named.map(|(name, template)| Ok::<_, ImageRefused>((name.clone(), image(Some(template))?)));
        Ok(PreviewImages::Named(named.collect::<Result<_, _>>()?))
    }

    /// The template that a repository chose, if it may.
    pub(crate) fn find(
        &self,
        wanted: Option<&str>,
        repository: &Repository,
    ) -> Result<ImageTemplate, ImageRefused> {
        let Some(wanted) = wanted else {
            return Ok(self.default.clone());
        };
        let template: ImageTemplate = wanted.parse()?;
        let place = in_repository(&template.repository, repository);
        let allowed = self.places(repository);
        // Whole pieces of a name are compared: `…/octo` does not cover `…/octo-labs`.
        let is_below = |prefix: &String| {
            place
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if allowed.iter().any(is_below) {
            return Ok(template);
        }
        Err(ImageRefused::NotAllowed { allowed: listed(allowed), place })
    }
}

/// Registries know lower-case names only, GitHub keeps the case that people chose.
fn in_repository(template: &str, repository: &Repository) -> String {
    template
        .replace("{owner}", repository.owner())
        .replace("{repo}", repository.name())
        .to_ascii_lowercase()
}

impl ImageTemplate {
    pub(crate) fn image(&self, preview: &PreviewId) -> Image {
        let pull_request = preview.pull_request.to_string();
        let of_commit = |template: &str| {
            template
                .replace("{commit}", preview.commit.as_str())
                .replace("{short_commit}", preview.commit.short())
                .replace("{pr}", &pull_request)
        };
        let tag = self
            .tag
            .replace("{owner}", preview.repository.owner())
            .replace("{repo}", preview.repository.name());
        Image {
            repository: of_commit(&in_repository(&self.repository, &preview.repository)),
            tag: of_commit(&tag),
        }
    }
}

impl FromStr for ImagePrefix {
    type Err = InvalidImagePrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.trim_end_matches('/');
        // What can begin a template's name, and needs no commit to be known.
        match format!("{place}/x:{{commit}}").parse::<ImageTemplate>() {
            Ok(_) if !PLACEHOLDERS[2..].iter().any(|open| place.contains(open)) => Ok(Self(place.to_owned())),
            _ => Err(InvalidImagePrefix(text.chars().take(200).collect())),
        }
    }
}

impl FromStr for ImageTemplate {
    type Err = InvalidImageTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidImageTemplate { text: text.chars().take(200).collect(), reason };
        // The colon of a port comes before the last slash, that of the tag after it.
        let name_start = text.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match text[name_start..].find(':') {
            Some(colon) => (&text[..name_start + colon], &text[name_start + colon + 1..]),
            None => return Err(invalid("it has no tag")),
        };
        if !OF_COMMITS.iter().any(|open| tag.contains(open)) {
            return Err(invalid(
                "its tag names neither {commit} nor {short_commit}, so all commits would share one image",
            ));
        }
        let without_placeholders = |part: &str| {
            PLACEHOLDERS
                .iter()
                .fold(part.to_owned(), |rest, placeholder| rest.replace(placeholder, "x"))
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
        if repository_rest.split('/').any(|piece| matches!(piece, "" | "." | "..")) {
            return Err(invalid("a piece of its name is empty or leads elsewhere"));
        }
        if !without_placeholders(tag).chars().all(legal_in_tag) {
            return Err(invalid("its tag holds a character that no tag may hold, or an unknown placeholder"));
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.to_owned() })
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
            image("ghcr.io/{owner}/{repo}/pr-{pr}:pr-{pr}-{short_commit}"),
            "ghcr.io/octo-org/hello.world/pr-12:pr-12-0123456"
        );
        assert_eq!(image("{repo}:{commit}"), "hello.world:0123456789abcdef0123456789abcdef01234567");
    }

    #[test]
    fn a_template_that_cannot_name_each_commits_image_is_refused() {
        for text in [
            "",
            ":{commit}",
            "registry.example.com/{repo}",
            "registry.example.com:5000/{repo}",
            "a/{repo}:latest",
            "a/{repo}:pr-{pr}",
            "a/{repo}:{{commit}}",
            "a/{name}:{commit}",
            "a b:{commit}",
            "a//b:{commit}",
            "a/../b:{commit}",
            "a/b:{commit}@sha256:0",
        ] {
            assert!(text.parse::<ImageTemplate>().is_err(), "{text}");
        }
    }

    fn found(allowed: &[&str], wanted: &str) -> Result<ImageTemplate, ImageRefused> {
        let default = "registry.example.com/{owner}/{repo}:{commit}".parse().expect("a template");
        let allowed = allowed.iter().map(|text| text.parse().expect("a prefix")).collect();
        let repository = "Octo-Org/Hello.World".parse().expect("a repository");
        Images::new(default, allowed).find(Some(wanted), &repository)
    }

    #[test]
    fn a_repository_names_its_own_images_and_no_others() {
        for wanted in [
            "registry.example.com/{owner}/{repo}:sha-{commit}",
            "registry.example.com/octo-org/hello.world/web:{commit}",
        ] {
            assert_eq!(found(&[], wanted).map(|template| template.to_string()), Ok(wanted.to_owned()));
        }
        for wanted in [
            "registry.example.com/{owner}/other:{commit}",
            "registry.example.com/{owner}/{repo}s:{commit}",
            "docker.io/octo-org/hello.world:{commit}",
        ] {
            assert!(matches!(found(&[], wanted), Err(ImageRefused::NotAllowed { .. })), "{wanted}");
        }
        assert!(matches!(
            found(&[], "registry.example.com/{owner}/{repo}:latest"),
            Err(ImageRefused::NoTemplate(_))
        ));
    }

    #[test]
    fn more_places_are_opened_by_the_service() {
        let allowed = ["ghcr.io/{owner}/", "quay.io"];
        for wanted in ["ghcr.io/octo-org/anything:{commit}", "quay.io/a/b/c:{commit}"] {
            assert!(found(&allowed, wanted).is_ok(), "{wanted}");
        }
        let refused = found(&allowed, "ghcr.io/octo-orgs/x:{commit}").expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "this service does not run images from `ghcr.io/octo-orgs/x`, only from `ghcr.io/octo-org`, `quay.io`, `registry.example.com/octo-org/hello.world`"
        );
    }

    #[test]
    fn what_is_no_place_of_images_is_refused() {
        for text in ["", "a b", "a/{name}", "a/{commit}", "a/{pr}", "a/../b", "a:tag@b"] {
            assert!(text.parse::<ImagePrefix>().is_err(), "{text}");
        }
    }
}
