//! `users.getFullUser#b60f5918 id:InputUser = users.UserFull`
//!
//! Source: <https://core.telegram.org/method/users.getFullUser>

use node_core::{FolderId, NotifyTarget, PeerId};
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
    let core = &ctx.shared.core;
    let about = &view.user.about;
    let peer = PeerId::from(user);
    let pinned = core.pinned_messages(viewer, peer).await?;
    let (dialog, _) = core.peer_dialogs(viewer, &[peer]).await?;
    let dialog = dialog.dialogs.first();
    let archived = dialog.is_some_and(|dialog| dialog.folder == FolderId::Archive);
    let full = types::UserFull {
        blocked: view.blocked,
        id: user.0,
        about: (!about.is_empty()).then(|| about.clone()),
        settings: project::peer_settings(&view, viewer).into(),
        can_pin_message: true,
        pinned_msg_id: pinned.first().map(|id| id.0),
        folder_id: archived.then_some(project::folder_id(FolderId::Archive)),
        notify_settings: project::notify_settings(&core.notify(viewer, NotifyTarget::Peer(peer))?)
            .into(),
        ..types::UserFull::default()
    };
    Ok(types::users::UserFull {
        full_user: full.into(),
        chats: Vec::new(),
        users: vec![project::user(&view, viewer)],
    }
    .into())
}
