//! `auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings =
//! auth.SentCode`,
//! `auth.resendCode#cae47523 flags:# phone_number:string phone_code_hash:string
//! reason:flags.0?string = auth.SentCode`,
//! `auth.cancelCode#1f040578 phone_number:string phone_code_hash:string = Bool`,
//! `auth.reportMissingCode#cb9deff6 phone_number:string phone_code_hash:string mnc:string = Bool`,
//! `auth.resetLoginEmail#7e960193 phone_number:string phone_code_hash:string = auth.SentCode`
//!
//! A code for a number. The answer of a number without an account is that of a member who is logged
//! in somewhere.
//! Source: <https://core.telegram.org/method/auth.sendCode>

use node_core::{CODE_DIGITS, CodeWay, Login};
use tl::enums;
use tl::functions::auth::{CancelCode, ReportMissingCode, ResendCode, ResetLoginEmail, SendCode};
use tl::types::auth::{
    CodeTypeFragmentSms, CodeTypeSms, SentCode, SentCodeSuccess, SentCodeTypeApp,
    SentCodeTypeEmailCode, SentCodeTypeFragmentSms, SentCodeTypeSetUpEmailRequired,
    SentCodeTypeSms,
};

use super::authorization;
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Seconds after which a client may ask for the code again.
const AGAIN_AFTER_S: i32 = 60;

pub(in crate::rpc) async fn send_code(
    ctx: &Context,
    request: SendCode,
) -> RpcResult<enums::auth::SentCode> {
    check_api_id(request.api_id)?;
    let phone = phone_number(&request.phone_number)?;
    let (core, from) = (&ctx.shared.core, ctx.addresses.remote.ip());
    let enums::CodeSettings::CodeSettings(settings) = request.settings;
    if let Some(tokens) = settings.logout_tokens.filter(|tokens| !tokens.is_empty()) {
        let (key, device) = (ctx.auth_key()?, ctx.device());
        match core.come_back(phone, tokens, key, device, from).await? {
            Some(Login::Done(user)) => {
                let authorization = authorization(ctx, user)?;
                return Ok(SentCodeSuccess { authorization }.into());
            }
            Some(_) => return Err(RpcError::SESSION_PASSWORD_NEEDED),
            None => {}
        }
    }
    Ok(sent_code(ctx, core.send_code(phone, from).await?).into())
}

pub(in crate::rpc) async fn resend_code(ctx: &Context, request: ResendCode) -> RpcResult<SentCode> {
    let phone = phone_number(&request.phone_number)?;
    let (hash, from) = (request.phone_code_hash, ctx.addresses.remote.ip());
    Ok(sent_code(ctx, ctx.shared.core.resend_code(phone, hash, from).await?))
}

pub(in crate::rpc) async fn cancel_code(ctx: &Context, request: CancelCode) -> RpcResult<bool> {
    let phone = phone_number(&request.phone_number)?;
    ctx.shared.core.cancel_code(phone, &request.phone_code_hash)?;
    Ok(true)
}

pub(in crate::rpc) async fn report_missing_code(
    ctx: &Context,
    request: ReportMissingCode,
) -> RpcResult<bool> {
    let phone = phone_number(&request.phone_number)?;
    let (hash, from) = (request.phone_code_hash, ctx.addresses.remote.ip());
    ctx.shared.core.report_missing_code(phone, hash, from).await?;
    Ok(true)
}

pub(in crate::rpc) async fn reset_login_email(
    ctx: &Context,
    request: ResetLoginEmail,
) -> RpcResult<SentCode> {
    let phone = phone_number(&request.phone_number)?;
    let (hash, from) = (request.phone_code_hash, ctx.addresses.remote.ip());
    Ok(sent_code(ctx, ctx.shared.core.reset_login_email(phone, hash, from).await?))
}

/// There is no type for a next way that is mail: clients offer what has one, and the answer to that
/// says what it is.
pub(in crate::rpc) fn sent_code(ctx: &Context, sent: node_core::SentCode) -> SentCode {
    let length = CODE_DIGITS as i32;
    SentCode {
        type_: match sent.by {
            CodeWay::Number => SentCodeTypeSms { length }.into(),
            CodeWay::Email { pattern, reset_after_s, ends } => SentCodeTypeEmailCode {
                email_pattern: pattern,
                length,
                reset_available_period: reset_after_s,
                reset_pending_date: ends,
                ..SentCodeTypeEmailCode::default()
            }
            .into(),
            // The one type with an address that clients open. Its name is that of a shop for numbers;
            // what it says is that the code is behind a link.
            CodeWay::Page => SentCodeTypeFragmentSms { url: login_page(ctx), length }.into(),
            CodeWay::SetUpEmail => SentCodeTypeSetUpEmailRequired::default().into(),
            _ => SentCodeTypeApp { length }.into(),
        },
        phone_code_hash: sent.phone_code_hash,
        next_type: sent.next.map(|next| match next {
            CodeWay::Page => CodeTypeFragmentSms {}.into(),
            _ => CodeTypeSms {}.into(),
        }),
        timeout: Some(AGAIN_AFTER_S),
    }
}

/// Where the node's page for people of another service is.
fn login_page(ctx: &Context) -> String {
    let path = ctx.shared.profile.login_path.unwrap_or_default();
    let prefix = ctx.shared.me_url_prefix(ctx.addresses.local);
    format!("{prefix}{}", path.trim_start_matches('/'))
}

/// Any application may connect; zero and less are what a broken one sends.
pub(super) fn check_api_id(api_id: i32) -> RpcResult<()> {
    if api_id > 0 { Ok(()) } else { Err(RpcError::new(400, "API_ID_INVALID")) }
}
