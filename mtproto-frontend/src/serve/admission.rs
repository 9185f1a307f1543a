//! Who may connect.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use node_core::address_key;
use parking_lot::Mutex;

use crate::frontend::Bounds;

/// Open connections, counted by address.
pub(crate) struct Admission {
    connections_max: usize,
    per_address_max: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Stands for one open connection; dropping it makes room.
pub(crate) struct Admitted {
    open: Arc<Mutex<Open>>,
    /// Its share of what its client's address may have; none as long as nobody knows that.
    share: Option<Share>,
}

/// Stands for one open connection of an address; dropping it makes room.
pub(crate) struct Share {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Admission {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            connections_max: bounds.connections_max,
            per_address_max: bounds.connections_per_address_max,
            open: Arc::default(),
        }
    }

    /// A place for a connection, if there is one. It counts for no address yet.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        let mut open = self.open.lock();
        if open.total >= self.connections_max {
            return None;
        }
        open.total += 1;
        Some(Admitted { open: self.open.clone(), share: None })
    }

    /// Open connections.
    pub(crate) fn open(&self) -> usize {
        self.open.lock().total
    }

    /// One of the connections that `address` may have, if there is one left.
    pub(crate) fn share(&self, address: IpAddr) -> Option<Share> {
        let address = address_key(address);
        let mut open = self.open.lock();
        let count = open.by_address.get(&address).copied().unwrap_or(0);
        if count >= self.per_address_max {
            return None;
        }
        open.by_address.insert(address, count + 1);
        Some(Share { open: self.open.clone(), address })
    }
}

impl Admitted {
    /// Counts the connection for its client's address, unless that has too many.
    pub(crate) fn count_for(mut self, admission: &Admission, address: IpAddr) -> Option<Self> {
        self.share = Some(admission.share(address)?);
        Some(self)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.total = open.total.saturating_sub(1);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_per_address_and_in_all() {
        let admission = Admission::new(&Bounds {
            connections_max: 3,
            connections_per_address_max: 2,
            ..Bounds::for_tests()
        });
        let [a, b]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap());
        let admit = |address| admission.admit()?.count_for(&admission, address);
        let first = admit(a);
        let _second = admit(a);
        assert!(first.is_some());
        assert!(admit(a).is_none(), "two of one address");
        let _third = admit(b);
        assert!(admission.admit().is_none(), "three in all");
        drop(first);
        assert!(admit(a).is_some(), "a closed connection makes room");
    }

    #[test]
    fn what_a_trusted_proxy_hands_on_counts_for_its_client() {
        let admission = Admission::new(&Bounds {
            connections_max: 100,
            connections_per_address_max: 1,
            ..Bounds::for_tests()
        });
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        // Connections of a proxy, of which nobody knows yet whose they are.
        let mut open: Vec<_> = (0..3).map(|_| admission.admit().unwrap()).collect();
        let one = open.remove(0).count_for(&admission, client).unwrap();
        assert!(open.remove(0).count_for(&admission, client).is_none());
        assert!(admission.share(client).is_none(), "a WebSocket is one, too");
        drop(one);
        assert!(admission.share(client).is_some());
    }
}
