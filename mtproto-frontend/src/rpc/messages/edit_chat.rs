//! `messages.editChatTitle#73783ffd chat_id:long title:string = Updates`,
//! `messages.editChatAbout#def60797 peer:InputPeer about:string = Bool`,
//! `messages.editChatAdmin#a85bd1c2 chat_id:long user_id:InputUser is_admin:Bool = Bool`,
//! `messages.editChatDefaultBannedRights#a5866b41 peer:InputPeer banned_rights:ChatBannedRights =
//! Updates`,
//! `messages.editChatParticipantRank#a00f32b0 peer:InputPeer participant:InputPeer rank:string =
//! Updates`,
//! `messages.toggleNoForwards#b2081a35 flags:# peer:InputPeer enabled:Bool
//! request_msg_id:flags.0?int = Updates`,
//! `messages.deleteChat#5bd0ee50 chat_id:long = Bool`
//!
//! Sources: <https://core.telegram.org/method/messages.editChatTitle>,
//! <https://core.telegram.org/api/rights>

use node_core::{ChannelSetting, ChatChange, CoreError, PeerId};
use tl::enums;
use tl::functions::messages as f;

use super::{channel_updates, chat_updates, refuse};
use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_chat_title(
    ctx: &Context,
    request: f::EditChatTitle,
) -> RpcResult<enums::Updates> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let core = &ctx.shared.core;
    let done = core.edit_chat_title(ctx.actor()?, owner, chat, &request.title).await?;
    chat_updates(ctx, chat, &done.sent, &[ChatChange::Info])
}

pub(in crate::rpc) async fn edit_chat_about(
    ctx: &Context,
    request: f::EditChatAbout,
) -> RpcResult<bool> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let edited = match ctx.peer(&request.peer)? {
        PeerId::Chat(chat) => core.edit_chat_about(ctx.actor()?, owner, chat, request.about).await,
        PeerId::Channel(channel) => {
            core.edit_channel_about(ctx.actor()?, owner, channel, &request.about).await
        }
        _ => return Err(RpcError::new(400, "PEER_ID_INVALID")),
    };
    edited.map_err(|error| match error {
        CoreError::ChatNotModified => RpcError::new(400, "CHAT_ABOUT_NOT_MODIFIED"),
        other => other.into(),
    })?;
    Ok(true)
}

pub(in crate::rpc) async fn edit_chat_admin(
    ctx: &Context,
    request: f::EditChatAdmin,
) -> RpcResult<bool> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let user = ctx.named_user(&request.user_id)?;
    let core = &ctx.shared.core;
    match core.edit_chat_admin(ctx.actor()?, owner, chat, user, request.is_admin).await {
        // So it is: clients repeat what they got no answer to.
        Ok(()) | Err(CoreError::ChatNotModified) => Ok(true),
        Err(other) => Err(other.into()),
    }
}

pub(in crate::rpc) async fn edit_chat_default_banned_rights(
    ctx: &Context,
    request: f::EditChatDefaultBannedRights,
) -> RpcResult<enums::Updates> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let peer = ctx.peer(&request.peer)?;
    let enums::ChatBannedRights::ChatBannedRights(sent) = &request.banned_rights;
    // Nobody is kept from reading a group that they are in.
    if sent.view_messages {
        return Err(RpcError::new(400, "BANNED_RIGHTS_INVALID"));
    }
    let banned = project::banned_rights_from_tl(&request.banned_rights);
    match peer {
        PeerId::Chat(chat) => {
            core.edit_chat_rights(ctx.actor()?, owner, chat, banned).await?;
            chat_updates(ctx, chat, &[], &[ChatChange::Rights])
        }
        PeerId::Channel(channel) => {
            core.edit_channel_rights(ctx.actor()?, owner, channel, banned).await?;
            channel_updates(ctx, channel, &[])
        }
        _ => Err(RpcError::new(400, "PEER_ID_INVALID")),
    }
}

pub(in crate::rpc) async fn edit_chat_participant_rank(
    ctx: &Context,
    request: f::EditChatParticipantRank,
) -> RpcResult<enums::Updates> {
    let (owner, chat) = (ctx.user()?, ctx.chat_peer(&request.peer)?);
    let user = ctx.user_peer(&request.participant)?;
    ctx.shared.core.edit_chat_rank(ctx.actor()?, owner, chat, user, request.rank).await?;
    chat_updates(ctx, chat, &[], &[ChatChange::Members])
}

pub(in crate::rpc) async fn toggle_no_forwards(
    ctx: &Context,
    request: f::ToggleNoForwards,
) -> RpcResult<enums::Updates> {
    // In private chats both have to agree: not built.
    refuse(request.request_msg_id.is_some())?;
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let core = &ctx.shared.core;
    match peer {
        PeerId::Chat(chat) => {
            core.edit_chat_noforwards(ctx.actor()?, owner, chat, request.enabled).await?;
            chat_updates(ctx, chat, &[], &[ChatChange::Info])
        }
        PeerId::Channel(channel) => {
            let setting = ChannelSetting::NoForwards(request.enabled);
            core.set_in_channel(ctx.actor()?, owner, channel, setting).await?;
            channel_updates(ctx, channel, &[])
        }
        _ => Err(RpcError::NOT_IMPLEMENTED),
    }
}

pub(in crate::rpc) async fn delete_chat(ctx: &Context, request: f::DeleteChat) -> RpcResult<bool> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    ctx.shared.core.delete_chat(ctx.actor()?, owner, chat).await?;
    Ok(true)
}
