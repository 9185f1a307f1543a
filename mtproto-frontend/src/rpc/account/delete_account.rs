//! `account.deleteAccount#a2c0cf74 flags:# reason:string password:flags.0?InputCheckPasswordSRP =
//! Bool`,
//! `account.getAccountTTL#08fc711d = AccountDaysTTL`,
//! `account.setAccountTTL#2442485e ttl:AccountDaysTTL = Bool`
//!
//! The end of an account: at once, after a week without the password, or when nobody uses it.
//! Source: <https://core.telegram.org/api/account-deletion>

use tl::enums;
use tl::functions::account::{DeleteAccount, GetAccountTtl, SetAccountTtl};
use tl::types::AccountDaysTtl;

use super::proof;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn delete_account(
    ctx: &Context,
    request: DeleteAccount,
) -> RpcResult<bool> {
    let proof = request.password.and_then(proof);
    ctx.shared.core.delete_account(ctx.account()?, ctx.auth_key()?, proof).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_account_ttl(
    ctx: &Context,
    _: GetAccountTtl,
) -> RpcResult<AccountDaysTtl> {
    Ok(AccountDaysTtl { days: ctx.shared.core.account_days(ctx.user()?).await? })
}

pub(in crate::rpc) async fn set_account_ttl(
    ctx: &Context,
    request: SetAccountTtl,
) -> RpcResult<bool> {
    let enums::AccountDaysTtl::AccountDaysTtl(ttl) = request.ttl;
    ctx.shared.core.set_account_days(ctx.user()?, ctx.auth_key()?, ttl.days).await?;
    Ok(true)
}
