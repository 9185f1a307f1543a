//! What a person here and one of another node say to each other.
//!
//! Each of the two has their own messages in their own box, as people of one node have; what makes them
//! the same is the pair's log, one lane for each node (see [`glog::Pair`]). A command here writes into
//! this node's lane, in the batch that changes the box ([`say`]); what the other lane says is brought
//! into the box of the one who lives here ([`show`]). So a message is sent when it is durable here, and
//! reaches the other node when the two are connected.
//!
//! Rows, in keyspace `NODES`: 8 ++ group (32) a [`PairRow`]; 9 ++ group (32) ++ number (8) the entries of
//! both lanes in the order in which they were delivered here, and the rivals that forked one; 10 ++ group
//! (32) ++ node (16) ++ incarnation (4) ++ seq (8) ++ hash (16) the number of one; 11 ++ node (32) ++
//! group (32) nothing, the pairs with a node; 12 ++ group (32) ++ entry the message that it brought, 4
//! bytes, 0 where it is not shown any more or never was; 13 ++ owner (8) ++ message (4) the other way
//! ([`Brought`]).
//!
//! Who reads what is told beside the log ([`super::live`]).

mod log;
mod say;
mod show;

use std::collections::HashMap;

use glog::cbor::{decode, encode};
use glog::{EntryRef, GroupId, Hash16, Node16, NodeId, Pair};
use node_store::Keyspace;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{MessageId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const PAIR: u8 = 8;
const DELIVERED: u8 = 9;
const PLACE: u8 = 10;
const OF_NODE: u8 = 11;
const MESSAGE_OF: u8 = 12;
const ENTRY_OF: u8 = 13;

/// Rows that are read in one go where all are wanted.
const ROWS_MAX: usize = usize::MAX >> 1;

/// Pairs that stay in memory when nobody writes there.
const PAIRS_MAX: usize = 64;

/// Two people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PairRow {
    /// Who lives here.
    mine: UserId,
    /// Where the other one lives.
    node: [u8; 32],
    /// Their number there.
    theirs: u64,
    /// Their account here.
    account: UserId,
    /// The other node has shown that it knows the pair.
    met: bool,
    /// The number that the next entry gets which is delivered here.
    next: u64,
    /// The last entry of each lane, in order.
    heads: Vec<Head>,
}

/// An [`EntryRef`] as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Head {
    node: [u8; 16],
    inc: u32,
    seq: u64,
    hash: [u8; 16],
}

impl Head {
    pub(super) fn of(at: &EntryRef) -> Self {
        Self { node: at.node.0, inc: at.inc, seq: at.seq, hash: at.hash.0 }
    }

    pub(super) fn at(&self) -> EntryRef {
        EntryRef { node: Node16(self.node), inc: self.inc, seq: self.seq, hash: Hash16(self.hash) }
    }
}

impl Record for PairRow {
    const VERSION: u8 = 1;
    const NAME: &'static str = "pair";
}

/// The entry that brought a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Brought {
    group: [u8; 32],
    post: Vec<u8>,
}

impl Record for Brought {
    const VERSION: u8 = 1;
    const NAME: &'static str = "entry of a message";
}

impl Brought {
    fn post(&self) -> CoreResult<EntryRef> {
        decode(&self.post).map_err(|_| CoreError::Damaged(Self::NAME))
    }
}

/// Two people, as whoever synchronises their log has to know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedPair {
    /// Its name in logs.
    pub group: GroupId,
    /// The other node.
    pub node: NodeId,
    /// Who lives here.
    pub mine: u64,
    /// Who lives there.
    pub theirs: u64,
    /// The other node knows it; while not, entries have to come to it by [`Core::receive_pair`].
    pub met: bool,
}

/// Pairs in memory. Only the committer writes, and only it asks.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    open: Mutex<HashMap<GroupId, Open>>,
}

#[derive(Debug)]
struct Open {
    pair: Pair,
    /// Of the entries that it has delivered: [`PairRow::next`]. Another one in the row says that the
    /// command failed that had written the last ones, and the pair is read anew.
    next: u64,
}

fn pair_key(group: GroupId) -> Vec<u8> {
    [&[PAIR][..], &group.0].concat()
}

fn row_key(kind: u8, group: GroupId, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &group.0, rest].concat()
}

fn place_of(at: &EntryRef) -> Vec<u8> {
    [&at.node.0[..], &at.inc.to_be_bytes(), &at.seq.to_be_bytes(), &at.hash.0].concat()
}

fn entry_of_key(owner: UserId, id: MessageId) -> Vec<u8> {
    [&[ENTRY_OF][..], &owner.bytes(), &id.0.to_be_bytes()].concat()
}

impl Pairs {
    /// Those in which something waits.
    fn waiting(&self) -> Vec<GroupId> {
        let open = self.open.lock();
        let waiting = open.iter().filter(|(_, open)| open.pair.pending() > 0);
        waiting.map(|(group, _)| *group).collect()
    }

    pub(super) fn wait(&self) -> bool {
        !self.waiting().is_empty()
    }
}

impl PairRow {
    /// An entry was delivered: its lane ends with it.
    fn note_head(&mut self, at: &EntryRef) {
        let head = Head::of(at);
        self.heads.retain(|known| (known.node, known.inc) != (head.node, head.inc));
        self.heads.push(head);
        self.heads.sort_unstable();
    }

    fn shared(&self, group: GroupId) -> SharedPair {
        let (node, mine) = (NodeId(self.node), self.mine.0.unsigned_abs());
        SharedPair { group, node, mine, theirs: self.theirs, met: self.met }
    }
}

impl Core {
    /// Two people by the name of their log; `None` for what is none of a pair here.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pair(&self, group: GroupId) -> CoreResult<Option<SharedPair>> {
        let row = self.inner.store.get(Keyspace::NODES, &pair_key(group))?;
        Ok(row.map(|row| PairRow::decode(&row)).transpose()?.map(|row| row.shared(group)))
    }

    /// Pairs of people here and there: the name of the log, who is here, who is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pairs_with(&self, node: NodeId) -> CoreResult<Vec<(GroupId, u64, u64)>> {
        let prefix = [&[OF_NODE][..], &node.0].concat();
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &prefix, ROWS_MAX)?;
        let mut pairs = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let Some(group) = key.last_chunk::<32>() else { continue };
            let pair = self.pair(GroupId(*group))?;
            pairs.extend(pair.map(|pair| (pair.group, pair.mine, pair.theirs)));
        }
        Ok(pairs)
    }

    /// The other node has said that it knows a pair.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn met_pair(&self, group: GroupId) -> CoreResult<()> {
        self.write(None, move |decide| match decide.pair_row(group)? {
            Some(row) => decide.meet(group, row).map(|_| ()),
            None => Ok(()),
        })
        .await
    }
}

impl Decide<'_> {
    fn pair_row(&self, group: GroupId) -> CoreResult<Option<PairRow>> {
        self.load(Keyspace::NODES, &pair_key(group))
    }

    /// Who lives here of two people, and the account of the other.
    pub(super) fn people_of_pair(&self, group: GroupId) -> CoreResult<Option<(UserId, UserId)>> {
        Ok(self.pair_row(group)?.map(|row| (row.mine, row.account)))
    }

    /// Whether a log is that of a pair.
    pub(super) fn is_pair(&self, group: GroupId) -> CoreResult<bool> {
        Ok(self.pair_row(group)?.is_some())
    }

    fn put_pair_row(&mut self, group: GroupId, row: &PairRow) -> CoreResult<()> {
        self.put(Keyspace::NODES, &pair_key(group), row)
    }

    fn meet(&mut self, group: GroupId, mut row: PairRow) -> CoreResult<PairRow> {
        if !row.met {
            row.met = true;
            self.put_pair_row(group, &row)?;
        }
        Ok(row)
    }

    /// Begins a pair.
    fn begin_pair(&mut self, mine: UserId, other: (NodeId, u64)) -> CoreResult<(GroupId, PairRow)> {
        let (node, theirs) = other;
        let own = (self.inner.logs.keys().node(), mine.0.unsigned_abs());
        let group = GroupId::of_pair(own, other);
        let user = glog::UserRef { node: node.short(), id: theirs };
        let account = self.account_of(user)?;
        // Of those for whom there is no room all are one: nobody can be answered.
        if self.user_ref(account)? != user {
            return Err(CoreError::BoxFull);
        }
        let heads = Vec::new();
        let row = PairRow { mine, node: node.0, theirs, account, met: false, next: 0, heads };
        self.put_pair_row(group, &row)?;
        self.note_shown(mine)?;
        let of_node = [&[OF_NODE][..], &node.0, &group.0].concat();
        self.put_bytes(Keyspace::NODES, &of_node, Vec::new());
        self.event(Event::GroupsChanged);
        Ok((group, row))
    }

    /// A message is that of an entry; [`MessageId`] 0: it is not shown.
    fn put_brought(
        &mut self,
        group: GroupId,
        owner: UserId,
        id: MessageId,
        at: &EntryRef,
    ) -> CoreResult<()> {
        let post = encode(at);
        let key = row_key(MESSAGE_OF, group, &post);
        self.put_bytes(Keyspace::NODES, &key, id.0.to_be_bytes().to_vec());
        if id.0 == 0 {
            return Ok(());
        }
        let brought = Brought { group: group.0, post };
        self.put(Keyspace::NODES, &entry_of_key(owner, id), &brought)
    }

    /// The message that an entry brought; 0 where it is not shown.
    pub(super) fn brought_by(
        &self,
        group: GroupId,
        at: &EntryRef,
    ) -> CoreResult<Option<MessageId>> {
        let row = self.get(Keyspace::NODES, &row_key(MESSAGE_OF, group, &encode(at)))?;
        let id = row.and_then(|row| row.first_chunk().map(|id| i32::from_be_bytes(*id)));
        Ok(id.map(MessageId))
    }

    /// The pair and the entry that a message is of; `None` for a service message.
    pub(super) fn brought(
        &self,
        owner: UserId,
        id: MessageId,
    ) -> CoreResult<Option<(GroupId, EntryRef)>> {
        let row: Option<Brought> = self.load(Keyspace::NODES, &entry_of_key(owner, id))?;
        row.map(|row| Ok((GroupId(row.group), row.post()?))).transpose()
    }
}
