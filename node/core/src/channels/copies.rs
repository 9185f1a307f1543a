//! Comments of another node's channel: which group discusses it, and which messages there are copies of
//! its posts.
//!
//! Both logs have to name the other's group. Where a followed channel names a group that is not here, a
//! number is kept for it, so that clients show where comments are; the group comes when somebody opens
//! them. A copy says in the group's log of which entry of the channel's it is one. It counts as a copy if
//! the group's owner wrote it, and while both logs say that they are linked; post and copy may come in
//! any order.
//!
//! Keyspace `CHANNELS`, see [`super`]: 28 ++ entry of a post (28 or more), of the group: its [`Copied`].

use glog::body::Setting;
use glog::cbor::{decode, encode};
use glog::control::Chain;
use glog::{EntryRef, GroupId, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{AdminAction, COPIED, Channel, PostCopy, row_key};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::federation::is_remote;
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::limits::Limit;
use crate::message::{Author, Forward, Message};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Posts that one command copies.
const COPIED_AT_ONCE: usize = 64;

/// Copies that are looked at when a link begins to count.
const TIED_MAX: usize = 100_000;

/// What a log says of a copy: the entry of the post, and that of the copy with which it is discussed, if that
/// is another one.
pub(super) type LogCopy = (Vec<u8>, Option<Vec<u8>>);

/// The post that a message is the copy of, as its log says.
#[derive(Debug, Clone)]
pub(crate) struct CopyOf {
    /// The channel, by its name in logs.
    pub(super) channel: [u8; 32],
    /// The entry of the post there.
    pub(super) post: EntryRef,
    /// The copy under which it is discussed, if that is another one.
    pub(super) first: Option<EntryRef>,
}

/// A copy that another node has written.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Copied {
    channel: [u8; 32],
    id: MessageId,
    first: Option<Vec<u8>>,
}

impl Record for Copied {
    const VERSION: u8 = 1;
    const NAME: &'static str = "copy from another node";
}

/// What a chain names as linked.
pub(super) fn named(chain: &Chain) -> Option<[u8; 32]> {
    match chain.state().settings.get(&Setting::Linked(None).tag())? {
        Setting::Linked(named) => *named,
        _ => None,
    }
}

impl Core {
    /// The number of the group in which a channel of another node is discussed, if that group is not here
    /// yet.
    #[must_use]
    pub fn discussion_to_open(&self, channel: ChannelId) -> Option<ChannelId> {
        let found = self.channel(channel).filter(|found| found.broadcast)?;
        found.linked.filter(|group| self.channel(*group).is_none())
    }

    /// Somebody opens the comments of a channel: where it is another node's, the public group in which it
    /// is discussed is brought here, and followed from then on. Waits until its history is in its place,
    /// since the copies of posts are part of it.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for who may not read the channel, and where the group is not public;
    /// [`CoreError::Flood`], [`CoreError::NodeUnreachable`].
    pub async fn open_discussion(&self, viewer: UserId, channel: ChannelId) -> CoreResult<()> {
        self.bring_discussion(viewer, channel).await?;
        let found = self.channel(channel).filter(|found| found.broadcast);
        self.whole_history(found.and_then(|found| found.linked)).await
    }

    async fn bring_discussion(&self, viewer: UserId, channel: ChannelId) -> CoreResult<()> {
        if self.discussion_to_open(channel).is_none() {
            let found = self.channel(channel).filter(|found| found.broadcast);
            return match found.and_then(|found| found.linked) {
                Some(group) => self.open_again(group).await,
                None => Ok(()),
            };
        }
        self.channel_to_read(viewer, channel)?;
        self.take(Limit::Lookups(viewer)).await?;
        let (group, from) = self
            .write(None, move |decide| {
                Ok((decide.with_chain(channel, named)?, decide.may_have_linked(channel)?))
            })
            .await?;
        let group = GroupId(group.ok_or(CoreError::UnknownChannel)?);
        self.bring_wanted(group, &from).await?;
        self.write(None, move |decide| decide.show_link(channel)).await
    }

    /// Sees to it that this node may write in a group of another one where somebody comments who is not in
    /// it.
    ///
    /// # Errors
    /// Those of [`Core::join_channel`].
    pub(crate) async fn join_to_comment(&self, from: UserId, to: PeerId) -> CoreResult<()> {
        let Some(channel) = to.channel() else { return Ok(()) };
        if self.sharing(channel).is_none_or(|sharing| sharing.is_home) {
            return Ok(());
        }
        self.look_at(channel).await;
        match self.channel_for(from, channel)?.is_guest() {
            true => self.join_far(channel).await,
            false => Ok(()),
        }
    }
}

impl Decide<'_> {
    /// Shows with what a channel or group is linked, as its log and the other one's say.
    pub(crate) fn show_link(&mut self, channel: ChannelId) -> CoreResult<()> {
        let before = self.channel_row(channel)?.linked;
        self.set_link(channel)?;
        let after = self.channel_row(channel)?.linked;
        for other in [before, after].into_iter().flatten() {
            if self.is_here(other)? {
                self.set_link(other)?;
            }
        }
        // What names this one says so perhaps since before it was here.
        if let Some(other) = self.named_and_here(channel)?
            && Some(other) != after
        {
            self.set_link(other)?;
            self.set_link(channel)?;
        }
        self.want_discussed(channel)
    }

    pub(crate) fn is_here(&self, channel: ChannelId) -> CoreResult<bool> {
        match self.channel_row(channel) {
            Ok(_) => Ok(true),
            Err(CoreError::UnknownChannel) => Ok(false),
            Err(cause) => Err(cause),
        }
    }

    /// The channel or group here that a log names.
    fn named_and_here(&self, channel: ChannelId) -> CoreResult<Option<ChannelId>> {
        let Some(name) = self.with_chain(channel, named)? else { return Ok(None) };
        let Some(other) = self.channel_of(GroupId(name))? else { return Ok(None) };
        Ok(self.is_here(other)?.then_some(other))
    }

    fn set_link(&mut self, channel: ChannelId) -> CoreResult<()> {
        let found = self.channel_row(channel)?;
        let linked = self.link_said(&found)?;
        if linked == found.linked {
            return Ok(());
        }
        let by = found.creator;
        self.note(channel, by, AdminAction::Linked(found.linked, linked))?;
        self.put_channel(Channel { linked, ..found.clone() })?;
        self.tell_channel(channel, ChatChange::Info);
        if let Some(other) = linked.filter(|other| *other != channel)
            && self.is_here(other)?
        {
            let group = if found.broadcast { other } else { channel };
            self.tie_all(group)?;
        }
        Ok(())
    }

    fn link_said(&mut self, found: &Channel) -> CoreResult<Option<ChannelId>> {
        let Some(name) = self.with_chain(found.id, named)? else { return Ok(None) };
        let Some(other) = self.named_and_here(found.id)? else {
            if !found.broadcast {
                return Ok(None);
            }
            let kept = match found.linked {
                Some(kept) if !self.is_here(kept)? => Some(kept),
                _ => None,
            };
            return self.number_for(GroupId(name), kept).map(Some);
        };
        let own = self.name_of_log(found.id)?;
        let (back, row) = (self.with_chain(other, named)?, self.channel_row(other)?);
        let fits = back == Some(own) && row.broadcast != found.broadcast && !row.deleted;
        Ok(fits.then_some(other))
    }

    /// The channel whose posts are discussed in a group, where the logs of both say so here.
    pub(crate) fn channel_discussed(&mut self, group: &Channel) -> CoreResult<Option<ChannelId>> {
        let Some(channel) = group.linked.filter(|_| !group.broadcast) else { return Ok(None) };
        if !self.is_here(channel)? {
            return Ok(None);
        }
        let linked = self.channel_row(channel)?.linked == Some(group.id);
        Ok(linked.then_some(channel))
    }

    /// What a log says of the copy of a post: the entry of that, and with which other copy it is
    /// discussed.
    pub(super) fn copy_in_log(&self, message: &Message) -> CoreResult<Option<LogCopy>> {
        let (Some((channel, post)), Some(group)) = (message.post(), message.peer.channel()) else {
            return Ok(None);
        };
        if message.sent_as != Some(channel.into()) {
            return Ok(None);
        }
        let Some(entry) = self.entry_of_message(channel, post)? else { return Ok(None) };
        let top = self.top_of_album(channel, group, post, message)?;
        let first = top.map(|top| self.entry_of_message(group, top)).transpose()?.flatten();
        Ok(Some((encode(&entry), first.map(|first| encode(&first)))))
    }

    /// Whether a message of another node is a copy, by who wrote it; makes it look so as far as the post
    /// is known.
    pub(super) fn look_as_copy(
        &mut self,
        group: &Channel,
        at: &EntryRef,
        by: UserRef,
        message: &mut Message,
        copy: &CopyOf,
    ) -> CoreResult<bool> {
        let owned = self.with_shared(group.id, |shared| {
            let (lanes, chain) = (shared.replica.lanes(), shared.replica.chain());
            lanes.position(at).is_some_and(|position| chain.timeline().is_owner(by, position))
        })?;
        if group.broadcast || owned != Some(true) {
            return Ok(false);
        }
        if let Some(channel) = self.channel_discussed(group)?
            && self.name_of_log(channel)? == copy.channel
        {
            message.sent_as = Some(channel.into());
            if let Some(post) = self.message_of_entry(channel, &copy.post)? {
                point_at(message, channel, post);
            }
        }
        Ok(true)
    }

    /// Remembers a copy of another node, which is in the box.
    pub(super) fn note_copy(
        &mut self,
        group: ChannelId,
        id: MessageId,
        copy: &CopyOf,
    ) -> CoreResult<()> {
        let first = copy.first.map(|first| encode(&first));
        let row = Copied { channel: copy.channel, id, first };
        let key = row_key(group, COPIED, &encode(&copy.post));
        self.put(Keyspace::CHANNELS, &key, &row)?;
        self.tie(group, &copy.post)
    }

    /// A post of another node is in the box: its copy may be here already, or is this node's to write.
    pub(super) fn post_came(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        at: &EntryRef,
        message: &Message,
    ) -> CoreResult<()> {
        let found = self.channel_row(channel)?;
        let Some(group) = found.linked.filter(|_| found.broadcast) else { return Ok(()) };
        if !self.is_here(group)? {
            return Ok(());
        }
        self.tie(group, at)?;
        let own = self.inner.logs.keys().node().short();
        if at.node == own
            || !self.vouches_for_copies(group)?
            || !self.is_since_link(channel, at)?
            || self.post_copy(channel, id)?.is_some()
        {
            return Ok(());
        }
        // What cannot be written there is no reason not to take the post.
        let copied = self.part(|decide| decide.copy_post(&found, id, message))?;
        match copied {
            Ok(Some(copied)) => self.place_copy(copied),
            _ => Ok(()),
        }
    }

    /// A post of before is in its place: its copy may be here already. None is written of it yet, see
    /// [`Self::copy_history`].
    pub(super) fn post_of_before_came(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<()> {
        let linked = self.channel_row(channel)?.linked;
        match linked {
            Some(group) if self.is_here(group)? => self.tie(group, at),
            _ => Ok(()),
        }
    }

    /// The history of a channel is in its place: posts of it that were made since the link, while the
    /// channel was not here, are copied if this node writes copies, the oldest first. Of many the newest.
    pub(super) fn copy_history(
        &mut self,
        channel: ChannelId,
        newest_first: impl Iterator<Item = EntryRef>,
    ) -> CoreResult<()> {
        let found = self.channel_row(channel)?;
        let Some(group) = found.linked.filter(|_| found.broadcast) else { return Ok(()) };
        if !self.is_here(group)? || !self.vouches_for_copies(group)? {
            return Ok(());
        }
        let mut since = Vec::new();
        for at in newest_first.take(COPIED_AT_ONCE) {
            if !self.is_since_link(channel, &at)? {
                break;
            }
            since.push(at);
        }
        for at in since.iter().rev() {
            let Some(id) = self.message_of_entry(channel, at)? else { continue };
            let Some(message) = self.message(channel, id)? else { continue };
            self.post_came(channel, id, at, &message)?;
        }
        Ok(())
    }

    /// Whether copies of posts are written into a group by this node: its owner lives here.
    pub(crate) fn vouches_for_copies(&self, group: ChannelId) -> CoreResult<bool> {
        let own = self.inner.logs.keys().node().short();
        let writes = self.with_chain(group, |chain| chain.state().is_member(own))?;
        Ok(writes && !is_remote(self.channel_row(group)?.creator))
    }

    /// A post was edited on another node: this one writes that into the copy, if it writes copies.
    pub(super) fn post_edited(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if self.channel_row(channel)?.broadcast {
            let copy = self.edit_copy(channel, id, message, true)?;
            self.tell_edited_copy(copy)?;
        }
        Ok(())
    }

    /// A copy and its post lead to each other, if both are here and linked.
    fn tie(&mut self, group: ChannelId, post: &EntryRef) -> CoreResult<()> {
        let key = row_key(group, COPIED, &encode(post));
        let copied: Option<Copied> = self.load(Keyspace::CHANNELS, &key)?;
        let Some(copied) = copied else { return Ok(()) };
        let found = self.channel_row(group)?;
        let Some(channel) = self.channel_discussed(&found)? else { return Ok(()) };
        if self.name_of_log(channel)? != copied.channel {
            return Ok(());
        }
        let Some(post) = self.message_of_entry(channel, post)? else { return Ok(()) };
        let Some(before) = self.message(group, copied.id)? else { return Ok(()) };
        let first = copied.first.and_then(|first| decode::<EntryRef>(&first).ok());
        // Its comments stay with it when that one goes.
        let first = first.map(|first| self.thread_named(group, &first)).transpose()?.flatten();
        let top = first.map_or(copied.id, |(top, _)| top);
        self.put_post_copy(channel, post, &PostCopy { group, id: copied.id, top })?;
        let mut message = before.clone();
        message.sent_as = Some(channel.into());
        point_at(&mut message, channel, post);
        if message == before {
            return Ok(());
        }
        self.rewrite(group, copied.id, &message)?;
        self.append_edited(group, copied.id, &message).map(|_| ())
    }

    /// A link counts since now: copies that came before show as such.
    fn tie_all(&mut self, group: ChannelId) -> CoreResult<()> {
        let prefix = row_key(group, COPIED, &[]);
        for (key, _) in self.scan_prefix(Keyspace::CHANNELS, &prefix, TIED_MAX)? {
            let post = key.strip_prefix(&prefix[..]).and_then(|post| decode(post).ok());
            self.tie(group, &post.ok_or(CoreError::Damaged(Copied::NAME))?)?;
        }
        Ok(())
    }
}

/// A copy says of which post it is one.
fn point_at(message: &mut Message, channel: ChannelId, post: MessageId) {
    let signed = message.post_author.clone();
    let from = Author::Channel { channel, post: None, signed };
    let bare = Forward { from, date: message.date, saved_from: None };
    let first = message.forward.take().unwrap_or(bare);
    let from = match first.from {
        Author::Channel { channel: from, signed, .. } if from == channel => {
            Author::Channel { channel, post: Some(post), signed }
        }
        from => from,
    };
    message.forward = Some(Forward { from, saved_from: Some((channel.into(), post)), ..first });
}

#[cfg(test)]
impl Core {
    /// A channel that says that it is discussed in a group, which does not.
    pub(crate) async fn claim_link(&self, channel: ChannelId, group: ChannelId) {
        let write = self.write(None, move |decide| {
            let owner = decide.channel_row(channel)?.creator;
            let setting = Setting::Linked(Some(decide.name_of_log(group)?));
            let info = glog::body::Info { setting, cut: None, epoch: None };
            decide.write_control(channel, Some(owner), glog::body::Action::Info(info))
        });
        write.await.unwrap();
    }

    /// A node that lets one of its people write what is said to be the copy of a post.
    pub(crate) async fn claim_copy(
        &self,
        group: ChannelId,
        from: UserId,
        (channel, post): (ChannelId, MessageId),
    ) {
        let write = self.write(None, move |decide| {
            let words = crate::text::Text::draft("not a copy", Vec::new());
            let words = words.map_err(|_| CoreError::MediaInvalid)?;
            let mut message = Message::new(group.into(), from, false, decide.now(), words);
            message.sent_as = Some(channel.into());
            point_at(&mut message, channel, post);
            let post = decide.post_of(group, &message)?;
            let body = glog::body::DataBody::Post(post);
            decide.write_data(group, from, &body).map(|_| ())
        });
        write.await.unwrap();
    }
}
