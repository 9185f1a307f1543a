//! `messages.getChatInviteImporters#df04dd4e flags:# requested:flags.0?true
//! subscription_expired:flags.3?true peer:InputPeer link:flags.1?string q:flags.2?string
//! offset_date:int offset_user:InputUser limit:int = messages.ChatInviteImporters`,
//! `messages.hideChatJoinRequest#7fe7e815 flags:# approved:flags.0?true peer:InputPeer
//! user_id:InputUser = Updates`,
//! `messages.hideAllChatJoinRequests#e085f4ea flags:# approved:flags.0?true peer:InputPeer
//! link:flags.1?string = Updates`
//!
//! Source: <https://core.telegram.org/api/invites#join-requests>

use node_core::{ChatChange, CoreError, Importer, PeerId};
use tl::functions::messages as f;
use tl::{enums, types};

use super::chat_invites::hash_in;
use super::{changed_channel, chat_updates, page_limit};
use crate::project::Named;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_chat_invite_importers(
    ctx: &Context,
    request: f::GetChatInviteImporters,
) -> RpcResult<types::messages::ChatInviteImporters> {
    let (owner, place, core) = (ctx.user()?, ctx.group_peer(&request.peer)?, &ctx.shared.core);
    let words = request.q.filter(|words| !words.trim().is_empty());
    let link = request.link.as_deref().filter(|link| !link.is_empty()).map(hash_in);
    if words.is_some() && link.is_some() {
        return Err(RpcError::new(400, "SEARCH_WITH_LINK_NOT_SUPPORTED"));
    }
    let mut found = core.importers(owner, place, link, request.requested).await?;
    if request.subscription_expired {
        // Nobody pays for a group or channel.
        found.clear();
    }
    if let Some(words) = words {
        let words = words.to_lowercase();
        let mut named = Vec::new();
        for importer in found {
            let Some(view) = core.view(owner, importer.user)? else { continue };
            let user = &view.user;
            let username = user.username.as_deref().unwrap_or_default();
            let name = format!("{} {} {username}", user.first_name, user.last_name);
            if name.to_lowercase().contains(words.trim()) {
                named.push(importer);
            }
        }
        found = named;
    }
    let count = found.len() as i32;
    let last = ctx.named_user(&request.offset_user).ok();
    let after = |one: &&Importer| match last {
        _ if request.offset_date == 0 => true,
        Some(user) => (one.date, one.user) < (request.offset_date, user),
        None => one.date < request.offset_date,
    };
    let mut named = Named::default();
    let mut importers = Vec::new();
    for importer in found.iter().filter(after).take(page_limit(request.limit)) {
        named.user(importer.user);
        let about = match core.view(owner, importer.user)? {
            Some(view) if importer.requested => core.profile(owner, &view.user)?.about,
            _ => String::new(),
        };
        importers.push(
            types::ChatInviteImporter {
                requested: importer.requested,
                user_id: importer.user.0,
                date: importer.date,
                about: (!about.is_empty()).then_some(about),
                approved_by: importer.approved_by.map(|admin| {
                    named.user(admin);
                    admin.0
                }),
                ..types::ChatInviteImporter::default()
            }
            .into(),
        );
    }
    let users = named.users(ctx.view()?)?;
    Ok(types::messages::ChatInviteImporters { count, importers, users })
}

/// What changed, for who did it.
fn hidden(ctx: &Context, place: PeerId, done: &node_core::ChatDone) -> RpcResult<enums::Updates> {
    if let PeerId::Channel(channel) = place {
        return changed_channel(ctx, channel, &done.sent, true);
    }
    let chat = place.chat().ok_or(RpcError::new(400, "PEER_ID_INVALID"))?;
    let changes: &[ChatChange] = if done.sent.is_empty() {
        &[ChatChange::Requests]
    } else {
        &[ChatChange::Requests, ChatChange::Members]
    };
    chat_updates(ctx, chat, &done.sent, changes)
}

pub(in crate::rpc) async fn hide_chat_join_request(
    ctx: &Context,
    request: f::HideChatJoinRequest,
) -> RpcResult<enums::Updates> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let user = ctx.named_user(&request.user_id)?;
    let core = &ctx.shared.core;
    let done = core.hide_request(ctx.actor()?, owner, place, user, request.approved).await;
    let done = done.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(403, "USER_CHANNELS_TOO_MUCH"),
        other => other.into(),
    })?;
    hidden(ctx, place, &done)
}

pub(in crate::rpc) async fn hide_all_chat_join_requests(
    ctx: &Context,
    request: f::HideAllChatJoinRequests,
) -> RpcResult<enums::Updates> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let link = request.link.as_deref().filter(|link| !link.is_empty()).map(hash_in);
    let core = &ctx.shared.core;
    let done = core.hide_all_requests(ctx.actor()?, owner, place, link, request.approved).await?;
    hidden(ctx, place, &done)
}
