//! `account.confirmPasswordEmail#8fdf1920 code:string = Bool`,
//! `account.resendPasswordEmail#7a7f2a15 = Bool`,
//! `account.cancelPasswordEmail#c1cbd5b6 = Bool`
//!
//! The address that recovers a password is confirmed by a code.
//! Source: <https://core.telegram.org/api/srp#email-verification>

use tl::functions::account::{CancelPasswordEmail, ConfirmPasswordEmail, ResendPasswordEmail};

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn confirm_password_email(
    ctx: &Context,
    request: ConfirmPasswordEmail,
) -> RpcResult<bool> {
    let (user, key) = (ctx.user()?, ctx.auth_key()?);
    ctx.shared.core.confirm_password_email(user, key, request.code).await?;
    Ok(true)
}

pub(in crate::rpc) async fn resend_password_email(
    ctx: &Context,
    _: ResendPasswordEmail,
) -> RpcResult<bool> {
    ctx.shared.core.resend_password_email(ctx.user()?).await?;
    Ok(true)
}

pub(in crate::rpc) async fn cancel_password_email(
    ctx: &Context,
    _: CancelPasswordEmail,
) -> RpcResult<bool> {
    ctx.shared.core.cancel_password_email(ctx.user()?).await?;
    Ok(true)
}
