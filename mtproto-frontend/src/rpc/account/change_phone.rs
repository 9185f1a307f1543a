//! `account.sendChangePhoneCode#82574ae5 phone_number:string settings:CodeSettings = auth.SentCode`,
//! `account.changePhone#70c32edb phone_number:string phone_code_hash:string phone_code:string =
//! User`
//!
//! Source: <https://core.telegram.org/method/account.changePhone>

use node_core::CoreError;
use tl::enums::User;
use tl::functions::account::{ChangePhone, SendChangePhoneCode};
use tl::types::auth::SentCode;

use crate::rpc::auth::sent_code;
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Longest code that is compared.
const CODE_BYTES_MAX: usize = 32;

pub(in crate::rpc) async fn send_change_phone_code(
    ctx: &Context,
    request: SendChangePhoneCode,
) -> RpcResult<SentCode> {
    let phone = phone_number(&request.phone_number)?;
    let (user, key, from) = (ctx.user()?, ctx.auth_key()?, ctx.addresses.remote.ip());
    match ctx.shared.core.send_change_code(user, key, phone, from).await {
        Ok(sent) => Ok(sent_code(ctx, sent)),
        Err(CoreError::FreshReset) => Err(RpcError::new(406, "FRESH_CHANGE_PHONE_FORBIDDEN")),
        Err(other) => Err(other.into()),
    }
}

pub(in crate::rpc) async fn change_phone(ctx: &Context, request: ChangePhone) -> RpcResult<User> {
    let phone = phone_number(&request.phone_number)?;
    let code = request.phone_code.trim().to_owned();
    if code.is_empty() {
        return Err(RpcError::new(400, "PHONE_CODE_EMPTY"));
    }
    if code.len() > CODE_BYTES_MAX {
        return Err(RpcError::new(400, "PHONE_CODE_INVALID"));
    }
    let (user, hash) = (ctx.user()?, request.phone_code_hash);
    ctx.shared.core.change_phone(user, phone, hash, code).await?;
    ctx.oneself()
}
