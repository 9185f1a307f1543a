//! `account.updateStatus#6628562c offline:Bool = Bool`
//!
//! Online ends by itself; offline is at once.
//! Source: <https://core.telegram.org/method/account.updateStatus>

use tl::functions::account::UpdateStatus;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn update_status(ctx: &Context, request: UpdateStatus) -> RpcResult<bool> {
    ctx.shared.core.set_online(ctx.user()?, !request.offline).await?;
    Ok(true)
}
