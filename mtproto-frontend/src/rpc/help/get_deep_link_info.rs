//! `help.getDeepLinkInfo#3fedc75f path:string = help.DeepLinkInfo`
//!
//! Clients ask about `tg://` links that they do not know; neither does a node.
//! Source: <https://core.telegram.org/method/help.getDeepLinkInfo>

use tl::functions::help::GetDeepLinkInfo;
use tl::types::help::DeepLinkInfoEmpty;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_deep_link_info(
    _: &Context,
    _: GetDeepLinkInfo,
) -> RpcResult<DeepLinkInfoEmpty> {
    Ok(DeepLinkInfoEmpty {})
}
