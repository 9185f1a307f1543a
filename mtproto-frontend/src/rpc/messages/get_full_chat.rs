//! `messages.getFullChat#aeb00b34 chat_id:long = messages.ChatFull`,
//! `messages.getChats#49e9528f id:Vector<long> = messages.Chats`,
//! `messages.getCommonChats#e40ca104 user_id:InputUser max_id:long limit:int = messages.Chats`,
//! `messages.getOnlines#6e2be050 peer:InputPeer = ChatOnlines`
//!
//! Source: <https://core.telegram.org/method/messages.getFullChat>

use node_core::{ChatId, FolderId, NotifyTarget, PeerId, Status, UserId};
use tl::functions::messages as f;
use tl::{enums, types};

use super::chat_invites::exported;
use super::page_limit;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Groups of one call.
const CHATS_MAX: usize = 100;

pub(in crate::rpc) async fn get_full_chat(
    ctx: &Context,
    request: f::GetFullChat,
) -> RpcResult<types::messages::ChatFull> {
    let (viewer, chat, core) = (ctx.user()?, ctx.chat(request.chat_id)?, &ctx.shared.core);
    let found = core.chat(chat).ok_or(RpcError::new(400, "CHAT_ID_INVALID"))?;
    let (view, peer) = (ctx.view()?, PeerId::from(chat));
    let mut named = Named::default();
    named.peer(peer);
    let is_member = found.has(viewer);
    if is_member {
        for member in &found.members {
            named.user(member.user).user(member.inviter);
        }
    }
    let pinned = core.pinned_messages(viewer, peer).await?;
    let (dialog, _) = core.peer_dialogs(viewer, &[peer]).await?;
    let archived = dialog.dialogs.first().is_some_and(|one| one.folder == FolderId::Archive);
    // What only admins see.
    let (mut exported_invite, mut requests) = (None, None);
    if found.is_admin(viewer) {
        let link = core.permanent_link(chat, viewer).await?;
        exported_invite = link.map(|link| exported(ctx, &link, 0));
        let (pending, recent) = core.pending_requests(chat)?;
        if pending > 0 {
            let users: Vec<i64> = recent.iter().map(|user| user.0).collect();
            for user in recent {
                named.user(user);
            }
            requests = Some((pending, users));
        }
    }
    let chat_photo = match found.photo {
        Some(photo) => Some(project::photo(view, node_core::Origin::Chat(chat), photo)?),
        None => None,
    };
    let (requests_pending, recent_requesters) = requests.unzip();
    let full = types::ChatFull {
        has_scheduled: core.has_scheduled(viewer, peer).await?,
        id: chat.0,
        about: if is_member { found.about.clone() } else { String::new() },
        participants: project::participants(view, &found),
        chat_photo,
        notify_settings: project::notify_settings(&core.notify(viewer, NotifyTarget::Peer(peer))?)
            .into(),
        exported_invite,
        pinned_msg_id: pinned.first().map(|id| id.0),
        folder_id: archived.then_some(project::folder_id(FolderId::Archive)),
        ttl_period: Some(found.ttl_period).filter(|period| *period != 0),
        requests_pending,
        recent_requesters,
        available_reactions: Some(project::chat_reactions(&found.reactions)),
        ..types::ChatFull::default()
    };
    let (users, chats) = named.shown(view)?;
    Ok(types::messages::ChatFull { full_chat: full.into(), chats, users })
}

pub(in crate::rpc) async fn get_chats(
    ctx: &Context,
    request: f::GetChats,
) -> RpcResult<types::messages::Chats> {
    if request.id.len() > CHATS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let chats = request.id.iter().map(|id| Ok(project::chat(ctx.view()?, ctx.chat(*id)?)?));
    Ok(types::messages::Chats { chats: chats.collect::<RpcResult<_>>()? })
}

/// Groups that both are in, the newest first.
pub(in crate::rpc) fn common_chats(ctx: &Context, other: UserId) -> RpcResult<Vec<ChatId>> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    if viewer == other {
        return Ok(Vec::new());
    }
    let theirs = core.chats_of(other);
    let mut common = core.chats_of(viewer);
    common.retain(|chat| theirs.contains(chat));
    common.reverse();
    Ok(common)
}

pub(in crate::rpc) async fn get_common_chats(
    ctx: &Context,
    request: f::GetCommonChats,
) -> RpcResult<enums::messages::Chats> {
    let other = ctx.named_user(&request.user_id)?;
    let all = common_chats(ctx, other)?;
    let below = |chat: &&ChatId| request.max_id <= 0 || chat.0 < request.max_id;
    let page = all.iter().filter(below).take(page_limit(request.limit));
    let chats: Vec<_> =
        page.map(|chat| Ok(project::chat(ctx.view()?, *chat)?)).collect::<RpcResult<_>>()?;
    Ok(if chats.len() == all.len() {
        types::messages::Chats { chats }.into()
    } else {
        types::messages::ChatsSlice { count: all.len() as i32, chats }.into()
    })
}

pub(in crate::rpc) async fn get_onlines(
    ctx: &Context,
    request: f::GetOnlines,
) -> RpcResult<types::ChatOnlines> {
    let (viewer, chat, core) = (ctx.user()?, ctx.chat_peer(&request.peer)?, &ctx.shared.core);
    let found = core.chat(chat).filter(|found| found.has(viewer));
    let found = found.ok_or(RpcError::new(400, "CHAT_ID_INVALID"))?;
    // The asker is.
    let mut onlines = 1;
    for member in found.members.iter().filter(|member| member.user != viewer) {
        let view = core.view(viewer, member.user)?;
        onlines += i32::from(view.is_some_and(|v| matches!(v.status, Status::Online { .. })));
    }
    Ok(types::ChatOnlines { onlines })
}
