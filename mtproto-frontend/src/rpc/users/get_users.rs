//! `users.getUsers#d91a548 id:Vector<InputUser> = Vector<User>`
//!
//! Whom the viewer may not name comes as `userEmpty`: the others are not to suffer.
//! Source: <https://core.telegram.org/method/users.getUsers>

use tl::enums::{self, InputUser};
use tl::functions::users::GetUsers;

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

/// Users of one call.
const USERS_MAX: usize = 200;

pub(in crate::rpc) async fn get_users(
    ctx: &Context,
    request: GetUsers,
) -> RpcResult<Vec<enums::User>> {
    let viewer = ctx.user()?;
    if request.id.len() > USERS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let mut users = Vec::with_capacity(request.id.len());
    for named in &request.id {
        let view = match ctx.named_user(named) {
            Ok(user) => ctx.shared.core.view(viewer, user)?,
            Err(error) if error.code == 400 => None,
            Err(error) => return Err(error),
        };
        users.push(match view {
            Some(view) => project::user(&view, ctx.view()?),
            None => tl::types::UserEmpty { id: id_of(named) }.into(),
        });
    }
    Ok(users)
}

fn id_of(named: &InputUser) -> i64 {
    match named {
        InputUser::InputUser(user) => user.user_id,
        InputUser::InputUserFromMessage(user) => user.user_id,
        InputUser::InputUserSelf(_) | InputUser::InputUserEmpty(_) => 0,
    }
}
