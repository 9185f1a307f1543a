//! `upload.getFile#be5335be flags:# precise:flags.0?true cdn_supported:flags.1?true
//! location:InputFileLocation offset:long limit:int = upload.File`,
//! `upload.getFileHashes#9156982a location:InputFileLocation offset:long = Vector<FileHash>`
//!
//! A range is read when it is asked for, and nothing of it stays: what a slow client has not
//! taken waits in its session, whose bounds are those of all answers.
//! Source: <https://core.telegram.org/api/files#downloading-files>

use blobs::{BlobError, Wanted};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tl::functions::upload::{GetFile, GetFileHashes};
use tl::{enums, types};

use super::location::{Located, locate};
use crate::rpc::{Context, RpcError, RpcResult};

/// No range crosses a multiple of this.
const EDGE_BYTES: u64 = 1 << 20;

/// Bytes of a range that has one hash.
const HASHED_BYTES: u32 = 128 << 10;

const OFFSET_INVALID: RpcError = RpcError::new(400, "OFFSET_INVALID");
const LIMIT_INVALID: RpcError = RpcError::new(400, "LIMIT_INVALID");

pub(in crate::rpc) async fn get_file(
    ctx: &Context,
    request: GetFile,
) -> RpcResult<enums::upload::File> {
    let (offset, limit) = range(request.offset, request.limit, request.precise)?;
    let located = locate(ctx, &request.location)?;
    let bytes = read(ctx, &located, offset, limit).await?;
    Ok(types::upload::File {
        type_: file_type(&located.mime_type),
        mtime: located.date,
        bytes: bytes.into(),
    }
    .into())
}

pub(in crate::rpc) async fn get_file_hashes(
    ctx: &Context,
    request: GetFileHashes,
) -> RpcResult<Vec<enums::FileHash>> {
    let offset = u64::try_from(request.offset).map_err(|_| OFFSET_INVALID)?;
    let located = locate(ctx, &request.location)?;
    // Whoever goes on where the last range ended has all of them.
    if offset >= located.size {
        return Ok(Vec::new());
    }
    // Those of the megabyte that the offset lies in, from the range with the offset on.
    let offset = offset - offset % u64::from(HASHED_BYTES);
    let limit = EDGE_BYTES - offset % EDGE_BYTES;
    let bytes = read(ctx, &located, offset, limit as u32).await?;
    let hashed = tokio::task::spawn_blocking(move || {
        let hash = |part: &[u8]| Sha256::digest(part).to_vec();
        bytes.chunks(HASHED_BYTES as usize).map(|part| (part.len(), hash(part))).collect::<Vec<_>>()
    });
    let hashed = hashed.await.map_err(|cause| RpcError::internal(&cause))?;
    let mut at = request.offset - request.offset % i64::from(HASHED_BYTES);
    let hashes = hashed.into_iter().map(|(length, hash)| {
        let (offset, limit) = (at, length as i32);
        at += i64::from(limit);
        types::FileHash { offset, limit, hash }.into()
    });
    Ok(hashes.collect())
}

async fn read(ctx: &Context, located: &Located, offset: u64, limit: u32) -> RpcResult<Bytes> {
    let Located { blob, size, owner, .. } = *located;
    // What lies on another node is loaded from there.
    let wanted = Wanted { blob, size, owner: owner.0 };
    let read = ctx.shared.files.blobs.read_far(&wanted, offset, limit).await;
    read.map_err(|cause| match cause {
        BlobError::NotFound => RpcError::new(400, "LOCATION_INVALID"),
        other => other.into(),
    })
}

/// Which ranges may be asked for.
///
/// Source: <https://core.telegram.org/api/files#downloading-files>
fn range(offset: i64, limit: i32, precise: bool) -> RpcResult<(u64, u32)> {
    let unit: u32 = if precise { 1 << 10 } else { 4 << 10 };
    let offset = u64::try_from(offset).map_err(|_| OFFSET_INVALID)?;
    if !offset.is_multiple_of(unit.into()) {
        return Err(OFFSET_INVALID);
    }
    let limit = u32::try_from(limit).map_err(|_| LIMIT_INVALID)?;
    let fits = limit > 0
        && limit.is_multiple_of(unit)
        && u64::from(limit) <= EDGE_BYTES
        && (precise || EDGE_BYTES.is_multiple_of(limit.into()));
    if !fits {
        return Err(LIMIT_INVALID);
    }
    let last = offset.checked_add(u64::from(limit) - 1).ok_or(OFFSET_INVALID)?;
    if offset / EDGE_BYTES == last / EDGE_BYTES { Ok((offset, limit)) } else { Err(LIMIT_INVALID) }
}

fn file_type(mime_type: &str) -> enums::storage::FileType {
    use types::storage as t;
    match mime_type {
        "image/jpeg" => t::FileJpeg {}.into(),
        "image/gif" => t::FileGif {}.into(),
        "image/png" => t::FilePng {}.into(),
        "image/webp" => t::FileWebp {}.into(),
        "application/pdf" => t::FilePdf {}.into(),
        "audio/mpeg" => t::FileMp3 {}.into(),
        "video/quicktime" => t::FileMov {}.into(),
        "video/mp4" => t::FileMp4 {}.into(),
        _ => t::FileUnknown {}.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_59_ranges_are_of_the_documented_shape() {
        const MIB: i64 = 1 << 20;
        for (offset, limit, precise) in [
            (0, 4096, false),
            (0, 1 << 20, false),
            (4096, 4096, false),
            (MIB - 4096, 4096, false),
            (MIB << 20, 1 << 19, false),
            (1024, 1024, true),
            (1024, 3 * 1024, true),
            (MIB - 1024, 1024, true),
        ] {
            let fits = range(offset, limit, precise);
            assert_eq!(fits, Ok((offset as u64, limit as u32)), "{offset} {limit} {precise}");
        }
        for (offset, limit, precise, name) in [
            (1024, 4096, false, "OFFSET_INVALID"),
            (-4096, 4096, false, "OFFSET_INVALID"),
            (1, 1024, true, "OFFSET_INVALID"),
            (0, 0, false, "LIMIT_INVALID"),
            (0, -4096, false, "LIMIT_INVALID"),
            (0, 1024, false, "LIMIT_INVALID"),
            (0, 3 * 4096, false, "LIMIT_INVALID"),
            (0, 1 << 21, false, "LIMIT_INVALID"),
            (0, 1000, true, "LIMIT_INVALID"),
            (0, (1 << 20) + 1024, true, "LIMIT_INVALID"),
            (4096, 1 << 20, false, "LIMIT_INVALID"),
            (MIB - 1024, 2048, true, "LIMIT_INVALID"),
        ] {
            let refused = range(offset, limit, precise).unwrap_err();
            assert_eq!(refused.message, name, "{offset} {limit} {precise}");
        }
    }
}
