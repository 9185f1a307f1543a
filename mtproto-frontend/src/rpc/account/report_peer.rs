//! `account.reportPeer#c5ba3d86 peer:InputPeer reason:ReportReason message:string = Bool`
//!
//! Source: <https://core.telegram.org/method/account.reportPeer>

use tl::functions::account::ReportPeer;

use crate::rpc::messages::{reason_from_tl, report_to_operator};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn report_peer(ctx: &Context, request: ReportPeer) -> RpcResult<bool> {
    let about = ctx.peer(&request.peer)?;
    let reason = reason_from_tl(&request.reason);
    report_to_operator(ctx, about, reason, request.message, Vec::new()).await?;
    Ok(true)
}
