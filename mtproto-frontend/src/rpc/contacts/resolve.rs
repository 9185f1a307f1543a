//! `contacts.resolveUsername#725afbbc flags:# username:string referer:flags.0?string =
//! contacts.ResolvedPeer`,
//! `contacts.resolvePhone#8af94344 phone:string = contacts.ResolvedPeer`
//!
//! An unknown name is an error, never an object of zeros: Telegram Desktop crashes on one.
//! Source: <https://core.telegram.org/method/contacts.resolveUsername>

use node_core::{CoreError, PeerId};
use tl::enums::contacts::ResolvedPeer;
use tl::functions::contacts::{ResolvePhone, ResolveUsername};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// A name and a domain.
const NAME_BYTES_MAX: usize = 64 + 1 + 253;

pub(in crate::rpc) async fn resolve_username(
    ctx: &Context,
    request: ResolveUsername,
) -> RpcResult<ResolvedPeer> {
    let name = request.username.trim_start_matches('@');
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(RpcError::new(400, "USERNAME_INVALID"));
    }
    // `name@domain` is somebody or something on another node.
    let found = match name.split_once('@') {
        Some((name, domain)) => ctx.shared.core.resolve_far(ctx.user()?, name, domain).await,
        None => ctx.shared.core.resolve_name(ctx.user()?, name).await,
    };
    let found = match found {
        Err(CoreError::NodeUnreachable) => Err(CoreError::UnknownUser),
        found => found,
    };
    resolved(ctx, found, "USERNAME_NOT_OCCUPIED")
}

pub(in crate::rpc) async fn resolve_phone(
    ctx: &Context,
    request: ResolvePhone,
) -> RpcResult<ResolvedPeer> {
    let phone = phone_number(&request.phone)?;
    let found = ctx.shared.core.resolve_phone(ctx.user()?, phone).await;
    resolved(ctx, found.map(PeerId::from), "PHONE_NOT_OCCUPIED")
}

fn resolved(
    ctx: &Context,
    found: Result<PeerId, CoreError>,
    nobody: &'static str,
) -> RpcResult<ResolvedPeer> {
    let found = match found {
        Err(CoreError::UnknownUser) => return Err(RpcError::new(400, nobody)),
        found => found?,
    };
    let mut named = Named::default();
    let (users, chats) = named.peer(found).shown(ctx.view()?)?;
    Ok(types::contacts::ResolvedPeer { peer: project::peer(found), chats, users }.into())
}
