//! `channels.editCreator#8f38cd1f channel:InputChannel user_id:InputUser
//! password:InputCheckPasswordSRP = Updates`,
//! `messages.editChatCreator#f743b857 peer:InputPeer user_id:InputUser
//! password:InputCheckPasswordSRP = Updates`
//!
//! The second is the name of the first since layer 223, for basic groups too: those stay with who
//! made them. The password is asked for before anything else: clients learn from the refusal
//! whether there is one, and name no channel for that.
//! Source: <https://core.telegram.org/method/channels.editCreator>

use node_core::{ChannelId, CoreError};
use tl::enums;
use tl::functions::{channels, messages};

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult, account};

pub(in crate::rpc) async fn edit_creator(
    ctx: &Context,
    request: channels::EditCreator,
) -> RpcResult<enums::Updates> {
    prove(ctx, request.password).await?;
    let channel = ctx.input_channel(&request.channel)?;
    give(ctx, channel, &request.user_id).await
}

pub(in crate::rpc) async fn edit_chat_creator(
    ctx: &Context,
    request: messages::EditChatCreator,
) -> RpcResult<enums::Updates> {
    prove(ctx, request.password).await?;
    let peer = ctx.peer(&request.peer)?;
    if peer.chat().is_some() {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let channel = peer.channel().ok_or(RpcError::new(400, "PEER_ID_INVALID"))?;
    give(ctx, channel, &request.user_id).await
}

/// Fails unless the caller knows the password of the account, which has to have one.
async fn prove(ctx: &Context, said: enums::InputCheckPasswordSrp) -> RpcResult<()> {
    let (user, key, core) = (ctx.user()?, ctx.auth_key()?, &ctx.shared.core);
    let proof = account::proof(said);
    if proof.is_none() && core.password(user, key).await?.question.is_none() {
        return Err(RpcError::new(400, "PASSWORD_MISSING"));
    }
    // What it answers is not asked for: only who knows the password gets it.
    core.password_email(user, key, proof).await?;
    Ok(())
}

async fn give(
    ctx: &Context,
    channel: ChannelId,
    to: &enums::InputUser,
) -> RpcResult<enums::Updates> {
    let (owner, to) = (ctx.user()?, ctx.named_user(to)?);
    let given = ctx.shared.core.give_channel(ctx.actor()?, owner, channel, to).await;
    given.map_err(|error| match error {
        CoreError::NotAParticipant => RpcError::new(400, "USER_ID_INVALID"),
        other => other.into(),
    })?;
    channel_updates(ctx, channel, &[])
}
