//! Which channels are bridged, and how.

use std::sync::Arc;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{BRIDGE, BridgeError, BridgeStage, Cid, KEYS, KnownAs, NewOutgoing, bounded, key};
use crate::channels::{AdminRights, Channel};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, Pts, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Longest key, in bytes: RSA of 4096 bits takes some 2,400.
const KEY_BYTES_MAX: usize = 8192;

/// What a channel is to other servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ActorKind {
    /// Something that posts by itself: shown as such.
    #[default]
    Service,
    /// As if it were somebody.
    Person,
    /// As if people met there.
    Group,
    /// A company, a club.
    Organization,
}

/// Whether a bridge carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BridgeState {
    /// It does, while the channel is public and of this node.
    On,
    /// It rests: the actor is suspended.
    Off {
        /// Unix seconds.
        since: i32,
    },
    /// The actor was deleted, for good.
    Gone,
}

/// What becomes of comments from the fediverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CommentPolicy {
    /// They are shown.
    #[default]
    Open,
    /// The first one of each author waits for an admin.
    HoldFirst,
    /// They are refused.
    Off,
}

/// How what is hidden in a post goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Spoilers {
    /// Behind a content warning.
    #[default]
    Warning,
    /// As any other text.
    Reveal,
}

/// What the owner of a bridged channel chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeSettings {
    /// What becomes of comments.
    pub comments: CommentPolicy,
    /// How hidden text goes out.
    pub spoilers: Spoilers,
    /// Whether other servers may recommend the channel and search in it.
    pub discoverable: bool,
    /// What may not be forwarded, or goes by itself after a time, goes out too.
    pub protected: bool,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            comments: CommentPolicy::default(),
            spoilers: Spoilers::default(),
            discoverable: true,
            protected: false,
        }
    }
}

/// A channel that is bridged, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// The channel.
    pub channel: ChannelId,
    /// As its actor is called.
    pub cid: Cid,
    /// What it is to other servers.
    pub kind: ActorKind,
    /// Whether it carries.
    pub state: BridgeState,
    /// What its owner has chosen.
    pub settings: BridgeSettings,
    /// Names that it has given up, in lower case, each with the unix second until which it leads here.
    pub former_names: Vec<(String, i32)>,
    /// The hash of the actor's document as it was told last.
    pub actor_hash: Option<[u8; 32]>,
    /// How far the channel's box has gone out.
    pub cursor: Pts,
    /// Unix seconds of the first time.
    pub since: i32,
    /// As what other servers know it, if not under this node's addresses: it came from another home.
    pub known: Option<KnownAs>,
    /// Whose it is, where the channel's home moves.
    pub stage: BridgeStage,
}

impl Record for Bridge {
    const VERSION: u8 = 1;
    const NAME: &'static str = "bridge of a channel";
}

/// What a bridged channel signs with, in the caller's encoding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeKeys {
    /// An RSA key.
    pub rsa: Vec<u8>,
    /// The seed of an ed25519 key.
    pub ed25519: Vec<u8>,
}

impl std::fmt::Debug for BridgeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BridgeKeys").finish_non_exhaustive()
    }
}

impl Drop for BridgeKeys {
    fn drop(&mut self) {
        self.rsa.zeroize();
        self.ed25519.zeroize();
    }
}

impl Record for BridgeKeys {
    const VERSION: u8 = 1;
    const NAME: &'static str = "keys of a bridge";
}

/// What whoever switches a bridge on brings along.
#[derive(Debug, Clone)]
pub struct NewBridge {
    /// What the channel is to other servers.
    pub kind: ActorKind,
    /// Kept the first time; one that was bridged before goes on under the keys that it has, since other
    /// servers know the actor by them.
    pub keys: BridgeKeys,
    /// What its owner has chosen.
    pub settings: BridgeSettings,
}

/// The place of the keys of the node's own actor: no channel's.
const NODE_ACTOR: Cid = [0; 20];

fn bridge_key(channel: ChannelId) -> Vec<u8> {
    key(BRIDGE, &[&channel.bytes()])
}

/// Whether a channel, as it is, could be bridged by this node.
fn may_be_bridged(channel: &Channel, is_away: bool, settings: &BridgeSettings) -> CoreResult<()> {
    let is_public = channel.broadcast && !channel.deleted && channel.username.is_some();
    if !is_public || is_away {
        return Err(BridgeError::NotPublic.into());
    }
    if channel.noforwards && !settings.protected {
        return Err(BridgeError::Protected.into());
    }
    Ok(())
}

impl Core {
    /// All channels that are bridged or were, by number.
    #[must_use]
    pub fn bridges(&self) -> Vec<Arc<Bridge>> {
        self.inner.bridges.all()
    }

    /// The bridge of a channel, if it ever had one.
    #[must_use]
    pub fn bridge(&self, channel: ChannelId) -> Option<Arc<Bridge>> {
        self.inner.bridges.of(channel)
    }

    /// The bridge of which this is the actor's name.
    #[must_use]
    pub fn bridge_by_cid(&self, cid: &Cid) -> Option<Arc<Bridge>> {
        self.inner.bridges.by_cid(cid)
    }

    /// Whether a bridge carries now: it is on, and the channel is still public, there, and of this node.
    #[must_use]
    pub fn is_bridged(&self, channel: ChannelId) -> bool {
        let Some(bridge) = self.bridge(channel) else { return false };
        let Some(found) = self.channel(channel) else { return false };
        let is_away = self.sharing(channel).is_some_and(|shared| !shared.is_home);
        bridge.state == BridgeState::On
            && bridge.stage != BridgeStage::Given
            && may_be_bridged(&found, is_away, &bridge.settings).is_ok()
    }

    /// Bridges a channel from now on: what is said next goes out, what was said before can be looked up.
    ///
    /// # Errors
    /// [`BridgeError::NotPublic`], [`BridgeError::Protected`], [`BridgeError::AlreadyBridged`],
    /// [`BridgeError::Gone`], [`BridgeError::NameKept`], and those of rights: whoever does it has made
    /// the channel, or may change what it says of itself.
    pub async fn bridge_on(
        &self,
        by: UserId,
        channel: ChannelId,
        new: NewBridge,
    ) -> CoreResult<Arc<Bridge>> {
        self.write(None, move |decide| decide.bridge_on(by, channel, new)).await
    }

    /// Lets a bridge rest; `by` nobody: the operator does.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], and those of rights.
    pub async fn bridge_off(&self, by: Option<UserId>, channel: ChannelId) -> CoreResult<()> {
        self.write(None, move |decide| {
            let mut bridge = decide.bridge_to_change(by, channel)?;
            if bridge.state != BridgeState::On {
                return Err(BridgeError::NotBridged.into());
            }
            bridge.state = BridgeState::Off { since: decide.now() };
            decide.put_bridge(bridge)
        })
        .await
    }

    /// Changes what a bridged channel is to other servers, and what its owner has chosen.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], [`BridgeError::Protected`], and those of rights.
    pub async fn set_bridge(
        &self,
        by: Option<UserId>,
        channel: ChannelId,
        kind: ActorKind,
        settings: BridgeSettings,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let before = decide.bridge_to_change(by, channel)?;
            if before.state == BridgeState::Gone {
                return Err(BridgeError::NotBridged.into());
            }
            if settings.protected && !before.settings.protected {
                decide.owner_lets_out(by, channel)?;
            }
            decide.put_bridge(Bridge { kind, settings, ..before })
        })
        .await
    }

    /// The actor of a channel is deleted for good, and this is what says so: both in one batch. What is
    /// left of it (keys, followers, what was posted) stays, so that the last word can be delivered.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], and those of [`Core::bridge_append`].
    pub async fn bridge_end(&self, channel: ChannelId, last: Vec<NewOutgoing>) -> CoreResult<u64> {
        self.write(None, move |decide| {
            let bridge = decide.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
            if bridge.state == BridgeState::Gone {
                return Err(BridgeError::NotBridged.into());
            }
            let newest = decide.append_outgoing(bridge.cid, last)?;
            decide.put_bridge(Bridge { state: BridgeState::Gone, ..bridge })?;
            Ok(newest)
        })
        .await
    }

    /// What a channel signs with, out of its seal.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`]; [`CoreError::Damaged`] under another master key.
    pub fn bridge_keys(&self, channel: ChannelId) -> CoreResult<BridgeKeys> {
        let bridge = self.bridge(channel).ok_or(BridgeError::NotBridged)?;
        self.opened_keys(bridge.cid)?.ok_or(BridgeError::NotBridged.into())
    }

    /// What the node's own actor signs with, once it has keys.
    ///
    /// # Errors
    /// Those of the store; [`CoreError::Damaged`] under another master key.
    pub fn node_actor_keys(&self) -> CoreResult<Option<BridgeKeys>> {
        self.opened_keys(NODE_ACTOR)
    }

    /// The node's own actor has these keys, unless it has some already; answers those that it has.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`], and those of the store.
    pub async fn keep_node_actor_keys(&self, keys: BridgeKeys) -> CoreResult<BridgeKeys> {
        self.write(None, move |decide| {
            decide.keep_bridge_keys(NODE_ACTOR, &keys)?;
            decide.opened_bridge_keys(NODE_ACTOR)?.ok_or(CoreError::Damaged(BridgeKeys::NAME))
        })
        .await
    }

    /// Keys of a channel that take the place of those it has: what signs under the old ones has to tell
    /// of the new ones first.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], [`BridgeError::Invalid`].
    pub async fn replace_bridge_keys(
        &self,
        channel: ChannelId,
        keys: BridgeKeys,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let bridge = decide.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
            decide.seal_bridge_keys(bridge.cid, &keys)
        })
        .await
    }

    fn opened_keys(&self, cid: Cid) -> CoreResult<Option<BridgeKeys>> {
        let at = key(KEYS, &[&cid]);
        let row = self.inner.store.get(Keyspace::BRIDGE, &at)?;
        row.map(|sealed| open_keys(&self.inner.master, &at, &sealed)).transpose()
    }
}

fn open_keys(master: &keys::MasterKey, at: &[u8], sealed: &[u8]) -> CoreResult<BridgeKeys> {
    let opened = master.open(keys::Secret::Bridge, at, sealed);
    BridgeKeys::decode(&opened.map_err(|_| CoreError::Damaged(BridgeKeys::NAME))?)
}

impl Decide<'_> {
    pub(super) fn bridge_row(&self, channel: ChannelId) -> CoreResult<Option<Bridge>> {
        self.load(Keyspace::BRIDGE, &bridge_key(channel))
    }

    /// The bridge of which this is the actor's name, if it carries.
    pub(super) fn bridge_of_cid(&self, cid: &Cid) -> CoreResult<Bridge> {
        // Names do not change, so the table shows all but one that is being made.
        let known = self.inner.bridges.by_cid(cid).ok_or(BridgeError::NotBridged)?;
        let bridge = self.bridge_row(known.channel)?.ok_or(BridgeError::NotBridged)?;
        self.carries(&bridge)?;
        Ok(bridge)
    }

    /// Fails unless a bridge carries now.
    fn carries(&self, bridge: &Bridge) -> CoreResult<()> {
        if bridge.stage == BridgeStage::Given {
            return Err(BridgeError::HandedOver.into());
        }
        let found = self.channel_row(bridge.channel)?;
        let is_away = self.is_away(bridge.channel)?;
        let may = may_be_bridged(&found, is_away, &bridge.settings).is_ok();
        let carries = bridge.state == BridgeState::On && may;
        if carries { Ok(()) } else { Err(BridgeError::NotBridged.into()) }
    }

    pub(super) fn put_bridge(&mut self, bridge: Bridge) -> CoreResult<()> {
        self.put(Keyspace::BRIDGE, &bridge_key(bridge.channel), &bridge)?;
        self.after(move |inner| inner.bridges.put(bridge));
        self.event(Event::Bridge);
        Ok(())
    }

    /// A bridge that somebody may change; nobody: the operator.
    fn bridge_to_change(&self, by: Option<UserId>, channel: ChannelId) -> CoreResult<Bridge> {
        if let Some(by) = by {
            self.channel_to_bridge(by, channel)?;
        }
        let bridge = self.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
        let is_given = bridge.stage == BridgeStage::Given;
        if is_given { Err(BridgeError::HandedOver.into()) } else { Ok(bridge) }
    }

    /// A channel that somebody may bridge.
    fn channel_to_bridge(&self, by: UserId, channel: ChannelId) -> CoreResult<Channel> {
        let view = self.channel_view(by, channel)?;
        view.needs_admin(AdminRights::CHANGE_INFO)?;
        Ok((*view.channel).clone())
    }

    /// What may not be forwarded goes out on the owner's word alone.
    fn owner_lets_out(&self, by: Option<UserId>, channel: ChannelId) -> CoreResult<()> {
        let owner = self.channel_row(channel)?.creator;
        if by == Some(owner) { Ok(()) } else { Err(CoreError::AdminRightMissing) }
    }

    fn bridge_on(
        &mut self,
        by: UserId,
        channel: ChannelId,
        new: NewBridge,
    ) -> CoreResult<Arc<Bridge>> {
        let NewBridge { kind, keys, settings } = new;
        let found = self.channel_to_bridge(by, channel)?;
        may_be_bridged(&found, self.is_away(channel)?, &settings)?;
        if settings.protected {
            self.owner_lets_out(Some(by), channel)?;
        }
        if let Some(name) = &found.username {
            self.may_be_called(channel, name)?;
        }
        let before = self.bridge_row(channel)?;
        // One that was given away and was not given back, though the channel was: it begins anew.
        let before = before.map(|before| match before.stage {
            BridgeStage::Given => Bridge { state: BridgeState::Off { since: 0 }, ..before },
            BridgeStage::Here | BridgeStage::Arriving => before,
        });
        match before.as_ref().map(|bridge| bridge.state) {
            Some(BridgeState::On) => return Err(BridgeError::AlreadyBridged.into()),
            Some(BridgeState::Gone) => return Err(BridgeError::Gone.into()),
            Some(BridgeState::Off { .. }) | None => {}
        }
        let group = self.name_of_log(channel)?;
        let cid = *group.first_chunk().ok_or(CoreError::Damaged(Bridge::NAME))?;
        self.keep_bridge_keys(cid, &keys)?;
        let pts = Pts(self.next_id(channel)?.0 - 1);
        let bridge = Bridge {
            channel,
            cid,
            kind,
            state: BridgeState::On,
            settings,
            former_names: before.as_ref().map_or_else(Vec::new, |b| b.former_names.clone()),
            actor_hash: before.as_ref().and_then(|before| before.actor_hash),
            cursor: pts,
            since: before.as_ref().map_or(self.now(), |before| before.since),
            known: before.as_ref().and_then(|before| before.known.clone()),
            stage: match before.as_ref().map(|before| before.stage) {
                Some(BridgeStage::Arriving) => BridgeStage::Arriving,
                _ => BridgeStage::Here,
            },
        };
        self.put_bridge(bridge.clone())?;
        Ok(Arc::new(bridge))
    }

    /// Keys that other servers know an actor by stay.
    fn keep_bridge_keys(&mut self, cid: Cid, keys: &BridgeKeys) -> CoreResult<()> {
        let kept = self.get(Keyspace::BRIDGE, &key(KEYS, &[&cid]))?.is_some();
        if kept { Ok(()) } else { self.seal_bridge_keys(cid, keys) }
    }

    pub(super) fn seal_bridge_keys(&mut self, cid: Cid, keys: &BridgeKeys) -> CoreResult<()> {
        bounded("key", keys.rsa.len(), KEY_BYTES_MAX)?;
        bounded("key", keys.ed25519.len(), KEY_BYTES_MAX)?;
        let (at, plain) = (key(KEYS, &[&cid]), Zeroizing::new(keys.encode()?));
        let sealed = self.inner.master.seal(keys::Secret::Bridge, &at, &plain, self.rng);
        self.put_bytes(Keyspace::BRIDGE, &at, sealed);
        Ok(())
    }

    pub(super) fn opened_bridge_keys(&self, cid: Cid) -> CoreResult<Option<BridgeKeys>> {
        let at = key(KEYS, &[&cid]);
        let row = self.get(Keyspace::BRIDGE, &at)?;
        row.map(|sealed| open_keys(&self.inner.master, &at, &sealed)).transpose()
    }
}
