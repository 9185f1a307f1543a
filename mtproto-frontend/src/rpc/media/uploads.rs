//! Uploads become files: parts a blob, a blob pictures.

use blobs::{BlobError, PARTS_MAX, Pin, READ_BYTES_MAX};
use bytes::Bytes;
use node_core::{BlobId, Document, DocumentAttribute, FileId, Photo, PhotoSize};
use pictures::{Limits, PictureError, StudioError};
use rand::RngExt as _;
use tl::enums::InputFile;
use tl::types::InputMediaUploadedDocument;

use super::attributes::Said;
use super::film;
use crate::rpc::{Context, RpcError, RpcResult};

/// Blobs that a call has made. None of them is removed while this lives.
#[derive(Default)]
pub(in crate::rpc) struct Uploads(Vec<(BlobId, u64, Pin)>);

/// An upload that is a blob now.
struct Taken {
    blob: BlobId,
    size: u64,
    /// As the client said.
    name: String,
}

/// What pictures of a document are made of.
#[derive(Default)]
struct Preview {
    thumbs: Vec<PhotoSize>,
    stripped: Vec<u8>,
}

impl Uploads {
    /// Lets go of the blobs, after core has the files or has refused them: what no file refers to
    /// is left to be removed.
    pub(in crate::rpc) fn settle(self, ctx: &Context) {
        let core = &ctx.shared.core;
        let left = self.0.into_iter().map(|(blob, size, _pin)| (blob, size));
        let left: Vec<_> =
            left.filter(|(blob, _)| !core.is_blob_known(blob).unwrap_or(true)).collect();
        if !left.is_empty() {
            ctx.shared.files.leave(core, left);
        }
    }

    async fn take(&mut self, ctx: &Context, file: &InputFile) -> RpcResult<Taken> {
        let (id, parts, name, md5) = match file {
            InputFile::InputFile(file) => {
                (file.id, file.parts, &file.name, Some(file.md5_checksum.as_str()))
            }
            InputFile::InputFileBig(file) => (file.id, file.parts, &file.name, None),
            InputFile::InputFileStoryDocument(_) => return Err(RpcError::NOT_IMPLEMENTED),
        };
        let parts = u32::try_from(parts).ok().filter(|parts| *parts <= PARTS_MAX);
        let parts = parts.ok_or(RpcError::new(400, "FILE_PARTS_INVALID"))?;
        let owner = ctx.user()?.0;
        let made = ctx.shared.files.blobs.assemble(owner, id, parts, md5).await?;
        let (blob, size) = (BlobId(made.id.0), made.size);
        self.0.push((blob, size, made.pin));
        Ok(Taken { blob, size, name: name.clone() })
    }

    /// An upload that a client has encrypted: its bytes, and how many.
    pub(in crate::rpc) async fn sealed(
        &mut self,
        ctx: &Context,
        file: &InputFile,
    ) -> RpcResult<(BlobId, u64)> {
        let Taken { blob, size, .. } = self.take(ctx, file).await?;
        Ok((blob, size))
    }

    async fn load(ctx: &Context, taken: &Taken, max: usize) -> Result<Bytes, BlobError> {
        ctx.shared.files.blobs.load(blobs::BlobId(taken.blob.0), taken.size, max).await
    }

    /// Puts pictures into the place.
    async fn put(&mut self, ctx: &Context, made: pictures::Photo) -> RpcResult<Preview> {
        let mut thumbs = Vec::with_capacity(made.sizes.len());
        for size in made.sizes {
            let bytes = u32::try_from(size.bytes.len()).unwrap_or(u32::MAX);
            let put = ctx.shared.files.blobs.put(size.bytes.into()).await?;
            let blob = BlobId(put.id.0);
            self.0.push((blob, put.size, put.pin));
            thumbs.push(PhotoSize {
                kind: u8::try_from(size.letter).unwrap_or(b'm'),
                width: size.width.cast_signed(),
                height: size.height.cast_signed(),
                size: bytes,
                blob,
                progressive: size.progressive,
            });
        }
        Ok(Preview { thumbs, stripped: made.stripped })
    }

    /// The photo that an upload shows.
    pub(super) async fn photo(
        &mut self,
        ctx: &Context,
        file: &InputFile,
        has_stickers: bool,
    ) -> RpcResult<Photo> {
        self.picture(ctx, file, has_stickers, false).await
    }

    /// The square photo of a person or a group that an upload shows.
    pub(in crate::rpc) async fn profile(
        &mut self,
        ctx: &Context,
        file: &InputFile,
    ) -> RpcResult<Photo> {
        self.picture(ctx, file, false, true).await
    }

    async fn picture(
        &mut self,
        ctx: &Context,
        file: &InputFile,
        has_stickers: bool,
        square: bool,
    ) -> RpcResult<Photo> {
        let taken = self.take(ctx, file).await?;
        let turn = ctx.shared.files.turn().await.ok_or(RpcError::flood_wait(1))?;
        let loaded = Self::load(ctx, &taken, Limits::PHOTO.input_bytes_max).await;
        let bytes = loaded.map_err(|cause| match cause {
            BlobError::TooLarge => RpcError::new(400, "PHOTO_INVALID"),
            other => other.into(),
        })?;
        let made = if square { turn.profile(bytes).await } else { turn.photo(bytes).await }?;
        drop(turn);
        let Preview { thumbs: sizes, stripped } = self.put(ctx, made).await?;
        let (id, owner, date) = (new_id(), ctx.user()?, ctx.now());
        Ok(Photo { id, owner, date, sizes, stripped, has_stickers })
    }

    /// The document that an upload is.
    pub(super) async fn document(
        &mut self,
        ctx: &Context,
        sent: InputMediaUploadedDocument,
    ) -> RpcResult<Document> {
        let taken = self.take(ctx, &sent.file).await?;
        let mut said = Said::read(&sent, &taken.name);
        let mut preview = match &sent.thumb {
            Some(thumb) => self.client_thumb(ctx, thumb).await?,
            None => None,
        };
        if said.is_picture() {
            let seen = self.own_thumb(ctx, &taken, preview.is_none()).await?;
            match seen {
                Seen::Picture(own) => preview = preview.or(own),
                Seen::TooMuch => said.has_no_size(),
                Seen::NoPicture => said.is_no_picture(),
            }
        }
        if said.may_be_gif() && !sent.nosound_video && Self::is_silent(ctx, &taken).await? {
            said.attributes.push(DocumentAttribute::Animated);
        }
        let Preview { thumbs, stripped } = preview.unwrap_or_default();
        Ok(Document {
            id: new_id(),
            owner: ctx.user()?,
            date: ctx.now(),
            mime_type: said.mime_type,
            size: taken.size,
            blob: taken.blob,
            attributes: said.attributes,
            thumbs,
            stripped,
        })
    }

    /// Whether a film has no sound; `false` for one that cannot be read.
    async fn is_silent(ctx: &Context, taken: &Taken) -> RpcResult<bool> {
        let (blobs, id) = (&ctx.shared.files.blobs, blobs::BlobId(taken.blob.0));
        let mut offset = 0;
        for _ in 0..film::BOXES_MAX {
            let head = blobs.read(id, taken.size, offset, film::HEAD_BYTES).await?;
            match film::look(offset, taken.size, &head) {
                film::At::Tracks(at) => {
                    // Longer ones are of long films.
                    let length = u32::try_from(at.end - at.start).unwrap_or(u32::MAX);
                    if length > READ_BYTES_MAX {
                        return Ok(false);
                    }
                    let tracks = blobs.read(id, taken.size, at.start, length).await?;
                    return Ok(film::is_silent(&tracks));
                }
                film::At::Next(next) => offset = next,
                film::At::Nothing => return Ok(false),
            }
        }
        Ok(false)
    }

    /// What a client made to stand for its document, made anew; `None` for what is no picture.
    async fn client_thumb(
        &mut self,
        ctx: &Context,
        thumb: &InputFile,
    ) -> RpcResult<Option<Preview>> {
        let taken = self.take(ctx, thumb).await?;
        let limits = Limits::CLIENT_THUMBNAIL;
        let turn = ctx.shared.files.turn().await.ok_or(RpcError::flood_wait(1))?;
        let bytes = match Self::load(ctx, &taken, limits.input_bytes_max).await {
            Err(BlobError::TooLarge) => return Ok(None),
            loaded => loaded?,
        };
        match turn.thumbnail(bytes, limits).await {
            Ok(made) => self.put(ctx, made).await.map(Some),
            Err(StudioError::Picture(_) | StudioError::Panicked) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Looks whether a document is the picture that it is said to be; makes what stands for it if
    /// that is wanted.
    async fn own_thumb(&mut self, ctx: &Context, taken: &Taken, wanted: bool) -> RpcResult<Seen> {
        let limits = Limits::PHOTO;
        let turn = ctx.shared.files.turn().await.ok_or(RpcError::flood_wait(1))?;
        let bytes = match Self::load(ctx, taken, limits.input_bytes_max).await {
            Err(BlobError::TooLarge) => return Ok(Seen::TooMuch),
            loaded => loaded?,
        };
        match turn.thumbnail(bytes, limits).await {
            Ok(made) if wanted => Ok(Seen::Picture(Some(self.put(ctx, made).await?))),
            Ok(_) => Ok(Seen::Picture(None)),
            Err(StudioError::Picture(
                PictureError::Dimensions { .. }
                | PictureError::TooComplex
                | PictureError::TooLarge { .. },
            )) => Ok(Seen::TooMuch),
            Err(StudioError::Picture(_) | StudioError::Panicked) => Ok(Seen::NoPicture),
            Err(other) => Err(other.into()),
        }
    }
}

/// What a document is that is said to be a picture.
enum Seen {
    Picture(Option<Preview>),
    /// It may be one, and is not looked at.
    TooMuch,
    NoPicture,
}

/// A number for a new file.
fn new_id() -> FileId {
    FileId(crate::rng().random_range(1..=i64::MAX))
}

/// Whether something was said to be a sticker.
pub(super) fn is_sticker(attribute: &DocumentAttribute) -> bool {
    matches!(attribute, DocumentAttribute::Sticker { .. })
}
