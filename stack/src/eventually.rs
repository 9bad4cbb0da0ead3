//! Waits for a condition that nothing announces.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How often the condition is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Waits until `check` succeeds, asking it again and again, and returns what it found; it names what is
/// missing otherwise.
///
/// # Errors
/// What was missing at the end of `patience`.
pub async fn eventually<T>(
    patience: Duration,
    check: impl AsyncFn() -> Result<T, String>,
) -> Result<T, String> {
    let deadline = Instant::now() + patience;
    let mut missing: Option<String> = None;
    loop {
        let why = match timeout_at(deadline, check()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(why)) => why,
            Err(_) => match missing {
                Some(before) => format!("{before} (and then no answer at all)"),
                None => "no answer".to_owned(),
            },
        };
        if Instant::now() >= deadline {
            return Err(format!("{why}, after {} s", patience.as_secs()));
        }
        missing = Some(why);
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_asks_until_the_condition_holds() {
        let asked = Cell::new(0);
        let check = async || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 { Ok("here") } else { Err("not yet".to_owned()) }
        };
        assert_eq!(eventually(Duration::from_secs(1), check).await, Ok("here"));
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_what_was_missing_in_the_end() {
        let patience = Duration::from_secs(2);
        let missing = eventually(patience, async || Err::<(), _>("no socket".to_owned())).await;
        assert_eq!(missing, Err("no socket, after 2 s".to_owned()));
        let silent = eventually::<()>(patience, async || pending().await).await;
        assert_eq!(silent, Err("no answer, after 2 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_what_was_missing_before_there_was_no_answer() {
        let asked = Cell::new(false);
        let check = async || {
            if asked.replace(true) {
                pending().await
            } else {
                Err::<(), _>("no socket".to_owned())
            }
        };
        let silent = eventually(Duration::from_secs(2), check).await;
        assert_eq!(silent, Err("no socket (and then no answer at all), after 2 s".to_owned()));
    }
}
