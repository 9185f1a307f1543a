//! Keys of private groups: made, sealed, asked for and given.

use glog::body::Setting;
use glog::cbor::List;
use glog::control::ControlEntry;
use glog::{Event, Hash16, Node16, NodeCert};
use keys::epoch::EpochSecret;
use keys::sealed::BoxPublic;
use node_store::Keyspace;

use super::{Held, KEY, UNOPENED, carries_key, entry_key, given_bound, too_large};
use crate::CoreResult;
use crate::decide::Decide;
use crate::ids::ChannelId;

impl Decide<'_> {
    /// What opens everything that was said, as a channel that becomes public tells it.
    pub(in crate::channels) fn opening(&mut self, channel: ChannelId) -> CoreResult<Setting> {
        self.with_log(channel, |keys, log| {
            let known = |entry: &ControlEntry| match &log.held {
                Held::Shared(shared) => {
                    shared.replica.key(&entry.id().short()).map(|key| *key.secret_bytes())
                }
                Held::Alone { .. } => keys.open_epoch(entry).map(|secret| *secret.secret_bytes()),
            };
            let carried = log.chain().entries().iter().filter(|entry| carries_key(entry));
            let carried = carried.filter_map(|entry| Some((entry.id().short(), known(entry)?)));
            let carried =
                if log.chain().state().shows_history { carried.collect() } else { Vec::new() };
            Ok(Setting::Public(List::new(carried).map_err(too_large)?))
        })
    }

    /// A key for the next entry of a chain, sealed to the nodes that write after it: to one more, or to
    /// all but one.
    pub(crate) fn new_epoch(
        &mut self,
        channel: ChannelId,
        with: Option<&NodeCert>,
        without: Option<Node16>,
    ) -> CoreResult<glog::body::Epoch> {
        // It is sealed for its place: nothing may come in between.
        self.show_key_in_chain(channel)?;
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |_, log| {
            let (secret, place) = (EpochSecret::generate(rng), log.chain().next_place());
            let members = log.chain().state().members();
            let members = members.filter(|node| Some(node.id.short()) != without);
            let certs: Vec<&NodeCert> =
                members.filter_map(|node| node.newest_cert()).chain(with).collect();
            glog::seal_epoch(&secret, place, &certs, rng).map_err(too_large)
        })
    }

    /// The key of a Recover by this node, sealed to all nodes that write.
    pub(crate) fn epoch_of_recover(
        &mut self,
        channel: ChannelId,
        keep: u64,
        number: u32,
    ) -> CoreResult<glog::body::Epoch> {
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |keys, log| {
            let (chain, own) = (log.chain(), keys.node());
            let place = glog::recover_place(chain, keep, number, own).ok_or(UNOPENED)?;
            let others = chain.state().members().filter(|node| node.id != own);
            let certs: Vec<&NodeCert> =
                others.filter_map(|node| node.newest_cert()).chain([keys.cert()]).collect();
            let secret = EpochSecret::generate(rng);
            glog::seal_epoch(&secret, place, &certs, rng).map_err(too_large)
        })
    }

    /// Keys without which something of a log cannot be read here.
    pub(crate) fn missing_keys(&self, channel: ChannelId) -> CoreResult<Vec<Hash16>> {
        let missing = self.with_shared(channel, |shared| shared.replica.missing_keys())?;
        Ok(missing.unwrap_or_default().into_iter().collect())
    }

    /// Keys of a group for another member of it, each sealed to that node: those that it may have.
    pub(crate) fn keys_for(
        &mut self,
        channel: ChannelId,
        to: Node16,
        ids: &[Hash16],
    ) -> CoreResult<Vec<(Hash16, Vec<u8>)>> {
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |_, log| {
            let Held::Shared(shared) = &log.held else { return Ok(Vec::new()) };
            let chain = shared.replica.chain();
            let member = chain.state().nodes.get(&to).filter(|node| node.member);
            let Some(cert) = member.and_then(|node| node.newest_cert()) else {
                return Ok(Vec::new());
            };
            let to_key = BoxPublic::from_bytes(cert.body.x25519);
            let mut sealed = Vec::new();
            for id in ids.iter().filter(|id| chain.may_have_key(to, **id)) {
                let Some(secret) = shared.replica.key(id) else { continue };
                let bound = given_bound(chain.group(), *id);
                // Whoever shows a key to which nothing can be sealed gets nothing.
                if let Ok(given) = to_key.seal(secret.secret_bytes(), &bound, rng) {
                    sealed.push((*id, given));
                }
            }
            Ok(sealed)
        })
    }

    /// Another member has given a key; whether it is the one that its entry had promised. What it opens
    /// is told, and is the caller's to show.
    pub(crate) fn learn_key(
        &mut self,
        channel: ChannelId,
        id: Hash16,
        given: Vec<u8>,
    ) -> CoreResult<Vec<Event>> {
        let (mark, events, kept) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else { return Ok((mark, Vec::new(), false)) };
            let group = shared.replica.chain().group();
            let secret = keys.open_given(group, id, &given);
            let Some(secret) = secret.filter(|_| shared.replica.key(&id).is_none()) else {
                return Ok((mark, Vec::new(), false));
            };
            let events = shared.replica.learn_key(id, secret);
            let kept = shared.replica.key(&id).is_some();
            Ok((mark, events, kept))
        })?;
        if kept {
            self.changed_log(mark);
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, KEY, &id.0), given);
        }
        Ok(events)
    }
}
