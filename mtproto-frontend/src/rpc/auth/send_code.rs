//! `auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings =
//! auth.SentCode`,
//! `auth.resendCode#cae47523 flags:# phone_number:string phone_code_hash:string
//! reason:flags.0?string = auth.SentCode`,
//! `auth.cancelCode#1f040578 phone_number:string phone_code_hash:string = Bool`
//!
//! A code for a number. The answer does not tell whether the number has an account.
//! Source: <https://core.telegram.org/method/auth.sendCode>

use node_core::CODE_DIGITS;
use tl::functions::auth::{CancelCode, ResendCode, SendCode};
use tl::types::auth::{SentCode, SentCodeTypeApp};

use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Seconds after which a client may ask for the code again.
const AGAIN_AFTER_S: i32 = 60;

pub(in crate::rpc) async fn send_code(ctx: &Context, request: SendCode) -> RpcResult<SentCode> {
    check_api_id(request.api_id)?;
    let phone = phone_number(&request.phone_number)?;
    let from = ctx.addresses.remote.ip();
    Ok(sent_code(ctx.shared.core.send_code(phone, from).await?))
}

pub(in crate::rpc) async fn resend_code(ctx: &Context, request: ResendCode) -> RpcResult<SentCode> {
    let phone = phone_number(&request.phone_number)?;
    let (hash, from) = (request.phone_code_hash, ctx.addresses.remote.ip());
    Ok(sent_code(ctx.shared.core.resend_code(phone, hash, from).await?))
}

pub(in crate::rpc) async fn cancel_code(ctx: &Context, request: CancelCode) -> RpcResult<bool> {
    let phone = phone_number(&request.phone_number)?;
    ctx.shared.core.cancel_code(phone, &request.phone_code_hash)?;
    Ok(true)
}

fn sent_code(sent: node_core::SentCode) -> SentCode {
    SentCode {
        type_: SentCodeTypeApp { length: CODE_DIGITS as i32 }.into(),
        phone_code_hash: sent.phone_code_hash,
        next_type: None,
        timeout: Some(AGAIN_AFTER_S),
    }
}

/// Any application may connect; zero and less are what a broken one sends.
pub(super) fn check_api_id(api_id: i32) -> RpcResult<()> {
    if api_id > 0 { Ok(()) } else { Err(RpcError::new(400, "API_ID_INVALID")) }
}
