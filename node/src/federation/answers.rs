//! What this node answers others.

use std::collections::{BTreeMap, BTreeSet};

use blobs::{BlobId, Manifest};
use glog::body::Join;
use glog::cbor::{Blob, List, decode, encode};
use glog::{EntryRef, Generation, GroupId, NodeCert, NodeId};
use mesh::{Call, Heads, Host, LaneName, Received, Reply};
use node_core::{CoreError, CoreResult, FarInvite, FoundName, HomeOffer, SharedGroup};

use super::files::unserved;
use super::live::Live;
use super::mail::Bell;
use super::records::{
    Agreed, EMOJI, EMOJI_ANSWER_BYTES_MAX, Emoji, EmojiAsked, EmojiShown, FirstWords, Found,
    GivenKey, HOME, INVITE, Invite, Invited, KEYS, KeysAsked, KeysGiven, LEAVE, Leave, Offer, PAIR,
    READS, SECRET_TYPING, STATUSES, TYPING, WILLING, found, other, person, refusal,
};
use super::{BoxFuture, Federation, is_of, or_none};

/// For how long a node follows a group of this one without saying so again.
const LEASE_MS: u64 = 2 * 86_400_000;

/// Public groups that are gossiped.
const TOPICS_MAX: usize = 10_000;

impl Federation {
    pub(super) async fn answer(&self, from: NodeId, call: Call) -> CoreResult<Reply> {
        let core = &self.core;
        Ok(match call {
            Call::Ask { evidence } => {
                Reply::Answered { head: core.answer_ask(from, evidence.to_vec()).await? }
            }
            Call::Follow { group } => {
                if !core.may_node_read(from, group)? {
                    return Err(CoreError::UnknownChannel);
                }
                let until_ms = core.now_ms() + LEASE_MS;
                if !self.followers.lock().add(from, group, until_ms) {
                    return Err(CoreError::Flood { wait_s: 60 });
                }
                self.mesh()?.groups_changed();
                Reply::Following { until_ms }
            }
            Call::Unfollow { group } => {
                if let Some(groups) = self.followers.lock().0.get_mut(&from) {
                    groups.remove(&group);
                }
                Reply::Done
            }
            Call::Join { join } => {
                let join: Join = decode(&join).map_err(|_| CoreError::UnknownChannel)?;
                if join.cert.node() != from || join.cert.verify().is_err() {
                    return Err(CoreError::UnknownChannel);
                }
                core.admit_node(join.group, join.cert).await?;
                let heads = core.log_heads(join.group).await?;
                Reply::Joined { head: heads.ok_or(CoreError::UnknownChannel)?.control }
            }
            Call::Resolve { name } => match core.found_name(&name).await? {
                None => Reply::NotFound,
                Some(FoundName::Group(group)) => {
                    found(&Found { group: Some(GroupId(group)), person: None })
                }
                Some(FoundName::Person(card)) => {
                    core.note_told(from, vec![card.id]).await?;
                    found(&Found { group: None, person: Some(person(&card)) })
                }
            },
            Call::Profiles { users } => {
                let cards = core.cards_shown(&users)?;
                core.note_told(from, cards.iter().map(|card| card.id).collect()).await?;
                let records = cards.iter().map(|card| Blob::new(encode(&person(card))));
                let records = records.filter_map(Result::ok).collect();
                Reply::Profiles(List::new(records).unwrap_or_default())
            }
            Call::Mail { sealed } => {
                core.take_letter(from, sealed.to_vec()).await?;
                Reply::Done
            }
            Call::Other { kind: INVITE, body } => {
                let invite: Invite = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Invite { group, home, by, users } = invite;
                let invite = FarInvite { group, home, by, users: users.to_vec() };
                let added = core.invited(from, invite).await?;
                let added = Invited { users: List::new(added).unwrap_or_default() };
                other(INVITE, &added)
            }
            Call::Other { kind: WILLING, body } => {
                let invite: Invite = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Invite { group, home, by, users } = invite;
                let invite = FarInvite { group, home, by, users: users.to_vec() };
                let willing = core.willing(from, invite).await?;
                other(WILLING, &Invited { users: List::new(willing).unwrap_or_default() })
            }
            Call::Other { kind: KEYS, body } => {
                let asked: KeysAsked = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let given = core.keys_for(from, asked.group, asked.ids.to_vec()).await?;
                let given = given.into_iter().filter_map(|(id, sealed)| {
                    Blob::new(sealed).ok().map(|sealed| GivenKey { id, sealed })
                });
                let keys = List::new(given.collect()).unwrap_or_default();
                other(KEYS, &KeysGiven { keys })
            }
            Call::Other { kind: LEAVE, body } => {
                let leave: Leave = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                core.let_node_go(from, leave.group, leave.end).await?;
                Reply::Done
            }
            Call::Other { kind: EMOJI, body } => {
                let asked: EmojiAsked = decode(&body).map_err(|_| CoreError::FileInvalid)?;
                let numbers = asked.numbers.iter().filter_map(|number| (*number).try_into().ok());
                let shown = core.emoji_shown(&numbers.collect::<Vec<i64>>())?;
                let mut bytes = 0;
                let fitting = shown.into_iter().take_while(|(_, record)| {
                    bytes += record.len();
                    bytes <= EMOJI_ANSWER_BYTES_MAX
                });
                let emoji = fitting.filter_map(|(number, record)| {
                    let record = Blob::new(record).ok()?;
                    Some(Emoji { number: number.try_into().ok()?, record })
                });
                let emoji = List::new(emoji.collect()).unwrap_or_default();
                other(EMOJI, &EmojiShown { emoji })
            }
            Call::Manifest { blob } => match self.blobs.manifest(BlobId(blob)).await {
                Ok(Some(Manifest { size, chunks })) => {
                    let hashes = List::new(chunks.to_vec()).map_err(|_| CoreError::FileInvalid)?;
                    Reply::Manifest { hashes, length: size }
                }
                Ok(None) => Reply::NotFound,
                Err(cause) => return Err(unserved(&cause)),
            },
            Call::Chunk { blob, index } => match self.blobs.chunk(BlobId(blob), index).await {
                Ok(Some(chunk)) => {
                    Reply::Chunk(Blob::new(chunk.to_vec()).map_err(|_| CoreError::FileInvalid)?)
                }
                Ok(None) => Reply::NotFound,
                Err(cause) => return Err(unserved(&cause)),
            },
            Call::Other { kind: PAIR, body } => {
                let words: FirstWords = decode(&body).map_err(|_| CoreError::UnknownUser)?;
                let entries = words.entries.iter().map(|entry| entry.to_vec()).collect();
                let taken = core.receive_pair(from, words.to, words.from, entries).await;
                if taken.stopped.is_some() {
                    return Err(CoreError::Flood { wait_s: 60 });
                }
                self.mesh()?.groups_changed();
                Reply::Done
            }
            Call::Other { kind: HOME, body } => {
                let offer: Offer = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Offer { group, recovery, act, term, prev } = offer;
                let generation = Generation { recovery, act, term };
                let offer = HomeOffer { group, generation, prev };
                let (key_serial, acceptance) = core.accept_home(from, offer).await?;
                other(HOME, &Agreed { key_serial, acceptance })
            }
            Call::Other { kind: kind @ (TYPING | SECRET_TYPING | STATUSES | READS), body } => {
                self.hear_live(from, kind, &body).await?
            }
            _ => return Err(CoreError::NotBuilt),
        })
    }
}

fn told(heads: node_core::Heads) -> Heads {
    let node_core::Heads { control, term, lanes, public, ends } = heads;
    Heads { control, term, lanes, public, ends }
}

fn lane(lane: LaneName) -> node_core::LaneName {
    match lane {
        LaneName::Control => node_core::LaneName::Control,
        LaneName::Data { node, inc } => node_core::LaneName::Data { node, inc },
    }
}

impl Host for Federation {
    fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    fn shared_with(&self, peer: NodeId) -> BoxFuture<'_, Vec<GroupId>> {
        let (shared, now) = (self.core.shared_groups(), self.core.now());
        // Who was let go is to find that out.
        let is_told = |shared: &SharedGroup| {
            shared.left.iter().any(|(node, until)| *node == peer && *until > now)
        };
        let with = shared.iter().filter(|shared| {
            is_of(shared, peer) || is_told(shared) || self.follows(peer, shared.group)
        });
        let mut groups: BTreeSet<GroupId> = with.map(|shared| shared.group).collect();
        if let Some(followed) = self.followers.lock().0.get(&peer) {
            groups.extend(followed.keys());
        }
        groups.extend(or_none(self.core.pairs_with(peer)).into_iter().map(|(group, ..)| group));
        Box::pin(async move { groups.into_iter().collect() })
    }

    fn topics(&self) -> BoxFuture<'_, Vec<GroupId>> {
        let shared = self.core.shared_groups();
        let mut groups: BTreeSet<GroupId> =
            shared.iter().filter(|shared| shared.public).map(|shared| shared.group).collect();
        groups.extend(self.followers.lock().0.values().flat_map(BTreeMap::keys));
        Box::pin(async move { groups.into_iter().take(TOPICS_MAX).collect() })
    }

    fn heads(&self, peer: Option<NodeId>, group: GroupId) -> BoxFuture<'_, Option<Heads>> {
        Box::pin(async move {
            if let Some(peer) = peer
                && !or_none(self.core.may_node_read(peer, group))
            {
                return or_none(self.core.heads_for_left(peer, group).await).map(told);
            }
            let heads = or_none(self.core.log_heads(group).await)?;
            Some(told(heads))
        })
    }

    fn begins(&self, group: GroupId, lanes: Vec<EntryRef>) -> BoxFuture<'_, ()> {
        self.core.expect_history(group, lanes);
        Box::pin(async {})
    }

    fn page(
        &self,
        group: GroupId,
        of: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Vec<Vec<u8>>> {
        Box::pin(
            async move { or_none(self.core.log_page(group, lane(of), from, to, bytes_max).await) },
        )
    }

    fn named(&self, group: GroupId, names: Vec<EntryRef>) -> BoxFuture<'_, Vec<Vec<u8>>> {
        Box::pin(async move { or_none(self.core.log_named(group, names).await) })
    }

    fn certs(&self, group: GroupId) -> BoxFuture<'_, Vec<NodeCert>> {
        Box::pin(async move { or_none(self.core.log_certs(group).await) })
    }

    fn learn_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> BoxFuture<'_, ()> {
        Box::pin(async move { or_none(self.core.learn_log_certs(group, certs).await) })
    }

    fn receive(
        &self,
        from: NodeId,
        group: GroupId,
        entries: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Received> {
        Box::pin(async move {
            // What a blocked node brought stays as it is.
            let known = or_none(self.core.known_node(from.short()));
            if known.is_some_and(|known| known.blocked) {
                let stopped = Some("the node is blocked".to_owned());
                return Received { stopped, ..Received::default() };
            }
            let taken = self.core.receive_log(group, entries).await;
            let node_core::Received { fresh, rejected, stopped } = taken;
            Received { fresh, rejected, stopped }
        })
    }

    fn wanted(&self, group: GroupId) -> BoxFuture<'_, Vec<EntryRef>> {
        Box::pin(async move { or_none(self.core.log_wanted(group).await) })
    }

    fn call(&self, from: NodeId, call: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            match self.answer(from, call).await {
                Ok(reply) => reply,
                Err(cause) => refusal(&cause),
            }
        })
    }

    fn peer_changed(&self, node: NodeId, cert: &NodeCert, connected: bool) -> BoxFuture<'_, ()> {
        let cert = cert.clone();
        Box::pin(async move {
            if !connected {
                self.connected.lock().remove(&node);
                return;
            }
            self.connected.lock().insert(node);
            if let Err(cause) = self.core.learn_node(cert.clone()).await {
                tracing::warn!(%cause, %node, "a certificate is not kept");
            }
            self.is_here(Live::Met(node));
            // Behind: the mesh waits for this answer.
            let _ = self.strangers.try_send(node.short());
            let _ = self.bell.try_send(Bell::Met(node.short()));
        })
    }

    fn share_of(&self, node: NodeId) -> BoxFuture<'_, u8> {
        Box::pin(
            async move { or_none(self.core.standing_of(node.short()).map(Some)).unwrap_or(100) },
        )
    }

    fn serial_of(&self, node: NodeId) -> BoxFuture<'_, u32> {
        Box::pin(async move {
            let known = or_none(self.core.known_node(node.short()));
            known.map_or(0, |known| known.cert.body.serial)
        })
    }
}
