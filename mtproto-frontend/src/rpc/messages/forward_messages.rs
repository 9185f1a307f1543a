//! `messages.forwardMessages#13704a7c flags:# silent:flags.5?true … drop_author:flags.11?true …
//! from_peer:InputPeer id:Vector<int> random_id:Vector<long> to_peer:InputPeer … = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.forwardMessages>

use node_core::{ForwardHow, MessageId, PeerId, When};
use tl::enums;
use tl::functions::messages::ForwardMessages;

use super::scheduled::placed_updates;
use super::send_message::{reply_to, send_as, to_write};
use super::{refuse, sent_updates};
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call.
const MESSAGES_MAX: usize = 100;

pub(in crate::rpc) async fn forward_messages(
    ctx: &Context,
    request: ForwardMessages,
) -> RpcResult<enums::Updates> {
    let (from, source) = (ctx.user()?, ctx.peer(&request.from_peer)?);
    let to = ctx.peer(&request.to_peer)?;
    refuse(
        request.quick_reply_shortcut.is_some()
            || request.effect.is_some()
            || request.suggested_post.is_some(),
    )?;
    if request.id.is_empty() {
        return Err(RpcError::new(400, "MESSAGE_IDS_EMPTY"));
    }
    // 0 names no message for ever: the second one under it would be lost.
    if request.id.len() != request.random_id.len()
        || request.id.len() > MESSAGES_MAX
        || request.random_id.contains(&0)
    {
        return Err(RpcError::new(400, "RANDOM_ID_INVALID"));
    }
    let hidden = ctx.hidden_below(source)?;
    if request.id.iter().any(|id| *id <= hidden.0) {
        return Err(RpcError::new(400, "MESSAGE_ID_INVALID"));
    }
    let ids = request.id.iter().map(|id| MessageId(*id)).zip(request.random_id.iter().copied());
    let scheduled = request.schedule_date.is_some();
    let how = ForwardHow {
        silent: request.silent,
        // Whose words they are is part of a text.
        drop_author: request.drop_author || request.drop_media_captions,
        drop_captions: request.drop_media_captions,
        noforwards: request.noforwards,
        send_as: send_as(ctx, to, request.send_as.as_ref(), scheduled)?,
        topic: topic(ctx, to, request.top_msg_id, request.reply_to)?,
    };
    let core = &ctx.shared.core;
    if let Some(date) = request.schedule_date {
        let when = When { date, repeat: request.schedule_repeat_period.unwrap_or(0) };
        let (actor, ids) = (ctx.actor()?, ids.collect());
        let placed = core.schedule_forward(actor, from, source, to, ids, how, when).await;
        let placed = placed.map_err(to_write)?;
        let placed: Vec<_> = placed.into_iter().zip(request.random_id).collect();
        return placed_updates(ctx, &placed);
    }
    let sent = core.forward(ctx.actor()?, from, source, to, ids.collect(), how).await;
    let sent = sent.map_err(to_write)?;
    let sent: Vec<_> = sent.into_iter().zip(request.random_id).collect();
    sent_updates(ctx, &sent)
}

/// Into which topic, or in answer to what.
fn topic(
    ctx: &Context,
    to: PeerId,
    top_msg_id: Option<i32>,
    answers: Option<enums::InputReplyTo>,
) -> RpcResult<Option<MessageId>> {
    let answers = match answers {
        Some(answers) => reply_to(ctx, to, answers)?,
        None => None,
    };
    let quoted = answers.as_ref().is_some_and(|(_, quote)| quote.is_some());
    refuse(quoted)?;
    let into = answers.map(|(id, _)| id).or(top_msg_id.map(MessageId));
    refuse(into.is_some() && to.channel().is_none())?;
    Ok(into)
}
