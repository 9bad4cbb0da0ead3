//! What is said of an image that the cluster does not get.

use domain::preview::{MissingImage, PullProblem};
use jiff::{SignedDuration, Timestamp};

use crate::failure::{ActivityFailure, Failure, explain};

/// An image that was waited for in vain.
#[derive(Debug, thiserror::Error)]
#[error("the image {image} could not be pulled in time ({because:?}): {message}")]
pub(crate) struct ImageNotPulled {
    image: String,
    because: PullProblem,
    /// What the node says of it.
    message: String,
}

/// An image is missing, and that `since` then, or since now. When that is longer than `timeout`, it is a
/// failure.
pub(crate) fn image_missing(
    image: String,
    message: String,
    since: Option<Timestamp>,
    timeout: SignedDuration,
) -> Result<MissingImage, ImageNotPulled> {
    let because = problem(&image, &message);
    if since.is_some_and(|since| since.duration_until(Timestamp::now()) >= timeout) {
        return Err(ImageNotPulled { image, because, message });
    }
    Ok(MissingImage { image, because })
}

/// What the node's words mean. They are those of containerd or CRI-O, which quote the registry.
fn problem(image: &str, message: &str) -> PullProblem {
    // A name can be made of any words.
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    let said = message.replace(image, "").replace(repository, "").to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // Older kubelets do not repeat the reason.
    let is_silent = said
        .trim_start_matches("back-off pulling image")
        .trim_matches(['"', ' '])
        .is_empty();
    if says(&["too many requests", "toomanyrequests", "rate limit"]) {
        PullProblem::RateLimited
    } else if says(&["unauthorized", "forbidden", "denied", "authorization", "authentication", "credentials"])
    {
        PullProblem::NotAllowed
    } else if is_silent || says(&["not found", "manifest unknown", "name unknown", "not present"]) {
        PullProblem::NotFound
    } else {
        PullProblem::NoAnswer
    }
}

impl ActivityFailure for ImageNotPulled {
    fn failure(&self) -> Failure {
        let Self { image, because, message } = self;
        let hint = match because {
            PullProblem::NotFound => "Has the build of this commit failed?",
            PullProblem::NotAllowed => {
                "If the build of this commit has pushed it, the operators of the preview service have to give the cluster access to it."
            }
            PullProblem::RateLimited => {
                "The registry limits how often the cluster may pull. Try again later."
            }
            PullProblem::NoAnswer => "The registry does not answer as it should. Try again later.",
        };
        let said = if message.is_empty() {
            String::new()
        } else {
            format!(" The node says: {message}")
        };
        Failure::permanent(
            "ImageNotPulled",
            explain(format!("The image `{image}` could not be pulled in time. {hint}{said}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "ghcr.io/octo-org/denied:4294014030000000000000000000000000000000";

    #[test]
    fn what_registries_say_is_told_apart() {
        for (message, because) in [
            ("failed to resolve reference \"{}\": {}: not found", PullProblem::NotFound),
            ("reading manifest in ghcr.io/octo-org/denied: manifest unknown", PullProblem::NotFound),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                PullProblem::NotAllowed,
            ),
            (
                "failed to fetch anonymous token: unexpected status: 403 Forbidden",
                PullProblem::NotAllowed,
            ),
            ("unexpected status from HEAD request: 401 Unauthorized", PullProblem::NotAllowed),
            (
                "429 Too Many Requests - toomanyrequests: You have reached your pull rate limit.",
                PullProblem::RateLimited,
            ),
            ("dial tcp 10.0.0.7:443: connect: connection refused", PullProblem::NoAnswer),
            ("Back-off pulling image \"{}\"", PullProblem::NotFound),
            ("Back-off pulling image \"{}\": ErrImagePull: \"i/o timeout\"", PullProblem::NoAnswer),
            ("unexpected status: 503 Service Unavailable", PullProblem::NoAnswer),
        ] {
            let message = message.replace("{}", IMAGE);
            assert_eq!(problem(IMAGE, &message), because, "{message}");
        }
    }

    #[test]
    fn an_image_is_waited_for_until_its_time_is_over() {
        let timeout = SignedDuration::from_mins(10);
        let after = |minutes| {
            let since = Timestamp::now() - SignedDuration::from_mins(minutes);
            image_missing(IMAGE.to_owned(), "not found".to_owned(), Some(since), timeout)
        };
        let missing = MissingImage { image: IMAGE.to_owned(), because: PullProblem::NotFound };
        assert_eq!(
            image_missing(IMAGE.to_owned(), "not found".to_owned(), None, timeout).ok(),
            Some(missing.clone())
        );
        assert_eq!(after(9).ok(), Some(missing));
        let failure = after(10).expect_err("too long").failure();
        let told = domain::Explanation::from(failure.explanation).summary;
        assert!(told.contains("Has the build of this commit failed?"), "{told}");
    }
}
