//! What is being fetched of one lane: which ranges are asked for, which have come, what is next.

use std::collections::BTreeMap;

use glog::cbor::decode_prefix;
use glog::{Entry, EntryId, EntryRef, GroupId, Hash16, Header, Lane, Node16, NodeId};

use crate::host::LaneName;

/// Entries that are asked for in one request.
pub(super) const CHUNK: u64 = 256;

/// Entries that came, and from whom.
#[derive(Debug)]
pub(super) struct Chunk {
    /// From whom.
    pub(super) peer: NodeId,
    /// In order, without a gap.
    pub(super) entries: Vec<Vec<u8>>,
    /// What the first one continues.
    pub(super) prev: Hash16,
    /// The name of the first one.
    pub(super) first: Hash16,
    /// The name of the last one.
    pub(super) last: Hash16,
    bytes: usize,
}

/// A lane that is being fetched.
#[derive(Debug)]
pub(super) struct LaneWork {
    /// The number of the first entry that was lacking.
    pub(super) begin: u64,
    /// The next one to hand over.
    pub(super) next: u64,
    /// The first one that is not wanted.
    pub(super) end: u64,
    /// The name of the entry before [`Self::next`], if it is known.
    pub(super) last: Option<Hash16>,
    /// Only from this peer: it may be on another branch than others.
    pub(super) only: Option<NodeId>,
    /// How many entries are asked for at once.
    part: u64,
    /// Up to here everything was asked for.
    cursor: u64,
    /// What was asked for in vain, by its first number.
    again: BTreeMap<u64, u64>,
    flying: BTreeMap<u64, (u64, u64)>,
    ready: BTreeMap<u64, Chunk>,
}

impl LaneWork {
    /// Everything from `begin` up to and without `end`.
    pub(super) fn new(begin: u64, end: u64, last: Option<Hash16>, only: Option<NodeId>) -> Self {
        Self {
            begin,
            next: begin,
            end,
            last,
            only,
            part: CHUNK,
            cursor: begin,
            again: BTreeMap::new(),
            flying: BTreeMap::new(),
            ready: BTreeMap::new(),
        }
    }

    /// In parts of so many entries.
    pub(super) fn in_parts(self, part: u64) -> Self {
        Self { part, ..self }
    }

    /// The next range to ask for, the lowest first: what stops the rest comes first.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        if let Some((from, to)) = self.again.first_key_value() {
            return Some((*from, *to));
        }
        (self.cursor < self.end).then(|| (self.cursor, self.end.min(self.cursor + self.part)))
    }

    /// The first part of [`Self::range`], up to `to`, is asked for under this ticket.
    pub(super) fn asked(&mut self, ticket: u64, to: u64) {
        let Some((from, range_end)) = self.range() else { return };
        if self.again.remove(&from).is_some() {
            if to < range_end {
                self.again.insert(to, range_end);
            }
        } else {
            self.cursor = to;
        }
        self.flying.insert(ticket, (from, to));
    }

    /// A request has failed, or brought only the first entries.
    pub(super) fn failed(&mut self, ticket: u64) {
        if let Some((from, to)) = self.flying.remove(&ticket) {
            self.again.insert(from, to);
        }
    }

    /// Whether so many entries may answer a request.
    pub(super) fn takes(&self, ticket: u64, entries: usize) -> bool {
        self.flying.get(&ticket).is_some_and(|(from, to)| entries as u64 <= to - from)
    }

    /// Entries have come.
    pub(super) fn came(&mut self, ticket: u64, chunk: Chunk) {
        let Some((from, to)) = self.flying.remove(&ticket) else { return };
        let got = from + chunk.entries.len() as u64;
        if got < to {
            self.again.insert(got, to);
        }
        self.ready.insert(from, chunk);
    }

    /// The chunk that comes next, if it is here.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        let chunk = self.ready.remove(&self.next)?;
        self.next += chunk.entries.len() as u64;
        Some(chunk)
    }

    /// Whether the next chunk is here.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.contains_key(&self.next)
    }

    /// Whether nothing is left of it.
    pub(super) fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// Nothing above what has come without a gap is to be had.
    pub(super) fn cut(&mut self) {
        self.end = self.next;
        self.cursor = self.next;
        self.again.clear();
        self.flying.clear();
        self.ready.clear();
    }

    /// Requests under way.
    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Bytes that wait for what comes before them.
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.values().map(|chunk| chunk.bytes).sum()
    }

    /// How much of it was handed over, from 0 to 1: lanes name each other's entries, so they are
    /// brought forward side by side.
    pub(super) fn progress(&self) -> f64 {
        (self.next - self.begin) as f64 / (self.end - self.begin).max(1) as f64
    }

    /// Like [`Self::progress`], of what was asked for.
    pub(super) fn asked_progress(&self) -> f64 {
        (self.cursor - self.begin) as f64 / (self.end - self.begin).max(1) as f64
    }
}

/// Reads where an entry stands; `None` if it is no entry of this group and lane.
pub fn place(group: &GroupId, lane: LaneName, bytes: &[u8]) -> Option<(u64, EntryId, EntryId)> {
    let header = &bytes[..bytes.len().min(glog::HEADER_BYTES_MAX)];
    let (header, length) = decode_prefix::<Header>(header).ok()?;
    let id = EntryId(*blake3::hash(bytes.get(..length)?).as_bytes());
    let right = match (&header.lane, lane) {
        (Lane::Control { .. }, LaneName::Control) => {
            // The Genesis is the group's name, and so cannot carry it.
            if header.seq == 0 { id.0 == group.0 } else { header.group == *group }
        }
        (Lane::Data { inc, .. }, LaneName::Data { node, inc: expected }) => {
            header.group == *group && *inc == expected && header.node.short() == node
        }
        _ => false,
    };
    right.then_some((header.seq, id, header.prev))
}

/// Who claims to have written an entry of a data lane; `None` for the control chain, and for what is no
/// entry. Reads no more than the header.
pub fn author(bytes: &[u8]) -> Option<Node16> {
    let (header, _) = Header::decode_prefix(bytes).ok()?;
    matches!(header.lane, Lane::Data { .. }).then(|| header.node.short())
}

/// Heads of other lanes that an entry names, and waits for.
pub(super) fn deps(bytes: &[u8]) -> Vec<EntryRef> {
    match Header::decode_prefix(bytes).map(|(header, _)| header.lane) {
        Ok(Lane::Data { deps, .. }) => deps.into_vec(),
        _ => Vec::new(),
    }
}

/// Where an entry stands, and its lane; `None` if it is none of this group.
pub(super) fn place_of(group: &GroupId, bytes: &[u8]) -> Option<(LaneName, u64, EntryId, EntryId)> {
    let entry = Entry::decode(bytes).ok()?;
    let lane = match entry.header().lane {
        Lane::Control { .. } => LaneName::Control,
        Lane::Data { inc, .. } => LaneName::Data { node: entry.header().node.short(), inc },
    };
    let (seq, id, prev) = place(group, lane, bytes)?;
    Some((lane, seq, id, prev))
}

/// Checks that these are the entries of a lane from `from` on, each continuing the one before; `None`
/// if not. Signatures are for the host to check.
pub(super) fn chunk(
    group: &GroupId,
    lane: LaneName,
    from: u64,
    peer: NodeId,
    entries: Vec<Vec<u8>>,
) -> Option<Chunk> {
    let (mut prev, mut first, mut last) = (None, None, None::<EntryId>);
    let mut bytes = 0;
    for (entry, expected) in entries.iter().zip(from..) {
        let (seq, id, before) = place(group, lane, entry)?;
        if seq != expected || last.is_some_and(|last| last != before) {
            return None;
        }
        prev = prev.or(Some(before));
        first = first.or(Some(id));
        last = Some(id);
        bytes += entry.len();
    }
    Some(Chunk {
        peer,
        prev: prev?.short(),
        first: first?.short(),
        last: last?.short(),
        entries,
        bytes,
    })
}
