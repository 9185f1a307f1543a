//! Who may do something to a thing now: many that leave it as it is, or one that changes it.
//!
//! A thing is a blob's name, or an upload. *Shares* are many (pins; parts that are being saved). An
//! *owner* is alone. [`Gate::own`] waits for owners only: the assembly of a blob that is pinned
//! changes nothing about it. [`Gate::own_alone`] waits for shares too, and [`Gate::try_own_alone`]
//! gives up instead. No lock is held while somebody owns: an entry in a map says so, and goes on
//! drop.
//!
//! What happens under an owner runs as a task of its own, that no caller cancels: when the entry goes,
//! nothing of it is still on its way.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Gate<K: Eq + Hash + Copy> {
    state: Mutex<State<K>>,
    left: Notify,
}

#[derive(Debug)]
struct State<K> {
    entries: HashMap<K, Entry>,
    /// What was shared since each watch began, and what was shared then.
    watches: HashMap<u64, HashSet<K>>,
    next_watch: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Entry {
    shares: usize,
    owned: bool,
}

impl<K: Eq + Hash + Copy> Gate<K> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { entries: HashMap::new(), watches: HashMap::new(), next_watch: 0 };
        Arc::new(Self { state: Mutex::new(state), left: Notify::new() })
    }

    /// A share, once nobody owns.
    pub(crate) async fn share(self: &Arc<Self>, key: K) -> Share<K> {
        self.when(|state| {
            let free = !state.entry(key).owned;
            free.then(|| self.add_share(state, key))
        })
        .await
    }

    /// Ownership, once nobody else owns; shares may be there, and none comes.
    pub(crate) async fn own(self: &Arc<Self>, key: K) -> Owner<K> {
        self.when(|state| self.take(state, key, |entry| !entry.owned)).await
    }

    /// Ownership, once nobody owns and nobody shares.
    pub(crate) async fn own_alone(self: &Arc<Self>, key: K) -> Owner<K> {
        self.when(|state| self.take(state, key, |entry| !entry.owned && entry.shares == 0)).await
    }

    /// Ownership, if nobody owns and nobody shares.
    pub(crate) fn try_own_alone(self: &Arc<Self>, key: K) -> Option<Owner<K>> {
        self.take(&mut self.state.lock(), key, |entry| !entry.owned && entry.shares == 0)
    }

    /// Begins to note what is shared.
    pub(crate) fn watch(self: &Arc<Self>) -> Watch<K> {
        let mut state = self.state.lock();
        // What is owned now may become shared later, and is noted then.
        let shared = state.entries.iter().filter(|(_, entry)| entry.shares > 0);
        let shared = shared.map(|(key, _)| *key).collect();
        let number = state.next_watch;
        state.next_watch += 1;
        state.watches.insert(number, shared);
        Watch { gate: Arc::clone(self), number }
    }

    async fn when<T>(&self, mut attempt: impl FnMut(&mut State<K>) -> Option<T>) -> T {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            // Before the look: whoever leaves between the look and the wait is heard.
            left.as_mut().enable();
            let done = attempt(&mut self.state.lock());
            if let Some(done) = done {
                return done;
            }
            left.await;
        }
    }

    fn take(
        self: &Arc<Self>,
        state: &mut State<K>,
        key: K,
        free: impl FnOnce(Entry) -> bool,
    ) -> Option<Owner<K>> {
        free(state.entry(key)).then(|| {
            state.entries.entry(key).or_default().owned = true;
            Owner { gate: Arc::clone(self), key }
        })
    }

    fn add_share(self: &Arc<Self>, state: &mut State<K>, key: K) -> Share<K> {
        state.entries.entry(key).or_default().shares += 1;
        for watched in state.watches.values_mut() {
            watched.insert(key);
        }
        Share { gate: Arc::clone(self), key }
    }

    fn leave(&self, key: K, change: impl FnOnce(&mut Entry)) {
        let mut state = self.state.lock();
        if let Some(entry) = state.entries.get_mut(&key) {
            change(entry);
            if entry.shares == 0 && !entry.owned {
                state.entries.remove(&key);
            }
        }
        drop(state);
        self.left.notify_waiters();
    }
}

impl<K: Eq + Hash + Copy> State<K> {
    fn entry(&self, key: K) -> Entry {
        self.entries.get(&key).copied().unwrap_or_default()
    }
}

/// One of many.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash + Copy> {
    gate: Arc<Gate<K>>,
    key: K,
}

impl<K: Eq + Hash + Copy> Drop for Share<K> {
    fn drop(&mut self) {
        self.gate.leave(self.key, |entry| entry.shares -= 1);
    }
}

/// The one.
#[derive(Debug)]
pub(crate) struct Owner<K: Eq + Hash + Copy> {
    gate: Arc<Gate<K>>,
    key: K,
}

impl<K: Eq + Hash + Copy> Owner<K> {
    /// A share of what is owned: it is there before the ownership goes.
    pub(crate) fn share(&self) -> Share<K> {
        self.gate.add_share(&mut self.gate.state.lock(), self.key)
    }
}

impl<K: Eq + Hash + Copy> Drop for Owner<K> {
    fn drop(&mut self) {
        self.gate.leave(self.key, |entry| entry.owned = false);
    }
}

/// Notes what is shared until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch<K: Eq + Hash + Copy> {
    gate: Arc<Gate<K>>,
    number: u64,
}

impl<K: Eq + Hash + Copy> Watch<K> {
    pub(crate) fn saw(&self, key: K) -> bool {
        let state = self.gate.state.lock();
        state.watches.get(&self.number).is_some_and(|seen| seen.contains(&key))
    }
}

impl<K: Eq + Hash + Copy> Drop for Watch<K> {
    fn drop(&mut self) {
        self.gate.state.lock().watches.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What one look at a future gives.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_owner_keeps_everybody_out() {
        let gate = Gate::new();
        let owner = gate.try_own_alone(1).unwrap();
        let (mut share, mut own) = (pin!(gate.share(1)), pin!(gate.own(1)));
        assert!(poll(share.as_mut()).is_none() && poll(own.as_mut()).is_none());
        assert!(gate.try_own_alone(1).is_none());
        assert!(poll(pin!(gate.share(2))).is_some(), "another thing");
        drop(owner);
        let share = poll(share.as_mut()).unwrap();
        assert!(gate.try_own_alone(1).is_none(), "shared");
        let mut alone = pin!(gate.own_alone(1));
        assert!(poll(alone.as_mut()).is_none(), "shared");
        let owner = poll(own.as_mut()).unwrap();
        drop(share);
        assert!(poll(alone.as_mut()).is_none(), "owned");
        drop(owner);
        assert!(poll(alone.as_mut()).is_some());
        assert!(gate.state.lock().entries.is_empty());
    }

    #[test]
    fn ownership_turns_into_a_share_without_a_gap() {
        let gate = Gate::new();
        let owner = gate.try_own_alone(1).unwrap();
        let share = owner.share();
        drop(owner);
        assert!(gate.try_own_alone(1).is_none());
        drop(share);
        assert!(gate.try_own_alone(1).is_some());
    }

    #[test]
    fn a_watch_sees_what_is_shared_at_its_start_and_later() {
        let gate = Gate::new();
        let before = poll(pin!(gate.share(1))).unwrap();
        drop(poll(pin!(gate.share(2))).unwrap());
        let watch = gate.watch();
        drop(before);
        drop(gate.try_own_alone(3).unwrap().share());
        drop(gate.try_own_alone(4).unwrap());
        assert_eq!([1, 2, 3, 4].map(|key| watch.saw(key)), [true, false, true, false]);
        drop(watch);
        assert!(gate.state.lock().watches.is_empty());
    }
}
