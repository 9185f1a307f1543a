//! `help.getSupport#9cdf08cd = help.Support`,
//! `help.getSupportName#d360e72c = help.SupportName`
//!
//! Whom a member turns to is the node's owner; the owner finds the node itself. The number is told
//! where the owner shows it.
//! Source: <https://core.telegram.org/method/help.getSupport>

use node_core::UserView;
use tl::functions::help::{GetSupport, GetSupportName};
use tl::types::help as t;

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_support(ctx: &Context, _: GetSupport) -> RpcResult<t::Support> {
    let view = support(ctx)?;
    let phone_number = view.phone.map(|phone| phone.to_string()).unwrap_or_default();
    Ok(t::Support { phone_number, user: project::user(&view, ctx.view()?) })
}

pub(in crate::rpc) async fn get_support_name(
    ctx: &Context,
    _: GetSupportName,
) -> RpcResult<t::SupportName> {
    Ok(t::SupportName { name: support(ctx)?.user.full_name() })
}

fn support(ctx: &Context) -> RpcResult<UserView> {
    let (asker, core) = (ctx.user()?, &ctx.shared.core);
    let view = core.view(asker, core.support(asker)?)?;
    view.ok_or(RpcError::new(400, "USER_ID_INVALID"))
}
