//! `messages.getOutboxReadDate#8c4bfe5d peer:InputPeer msg_id:int = OutboxReadDate`,
//! `messages.getMessageReadParticipants#31c1c44f peer:InputPeer msg_id:int =
//! Vector<ReadParticipantDate>`
//!
//! Source: <https://core.telegram.org/method/messages.getOutboxReadDate>

use node_core::{MessageId, What};
use tl::functions::messages as f;
use tl::{enums, types};

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_outbox_read_date(
    ctx: &Context,
    request: f::GetOutboxReadDate,
) -> RpcResult<types::OutboxReadDate> {
    let (owner, peer) = (ctx.user()?, ctx.user_peer(&request.peer)?);
    let core = &ctx.shared.core;
    if !core.may_see(peer, owner, What::ReadDates)? {
        return Err(RpcError::new(403, "YOUR_PRIVACY_RESTRICTED"));
    }
    if !core.may_see(owner, peer, What::ReadDates)? {
        return Err(RpcError::new(403, "USER_PRIVACY_RESTRICTED"));
    }
    let date = core.read_date(owner, peer.into(), MessageId(request.msg_id)).await?;
    Ok(types::OutboxReadDate { date })
}

pub(in crate::rpc) async fn get_message_read_participants(
    ctx: &Context,
    request: f::GetMessageReadParticipants,
) -> RpcResult<Vec<enums::ReadParticipantDate>> {
    ctx.peer(&request.peer)?;
    // Groups have participants; there are none yet, and a private chat is refused as by Telegram.
    Err(RpcError::new(400, "PEER_ID_INVALID"))
}
