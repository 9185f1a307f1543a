//! `help.getNearestDc#1fb33026 = NearestDc`
//!
//! The country preselected on the phone number screen, and the DC to use: the one that the
//! client already talks to, because a node is a single DC under every number.
//! Source: <https://core.telegram.org/method/help.getNearestDc>

use tl::functions::help::GetNearestDc;
use tl::types::NearestDc;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_nearest_dc(ctx: &Context, _: GetNearestDc) -> RpcResult<NearestDc> {
    let country = ctx.shared.profile.country.clone();
    Ok(NearestDc { country, this_dc: ctx.dc, nearest_dc: ctx.dc })
}
