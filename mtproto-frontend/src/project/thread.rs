//! `messageReplies`, and how far a thread was read.

use node_core::{ChannelId, CoreResult, Message, MessageId};
use tl::{enums, types};

use super::{Named, View, peer};

/// Where what is said to a message stands.
struct Place {
    group: ChannelId,
    /// The message with which the thread begins.
    top: MessageId,
    /// It is a channel's post, and what is said to it are comments elsewhere.
    comments: bool,
}

impl Place {
    /// `None` where nothing was ever said, and nothing is waited for.
    fn of(view: View<'_>, id: MessageId, stored: &Message) -> CoreResult<Option<Self>> {
        let Some(channel) = stored.peer.channel() else { return Ok(None) };
        // An album is discussed under its first message.
        let copy = match stored.post() {
            Some((from, post)) => view.core.copy_of_post(from, post)?.filter(|copy| copy.id == id),
            None if stored.has_thread || stored.action.is_some() => None,
            None => view.core.copy_of_post(channel, id)?,
        };
        let comments = stored.post().is_none();
        if let (None, true, Some(group)) =
            (copy, stored.action.is_none(), view.core.discussion_to_open(channel))
            && begins(view, channel, id, stored)?
        {
            return Ok(Some(Self { group, top: MessageId(0), comments: true }));
        }
        Ok(match copy {
            Some(copy) if copy.id == copy.top => {
                Some(Self { group: copy.group, top: copy.top, comments })
            }
            Some(_) => None,
            None => stored.has_thread.then_some(Self { group: channel, top: id, comments: false }),
        })
    }
}

/// Whether a post is none of those of an album that follow its first.
fn begins(view: View<'_>, channel: ChannelId, id: MessageId, stored: &Message) -> CoreResult<bool> {
    if stored.grouped_id == 0 {
        return Ok(true);
    }
    let before = view.core.message(channel, MessageId(id.0 - 1))?;
    Ok(before.is_none_or(|before| before.grouped_id != stored.grouped_id))
}

/// The group and the message under which answers to a message stand; `None` where none are shown.
pub(super) fn place(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
) -> CoreResult<Option<(ChannelId, MessageId)>> {
    Ok(Place::of(view, id, stored)?.map(|place| (place.group, place.top)))
}

/// What is said in answer to a message.
pub(crate) fn replies(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
) -> CoreResult<Option<enums::MessageReplies>> {
    let Some(Place { group, top, comments }) = Place::of(view, id, stored)? else {
        return Ok(None);
    };
    let thread = view.core.thread(group, top)?;
    if thread.is_none() && !comments && stored.post().is_none() {
        return Ok(None);
    }
    let thread = thread.unwrap_or_default();
    let read = view.core.read_in_thread(group, top, view.viewer)?;
    let known = |id: MessageId| Some(id.0).filter(|id| *id > 0);
    let replies = types::MessageReplies {
        comments,
        replies: thread.count,
        // Of the message with which the thread begins.
        replies_pts: top.0,
        recent_repliers: Some(thread.recent.iter().map(|author| peer(*author)).collect()),
        channel_id: comments.then_some(group.0),
        max_id: known(thread.max_id),
        read_max_id: known(read),
    };
    Ok(Some(replies.into()))
}

impl Named {
    /// Names those who have answered a message, as far as it shows them.
    pub(super) fn repliers(
        &mut self,
        view: View<'_>,
        id: MessageId,
        stored: &Message,
    ) -> CoreResult<&mut Self> {
        let Some(Place { group, top, comments }) = Place::of(view, id, stored)? else {
            return Ok(self);
        };
        // One that nobody here has opened yet is called nothing.
        if comments && top.0 != 0 {
            self.peer(group.into());
        }
        for author in view.core.thread(group, top)?.unwrap_or_default().recent {
            self.peer(author);
        }
        Ok(self)
    }
}

/// The viewer has read a thread.
pub(super) fn read_inbox(
    view: View<'_>,
    (channel, top): (ChannelId, MessageId),
    max_id: MessageId,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.peer(channel.into());
    let first = view.core.message(channel, top)?;
    let (broadcast, post) = first.and_then(|first| first.post()).unzip();
    if let Some(broadcast) = broadcast {
        named.peer(broadcast.into());
    }
    let update = types::UpdateReadChannelDiscussionInbox {
        channel_id: channel.0,
        top_msg_id: top.0,
        read_max_id: max_id.0,
        broadcast_id: broadcast.map(|broadcast| broadcast.0),
        broadcast_post: post.map(|post| post.0),
    };
    Ok(update.into())
}

/// Somebody else has read what the viewer wrote in a thread.
pub(super) fn read_outbox(
    (channel, top): (ChannelId, MessageId),
    max_id: MessageId,
    named: &mut Named,
) -> enums::Update {
    named.peer(channel.into());
    let (channel_id, top_msg_id, read_max_id) = (channel.0, top.0, max_id.0);
    types::UpdateReadChannelDiscussionOutbox { channel_id, top_msg_id, read_max_id }.into()
}
