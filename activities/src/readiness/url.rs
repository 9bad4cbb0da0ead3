//! Probes the address that is about to be published: it must answer, and with this very commit.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::CommitSha;
use reqwest::{
    Client, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use tokio::time::{Instant, sleep};
use workflows::contract::timeouts::URL_ANSWERS;

use crate::failure::with_causes;

/// Between two tries. The person is waiting for exactly this, so it is short; it lasts only until the
/// ingress controller has noticed the new host.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// One try.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// An app may say which commit it serves. What another commit answers is not yet this preview.
const COMMIT_HEADER: &str = "x-preview-commit";

/// Asks previews' addresses, as a browser would: through the ingress controller.
#[derive(Clone)]
pub(super) struct UrlProbe {
    http: Client,
    ingress: Option<SocketAddr>,
}

impl UrlProbe {
    /// With `ingress`, every host name leads there, whatever the DNS says.
    pub(super) fn new(ingress: Option<SocketAddr>) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .timeout(TRY_TIMEOUT)
            // Where a pull request's app sends us is not ours to go to.
            .redirect(redirect::Policy::none())
            // A proxy for the way out would not know a cluster's ingress.
            .no_proxy()
            .user_agent(concat!("preview/", env!("CARGO_PKG_VERSION")));
        if let Some(address) = ingress {
            builder = builder.dns_resolver(Arc::new(StaticResolver(address)));
        }
        Ok(Self { http: builder.build()?, ingress })
    }

    /// Returns when the address answers; otherwise, after a minute, with the last thing that was seen there.
    pub(super) async fn wait_for_answer(&self, url: &str, commit: &CommitSha) -> Result<(), String> {
        let address = self.address(url)?;
        let start = Instant::now();
        loop {
            let seen = match self.http.get(address.clone()).send().await {
                Ok(response) => match check_response(&response, commit) {
                    Ok(()) => return Ok(()),
                    Err(seen) => seen,
                },
                Err(error) => with_causes(&error.without_url()),
            };
            if start.elapsed() >= URL_ANSWERS {
                return Err(format!("{seen}, for {} seconds", URL_ANSWERS.as_secs()));
            }
            sleep(TRY_AGAIN).await;
        }
    }

    /// The public address may have another port than the one the ingress controller listens on here.
    fn address(&self, url: &str) -> Result<Url, String> {
        let mut address: Url = url.parse().map_err(|error| format!("{url} is not an address: {error}"))?;
        if let Some(ingress) = self.ingress {
            // Fails for addresses without a host only, and previews have one.
            let _ = address.set_port(Some(ingress.port()));
        }
        Ok(address)
    }
}

/// A success, or a redirection within the preview, by the right commit.
fn check_response(response: &Response, commit: &CommitSha) -> Result<(), String> {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let stays_here = header("location").is_some_and(|location| {
        response
            .url()
            .join(location)
            .is_ok_and(|target| target.origin() == response.url().origin())
    });
    let answers = status.is_success() || (status.is_redirection() && stays_here);
    if !answers {
        return Err(format!("the address answers {status}"));
    }
    match header(COMMIT_HEADER) {
        Some(served) if served != commit.as_str() => Err("another commit answers at the address".to_owned()),
        _ => Ok(()),
    }
}

/// Resolves every name to the ingress controller's address.
struct StaticResolver(SocketAddr);

impl Resolve for StaticResolver {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const URL: &str = "http://pr-1.preview.localhost:8088/";

    /// An ingress controller that gives these answers in turn, the last one for
    /// ever; and what it was first asked.
    async fn visit(answers: &'static [&'static str]) -> (Result<(), String>, String) {
        let _ = rustls_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let probe = UrlProbe::new(listener.local_addr().ok()).expect("a client");
        let (first, asked) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move {
            let mut first = Some(first);
            let mut turn = 0;
            loop {
                let (mut connection, _) = listener.accept().await.expect("a connection");
                let mut request = vec![0; 4096];
                let read = connection.read(&mut request).await.expect("a request");
                if let Some(first) = first.take() {
                    let _ = first.send(String::from_utf8_lossy(&request[..read]).into_owned());
                }
                let answer = answers[turn.min(answers.len() - 1)];
                turn += 1;
                let response = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                connection.write_all(response.as_bytes()).await.expect("written");
            }
        });
        let result = probe.wait_for_answer(URL, &COMMIT.parse().expect("a commit")).await;
        server.abort();
        (result, asked.await.expect("a request"))
    }

    fn rustls_provider() -> Result<(), impl Sized> {
        rustls::crypto::ring::default_provider().install_default()
    }

    #[tokio::test]
    async fn the_ingress_controller_is_asked_for_the_previews_host() {
        let (result, asked) = visit(&["200 OK"]).await;
        assert_eq!(result, Ok(()));
        assert!(asked.to_lowercase().contains("host: pr-1.preview.localhost:"), "{asked}");
    }

    #[tokio::test]
    async fn what_is_not_yet_this_commit_is_waited_out() {
        let (result, _) = visit(&[
            "404 Not Found",
            "503 Service Unavailable",
            "200 OK\r\nX-Preview-Commit: ffffffffffffffffffffffffffffffffffffffff",
            "200 OK\r\nX-Preview-Commit: 0123456789abcdef0123456789abcdef01234567",
        ])
        .await;
        assert_eq!(result, Ok(()));
    }

    #[tokio::test]
    async fn an_app_that_sends_visitors_to_its_login_page_answers() {
        let (result, _) =
            visit(&["302 Found\r\nLocation: https://elsewhere.example/", "302 Found\r\nLocation: /login"])
                .await;
        assert_eq!(result, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_end_it_says_what_it_saw() {
        let _ = rustls_provider();
        // Port 9 of the own machine: nobody listens there.
        let probe = UrlProbe::new(Some(([127, 0, 0, 1], 9).into())).expect("a client");
        let result = probe.wait_for_answer(URL, &COMMIT.parse().expect("a commit")).await;
        let seen = result.expect_err("nobody answers");
        assert!(seen.contains("refused") && seen.ends_with("for 60 seconds"), "{seen}");
    }
}
