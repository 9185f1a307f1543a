//! `messages.toggleDialogPin#a731e257 flags:# pinned:flags.0?true peer:InputDialogPeer = Bool`,
//! `messages.reorderPinnedDialogs#3b1adf37 flags:# force:flags.0?true folder_id:int
//! order:Vector<InputDialogPeer> = Bool`
//!
//! Source: <https://core.telegram.org/method/messages.toggleDialogPin>

use tl::functions::messages::{ReorderPinnedDialogs, ToggleDialogPin};

use super::get_dialogs::folder_id;
use crate::rpc::{Context, RpcError, RpcResult};

/// Dialogs that one order may name: the archive has the most pins.
const ORDER_MAX: usize = 100;

pub(in crate::rpc) async fn toggle_dialog_pin(
    ctx: &Context,
    request: ToggleDialogPin,
) -> RpcResult<bool> {
    let peer = ctx.dialog_peer(&request.peer)?;
    ctx.shared.core.pin_dialog(ctx.actor()?, ctx.user()?, peer, request.pinned).await?;
    Ok(true)
}

pub(in crate::rpc) async fn reorder_pinned_dialogs(
    ctx: &Context,
    request: ReorderPinnedDialogs,
) -> RpcResult<bool> {
    let folder = folder_id(request.folder_id)?;
    if request.order.len() > ORDER_MAX {
        return Err(RpcError::new(400, "PINNED_DIALOGS_TOO_MUCH"));
    }
    let order =
        request.order.iter().map(|named| ctx.dialog_peer(named)).collect::<RpcResult<_>>()?;
    let (actor, owner, core) = (ctx.actor()?, ctx.user()?, &ctx.shared.core);
    core.reorder_pins(actor, owner, folder, order, request.force).await?;
    Ok(true)
}
