//! `help.getCdnConfig#52029342 = CdnConfig`
//!
//! A node has no CDN DCs, so there are no CDN keys.
//! Source: <https://core.telegram.org/method/help.getCdnConfig>

use tl::functions::help::GetCdnConfig;
use tl::types::CdnConfig;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_cdn_config(_: &Context, _: GetCdnConfig) -> RpcResult<CdnConfig> {
    Ok(CdnConfig { public_keys: Vec::new() })
}
