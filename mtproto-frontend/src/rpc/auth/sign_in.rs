//! `auth.signIn#8d52a951 flags:# phone_number:string phone_code_hash:string
//! phone_code:flags.0?string email_verification:flags.1?EmailVerification = auth.Authorization`,
//! `auth.signUp#aac7b717 flags:# no_joined_notifications:flags.0?true phone_number:string
//! phone_code_hash:string first_name:string last_name:string = auth.Authorization`
//!
//! A right code for a number without an account is no error: the client is asked to sign up.
//! Source: <https://core.telegram.org/api/auth>

use node_core::{Login, SignIn as Attempt};
use tl::enums::auth::Authorization;
use tl::functions::auth::{SignIn, SignUp};
use tl::types::auth::AuthorizationSignUpRequired;

use super::authorization;
use crate::rpc::account::email_code;
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Longest code that is compared.
const CODE_BYTES_MAX: usize = 32;

pub(in crate::rpc) async fn sign_in(ctx: &Context, request: SignIn) -> RpcResult<Authorization> {
    let phone = phone_number(&request.phone_number)?;
    // Whichever way it came, it is the one code of the number.
    let code = match request.email_verification {
        Some(verification) => email_code(verification)?,
        None => request.phone_code.unwrap_or_default(),
    };
    let code = code.trim();
    if code.is_empty() {
        return Err(RpcError::new(400, "PHONE_CODE_EMPTY"));
    }
    if code.len() > CODE_BYTES_MAX {
        return Err(RpcError::new(400, "PHONE_CODE_INVALID"));
    }
    let attempt = Attempt {
        phone,
        phone_code_hash: request.phone_code_hash,
        code: code.to_owned(),
        auth_key: ctx.auth_key()?,
        device: ctx.device(),
        address: ctx.addresses.remote.ip(),
    };
    match ctx.shared.core.sign_in(attempt).await? {
        Login::Done(user) => authorization(ctx, user),
        Login::PasswordNeeded(_) => Err(RpcError::SESSION_PASSWORD_NEEDED),
        Login::SignUpRequired => Ok(AuthorizationSignUpRequired::default().into()),
    }
}

pub(in crate::rpc) async fn sign_up(ctx: &Context, request: SignUp) -> RpcResult<Authorization> {
    let phone = phone_number(&request.phone_number)?;
    let user = ctx
        .shared
        .core
        .sign_up(
            phone,
            request.phone_code_hash,
            request.first_name,
            request.last_name,
            ctx.auth_key()?,
            ctx.device(),
        )
        .await?;
    authorization(ctx, user)
}
