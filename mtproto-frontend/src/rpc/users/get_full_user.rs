//! `users.getFullUser#b60f5918 id:InputUser = users.UserFull`
//!
//! Source: <https://core.telegram.org/method/users.getFullUser>

use tl::enums::users::UserFull;
use tl::functions::users::GetFullUser;
use tl::types;

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_full_user(
    ctx: &Context,
    request: GetFullUser,
) -> RpcResult<UserFull> {
    let viewer = ctx.user()?;
    let user = ctx.named_user(&request.id)?;
    let view = ctx.shared.core.view(viewer, user)?;
    let view = view.ok_or(RpcError::new(400, "USER_ID_INVALID"))?;
    let about = &view.user.about;
    let full = types::UserFull {
        blocked: view.blocked,
        id: user.0,
        about: (!about.is_empty()).then(|| about.clone()),
        settings: project::peer_settings(&view, viewer).into(),
        notify_settings: types::PeerNotifySettings::default().into(),
        ..types::UserFull::default()
    };
    Ok(types::users::UserFull {
        full_user: full.into(),
        chats: Vec::new(),
        users: vec![project::user(&view, viewer)],
    }
    .into())
}
