//! `auth.requestPasswordRecovery#d897bc66 = auth.PasswordRecovery`,
//! `auth.checkRecoveryPassword#0d36bf79 code:string = Bool`,
//! `auth.recoverPassword#37096c70 flags:# code:string
//! new_settings:flags.0?account.PasswordInputSettings = auth.Authorization`
//!
//! A forgotten password, and an address that is not.
//! Source: <https://core.telegram.org/api/srp#password-recovery>

use tl::enums::auth::Authorization;
use tl::functions::auth::{CheckRecoveryPassword, RecoverPassword, RequestPasswordRecovery};
use tl::types::auth::PasswordRecovery;

use super::authorization;
use crate::rpc::account::change;
use crate::rpc::{Context, RpcError, RpcResult};

const CODE_EMPTY: RpcError = RpcError::new(400, "CODE_EMPTY");

pub(in crate::rpc) async fn request_password_recovery(
    ctx: &Context,
    _: RequestPasswordRecovery,
) -> RpcResult<PasswordRecovery> {
    let email_pattern = ctx.shared.core.request_recovery(ctx.account()?).await?;
    Ok(PasswordRecovery { email_pattern })
}

pub(in crate::rpc) async fn check_recovery_password(
    ctx: &Context,
    request: CheckRecoveryPassword,
) -> RpcResult<bool> {
    let user = ctx.account()?;
    if request.code.is_empty() {
        return Err(CODE_EMPTY);
    }
    ctx.shared.core.check_recovery(user, request.code).await?;
    Ok(true)
}

pub(in crate::rpc) async fn recover_password(
    ctx: &Context,
    request: RecoverPassword,
) -> RpcResult<Authorization> {
    let user = ctx.account()?;
    if request.code.is_empty() {
        return Err(CODE_EMPTY);
    }
    let new = request.new_settings.map(change).transpose()?.and_then(|change| change.secret);
    ctx.shared.core.recover_password(user, ctx.auth_key()?, request.code, new).await?;
    authorization(ctx, user)
}
