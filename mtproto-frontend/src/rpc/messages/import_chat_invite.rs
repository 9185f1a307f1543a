//! `messages.checkChatInvite#3eadb1bb hash:string = ChatInvite`,
//! `messages.importChatInvite#de91436e hash:string = messages.ChatInviteJoinResult`
//!
//! Who asked to join gets an error that clients take for a success: INVITE_REQUEST_SENT.
//! Source: <https://core.telegram.org/method/messages.importChatInvite>

use node_core::{ChatChange, CoreError, LinkFor, LinkTaken};
use tl::functions::messages::{CheckChatInvite, ImportChatInvite};
use tl::{enums, types};

use super::chat_updates;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Members who are shown with a link.
const KNOWN_MAX: usize = 5;

/// 406 where it is over: as the API has it here.
fn refused(error: CoreError) -> RpcError {
    match error {
        CoreError::LinkExpired => RpcError::new(406, "INVITE_HASH_EXPIRED"),
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
    let (chat, request_needed, known) = match found {
        LinkFor::Member(chat) => {
            return Ok(types::ChatInviteAlready { chat: project::chat(view, chat)? }.into());
        }
        LinkFor::Open { chat, request_needed, known } => (chat, request_needed, known),
    };
    let expired = || refused(CoreError::LinkExpired);
    let found = core.chat(chat).ok_or_else(expired)?;
    let photo = match found.photo {
        Some(photo) => project::photo(view, node_core::Origin::Chat(chat), photo)?,
        None => types::PhotoEmpty { id: 0 }.into(),
    };
    let mut named = Named::default();
    for user in known {
        named.user(user);
    }
    let participants = named.users(view)?;
    Ok(types::ChatInvite {
        request_needed,
        title: found.title.clone(),
        about: (!found.about.is_empty()).then(|| found.about.clone()),
        photo,
        participants_count: found.members.len() as i32,
        participants: (!participants.is_empty()).then_some(participants),
        ..types::ChatInvite::default()
    }
    .into())
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
        LinkTaken::Joined(chat, done) => {
            let updates = chat_updates(ctx, chat, &done.sent, &[ChatChange::Members])?;
            Ok(types::messages::ChatInviteJoinResultOk { updates }.into())
        }
    }
}
