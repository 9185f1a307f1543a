//! `account.invalidateSignInCodes#ca8ae8ba codes:Vector<string> = Bool`
//!
//! Clients tell of codes that their user was about to pass on.
//! Source: <https://core.telegram.org/method/account.invalidateSignInCodes>

use tl::functions::account::InvalidateSignInCodes;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn invalidate_sign_in_codes(
    ctx: &Context,
    request: InvalidateSignInCodes,
) -> RpcResult<bool> {
    ctx.shared.core.invalidate_codes(ctx.user()?, request.codes).await?;
    Ok(true)
}
