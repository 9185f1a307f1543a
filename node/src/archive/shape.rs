//! What the node knows, in the shape of Telegram Desktop's `result.json`.
//!
//! Names of fields are those of its export; what it has no field for is left out, or stands under a name of
//! ours that programs skip, such as `blocked`, `privacy`, `folders` and `draft`.

use node_core::{
    Action, Author, Core, Document, DocumentAttribute, FileId, GeoPoint, Media, Message, MessageId,
    PeerId, Photo, PollId, Reaction, Stored, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::text::parts;

/// An object of JSON.
pub(super) type Fields = Map<String, Value>;

/// A message, and the file that belongs to it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    /// Without the path of the file, which whoever writes it knows.
    pub(super) fields: Fields,
    pub(super) file: Option<FileRef>,
}

/// A file that is to be written beside the messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FileRef {
    pub(super) id: FileId,
    /// Bytes.
    pub(super) size: u64,
    /// As its sender called it, which may be anything; empty: it has no name.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Unix seconds.
    pub(super) date: i32,
    /// As its sender said, which may be anything.
    pub(super) mime_type: String,
}

/// Where a file goes, and which field names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Photo,
    Sticker,
    Voice,
    RoundVideo,
    Video,
    File,
}

impl Kind {
    /// The folder, as Telegram Desktop calls it.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Photo => "photos",
            Self::Sticker => "stickers",
            Self::Voice => "voice_messages",
            Self::RoundVideo => "round_video_messages",
            Self::Video => "video_files",
            Self::File => "files",
        }
    }

    /// The field with its path.
    pub(super) fn field(self) -> &'static str {
        if self == Self::Photo { "photo" } else { "file" }
    }
}

/// A moment, by UTC: `2026-01-31T12:00:00`.
pub(super) fn date(seconds: i32) -> String {
    let date = OffsetDateTime::from_unix_timestamp(seconds.into());
    let date = date.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = date.to_hms();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Two fields, as each moment has there: for people, and in unix seconds.
pub(super) fn set_date(fields: &mut Fields, name: &str, seconds: i32) {
    fields.insert(name.into(), date(seconds).into());
    fields.insert(format!("{name}_unixtime"), seconds.to_string().into());
}

/// How a viewer calls somebody or something; none: an account that is no more, or nothing that is known.
pub(super) fn name(core: &Core, viewer: UserId, peer: PeerId) -> anyhow::Result<Option<String>> {
    Ok(match peer {
        PeerId::User(user) => {
            core.view(viewer, user)?.filter(|view| !view.user.deleted).map(|view| {
                match &view.contact {
                    Some(kept) => {
                        format!("{} {}", kept.first_name, kept.last_name).trim().to_owned()
                    }
                    None => view.user.full_name(),
                }
            })
        }
        PeerId::Chat(chat) => core.chat(chat).map(|chat| chat.title.clone()),
        PeerId::Channel(channel) => core.channel(channel).map(|channel| channel.title.clone()),
        _ => None,
    })
}

/// What a peer is, and its number.
pub(super) fn numbered(peer: PeerId) -> (&'static str, i64) {
    match peer {
        PeerId::User(user) => ("user", user.0),
        PeerId::Chat(chat) => ("chat", chat.0),
        PeerId::Channel(channel) => ("channel", channel.0),
        _ => ("unknown", 0),
    }
}

fn peer_id(peer: PeerId) -> String {
    let (kind, number) = numbered(peer);
    format!("{kind}{number}")
}

/// Who is said to have written a message: of a channel's post the channel, whoever it was.
fn author(core: &Core, message: &Message) -> PeerId {
    match message.peer.channel() {
        // Of one that is not known nobody is named.
        Some(channel) if core.channel(channel).is_none_or(|channel| channel.broadcast) => {
            message.peer
        }
        _ => message.author(),
    }
}

/// A message as a viewer sees it.
pub(super) fn message(core: &Core, viewer: UserId, stored: &Stored) -> anyhow::Result<Shown> {
    let (id, message) = (stored.id, &stored.message);
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Value| fields.insert(name.into(), value);
    set("id", id.0.into());
    set("type", if message.action.is_some() { "service" } else { "message" }.into());
    set_date(&mut fields, "date", message.date);
    if message.edited != 0 {
        set_date(&mut fields, "edited", message.edited);
    }
    let from = author(core, message);
    let label = if message.action.is_some() { "actor" } else { "from" };
    fields.insert(label.into(), json!(name(core, viewer, from)?));
    fields.insert(format!("{label}_id"), peer_id(from).into());
    let file = match &message.action {
        Some(action) => told(core, viewer, message, action, &mut fields)?,
        None => said(core, viewer, message, &mut fields)?,
    };
    let (text, entities) = parts(&message.text, &message.entities);
    fields.insert("text".into(), text);
    fields.insert("text_entities".into(), entities);
    if let Some(reactions) = reactions(core, viewer, id, message)? {
        fields.insert("reactions".into(), reactions);
    }
    Ok(Shown { fields, file })
}

fn said(
    core: &Core,
    viewer: UserId,
    message: &Message,
    fields: &mut Fields,
) -> anyhow::Result<Option<FileRef>> {
    let mut set = |name: &str, value: Value| fields.insert(name.into(), value);
    if let Some(signed) = &message.post_author {
        set("author", signed.clone().into());
    }
    if let Some(forward) = &message.forward {
        let from = match &forward.from {
            Author::Name(name) => Some(name.clone()),
            Author::User(user) => name(core, viewer, (*user).into())?,
            Author::Channel { channel, .. } => name(core, viewer, (*channel).into())?,
        };
        set("forwarded_from", json!(from));
        if let Some(from) = forward.from.peer() {
            set("forwarded_from_id", peer_id(from).into());
        }
        if let Some((from, _)) = forward.saved_from {
            set("saved_from", json!(name(core, viewer, from)?));
        }
    }
    if let Some(reply) = &message.reply {
        set("reply_to_message_id", reply.to.0.into());
    }
    if message.ttl_period != 0 {
        set("self_destruct_period_seconds", message.ttl_period.into());
    }
    match &message.media {
        Some(found) => media(core, viewer, found, fields),
        None => Ok(None),
    }
}

fn media(
    core: &Core,
    viewer: UserId,
    media: &Media,
    fields: &mut Fields,
) -> anyhow::Result<Option<FileRef>> {
    let mut set = |name: &str, value: Value| fields.insert(name.into(), value);
    match media {
        Media::Photo { photo, spoiler } => {
            if *spoiler {
                set("media_spoiler", true.into());
            }
            let Some(found) = core.photo(*photo)? else { return Ok(None) };
            if let Some(largest) = found.sizes.last() {
                set("photo_file_size", largest.size.into());
                set("width", largest.width.into());
                set("height", largest.height.into());
            }
            return Ok(photo_of(&found));
        }
        Media::Document { document, spoiler } => {
            if *spoiler {
                set("media_spoiler", true.into());
            }
            let Some(found) = core.document(*document)? else { return Ok(None) };
            return Ok(Some(document_of(&found, fields)));
        }
        Media::Contact { phone_number, first_name, last_name, .. } => {
            let who = json!({ "first_name": first_name, "last_name": last_name, "phone_number": phone_number });
            set("contact_information", who);
        }
        Media::Geo(point) => {
            set("location_information", place(point));
        }
        Media::GeoLive { point, period, .. } => {
            set("location_information", place(point));
            set("live_location_period_seconds", (*period).into());
        }
        Media::Venue { point, title, address, .. } => {
            set("place_name", title.clone().into());
            set("address", address.clone().into());
            set("location_information", place(point));
        }
        Media::Dice { emoticon, value } => {
            set("dice", json!({ "emoji": emoticon, "value": value }));
        }
        Media::Poll(poll) => {
            if let Some(shown) = poll_of(core, viewer, *poll)? {
                set("poll", shown);
            }
        }
        // Its address is in the text.
        Media::WebPage { .. } => {}
        _ => {
            set("type", "unsupported".into());
        }
    }
    Ok(None)
}

fn place(point: &GeoPoint) -> Value {
    json!({ "latitude": f64::from(point.lat), "longitude": f64::from(point.long) })
}

fn poll_of(core: &Core, viewer: UserId, poll: PollId) -> anyhow::Result<Option<Value>> {
    let Some(view) = core.poll(viewer, poll)? else { return Ok(None) };
    // Who has not voted sees no counts, here as in a client.
    let shows = view.shows_results();
    let mut total = 0;
    let answers = view.poll.answers.iter().enumerate().map(|(at, answer)| {
        let voters = if shows { answer.voters } else { 0 };
        total += voters;
        let chosen = view.chosen.iter().any(|chosen| usize::from(*chosen) == at);
        json!({ "text": answer.text.text, "voters": voters, "chosen": chosen })
    });
    let answers: Vec<Value> = answers.collect();
    let (question, closed) = (&view.poll.question.text, view.poll.closed);
    Ok(Some(json!({
        "question": question,
        "closed": closed,
        "total_voters": total,
        "answers": answers,
    })))
}

/// A photo as a file, if it is there.
pub(super) fn photo_ref(core: &Core, photo: FileId) -> anyhow::Result<Option<FileRef>> {
    Ok(core.photo(photo)?.as_ref().and_then(photo_of))
}

fn photo_of(photo: &Photo) -> Option<FileRef> {
    let largest = photo.sizes.last()?;
    let (name, mime_type) = ("photo.jpg".to_owned(), "image/jpeg".to_owned());
    let size = largest.size.into();
    Some(FileRef { id: photo.id, size, name, kind: Kind::Photo, date: photo.date, mime_type })
}

fn document_of(document: &Document, fields: &mut Fields) -> FileRef {
    let mut kind = Kind::File;
    let mut media_type = None;
    let mut name = String::new();
    let mut set = |name: &str, value: Value| fields.insert(name.into(), value);
    for attribute in &document.attributes {
        match attribute {
            DocumentAttribute::Filename(given) => name.clone_from(given),
            DocumentAttribute::Sticker { alt, .. } | DocumentAttribute::CustomEmoji { alt, .. } => {
                (kind, media_type) = (Kind::Sticker, Some("sticker"));
                set("sticker_emoji", alt.clone().into());
            }
            DocumentAttribute::Animated if media_type != Some("sticker") => {
                (kind, media_type) = (Kind::Video, Some("animation"));
            }
            DocumentAttribute::Video { round_message, duration, width, height, .. } => {
                if *round_message {
                    (kind, media_type) = (Kind::RoundVideo, Some("video_message"));
                } else if media_type.is_none() {
                    (kind, media_type) = (Kind::Video, Some("video_file"));
                }
                set("duration_seconds", (f64::from(*duration) as i64).into());
                set("width", (*width).into());
                set("height", (*height).into());
            }
            DocumentAttribute::Audio { voice: true, duration, .. } => {
                (kind, media_type) = (Kind::Voice, Some("voice_message"));
                set("duration_seconds", (*duration).into());
            }
            DocumentAttribute::Audio { duration, title, performer, .. } => {
                media_type = Some("audio_file");
                set("duration_seconds", (*duration).into());
                for (name, text) in [("performer", performer), ("title", title)] {
                    if let Some(text) = text {
                        set(name, text.clone().into());
                    }
                }
            }
            DocumentAttribute::ImageSize { width, height } => {
                set("width", (*width).into());
                set("height", (*height).into());
            }
            _ => {}
        }
    }
    if !name.is_empty() {
        set("file_name", name.clone().into());
    }
    set("file_size", document.size.into());
    if let Some(media_type) = media_type {
        set("media_type", media_type.into());
    }
    if media_type != Some("sticker") {
        set("mime_type", document.mime_type.clone().into());
    }
    let (date, mime_type) = (document.date, document.mime_type.clone());
    FileRef { id: document.id, size: document.size, name, kind, date, mime_type }
}

/// What a service message tells.
fn told(
    core: &Core,
    viewer: UserId,
    message: &Message,
    action: &Action,
    fields: &mut Fields,
) -> anyhow::Result<Option<FileRef>> {
    let named = |user: &UserId| name(core, viewer, (*user).into());
    let names = |users: &[UserId]| users.iter().map(named).collect::<anyhow::Result<Vec<_>>>();
    let mut set = |name: &str, value: Value| fields.insert(name.into(), value);
    let mut file = None;
    let action = match action {
        Action::ChatCreated { title, users } => {
            set("title", title.clone().into());
            set("members", json!(names(users)?));
            "create_group"
        }
        Action::ChatTitle(title) => {
            set("title", title.clone().into());
            "edit_group_title"
        }
        Action::ChatPhoto(None) => "delete_group_photo",
        Action::ChatPhoto(Some(photo)) => {
            file = photo_ref(core, *photo)?;
            "edit_group_photo"
        }
        Action::ChatAdded(users) => {
            set("members", json!(names(users)?));
            "invite_members"
        }
        Action::ChatRemoved(user) => {
            set("members", json!([named(user)?]));
            "remove_members"
        }
        Action::ChatJoinedByLink { inviter } => {
            set("inviter", json!(named(inviter)?));
            "join_group_by_link"
        }
        Action::ChatJoinedByRequest => "join_group_by_request",
        Action::ChannelCreated { title } => {
            set("title", title.clone().into());
            "create_channel"
        }
        Action::ChatMigratedTo(_) => "migrate_to_supergroup",
        Action::ChatMigratedFrom { title, .. } => {
            set("title", title.clone().into());
            "migrate_from_group"
        }
        Action::SetTtl { period, .. } => {
            set("period", (*period).into());
            "set_messages_ttl"
        }
        Action::ContactSignUp => "joined_telegram",
        Action::TopicCreated { title, .. } => {
            set("title", title.clone().into());
            "topic_created"
        }
        Action::TopicEdited(change) => {
            if let Some(title) = &change.title {
                set("new_title", title.clone().into());
            }
            "topic_edit"
        }
        // Also what a later version adds, as clients are told.
        _ => {
            if let Some(reply) = &message.reply {
                set("message_id", reply.to.0.into());
            }
            "pin_message"
        }
    };
    set("action", action.into());
    Ok(file)
}

fn reactions(
    core: &Core,
    viewer: UserId,
    id: MessageId,
    message: &Message,
) -> anyhow::Result<Option<Value>> {
    let Some(found) = core.reactions(viewer, id, message)? else { return Ok(None) };
    let one = |count: &node_core::ReactionCount| match &count.reaction {
        Reaction::Emoji(emoji) => json!({ "type": "emoji", "count": count.count, "emoji": emoji }),
        Reaction::Custom(FileId(document)) => {
            let document = document.to_string();
            json!({ "type": "custom_emoji", "count": count.count, "document_id": document })
        }
    };
    Ok((!found.counts.is_empty()).then(|| found.counts.iter().map(one).collect()))
}
