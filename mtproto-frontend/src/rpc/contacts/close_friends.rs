//! `contacts.editCloseFriends#ba6705f0 id:Vector<long> = Bool`
//!
//! Source: <https://core.telegram.org/method/contacts.editCloseFriends>

use node_core::UserId;
use tl::functions::contacts::EditCloseFriends;

use crate::rpc::{Context, RpcError, RpcResult};

/// Close friends of one member.
const CLOSE_FRIENDS_MAX: usize = 500;

pub(in crate::rpc) async fn edit_close_friends(
    ctx: &Context,
    request: EditCloseFriends,
) -> RpcResult<bool> {
    if request.id.len() > CLOSE_FRIENDS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let friends = request.id.into_iter().map(UserId).collect();
    ctx.shared.core.set_close_friends(Some(ctx.actor()?), ctx.user()?, friends).await?;
    Ok(true)
}
