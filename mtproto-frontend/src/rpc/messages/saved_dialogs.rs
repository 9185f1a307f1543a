//! `messages.getSavedDialogs#1e91fc99 flags:# exclude_pinned:flags.0?true
//! parent_peer:flags.1?InputPeer offset_date:int offset_id:int offset_peer:InputPeer limit:int
//! hash:long = messages.SavedDialogs`,
//! `messages.getSavedDialogsByID#6f6f9c96 flags:# parent_peer:flags.1?InputPeer
//! ids:Vector<InputPeer> = messages.SavedDialogs`,
//! `messages.getPinnedSavedDialogs#d63d94e0 = messages.SavedDialogs`,
//! `messages.toggleSavedDialogPin#ac81bbde flags:# pinned:flags.0?true peer:InputDialogPeer = Bool`,
//! `messages.reorderPinnedSavedDialogs#8b716587 flags:# force:flags.0?true
//! order:Vector<InputDialogPeer> = Bool`
//!
//! Source: <https://core.telegram.org/api/saved-messages>

use node_core::{MessageId, SAVED_PINS_MAX, SavedDialogPage};
use tl::enums::InputDialogPeer;
use tl::enums::messages::SavedDialogs;
use tl::functions::messages as f;
use tl::types;

use super::{messages, page_limit, refuse};
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Dialogs that one call may name.
const PEERS_MAX: usize = 100;

pub(in crate::rpc) async fn get_saved_dialogs(
    ctx: &Context,
    request: f::GetSavedDialogs,
) -> RpcResult<SavedDialogs> {
    // The topics of a channel's direct messages.
    refuse(request.parent_peer.is_some())?;
    let below = (request.offset_id > 0).then_some(MessageId(request.offset_id));
    let (limit, without_pinned) = (page_limit(request.limit), request.exclude_pinned);
    let core = &ctx.shared.core;
    let found = core.saved_dialogs(ctx.user()?, below, limit, without_pinned).await?;
    shape(ctx, &found)
}

pub(in crate::rpc) async fn get_saved_dialogs_by_id(
    ctx: &Context,
    request: f::GetSavedDialogsById,
) -> RpcResult<SavedDialogs> {
    refuse(request.parent_peer.is_some())?;
    if request.ids.len() > PEERS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let sources: Vec<_> =
        request.ids.iter().map(|named| ctx.saved_peer(named)).collect::<RpcResult<_>>()?;
    let mut found = ctx.shared.core.saved_dialogs_of(ctx.user()?, &sources).await?;
    found.count = found.dialogs.len();
    shape(ctx, &found)
}

pub(in crate::rpc) async fn get_pinned_saved_dialogs(
    ctx: &Context,
    _: f::GetPinnedSavedDialogs,
) -> RpcResult<SavedDialogs> {
    let mut found = ctx.shared.core.pinned_saved_dialogs(ctx.user()?).await?;
    found.count = found.dialogs.len();
    shape(ctx, &found)
}

fn shape(ctx: &Context, found: &SavedDialogPage) -> RpcResult<SavedDialogs> {
    let mut named = Named::default();
    let dialogs = found.dialogs.iter().map(|dialog| {
        named.peer(dialog.source);
        let (peer, top_message) = (project::peer(dialog.source), dialog.top.0);
        types::SavedDialog { pinned: dialog.pinned, peer, top_message }.into()
    });
    let dialogs: Vec<_> = dialogs.collect();
    let messages = messages(ctx, &found.messages, &mut named)?;
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(if dialogs.len() == found.count {
        types::messages::SavedDialogs { dialogs, messages, chats, users }.into()
    } else {
        let count = found.count as i32;
        types::messages::SavedDialogsSlice { count, dialogs, messages, chats, users }.into()
    })
}

pub(in crate::rpc) async fn toggle_saved_dialog_pin(
    ctx: &Context,
    request: f::ToggleSavedDialogPin,
) -> RpcResult<bool> {
    let source = named(ctx, &request.peer)?;
    let core = &ctx.shared.core;
    core.pin_saved_dialog(ctx.actor()?, ctx.user()?, source, request.pinned).await?;
    Ok(true)
}

pub(in crate::rpc) async fn reorder_pinned_saved_dialogs(
    ctx: &Context,
    request: f::ReorderPinnedSavedDialogs,
) -> RpcResult<bool> {
    if request.order.len() > SAVED_PINS_MAX {
        return Err(RpcError::new(400, "PINNED_DIALOGS_TOO_MUCH"));
    }
    let order = request.order.iter().map(|peer| named(ctx, peer)).collect::<RpcResult<_>>()?;
    let core = &ctx.shared.core;
    core.order_saved_pins(ctx.actor()?, ctx.user()?, order, request.force).await?;
    Ok(true)
}

fn named(ctx: &Context, named: &InputDialogPeer) -> RpcResult<node_core::PeerId> {
    match named {
        InputDialogPeer::InputDialogPeer(named) => ctx.saved_peer(&named.peer),
        InputDialogPeer::InputDialogPeerFolder(_)
        | InputDialogPeer::InputDialogPeerCommunity(_) => {
            Err(RpcError::new(400, "PEER_ID_INVALID"))
        }
    }
}
