//! What logs say, to this node and to others.

use glog::{Entry, EntryRef, Hash16, Node16};
use node_store::Keyspace;

use super::{CONTROL, DATA, DELIVERED, ENTRY, Held, PLACE, entry_key, place_of, places};
use crate::decide::Decide;
use crate::federation::{Heads, LaneName};
use crate::ids::{ChannelId, UserId};
use crate::{CoreError, CoreResult};

impl Decide<'_> {
    /// Whether other nodes read a log, or may.
    pub(in crate::channels) fn is_told(&self, channel: ChannelId) -> CoreResult<bool> {
        self.with_log(channel, |_, log| {
            Ok(matches!(log.held, Held::Shared(_)) || log.chain().state().is_public())
        })
    }

    /// Entries of lanes in the order in which they were delivered here, each once.
    pub(crate) fn as_delivered(
        &self,
        channel: ChannelId,
        entries: Vec<EntryRef>,
    ) -> CoreResult<Vec<EntryRef>> {
        let mut numbered = Vec::with_capacity(entries.len());
        for at in entries {
            let number = self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(&at)))?;
            numbered.push((number, at));
        }
        numbered.sort_unstable();
        numbered.dedup();
        Ok(numbered.into_iter().map(|(_, at)| at).collect())
    }

    /// The number under which an entry of a lane was delivered here.
    pub(in crate::channels) fn number_of(
        &self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<u64>> {
        let row = self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(at)))?;
        Ok(row.and_then(|row| row.first_chunk().map(|number| u64::from_be_bytes(*number))))
    }

    /// Entries of lanes that were delivered here from one number on, each with its number.
    pub(in crate::channels) fn delivered_from(
        &self,
        channel: ChannelId,
        from: u64,
        limit: usize,
    ) -> CoreResult<Vec<(u64, EntryRef)>> {
        let mut found = Vec::new();
        for number in (from..).take(limit) {
            let key = entry_key(channel, DELIVERED, &number.to_be_bytes());
            let Some(row) = self.get(Keyspace::LOGS, &key)? else { break };
            let entry = Entry::decode(&row).map_err(|_| CoreError::Damaged(ENTRY))?;
            let (at, _) = places(&entry).ok_or(CoreError::Damaged(ENTRY))?;
            found.push((number, at));
        }
        Ok(found)
    }

    /// A stored entry of a lane.
    pub(crate) fn entry_at(
        &self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<Vec<u8>>> {
        match self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(at)))? {
            Some(number) => self.get(Keyspace::LOGS, &entry_key(channel, DELIVERED, &number)),
            None if at.node == self.inner.logs.keys().node().short() => {
                let rest = [&at.inc.to_be_bytes()[..], &at.seq.to_be_bytes()].concat();
                self.get(Keyspace::LOGS, &entry_key(channel, DATA, &rest))
            }
            None => Ok(None),
        }
    }

    /// What is held of a log.
    pub(crate) fn log_heads(&self, channel: ChannelId) -> CoreResult<Heads> {
        self.with_log(channel, |keys, log| {
            let chain = log.chain();
            let lanes = match &log.held {
                Held::Alone { end, .. } => {
                    let node = keys.node().short();
                    let at = |(seq, id): (u64, glog::EntryId)| EntryRef {
                        node,
                        inc: end.inc,
                        seq,
                        hash: id.short(),
                    };
                    end.last.map(at).into_iter().collect()
                }
                Held::Shared(shared) => {
                    let mut lanes = shared.replica.lanes().heads(chain);
                    lanes.sort_unstable();
                    lanes
                }
            };
            let (state, control) = (chain.state(), chain.cite().ok_or(CoreError::Damaged(ENTRY))?);
            let (term, public) = (state.generation.term, state.is_public());
            Ok(Heads { control, term, lanes, public, ends: false })
        })
    }

    /// See [`crate::Core::log_page`].
    pub(crate) fn log_page(
        &self,
        channel: ChannelId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> CoreResult<Vec<Vec<u8>>> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        for seq in from..to {
            let entry = match lane {
                LaneName::Control => {
                    self.get(Keyspace::LOGS, &entry_key(channel, CONTROL, &seq.to_be_bytes()))?
                }
                LaneName::Data { node, inc } => self.entry_in_lane(channel, node, inc, seq)?,
            };
            let Some(entry) = entry else { break };
            bytes += entry.len();
            if bytes > bytes_max && !page.is_empty() {
                break;
            }
            page.push(entry);
        }
        Ok(page)
    }

    /// The entry of a lane at a number: of a forked one, that of the branch which counts.
    fn entry_in_lane(
        &self,
        channel: ChannelId,
        node: Node16,
        inc: u32,
        seq: u64,
    ) -> CoreResult<Option<Vec<u8>>> {
        let prefix = [&node.0[..], &inc.to_be_bytes(), &seq.to_be_bytes()].concat();
        let rows = self.scan_prefix(Keyspace::LOGS, &entry_key(channel, PLACE, &prefix), 8)?;
        if rows.len() > 1 {
            let at = self.with_shared(channel, |shared| {
                let (lanes, chain) = (shared.replica.lanes(), shared.replica.chain());
                let twins = lanes.twins(node, inc, seq);
                twins.into_iter().find(|at| lanes.is_on_branch(chain, at))
            })?;
            if let Some(at) = at.flatten() {
                return self.entry_at(channel, &at);
            }
        }
        match rows.first() {
            Some((_, number)) => self.get(Keyspace::LOGS, &entry_key(channel, DELIVERED, number)),
            None => self.entry_at(channel, &EntryRef { node, inc, seq, hash: Hash16::default() }),
        }
    }

    /// What a channel is called in logs.
    pub(crate) fn name_of_log(&mut self, channel: ChannelId) -> CoreResult<[u8; 32]> {
        self.with_chain(channel, |chain| chain.group().0)
    }

    /// What the log says that members may do, and what one user may.
    pub(in crate::channels) fn log_rights(
        &mut self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<(glog::Rights, glog::Rights)> {
        let user = self.user_ref(user)?;
        self.with_chain(channel, |chain| (chain.state().defaults(), chain.state().rights(user)))
    }

    /// Whether the log takes a vote of somebody.
    pub(crate) fn may_take_part(&mut self, channel: ChannelId, user: UserId) -> CoreResult<bool> {
        Ok(self.log_rights(channel, user)?.1.has(glog::Rights::TAKE_PART))
    }
}
