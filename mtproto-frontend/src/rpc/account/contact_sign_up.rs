//! `account.getContactSignUpNotification#9f07c728 = Bool`,
//! `account.setContactSignUpNotification#cff43f61 silent:Bool = Bool`
//!
//! True stands for silence: the message that somebody has joined comes without a sound.
//! Source: <https://core.telegram.org/method/account.setContactSignUpNotification>

use tl::functions::account::{GetContactSignUpNotification, SetContactSignUpNotification};

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_contact_sign_up_notification(
    ctx: &Context,
    _: GetContactSignUpNotification,
) -> RpcResult<bool> {
    Ok(ctx.shared.core.sign_ups_are_silent(ctx.user()?).await?)
}

pub(in crate::rpc) async fn set_contact_sign_up_notification(
    ctx: &Context,
    request: SetContactSignUpNotification,
) -> RpcResult<bool> {
    let (owner, actor) = (ctx.user()?, ctx.actor()?);
    ctx.shared.core.set_sign_ups_silent(Some(actor), owner, request.silent).await?;
    Ok(true)
}
