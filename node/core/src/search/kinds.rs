//! What kind of message it is, by what comes with it: the tabs of a profile.
//!
//! Source: <https://core.telegram.org/type/MessagesFilter>

use node_store::Store;

use super::SearchFilter;
use super::words::has_url;
use crate::CoreResult;
use crate::media::{Document, DocumentAttribute, Media, stored_document};
use crate::message::{Action, Message};

/// Filters by which messages are indexed, and the name under which they are.
pub(super) const INDEXED: [(SearchFilter, &str); 15] = [
    (SearchFilter::Url, "url"),
    (SearchFilter::Photos, "photo"),
    (SearchFilter::Video, "video"),
    (SearchFilter::PhotoVideo, "photo-video"),
    (SearchFilter::Document, "document"),
    (SearchFilter::Music, "music"),
    (SearchFilter::Voice, "voice"),
    (SearchFilter::RoundVideo, "round"),
    (SearchFilter::RoundVoice, "round-voice"),
    (SearchFilter::Gif, "gif"),
    (SearchFilter::Contacts, "contact"),
    (SearchFilter::Geo, "geo"),
    (SearchFilter::ChatPhotos, "chat-photo"),
    (SearchFilter::MyMentions, "mention"),
    (SearchFilter::Poll, "poll"),
];

/// The document of a message, which says what kind it is and has a name that is searched for.
pub(super) fn document_of(store: &dyn Store, message: &Message) -> CoreResult<Option<Document>> {
    match message.media {
        Some(Media::Document { document, .. }) => stored_document(store, document),
        _ => Ok(None),
    }
}

/// Whether a message is of the kind that is asked for. Pins are not looked at.
pub(super) fn fits(filter: SearchFilter, message: &Message, document: Option<&Document>) -> bool {
    use DocumentAttribute as Is;
    let media = message.media.as_ref();
    let is = |what: fn(&Is) -> bool| {
        document.is_some_and(|document| document.attributes.iter().any(what))
    };
    let animated = || is(|is| matches!(is, Is::Animated));
    let photo = || matches!(media, Some(Media::Photo { .. }));
    let video = || is(|is| matches!(is, Is::Video { round_message: false, .. })) && !animated();
    let voice = || is(|is| matches!(is, Is::Audio { voice: true, .. }));
    let round = || is(|is| matches!(is, Is::Video { round_message: true, .. }));
    match filter {
        SearchFilter::Any => true,
        SearchFilter::Pinned => message.pinned,
        SearchFilter::Url => has_url(message),
        SearchFilter::Photos => photo(),
        SearchFilter::Video => video(),
        SearchFilter::PhotoVideo => photo() || video(),
        SearchFilter::Document => {
            let other = |is: &Is| {
                matches!(
                    is,
                    Is::Animated
                        | Is::Sticker { .. }
                        | Is::CustomEmoji { .. }
                        | Is::Video { .. }
                        | Is::Audio { .. }
                )
            };
            document.is_some_and(|document| !document.attributes.iter().any(other))
        }
        SearchFilter::Music => is(|is| matches!(is, Is::Audio { voice: false, .. })),
        SearchFilter::Voice => voice(),
        SearchFilter::RoundVideo => round(),
        SearchFilter::RoundVoice => round() || voice(),
        SearchFilter::Gif => animated(),
        SearchFilter::Contacts => matches!(media, Some(Media::Contact { .. })),
        SearchFilter::Geo => {
            matches!(media, Some(Media::Geo(_) | Media::GeoLive { .. } | Media::Venue { .. }))
        }
        SearchFilter::ChatPhotos => matches!(message.action, Some(Action::ChatPhoto(Some(_)))),
        // In channels it says that somebody is.
        SearchFilter::MyMentions => message.mentioned && message.peer.channel().is_none(),
        SearchFilter::Poll => matches!(media, Some(Media::Poll(_))),
    }
}

/// Names of a document that are searched for like a text.
pub(super) fn names(document: &Document) -> impl Iterator<Item = &str> {
    document
        .attributes
        .iter()
        .flat_map(|is| match is {
            DocumentAttribute::Filename(name) => [Some(name.as_str()), None],
            DocumentAttribute::Audio { title, performer, .. } => {
                [title.as_deref(), performer.as_deref()]
            }
            _ => [None, None],
        })
        .flatten()
}
