//! Limits what is held for callers who have not proven yet that they are GitHub.
//!
//! A limit at which newcomers are turned away can be used up by whoever holds on to what he got. At this one
//! nobody is turned away: whoever has held longest is evicted. A delivery of GitHub's is read and verified
//! within a moment, so it is never the oldest; stalled callers are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tokio_util::sync::CancellationToken;

/// What deliveries may take of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at the same time, verified or not.
    pub connections: usize,
    /// Bytes of bodies that are not verified yet, of all of them together.
    pub unverified_bytes: usize,
    /// Verified deliveries that are passed on to Temporal at the same time.
    pub concurrent: usize,
    /// Longest time for the headers of a request, from the opening of its connection, and again for its body.
    pub receive_timeout: Duration,
}

/// An amount that all holders share: of connections, of bytes. Cheap to clone; all clones are the same limit.
#[derive(Debug, Clone)]
pub struct Limit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    /// How much is held now.
    held: Gauge,
    /// How many holders were evicted so far.
    evicted: Counter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    total: usize,
    /// In the order in which they came.
    holders: BTreeMap<u64, Holding>,
}

#[derive(Debug)]
struct Holding {
    amount: usize,
    is_verified: bool,
    evicted: CancellationToken,
}

/// Somebody who holds a part of the amount. Dropping it gives that part back.
#[derive(Debug)]
pub struct Holder {
    limit: Limit,
    number: u64,
    evicted: CancellationToken,
}

/// There is no room any more: whoever holds on longest without being verified
/// goes first, and that is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted;

impl Limit {
    /// At most `most` is held at any time. `held` and `evicted` are kept up to date.
    #[must_use]
    pub fn new(most: usize, held: Gauge, evicted: Counter) -> Self {
        Self {
            shared: Arc::new(Shared { most, held, evicted, state: Mutex::default() }),
        }
    }

    /// The newest holder, of nothing yet.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let evicted = CancellationToken::new();
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state
            .holders
            .insert(number, Holding { amount: 0, is_verified: false, evicted: evicted.clone() });
        drop(state);
        Holder { limit: self.clone(), number, evicted }
    }

    /// How much is held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state().total
    }

    /// Every change is complete before the lock is given back, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        let state = &self.shared.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, state: &State) {
        let total = i64::try_from(state.total).unwrap_or(i64::MAX);
        self.shared.held.set(total);
    }
}

impl Holder {
    /// Holds `more`, at the cost of the oldest holders if need be. An evicted one gets to know
    /// at once, and what it held counts as free.
    ///
    /// # Errors
    /// [`Evicted`] if this is the oldest itself of those who are not verified, or was evicted before.
    pub fn hold(&self, more: usize) -> Result<(), Evicted> {
        let mut state = self.limit.state();
        let is_there = state.holders.contains_key(&self.number);
        let has_room = is_there && self.make_room(&mut state, more);
        let held = match state.holders.get_mut(&self.number) {
            Some(holding) if has_room => {
                holding.amount += more;
                state.total += more;
                Ok(())
            }
            _ => Err(Evicted),
        };
        self.limit.report(&state);
        held
    }

    /// Evicts from the oldest on, itself not excepted, until there is room for
    /// `more` or nobody is left to evict.
    fn make_room(&self, state: &mut State, more: usize) -> bool {
        while state.total.saturating_add(more) > self.limit.shared.most {
            let oldest = state.holders.iter().find(|(number, holding)| {
                let holds = holding.amount > 0 || **number == self.number;
                holds && !holding.is_verified
            });
            let Some((&oldest, _)) = oldest else {
                return false;
            };
            if let Some(holding) = state.holders.remove(&oldest) {
                state.total -= holding.amount;
                holding.evicted.cancel();
                self.limit.shared.evicted.inc();
            }
            if oldest == self.number {
                return false;
            }
        }
        true
    }

    /// From now on nobody comes at this one's cost: it has proven who it is.
    pub fn verified(&self) {
        if let Some(holding) = self.limit.state().holders.get_mut(&self.number) {
            holding.is_verified = true;
        }
    }

    /// Returns when somebody newer needs what this one holds.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if let Some(holding) = state.holders.remove(&self.number) {
            state.total -= holding.amount;
        }
        self.limit.report(&state);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(most: usize) -> Limit {
        Limit::new(most, Gauge::default(), Counter::default())
    }

    fn is_evicted(holder: &Holder) -> bool {
        holder.evicted.is_cancelled()
    }

    #[test]
    fn the_oldest_makes_room_for_the_newest() {
        let limit = limit(2);
        let [first, second, third] = [(); 3].map(|()| limit.holder());
        for holder in [&first, &second, &third] {
            assert_eq!(holder.hold(1), Ok(()));
        }
        assert_eq!([&first, &second, &third].map(is_evicted), [true, false, false]);
        assert_eq!(limit.held(), 2);
        assert_eq!(first.hold(1), Err(Evicted), "it does not come back");
        assert_eq!(limit.shared.evicted.get(), 1);
    }

    #[test]
    fn whoever_is_verified_stays() {
        let limit = limit(2);
        let [first, second, third] = [(); 3].map(|()| limit.holder());
        assert_eq!(first.hold(1), Ok(()));
        first.verified();
        assert_eq!(second.hold(1), Ok(()));
        second.verified();
        assert_eq!(third.hold(1), Err(Evicted));
        assert_eq!([&first, &second].map(is_evicted), [false, false]);
        drop(first);
        assert_eq!(limit.holder().hold(1), Ok(()));
    }

    #[test]
    fn the_oldest_does_not_grow_at_the_cost_of_newer_ones() {
        let limit = limit(10);
        let [first, second] = [(); 2].map(|()| limit.holder());
        assert_eq!(first.hold(6), Ok(()));
        assert_eq!(second.hold(4), Ok(()));
        assert_eq!(first.hold(1), Err(Evicted));
        assert_eq!((limit.held(), is_evicted(&second)), (4, false));
    }

    #[test]
    fn who_holds_nothing_is_not_evicted_for_it() {
        let limit = limit(1);
        let idle = limit.holder();
        let [first, second] = [(); 2].map(|()| limit.holder());
        assert_eq!(first.hold(1), Ok(()));
        assert_eq!(second.hold(1), Ok(()));
        assert_eq!([&idle, &first].map(is_evicted), [false, true]);
    }

    #[test]
    fn more_than_there_is_at_all_is_not_given() {
        let limit = limit(3);
        let holder = limit.holder();
        assert_eq!(holder.hold(4), Err(Evicted));
        assert_eq!(limit.held(), 0);
    }

    proptest! {
        #[test]
        fn no_more_is_held_than_the_limit_and_all_of_it_comes_back(
            most in 0..20_usize,
            steps in prop::collection::vec((0..8_usize, 0..30_usize, 0..10_u8), 0..200),
        ) {
            let limit = limit(most);
            let mut holders: Vec<_> = (0..8).map(|_| Some(limit.holder())).collect();
            for (index, amount, what) in steps {
                match (what, &holders[index]) {
                    (0, _) => holders[index] = None,
                    (1, Some(holder)) => holder.verified(),
                    (_, Some(holder)) if holder.hold(amount).is_ok() => {
                        prop_assert!(!is_evicted(holder));
                    }
                    (_, Some(_)) => {}
                    (_, None) => holders[index] = Some(limit.holder()),
                }
                prop_assert!(limit.held() <= most);
                prop_assert_eq!(usize::try_from(limit.shared.held.get()), Ok(limit.held()));
            }
            holders.clear();
            prop_assert_eq!(limit.held(), 0);
        }
    }
}
