//! `contacts.block#2e2e8734 flags:# my_stories_from:flags.0?true id:InputPeer = Bool`,
//! `contacts.unblock#b550d328 flags:# my_stories_from:flags.0?true id:InputPeer = Bool`,
//! `contacts.getBlocked#9a868f80 flags:# my_stories_from:flags.0?true offset:int limit:int =
//! contacts.Blocked`,
//! `contacts.setBlocked#94c65c76 flags:# my_stories_from:flags.0?true id:Vector<InputPeer> limit:int
//! = Bool`
//!
//! Who is blocked notices nothing: messages are sent, and do not arrive.
//! Source: <https://core.telegram.org/api/block>

use tl::enums::InputPeer;
use tl::enums::contacts::Blocked;
use tl::functions::contacts::{Block, GetBlocked, SetBlocked, Unblock};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Entries of one page.
const PAGE_MAX: usize = 100;

pub(in crate::rpc) async fn block(ctx: &Context, request: Block) -> RpcResult<bool> {
    set(ctx, request.my_stories_from, &request.id, true).await
}

pub(in crate::rpc) async fn unblock(ctx: &Context, request: Unblock) -> RpcResult<bool> {
    set(ctx, request.my_stories_from, &request.id, false).await
}

async fn set(ctx: &Context, stories: bool, named: &InputPeer, blocked: bool) -> RpcResult<bool> {
    if stories {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let (owner, user) = (ctx.user()?, ctx.user_peer(named)?);
    ctx.shared.core.set_blocked(Some(ctx.actor()?), owner, user, blocked).await?;
    Ok(true)
}

/// Most that one call may block.
const SET_MAX: usize = 1000;

/// Replaces the whole list; `limit` says how much of it the client has seen, which is all that it
/// names.
pub(in crate::rpc) async fn set_blocked(ctx: &Context, request: SetBlocked) -> RpcResult<bool> {
    if request.my_stories_from {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    if request.id.len() > SET_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let users = request.id.iter().map(|named| ctx.user_peer(named));
    let users = users.collect::<RpcResult<Vec<_>>>()?;
    ctx.shared.core.set_all_blocked(Some(ctx.actor()?), ctx.user()?, users).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_blocked(ctx: &Context, request: GetBlocked) -> RpcResult<Blocked> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    // Nobody is blocked from stories: there are none.
    let all = if request.my_stories_from { Vec::new() } else { core.blocked(owner).await? };
    let count = all.len() as i32;
    let offset = usize::try_from(request.offset).unwrap_or(0);
    let limit = usize::try_from(request.limit).unwrap_or(0).min(PAGE_MAX);
    let mut named = Named::default();
    let page = all.into_iter().skip(offset).take(limit).map(|(user, date)| {
        named.user(user);
        types::PeerBlocked { peer_id: project::peer(user.into()), date }.into()
    });
    let blocked = page.collect();
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::contacts::BlockedSlice { count, blocked, chats, users }.into())
}
