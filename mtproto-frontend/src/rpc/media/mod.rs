//! What clients name as media of a message, made into what core stores.
//!
//! uploads (parts to blobs, blobs to pictures) and attributes (what a document says of itself) make
//! the files; everything else is what the client wrote, checked by core.
//!
//! Source: <https://core.telegram.org/type/InputMedia>

mod attributes;
pub(in crate::rpc) mod film;
mod uploads;

use node_core::{
    Core, CoreError, CoreResult, Document, DocumentAttribute, FileId, GeoPoint, LiveStep, Media,
    Origin, OutgoingFile, OutgoingMedia, PeerId, Photo, UserId,
};
use tl::enums::{InputDocument, InputGeoPoint, InputMedia, InputPhoto};
use tl::{enums, types};

pub(super) use uploads::Uploads;

use super::messages::new_poll;
use super::{Context, RpcError, RpcResult};

const MEDIA_INVALID: RpcError = RpcError::new(400, "MEDIA_INVALID");
const PHOTO_INVALID: RpcError = RpcError::new(400, "PHOTO_INVALID");
const DOCUMENT_INVALID: RpcError = RpcError::new(400, "DOCUMENT_INVALID");
const GEO_POINT_INVALID: RpcError = RpcError::new(400, "GEO_POINT_INVALID");

/// Files that show themselves for some time only are not there.
const TTL_MEDIA_INVALID: RpcError = RpcError::new(400, "TTL_MEDIA_INVALID");

/// Whether a text goes with it.
pub(super) fn has_caption(media: &InputMedia) -> bool {
    matches!(
        media,
        InputMedia::InputMediaUploadedPhoto(_)
            | InputMedia::InputMediaUploadedDocument(_)
            | InputMedia::InputMediaPhoto(_)
            | InputMedia::InputMediaDocument(_)
    )
}

/// What tells media apart under one `random_id`: everything that the client names but references to
/// files, which may be newer ones when it asks again.
pub(super) fn fingerprint(media: &InputMedia) -> RpcResult<[u8; 16]> {
    let mut media = media.clone();
    match &mut media {
        InputMedia::InputMediaPhoto(photo) => {
            if let InputPhoto::InputPhoto(id) = &mut photo.id {
                id.file_reference.clear();
            }
        }
        InputMedia::InputMediaDocument(document) => {
            if let InputDocument::InputDocument(id) = &mut document.id {
                id.file_reference.clear();
            }
        }
        _ => {}
    }
    let bytes = tl::to_bytes(&media, tl::LAYER_MAX)?;
    let mut short = [0; 16];
    short.iter_mut().zip(blake3::hash(&bytes).as_bytes()).for_each(|(to, from)| *to = *from);
    Ok(short)
}

/// Media that were not looked at yet: for asking whether they were sent before.
pub(super) fn unread(fingerprint: [u8; 16]) -> OutgoingMedia {
    OutgoingMedia { file: OutgoingFile::Dice(String::new()), fingerprint }
}

/// Makes what a client names into what core sends. Files that are new are in `uploads`, which has
/// to live until core has them.
///
/// # Errors
/// 400: files that are not there, are damaged or may not be shown; what is not built.
pub(super) async fn read(
    ctx: &Context,
    named: InputMedia,
    fingerprint: [u8; 16],
    uploads: &mut Uploads,
) -> RpcResult<OutgoingMedia> {
    let file = match named {
        InputMedia::InputMediaUploadedPhoto(sent) => {
            refuse_ttl(sent.ttl_seconds)?;
            if sent.live_photo || sent.video.is_some() {
                return Err(RpcError::NOT_IMPLEMENTED);
            }
            let has_stickers = sent.stickers.is_some_and(|stickers| !stickers.is_empty());
            let photo = uploads.photo(ctx, &sent.file, has_stickers).await?;
            OutgoingFile::NewPhoto { photo, spoiler: sent.spoiler }
        }
        InputMedia::InputMediaUploadedDocument(sent) => {
            refuse_ttl(sent.ttl_seconds)?;
            let spoiler = sent.spoiler;
            let document = uploads.document(ctx, *sent).await?;
            OutgoingFile::NewDocument { document, spoiler }
        }
        InputMedia::InputMediaPhoto(sent) => {
            refuse_ttl(sent.ttl_seconds)?;
            OutgoingFile::Known { file: photo(ctx, &sent.id)?.id, spoiler: sent.spoiler }
        }
        InputMedia::InputMediaDocument(sent) => {
            refuse_ttl(sent.ttl_seconds)?;
            let (document, _) = shown_document(ctx, &sent.id)?;
            OutgoingFile::Known { file: document.id, spoiler: sent.spoiler }
        }
        InputMedia::InputMediaContact(sent) => OutgoingFile::Other(Media::Contact {
            phone_number: sent.phone_number,
            first_name: sent.first_name,
            last_name: sent.last_name,
            vcard: sent.vcard,
            // Core finds whose number it is.
            user: None,
        }),
        InputMedia::InputMediaGeoPoint(sent) => {
            OutgoingFile::Other(Media::Geo(point(&sent.geo_point)?))
        }
        InputMedia::InputMediaVenue(sent) => OutgoingFile::Other(Media::Venue {
            point: point(&sent.geo_point)?,
            title: sent.title,
            address: sent.address,
            provider: sent.provider,
            venue_id: sent.venue_id,
            venue_type: sent.venue_type,
        }),
        InputMedia::InputMediaGeoLive(sent) => OutgoingFile::Live(LiveStep {
            // Who stops need not say where.
            point: match &sent.geo_point {
                InputGeoPoint::InputGeoPointEmpty(_) if sent.stopped => None,
                said => Some(point(said)?),
            },
            heading: sent.heading.filter(|heading| *heading != 0),
            period: sent.period.filter(|period| *period != 0),
            proximity: sent.proximity_notification_radius.filter(|metres| *metres != 0),
            stopped: sent.stopped,
        }),
        InputMedia::InputMediaDice(sent) => OutgoingFile::Dice(sent.emoticon),
        InputMedia::InputMediaPoll(sent) => OutgoingFile::NewPoll(new_poll(ctx, *sent)?),
        InputMedia::InputMediaEmpty(_) => return Err(RpcError::new(400, "MEDIA_EMPTY")),
        _ => return Err(RpcError::NOT_IMPLEMENTED),
    };
    Ok(OutgoingMedia { file, fingerprint })
}

fn refuse_ttl(ttl_seconds: Option<i32>) -> RpcResult<()> {
    if ttl_seconds.is_some_and(|ttl| ttl != 0) { Err(TTL_MEDIA_INVALID) } else { Ok(()) }
}

fn point(said: &InputGeoPoint) -> RpcResult<GeoPoint> {
    let InputGeoPoint::InputGeoPoint(said) = said else { return Err(GEO_POINT_INVALID) };
    // What is out of bounds, or no number, is refused here: core would not say which part it was.
    if !(said.lat.abs() <= 90.0 && said.long.abs() <= 180.0) {
        return Err(GEO_POINT_INVALID);
    }
    let accuracy_radius = said.accuracy_radius.filter(|radius| *radius != 0);
    Ok(GeoPoint { lat: said.lat.into(), long: said.long.into(), accuracy_radius })
}

/// A photo that the client was shown, and where.
fn shown_photo(ctx: &Context, named: &InputPhoto) -> RpcResult<(Photo, Origin)> {
    let InputPhoto::InputPhoto(named) = named else { return Err(PHOTO_INVALID) };
    let (id, core) = (FileId(named.id), &ctx.shared.core);
    let origin = shown(core, ctx.user()?, id, named.access_hash, &named.file_reference)?;
    Ok((core.photo(id)?.ok_or(PHOTO_INVALID)?, origin))
}

/// A photo that the client was shown.
pub(super) fn photo(ctx: &Context, named: &InputPhoto) -> RpcResult<Photo> {
    shown_photo(ctx, named).map(|(photo, _)| photo)
}

/// A document that the client was shown, and where.
fn shown_document(ctx: &Context, named: &InputDocument) -> RpcResult<(Document, Origin)> {
    let InputDocument::InputDocument(named) = named else { return Err(DOCUMENT_INVALID) };
    let (id, core) = (FileId(named.id), &ctx.shared.core);
    let origin = shown(core, ctx.user()?, id, named.access_hash, &named.file_reference)?;
    Ok((core.document(id)?.ok_or(DOCUMENT_INVALID)?, origin))
}

/// Where a viewer was shown a file that may be shown to others, or kept, from there.
pub(super) fn shown(
    core: &Core,
    viewer: UserId,
    file: FileId,
    access_hash: i64,
    reference: &[u8],
) -> CoreResult<Origin> {
    let origin = core.check_reference(viewer, file, access_hash, reference)?;
    let message = match origin {
        Origin::Message(at) => core.message(viewer, at)?,
        Origin::ChannelMessage(channel, at) => core.message(channel, at)?,
        _ => None,
    };
    if let Some(message) = message
        && !message.out
        && !(message.peer.channel().is_some() && message.is_by(viewer))
        // Everybody may have the stickers of a set, wherever they saw one.
        && core.set_of_sticker(file)?.is_none()
    {
        // What may not be forwarded may not be sent anew either.
        let kept = match message.peer {
            PeerId::Chat(chat) => core.chat(chat).is_some_and(|chat| chat.noforwards),
            PeerId::Channel(channel) => core.channel(channel).is_some_and(|found| found.noforwards),
            _ => false,
        };
        if message.noforwards || kept {
            return Err(CoreError::ForwardsRestricted);
        }
    }
    Ok(origin)
}

/// What may be in one album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Photos and films.
    Seen,
    /// Music.
    Heard,
    /// Other files.
    Files,
}

/// Which album something may be in; `None`: in none.
pub(super) fn group(ctx: &Context, media: &OutgoingMedia) -> RpcResult<Option<Group>> {
    let of = |document: &Document| {
        use DocumentAttribute as Is;
        let is = |what: fn(&Is) -> bool| document.attributes.iter().any(what);
        let alone = is(|is| {
            matches!(
                is,
                Is::Animated
                    | Is::Sticker { .. }
                    | Is::CustomEmoji { .. }
                    | Is::Video { round_message: true, .. }
                    | Is::Audio { voice: true, .. }
            )
        });
        if alone {
            None
        } else if is(|is| matches!(is, Is::Video { .. })) {
            Some(Group::Seen)
        } else if is(|is| matches!(is, Is::Audio { .. })) {
            Some(Group::Heard)
        } else {
            Some(Group::Files)
        }
    };
    Ok(match &media.file {
        OutgoingFile::NewPhoto { .. } => Some(Group::Seen),
        OutgoingFile::NewDocument { document, .. } => of(document),
        OutgoingFile::Known { file, .. } => match ctx.shared.core.document(*file)? {
            Some(document) => of(&document),
            None => Some(Group::Seen),
        },
        _ => None,
    })
}

/// Stores a file that is no message yet, and shows it to its uploader. One that is there already is
/// shown where it was: who loses sight of it there must not have it as one's own for ever.
pub(super) async fn store(
    ctx: &Context,
    named: InputMedia,
    uploads: &mut Uploads,
) -> RpcResult<enums::MessageMedia> {
    let core = &ctx.shared.core;
    let origin = match &named {
        InputMedia::InputMediaPhoto(known) => shown_photo(ctx, &known.id)?.1,
        InputMedia::InputMediaDocument(known) => shown_document(ctx, &known.id)?.1,
        _ => Origin::Own,
    };
    let media = match read(ctx, named, [0; 16], uploads).await?.file {
        OutgoingFile::NewPhoto { photo, spoiler } => {
            let id = photo.id;
            core.add_photo(photo).await?;
            Media::Photo { photo: id, spoiler }
        }
        OutgoingFile::NewDocument { document, spoiler } => {
            let id = document.id;
            core.add_document(document).await?;
            Media::Document { document: id, spoiler }
        }
        OutgoingFile::Known { file, spoiler } => match core.photo(file)? {
            Some(_) => Media::Photo { photo: file, spoiler },
            None => Media::Document { document: file, spoiler },
        },
        _ => return Err(MEDIA_INVALID),
    };
    let shown = crate::project::media(ctx.view()?, origin, &media)?;
    Ok(shown.unwrap_or_else(|| types::MessageMediaEmpty {}.into()))
}
