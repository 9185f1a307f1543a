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

    /// A place for a connection from `address`, if there is one.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let address = address_key(address);
        let mut open = self.open.lock();
        if open.total >= self.connections_max {
            return None;
        }
        let count = open.by_address.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        open.total += 1;
        Some(Admitted { open: self.open.clone(), address })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.total = open.total.saturating_sub(1);
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
        let first = admission.admit(a);
        let _second = admission.admit(a);
        assert!(first.is_some());
        assert!(admission.admit(a).is_none(), "two of one address");
        let _third = admission.admit(b);
        assert!(admission.admit(b).is_none(), "three in all");
        drop(first);
        assert!(admission.admit(a).is_some(), "a closed connection makes room");
    }
}
