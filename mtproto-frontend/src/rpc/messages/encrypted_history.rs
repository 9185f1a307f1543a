//! `messages.setEncryptedTyping#791451ed peer:InputEncryptedChat typing:Bool = Bool`,
//! `messages.readEncryptedHistory#7f4b690a peer:InputEncryptedChat max_date:int = Bool`,
//! `messages.receivedQueue#55a5bb66 max_qts:int = Vector<long>`,
//! `messages.reportEncryptedSpam#4b0c8c0f peer:InputEncryptedChat = Bool`
//!
//! A report names the other person, and nothing that was said: the node has nothing that could be read.
//! Source: <https://core.telegram.org/api/end-to-end>

use node_core::{CoreError, ReportReason, SecretError};
use tl::functions::messages::{
    ReadEncryptedHistory, ReceivedQueue, ReportEncryptedSpam, SetEncryptedTyping,
};

use super::report_to_operator;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn set_encrypted_typing(
    ctx: &Context,
    request: SetEncryptedTyping,
) -> RpcResult<bool> {
    let chat = ctx.secret_chat(&request.peer)?;
    if request.typing {
        ctx.shared.core.secret_typing(ctx.actor()?, ctx.user()?, chat)?;
    }
    // There is no update that says that somebody has stopped.
    Ok(true)
}

pub(in crate::rpc) async fn read_encrypted_history(
    ctx: &Context,
    request: ReadEncryptedHistory,
) -> RpcResult<bool> {
    let chat = ctx.secret_chat(&request.peer)?;
    if request.max_date <= 0 {
        return Err(RpcError::new(400, "MAX_DATE_INVALID"));
    }
    let core = &ctx.shared.core;
    core.read_secret(ctx.actor()?, ctx.user()?, chat, request.max_date).await?;
    Ok(true)
}

pub(in crate::rpc) async fn received_queue(
    ctx: &Context,
    request: ReceivedQueue,
) -> RpcResult<Vec<i64>> {
    let (by, user) = (ctx.actor()?, ctx.user()?);
    Ok(ctx.shared.core.received_queue(by, user, request.max_qts).await?)
}

pub(in crate::rpc) async fn report_encrypted_spam(
    ctx: &Context,
    request: ReportEncryptedSpam,
) -> RpcResult<bool> {
    let chat = ctx.secret_chat(&request.peer)?;
    let with = ctx.shared.core.secret_chat_with(ctx.user()?, chat)?;
    let with = with.ok_or(CoreError::Secret(SecretError::UnknownChat))?;
    let reason = ReportReason::Spam;
    let comment = "in a secret chat".to_owned();
    report_to_operator(ctx, with.into(), reason, comment, Vec::new()).await?;
    Ok(true)
}
