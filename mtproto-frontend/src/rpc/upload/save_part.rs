//! `upload.saveFilePart#b304a621 file_id:long file_part:int bytes:bytes = Bool`,
//! `upload.saveBigFilePart#de7b673d file_id:long file_part:int file_total_parts:int bytes:bytes =
//! Bool`
//!
//! Source: <https://core.telegram.org/api/files#uploading-files>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blobs::{Kind, Part, PartError};
use tl::functions::upload::{SaveBigFilePart, SaveFilePart};

use crate::rpc::{Context, RpcResult};

/// What stands for a number of parts that the client does not know yet.
const UNKNOWN: i32 = -1;

pub(in crate::rpc) async fn save_file_part(
    ctx: &Context,
    request: SaveFilePart,
) -> RpcResult<bool> {
    save(ctx, Kind::Small, request.file_id, request.file_part, UNKNOWN, request.bytes).await
}

pub(in crate::rpc) async fn save_big_file_part(
    ctx: &Context,
    request: SaveBigFilePart,
) -> RpcResult<bool> {
    let total = request.file_total_parts;
    save(ctx, Kind::Big, request.file_id, request.file_part, total, request.bytes).await
}

async fn save(
    ctx: &Context,
    kind: Kind,
    file: i64,
    index: i32,
    total: i32,
    bytes: Vec<u8>,
) -> RpcResult<bool> {
    let total = match total {
        UNKNOWN => None,
        said => Some(u32::try_from(said).map_err(|_| PartError::Parts)?),
    };
    let part = Part {
        owner: ctx.user()?.0,
        file,
        index: u32::try_from(index).map_err(|_| PartError::Index)?,
        total,
        kind,
        bytes: bytes.into(),
    };
    ctx.shared.files.blobs.save_part(part, now(ctx)).await?;
    Ok(true)
}

fn now(ctx: &Context) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ctx.now_ms)
}
