//! `premium.*`: there is no subscription, so nobody has boosts to give.

use tl::functions::premium as f;
use tl::types::premium as t;

use super::{Context, RpcResult};

/// `premium.getMyBoosts#0be77b4a = premium.MyBoosts`
pub(super) async fn get_my_boosts(_: &Context, _: f::GetMyBoosts) -> RpcResult<t::MyBoosts> {
    Ok(t::MyBoosts::default())
}
