//! What the command asks of the running node, and the answers: bounded pages, bounded ranges of files.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blobs::{READ_BYTES_MAX, Wanted};
use node_core::{
    BlobId, Channel, ChannelId, Core, DialogPlace, DialogQuery, DialogView, FileId, HistoryQuery,
    PAGE_MAX, PeerId, PrivacyKey, Stored, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::personal;
use super::shape::{self, Shown};
use crate::control::{self, Node, Request};

/// Who looks at a channel that is archived for nobody in particular: whom it shows no more than everybody
/// in it sees.
const NOBODY: UserId = UserId::SERVICE;

/// A part of an archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub(crate) enum Asked {
    /// A member, and the list of the dialogs.
    User {
        /// Digits of the number.
        phone: u64,
    },
    /// A group or channel.
    Channel {
        /// Its public name, the beginning of its name in logs, or `c/` and its number here.
        channel: String,
    },
    /// Messages of a dialog, the oldest first.
    Page {
        /// Who looks; none: nobody in particular.
        viewer: Option<UserId>,
        /// The dialog.
        peer: PeerId,
        /// The first one.
        from: i32,
    },
    /// Bytes of a photo or a file, at most [`READ_BYTES_MAX`].
    File {
        /// Which.
        file: FileId,
        /// Where they begin.
        offset: u64,
    },
}

/// Whose archive it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Subject {
    /// Who looks.
    pub(super) viewer: Option<UserId>,
    /// Of a member: what is beside the dialogs, as `result.json` has it.
    pub(super) personal: Option<Map<String, Value>>,
    /// Photos of the profile.
    pub(super) photos: Vec<shape::FileRef>,
    /// The dialogs, the newest first; one for a channel.
    pub(super) dialogs: Vec<Dialog>,
}

impl Subject {
    /// How many messages there are, about: more may come meanwhile.
    pub(super) fn messages(&self) -> u64 {
        self.dialogs.iter().map(|dialog| dialog.count).sum()
    }
}

/// A dialog.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Dialog {
    pub(super) peer: PeerId,
    /// None: of an account that is no more.
    pub(super) name: Option<String>,
    /// As `result.json` calls its kind.
    pub(super) kind: String,
    pub(super) count: u64,
    /// What the member has of it beside messages that were sent.
    pub(super) more: Map<String, Value>,
}

/// A page of messages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) messages: Vec<Shown>,
    /// Where the next page begins; none: this was the last one.
    pub(super) next: Option<i32>,
}

/// Asks the node that runs on `directory`.
pub(super) fn ask<T: serde::de::DeserializeOwned>(
    directory: &Path,
    asked: &Asked,
) -> anyhow::Result<T> {
    control::ask(directory, &Request::Archive { asked: asked.clone() })
}

/// A range of a file; the last one is shorter, or empty.
pub(super) fn read(directory: &Path, file: FileId, offset: u64) -> anyhow::Result<Vec<u8>> {
    let text: String = ask(directory, &Asked::File { file, offset })?;
    STANDARD.decode(text).context("bytes of a file")
}

/// Answers a part.
pub(crate) async fn answer(node: &Node, asked: Asked) -> anyhow::Result<Value> {
    let core = &node.core;
    Ok(match asked {
        Asked::User { phone } => json!(user(core, phone).await?),
        Asked::Channel { channel } => json!(channel_of(core, &channel).await?),
        Asked::Page { viewer, peer, from } => json!(page(core, viewer, peer, from).await?),
        Asked::File { file, offset } => json!(STANDARD.encode(bytes(node, file, offset).await?)),
    })
}

async fn user(core: &Core, phone: u64) -> anyhow::Result<Subject> {
    let Some(user) = core.member_by_phone(phone) else {
        bail!("nobody has the number +{phone} here")
    };
    let mut dialogs = Vec::new();
    let mut after = None;
    loop {
        let query = DialogQuery { after, limit: PAGE_MAX, ..DialogQuery::default() };
        let page = core.dialogs(user, query).await?;
        let Some(last) = page.dialogs.last() else { break };
        after = Some(DialogPlace { id: last.top, date: 0, peer: Some(last.peer) });
        for found in &page.dialogs {
            let more = waiting(core, user, found).await?;
            dialogs.push(Dialog { more, ..dialog(core, user, found.peer).await? });
        }
    }
    let photos = core.profile_photos(user, user)?.into_iter();
    let photos = photos.map(|photo| shape::photo_ref(core, photo)).filter_map(Result::transpose);
    let mut own = personal::personal(core, user).await?;
    own.insert("privacy".into(), privacy(core, user).await?.into());
    own.insert("folders".into(), json!({ "list": folders(core, user)? }));
    let personal = Some(own);
    Ok(Subject { viewer: Some(user), personal, photos: photos.collect::<Result<_, _>>()?, dialogs })
}

fn folders(core: &Core, user: UserId) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    for folder in core.filters(user)?.filters.iter().filter_map(|(_, folder)| folder.as_ref()) {
        let names = |peers: &[PeerId]| {
            let names = peers.iter().map(|peer| shape::name(core, user, *peer));
            names.collect::<anyhow::Result<Vec<_>>>()
        };
        found.push(json!({
            "title": folder.title,
            "pinned": names(&folder.pinned)?,
            "included": names(&folder.include)?,
            "excluded": names(&folder.exclude)?,
        }));
    }
    Ok(found)
}

/// What is not sent yet: a draft, and messages that wait for their time.
async fn waiting(
    core: &Core,
    user: UserId,
    dialog: &DialogView,
) -> anyhow::Result<Map<String, Value>> {
    let mut more = Map::new();
    if let Some(draft) = &dialog.draft {
        more.insert("draft".into(), json!({ "text": draft.text, "date": shape::date(draft.date) }));
    }
    let mut scheduled = Vec::new();
    for waits in core.scheduled_history(user, dialog.peer).await? {
        let stored = Stored { id: waits.id, message: waits.message };
        scheduled.push(Value::from(shape::message(core, user, &stored)?.fields));
    }
    if !scheduled.is_empty() {
        more.insert("scheduled_messages".into(), scheduled.into());
    }
    Ok(more)
}

async fn privacy(core: &Core, user: UserId) -> anyhow::Result<Map<String, Value>> {
    let mut found = Map::new();
    for (name, key) in [
        ("last_seen", PrivacyKey::Status),
        ("groups", PrivacyKey::ChatInvite),
        ("forwards", PrivacyKey::Forwards),
        ("profile_photo", PrivacyKey::ProfilePhoto),
        ("phone_number", PrivacyKey::PhoneNumber),
        ("found_by_phone_number", PrivacyKey::AddedByPhone),
        ("voice_messages", PrivacyKey::VoiceMessages),
        ("bio", PrivacyKey::About),
        ("birthday", PrivacyKey::Birthday),
    ] {
        let rules = core.privacy(user, key).await?;
        found.insert(name.into(), rules.iter().map(personal::rule).collect());
    }
    Ok(found)
}

async fn channel_of(core: &Core, called: &str) -> anyhow::Result<Subject> {
    let id = match called.strip_prefix("c/") {
        Some(number) => ChannelId(number.parse().context("no number of a channel")?),
        None => core.channel_called(called)?,
    };
    let dialogs = vec![dialog(core, NOBODY, id.into()).await?];
    Ok(Subject { viewer: None, personal: None, photos: Vec::new(), dialogs })
}

async fn dialog(core: &Core, viewer: UserId, peer: PeerId) -> anyhow::Result<Dialog> {
    let count =
        core.history(viewer, peer, HistoryQuery { limit: 1, ..HistoryQuery::default() }).await?;
    let kind = match peer {
        PeerId::User(user) if user == viewer => "saved_messages",
        PeerId::User(UserId::SERVICE) => "bot_chat",
        PeerId::User(_) => "personal_chat",
        PeerId::Chat(_) => "private_group",
        PeerId::Channel(channel) => {
            kind_of(&*core.channel(channel).context("the channel is not known here")?)
        }
        _ => bail!("a dialog of a kind that is not known here"),
    };
    let name = shape::name(core, viewer, peer)?;
    let count = u64::try_from(count.count).unwrap_or(0);
    Ok(Dialog { peer, name, kind: kind.into(), count, more: Map::new() })
}

fn kind_of(channel: &Channel) -> &'static str {
    match (channel.broadcast, channel.username.is_some()) {
        (true, true) => "public_channel",
        (true, false) => "private_channel",
        (false, true) => "public_supergroup",
        (false, false) => "private_supergroup",
    }
}

async fn page(
    core: &Core,
    viewer: Option<UserId>,
    peer: PeerId,
    from: i32,
) -> anyhow::Result<Page> {
    let mut from = from.max(1);
    if let (Some(viewer), Some(channel)) = (viewer, peer.channel()) {
        // What was said before somebody joined may be hidden from them.
        let hidden = core.participant(channel, viewer)?.map_or(0, |own| own.hidden_below.0);
        from = from.max(hidden.saturating_add(1));
    }
    let viewer = viewer.unwrap_or(NOBODY);
    // The page at and above an id: <https://core.telegram.org/api/offsets>.
    let query = HistoryQuery {
        offset_id: from,
        add_offset: -(PAGE_MAX as i32),
        limit: PAGE_MAX,
        ..HistoryQuery::default()
    };
    let found = core.history(viewer, peer, query).await?.messages;
    let next = match found.first() {
        Some(last) if last.id.0 >= from => Some(last.id.0.saturating_add(1)),
        _ => None,
    };
    let mut messages = Vec::with_capacity(found.len());
    for stored in found.iter().rev() {
        messages.push(shape::message(core, viewer, stored)?);
    }
    Ok(Page { messages, next })
}

async fn bytes(node: &Node, file: FileId, offset: u64) -> anyhow::Result<bytes::Bytes> {
    let (blob, size, owner) = match (node.core.photo(file)?, node.core.document(file)?) {
        (Some(photo), _) => {
            let largest = photo.sizes.last().context("a photo without a picture")?;
            (largest.blob, largest.size.into(), photo.owner)
        }
        (None, Some(document)) => (document.blob, document.size, document.owner),
        (None, None) => bail!("there is no such file"),
    };
    let BlobId(blob) = blob;
    // What lies on another node is loaded from there.
    let wanted = Wanted { blob: blobs::BlobId(blob), size, owner: owner.0 };
    Ok(node.keeper.blobs.read_far(&wanted, offset, READ_BYTES_MAX).await?)
}
