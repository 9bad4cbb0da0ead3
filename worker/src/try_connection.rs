//! `preview-worker try-connection`: what runs in the pod that tries whether network policies are enforced.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use activities::NOT_SEEN;
use clap::{Parser, ValueEnum};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// The argument that asks for it.
const COMMAND: &str = "try-connection";
/// How long one attempt may take. What a policy drops is never answered.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// One attempt that fails may be chance.
const FAILURES: u32 = 3;

/// Tries to connect, by TCP and without a word, to the API server of the cluster that it runs in. Ends with 0
/// as soon as that is as wanted, and with 3 if it is not in time.
#[derive(Debug, Parser)]
#[command(name = "preview-worker try-connection")]
pub struct TryConnection {
    /// What is waited for.
    wanted: Wanted,

    /// For how long.
    #[arg(long, value_name = "NUMBER")]
    seconds: u64,

    /// Where the API server is.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST")]
    host: String,

    /// Its port.
    #[arg(long, env = "KUBERNETES_SERVICE_PORT")]
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// One attempt connects.
    Open,
    /// Three attempts in a row do not connect.
    Closed,
}

impl TryConnection {
    /// What the program's arguments say, if they ask for this; ends the program where they cannot be
    /// understood.
    #[must_use]
    pub fn asked_for(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter().skip(1).peekable();
        (arguments.peek()? == COMMAND).then(|| Self::parse_from(arguments))
    }

    /// Tries it.
    pub async fn run(&self) -> ExitCode {
        let address = (self.host.as_str(), self.port);
        let attempt = async || match timeout(ATTEMPT, TcpStream::connect(address)).await {
            Ok(connected) => connected.map(drop).map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ATTEMPT.as_secs())),
        };
        match comes_to_be(self.wanted, Duration::from_secs(self.seconds), attempt).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(last) => {
                eprintln!("{}:{}: {last}", self.host, self.port);
                ExitCode::from(NOT_SEEN)
            }
        }
    }
}

/// The error is how the last attempt went.
async fn comes_to_be(
    wanted: Wanted,
    within: Duration,
    attempt: impl AsyncFn() -> Result<(), String>,
) -> Result<(), String> {
    let end = Instant::now() + within;
    let mut failures = 0;
    loop {
        let outcome = attempt().await;
        failures = if outcome.is_ok() { 0 } else { failures + 1 };
        let seen = match wanted {
            Wanted::Open => outcome.is_ok(),
            Wanted::Closed => failures >= FAILURES,
        };
        if seen {
            return Ok(());
        }
        if Instant::now() >= end {
            return outcome.map_or_else(Err, |()| Err("it connects".to_owned()));
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    fn arguments(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn nothing_but_the_first_argument_asks_for_it() {
        let server = ["--host=fd00::1", "--port=443"];
        let asked = [["preview-worker", COMMAND].as_slice(), &["closed", "--seconds=5"], &server].concat();
        let attempt = TryConnection::asked_for(arguments(&asked)).expect("it is asked for");
        assert_eq!((attempt.wanted, attempt.seconds, attempt.port), (Wanted::Closed, 5, 443));
        assert!(TryConnection::asked_for(arguments(&["preview-worker"])).is_none());
        assert!(TryConnection::asked_for(arguments(&["preview-worker", "--help", COMMAND])).is_none());
    }

    /// Attempts go as listed; when the list is over, as its last one.
    fn attempts(outcomes: &[bool]) -> impl AsyncFn() -> Result<(), String> {
        let next = Cell::new(0);
        async move || {
            let turn = next.replace(next.get() + 1).min(outcomes.len() - 1);
            if outcomes[turn] { Ok(()) } else { Err("refused".to_owned()) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn open_is_one_connection_and_closed_three_failures_in_a_row() {
        for (wanted, outcomes, seen) in [
            (Wanted::Open, [false, false, true].as_slice(), Ok(())),
            (Wanted::Open, &[false], Err("refused".to_owned())),
            (Wanted::Closed, &[true, true, false], Ok(())),
            (Wanted::Closed, &[true], Err("it connects".to_owned())),
            (Wanted::Closed, &[false, false, true], Err("it connects".to_owned())),
        ] {
            assert_eq!(
                comes_to_be(wanted, WITHIN, attempts(outcomes)).await,
                seen,
                "{wanted:?} {outcomes:?}"
            );
        }
    }
}
