//! `messages.setHistoryTTL#b80e5fe4 peer:InputPeer period:int = Updates`,
//! `messages.setDefaultHistoryTTL#9eb51445 period:int = Bool`,
//! `messages.getDefaultHistoryTTL#658b7188 = DefaultHistoryTTL`
//!
//! Sources: <https://core.telegram.org/method/messages.setHistoryTTL>,
//! <https://core.telegram.org/method/messages.setDefaultHistoryTTL>

use node_core::CoreError;
use tl::functions::messages as f;
use tl::{enums, types};

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn set_history_ttl(
    ctx: &Context,
    request: f::SetHistoryTtl,
) -> RpcResult<enums::Updates> {
    let (owner, peer, core) = (ctx.user()?, ctx.peer(&request.peer)?, &ctx.shared.core);
    let set = core.set_history_ttl(ctx.actor()?, owner, peer, request.period).await;
    let sent = set.map_err(|error| match error {
        CoreError::NotModified => RpcError::new(400, "CHAT_NOT_MODIFIED"),
        other => other.into(),
    })?;
    let mut named = Named::default();
    let updates = vec![
        project::new_message(ctx.view()?, sent.id, sent.pts, &sent.message, &mut named)?,
        project::history_ttl(core, owner, peer, &mut named)?,
    ];
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn set_default_history_ttl(
    ctx: &Context,
    request: f::SetDefaultHistoryTtl,
) -> RpcResult<bool> {
    ctx.shared.core.set_default_ttl(ctx.actor()?, ctx.user()?, request.period).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_default_history_ttl(
    ctx: &Context,
    _: f::GetDefaultHistoryTtl,
) -> RpcResult<types::DefaultHistoryTtl> {
    Ok(types::DefaultHistoryTtl { period: ctx.shared.core.default_ttl(ctx.user()?)? })
}
