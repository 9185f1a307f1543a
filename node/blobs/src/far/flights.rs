//! What is on its way, so that many who want one thing have it fetched once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// What is on its way, by what it is.
#[derive(Debug)]
pub(super) struct Flights<K: Eq + Hash + Copy, T>(Mutex<HashMap<K, Landing<T>>>);

/// Where it is waited for; `None` until it is there.
pub(super) type Landing<T> = watch::Receiver<Option<T>>;

impl<K: Eq + Hash + Copy, T: Clone> Flights<K, T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// Where to wait; and, for who is the first to want it, what to do before it lands.
    pub(super) fn board(self: &Arc<Self>, key: K) -> (Landing<T>, Option<Flight<K, T>>) {
        let mut flights = self.0.lock();
        if let Some(landing) = flights.get(&key) {
            return (landing.clone(), None);
        }
        let (sender, landing) = watch::channel(None);
        flights.insert(key, landing.clone());
        (landing, Some(Flight { flights: Arc::clone(self), key, sender, is_listed: true }))
    }
}

/// What is on its way until this is dropped.
#[derive(Debug)]
pub(super) struct Flight<K: Eq + Hash + Copy, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    sender: watch::Sender<Option<T>>,
    is_listed: bool,
}

impl<K: Eq + Hash + Copy, T> Flight<K, T> {
    /// It is there for whoever waits, and for whoever comes until this is dropped.
    pub(super) fn land(&self, arrived: T) {
        self.sender.send_replace(Some(arrived));
    }

    /// It is there for whoever waits; whoever comes from now on has to see for themselves.
    pub(super) fn end(mut self, arrived: T) {
        self.unlist();
        self.land(arrived);
    }

    /// Ends it if nobody waits for it any more; returns whether.
    pub(super) fn end_unless_wanted(&mut self) -> bool {
        let mut flights = self.flights.0.lock();
        // One that waits is that of the list.
        let is_wanted = self.sender.receiver_count() > 1;
        if !is_wanted && std::mem::take(&mut self.is_listed) {
            flights.remove(&self.key);
        }
        !is_wanted
    }

    fn unlist(&mut self) {
        if std::mem::take(&mut self.is_listed) {
            self.flights.0.lock().remove(&self.key);
        }
    }
}

impl<K: Eq + Hash + Copy, T> Drop for Flight<K, T> {
    fn drop(&mut self) {
        self.unlist();
    }
}

/// What has landed; `None` if its flight ended without.
pub(super) async fn landed<T: Clone>(mut landing: Landing<T>) -> Option<T> {
    let arrived = landing.wait_for(Option::is_some).await;
    arrived.ok()?.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_goes_and_all_get_it() {
        let flights: Arc<Flights<u8, u8>> = Flights::new();
        let (first, flight) = flights.board(1);
        let (second, none) = flights.board(1);
        assert!(none.is_none() && flights.board(2).1.is_some());
        let flight = flight.unwrap();
        flight.land(7);
        let (late, none) = flights.board(1);
        assert!(none.is_none());
        drop(flight);
        for landing in [first, second, late] {
            assert_eq!(landed(landing).await, Some(7));
        }
        let (landing, flight) = flights.board(1);
        flight.unwrap().end(8);
        assert!(flights.board(1).1.is_some(), "what has failed may be tried at once");
        assert_eq!(landed(landing).await, Some(8));
        let (landing, flight) = flights.board(1);
        let mut flight = flight.unwrap();
        assert!(!flight.end_unless_wanted());
        drop(landing);
        assert!(flight.end_unless_wanted() && flights.board(1).1.is_some());
        drop(flight);
        let (landing, flight) = flights.board(1);
        drop(flight.unwrap());
        assert_eq!(landed(landing).await, None, "its task has ended");
        assert!(flights.0.lock().is_empty());
    }
}
