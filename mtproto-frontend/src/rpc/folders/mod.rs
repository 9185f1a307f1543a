//! `folders.editPeerFolders#6847d0ab folder_peers:Vector<InputFolderPeer> = Updates`
//!
//! Moves dialogs to the archive and back.
//! Source: <https://core.telegram.org/method/folders.editPeerFolders>

use node_core::Own;
use tl::functions::folders::EditPeerFolders;
use tl::{enums, types};

use super::messages::folder_id;
use super::{Context, RpcError, RpcResult};
use crate::project::{self, Named};

/// Dialogs that one call moves.
const PEERS_MAX: usize = 100;

pub(super) async fn edit_peer_folders(
    ctx: &Context,
    request: EditPeerFolders,
) -> RpcResult<enums::Updates> {
    if request.folder_peers.len() > PEERS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let moves = request.folder_peers.iter().map(|folder_peer| {
        let enums::InputFolderPeer::InputFolderPeer(named) = folder_peer;
        Ok((ctx.peer(&named.peer)?, folder_id(named.folder_id)?))
    });
    let moves = moves.collect::<RpcResult<Vec<_>>>()?;
    core.move_dialogs(ctx.actor()?, owner, moves.clone()).await?;
    let pts = core.state(owner).await?.pts;
    let mut named = Named::default();
    let moved = Own::Folders { moved: moves, pts };
    let updates = project::own_update(ctx.view()?, &moved, &mut named)?.into_iter().collect();
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: core.now(), seq: 0 }.into())
}
