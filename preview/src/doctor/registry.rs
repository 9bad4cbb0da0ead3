//! Is the registry there that images of previews come from?

use activities::ImageTemplate;
use reqwest::{Client, StatusCode};

use super::{line::Line, web::reason};

pub(super) const CHECK: &str = "registry";
/// Where names without a registry are.
const DOCKER_HUB: &str = "registry-1.docker.io";

pub(super) async fn check(web: &Client, image: &ImageTemplate) -> Vec<Line> {
    let image = image.to_string();
    let Some(registry) = registry_of(&image) else {
        return vec![Line::unknown(CHECK, format!("{image} leaves the registry open"), "nothing")];
    };
    // The same as container runtimes do: plain HTTP on this machine only.
    if is_this_machine(&registry) {
        return vec![judge(&registry, ask(web, "http", &registry).await)];
    }
    let answer = ask(web, "https", &registry).await;
    if answer.is_err() && ask(web, "http", &registry).await.is_ok_and(is_a_registry) {
        return vec![without_tls(&registry)];
    }
    vec![judge(&registry, answer)]
}

async fn ask(web: &Client, scheme: &str, registry: &str) -> Result<StatusCode, String> {
    let answer = web.get(format!("{scheme}://{registry}/v2/")).send().await;
    answer.map(|answer| answer.status()).map_err(reason)
}

/// Whoever has to log in is told so by a registry, too.
fn is_a_registry(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::UNAUTHORIZED)
}

fn without_tls(registry: &str) -> Line {
    Line::doubtful(
        CHECK,
        format!("{registry} answers, without TLS: nodes pull from it only if they are told to"),
        "nothing, if previews come up; else give it a certificate, or name it in the nodes' configuration of containerd",
    )
}

fn registry_of(image: &str) -> Option<String> {
    let first = image.split('/').next().unwrap_or_default();
    if image.contains('/') && first.contains('{') {
        return None;
    }
    let is_a_host = image.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    Some(match first {
        "docker.io" => DOCKER_HUB.to_owned(),
        host if is_a_host => host.to_owned(),
        _ => DOCKER_HUB.to_owned(),
    })
}

fn is_this_machine(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.")
}

pub(super) fn judge(registry: &str, answer: Result<StatusCode, String>) -> Line {
    match answer {
        Ok(status) if is_a_registry(status) => Line::fine(CHECK, format!("{registry} answers")),
        Ok(status) => Line::wrong(
            CHECK,
            format!("{registry} answers {status} at /v2/: that is no registry"),
            "check PREVIEW_IMAGE",
        ),
        Err(reason) => Line::wrong(
            CHECK,
            format!("{registry} does not answer: {reason}"),
            "check PREVIEW_IMAGE; if only the cluster's nodes reach it, look from there",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_the_first_part_of_an_images_name() {
        for (image, registry) in [
            ("registry.example.com/{owner}/{repo}:{commit}", Some("registry.example.com")),
            ("localhost:5000/app:{commit}", Some("localhost:5000")),
            ("docker.io/octo/app:{commit}", Some("registry-1.docker.io")),
            ("octo/app:{commit}", Some("registry-1.docker.io")),
            ("app:{commit}", Some("registry-1.docker.io")),
            ("{owner}.example.com/app:{commit}", None),
        ] {
            assert_eq!(registry_of(image).as_deref(), registry, "{image}");
        }
    }

    #[test]
    fn a_registry_answers_or_wants_a_login() {
        for (answer, is_wrong) in [
            (Ok(StatusCode::OK), false),
            (Ok(StatusCode::UNAUTHORIZED), false),
            (Ok(StatusCode::NOT_FOUND), true),
            (Err("connection refused".to_owned()), true),
        ] {
            assert_eq!(judge("registry.example.com", answer.clone()).is_wrong(), is_wrong, "{answer:?}");
        }
    }
}
