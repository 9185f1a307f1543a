//! `account.updateProfile#78515775 flags:# first_name:flags.0?string last_name:flags.1?string
//! about:flags.2?string = User`
//!
//! Source: <https://core.telegram.org/method/account.updateProfile>

use tl::enums;
use tl::functions::account::UpdateProfile;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn update_profile(
    ctx: &Context,
    request: UpdateProfile,
) -> RpcResult<enums::User> {
    let (user, actor) = (ctx.user()?, ctx.actor()?);
    let UpdateProfile { first_name, last_name, about, .. } = request;
    ctx.shared.core.update_profile(Some(actor), user, first_name, last_name, about).await?;
    ctx.oneself()
}
