//! File references: where a viewer has seen a file.
//!
//! A client shows one with each file that it asks for. It names the place (a message, a profile, a
//! set of stickers), belongs to one viewer, and ends after a day; where the place is gone, or does
//! not show the file any more, so is the right to load it. Nothing is stored.
//!
//! Source: <https://core.telegram.org/api/file_reference>

use super::{DocumentAttribute, FileId, Media};
use crate::channels::AdminAction;
use crate::ids::{ChannelId, ChatId, MessageId, UserId};
use crate::message::{Action, Message};
use crate::{Core, CoreError, CoreResult};

/// Seconds for which a reference is good, at least.
pub const FILE_REFERENCE_S: i32 = 86_400;

/// References to the same place are equal for so many seconds: clients compare what they have.
const STEP_S: i32 = 3600;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// Bytes of a reference: version, place, number, end, tag; of a message of a channel, its number
/// stands before the end.
const BYTES: usize = 1 + 1 + 8 + 4 + TAG_BYTES;

/// Where a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A message of the viewer's box.
    Message(MessageId),
    /// The profile of somebody.
    Profile(UserId),
    /// The photo of a group.
    Chat(ChatId),
    /// The viewer's own uploads, what the viewer keeps (saved GIFs, recent stickers), and what comes
    /// with the node.
    Own,
    /// A set of stickers, by its number.
    StickerSet(i64),
    /// The preview of a page, by its number.
    WebPage(i64),
    /// A scheduled message of the viewer's.
    Scheduled,
    /// Any text: a custom emoji, which everybody loads by its number.
    CustomEmoji,
    /// The photo of a channel or supergroup.
    Channel(ChannelId),
    /// A message of a channel.
    ChannelMessage(ChannelId, MessageId),
}

impl Origin {
    fn parts(self) -> (u8, i64) {
        match self {
            Self::Message(id) => (0, i64::from(id.0)),
            Self::Profile(user) => (1, user.0),
            Self::Chat(chat) => (2, chat.0),
            Self::Own => (3, 0),
            Self::StickerSet(set) => (4, set),
            Self::WebPage(page) => (5, page),
            Self::Scheduled => (6, 0),
            Self::CustomEmoji => (7, 0),
            Self::Channel(channel) => (8, channel.0),
            Self::ChannelMessage(channel, _) => (9, channel.0),
        }
    }

    fn from_parts(kind: u8, number: i64, message: Option<i32>) -> Option<Self> {
        if let Some(message) = message {
            let place = Self::ChannelMessage(ChannelId(number), MessageId(message));
            return (kind == 9).then_some(place);
        }
        Some(match kind {
            0 => Self::Message(MessageId(i32::try_from(number).ok()?)),
            1 => Self::Profile(UserId(number)),
            2 => Self::Chat(ChatId(number)),
            3 => Self::Own,
            4 => Self::StickerSet(number),
            5 => Self::WebPage(number),
            6 => Self::Scheduled,
            7 => Self::CustomEmoji,
            8 => Self::Channel(ChannelId(number)),
            _ => return None,
        })
    }
}

/// Whether a message shows a file.
fn shows(message: &Message, file: FileId) -> bool {
    let of_media = message.media.as_ref().and_then(Media::file) == Some(file);
    of_media || message.action == Some(Action::ChatPhoto(Some(file)))
}

impl Core {
    /// `access_hash` of a file: a proof that it was shown to somebody.
    #[must_use]
    pub fn file_access_hash(&self, file: FileId) -> i64 {
        crate::access::file_hash(&self.inner.access_secret, file.0)
    }

    /// The reference by which `viewer` may load `file`, which is shown at `origin`.
    #[must_use]
    pub fn file_reference(&self, viewer: UserId, file: FileId, origin: Origin) -> Vec<u8> {
        let expires = (self.now() / STEP_S + 1) * STEP_S + FILE_REFERENCE_S;
        let (kind, number) = origin.parts();
        let mut reference = vec![VERSION, kind];
        reference.extend_from_slice(&number.to_be_bytes());
        if let Origin::ChannelMessage(_, id) = origin {
            reference.extend_from_slice(&id.0.to_be_bytes());
        }
        reference.extend_from_slice(&expires.to_be_bytes());
        let tag = self.reference_tag(viewer, file, &reference);
        reference.extend_from_slice(&tag);
        reference
    }

    fn reference_tag(&self, viewer: UserId, file: FileId, said: &[u8]) -> [u8; TAG_BYTES] {
        let ids = [viewer.0.to_be_bytes(), file.0.to_be_bytes()].concat();
        crate::access::reference_tag(&self.inner.access_secret, &ids, said)
    }

    /// Whether `viewer` may load a file by this reference.
    ///
    /// # Errors
    /// [`CoreError::FileInvalid`] for another file's or viewer's, [`CoreError::ReferenceExpired`]
    /// where it is too old or where the file is not shown there any more.
    pub fn check_reference(
        &self,
        viewer: UserId,
        file: FileId,
        access_hash: i64,
        reference: &[u8],
    ) -> CoreResult<Origin> {
        if access_hash != self.file_access_hash(file) {
            return Err(CoreError::FileInvalid);
        }
        if reference.is_empty() {
            return Err(CoreError::ReferenceEmpty);
        }
        if ![BYTES, BYTES + 4].contains(&reference.len()) {
            return Err(CoreError::ReferenceInvalid);
        }
        let (said, tag) = reference.split_at(reference.len() - TAG_BYTES);
        if !keys::constant_time_eq(&self.reference_tag(viewer, file, said), tag) {
            return Err(CoreError::ReferenceInvalid);
        }
        let origin = match said {
            [VERSION, kind, rest @ ..] => {
                let (number, rest) = rest.split_at(8);
                let (message, expires) = rest.split_at(rest.len() - 4);
                let number = number.try_into().map_or(0, i64::from_be_bytes);
                let message = message.try_into().ok().map(i32::from_be_bytes);
                let expires = expires.try_into().map_or(0, i32::from_be_bytes);
                if expires < self.now() {
                    return Err(CoreError::ReferenceExpired);
                }
                Origin::from_parts(*kind, number, message)
            }
            _ => None,
        };
        let origin = origin.ok_or(CoreError::ReferenceInvalid)?;
        if self.is_shown(viewer, file, origin)? {
            Ok(origin)
        } else {
            Err(CoreError::ReferenceExpired)
        }
    }

    /// Whether a file is still shown at its place, to this viewer.
    fn is_shown(&self, viewer: UserId, file: FileId, origin: Origin) -> CoreResult<bool> {
        Ok(match origin {
            Origin::Message(id) => self.message(viewer, id)?.is_some_and(|m| shows(&m, file)),
            Origin::ChannelMessage(channel, id) => match self.channel_to_read(viewer, channel) {
                Ok(view) => {
                    let hidden = view.own.map_or(MessageId(0), |own| own.hidden_below);
                    let is_there =
                        id > hidden && self.message(channel, id)?.is_some_and(|m| shows(&m, file));
                    let was = |what: &AdminAction| {
                        what.of_message(id).into_iter().any(|m| shows(m, file))
                    };
                    is_there || self.admin_log_shows(viewer, channel, was)?
                }
                Err(CoreError::UnknownChannel) => false,
                Err(other) => return Err(other),
            },
            Origin::Profile(user) => self.is_profile_photo(viewer, user, file)?,
            Origin::Chat(chat) => {
                let found = self.chat(chat);
                found.is_some_and(|found| found.photo == Some(file) && !found.has_removed(viewer))
                    && self.knows_chat(viewer, chat)?
            }
            Origin::Channel(channel) => {
                let found = self.channel_to_read(viewer, channel);
                let was = |what: &AdminAction| {
                    matches!(what, AdminAction::Photo(before, now)
                        if *before == Some(file) || *now == Some(file))
                };
                match found {
                    Ok(found) if found.channel.photo == Some(file) => true,
                    Ok(_) => self.admin_log_shows(viewer, channel, was)?,
                    Err(_) => false,
                }
            }
            Origin::Own => self.is_own(viewer, file)?,
            Origin::CustomEmoji => self.document(file)?.is_some_and(|document| {
                let emoji = |is: &_| matches!(is, DocumentAttribute::CustomEmoji { .. });
                document.attributes.iter().any(emoji)
            }),
            // Nobody else could have been given one.
            Origin::StickerSet(_) | Origin::WebPage(_) | Origin::Scheduled => {
                self.file_is_there(file)?
            }
        })
    }

    /// Whether a member has uploaded a file or keeps it, or it is everybody's.
    fn is_own(&self, viewer: UserId, file: FileId) -> CoreResult<bool> {
        Ok(match self.file_owner(file)? {
            None => false,
            Some(owner) if owner == viewer || owner == UserId::SERVICE => true,
            Some(_) => self.keeps(viewer, file)?,
        })
    }
}
