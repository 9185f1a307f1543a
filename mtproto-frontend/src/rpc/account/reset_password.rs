//! `account.resetPassword#9308ce1b = account.ResetPasswordResult`,
//! `account.declinePasswordReset#4c9409f6 = Bool`
//!
//! A forgotten password of an account that is logged in somewhere: seven days in which each session
//! may refuse.
//! Source: <https://core.telegram.org/api/srp#password-reset>

use node_core::PasswordReset;
use tl::enums::account::ResetPasswordResult;
use tl::functions::account::{DeclinePasswordReset, ResetPassword};
use tl::types::account::{ResetPasswordFailedWait, ResetPasswordOk, ResetPasswordRequestedWait};

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn reset_password(
    ctx: &Context,
    _: ResetPassword,
) -> RpcResult<ResetPasswordResult> {
    Ok(match ctx.shared.core.reset_password(ctx.user()?, ctx.auth_key()?).await? {
        PasswordReset::Done => ResetPasswordOk {}.into(),
        PasswordReset::Requested(until_date) => ResetPasswordRequestedWait { until_date }.into(),
        PasswordReset::Refused(retry_date) => ResetPasswordFailedWait { retry_date }.into(),
    })
}

pub(in crate::rpc) async fn decline_password_reset(
    ctx: &Context,
    _: DeclinePasswordReset,
) -> RpcResult<bool> {
    ctx.shared.core.decline_password_reset(ctx.user()?).await?;
    Ok(true)
}
