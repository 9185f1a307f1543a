//! `help.getInviteText#4d392343 = help.InviteText`
//!
//! What a member may send to somebody who is not here yet.
//! Source: <https://core.telegram.org/method/help.getInviteText>

use tl::functions::help::GetInviteText;
use tl::types::help::InviteText;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_invite_text(
    ctx: &Context,
    _: GetInviteText,
) -> RpcResult<InviteText> {
    let profile = &ctx.shared.profile;
    let link = ctx.shared.me_url_prefix(ctx.addresses.local);
    Ok(InviteText { message: format!("Come and write to me on {}: {link}", profile.name) })
}
