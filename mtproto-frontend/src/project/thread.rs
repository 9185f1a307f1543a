//! `messageReplies`, and how far a thread was read.

use node_core::{ChannelId, CoreResult, Message, MessageId};
use tl::{enums, types};

use super::{Named, View, peer};

/// What is said in answer to a message, where there is or may be a thread.
pub(super) fn replies(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
) -> CoreResult<Option<enums::MessageReplies>> {
    let Some(group) = stored.peer.channel().filter(|_| stored.has_thread) else { return Ok(None) };
    let Some(thread) = view.core.thread(group, id)? else { return Ok(None) };
    let read = view.core.read_in_thread(group, id, view.viewer)?;
    let replies = types::MessageReplies {
        replies: thread.count,
        // Of the message with which the thread begins.
        replies_pts: id.0,
        recent_repliers: Some(thread.recent.iter().map(|author| peer(*author)).collect()),
        max_id: Some(thread.max_id.0),
        read_max_id: Some(read.0).filter(|read| *read > 0),
        ..types::MessageReplies::default()
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
        if let Some(group) = stored.peer.channel().filter(|_| stored.has_thread)
            && let Some(thread) = view.core.thread(group, id)?
        {
            for author in thread.recent {
                self.peer(author);
            }
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
