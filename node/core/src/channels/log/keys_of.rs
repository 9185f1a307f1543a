//! What this node signs its logs with, and who it is in them.

use glog::body::{Action, DataBody, Open, Setting};
use glog::cbor::{List, Text};
use glog::control::{Chain, ControlEntry};
use glog::{Author, CertBody, Hash16, NodeCert, NodeId, Opened, RootOpening};
use keys::epoch::EpochSecret;
use keys::sealed::BoxSecret;
use keys::{CryptoRng, NodeIdentity};

use super::given_bound;

/// What this node signs its logs with, and who it is in them.
pub struct LogKeys {
    root: NodeIdentity,
    operational: NodeIdentity,
    sealing: BoxSecret,
    /// Keys of private groups were sealed to these before.
    sealing_before: Vec<BoxSecret>,
    cert: NodeCert,
    /// Those before it, from the first on: what was signed under them still has to be verified.
    certs_before: Vec<NodeCert>,
    recovery: [u8; 32],
}

impl LogKeys {
    /// The keys of a node: its root key vouches for the other two. `recovery` is the public half of
    /// the key that recovers its groups.
    #[must_use]
    pub fn new(
        root: &NodeIdentity,
        operational: NodeIdentity,
        sealing: BoxSecret,
        recovery: [u8; 32],
    ) -> Self {
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: *operational.public().as_bytes(),
            x25519: *sealing.public().as_bytes(),
            serial: 1,
            not_before_ms: 0,
            domain: Text::default(),
            addresses: List::default(),
        };
        let cert = NodeCert::sign(body, root);
        let root = NodeIdentity::from_seed(&root.seed());
        let (sealing_before, certs_before) = (Vec::new(), Vec::new());
        Self { root, operational, sealing, sealing_before, cert, certs_before, recovery }
    }

    /// The same keys, of which `sealing` were used before to open what is sealed to this node.
    #[must_use]
    pub fn opening(self, sealing: Vec<BoxSecret>) -> Self {
        Self { sealing_before: sealing, ..self }
    }

    /// The same keys under the certificates that they were ever given, from the first on. Where the last
    /// one does not say what is so now, the root key signs the next: other keys, another domain, other
    /// addresses. An address or a domain that is too long is left out, and so is what is beyond eight
    /// addresses.
    #[must_use]
    pub fn certified(
        self,
        mut certs: Vec<NodeCert>,
        domain: &str,
        addresses: &[String],
        now_ms: u64,
    ) -> Self {
        let fitting = addresses.iter().filter_map(|address| Text::new(address.as_str()).ok());
        let last = certs.pop();
        let body = CertBody {
            domain: Text::new(domain).unwrap_or_default(),
            addresses: List::new(fitting.take(8).collect()).unwrap_or_default(),
            ..self.cert.body.clone()
        };
        let Some(last) = last else {
            return Self { cert: NodeCert::sign(body, &self.root), ..self };
        };
        let CertBody { serial, not_before_ms, .. } = last.body;
        if (CertBody { serial, not_before_ms, ..body.clone() }) == last.body {
            return Self { cert: last, certs_before: certs, ..self };
        }
        let serial = next_serial(serial, now_ms);
        let body = CertBody { serial, not_before_ms: now_ms, ..body };
        certs.push(last);
        Self { cert: NodeCert::sign(body, &self.root), certs_before: certs, ..self }
    }

    /// The same node under new keys.
    #[must_use]
    pub fn rotated(&self, operational: NodeIdentity, sealing: BoxSecret, now_ms: u64) -> Self {
        let body = CertBody {
            op: *operational.public().as_bytes(),
            x25519: *sealing.public().as_bytes(),
            serial: next_serial(self.cert.body.serial, now_ms),
            not_before_ms: now_ms,
            ..self.cert.body.clone()
        };
        let copy = |secret: &BoxSecret| BoxSecret::from_bytes(&secret.secret_bytes());
        Self {
            root: NodeIdentity::from_seed(&self.root.seed()),
            cert: NodeCert::sign(body, &self.root),
            certs_before: self.certs_before.iter().chain([&self.cert]).cloned().collect(),
            sealing_before: self.sealing_before.iter().chain([&self.sealing]).map(copy).collect(),
            operational,
            sealing,
            recovery: self.recovery,
        }
    }

    /// What vouches for this node's keys.
    #[must_use]
    pub fn cert(&self) -> &NodeCert {
        &self.cert
    }

    /// All that ever did, from the first on.
    pub fn certs(&self) -> impl Iterator<Item = &NodeCert> {
        self.certs_before.iter().chain([&self.cert])
    }

    /// What boxes to this node are opened with.
    pub(crate) fn sealing(&self) -> &BoxSecret {
        &self.sealing
    }

    /// The public half of the key that recovers groups that begin here.
    pub(crate) fn recovery(&self) -> [u8; 32] {
        self.recovery
    }

    /// The first entry of an incarnation above the first.
    pub(crate) fn open(&self, opened: &Opened) -> DataBody {
        let (previous, root) = (opened.previous, Some(RootOpening::sign(opened, &self.root)));
        DataBody::Open(Box::new(Open { cert: Some(self.cert.clone()), previous, root }))
    }

    /// The key in this node's box of an entry that carries one.
    pub(super) fn open_epoch(&self, carried: &ControlEntry) -> Option<EpochSecret> {
        let node = self.node().short();
        self.openers().find_map(|secret| glog::open_epoch(carried, node, secret))
    }

    /// The key that an entry of a chain carries: from this node's box, or as a group told it that became
    /// public since.
    pub(super) fn open_box(&self, chain: &Chain, id: Hash16) -> Option<EpochSecret> {
        let told = |entry: &ControlEntry| {
            let Some(Action::Info(info)) = entry.action() else { return None };
            let Setting::Public(told) = &info.setting else { return None };
            let (_, secret) = told.iter().find(|(known, _)| *known == id)?;
            Some(EpochSecret::from_bytes(secret))
        };
        let carried = chain.entries().iter().find(|entry| entry.id().short() == id)?;
        self.open_epoch(carried).or_else(|| chain.entries().iter().rev().find_map(told))
    }

    /// Opens a key of a group that another member has sealed to this node.
    pub(super) fn open_given(
        &self,
        group: glog::GroupId,
        id: Hash16,
        given: &[u8],
    ) -> Option<EpochSecret> {
        let bound = given_bound(group, id);
        let opened = self.openers().find_map(|secret| secret.open(given, &bound).ok())?;
        opened.first_chunk().filter(|_| opened.len() == 32).map(EpochSecret::from_bytes)
    }

    /// What opens boxes for this node, the newest first.
    fn openers(&self) -> impl Iterator<Item = &BoxSecret> {
        [&self.sealing].into_iter().chain(self.sealing_before.iter().rev())
    }

    /// What it signs entries with.
    pub(crate) fn operational(&self) -> &NodeIdentity {
        &self.operational
    }

    /// Keys that nobody else has, for work on a store of which no log is written.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let (root, recovery) = (NodeIdentity::generate(rng), NodeIdentity::generate(rng));
        let (operational, sealing) = (NodeIdentity::generate(rng), BoxSecret::generate(rng));
        Self::new(&root, operational, sealing, *recovery.public().as_bytes())
    }

    /// Who this node is in logs.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.cert.node()
    }

    /// As whom it writes.
    pub(crate) fn author(&self) -> Author<'_> {
        Author { node: self.node(), serial: self.cert.body.serial, key: &self.operational }
    }
}

/// The serial after this one: the time, in Unix seconds, if that is more than the next number. So a node
/// whose store was filled from a backup goes above what it had used since, of which it knows nothing.
fn next_serial(serial: u32, now_ms: u64) -> u32 {
    let now_s = u32::try_from(now_ms / 1000).unwrap_or(u32::MAX);
    serial.saturating_add(1).max(now_s)
}

impl std::fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKeys({}, {})", self.node(), self.cert.body.serial)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn what_a_certificate_says_is_said_anew_under_the_next_serial() {
        let mut rng = StdRng::seed_from_u64(1);
        let (root, op) = (NodeIdentity::generate(&mut rng), NodeIdentity::generate(&mut rng));
        let sealing = BoxSecret::generate(&mut rng);
        let keys = |certs: Vec<NodeCert>, domain: &str, now_ms| {
            let copy = BoxSecret::from_bytes(&sealing.secret_bytes());
            let keys = LogKeys::new(&root, NodeIdentity::from_seed(&op.seed()), copy, [1; 32]);
            keys.certified(certs, domain, &["/ip4/192.0.2.1/tcp/1".to_owned()], now_ms)
        };
        let first = keys(Vec::new(), "a.example", NOW_MS);
        assert_eq!(first.cert().body.serial, 1);
        let certs = || first.certs().cloned().collect::<Vec<_>>();
        // Started again: the same.
        assert_eq!(keys(certs(), "a.example", NOW_MS + 5_000).cert(), first.cert());
        // Another domain is another certificate, of the same key.
        let second = keys(certs(), "b.example", NOW_MS);
        assert_eq!(second.cert().body.serial, 1_800_000_000);
        assert_eq!(second.cert().body.op, first.cert().body.op);
        assert!(second.cert().verify().is_ok());
        assert_eq!(second.certs().count(), 2);
        // A clock that is behind does not take a serial up again; nor does one within the second.
        let op2 = NodeIdentity::generate(&mut rng);
        let third = second.rotated(op2, BoxSecret::generate(&mut rng), 1_000);
        assert_eq!(third.cert().body.serial, 1_800_000_001);
        assert_eq!((third.node(), third.certs().count()), (first.node(), 3));
        assert_eq!(&*third.cert().body.domain, "b.example");
        assert!(third.cert().verify().is_ok());
    }
}
