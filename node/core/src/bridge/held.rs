//! Comments that wait for an admin: the first of each author where the channel says so, and those from
//! servers that the operator has limited.

use node_store::Keyspace;

use super::comments::{approved_key, held_key};
use super::{Bridge, BridgeError, CommentPlace, FarComment, HELD, RemoteActor, hash16, key};
use crate::channels::AdminRights;
use crate::decide::Decide;
use crate::event::Event;
use crate::federation::is_remote;
use crate::ids::{ChannelId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Comments that wait in one channel.
const HELD_MAX: usize = 1000;

impl Core {
    /// Comments that wait for an admin of a channel, in no order that means anything; at most 500.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_held(&self, channel: ChannelId) -> CoreResult<Vec<FarComment>> {
        let Some(bridge) = self.bridge(channel) else { return Ok(Vec::new()) };
        self.comments_under(key(HELD, &[&bridge.cid])).await
    }

    /// Shows a comment that waits; what its author says next is shown at once.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], [`CoreError::UnknownMessage`] for what does not wait, and those of
    /// rights and of [`Core::bridge_comment`].
    pub async fn bridge_approve(
        &self,
        by: UserId,
        channel: ChannelId,
        object: String,
    ) -> CoreResult<CommentPlace> {
        self.write(None, move |decide| {
            let (bridge, held) = decide.held_comment(by, channel, &object)?;
            let at = approved_key(&bridge.cid, &held.actor);
            decide.put_bytes(Keyspace::BRIDGE, &at, held.actor.clone().into_bytes());
            decide.delete(Keyspace::BRIDGE, &held_key(&bridge.cid, &object));
            let author = decide.actor_of(&held.actor)?;
            decide.place_comment(&bridge, held, &author)
        })
        .await
    }

    /// Drops a comment that waits. Its author's next one waits again.
    ///
    /// # Errors
    /// As [`Core::bridge_approve`].
    pub async fn bridge_refuse(
        &self,
        by: UserId,
        channel: ChannelId,
        object: String,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let (_, held) = decide.held_comment(by, channel, &object)?;
            decide.comment_goes(held)
        })
        .await
    }
}

impl Decide<'_> {
    /// A comment waits.
    pub(super) fn hold_comment(&mut self, comment: FarComment) -> CoreResult<CommentPlace> {
        let waiting = key(HELD, &[&comment.cid]);
        match self.scan_prefix(Keyspace::BRIDGE, &waiting, HELD_MAX)?.len() {
            0 => self.tell_of_held(&comment)?,
            HELD_MAX.. => return Err(CoreError::TooMany),
            _ => {}
        }
        let at = held_key(&comment.cid, &comment.object);
        self.put_bytes(Keyspace::BRIDGE, &at, comment.object.clone().into_bytes());
        self.put_comment(&comment)?;
        self.event(Event::Bridge);
        Ok(CommentPlace::Held)
    }

    /// Whose channel it is hears that something waits, and of no more until nothing does.
    fn tell_of_held(&mut self, comment: &FarComment) -> CoreResult<()> {
        let bridge = self.bridge_of_cid(&comment.cid)?;
        let channel = self.channel_row(bridge.channel)?;
        let Some(name) = channel.username.filter(|_| !is_remote(channel.creator)) else {
            return Ok(());
        };
        let text = format!(
            "A comment from {} waits in {}.\n\n/bridge held {name} shows what waits, \
             /bridge approve {name} and the address of a comment shows it where the channel is \
             discussed, /bridge refuse {name} and the address drops it.",
            comment.host, channel.title
        );
        self.service_message(channel.creator, text, Vec::new())
    }

    fn actor_of(&self, actor: &str) -> CoreResult<RemoteActor> {
        let row = self.load(Keyspace::BRIDGE, &key(super::ACTOR, &[&hash16(actor)]))?;
        row.ok_or(CoreError::UnknownUser)
    }

    /// A comment that waits, for an admin of the channel, or of the group in which it is discussed.
    fn held_comment(
        &self,
        by: UserId,
        channel: ChannelId,
        object: &str,
    ) -> CoreResult<(Bridge, FarComment)> {
        let bridge = self.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
        self.is_not_given(&bridge.cid)?;
        let view = self.channel_view(by, channel)?;
        let group = view.channel.linked.map(|group| self.channel_view(by, group)).transpose()?;
        let may = |view: &crate::ChannelView| view.needs_admin(AdminRights::DELETE_MESSAGES);
        match group {
            Some(group) => may(&view).or_else(|_| may(&group))?,
            None => may(&view)?,
        }
        let held = self.comment(object)?;
        let waits = |held: &FarComment| held.place == CommentPlace::Held && held.cid == bridge.cid;
        let held = held.filter(waits).ok_or(CoreError::UnknownMessage)?;
        Ok((bridge, held))
    }
}
