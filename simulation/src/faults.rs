//! How often things go wrong of themselves.

/// Chances, each between 0 and 1, and bounds. A seed switches each of them on or off: a run in which one
/// thing goes wrong often finds what a run in which everything goes wrong sometimes does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// A call, task or message takes up to ten seconds.
    pub slow: f64,
    /// A run's code is thrown away before a workflow task.
    pub eviction: f64,
    /// Continue-as-new is suggested from so many events on.
    pub long_history: u32,
    /// GitHub answers 5xx.
    pub github_error: f64,
    /// GitHub carries out a write and its answer is lost.
    pub lost_answer: f64,
    /// GitHub carries out a write after the client has given up.
    pub late_write: f64,
    /// The API server does not answer.
    pub cluster_error: f64,
}

impl Weights {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        slow: 0.0,
        eviction: 0.0,
        long_history: 4_096,
        github_error: 0.0,
        lost_answer: 0.0,
        late_write: 0.0,
        cluster_error: 0.0,
    };

    /// Some things do.
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        let mut chance = |highest: f64| if random.bool() { highest * random.f64() } else { 0.0 };
        let (slow, eviction) = (chance(0.3), chance(0.2));
        let (github_error, lost_answer, late_write) = (chance(0.2), chance(0.2), chance(0.1));
        let cluster_error = chance(0.05);
        let long_history = if random.u8(..4) == 0 { random.u32(60..400) } else { 4_096 };
        Self {
            slow,
            eviction,
            long_history,
            github_error,
            lost_answer,
            late_write,
            cluster_error,
        }
    }

    /// Each with one thing less that goes wrong.
    pub fn simpler(&self) -> Vec<Self> {
        let none = Self::NONE;
        let candidates = [
            Self { slow: none.slow, ..self.clone() },
            Self { eviction: none.eviction, ..self.clone() },
            Self { long_history: none.long_history, ..self.clone() },
            Self { github_error: none.github_error, ..self.clone() },
            Self { lost_answer: none.lost_answer, ..self.clone() },
            Self { late_write: none.late_write, ..self.clone() },
            Self { cluster_error: none.cluster_error, ..self.clone() },
        ];
        candidates.into_iter().filter(|candidate| candidate != self).collect()
    }
}
