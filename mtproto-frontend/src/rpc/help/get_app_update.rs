//! `help.getAppUpdate#522d5a7d source:string = help.AppUpdate`
//!
//! A node distributes no clients, so there is never an update.
//! Source: <https://core.telegram.org/method/help.getAppUpdate>

use tl::functions::help::GetAppUpdate;
use tl::types::help::NoAppUpdate;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_app_update(_: &Context, _: GetAppUpdate) -> RpcResult<NoAppUpdate> {
    Ok(NoAppUpdate {})
}
