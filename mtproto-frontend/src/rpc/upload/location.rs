//! Which bytes a client names, and whether it may have them.

use node_core::{Core, FileId, PeerId, PhotoSize, UserId};
use tl::enums::InputFileLocation;

use crate::rpc::{Context, RpcError, RpcResult};

const LOCATION_INVALID: RpcError = RpcError::new(400, "LOCATION_INVALID");

/// Bytes in the place.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) blob: blobs::BlobId,
    pub(super) size: u64,
    /// Who uploaded it, here or on another node.
    pub(super) owner: UserId,
    pub(super) mime_type: String,
    /// Unix seconds.
    pub(super) date: i32,
}

/// Finds what is named, after its reference was checked.
pub(super) fn locate(ctx: &Context, named: &InputFileLocation) -> RpcResult<Located> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    match named {
        InputFileLocation::InputDocumentFileLocation(named) => {
            let id = FileId(named.id);
            core.check_reference(viewer, id, named.access_hash, &named.file_reference)?;
            let found = core.document(id)?.ok_or(LOCATION_INVALID)?;
            if !named.thumb_size.is_empty() {
                return size(&found.thumbs, &named.thumb_size, (found.owner, found.date));
            }
            Ok(Located {
                blob: blobs::BlobId(found.blob.0),
                size: found.size,
                owner: found.owner,
                mime_type: found.mime_type,
                date: found.date,
            })
        }
        InputFileLocation::InputPhotoFileLocation(named) => {
            let id = FileId(named.id);
            core.check_reference(viewer, id, named.access_hash, &named.file_reference)?;
            let found = core.photo(id)?.ok_or(LOCATION_INVALID)?;
            size(&found.sizes, &named.thumb_size, (found.owner, found.date))
        }
        InputFileLocation::InputPeerPhotoFileLocation(named) => {
            // No reference: the peer says who may see it.
            let id = FileId(named.photo_id);
            if !shows(core, viewer, ctx.peer(&named.peer)?, id)? {
                return Err(LOCATION_INVALID);
            }
            let found = core.photo(id)?.ok_or(LOCATION_INVALID)?;
            let wanted = if named.big { "c" } else { "a" };
            match size(&found.sizes, wanted, (found.owner, found.date)) {
                // A small picture has no large size: what it has is as good.
                Err(_) => {
                    let last = found.sizes.last().ok_or(LOCATION_INVALID)?;
                    Ok(located(last, (found.owner, found.date)))
                }
                found => found,
            }
        }
        InputFileLocation::InputEncryptedFileLocation(named) => {
            // No reference: its hash is known only where it was sent.
            let id = FileId(named.id);
            let is_shown = core.file_access_hash(id) == named.access_hash;
            let found = core.sealed_file(id)?.filter(|_| is_shown).ok_or(LOCATION_INVALID)?;
            Ok(Located {
                blob: blobs::BlobId(found.blob.0),
                size: found.size,
                owner: found.owner,
                mime_type: String::new(),
                date: found.date,
            })
        }
        _ => Err(LOCATION_INVALID),
    }
}

/// Whether a picture is what stands for a peer now, as the viewer sees it.
fn shows(core: &Core, viewer: UserId, peer: PeerId, photo: FileId) -> RpcResult<bool> {
    Ok(match peer {
        PeerId::Chat(chat) => core
            .chat(chat)
            .is_some_and(|found| found.photo == Some(photo) && !found.has_removed(viewer)),
        PeerId::Channel(channel) => {
            core.channel(channel).is_some_and(|found| found.photo == Some(photo))
        }
        PeerId::User(user) => core.profile_photo(viewer, user)? == Some(photo),
        _ => false,
    })
}

fn size(sizes: &[PhotoSize], letter: &str, of: (UserId, i32)) -> RpcResult<Located> {
    let [letter] = letter.as_bytes() else { return Err(LOCATION_INVALID) };
    let found = sizes.iter().find(|size| size.kind == *letter).ok_or(LOCATION_INVALID)?;
    Ok(located(found, of))
}

/// One size of a picture that somebody uploaded at some time.
fn located(size: &PhotoSize, (owner, date): (UserId, i32)) -> Located {
    Located {
        blob: blobs::BlobId(size.blob.0),
        size: size.size.into(),
        owner,
        mime_type: "image/jpeg".into(),
        date,
    }
}
