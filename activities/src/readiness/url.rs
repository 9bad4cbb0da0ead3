//! Probes the address that is about to be published: the app itself must answer, and with this very commit.
//!
//! An ingress controller answers, too, for hosts that it does not know yet. So the same is asked of a host
//! that nobody has a route for, the *control*: what is answered alike there is the controller's, and is
//! waited out.

use std::{sync::Arc, time::Duration};

use domain::{
    CommitSha, PreviewDomain,
    preview::{AnswerNote, ExpectedStatus, Probe, ProbePath},
};
use reqwest::{
    Client, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::IngressAddress;
use crate::failure::with_causes;

/// Between two tries. The person is waiting for exactly this, so it is short; it lasts only until the
/// ingress controller has noticed the new host.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// One try.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// An app may say which commit it serves. What another commit answers is not yet this preview.
const COMMIT_HEADER: &str = "x-preview-commit";
/// So much of a page is compared, in bytes.
const BODY_MAX: usize = 64 * 1024;

/// Asks previews' addresses, as a browser would: through the ingress controller.
#[derive(Clone)]
pub(super) struct UrlProbe {
    http: Client,
    ingress: Option<IngressAddress>,
}

/// Where is asked, and what.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Below which names of previews are.
    pub(super) domain: &'a PreviewDomain,
    /// The host.
    pub(super) host: &'a str,
    /// The commit that shall answer.
    pub(super) commit: &'a CommitSha,
    /// What is asked, and what answer is one.
    pub(super) probe: &'a Probe,
}

impl UrlProbe {
    /// With `ingress`, every host name leads there, whatever the DNS says.
    pub(super) fn new(ingress: Option<IngressAddress>) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .timeout(TRY_TIMEOUT)
            // Where a pull request's app sends us is not ours to go to.
            .redirect(redirect::Policy::none())
            // A proxy for the way out would not know a cluster's ingress.
            .no_proxy()
            .user_agent(concat!("preview/", env!("CARGO_PKG_VERSION")));
        if let Some(address) = &ingress {
            builder = builder.dns_resolver(Arc::new(StaticResolver(address.clone())));
        }
        Ok(Self { http: builder.build()?, ingress })
    }

    /// Returns when the target answers; otherwise, when the patience is over, with the last thing that
    /// was seen there.
    pub(super) async fn wait_for_answer(
        &self,
        target: Target<'_>,
        patience: Duration,
    ) -> Result<Option<AnswerNote>, String> {
        let start = Instant::now();
        loop {
            let seen = match self.try_once(target).await {
                Ok(note) => return Ok(note),
                Err(seen) => seen,
            };
            if start.elapsed() >= patience {
                return Err(format!("{seen}, for {} seconds", patience.as_secs()));
            }
            sleep(TRY_AGAIN).await;
        }
    }

    /// The same of an app that answers at another host already. If it goes on to answer here otherwise than
    /// it should, it means to, and that is told.
    pub(super) async fn wait_for_any_answer(
        &self,
        target: Target<'_>,
        patience: Duration,
    ) -> Result<Option<AnswerNote>, String> {
        let waited = self.wait_for_answer(target, patience).await;
        let (Err(seen), Probe::Http { path, .. }) = (&waited, target.probe) else {
            return waited;
        };
        let probe = Probe::Http { path: path.clone(), expects: ExpectedStatus::default() };
        let any = Target { probe: &probe, ..target };
        self.try_once(any).await.map_err(|_| seen.clone())
    }

    async fn try_once(&self, target: Target<'_>) -> Result<Option<AnswerNote>, String> {
        let address = self.address(&target.domain.url(target.host))?;
        match target.probe {
            Probe::Tcp => self.connect(&address).await.map(|()| None),
            Probe::Http { path, expects } => self.ask_for_page(target, &address, path, expects).await,
        }
    }

    async fn ask_for_page(
        &self,
        Target { domain, commit, .. }: Target<'_>,
        address: &Url,
        path: &ProbePath,
        expects: &ExpectedStatus,
    ) -> Result<Option<AnswerNote>, String> {
        let answer = self.ask(address, path).await.map_err(|error| with_causes(&error))?;
        let note = answer.accepted(path, expects, commit)?;
        if answer.is_by(commit) {
            return Ok(note);
        }
        // Drawn each time: nobody has a route for it.
        let control = domain.host(&format!("nobody-{:016x}", fastrand::u64(..)));
        match self.ask(&self.address(&domain.url(&control))?, path).await {
            Ok(control) if answer.is_alike(&control) => {
                Err(format!("the address answers {}, as every host does that leads nowhere", answer.status))
            }
            // A controller that is silent for hosts it does not know answers otherwise, too.
            Ok(_) => Ok(note),
            Err(error) if error.is_timeout() => {
                Err("the ingress controller does not answer in time".to_owned())
            }
            Err(_) => Ok(note),
        }
    }

    async fn ask(&self, address: &Url, path: &ProbePath) -> Result<Answer, reqwest::Error> {
        let mut page = address.clone();
        let (path, query) = path
            .as_str()
            .split_once('?')
            .map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
        page.set_path(path);
        page.set_query(query);
        let response = self.http.get(page).send().await.map_err(reqwest::Error::without_url)?;
        Ok(Answer::read(response).await)
    }

    async fn connect(&self, address: &Url) -> Result<(), String> {
        let connect = async || match &self.ingress {
            Some(ingress) => TcpStream::connect(&*ingress.resolve().await?).await,
            None => {
                let (host, port) = (address.host_str().unwrap_or_default(), address.port_or_known_default());
                TcpStream::connect((host, port.unwrap_or_default())).await
            }
        };
        match timeout(TRY_TIMEOUT, connect()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the address takes no connection".to_owned()),
        }
    }

    /// The public address may have another port than the one the ingress controller listens on here.
    fn address(&self, url: &str) -> Result<Url, String> {
        let mut address: Url = url.parse().map_err(|error| format!("{url} is not an address: {error}"))?;
        if let Some(ingress) = &self.ingress {
            // Fails for addresses without a host only, and previews have one.
            let _ = address.set_port(Some(ingress.port()));
        }
        Ok(address)
    }
}

/// An answer, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Which commit says that it answers.
    commit: Option<String>,
    /// The site that it leads to, if that is another one. By its name: the port is another one in here.
    elsewhere: Option<String>,
    /// Its beginning, without the name of the host: controllers repeat that.
    body: String,
}

impl Answer {
    async fn read(mut response: Response) -> Self {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let commit = header(COMMIT_HEADER).map(str::to_owned);
        let url = response.url().clone();
        let target = header("location").and_then(|location| url.join(location).ok());
        let elsewhere = target
            .filter(|target| response.status().is_redirection() && target.host_str() != url.host_str())
            .map(|target| target.origin().ascii_serialization());
        let mut body = Vec::new();
        // What was read before a connection broke is enough to compare.
        while body.len() < BODY_MAX
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk[..chunk.len().min(BODY_MAX - body.len())]);
        }
        Self {
            status: response.status().as_u16(),
            commit,
            elsewhere,
            body: without_host(&String::from_utf8_lossy(&body), &url),
        }
    }

    /// What is worth knowing of it, if it counts.
    fn accepted(
        &self,
        path: &ProbePath,
        expects: &ExpectedStatus,
        commit: &CommitSha,
    ) -> Result<Option<AnswerNote>, String> {
        if self.commit.is_some() && !self.is_by(commit) {
            return Err("another commit answers at the address".to_owned());
        }
        if !expects.is_met_by(self.status) {
            return Err(format!("the address answers {} at {path}", self.status));
        }
        Ok(if expects.is_chosen() {
            None
        } else if self.status >= 400 {
            Some(AnswerNote::Refuses { status: self.status, path: path.clone() })
        } else {
            self.elsewhere.clone().map(|to| AnswerNote::Redirects { to })
        })
    }

    fn is_by(&self, commit: &CommitSha) -> bool {
        self.commit.as_deref() == Some(commit.as_str())
    }

    /// Would nobody tell the two apart?
    fn is_alike(&self, other: &Self) -> bool {
        self.status == other.status && self.body == other.body
    }
}

/// A text in which the address's host has no name.
fn without_host(text: &str, address: &Url) -> String {
    match address.host_str() {
        Some(host) if !host.is_empty() => text.replace(host, "{host}"),
        _ => text.to_owned(),
    }
}

/// Resolves every name to the ingress controller's address.
struct StaticResolver(IngressAddress);

impl Resolve for StaticResolver {
    fn resolve(&self, _: Name) -> Resolving {
        let address = self.0.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(address.resolve().await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::oneshot,
        task::JoinHandle,
    };
    use workflows::contract::timeouts::URL_ANSWERS;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const HOST: &str = "pr-1.preview.localhost";

    fn domain() -> PreviewDomain {
        "http://preview.localhost:8088".parse().expect("a domain")
    }

    fn commit() -> CommitSha {
        COMMIT.parse().expect("a commit")
    }

    /// An ingress controller that gives these answers in turn, the last one for ever; and another one for
    /// hosts that it does not know. And what it was first asked.
    async fn visit(
        answers: &'static [&'static str],
        unknown: &'static str,
    ) -> (Result<Option<AnswerNote>, String>, String) {
        let (probe, asked, server) = controller(answers, unknown).await;
        let (domain, commit, asked_for) = (domain(), commit(), Probe::default());
        let target = Target {
            domain: &domain,
            host: HOST,
            commit: &commit,
            probe: &asked_for,
        };
        let result = probe.wait_for_answer(target, URL_ANSWERS).await;
        server.abort();
        (result, asked.await.expect("a request"))
    }

    async fn controller(
        answers: &'static [&'static str],
        unknown: &'static str,
    ) -> (UrlProbe, oneshot::Receiver<String>, JoinHandle<()>) {
        let _ = rustls_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let probe = UrlProbe::new(listener.local_addr().unwrap().to_string().parse().ok()).expect("a client");
        let (first, asked) = oneshot::channel();
        let server = tokio::spawn(async move {
            let mut first = Some(first);
            let mut turn = 0;
            loop {
                let (mut connection, _) = listener.accept().await.expect("a connection");
                let mut request = vec![0; 4096];
                let read = connection.read(&mut request).await.expect("a request");
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let answer = if request.contains("nobody-") {
                    unknown
                } else {
                    turn += 1;
                    answers[(turn - 1).min(answers.len() - 1)]
                };
                if let Some(first) = first.take() {
                    let _ = first.send(request);
                }
                // `status and headers | body`
                let (head, body) = answer.split_once(" | ").unwrap_or((answer, ""));
                let length = body.len();
                let response =
                    format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
                connection.write_all(response.as_bytes()).await.expect("written");
            }
        });
        (probe, asked, server)
    }

    fn rustls_provider() -> Result<(), impl Sized> {
        rustls::crypto::ring::default_provider().install_default()
    }

    const UNKNOWN: &str = "404 Not Found | 404 page not found";

    #[tokio::test]
    async fn the_ingress_controller_is_asked_for_the_previews_host() {
        let (result, asked) = visit(&["200 OK | hello"], UNKNOWN).await;
        assert_eq!(result, Ok(None));
        assert!(asked.to_lowercase().contains("host: pr-1.preview.localhost:"), "{asked}");
    }

    #[tokio::test]
    async fn what_is_not_yet_this_commit_is_waited_out() {
        let (result, _) = visit(
            &[
                UNKNOWN,
                "503 Service Unavailable",
                "200 OK\r\nX-Preview-Commit: ffffffffffffffffffffffffffffffffffffffff",
                "200 OK\r\nX-Preview-Commit: 0123456789abcdef0123456789abcdef01234567",
            ],
            UNKNOWN,
        )
        .await;
        assert_eq!(result, Ok(None));
    }

    #[tokio::test]
    async fn a_page_that_every_host_has_is_the_controllers_and_not_the_apps() {
        const WELCOME: &str = "200 OK | Welcome to nginx!";
        let (result, _) = visit(&[WELCOME, WELCOME, "200 OK | hello"], WELCOME).await;
        assert_eq!(result, Ok(None));
    }

    #[tokio::test]
    async fn what_an_app_refuses_is_an_answer_and_told() {
        let refuses = |status| Ok(Some(AnswerNote::Refuses { status, path: ProbePath::default() }));
        for (answer, told) in [
            ("401 Unauthorized | who are you?", refuses(401)),
            ("404 Not Found | <h1>No such page</h1>", refuses(404)),
            (
                "302 Found\r\nLocation: https://login.example.com/?to=x",
                Ok(Some(AnswerNote::Redirects { to: "https://login.example.com".to_owned() })),
            ),
            ("302 Found\r\nLocation: /login", Ok(None)),
            ("302 Found\r\nLocation: http://pr-1.preview.localhost:8088/login", Ok(None)),
        ] {
            let answers: &'static [&'static str] = vec![UNKNOWN, answer].leak();
            assert_eq!(visit(answers, UNKNOWN).await.0, told, "{answer}");
        }
    }

    #[tokio::test]
    async fn at_another_host_what_the_app_says_to_it_is_told_and_what_the_controller_says_is_not() {
        let expects_200 = Probe::Http {
            path: ProbePath::default(),
            expects: ExpectedStatus::try_from(std::collections::BTreeSet::from([200])).expect("statuses"),
        };
        let refuses = || Some(AnswerNote::Refuses { status: 400, path: ProbePath::default() });
        const BAD_HOST: &str = "400 Bad Request | DisallowedHost";
        for (probe, answer, told) in [
            (Probe::default(), BAD_HOST, Ok(refuses())),
            (expects_200.clone(), BAD_HOST, Ok(refuses())),
            (expects_200.clone(), "200 OK | hello", Ok(None)),
            (expects_200, UNKNOWN, Err("the address answers 404 at /, for 0 seconds".to_owned())),
            (
                Probe::default(),
                "503 Service Unavailable",
                Err("the address answers 503 at /, for 0 seconds".to_owned()),
            ),
        ] {
            let (url_probe, _asked, server) = controller(vec![answer].leak(), UNKNOWN).await;
            let (domain, commit) = (domain(), commit());
            let target = Target { domain: &domain, host: HOST, commit: &commit, probe: &probe };
            let seen = url_probe.wait_for_any_answer(target, Duration::ZERO).await;
            assert_eq!(seen, told, "{answer}");
            server.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_end_it_says_what_it_saw() {
        let _ = rustls_provider();
        // Port 9 of the own machine: nobody listens there.
        let probe = UrlProbe::new("127.0.0.1:9".parse().ok()).expect("a client");
        for wanted in [Probe::default(), Probe::Tcp] {
            let (domain, commit) = (domain(), commit());
            let target = Target { domain: &domain, host: HOST, commit: &commit, probe: &wanted };
            let result = probe.wait_for_answer(target, URL_ANSWERS).await;
            let seen = result.expect_err("nobody answers");
            assert!(seen.contains("refused") && seen.ends_with("for 60 seconds"), "{seen}");
        }
    }

    fn any_answer() -> impl Strategy<Value = Answer> {
        let commit = prop::option::of(prop_oneof![Just(COMMIT.to_owned()), Just("f".repeat(40))]);
        let elsewhere = prop::option::of(Just("https://login.example.com".to_owned()));
        (200u16..600, commit, elsewhere, "[a-c]{0,2}").prop_map(|(status, commit, elsewhere, body)| Answer {
            status,
            commit,
            elsewhere,
            body,
        })
    }

    proptest! {
        #[test]
        fn only_what_this_commit_may_have_said_counts(answer in any_answer(), chosen in prop::option::of(200u16..600)) {
            let expects = ExpectedStatus::try_from(chosen.into_iter().collect::<std::collections::BTreeSet<_>>()).expect("statuses");
            let counts = answer.accepted(&ProbePath::default(), &expects, &commit());
            let is_anothers = answer.commit.as_deref().is_some_and(|served| served != COMMIT);
            prop_assert_eq!(counts.is_ok(), !is_anothers && chosen.map_or(answer.status < 500, |it| it == answer.status));
            if let Ok(Some(note)) = counts {
                prop_assert!(chosen.is_none() && (answer.status >= 400 || answer.elsewhere.is_some()), "{note:?}");
            }
        }

        #[test]
        fn a_host_is_not_told_apart_by_its_name(body in "[a-z ]{0,40}") {
            let page = |host: &str| without_host(&format!("{body} {host} {body}"), &format!("http://{host}/").parse().expect("an address"));
            prop_assert_eq!(page("pr-1.preview.localhost"), page("nobody-0.preview.localhost"));
        }
    }
}
