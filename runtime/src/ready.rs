//! `preview-webhook ready` and `preview-worker ready`: the health check of a container in which there is no
//! other program to ask with.

use std::{
    env,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The argument that asks for it.
const COMMAND: &str = "ready";
/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// So much of an answer is read, in bytes.
const ANSWER_MAX: u64 = 4096;

/// Asks the program that runs beside this one whether it is ready, if the program's arguments ask for that:
/// where the variable `setting` says that its probes are answered, or else at `default`. Ends with 0 if it
/// is.
pub async fn asked_for(
    arguments: impl IntoIterator<Item = OsString>,
    setting: &str,
    default: SocketAddr,
) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != COMMAND || arguments.next().is_some() {
        return None;
    }
    let set = env::var(setting).ok();
    let address = set.and_then(|address| address.parse().ok()).unwrap_or(default);
    Some(match timeout(PATIENCE, ask(address)).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(why)) => refused(&why),
        Err(_) => refused(&format!("no answer within {} s", PATIENCE.as_secs())),
    })
}

fn refused(why: &str) -> ExitCode {
    eprintln!("not ready: {why}");
    ExitCode::FAILURE
}

async fn ask(address: SocketAddr) -> Result<(), String> {
    let answer = exchange(reachable(address)).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(if body.is_empty() { head } else { body }.trim().to_owned()),
    }
}

async fn exchange(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.take(ANSWER_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Where something listens on all addresses, this machine's own is one of them.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(status: StatusCode, body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/readyz", get(async move || (status, body)));
        tokio::spawn(async { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn it_is_what_the_probe_answers() {
        assert_eq!(ask(answering(StatusCode::OK, "ready\n").await).await, Ok(()));
        let busy = answering(StatusCode::SERVICE_UNAVAILABLE, "Temporal did not answer\n").await;
        assert_eq!(ask(busy).await, Err("Temporal did not answer".to_owned()));
    }

    #[tokio::test]
    async fn nothing_but_the_one_argument_asks_for_it() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        for arguments in [&["worker"][..], &["worker", "--help"], &["worker", "ready", "or-not"]] {
            assert_eq!(asked_for(words(arguments), "NOT_SET", nobody).await, None, "{arguments:?}");
        }
        let asked = asked_for(words(&["worker", "ready"]), "NOT_SET", nobody).await;
        assert_eq!(asked, Some(ExitCode::FAILURE));
    }
}
