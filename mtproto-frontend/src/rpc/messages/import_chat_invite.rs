//! `messages.checkChatInvite#3eadb1bb hash:string = ChatInvite`,
//! `messages.importChatInvite#de91436e hash:string = messages.ChatInviteJoinResult`
//!
//! Who asked to join gets an error that clients take for a success: INVITE_REQUEST_SENT.
//! Source: <https://core.telegram.org/method/messages.importChatInvite>

use node_core::{ChatChange, CoreError, CoreResult, LinkFor, LinkTaken, Origin, PeerId};
use tl::functions::messages::{CheckChatInvite, ImportChatInvite};
use tl::{enums, types};

use super::{channel_updates, chat_updates};
use crate::project::{self, Named, View};
use crate::rpc::{Context, RpcError, RpcResult};

/// Members who are shown with a link.
const KNOWN_MAX: usize = 5;

/// 406 where it is over: as the API has it here.
fn refused(error: CoreError) -> RpcError {
    match error {
        CoreError::LinkExpired => RpcError::new(406, "INVITE_HASH_EXPIRED"),
        CoreError::TooMany => RpcError::new(400, "CHANNELS_TOO_MUCH"),
        other => other.into(),
    }
}

pub(in crate::rpc) async fn check_chat_invite(
    ctx: &Context,
    request: CheckChatInvite,
) -> RpcResult<enums::ChatInvite> {
    if request.hash.is_empty() {
        return Err(RpcError::new(400, "INVITE_HASH_EMPTY"));
    }
    let (viewer, core, view) = (ctx.user()?, &ctx.shared.core, ctx.view()?);
    let found = core.check_link(viewer, &request.hash, KNOWN_MAX).await.map_err(refused)?;
    let (place, request_needed, known) = match found {
        LinkFor::Member(place) => return Ok(already(view, place)?),
        LinkFor::Open { place, request_needed, known } => (place, request_needed, known),
    };
    let expired = || refused(CoreError::LinkExpired);
    let mut shown = types::ChatInvite { request_needed, ..types::ChatInvite::default() };
    let (about, photo) = match place {
        PeerId::Channel(channel) => {
            let found = core.channel(channel).ok_or_else(expired)?;
            (shown.channel, shown.broadcast) = (true, found.broadcast);
            (shown.megagroup, shown.public) = (!found.broadcast, found.username.is_some());
            shown.title.clone_from(&found.title);
            shown.participants_count = found.members_everywhere();
            (found.about.clone(), found.photo.map(|photo| (Origin::Channel(channel), photo)))
        }
        _ => {
            let chat = place.chat().ok_or_else(expired)?;
            let found = core.chat(chat).ok_or_else(expired)?;
            shown.title.clone_from(&found.title);
            shown.participants_count = found.members.len() as i32;
            (found.about.clone(), found.photo.map(|photo| (Origin::Chat(chat), photo)))
        }
    };
    shown.about = (!about.is_empty()).then_some(about);
    shown.photo = match photo {
        Some((origin, photo)) => project::photo(view, origin, photo)?,
        None => types::PhotoEmpty { id: 0 }.into(),
    };
    let mut named = Named::default();
    for user in known {
        named.user(user);
    }
    let participants = named.users(view)?;
    shown.participants = (!participants.is_empty()).then_some(participants);
    Ok(shown.into())
}

/// A group or channel for who is in it.
fn already(view: View<'_>, place: PeerId) -> CoreResult<enums::ChatInvite> {
    let mut shown = Named::default().peer(place).chats(view)?;
    let chat = shown.pop().ok_or(CoreError::LinkExpired)?;
    Ok(types::ChatInviteAlready { chat }.into())
}

pub(in crate::rpc) async fn import_chat_invite(
    ctx: &Context,
    request: ImportChatInvite,
) -> RpcResult<enums::messages::ChatInviteJoinResult> {
    if request.hash.is_empty() {
        return Err(RpcError::new(400, "INVITE_HASH_EMPTY"));
    }
    let core = &ctx.shared.core;
    let taken = core.import_link(ctx.actor()?, ctx.user()?, &request.hash).await;
    match taken.map_err(refused)? {
        LinkTaken::Requested => Err(RpcError::new(400, "INVITE_REQUEST_SENT")),
        LinkTaken::Joined(place, done) => {
            let updates = match (place.channel(), place.chat()) {
                (Some(channel), _) => channel_updates(ctx, channel, &done.sent)?,
                (None, Some(chat)) => chat_updates(ctx, chat, &done.sent, &[ChatChange::Members])?,
                (None, None) => return Err(refused(CoreError::LinkExpired)),
            };
            Ok(types::messages::ChatInviteJoinResultOk { updates }.into())
        }
    }
}
