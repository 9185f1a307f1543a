//! `messages.markDialogUnread#8c5006f8 flags:# unread:flags.0?true parent_peer:flags.1?InputPeer
//! peer:InputDialogPeer = Bool`,
//! `messages.getDialogUnreadMarks#21202222 flags:# parent_peer:flags.0?InputPeer =
//! Vector<DialogPeer>`
//!
//! Source: <https://core.telegram.org/method/messages.markDialogUnread>

use tl::functions::messages::{GetDialogUnreadMarks, MarkDialogUnread};
use tl::{enums, types};

use super::refuse;
use crate::project;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn mark_dialog_unread(
    ctx: &Context,
    request: MarkDialogUnread,
) -> RpcResult<bool> {
    // The topics of a channel's direct messages.
    refuse(request.parent_peer.is_some())?;
    let peer = ctx.dialog_peer(&request.peer)?;
    ctx.shared.core.mark_unread(ctx.actor()?, ctx.user()?, peer, request.unread).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_dialog_unread_marks(
    ctx: &Context,
    request: GetDialogUnreadMarks,
) -> RpcResult<Vec<enums::DialogPeer>> {
    refuse(request.parent_peer.is_some())?;
    let marks = ctx.shared.core.unread_marks(ctx.user()?).await?;
    let peer = |peer| types::DialogPeer { peer: project::peer(peer) }.into();
    Ok(marks.into_iter().map(peer).collect())
}
