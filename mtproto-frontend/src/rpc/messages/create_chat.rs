//! `messages.createChat#92ceddd4 flags:# users:Vector<InputUser> title:string ttl_period:flags.0?int
//! = messages.InvitedUsers`,
//! `messages.addChatUser#cbc6d107 chat_id:long user_id:InputUser fwd_limit:int =
//! messages.InvitedUsers`,
//! `messages.deleteChatUser#a2185cab flags:# revoke_history:flags.0?true chat_id:long
//! user_id:InputUser = Updates`
//!
//! Before layer 175 the first two answered updates alone, and said by an error that somebody does
//! not want to be added.
//! Sources: <https://core.telegram.org/method/messages.createChat>,
//! <https://core.telegram.org/method/messages.addChatUser>

use node_core::{CHAT_MEMBERS_MAX, ChatChange, ChatDone, ChatId, CoreError, UserId, is_remote};
use tl::functions::messages as f;
use tl::{enums, types};

use super::chat_updates;
use crate::rpc::{Context, RpcError, RpcResult};

/// The first layer that can say who was not added.
const SAYS_MISSING: i32 = 175;

pub(in crate::rpc) async fn create_chat(
    ctx: &Context,
    request: f::CreateChat,
) -> RpcResult<enums::messages::InvitedUsers> {
    if request.users.len() > CHAT_MEMBERS_MAX {
        return Err(RpcError::new(400, "USERS_TOO_MUCH"));
    }
    let users = request.users.iter().map(|user| ctx.named_user(user));
    let users = users.collect::<RpcResult<Vec<UserId>>>()?;
    let (core, period) = (&ctx.shared.core, request.ttl_period.unwrap_or(0));
    let made = core.create_chat(ctx.actor()?, ctx.user()?, &request.title, users, period).await;
    let mut made = made.map_err(|error| match error {
        CoreError::UnknownUser => RpcError::new(400, "INPUT_USER_DEACTIVATED"),
        other => other.into(),
    })?;
    bring_far(ctx, made.chat, &mut made.done.missing).await;
    let mut updates = chat_updates(ctx, made.chat, &made.done.sent, &[ChatChange::Members])?;
    if let (enums::Updates::Updates(updates), Some(sent)) = (&mut updates, made.done.sent.first()) {
        // As with new channels: TDLib takes no answer without a number under which it was sent.
        let named = types::UpdateMessageId { id: sent.id.0, random_id: made.chat.0 };
        updates.updates.insert(0, named.into());
    }
    Ok(invited(updates, &made.done))
}

/// People of other nodes come into a group if it becomes a supergroup; who does stays not missing.
async fn bring_far(ctx: &Context, chat: ChatId, missing: &mut Vec<UserId>) {
    let far: Vec<UserId> = missing.iter().copied().filter(|user| is_remote(*user)).collect();
    let (Ok(owner), false) = (ctx.user(), far.is_empty()) else { return };
    // Who could not be brought is missing, for whatever reason.
    if let Ok(still) = ctx.shared.core.bring_to_chat(owner, chat, far).await {
        missing.retain(|user| !is_remote(*user) || still.contains(user));
    }
}

/// As a boxed type, for which updates alone stand in older layers.
fn invited(updates: enums::Updates, done: &ChatDone) -> enums::messages::InvitedUsers {
    let missing = done.missing.iter().map(|user| {
        types::MissingInvitee { user_id: user.0, ..types::MissingInvitee::default() }.into()
    });
    types::messages::InvitedUsers { updates, missing_invitees: missing.collect() }.into()
}

pub(in crate::rpc) async fn add_chat_user(
    ctx: &Context,
    request: f::AddChatUser,
) -> RpcResult<enums::messages::InvitedUsers> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let user = ctx.named_user(&request.user_id)?;
    let core = &ctx.shared.core;
    let added = core.add_chat_user(ctx.actor()?, owner, chat, user, request.fwd_limit).await;
    let added = added.map_err(|error| match error {
        // As the API has it here, and nowhere else.
        CoreError::RightMissing(_) | CoreError::NotAnAdmin => {
            RpcError::new(403, "CHAT_ADMIN_REQUIRED")
        }
        CoreError::NotAMember => RpcError::new(403, "CHAT_WRITE_FORBIDDEN"),
        CoreError::UnknownUser => RpcError::new(400, "INPUT_USER_DEACTIVATED"),
        other => other.into(),
    })?;
    let mut added = added;
    bring_far(ctx, chat, &mut added.missing).await;
    if !added.missing.is_empty() && ctx.layer < SAYS_MISSING {
        return Err(CoreError::UserPrivacy.into());
    }
    let changes: &[ChatChange] = if added.sent.is_empty() { &[] } else { &[ChatChange::Members] };
    let updates = chat_updates(ctx, chat, &added.sent, changes)?;
    Ok(invited(updates, &added))
}

pub(in crate::rpc) async fn delete_chat_user(
    ctx: &Context,
    request: f::DeleteChatUser,
) -> RpcResult<enums::Updates> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let user = ctx.named_user(&request.user_id)?;
    let (core, actor) = (&ctx.shared.core, ctx.actor()?);
    let leaves = user == owner;
    // Who is out can take back nothing any more.
    if request.revoke_history && leaves {
        core.revoke_words(actor, owner, chat, user).await?;
    }
    let done = core.remove_chat_user(actor, owner, chat, user).await?;
    if request.revoke_history && !leaves {
        match core.revoke_words(actor, owner, chat, user).await {
            // Who brought somebody may remove them, but not their words.
            Ok(()) | Err(CoreError::NotAnAdmin) => {}
            Err(other) => return Err(other.into()),
        }
    }
    chat_updates(ctx, chat, &done.sent, &[ChatChange::Members])
}
