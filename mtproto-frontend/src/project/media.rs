//! What comes with messages: `messageMedia…`, `photo`, `document`.

use node_core::{
    CoreResult, Document, DocumentAttribute, FileId, GeoPoint, Media, Origin, Photo, PhotoSize,
};
use tl::{enums, types};

use super::{View, web_page};

/// What comes with a message. `None` where there is nothing that this layer of the API could show.
pub(crate) fn media(
    view: View<'_>,
    origin: Origin,
    media: &Media,
) -> CoreResult<Option<enums::MessageMedia>> {
    Ok(Some(match media {
        Media::Photo { photo: file, spoiler } => types::MessageMediaPhoto {
            spoiler: *spoiler,
            photo: Some(photo(view, origin, *file)?),
            ..types::MessageMediaPhoto::default()
        }
        .into(),
        Media::Document { document: file, spoiler } => {
            let found = view.core.document(*file)?;
            let is = |what: fn(&DocumentAttribute) -> bool| {
                found.as_ref().is_some_and(|found| found.attributes.iter().any(what))
            };
            use DocumentAttribute as Is;
            types::MessageMediaDocument {
                spoiler: *spoiler,
                video: is(|is| matches!(is, Is::Video { round_message: false, .. })),
                round: is(|is| matches!(is, Is::Video { round_message: true, .. })),
                voice: is(|is| matches!(is, Is::Audio { voice: true, .. })),
                document: Some(match &found {
                    Some(found) => document(view, origin, found),
                    None => types::DocumentEmpty { id: file.0 }.into(),
                }),
                ..types::MessageMediaDocument::default()
            }
            .into()
        }
        Media::Contact { phone_number, first_name, last_name, vcard, user } => {
            types::MessageMediaContact {
                phone_number: phone_number.clone(),
                first_name: first_name.clone(),
                last_name: last_name.clone(),
                vcard: vcard.clone(),
                user_id: user.map_or(0, |user| user.0),
            }
            .into()
        }
        Media::Geo(point) => types::MessageMediaGeo { geo: geo(point) }.into(),
        Media::GeoLive { point, heading, period, proximity } => types::MessageMediaGeoLive {
            geo: geo(point),
            heading: *heading,
            period: *period,
            proximity_notification_radius: *proximity,
        }
        .into(),
        Media::Venue { point, title, address, provider, venue_id, venue_type } => {
            types::MessageMediaVenue {
                geo: geo(point),
                title: title.clone(),
                address: address.clone(),
                provider: provider.clone(),
                venue_id: venue_id.clone(),
                venue_type: venue_type.clone(),
            }
            .into()
        }
        Media::Dice { emoticon, value } => types::MessageMediaDice {
            value: *value,
            emoticon: emoticon.clone(),
            game_outcome: None,
        }
        .into(),
        Media::WebPage { page, force_large, force_small, manual } => {
            let Some(found) = view.core.web_page(*page)? else { return Ok(None) };
            types::MessageMediaWebPage {
                force_large_media: *force_large,
                force_small_media: *force_small,
                manual: *manual,
                safe: false,
                webpage: web_page(view, &found)?,
            }
            .into()
        }
        Media::Poll(id) => match super::poll_and_results(view, *id)? {
            Some((poll, results)) => {
                types::MessageMediaPoll { poll, results, attached_media: None }.into()
            }
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn geo(point: &GeoPoint) -> enums::GeoPoint {
    types::GeoPoint {
        long: point.long.into(),
        lat: point.lat.into(),
        access_hash: 0,
        accuracy_radius: point.accuracy_radius,
    }
    .into()
}

/// A photo; an empty one where it is gone.
pub(crate) fn photo(view: View<'_>, origin: Origin, file: FileId) -> CoreResult<enums::Photo> {
    Ok(match view.core.photo(file)? {
        Some(found) => full_photo(view, origin, &found),
        None => types::PhotoEmpty { id: file.0 }.into(),
    })
}

/// A photo that is there.
pub(crate) fn full_photo(view: View<'_>, origin: Origin, found: &Photo) -> enums::Photo {
    types::Photo {
        has_stickers: found.has_stickers,
        id: found.id.0,
        access_hash: view.core.file_access_hash(found.id),
        file_reference: view.core.file_reference(view.viewer, found.id, origin),
        date: found.date,
        sizes: sizes(&found.stripped, &found.sizes),
        video_sizes: None,
        dc_id: view.dc,
    }
    .into()
}

fn sizes(stripped: &[u8], found: &[PhotoSize]) -> Vec<enums::PhotoSize> {
    let mut sizes = Vec::with_capacity(found.len() + 1);
    if !stripped.is_empty() {
        let (type_, bytes) = ("i".to_owned(), stripped.to_vec());
        sizes.push(types::PhotoStrippedSize { type_, bytes }.into());
    }
    for size in found {
        let (type_, w, h) = (char::from(size.kind).to_string(), size.width, size.height);
        sizes.push(if size.progressive.is_empty() {
            let size = i32::try_from(size.size).unwrap_or(i32::MAX);
            types::PhotoSize { type_, w, h, size }.into()
        } else {
            let sizes = size.progressive.iter().map(|at| i32::try_from(*at).unwrap_or(i32::MAX));
            types::PhotoSizeProgressive { type_, w, h, sizes: sizes.collect() }.into()
        });
    }
    sizes
}

/// A document.
pub(crate) fn document(view: View<'_>, origin: Origin, found: &Document) -> enums::Document {
    let thumbs = sizes(&found.stripped, &found.thumbs);
    types::Document {
        id: found.id.0,
        access_hash: view.core.file_access_hash(found.id),
        file_reference: view.core.file_reference(view.viewer, found.id, origin),
        date: found.date,
        mime_type: found.mime_type.clone(),
        size: i64::try_from(found.size).unwrap_or(i64::MAX),
        thumbs: (!thumbs.is_empty()).then_some(thumbs),
        video_thumbs: None,
        dc_id: view.dc,
        attributes: found.attributes.iter().map(|is| attribute(view, is)).collect(),
    }
    .into()
}

fn attribute(view: View<'_>, is: &DocumentAttribute) -> enums::DocumentAttribute {
    let set = |set: &Option<i64>| -> enums::InputStickerSet {
        match set {
            Some(id) => {
                let access_hash = view.core.sticker_set_access_hash(*id);
                types::InputStickerSetId { id: *id, access_hash }.into()
            }
            None => types::InputStickerSetEmpty {}.into(),
        }
    };
    match is {
        DocumentAttribute::ImageSize { width: w, height: h } => {
            types::DocumentAttributeImageSize { w: *w, h: *h }.into()
        }
        DocumentAttribute::Animated => types::DocumentAttributeAnimated {}.into(),
        DocumentAttribute::Sticker { mask, alt, set: of } => types::DocumentAttributeSticker {
            mask: *mask,
            alt: alt.clone(),
            stickerset: set(of),
            mask_coords: None,
        }
        .into(),
        DocumentAttribute::CustomEmoji { text_color, alt, set: of } => {
            types::DocumentAttributeCustomEmoji {
                free: true,
                text_color: *text_color,
                alt: alt.clone(),
                stickerset: set(of),
            }
            .into()
        }
        DocumentAttribute::Video {
            round_message,
            supports_streaming,
            nosound,
            duration,
            width,
            height,
            preload_prefix_size,
            video_start_ts,
            video_codec,
        } => types::DocumentAttributeVideo {
            round_message: *round_message,
            supports_streaming: *supports_streaming,
            nosound: *nosound,
            duration: (*duration).into(),
            w: *width,
            h: *height,
            preload_prefix_size: *preload_prefix_size,
            video_start_ts: video_start_ts.map(f64::from),
            video_codec: video_codec.clone(),
            // Before layer 159 whole seconds stood there.
            duration_until_158: f64::from(*duration) as i32,
        }
        .into(),
        DocumentAttribute::Audio { voice, duration, title, performer, waveform } => {
            types::DocumentAttributeAudio {
                voice: *voice,
                duration: *duration,
                title: title.clone(),
                performer: performer.clone(),
                waveform: waveform.clone(),
            }
            .into()
        }
        DocumentAttribute::Filename(file_name) => {
            types::DocumentAttributeFilename { file_name: file_name.clone() }.into()
        }
        DocumentAttribute::HasStickers => types::DocumentAttributeHasStickers {}.into(),
        // What a later version adds.
        _ => types::DocumentAttributeFilename { file_name: String::new() }.into(),
    }
}
