//! `messages.getOutboxReadDate#8c4bfe5d peer:InputPeer msg_id:int = OutboxReadDate`,
//! `messages.getMessageReadParticipants#31c1c44f peer:InputPeer msg_id:int =
//! Vector<ReadParticipantDate>`
//!
//! Source: <https://core.telegram.org/method/messages.getOutboxReadDate>

use node_core::{CoreError, MessageId, PeerId, What};
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
    // A private chat is refused, as by Telegram.
    let (owner, peer) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let (core, id) = (&ctx.shared.core, MessageId(request.msg_id));
    let readers = match peer {
        PeerId::Channel(channel) => core.channel_readers(owner, channel, id).await,
        peer => {
            let chat = peer.chat().ok_or(RpcError::new(400, "PEER_ID_INVALID"))?;
            core.chat_readers(owner, chat, id).await
        }
    };
    let readers = readers.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "CHAT_TOO_BIG"),
        CoreError::ReadTooOld => RpcError::new(400, "MSG_TOO_OLD"),
        CoreError::UnknownMessage => RpcError::new(400, "MSG_ID_INVALID"),
        other => other.into(),
    })?;
    let mut shown = Vec::with_capacity(readers.len());
    for reader in readers {
        // Who does not tell the asker when messages were read is left out.
        if core.may_see(owner, reader.user, What::ReadDates)? {
            let (user_id, date) = (reader.user.0, reader.date);
            shown.push(types::ReadParticipantDate { user_id, date }.into());
        }
    }
    Ok(shown)
}
