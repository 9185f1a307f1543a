//! `messages.sendMessage#545cd15a flags:# … peer:InputPeer reply_to:flags.0?InputReplyTo
//! message:string random_id:long … entities:flags.3?Vector<MessageEntity> … = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.sendMessage>

use node_core::{CoreError, MessageId, Outgoing, PeerId, QuoteRequest, Text, When};
use tl::enums;
use tl::enums::InputReplyTo;
use tl::functions::messages::SendMessage;

use super::scheduled::placed_updates;
use super::{refuse, sent_updates};
use crate::project;
use crate::rpc::channels::named_sender;
use crate::rpc::{Context, RpcError, RpcResult};

pub(super) type Reply = Option<(MessageId, Option<QuoteRequest>)>;

pub(in crate::rpc) async fn send_message(
    ctx: &Context,
    request: SendMessage,
) -> RpcResult<enums::Updates> {
    let (from, to) = (ctx.user()?, ctx.peer(&request.peer)?);
    refuse(
        request.quick_reply_shortcut.is_some()
            || request.effect.is_some()
            || request.suggested_post.is_some()
            || request.rich_message.is_some(),
    )?;
    let send_as = send_as(ctx, to, request.send_as.as_ref(), request.schedule_date.is_some())?;
    if request.random_id == 0 {
        return Err(RpcError::new(400, "RANDOM_ID_EMPTY"));
    }
    let text = text(ctx, &request.message, request.entities)?;
    let reply = match request.reply_to {
        Some(reply) => reply_to(ctx, to, reply)?,
        // Before layer 159 a number stood here.
        None => request.reply_to_msg_id.map(|id| (MessageId(id), None)),
    };
    let outgoing = Outgoing {
        silent: request.silent,
        reply,
        clear_draft: request.clear_draft,
        invert_media: request.invert_media,
        noforwards: request.noforwards,
        send_as,
        ..Outgoing::text(to, text, request.random_id)
    };
    let core = &ctx.shared.core;
    if let Some(date) = request.schedule_date {
        let when = When { date, repeat: request.schedule_repeat_period.unwrap_or(0) };
        let placed = core.schedule(ctx.actor()?, from, outgoing, when).await.map_err(to_message)?;
        return placed_updates(ctx, &[(placed, request.random_id)]);
    }
    let sent = core.send(ctx.actor()?, from, outgoing).await.map_err(to_message)?;
    if !request.no_webpage && !sent.repeated {
        ctx.shared.preview(from, sent.id, &sent.message);
    }
    sent_updates(ctx, &[(sent, request.random_id)])
}

/// In whose name a message is to be written. What is scheduled is written in the name that its writer
/// has chosen by then, so another one cannot be said before.
pub(super) fn send_as(
    ctx: &Context,
    to: PeerId,
    send_as: Option<&enums::InputPeer>,
    scheduled: bool,
) -> RpcResult<Option<PeerId>> {
    let sender = send_as.map(|send_as| named_sender(ctx, to, send_as)).transpose()?;
    let Some(group) = to.channel() else { return Ok(None) };
    if let Some(sender) = sender.filter(|_| scheduled) {
        refuse(ctx.shared.core.default_sender(ctx.user()?, group)? != sender)?;
    }
    Ok(sender)
}

/// What is said where a message that is to be sent is refused.
pub(super) fn to_message(error: CoreError) -> RpcError {
    match error {
        CoreError::UnknownMessage => RpcError::new(400, "REPLY_MESSAGE_ID_INVALID"),
        other => to_write(other),
    }
}

/// What is said where somebody may not write.
pub(super) fn to_write(error: CoreError) -> RpcError {
    match error {
        CoreError::AdminRightMissing => RpcError::new(403, "CHAT_WRITE_FORBIDDEN"),
        other => other.into(),
    }
}

/// The text of media, with its formatting, checked.
pub(super) fn caption(
    ctx: &Context,
    text: &str,
    entities: Option<Vec<enums::MessageEntity>>,
) -> RpcResult<Text> {
    let entities = entities.unwrap_or_default();
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    Text::caption(text, entities).map_err(|error| CoreError::from(error).into())
}

/// A text with its formatting, checked.
pub(super) fn text(
    ctx: &Context,
    text: &str,
    entities: Option<Vec<enums::MessageEntity>>,
) -> RpcResult<Text> {
    let entities = entities.unwrap_or_default();
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    Text::parse(text, entities).map_err(|error| CoreError::from(error).into())
}

pub(super) fn reply_to(ctx: &Context, to: PeerId, reply: InputReplyTo) -> RpcResult<Reply> {
    let InputReplyTo::InputReplyToMessage(reply) = reply else {
        return Err(RpcError::NOT_IMPLEMENTED);
    };
    if let Some(elsewhere) = &reply.reply_to_peer_id {
        // Answers into another dialog are not there yet.
        refuse(ctx.peer(elsewhere)? != to)?;
    }
    let entities = reply.quote_entities.unwrap_or_default();
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    let offset = reply.quote_offset.unwrap_or(0);
    let quote = reply.quote_text.map(|text| QuoteRequest { text, entities, offset });
    Ok(Some((MessageId(reply.reply_to_msg_id), quote)))
}
