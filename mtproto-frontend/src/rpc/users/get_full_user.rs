//! `users.getFullUser#b60f5918 id:InputUser = users.UserFull`
//!
//! Source: <https://core.telegram.org/method/users.getFullUser>

use node_core::{FileId, FolderId, NotifyTarget, Origin, PeerId};
use tl::enums::users::UserFull;
use tl::functions::users::GetFullUser;
use tl::types;

use crate::project;
use crate::rpc::messages::common_chats;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_full_user(
    ctx: &Context,
    request: GetFullUser,
) -> RpcResult<UserFull> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    let user = ctx.named_user(&request.id)?;
    let view = core.view(viewer, user)?.ok_or(RpcError::new(400, "USER_ID_INVALID"))?;
    let profile = core.profile(viewer, &view.user)?;
    let note = view.contact.as_ref().and_then(|contact| contact.note.as_ref());
    let peer = PeerId::from(user);
    let pinned = core.pinned_messages(viewer, peer).await?;
    let (dialog, _) = core.peer_dialogs(viewer, &[peer]).await?;
    let dialog = dialog.dialogs.first();
    let archived = dialog.is_some_and(|dialog| dialog.folder == FolderId::Archive);
    let photo = |photo: Option<FileId>| {
        let at = Origin::Profile(user);
        photo
            .map(|photo| project::photo(ctx.view()?, at, photo).map_err(RpcError::from))
            .transpose()
    };
    // The other photo is the owner's to see as such; to others it is the photo.
    let fallback = if user == viewer { core.fallback_photo(user)? } else { None };
    let full = types::UserFull {
        profile_photo: photo(view.photo)?,
        fallback_photo: photo(fallback)?,
        blocked: view.blocked,
        phone_calls_private: profile.calls_private,
        voice_messages_forbidden: profile.voice_messages_forbidden,
        read_dates_private: profile.read_dates_private,
        id: user.0,
        about: (!profile.about.is_empty()).then_some(profile.about),
        settings: project::peer_settings(core, &view, viewer)?.into(),
        can_pin_message: true,
        pinned_msg_id: pinned.first().map(|id| id.0),
        folder_id: archived.then_some(project::folder_id(FolderId::Archive)),
        notify_settings: project::notify_settings(&core.notify(viewer, NotifyTarget::Peer(peer))?)
            .into(),
        private_forward_name: profile.forward_name,
        birthday: profile.birthday.map(project::birthday),
        note: note.map(project::text_with_entities),
        common_chats_count: common_chats(ctx, user)?.len() as i32,
        has_scheduled: core.has_scheduled(viewer, peer).await?,
        ttl_period: Some(core.history_ttl(viewer, peer)?).filter(|period| *period != 0),
        ..types::UserFull::default()
    };
    Ok(types::users::UserFull {
        full_user: full.into(),
        chats: Vec::new(),
        users: vec![project::user(&view, ctx.view()?)],
    }
    .into())
}
