//! Writing entries: what a node says in its lane, and what a home writes in the chain.

use keys::epoch::EpochSecret;
use keys::{CryptoRng, NodeIdentity};

use crate::body::{Action, ControlBody, Cut, DataBody, Evidence, SALT_BYTES};
use crate::cbor::{List, Malformed};
use crate::control::{Chain, ControlEntry};
use crate::data::Lanes;
use crate::entry::{Entry, Signer};
use crate::epoch::{EpochPlace, seal_body};
use crate::header::{DEPS_MAX, Header, Lane};
use crate::ids::{EntryId, EntryRef, GroupId, Hash16, Node16, NodeId, UserRef};
use crate::replica::Replica;
use crate::rights::Rights;

/// Who writes, with which key.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The node.
    pub node: NodeId,
    /// The certificate of the key.
    pub serial: u32,
    /// The operational key.
    pub key: &'a NodeIdentity,
}

/// Why nothing was written. The local client's message waits, or gets an error; nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// The key in force is not here: a member is asked for it.
    #[error("the key in force is not known")]
    NoKey(Hash16),
    /// The lane is forked or was never opened: the node goes on in a new incarnation.
    #[error("the lane takes no more entries")]
    Closed,
    /// The node may not write, as far as its chain goes; or the chain does not say so yet. An entry that
    /// its own node would not deliver at once must not exist: the next one would contradict it.
    #[error("the node is no writer of the group")]
    NotWriter,
    /// The key is not known to the group: the lane carries its certificate first.
    #[error("the certificate of the key was not written yet")]
    NoCertificate,
    /// What is to be written is too long.
    #[error("too long")]
    TooLong,
}

impl From<Malformed> for AuthorError {
    fn from(_: Malformed) -> Self {
        Self::TooLong
    }
}

/// The next entry of the control chain, by its home. Whether it has an effect is for
/// [`crate::control::State`] to say: an honest home asks before it signs.
///
/// # Errors
/// [`Malformed`] if it is too long.
pub fn write_control<R: CryptoRng + ?Sized>(
    chain: &Chain,
    author: Author<'_>,
    user: Option<UserRef>,
    body: &ControlBody,
    ts_ms: u64,
    rng: &mut R,
) -> Result<Entry, Malformed> {
    let state = chain.state();
    let header = Header {
        group: state.group,
        node: author.node,
        lane: Lane::Control { generation: state.generation, user },
        seq: state.head.0 + 1,
        key_serial: author.serial,
        prev: state.head.1,
        ts_ms,
        kind: body.action.kind(),
        body_hash: [0; 32],
        body_len: 0,
    };
    Entry::sign(header, body.encode(&salt(rng)), Signer::Node, author.key)
}

/// The first entry of a group.
///
/// # Errors
/// [`Malformed`] if it is too long.
pub fn write_genesis<R: CryptoRng + ?Sized>(
    author: Author<'_>,
    user: UserRef,
    body: &ControlBody,
    ts_ms: u64,
    rng: &mut R,
) -> Result<Entry, Malformed> {
    let header = Header {
        group: GroupId::default(),
        node: author.node,
        lane: Lane::Control { generation: Default::default(), user: Some(user) },
        seq: 0,
        key_serial: author.serial,
        prev: EntryId::default(),
        ts_ms,
        kind: body.action.kind(),
        body_hash: [0; 32],
        body_len: 0,
    };
    Entry::sign(header, body.encode(&salt(rng)), Signer::Node, author.key)
}

/// A Recover above an entry of this chain, signed by the group's recovery key.
///
/// `home` is the next home with the serial in the certificate that the body carries; `number` is one
/// above the highest that was seen.
///
/// # Errors
/// [`Malformed`] if it is too long, or there is no such entry.
pub fn write_recover<R: CryptoRng + ?Sized>(
    chain: &Chain,
    keep: u64,
    number: u32,
    home: (NodeId, u32),
    body: &ControlBody,
    recovery: &NodeIdentity,
    rng: &mut R,
) -> Result<Entry, Malformed> {
    let place = recover_place(chain, keep, number, home.0).ok_or(Malformed)?;
    let prev = chain.at(keep).ok_or(Malformed)?.id();
    let header = Header {
        group: place.group,
        node: place.home,
        lane: Lane::Control { generation: place.generation, user: None },
        seq: place.seq,
        key_serial: home.1,
        prev,
        ts_ms: 0,
        kind: body.action.kind(),
        body_hash: [0; 32],
        body_len: 0,
    };
    Entry::sign(header, body.encode(&salt(rng)), Signer::Recovery, recovery)
}

/// Where a Recover stands, for the boxes of its epoch.
pub fn recover_place(chain: &Chain, keep: u64, number: u32, home: NodeId) -> Option<EpochPlace> {
    let mut generation = chain.state_at(keep)?.generation;
    generation.recovery = number;
    generation.term = 0;
    Some(EpochPlace { group: chain.group(), home, generation, seq: keep + 1 })
}

impl Chain {
    /// Where the next entry stands, for the boxes of an epoch in it.
    pub fn next_place(&self) -> EpochPlace {
        let state = self.state();
        EpochPlace {
            group: state.group,
            home: state.home,
            generation: state.generation,
            seq: state.head.0 + 1,
        }
    }
}

impl Lanes {
    /// What a home that revokes something keeps: the heads that it has, of the lanes of these nodes
    /// that are live.
    ///
    /// # Errors
    /// [`Malformed`] beyond 1,024 lanes.
    pub fn cut(&self, chain: &Chain, concerns: impl Fn(Node16) -> bool) -> Result<Cut, Malformed> {
        let nodes = &chain.state().nodes;
        let is_live = |head: &EntryRef| {
            let node = nodes.get(&head.node);
            node.is_some_and(|node| !node.is_closed(head.inc)) && concerns(head.node)
        };
        Cut::new(self.heads(chain).into_iter().filter(is_live).collect())
    }
}

/// Where a lane ends that takes its next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneEnd {
    /// The incarnation.
    pub inc: u32,
    /// The number and the name of the last entry; `None` if there is none yet.
    pub last: Option<(u64, EntryId)>,
}

impl LaneEnd {
    /// The number of the next entry, and the name of the one before.
    pub(crate) fn next(&self, body: &DataBody) -> Result<(u64, EntryId), AuthorError> {
        match self.last {
            Some((seq, prev)) => Ok((seq.checked_add(1).ok_or(AuthorError::Closed)?, prev)),
            // An incarnation above the first begins with its Open.
            None if self.inc > 0 && !matches!(body, DataBody::Open(_)) => Err(AuthorError::Closed),
            None => Ok((0, EntryId::default())),
        }
    }
}

/// The right class that the header of an entry names.
pub(crate) fn classes(body: &DataBody) -> Rights {
    match body {
        DataBody::Post(post) => post.classes(),
        DataBody::Edit(edit) => edit.post.classes(),
        _ => Rights::NONE,
    }
}

/// Whether an entry brings the certificate of its own key.
pub(crate) fn brings_key(body: &DataBody, serial: u32) -> bool {
    match body {
        DataBody::Cert(cert) => cert.body.serial == serial,
        DataBody::Open(open) => open.cert.is_some(),
        _ => false,
    }
}

/// The next entry of a lane, by who holds the chain and knows where the lane ends.
///
/// `secret` is of the key in force, and may be missing in a public group; `deps` are heads of other
/// lanes that this one has not named yet. It is for the caller to know that the lane is not forked
/// and that readers have the certificate of the key, from the chain or from this lane. The entry is
/// to be made durable, with the next [`LaneEnd`], before anybody sees it.
///
/// # Errors
/// [`AuthorError`].
#[expect(clippy::too_many_arguments, reason = "each is one field of the header, or seals it")]
pub fn write_data<R: CryptoRng + ?Sized>(
    chain: &Chain,
    author: Author<'_>,
    lane: LaneEnd,
    secret: Option<&EpochSecret>,
    deps: List<EntryRef, DEPS_MAX>,
    user: u64,
    body: &DataBody,
    ts_ms: u64,
    rng: &mut R,
) -> Result<Entry, AuthorError> {
    let state = chain.state();
    if !chain.timeline().is_writer(author.node.short(), lane.inc, state.head.0) {
        return Err(AuthorError::NotWriter);
    }
    let (seq, prev) = lane.next(body)?;
    let never_sealed = matches!(body, DataBody::Cert(_) | DataBody::Open(_));
    let epoch = state.epoch.filter(|_| !never_sealed);
    let secret = epoch.map(|id| secret.ok_or(AuthorError::NoKey(id))).transpose()?;
    let flags = classes(body).0;
    let header = Header {
        group: state.group,
        node: author.node,
        lane: Lane::Data { inc: lane.inc, user, ctl: chain.cite(), deps, epoch, flags },
        seq,
        key_serial: author.serial,
        prev,
        ts_ms,
        kind: body.kind(),
        body_hash: [0; 32],
        body_len: 0,
    };
    let clear = body.encode(&salt(rng));
    let carried = match secret {
        Some(secret) => {
            let mut random = [0; 32];
            rng.fill_bytes(&mut random);
            seal_body(secret, &header, &clear, &random)?
        }
        None => clear,
    };
    Ok(Entry::sign(header, carried, Signer::Node, author.key)?)
}

impl Replica {
    /// The next entry of this node's lane. It is to be received by the own replica first, and made
    /// durable, before anybody else sees it.
    ///
    /// # Errors
    /// [`AuthorError`].
    pub fn write_data<R: CryptoRng + ?Sized>(
        &self,
        author: Author<'_>,
        inc: u32,
        user: u64,
        body: &DataBody,
        ts_ms: u64,
        rng: &mut R,
    ) -> Result<Entry, AuthorError> {
        let node = author.node.short();
        if self.frozen_from(node, inc).is_some() {
            return Err(AuthorError::Closed);
        }
        if !brings_key(body, author.serial) && !self.knows_key(node, author.serial) {
            return Err(AuthorError::NoCertificate);
        }
        let chain = self.chain();
        let head = self.lanes().heads(chain).into_iter().find(|h| (h.node, h.inc) == (node, inc));
        let id_of = |head: EntryRef| self.id_of(&head).ok_or(AuthorError::Closed);
        let last = head.map(|head| id_of(head).map(|id| (head.seq, id))).transpose()?;
        let secret = chain.state().epoch.and_then(|id| self.key(&id));
        let (lane, deps) = (LaneEnd { inc, last }, self.deps(node, body, ts_ms)?);
        write_data(chain, author, lane, secret, deps, user, body, ts_ms, rng)
    }

    /// Heads of other lanes that this node's lanes have not named yet, the most that fit.
    ///
    /// Of a lane of which much comes only what has been here for some seconds and what the body itself
    /// names: other members have what is newest of it at other times, and whatever names that would wait
    /// there until it is fetched. Who floods a group would hold up everybody's words.
    fn deps(
        &self,
        own: Node16,
        body: &DataBody,
        now_ms: u64,
    ) -> Result<List<EntryRef, DEPS_MAX>, Malformed> {
        let names = body.names();
        let of_lane = |head: EntryRef| {
            let Some(settled) = self.settled(head.node, head.inc, now_ms) else {
                return Some(head);
            };
            let is_in = |at: &&EntryRef| (at.node, at.inc) == (head.node, head.inc);
            let named = names.iter().filter(is_in).filter(|at| self.id_of(at).is_some());
            named.copied().chain(settled).max_by_key(|at| at.seq)
        };
        let is_news = |at: &EntryRef| {
            self.frozen_from(at.node, at.inc).is_none()
                && at.node != own
                && self.told(at.node, at.inc).is_none_or(|told| told < at.seq)
        };
        let heads = self.lanes().heads(self.chain()).into_iter();
        let mut heads: Vec<_> = heads.filter_map(of_lane).filter(is_news).collect();
        heads.sort_unstable();
        heads.truncate(DEPS_MAX);
        List::new(heads)
    }
}

impl Chain {
    /// Whether a member answers a node's question for this key: to members only, and of the time
    /// before they came only where the group shows its history.
    pub fn may_have_key(&self, node: Node16, epoch: Hash16) -> bool {
        let state = self.state();
        if !state.is_member(node) {
            return false;
        }
        // What a dead branch had handed to a node is still that node's to have.
        let all = self.entries().iter().chain(self.aside());
        let carried = all.into_iter().find(|entry| entry.id().short() == epoch);
        let handed = carried.and_then(ControlEntry::action).and_then(Action::epoch);
        state.shows_history
            || handed.is_some_and(|epoch| epoch.boxes.iter().any(|sealed| sealed.node == node))
    }
}

impl ControlBody {
    /// A body without an ask.
    pub fn bare(action: Action) -> Self {
        Self { action, evidence: None }
    }

    /// A body that answers an ask.
    pub fn answering(action: Action, evidence: Evidence) -> Self {
        Self { action, evidence: Some(evidence) }
    }
}

pub(crate) fn salt<R: CryptoRng + ?Sized>(rng: &mut R) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    salt
}

#[cfg(test)]
mod tests;
