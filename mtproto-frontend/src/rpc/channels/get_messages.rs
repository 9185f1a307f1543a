//! `channels.getMessages#ad8c9a23 channel:InputChannel id:Vector<InputMessage> = messages.Messages`
//!
//! What is not there, or not for this member, comes as `messageEmpty`: the list is as long as the
//! question.
//! Source: <https://core.telegram.org/method/channels.getMessages>

use node_core::{ChannelView, MessageId, Stored};
use tl::enums::InputMessage;
use tl::enums::messages::Messages;
use tl::functions::channels::GetMessages;
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call.
const MESSAGES_MAX: usize = 100;

/// Messages of a channel by their ids, as far as they are shown to the viewer.
pub(super) async fn visible(
    ctx: &Context,
    view: &ChannelView,
    ids: &[MessageId],
) -> RpcResult<Vec<Stored>> {
    let hidden_below = view.own.as_ref().map_or(MessageId(0), |own| own.hidden_below);
    let mut found = ctx.shared.core.messages(view.channel.id, ids).await?;
    found.retain(|stored| stored.id > hidden_below);
    Ok(found)
}

pub(in crate::rpc) async fn get_messages(
    ctx: &Context,
    request: GetMessages,
) -> RpcResult<Messages> {
    if request.id.is_empty() {
        return Err(RpcError::new(400, "MESSAGE_IDS_EMPTY"));
    }
    if request.id.len() > MESSAGES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let channel = ctx.channel_to_read(&request.channel)?;
    let (core, view, peer) = (&ctx.shared.core, ctx.view()?, channel.channel.id.into());
    let mut ids = Vec::with_capacity(request.id.len());
    for named in &request.id {
        ids.push(match named {
            InputMessage::InputMessageId(message) => MessageId(message.id),
            InputMessage::InputMessageReplyTo(message) => {
                // The message that this one answers.
                let answering = visible(ctx, &channel, &[MessageId(message.id)]).await?;
                let reply = answering.first().and_then(|stored| stored.message.reply.as_ref());
                reply.map_or(MessageId(0), |reply| reply.to)
            }
            InputMessage::InputMessagePinned(_) => {
                let pinned = core.pinned_messages(view.viewer, peer).await?;
                pinned.first().copied().unwrap_or_default()
            }
            // No bot asks.
            InputMessage::InputMessageCallbackQuery(_) => MessageId(0),
        });
    }
    let found = visible(ctx, &channel, &ids).await?;
    let mut named = Named::default();
    named.peer(peer);
    let messages = ids.iter().map(|id| -> RpcResult<_> {
        let stored = found.iter().find(|stored| stored.id == *id).map(|stored| &stored.message);
        if let Some(message) = stored {
            named.shown_with(view, *id, message)?;
        }
        Ok(project::message_or_empty(view, *id, stored)?)
    });
    let messages = messages.collect::<RpcResult<Vec<_>>>()?;
    let (users, chats) = named.shown(view)?;
    Ok(types::messages::ChannelMessages {
        pts: core.channel_state(channel.channel.id)?.0,
        count: messages.len() as i32,
        messages,
        chats,
        users,
        ..types::messages::ChannelMessages::default()
    }
    .into())
}
