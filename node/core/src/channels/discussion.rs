//! A channel's posts, discussed in a supergroup: comments.
//!
//! A channel and a group are linked both ways. Each post is copied into the group in the command that
//! writes it, by the node and in the channel's name; what answers the copy are the comments. In the
//! group's log the copy is its owner's: somebody has to vouch for it who may write there, and the link
//! is the owner's word that the channel does.
//!
//! Who may read the channel may read the group, and comment there without being in it, unless the group
//! says otherwise: the log judges words by what is granted to everybody and taken from one, not by who
//! has joined.
//!
//! Keyspace `CHANNELS`, see [`super`]: 10 ++ post (4) its [`PostCopy`].

use glog::body::{Action as LogAction, DataBody, Info, Pin, Setting};
use glog::cbor::encode;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::post::Origin;
use super::{AdminAction, AdminRights, COPY, Channel, Participant, row_key};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{Actor, ChannelId, MessageId, PeerId, UserId};
use crate::message::{Author, BoxRow, Forward, Message};
use crate::record::Record;
use crate::send::{OwnEvents, PINNED_MAX};
use crate::{Core, CoreError, CoreResult};

/// What whoever links a group has to be allowed there: posts are pinned, and it says something new of
/// itself.
const LINKS: AdminRights = AdminRights::CHANGE_INFO.and(AdminRights::PIN_MESSAGES);

/// Where a post lies in the group in which it is discussed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostCopy {
    /// The group.
    pub group: ChannelId,
    /// The copy.
    pub id: MessageId,
    /// Where the comments are: the copy of the first post of an album, else this one.
    pub top: MessageId,
}

impl Record for PostCopy {
    const VERSION: u8 = 1;
    const NAME: &'static str = "copy of a post";
}

/// A copy that is about to be written.
pub(super) struct Copied {
    group: ChannelId,
    author: UserId,
    message: Message,
}

fn copy_key(channel: ChannelId, post: MessageId) -> Vec<u8> {
    row_key(channel, COPY, &post.0.max(0).to_be_bytes())
}

/// Whether somebody who is, or is not, in a channel may read it.
fn reads(channel: &Channel, own: Option<&Participant>) -> bool {
    let is_in = own.is_some_and(|own| own.joined) || channel.username.is_some();
    !channel.deleted && is_in && !own.is_some_and(Participant::is_banned)
}

/// Whether a group is read by who may read the channel that it is linked to: others read it anyway.
pub(super) fn is_read_through(group: &Channel) -> Option<ChannelId> {
    group.linked.filter(|_| !group.broadcast && group.username.is_none())
}

impl Core {
    /// Links a channel with the group in which its posts are discussed, or ends that: `None` for one of
    /// them means whatever the other one is linked to.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::HistoryHidden`], [`CoreError::DiscussionUnallowed`],
    /// [`CoreError::ChatNotModified`], those of rights, and [`CoreError::NodeUnreachable`] where a home
    /// is away: then nothing has changed.
    pub async fn set_discussion_group(
        &self,
        actor: Actor,
        user: UserId,
        channel: Option<ChannelId>,
        group: Option<ChannelId>,
    ) -> CoreResult<()> {
        let plan = self.write(None, move |decide| decide.plan_link(user, channel, group)).await?;
        if let Some(steps) = plan {
            return self.link_far(actor, user, steps).await;
        }
        self.write(Some(actor), move |decide| decide.set_discussion_group(user, channel, group))
            .await
    }

    /// Groups that somebody could link with a channel; a basic one has to become a supergroup first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn groups_for_discussion(&self, user: UserId) -> CoreResult<Vec<PeerId>> {
        let mut groups = Vec::new();
        for id in self.channels_of(user)? {
            let view = self.channel_for(user, id)?;
            let channel = &view.channel;
            let free = !channel.broadcast && !channel.deleted && channel.linked.is_none();
            if free && !channel.forum && view.admin_rights().contains_all(LINKS) {
                groups.push(id.into());
            }
        }
        for id in self.inner.chats.of(user) {
            let chat = self.inner.chats.get(id);
            if chat.is_some_and(|chat| !chat.deactivated && chat.creator() == Some(user)) {
                groups.push(id.into());
            }
        }
        Ok(groups)
    }

    /// Where a post is discussed, as it is on disk; `None` where it is not.
    ///
    /// # Errors
    /// Those of the store.
    pub fn copy_of_post(
        &self,
        channel: ChannelId,
        post: MessageId,
    ) -> CoreResult<Option<PostCopy>> {
        let linked = self.channel(channel).filter(|found| found.broadcast).and_then(|c| c.linked);
        let Some(group) = linked else { return Ok(None) };
        let copy: Option<PostCopy> = self.shown(Keyspace::CHANNELS, &copy_key(channel, post))?;
        Ok(copy.filter(|copy| copy.group == group))
    }

    /// Whether somebody may read a private group because they may read the channel that it is linked
    /// to.
    pub(super) fn reads_through(&self, viewer: UserId, group: &Channel) -> CoreResult<bool> {
        let Some(channel) = is_read_through(group) else { return Ok(false) };
        let Some(found) = self.channel(channel) else { return Ok(false) };
        Ok(reads(&found, self.participant(channel, viewer)?.as_ref()))
    }
}

impl Decide<'_> {
    /// [`Core::reads_through`] as the commands before this one leave it.
    pub(super) fn reads_through(&self, viewer: UserId, group: &Channel) -> CoreResult<bool> {
        let Some(channel) = is_read_through(group) else { return Ok(false) };
        let found = self.channel_row(channel)?;
        Ok(reads(&found, self.participant(channel, viewer)?.as_ref()))
    }

    /// The channel and the group that somebody may link, or of one the link that they may end.
    pub(super) fn may_link(
        &mut self,
        user: UserId,
        channel: Option<ChannelId>,
        group: Option<ChannelId>,
    ) -> CoreResult<(Option<Channel>, Option<Channel>)> {
        let admin_of = |channel: Option<ChannelId>, broadcast: bool, rights: AdminRights| {
            let Some(id) = channel else { return Ok(None) };
            let view = self.channel_view(user, id)?;
            if view.channel.broadcast != broadcast {
                return Err(CoreError::UnknownChannel);
            }
            view.needs_admin(rights)?;
            Ok(Some((*view.channel).clone()))
        };
        let channel = admin_of(channel, true, AdminRights::CHANGE_INFO)?;
        let group = admin_of(group, false, LINKS)?;
        match (&channel, &group) {
            (Some(channel), Some(group)) => {
                if channel.linked == Some(group.id) {
                    return Err(CoreError::ChatNotModified);
                }
                if group.forum {
                    return Err(CoreError::DiscussionUnallowed);
                }
                if group.hidden_history {
                    return Err(CoreError::HistoryHidden);
                }
            }
            (Some(linked), None) | (None, Some(linked)) => {
                if linked.linked.is_none() {
                    return Err(CoreError::ChatNotModified);
                }
            }
            (None, None) => return Err(CoreError::UnknownChannel),
        }
        Ok((channel, group))
    }

    fn set_discussion_group(
        &mut self,
        user: UserId,
        channel: Option<ChannelId>,
        group: Option<ChannelId>,
    ) -> CoreResult<()> {
        match self.may_link(user, channel, group)? {
            (Some(channel), Some(group)) => {
                for former in [&channel, &group] {
                    self.unlink_other(former)?;
                }
                let (one, other) = (channel.id, group.id);
                self.link(Some(user), channel, Some(other))?;
                self.link(Some(user), group, Some(one))
            }
            (Some(linked), None) | (None, Some(linked)) => {
                self.unlink_other(&linked)?;
                self.link(Some(user), linked, None)
            }
            (None, None) => Err(CoreError::UnknownChannel),
        }
    }

    /// What a channel or group was linked to is so no longer. It is told there by its owner: both ends
    /// of a link say the same.
    pub(super) fn unlink_other(&mut self, channel: &Channel) -> CoreResult<()> {
        match channel.linked {
            // One that is another node's may not be here yet.
            Some(other) => match self.channel_row(other) {
                Ok(other) => self.link(None, other, None),
                Err(CoreError::UnknownChannel) => Ok(()),
                Err(cause) => Err(cause),
            },
            None => Ok(()),
        }
    }

    fn link(
        &mut self,
        by: Option<UserId>,
        channel: Channel,
        to: Option<ChannelId>,
    ) -> CoreResult<()> {
        let id = channel.id;
        let named = to.map(|to| self.name_of_log(to)).transpose()?;
        let setting = Setting::Linked(named);
        let action = LogAction::Info(Info { setting, cut: None, epoch: None });
        let by = by.unwrap_or(channel.creator);
        self.write_control(id, Some(by), action)?;
        self.note(id, by, AdminAction::Linked(channel.linked, to))?;
        self.put_channel(Channel { linked: to, ..channel })?;
        self.tell_channel(id, ChatChange::Info);
        Ok(())
    }

    pub(crate) fn post_copy(
        &self,
        channel: ChannelId,
        post: MessageId,
    ) -> CoreResult<Option<PostCopy>> {
        self.load(Keyspace::CHANNELS, &copy_key(channel, post))
    }

    /// Prepares the copy of a post that is about to be written: everything that can fail.
    pub(super) fn copy_post(
        &mut self,
        channel: &Channel,
        post: MessageId,
        message: &Message,
    ) -> CoreResult<Option<Copied>> {
        let Some(group) = channel.linked.filter(|_| channel.broadcast) else { return Ok(None) };
        let found = match self.channel_row(group) {
            // The node of the group's owner copies what is posted on other ones.
            Ok(_) if !self.vouches_for_copies(group)? => return Ok(None),
            Ok(found) => found,
            Err(CoreError::UnknownChannel) => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let (author, id) = (found.creator, self.next_id(group)?);
        let signed = message.post_author.clone();
        let from = Author::Channel { channel: channel.id, post: Some(post), signed };
        let first = Forward { from, date: message.date, saved_from: None };
        let forward = message.forward.clone().unwrap_or(first);
        let copy = Message {
            peer: group.into(),
            from: author,
            out: false,
            forward: Some(Forward { saved_from: Some((channel.id.into(), post)), ..forward }),
            reply: None,
            pinned: true,
            ttl_period: found.ttl_period,
            // What the channel keeps does not leave it by this door.
            noforwards: message.noforwards || channel.noforwards,
            sent_as: Some(channel.id.into()),
            ..message.clone()
        };
        let top = self.top_of_album(channel.id, group, post, message)?.unwrap_or(id);
        self.expires(author, id, &copy)?;
        self.hold_media(&copy, 1)?;
        let body = DataBody::Post(self.post_of(group, &copy)?);
        let at = self.write_data(group, author, &body)?;
        let pin = self.write_data(group, author, &DataBody::Pin(Pin { target: at }))?;
        let origin = Origin { post: encode(&at), pin: Some(encode(&pin)) };
        self.put_origin(group, id, &origin)?;
        self.put_post_copy(channel.id, post, &PostCopy { group, id, top })?;
        Ok(Some(Copied { group, author, message: copy }))
    }

    /// The posts of an album follow each other: all of them are discussed with the first, whose copy this
    /// is; `None` for the first itself.
    pub(super) fn top_of_album(
        &self,
        channel: ChannelId,
        group: ChannelId,
        post: MessageId,
        message: &Message,
    ) -> CoreResult<Option<MessageId>> {
        if message.grouped_id == 0 {
            return Ok(None);
        }
        let before = MessageId(post.0 - 1);
        let same = self.message(channel, before)?;
        if same.is_none_or(|same| same.grouped_id != message.grouped_id) {
            return Ok(None);
        }
        let copy = self.post_copy(channel, before)?.filter(|copy| copy.group == group);
        Ok(copy.map(|copy| copy.top))
    }

    /// A post has this copy.
    pub(super) fn put_post_copy(
        &mut self,
        channel: ChannelId,
        post: MessageId,
        copy: &PostCopy,
    ) -> CoreResult<()> {
        self.put_shown(Keyspace::CHANNELS, &copy_key(channel, post), Some(copy))
    }

    /// Writes what [`Decide::copy_post`] has prepared.
    pub(super) fn place_copy(&mut self, copied: Copied) -> CoreResult<()> {
        let Copied { group, author, message } = copied;
        // It is no answer to whoever posts: all sessions have to be told.
        let actor = self.actor.take();
        self.append(group, BoxRow::Message(message))?;
        if self.pinned(group, group.into())?.len() > PINNED_MAX {
            self.unpin_oldest_copy(author, group)?;
        }
        self.actor = actor;
        Ok(())
    }

    /// The oldest copy that is pinned makes room: else a channel could have no more than so many posts.
    pub(super) fn unpin_oldest_copy(
        &mut self,
        by: UserId,
        group: ChannelId,
    ) -> CoreResult<OwnEvents> {
        for id in self.pinned(group, group.into())? {
            if self.message(group, id)?.is_some_and(|message| message.is_copy_of_post()) {
                return self.unpin_in_channel(by, group, &[id]);
            }
        }
        Ok(Vec::new())
    }

    /// What has become of a post becomes of its copy too: writes that, and leaves the event to
    /// [`Decide::tell_edited_copy`]. `logged`: as an edit, by whoever vouched for it.
    pub(crate) fn edit_copy(
        &mut self,
        channel: ChannelId,
        post: MessageId,
        message: &Message,
        logged: bool,
    ) -> CoreResult<Option<(ChannelId, MessageId, Message)>> {
        let Some(PostCopy { group, id, .. }) = self.post_copy(channel, post)? else {
            return Ok(None);
        };
        let linked = self.channel_row(channel)?.linked == Some(group);
        let Some(before) = self.message(group, id)?.filter(|_| linked) else { return Ok(None) };
        let after = Message {
            text: message.text.clone(),
            entities: message.entities.clone(),
            media: message.media.clone(),
            invert_media: message.invert_media,
            edited: message.edited,
            ..before.clone()
        };
        if logged {
            if !self.vouches_for_copies(group)? || crate::federation::is_remote(after.from) {
                // The node of whoever vouches for it writes that.
                return Ok(None);
            }
            match self.log_edit(after.from, group, id, &after) {
                // Whoever had the group may send such a thing no more: it stays as it was.
                Err(CoreError::RightMissing(_)) => return Ok(None),
                written => written?,
            }
        }
        if after.media != before.media {
            self.hold_media(&after, 1)?;
            self.release_media([&before])?;
        }
        self.rewrite(group, id, &after)?;
        Ok(Some((group, id, after)))
    }

    /// Tells what [`Decide::edit_copy`] has written.
    pub(crate) fn tell_edited_copy(
        &mut self,
        copy: Option<(ChannelId, MessageId, Message)>,
    ) -> CoreResult<()> {
        if let Some((group, id, message)) = copy {
            let actor = self.actor.take();
            self.append_edited(group, id, &message)?;
            self.actor = actor;
        }
        Ok(())
    }

    /// A post or a copy goes: nothing leads from the one to the other any more.
    pub(super) fn forget_copy(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        let (channel, post) = message.post().unwrap_or((channel, id));
        match self.post_copy(channel, post)? {
            Some(copy) if message.post().is_none() || copy.id == id => {
                self.put_shown::<PostCopy>(Keyspace::CHANNELS, &copy_key(channel, post), None)
            }
            _ => Ok(()),
        }
    }

    /// The message whose thread answers to a copy of a post stand in.
    pub(super) fn top_of_copy(&self, id: MessageId, message: &Message) -> CoreResult<MessageId> {
        let Some((channel, post)) = message.post() else { return Ok(id) };
        let copy = self.post_copy(channel, post)?.filter(|copy| copy.id == id);
        Ok(copy.map_or(id, |copy| copy.top))
    }
}
