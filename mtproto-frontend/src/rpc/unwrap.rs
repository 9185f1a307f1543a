//! What stands around a call: `invokeWithLayer`, `initConnection`, `invokeAfterMsg` and the like,
//! in any order, as clients really nest them.

use bytes::Bytes;
use tl::functions as f;

use super::{RpcError, RpcResult};
use crate::auth_keys::ClientInfo;
use crate::session::inflate;

/// Wrappers around one call. TDLib uses four; more is not a client.
const WRAPPERS_MAX: usize = 10;

/// A call without its wrappers.
#[derive(Debug, Default)]
pub(crate) struct Unwrapped {
    /// From `invokeWithLayer`.
    pub(crate) layer: Option<i32>,
    /// From `initConnection`, without the layer.
    pub(crate) client: Option<ClientInfo>,
    /// Messages that have to be done first: `invokeAfterMsg`, `invokeAfterMsgs`.
    pub(crate) after: Vec<i64>,
    /// `invokeWithoutUpdates`: this session wants none.
    pub(crate) without_updates: bool,
    /// The call itself.
    pub(crate) query: Bytes,
}

/// Takes the wrappers off `body`. `layer` is the session's so far, 0 if it never said one.
///
/// # Errors
/// 400 for a layer that is not spoken here, for wrappers that are not built, and for what cannot
/// be read.
pub(crate) fn unwrap(body: &Bytes, layer: i32) -> RpcResult<Unwrapped> {
    let mut found = Unwrapped { query: body.clone(), ..Unwrapped::default() };
    let mut inflated = false;
    for _ in 0..WRAPPERS_MAX {
        let layer = found.layer.unwrap_or(layer);
        let reading = if layer == 0 { tl::LAYER_MAX } else { layer };
        let Some(id) = found.query.first_chunk::<4>().map(|id| u32::from_le_bytes(*id)) else {
            return Ok(found);
        };
        if id == tl::mtproto::types::GzipPacked::ID {
            // TDLib packs what is inside initConnection; a packed packet in a packed packet is
            // only ever an attack.
            if inflated {
                return Err(RpcError::INPUT_FETCH_ERROR);
            }
            inflated = true;
            let packed: tl::mtproto::types::GzipPacked = tl::from_bytes(&found.query, 0)?;
            found.query = inflate(&packed.packed_data).map_err(|_| RpcError::INPUT_FETCH_ERROR)?;
            continue;
        }
        let Some(method) = tl::Method::from_id(id, reading) else { return Ok(found) };
        match method.name() {
            "invokeWithLayer" => {
                let call: f::InvokeWithLayer = tl::from_bytes(&found.query, reading)?;
                if !(tl::LAYER_MIN..=tl::LAYER_MAX).contains(&call.layer) {
                    return Err(RpcError::new(400, "CONNECTION_LAYER_INVALID"));
                }
                found.layer = Some(call.layer);
                found.query = call.query.0.into();
            }
            "initConnection" => {
                let call: f::InitConnection = tl::from_bytes(&found.query, reading)?;
                found.client = Some(ClientInfo {
                    layer: 0,
                    api_id: call.api_id,
                    device_model: short(call.device_model),
                    system_version: short(call.system_version),
                    app_version: short(call.app_version),
                    system_lang_code: short(call.system_lang_code),
                    lang_pack: short(call.lang_pack),
                    lang_code: short(call.lang_code),
                });
                found.query = call.query.0.into();
            }
            "invokeAfterMsg" => {
                let call: f::InvokeAfterMsg = tl::from_bytes(&found.query, reading)?;
                found.after.push(call.msg_id);
                found.query = call.query.0.into();
            }
            "invokeAfterMsgs" => {
                let call: f::InvokeAfterMsgs = tl::from_bytes(&found.query, reading)?;
                found.after.extend(call.msg_ids);
                found.query = call.query.0.into();
            }
            "invokeWithoutUpdates" => {
                let call: f::InvokeWithoutUpdates = tl::from_bytes(&found.query, reading)?;
                found.without_updates = true;
                found.query = call.query.0.into();
            }
            "invokeWithTakeout" => return Err(RpcError::new(400, "TAKEOUT_INVALID")),
            "invokeWithMessagesRange"
            | "invokeWithBusinessConnection"
            | "invokeWithGooglePlayIntegrity"
            | "invokeWithApnsSecret"
            | "invokeWithReCaptcha" => return Err(RpcError::NOT_IMPLEMENTED),
            _ => return Ok(found),
        }
    }
    Err(RpcError::INPUT_FETCH_ERROR)
}

fn short(text: String) -> String {
    crate::auth_keys::truncated(&text).to_owned()
}
