//! `auth.dropTempAuthKeys#8e48a188 except_auth_keys:Vector<long> = Bool`
//!
//! Destroys the temporary keys of this client's permanent key, but for those named.
//! Source: <https://core.telegram.org/method/auth.dropTempAuthKeys>

use tl::functions::auth::DropTempAuthKeys;

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn drop_temp_auth_keys(
    ctx: &Context,
    request: DropTempAuthKeys,
) -> RpcResult<bool> {
    let permanent = ctx.key.identity().ok_or(RpcError::AUTH_KEY_PERM_EMPTY)?;
    let keys = &ctx.shared.auth_keys;
    let ticket = keys.drop_temporary(permanent.id, &request.except_auth_keys, ctx.now_ms)?;
    ctx.shared.store.durable(ticket).await?;
    Ok(true)
}
