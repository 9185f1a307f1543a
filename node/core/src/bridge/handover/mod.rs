//! A bridged channel gets another home: what its actor needs goes there, and other servers notice
//! nothing.
//!
//! The old home is silent from the entry that moves the home on, and writes the next one what it has, part
//! by part, each a letter (`federation::mail`), the next once the one before is acknowledged: so as much
//! waits in the mailbox as one part, whatever follows the channel ([`give`]). The first part says who the
//! actor is and has its keys; then come followers, what was told of posts, comments, what was done to
//! posts, quotes and answers ([`told`]), and what was not delivered yet ([`undelivered`]); the last one
//! says that this was all. The next home puts each part where it belongs, and has no bridge until the last
//! has come ([`take`]); then what was not delivered goes out from there ([`release`]). Keys and followers
//! are removed at the old home once that is acknowledged.
//!
//! What people of other servers said and did before stands in the old home's lane, in the name of its
//! ghosts: who takes it back or edits it tells the next home, which tells the old one ([`far`]).
//!
//! Keyspace `BRIDGE`: 37 ++ cid: a [`Giving`]; 38 ++ cid ++ host: a [`Behind`]; 39 ++ cid: a
//! [`take::Taking`]; 40 ++ cid ++ number (8): an [`super::Outgoing`] that is to go out once lanes are made;
//! 41 ++ group (32) ++ [`PostRef`] (28): the object that this entry of another node's lane is; 42, the
//! same: the note as which it went out; 43 ++ note: group (32) ++ [`PostRef`]; 44 ++ actor: a [`Before`].

mod far;
mod give;
mod release;
mod take;
mod told;
mod undelivered;
mod wire;

use glog::{EntryId, GroupId, Node16, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::answers::Answered;
use super::{
    AWAY, BEFORE, Cid, GIVING, NOTE_AWAY, PostRef, REPLY_AWAY, TAKING, check_host, hash16, key,
};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, Pts};
use crate::record::Record;
use crate::{Core, CoreResult};

#[cfg(test)]
pub(crate) use take::forged;
#[cfg(test)]
pub(crate) use wire::{FarAct, HandOver};

/// Posts by which the next home finds the place up to which the old one has told everything.
const ANCHORS_MAX: usize = 8;

/// Places of a box in which those are looked for.
const ANCHORS_IN: i32 = 500;

/// Under which addresses other servers know an actor, where they are not this node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAs {
    /// Scheme and host: `https://ap.example`.
    pub base: String,
    /// What stands behind the second `@`.
    pub domain: String,
    /// The channel's name there; here it may be called otherwise, since names are each node's own.
    pub name: Option<String>,
    /// When it was made, as others were told, in unix seconds; nodes that came later know when its log
    /// began.
    pub made: i32,
}

impl KnownAs {
    /// The host in its addresses, with the port if they have one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base.split_once("://").map_or(&self.base, |(_, host)| host)
    }

    /// Whether a domain in a handle means its: that of handles, or the host.
    #[must_use]
    pub fn is_at(&self, domain: &str) -> bool {
        domain.eq_ignore_ascii_case(&self.domain) || domain.eq_ignore_ascii_case(self.host())
    }
}

/// Whose a bridge is between two homes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BridgeStage {
    /// It is this node's.
    #[default]
    Here,
    /// All of it has come, and what the old home had not delivered waits.
    Arriving,
    /// The channel's next home gets it, or has it.
    Given,
}

/// How far a bridge has been handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOver {
    /// It is on its way: so many parts were acknowledged.
    Going {
        /// To which node.
        to: Node16,
        /// Parts.
        parts: u32,
    },
    /// The next home takes none of it, as it says: all is kept, and it is tried again.
    Refused {
        /// By which node.
        to: Node16,
        /// Unix seconds.
        since: i32,
    },
    /// The next home has it.
    Done {
        /// Which node.
        to: Node16,
        /// Unix seconds.
        since: i32,
    },
}

/// The entry of a control chain by which a channel gets another home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) seq: u64,
    pub(crate) entry: [u8; 32],
}

impl Moved {
    pub(crate) fn new(seq: u64, entry: EntryId) -> Self {
        Self { seq, entry: entry.0 }
    }
}

/// A part: which, and the key after which its rows begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct At {
    part: u8,
    after: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum GivingStage {
    /// A letter waits, or is written when the timer fires.
    Going,
    Refused(i32),
    Done(i32),
    /// This node is the home again, and the other one never had it: what waits is to go out from here.
    Back,
}

/// What is handed over, and how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Giving {
    channel: ChannelId,
    group: [u8; 32],
    to: [u8; 16],
    moved: Moved,
    /// Drawn anew each time that it begins with the first part.
    run: [u8; 16],
    /// Of the part that goes now.
    number: u32,
    from: At,
    /// What comes after it; none: it is the last one.
    next: Option<At>,
    stage: GivingStage,
    /// The newest activity when the channel moved: what comes later is not its.
    newest: u64,
}

impl Record for Giving {
    const VERSION: u8 = 1;
    const NAME: &'static str = "bridge that is handed over";
}

/// A server that had not got everything when the channel moved. Key: cid ++ host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Behind {
    host: String,
    cursor: u64,
}

impl Record for Behind {
    const VERSION: u8 = 1;
    const NAME: &'static str = "server behind";
}

/// As whom somebody of another server wrote at earlier homes: node and number there. Who was banned as one
/// of those is so as this node's ghost, too. Key: actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Before(Vec<([u8; 16], u64)>);

impl Record for Before {
    const VERSION: u8 = 1;
    const NAME: &'static str = "ghosts at earlier homes";
}

/// Earlier homes of which that is known.
const BEFORE_MAX: usize = 4;

fn before_key(actor: &str) -> Vec<u8> {
    key(BEFORE, &[&hash16(actor)])
}

fn giving_key(cid: &Cid) -> Vec<u8> {
    key(GIVING, &[cid])
}

fn taking_key(cid: &Cid) -> Vec<u8> {
    key(TAKING, &[cid])
}

/// The place of a message by its group and entry: of what stands in another node's lane.
fn away_key(kind: u8, group: &[u8; 32], at: &PostRef) -> Vec<u8> {
    key(kind, &[group, &at.bytes()])
}

fn note_away_key(note: &str) -> Vec<u8> {
    key(NOTE_AWAY, &[&hash16(note)])
}

/// The host of an address, as lanes and actors name it.
fn host_of(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    check_host(&host).is_ok().then_some(host)
}

impl Core {
    /// How far the bridge of a channel was handed over, if it is another node's by now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bridge_handed_over(&self, cid: &Cid) -> CoreResult<Option<HandedOver>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &giving_key(cid))?;
        let Some(giving) = row.map(|row| Giving::decode(&row)).transpose()? else {
            return Ok(None);
        };
        let to = Node16(giving.to);
        Ok(Some(match giving.stage {
            GivingStage::Going => HandedOver::Going { to, parts: giving.number },
            GivingStage::Refused(since) => HandedOver::Refused { to, since },
            GivingStage::Done(since) => HandedOver::Done { to, since },
            GivingStage::Back => return Ok(None),
        }))
    }

    /// The object that a message is whose entry the old home wrote.
    pub(super) fn away_at(
        &self,
        kind: u8,
        group: ChannelId,
        id: MessageId,
    ) -> CoreResult<Option<String>> {
        let row = self.row_away(kind, group, id)?;
        Ok(row.map(|object| String::from_utf8_lossy(&object).into_owned()))
    }

    /// As what a message went out at the old home.
    pub(super) fn answer_away(
        &self,
        group: ChannelId,
        id: MessageId,
    ) -> CoreResult<Option<Answered>> {
        let row = self.row_away(REPLY_AWAY, group, id)?;
        row.map(|row| Answered::decode(&row)).transpose()
    }

    /// What is kept of a message by the entry that brought it.
    fn row_away(&self, kind: u8, group: ChannelId, id: MessageId) -> CoreResult<Option<Vec<u8>>> {
        let Some(shared) = self.sharing(group) else { return Ok(None) };
        let Some(at) = self.post_ref(group, id)? else { return Ok(None) };
        Ok(self.inner.store.get(Keyspace::BRIDGE, &away_key(kind, &shared.group.0, &at))?)
    }
}

impl Decide<'_> {
    /// The message that an entry of a group's log is here, if the group is.
    fn message_of_away(
        &self,
        group: &[u8; 32],
        at: &PostRef,
    ) -> CoreResult<Option<(ChannelId, MessageId)>> {
        let Some(channel) = self.channel_of(GroupId(*group))? else { return Ok(None) };
        Ok(self.post_at(channel, at)?.map(|id| (channel, id)))
    }

    /// The object that a message of a group was at the old home; `at` is its entry.
    pub(super) fn object_away(&self, group: ChannelId, at: &PostRef) -> CoreResult<Option<String>> {
        let Some(shared) = self.federated(group)? else { return Ok(None) };
        let row = self.get(Keyspace::BRIDGE, &away_key(AWAY, &shared.group, at))?;
        Ok(row.map(|object| String::from_utf8_lossy(&object).into_owned()))
    }

    /// The message of a group that went out under an id at the old home.
    pub(super) fn answer_of_away(
        &self,
        group: ChannelId,
        note: &str,
    ) -> CoreResult<Option<MessageId>> {
        let Some(row) = self.get(Keyspace::BRIDGE, &note_away_key(note))? else { return Ok(None) };
        let Some((of, at)) = row.split_first_chunk::<32>() else { return Ok(None) };
        let Some(at) = PostRef::from_bytes(at) else { return Ok(None) };
        let found = self.message_of_away(of, &at)?.filter(|(channel, _)| *channel == group);
        Ok(found.map(|(_, id)| id))
    }

    /// Fails for somebody who may not write in a group as the ghost that they were at an earlier home.
    pub(super) fn may_write_as_before(&mut self, actor: &str, group: ChannelId) -> CoreResult<()> {
        let before: Option<Before> = self.load(Keyspace::BRIDGE, &before_key(actor))?;
        for (node, id) in before.unwrap_or_default().0 {
            let account = self.account_of(UserRef { node: Node16(node), id })?;
            self.may_write(account, group.into())?;
        }
        Ok(())
    }

    /// The newest messages of a box up to a place, as every node calls them, the newest first.
    fn anchors(&self, owner: ChannelId, upto: Pts) -> CoreResult<Vec<PostRef>> {
        let mut found = Vec::new();
        for id in (upto.0.saturating_sub(ANCHORS_IN).max(1)..=upto.0).rev() {
            if found.len() >= ANCHORS_MAX {
                break;
            }
            found.extend(self.entry_of_message(owner, MessageId(id))?.map(PostRef::from));
        }
        Ok(found)
    }

    /// The place in a box of the newest of these that has come; none: none has.
    fn anchored(&self, owner: ChannelId, anchors: &[PostRef]) -> CoreResult<Option<Pts>> {
        for at in anchors {
            if let Some(id) = self.post_at(owner, at)? {
                return Ok(Some(Pts(id.0)));
            }
        }
        Ok(None)
    }
}
