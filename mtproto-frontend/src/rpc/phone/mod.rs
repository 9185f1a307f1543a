//! `phone.*`: calls are not built; clients read their configuration at every start.

use tl::functions::phone as f;
use tl::types::DataJson;

use super::{Context, RpcResult};

/// `phone.getCallConfig#55451fa9 = DataJSON`
pub(super) async fn get_call_config(_: &Context, _: f::GetCallConfig) -> RpcResult<DataJson> {
    Ok(DataJson { data: "{}".to_owned() })
}
