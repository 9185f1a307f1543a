//! `auth.exportLoginToken#b7e085fe api_id:int api_hash:string except_ids:Vector<long> =
//! auth.LoginToken`,
//! `auth.acceptLoginToken#e894ad4d token:bytes = Authorization`,
//! `auth.importLoginToken#95ac5ce4 token:bytes = auth.LoginToken`
//!
//! The token behind the QR code that desktop and web clients show first. A member's device takes
//! it; the waiting one gets `updateLoginToken` and asks again.
//! Source: <https://core.telegram.org/api/qr-login>

use node_core::{Login, LoginToken, UserId};
use tl::enums;
use tl::functions::auth::{AcceptLoginToken, ExportLoginToken, ImportLoginToken};
use tl::types;

use super::authorization;
use crate::rpc::account::authorization as login;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn export_login_token(
    ctx: &Context,
    request: ExportLoginToken,
) -> RpcResult<enums::auth::LoginToken> {
    super::send_code::check_api_id(request.api_id)?;
    let except = request.except_ids.into_iter().map(UserId).collect();
    let core = &ctx.shared.core;
    answer(ctx, core.export_login_token(ctx.auth_key()?, ctx.device(), except).await?)
}

pub(in crate::rpc) async fn import_login_token(
    ctx: &Context,
    request: ImportLoginToken,
) -> RpcResult<enums::auth::LoginToken> {
    answer(ctx, ctx.shared.core.import_login_token(ctx.auth_key()?, &request.token).await?)
}

pub(in crate::rpc) async fn accept_login_token(
    ctx: &Context,
    request: AcceptLoginToken,
) -> RpcResult<enums::Authorization> {
    let accepted = ctx.shared.core.accept_login_token(ctx.user()?, request.token).await?;
    Ok(login(accepted, None))
}

fn answer(ctx: &Context, token: LoginToken) -> RpcResult<enums::auth::LoginToken> {
    match token {
        LoginToken::Waiting { token, expires } => {
            Ok(types::auth::LoginToken { expires, token: token.to_vec() }.into())
        }
        LoginToken::Accepted(Login::Done(user)) => {
            let authorization = authorization(ctx, user)?;
            Ok(types::auth::LoginTokenSuccess { authorization }.into())
        }
        LoginToken::Accepted(_) => Err(RpcError::SESSION_PASSWORD_NEEDED),
    }
}
