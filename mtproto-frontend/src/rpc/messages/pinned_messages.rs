//! `messages.updatePinnedMessage#d2aaf7ec flags:# silent:flags.0?true unpin:flags.1?true
//! pm_oneside:flags.2?true peer:InputPeer id:int = Updates`,
//! `messages.unpinAllMessages#062dd747 flags:# peer:InputPeer top_msg_id:flags.0?int
//! saved_peer_id:flags.1?InputPeer = messages.AffectedHistory`
//!
//! Source: <https://core.telegram.org/api/pin>

use node_core::{CoreResult, MessageId, PinHow, Talk};
use tl::functions::messages::{UnpinAllMessages, UpdatePinnedMessage};
use tl::{enums, types};

use super::refuse;
use super::search::thread;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn update_pinned_message(
    ctx: &Context,
    request: UpdatePinnedMessage,
) -> RpcResult<enums::Updates> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let peer = ctx.peer(&request.peer)?;
    let how =
        PinHow { pinned: !request.unpin, one_side: request.pm_oneside, silent: request.silent };
    let id = MessageId(request.id);
    let events = core.pin_message(ctx.actor()?, owner, peer, id, how).await?;
    let mut named = Named::default();
    let view = ctx.view()?;
    let updates =
        events.iter().map(|(pts, row)| project::box_update(view, *pts, row, None, &mut named));
    let updates = updates.collect::<CoreResult<_>>()?;
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: core.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn unpin_all_messages(
    ctx: &Context,
    request: UnpinAllMessages,
) -> RpcResult<types::messages::AffectedHistory> {
    refuse(request.saved_peer_id.is_some())?;
    let peer = ctx.peer(&request.peer)?;
    let talk = Talk { peer, topic: thread(ctx, peer, request.top_msg_id)? };
    let (affected, left) = ctx.shared.core.unpin_all(ctx.actor()?, ctx.user()?, talk).await?;
    let (pts, pts_count) = (affected.pts.0, affected.pts_count);
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(left > 0) })
}
