//! The logs of pairs: what is kept of them, what other nodes are given, and what they bring.

use glog::body::DataBody;
use glog::{Entry, EntryRef, Event as LogEvent, GroupId, Lane, NodeCert, NodeId, Opened};
use glog::{PAIR_PENDING_MAX, Pair, Rejected};
use node_store::Keyspace;

use super::{DELIVERED, Head, Open, PAIRS_MAX, PLACE, PairRow, ROWS_MAX, place_of, row_key};
use crate::decide::Decide;
use crate::event::{Event, LogEntry};
use crate::federation::{Heads, LaneName, Received, is_remote};
use crate::ids::UserId;
use crate::limits::Limit;
use crate::{CoreError, CoreResult, TextError};

const ENTRY: &str = "entry of a pair";

impl Decide<'_> {
    /// A pair as it is known here, empty.
    fn bare_pair(&self, mine: UserId, other: (NodeId, u64)) -> CoreResult<Pair> {
        let keys = self.inner.logs.keys();
        let own = (keys.node(), mine.0.unsigned_abs());
        let mut pair = Pair::new(own, other, PAIR_PENDING_MAX);
        keys.certs().for_each(|cert| pair.learn_cert(cert.clone()));
        if let Some(node) = self.node_row(other.0.short())? {
            pair.learn_cert(node.cert()?);
        }
        Ok(pair)
    }

    /// Does something with a pair, which is read from the store unless it is in memory.
    fn with_pair<T>(
        &self,
        group: GroupId,
        row: &PairRow,
        act: impl FnOnce(&mut Open) -> CoreResult<T>,
    ) -> CoreResult<T> {
        let mut open = self.inner.pairs.open.lock();
        if let Some(known) = open.get_mut(&group).filter(|known| known.next == row.next) {
            return act(known);
        }
        let mut pair = self.bare_pair(row.mine, (NodeId(row.node), row.theirs))?;
        let prefix = row_key(DELIVERED, group, &[]);
        for (_, entry) in self.scan_prefix(Keyspace::NODES, &prefix, ROWS_MAX)? {
            pair.restore(Entry::decode(&entry).map_err(|_| CoreError::Damaged(ENTRY))?);
        }
        if open.len() >= PAIRS_MAX {
            // Half, whichever; what waits in those is fetched again.
            let mut kept = 0;
            open.retain(|_, _| {
                kept += 1;
                kept <= PAIRS_MAX / 2
            });
        }
        let known = open.entry(group).insert_entry(Open { pair, next: row.next });
        act(known.into_mut())
    }

    /// Reads a pair.
    pub(super) fn read_pair<T>(
        &self,
        group: GroupId,
        row: &PairRow,
        read: impl FnOnce(&Pair) -> T,
    ) -> CoreResult<T> {
        self.with_pair(group, row, |open| Ok(read(&open.pair)))
    }

    /// Changes a pair, and keeps what was delivered by that.
    fn change_pair(
        &mut self,
        group: GroupId,
        row: &mut PairRow,
        change: impl FnOnce(&mut Pair) -> CoreResult<Vec<LogEvent>>,
    ) -> CoreResult<Vec<LogEvent>> {
        let from = row.next;
        let (events, kept) = self.with_pair(group, row, |open| {
            let events = change(&mut open.pair)?;
            let kept: Vec<_> = events.iter().filter_map(kept).collect();
            open.next += kept.len() as u64;
            Ok((events, kept))
        })?;
        for (number, (at, entry)) in (from..).zip(&kept) {
            let number = number.to_be_bytes();
            self.put_bytes(Keyspace::NODES, &row_key(DELIVERED, group, &number), entry.clone());
            if let Some(at) = at {
                row.note_head(at);
                let place = row_key(PLACE, group, &place_of(at));
                self.put_bytes(Keyspace::NODES, &place, number.to_vec());
            }
        }
        if !kept.is_empty() {
            row.next += kept.len() as u64;
            self.put_pair_row(group, row)?;
        }
        Ok(events)
    }

    /// Writes the next entry of this node's lane; an incarnation above the first begins with an Open.
    ///
    /// # Errors
    /// [`TextError::TooLong`], [`CoreError::NotWriter`] where the lane is forked.
    pub(super) fn write_in_pair(
        &mut self,
        group: GroupId,
        row: &mut PairRow,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        let (keys, inc) = (self.inner.logs.keys(), self.inner.logs.incarnation());
        let end = |inc: u32| {
            let node = keys.node().short();
            row.heads.iter().map(Head::at).find(|at| (at.node, at.inc) == (node, inc))
        };
        if let Some(before) = inc.checked_sub(1)
            && end(inc).is_none()
        {
            let previous = end(before);
            let open = keys.open(&Opened { group, node: keys.node(), inc, previous });
            self.append_to_pair(group, row, &open)?;
        }
        self.show_key_in_pair(group, row)?;
        self.append_to_pair(group, row, body)
    }

    /// As [`crate::Core::show_keys`], in one pair; whether it was missing.
    pub(in crate::federation) fn show_keys_in_pair(&mut self, group: GroupId) -> CoreResult<bool> {
        let Some(mut row) = self.pair_row(group)? else { return Ok(false) };
        self.show_key_in_pair(group, &mut row)
    }

    /// This node's lane shows what it is signed with, if it was another key before. What begins under a
    /// key needs no more than what the link shows.
    fn show_key_in_pair(&mut self, group: GroupId, row: &mut PairRow) -> CoreResult<bool> {
        let (keys, inc) = (self.inner.logs.keys(), self.inner.logs.incarnation());
        let node = keys.node().short();
        let end = row.heads.iter().map(Head::at).find(|at| (at.node, at.inc) == (node, inc));
        let Some(end) = end else { return Ok(false) };
        let last = self.read_pair(group, row, |pair| pair.serial_of(&end))?;
        if last.is_none_or(|last| last >= keys.cert().body.serial) {
            return Ok(false);
        }
        let cert = DataBody::Cert(Box::new(keys.cert().clone()));
        self.append_to_pair(group, row, &cert)?;
        Ok(true)
    }

    fn append_to_pair(
        &mut self,
        group: GroupId,
        row: &mut PairRow,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        let inc = self.inner.logs.incarnation();
        let (inner, now_ms) = (self.inner, self.now_ms);
        let keys = inner.logs.keys();
        let refused = |cause| match cause {
            glog::AuthorError::TooLong => TextError::TooLong.into(),
            _ => CoreError::NotWriter,
        };
        // Opened before: writing needs what chance there is.
        self.read_pair(group, row, |_| ())?;
        let rng = &mut *self.rng;
        let entry = {
            let mut open = inner.pairs.open.lock();
            let pair = &mut open.get_mut(&group).ok_or(CoreError::Damaged(ENTRY))?.pair;
            // It may have been opened before the keys were changed.
            pair.learn_cert(keys.cert().clone());
            pair.write(keys.author(), inc, body, now_ms, rng).map_err(refused)?
        };
        let (node, hash) = (entry.header().node.short(), entry.id().short());
        let at = EntryRef { node, inc, seq: entry.header().seq, hash };
        let bytes = entry.encode();
        let events = self.change_pair(group, row, |pair| {
            pair.receive(entry, now_ms).map_err(|_| CoreError::Damaged(ENTRY))
        })?;
        let is_own =
            |event: &LogEvent| matches!(event, LogEvent::Delivered { at: of, .. } if *of == at);
        let others: Vec<_> = events.into_iter().filter(|event| !is_own(event)).collect();
        self.follow_pair(group, row, &others)?;
        if self.inner.network.get().is_some() {
            let members = vec![NodeId(row.node)];
            let told = LogEntry { group, public: false, members, entry: bytes };
            self.event(Event::Entry(std::sync::Arc::new(told)));
        }
        Ok(at)
    }

    /// Whether this node's lane takes entries.
    pub(super) fn takes_more(&self, group: GroupId, row: &PairRow) -> CoreResult<bool> {
        let (node, inc) = (self.inner.logs.keys().node().short(), self.inner.logs.incarnation());
        self.read_pair(group, row, |pair| pair.frozen_from(node, inc).is_none())
    }

    /// Takes entries of somebody who may be unknown here: see [`crate::Core::receive_pair`].
    pub(crate) fn receive_pair(
        &mut self,
        from: NodeId,
        mine: u64,
        theirs: u64,
        entries: Vec<Vec<u8>>,
    ) -> CoreResult<Received> {
        let group = GroupId::of_pair((self.inner.logs.keys().node(), mine), (from, theirs));
        if self.pair_row(group)?.is_some() {
            return self.receive_in_pair(group, entries);
        }
        let stopped =
            |why: &str| Ok(Received { stopped: Some(why.to_owned()), ..Received::default() });
        if self.node_row(from.short())?.is_none_or(|node| node.blocked || node.id != from.0) {
            return stopped("the node is blocked or unknown");
        }
        let Some(user) = self.reachable(mine)?.filter(|_| theirs != 0) else {
            return stopped("nobody here has that number");
        };
        if !self.begins(user, (from, theirs), &entries)? {
            return stopped("it does not begin with a message");
        }
        match self.meet_stranger(user, glog::UserRef { node: from.short(), id: theirs }) {
            Err(CoreError::Flood { wait_s }) => {
                return stopped(&format!("too many strangers: {wait_s} s"));
            }
            met => met?,
        }
        self.begin_pair(user, (from, theirs))?;
        self.receive_in_pair(group, entries)
    }

    /// Somebody of this node to whom people of others may write.
    fn reachable(&self, number: u64) -> CoreResult<Option<UserId>> {
        let user = i64::try_from(number).ok().map(UserId);
        let is_member = |user: &UserId| {
            !is_remote(*user) && !crate::bridge::is_ghost(*user) && *user != UserId::SERVICE
        };
        let user = user.filter(is_member);
        let Some(user) = user else { return Ok(None) };
        Ok(self.user(user)?.filter(|account| !account.deleted).map(|_| user))
    }

    /// Whether a message of the other person is among these entries.
    fn begins(&self, mine: UserId, other: (NodeId, u64), entries: &[Vec<u8>]) -> CoreResult<bool> {
        let mut pair = self.bare_pair(mine, other)?;
        for entry in entries.iter().filter_map(|bytes| Entry::decode(bytes).ok()) {
            let by = matches!(entry.header().lane, Lane::Data { user, .. } if user == other.1);
            if by && entry.header().node == other.0 {
                // What it refuses is refused again when it counts.
                let _ = pair.receive(entry, self.now_ms);
            }
        }
        Ok(!pair.messages().is_empty())
    }

    /// Somebody of another node writes to a person here for the first time.
    pub(crate) fn meet_stranger(&mut self, user: UserId, by: glog::UserRef) -> CoreResult<()> {
        if let Some(account) = self.known_account(by)?
            && (self.has_dialog(user, account.into())? || self.inner.has_contact(user, account)?)
        {
            return Ok(());
        }
        self.take_of_node(Limit::StrangersOfNode(by.node), by.node, 1)
    }

    /// Takes entries of a pair that is known here.
    pub(crate) fn receive_in_pair(
        &mut self,
        group: GroupId,
        entries: Vec<Vec<u8>>,
    ) -> CoreResult<Received> {
        let mut taken = Received::default();
        let Some(mut row) = self.pair_row(group)? else { return Ok(taken) };
        let node = NodeId(row.node);
        let Some(known) = self.node_row(node.short())?.filter(|known| !known.blocked) else {
            taken.stopped = Some("the node is blocked".to_owned());
            return Ok(taken);
        };
        let (cert, now_ms) = (known.cert()?, self.now_ms);
        self.with_pair(group, &row, |open| {
            open.pair.learn_cert(cert);
            Ok(())
        })?;
        for bytes in entries {
            let Ok(entry) = Entry::decode(&bytes) else {
                taken.rejected += 1;
                continue;
            };
            let mut refused = None;
            let events = self.change_pair(group, &mut row, |pair| {
                let received = pair.receive(entry, now_ms);
                Ok(received.unwrap_or_else(|cause| {
                    refused = Some(cause);
                    Vec::new()
                }))
            })?;
            if refused.is_some_and(|cause| cause != Rejected::Frozen) {
                taken.rejected += 1;
            }
            let is_theirs = |event: &LogEvent| matches!(event, LogEvent::Delivered { at, .. } if at.node == node.short());
            if events.iter().any(is_theirs) {
                row = self.meet(group, row)?;
            }
            if events.iter().any(|event| kept(event).is_some()) {
                taken.fresh += 1;
            }
            self.follow_pair(group, &row, &events)?;
        }
        Ok(taken)
    }

    /// Time has passed for pairs in which something waits for entries that may not come.
    pub(crate) fn tick_pairs(&mut self) -> CoreResult<()> {
        let now_ms = self.now_ms;
        for group in self.inner.pairs.waiting() {
            let Some(mut row) = self.pair_row(group)? else { continue };
            let events = self.change_pair(group, &mut row, |pair| Ok(pair.tick(now_ms)))?;
            self.follow_pair(group, &row, &events)?;
        }
        Ok(())
    }

    /// What is held of a pair: no chain, and the end of each lane.
    pub(crate) fn pair_heads(&self, group: GroupId) -> CoreResult<Option<Heads>> {
        // Asked for each pair again and again: nothing is read but the row.
        let Some(row) = self.pair_row(group)? else { return Ok(None) };
        let lanes = row.heads.iter().map(Head::at).collect();
        let control = glog::ControlRef {
            recovery: 0,
            act: glog::Hash16::default(),
            seq: 0,
            hash: glog::Hash16::default(),
        };
        Ok(Some(Heads { control, term: 0, lanes, public: false, ends: false }))
    }

    /// See [`crate::Core::log_page`].
    pub(crate) fn pair_page(
        &self,
        group: GroupId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> CoreResult<Vec<Vec<u8>>> {
        let LaneName::Data { node, inc } = lane else { return Ok(Vec::new()) };
        let (mut page, mut bytes) = (Vec::new(), 0);
        for seq in from..to {
            let place = [&node.0[..], &inc.to_be_bytes(), &seq.to_be_bytes()].concat();
            let key = row_key(PLACE, group, &place);
            let rows = self.scan_prefix(Keyspace::NODES, &key, 1)?;
            let Some((_, number)) = rows.first() else { break };
            let Some(entry) = self.get(Keyspace::NODES, &row_key(DELIVERED, group, number))? else {
                break;
            };
            bytes += entry.len();
            if bytes > bytes_max && !page.is_empty() {
                break;
            }
            page.push(entry);
        }
        Ok(page)
    }

    /// See [`crate::Core::log_named`].
    pub(crate) fn pair_named(
        &self,
        group: GroupId,
        names: &[EntryRef],
    ) -> CoreResult<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for at in names {
            let place = row_key(PLACE, group, &place_of(at));
            if let Some(number) = self.get(Keyspace::NODES, &place)? {
                found.extend(self.get(Keyspace::NODES, &row_key(DELIVERED, group, &number))?);
            }
        }
        Ok(found)
    }

    /// Certificates of the two nodes of a pair.
    pub(crate) fn pair_certs(&self, group: GroupId) -> CoreResult<Vec<NodeCert>> {
        let Some(row) = self.pair_row(group)? else { return Ok(Vec::new()) };
        self.read_pair(group, &row, |pair| pair.certs().cloned().collect())
    }

    /// The other node shows its certificates: what comes again can be verified.
    pub(crate) fn learn_pair_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> CoreResult<()> {
        let Some(row) = self.pair_row(group)? else { return Ok(()) };
        self.with_pair(group, &row, |open| {
            certs.into_iter().for_each(|cert| open.pair.learn_cert(cert));
            Ok(())
        })
    }
}

/// What is kept of what happened: an entry with its place, or one that forks a lane.
fn kept(event: &LogEvent) -> Option<(Option<EntryRef>, Vec<u8>)> {
    match event {
        LogEvent::Delivered { at, entry, .. } => Some((Some(*at), entry.encode())),
        // Without it a restart would forget that the lane is forked.
        LogEvent::Forked(fork) if !fork.pinned => Some((None, fork.rival.encode())),
        _ => None,
    }
}

#[cfg(test)]
impl crate::Core {
    /// A pair as an independent reader of its stored entries sees it.
    pub(crate) fn pair_in_log(&self, group: GroupId) -> Pair {
        let row = self.pair(group).unwrap().unwrap();
        let own = (self.node(), row.mine);
        let mut pair = Pair::new(own, (row.node, row.theirs), PAIR_PENDING_MAX);
        self.inner.logs.keys().certs().for_each(|cert| pair.learn_cert(cert.clone()));
        pair.learn_cert(self.known_node(row.node.short()).unwrap().unwrap().cert);
        let prefix = row_key(DELIVERED, group, &[]);
        let rows =
            crate::decide::scan_prefix(&*self.inner.store, Keyspace::NODES, &prefix, ROWS_MAX);
        for (_, entry) in rows.unwrap() {
            pair.receive(Entry::decode(&entry).unwrap(), 0).unwrap();
            pair.tick(glog::GAP_AFTER_MS);
        }
        pair
    }

    /// The entry that brought a message between two people of two nodes.
    pub(crate) fn brought_in_log(
        &self,
        owner: UserId,
        id: crate::ids::MessageId,
    ) -> Option<(GroupId, EntryRef)> {
        use crate::record::Record as _;
        let row =
            self.inner.store.get(Keyspace::NODES, &super::entry_of_key(owner, id)).unwrap()?;
        let row = super::Brought::decode(&row).unwrap();
        Some((GroupId(row.group), row.post().unwrap()))
    }
}
