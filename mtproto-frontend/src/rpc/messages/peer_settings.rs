//! `messages.getPeerSettings#efd9a6a2 peer:InputPeer = messages.PeerSettings`,
//! `messages.hidePeerSettingsBar#4facb138 peer:InputPeer = Bool`,
//! `messages.getCommonChats#e40ca104 user_id:InputUser max_id:long limit:int = messages.Chats`
//!
//! Source: <https://core.telegram.org/method/messages.getPeerSettings>

use tl::enums::messages::{Chats, PeerSettings};
use tl::functions::messages::{GetCommonChats, GetPeerSettings, HidePeerSettingsBar};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_peer_settings(
    ctx: &Context,
    request: GetPeerSettings,
) -> RpcResult<PeerSettings> {
    let (viewer, user) = (ctx.user()?, ctx.user_peer(&request.peer)?);
    let core = &ctx.shared.core;
    let view = core.view(viewer, user)?.ok_or(RpcError::new(400, "PEER_ID_INVALID"))?;
    let users = Named::default().user(user).users(ctx.view()?)?;
    let settings = project::peer_settings(core, &view, viewer)?.into();
    Ok(types::messages::PeerSettings { settings, chats: Vec::new(), users }.into())
}

pub(in crate::rpc) async fn hide_peer_settings_bar(
    ctx: &Context,
    request: HidePeerSettingsBar,
) -> RpcResult<bool> {
    let (owner, user) = (ctx.user()?, ctx.user_peer(&request.peer)?);
    ctx.shared.core.hide_bar(Some(ctx.actor()?), owner, user).await?;
    Ok(true)
}

/// There are no groups yet that two people could have in common.
pub(in crate::rpc) async fn get_common_chats(
    ctx: &Context,
    request: GetCommonChats,
) -> RpcResult<Chats> {
    ctx.named_user(&request.user_id)?;
    Ok(types::messages::Chats { chats: Vec::new() }.into())
}
