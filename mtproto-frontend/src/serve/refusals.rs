//! Which clients did not get through, and why: what an operator wants to know when somebody's stays on
//! "connecting". Protocol answers say nothing of it, since they would tell an attacker as well.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use parking_lot::Mutex;

/// Refusals that are kept: the last ones.
const KEPT: usize = 32;

/// Ports that the node itself asks from.
const OWN_KEPT: usize = 16;

/// Why a client did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Its first bytes are of no protocol spoken here: a stranger's, or those of an MTProxy client with
    /// another secret.
    NotUnderstood,
    /// It speaks TLS, and the node has no certificate.
    NoTls,
    /// TLS failed.
    Tls,
    /// It was told the fingerprint of the node's key, and left: it trusts other keys.
    LeftAtKey,
    /// It goes on with a key that was not offered.
    OtherKey,
    /// What it encrypted for the node's key does not open, or is of no accepted form.
    BadEncryption,
    /// It broke the order or form of the key exchange.
    Exchange,
    /// It uses an auth key that this node does not have: of another node, or of before this one was
    /// made anew.
    UnknownAuthKey,
    /// Its address, or all together, tried too often.
    TooMany,
}

/// Refusals of one kind from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Unix milliseconds of the last one.
    pub at_ms: u64,
    /// Whose it was.
    pub from: IpAddr,
    /// Why.
    pub why: Refusal,
    /// How many in a row; others may have come between.
    pub times: u64,
}

/// The last refusals, the oldest first. Shared by all connections.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    kept: VecDeque<Refused>,
    /// Where the node itself asks from whether it is reached.
    own: VecDeque<SocketAddr>,
}

impl Refusals {
    /// One more.
    pub(crate) fn note(&self, from: SocketAddr, why: Refusal, at_ms: u64) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let State { kept, own } = &mut *self.0.lock();
        if own.contains(&from) {
            return;
        }
        let from = from.ip();
        let known = kept.iter().position(|known| (known.from, known.why) == (from, why));
        let times = known.and_then(|place| kept.remove(place)).map_or(0, |known| known.times);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Refused { at_ms, from, why, times: times + 1 });
    }

    /// What comes from there is the node's own look at itself, and no client.
    pub fn expect(&self, own: SocketAddr) {
        let mut state = self.0.lock();
        if state.own.len() >= OWN_KEPT {
            state.own.pop_front();
        }
        state.own.push_back(own);
    }

    /// Those that are known, the newest first.
    #[must_use]
    pub fn newest(&self) -> Vec<Refused> {
        self.0.lock().kept.iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_fills_one_place_and_old_ones_go() {
        let refusals = Refusals::default();
        let from = |n: u8| SocketAddr::from(([192, 0, 2, n], 1000));
        for n in 0..40 {
            refusals.note(from(n), Refusal::NotUnderstood, n.into());
        }
        for at_ms in 100..103 {
            refusals.note(from(20), Refusal::LeftAtKey, at_ms);
            refusals.note(from(39), Refusal::NotUnderstood, at_ms);
        }
        // The node's own.
        refusals.expect(from(50));
        refusals.note(from(50), Refusal::LeftAtKey, 103);
        let known = refusals.newest();
        assert_eq!(known.len(), KEPT);
        let newest = (known[0].from, known[0].times, known[0].at_ms);
        assert_eq!(newest, (from(39).ip(), 4, 102));
        assert_eq!((known[1].from, known[1].times), (from(20).ip(), 3));
        assert_eq!(known[KEPT - 1].from, from(9).ip(), "the oldest that is left");
    }
}
