//! `messages.migrateChat#a2875319 chat_id:long = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.migrateChat>

use node_core::CoreError;
use tl::functions::messages::MigrateChat;
use tl::{enums, types};

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn migrate_chat(
    ctx: &Context,
    request: MigrateChat,
) -> RpcResult<enums::Updates> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let migrated = ctx.shared.core.migrate_chat(ctx.actor()?, owner, chat).await;
    let migrated = migrated.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "CHANNELS_TOO_MUCH"),
        other => other.into(),
    })?;
    let (view, mut named) = (ctx.view()?, Named::default());
    named.peer(chat.into());
    let mut updates = vec![project::channel_changed(migrated.channel, &mut named)];
    for sent in &migrated.sent {
        updates.push(project::new_message(view, sent.id, sent.pts, &sent.message, &mut named)?);
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}
