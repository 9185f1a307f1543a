//! `messages.editMessage#51e842e1 flags:# no_webpage:flags.1?true … peer:InputPeer id:int
//! message:flags.11?string … entities:flags.3?Vector<MessageEntity> … = Updates`,
//! `messages.getMessageEditData#fda68d36 peer:InputPeer id:int = messages.MessageEditData`
//!
//! Source: <https://core.telegram.org/method/messages.editMessage>

use node_core::{Edit, MessageId, ScheduledEdit};
use tl::enums;
use tl::functions::messages::{EditMessage, GetMessageEditData};
use tl::types;

use super::polls::poll_updates;
use super::refuse;
use super::scheduled::edited_scheduled;
use super::send_message::text;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_message(
    ctx: &Context,
    request: EditMessage,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    if let Some(enums::InputMedia::InputMediaPoll(media)) = &request.media {
        let enums::Poll::Poll(poll) = &media.poll;
        // Nothing else of a poll can be changed.
        refuse(!poll.closed || request.schedule_date.is_some())?;
        let (core, id) = (&ctx.shared.core, MessageId(request.id));
        let poll = core.close_poll(ctx.actor()?, owner, peer, id).await?;
        return poll_updates(ctx, poll, None);
    }
    refuse(
        request.media.is_some()
            || request.quick_reply_shortcut_id.is_some()
            || request.rich_message.is_some(),
    )?;
    if let Some(date) = request.schedule_date {
        // The number is of a scheduled message.
        let text = match &request.message {
            Some(message) => Some(text(ctx, message, request.entities)?),
            None => None,
        };
        let edit = ScheduledEdit { text, date: Some(date), repeat: request.schedule_repeat_period };
        let (id, core) = (MessageId(request.id), &ctx.shared.core);
        let placed = core.edit_scheduled(ctx.actor()?, owner, peer, id, edit).await?;
        return edited_scheduled(ctx, peer, id, placed);
    }
    let Some(message) = request.message else {
        return Err(RpcError::new(400, "MESSAGE_NOT_MODIFIED"));
    };
    let text = text(ctx, &message, request.entities)?;
    let core = &ctx.shared.core;
    let edited =
        core.edit(ctx.actor()?, owner, peer, MessageId(request.id), Edit::text(text)).await?;
    let mut named = Named::default();
    named.shown_with(ctx.view()?, edited.id, &edited.message)?;
    let (users, chats) = named.shown(ctx.view()?)?;
    let message = project::message(ctx.view()?, edited.id, &edited.message)?;
    let update = types::UpdateEditMessage { message, pts: edited.pts.0, pts_count: 1 };
    let updates = vec![update.into()];
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn get_message_edit_data(
    ctx: &Context,
    request: GetMessageEditData,
) -> RpcResult<enums::messages::MessageEditData> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let found = ctx.shared.core.messages(owner, &[MessageId(request.id)]).await?;
    let message = found.first().filter(|stored| stored.message.peer == peer);
    let message = message.ok_or(RpcError::new(400, "MESSAGE_ID_INVALID"))?;
    if !message.message.out {
        return Err(RpcError::new(403, "MESSAGE_AUTHOR_REQUIRED"));
    }
    Ok(types::messages::MessageEditData { caption: false }.into())
}
