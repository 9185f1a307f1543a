//! `messages.sendMedia#0330e77f flags:# … peer:InputPeer reply_to:flags.0?InputReplyTo
//! media:InputMedia message:string random_id:long … = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.sendMedia>

use node_core::{CoreError, Outgoing, OutgoingFile, OutgoingMedia, Text, When};
use tl::enums;
use tl::functions::messages::SendMedia;

use super::poll_media::new_poll;
use super::scheduled::placed_updates;
use super::send_message::{reply_to, text};
use super::{refuse, sent_updates};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn send_media(
    ctx: &Context,
    request: SendMedia,
) -> RpcResult<enums::Updates> {
    let (from, to) = (ctx.user()?, ctx.peer(&request.peer)?);
    refuse(
        request.quick_reply_shortcut.is_some()
            || request.effect.is_some()
            || request.suggested_post.is_some(),
    )?;
    if request.random_id == 0 {
        return Err(RpcError::new(400, "RANDOM_ID_EMPTY"));
    }
    let enums::InputMedia::InputMediaPoll(media) = request.media else {
        return Err(RpcError::NOT_IMPLEMENTED);
    };
    let said = tl::to_bytes(&enums::InputMedia::InputMediaPoll(media.clone()), tl::LAYER_MAX)?;
    let poll = new_poll(ctx, *media)?;
    // The time would run while it waits.
    refuse(request.schedule_date.is_some() && poll.close_period.or(poll.close_date).is_some())?;
    let caption = if request.message.is_empty() {
        Text::none()
    } else {
        text(ctx, &request.message, request.entities)?
    };
    let reply = match request.reply_to {
        Some(reply) => reply_to(ctx, to, reply)?,
        None => request.reply_to_msg_id.map(|id| (node_core::MessageId(id), None)),
    };
    let fingerprint = blake3::hash(&said).as_bytes().first_chunk().copied().unwrap_or_default();
    let outgoing = Outgoing {
        silent: request.silent,
        reply,
        clear_draft: request.clear_draft,
        invert_media: request.invert_media,
        noforwards: request.noforwards,
        media: Some(OutgoingMedia { file: OutgoingFile::NewPoll(poll), fingerprint }),
        ..Outgoing::text(to, caption, request.random_id)
    };
    let core = &ctx.shared.core;
    let refused = |error| match error {
        CoreError::UnknownMessage => RpcError::new(400, "REPLY_MESSAGE_ID_INVALID"),
        other => other.into(),
    };
    if let Some(date) = request.schedule_date {
        let when = When { date, repeat: request.schedule_repeat_period.unwrap_or(0) };
        let placed = core.schedule(ctx.actor()?, from, outgoing, when).await.map_err(refused)?;
        return placed_updates(ctx, &[(placed, request.random_id)]);
    }
    let sent = core.send(ctx.actor()?, from, outgoing).await.map_err(refused)?;
    sent_updates(ctx, &[(sent, request.random_id)])
}
