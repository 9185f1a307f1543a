//! `messages.getPeerSettings#efd9a6a2 peer:InputPeer = messages.PeerSettings`,
//! `messages.hidePeerSettingsBar#4facb138 peer:InputPeer = Bool`
//!
//! Source: <https://core.telegram.org/method/messages.getPeerSettings>

use tl::enums::messages::PeerSettings;
use tl::functions::messages::{GetPeerSettings, HidePeerSettingsBar};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_peer_settings(
    ctx: &Context,
    request: GetPeerSettings,
) -> RpcResult<PeerSettings> {
    let (viewer, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let core = &ctx.shared.core;
    let Some(user) = peer.user() else {
        // Nothing is offered above a group: whoever is in it was added by somebody they let.
        let chats = Named::default().peer(peer).chats(ctx.view()?)?;
        let settings = types::PeerSettings::default().into();
        return Ok(types::messages::PeerSettings { settings, chats, users: Vec::new() }.into());
    };
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
