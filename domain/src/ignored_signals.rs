//! What was sent to a workflow and made no sense, kept for people to read.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many are kept.
const KEPT: usize = 5;

/// The last signals that made no sense, each with its name and the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredSignals(VecDeque<String>);

impl IgnoredSignals {
    /// What was sent, if it makes sense; otherwise it is noted.
    pub fn sift<T>(&mut self, signal: &str, sent: Result<T, String>) -> Option<T> {
        match sent {
            Ok(value) => Some(value),
            Err(reason) => {
                if self.0.len() == KEPT {
                    self.0.pop_front();
                }
                self.0.push_back(format!("{signal}: {reason}"));
                None
            }
        }
    }

    /// Oldest first.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_are_kept() {
        let mut ignored = IgnoredSignals::default();
        assert_eq!(ignored.sift("stop", Ok(7)), Some(7));
        assert!(ignored.to_vec().is_empty());
        for number in 0..7 {
            let garbage: Result<u8, _> = Err(format!("garbage {number}"));
            assert_eq!(ignored.sift("stop", garbage), None);
        }
        let kept = ignored.to_vec();
        assert_eq!((kept.len(), kept[0].as_str()), (KEPT, "stop: garbage 2"));
    }
}
