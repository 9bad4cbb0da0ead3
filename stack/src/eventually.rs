//! Waits for a condition that nothing announces.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How often the condition is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Waits until `check` succeeds, asking it again and again; it names what is missing otherwise.
///
/// # Errors
/// What was missing at the end of `patience`.
pub async fn eventually(
    patience: Duration,
    check: impl AsyncFn() -> Result<(), String>,
) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    loop {
        let Err(why) = timeout_at(deadline, check()).await.unwrap_or_else(|_| Err("no answer".into())) else {
            return Ok(());
        };
        if Instant::now() >= deadline {
            return Err(format!("{why}, after {} s", patience.as_secs()));
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_asks_until_the_condition_holds() {
        let asked = Cell::new(0);
        let check = async || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 { Ok(()) } else { Err("not yet".to_owned()) }
        };
        assert_eq!(eventually(Duration::from_secs(1), check).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_what_was_missing_in_the_end() {
        let patience = Duration::from_secs(2);
        let missing = eventually(patience, async || Err("no socket".to_owned())).await;
        assert_eq!(missing, Err("no socket, after 2 s".to_owned()));
        let silent = eventually(patience, async || std::future::pending().await).await;
        assert_eq!(silent, Err("no answer, after 2 s".to_owned()));
    }
}
