//! What other nodes add to logs.

use glog::{Entry, EntryRef, Event, LaneEnd, NodeCert, PENDING_MAX, Rejected, Replica};
use node_store::Keyspace;

use super::{
    CONTROL, DELIVERED, Held, Log, LogMark, PLACE, Shared, changes_chain, entry_key, place_of,
};
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::{CoreError, CoreResult};

impl Decide<'_> {
    /// Takes an entry that came from another node; what follows is told, and is the caller's to show.
    ///
    /// # Errors
    /// Those of the store. That the entry is refused is the answer.
    pub(crate) fn receive_entry(
        &mut self,
        channel: ChannelId,
        entry: Entry,
    ) -> CoreResult<Result<Vec<Event>, Rejected>> {
        let now_ms = self.now_ms;
        let (mark, received, delivered) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else {
                return Err(CoreError::UnknownChannel);
            };
            let control = matches!(entry.header().lane, glog::Lane::Control { .. });
            let carried = control.then(|| (entry.header().seq, entry.encode()));
            let received = shared.change(keys, |replica| replica.receive(entry, now_ms));
            let delivered = shared.delivered(received.as_deref().unwrap_or_default());
            Ok((mark, received.map(|events| (events, carried)), delivered))
        })?;
        let (events, carried) = match received {
            Ok(received) => received,
            Err(refused) => return Ok(Err(refused)),
        };
        if events.is_empty() {
            return Ok(Ok(events));
        }
        self.changed_log(mark);
        self.keep_delivered(channel, delivered);
        if let Some((seq, _)) = carried.filter(|_| events.iter().any(changes_chain)) {
            self.put_chain(channel, seq)?;
        }
        Ok(Ok(events))
    }

    /// Time has passed for a log in which others write.
    pub(crate) fn tick_replica(&mut self, channel: ChannelId) -> CoreResult<Vec<Event>> {
        let now_ms = self.now_ms;
        self.change_replica(channel, |replica| replica.tick(now_ms))
    }

    /// Another member shows a certificate.
    pub(crate) fn learn_replica_cert(
        &mut self,
        channel: ChannelId,
        cert: NodeCert,
    ) -> CoreResult<Vec<Event>> {
        let now_ms = self.now_ms;
        self.change_replica(channel, |replica| replica.learn_cert(cert, now_ms))
    }

    /// Changes a copy, and keeps what was delivered by that.
    fn change_replica(
        &mut self,
        channel: ChannelId,
        change: impl FnOnce(&mut Replica) -> Vec<Event>,
    ) -> CoreResult<Vec<Event>> {
        let (mark, events, delivered) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else { return Ok((mark, Vec::new(), vec![])) };
            let events = shared.change(keys, |replica| Ok(change(replica)));
            let events = events.unwrap_or_default();
            let delivered = shared.delivered(&events);
            Ok((mark, events, delivered))
        })?;
        if !events.is_empty() {
            self.changed_log(mark);
        }
        self.keep_delivered(channel, delivered);
        Ok(events)
    }

    /// Keeps entries of lanes that were delivered, and finds each again by its place.
    pub(super) fn keep_delivered(
        &mut self,
        channel: ChannelId,
        delivered: Vec<(u64, EntryRef, Vec<u8>)>,
    ) {
        for (number, at, entry) in delivered {
            let number = number.to_be_bytes();
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, DELIVERED, &number), entry);
            let place = entry_key(channel, PLACE, &place_of(&at));
            self.put_bytes(Keyspace::LOGS, &place, number.to_vec());
        }
    }

    /// Keeps the entries of a chain from one on, as they are now; several may have waited for one.
    fn put_chain(&mut self, channel: ChannelId, from: u64) -> CoreResult<()> {
        let from_index = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = self.with_chain(channel, |chain| {
            let grown = chain.entries().iter().skip(from_index);
            grown.map(|entry| (entry.seq(), entry.entry().encode())).collect::<Vec<_>>()
        })?;
        let end = entries.last().map_or(from, |(seq, _)| seq + 1);
        for (seq, entry) in entries {
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &seq.to_be_bytes()), entry);
        }
        // A Recover may stand below where the chain ended.
        for seq in end.. {
            let key = entry_key(channel, CONTROL, &seq.to_be_bytes());
            if self.get(Keyspace::LOGS, &key)?.is_none() {
                return Ok(());
            }
            self.delete(Keyspace::LOGS, &key);
        }
        Ok(())
    }

    /// Begins the copy of a log that another node began.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for what is no Genesis.
    pub(crate) fn begin_shared(&mut self, channel: ChannelId, genesis: Entry) -> CoreResult<()> {
        let logs = &self.inner.logs;
        let bytes = genesis.encode();
        let replica = Replica::new(logs.keys().node(), genesis, PENDING_MAX);
        let replica = replica.map_err(|_| CoreError::UnknownChannel)?;
        let held = Held::Shared(Box::new(Shared { replica, next: 0 }));
        logs.open.lock().insert(channel, Log { held, secret: None });
        let end = LaneEnd { inc: 0, last: None };
        self.changed_log(LogMark { channel, entries: 0, end, shared: true });
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &0_u64.to_be_bytes()), bytes);
        Ok(())
    }

    /// Others write in this log from now on: all of it comes into memory when it is next used.
    pub(crate) fn share_log(&mut self, channel: ChannelId) -> CoreResult<()> {
        let mark = self.with_log(channel, |_, log| Ok(log.mark(channel)))?;
        self.changed_log(LogMark { shared: true, ..mark });
        self.inner.logs.open.lock().remove(&channel);
        Ok(())
    }
}
