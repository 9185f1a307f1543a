//! Basic groups: who is in them, who may do what.
//!
//! Source: <https://core.telegram.org/api/channel#basic-groups>
//!
//! Keyspace `CHATS`, key = chat (8) ++ kind (1): 0 is the [`Chat`], 1 the number up to which those
//! of its messages are taken. A group's messages lie in the boxes of its members, a copy in each;
//! see [`copies`].

mod change;
mod copies;
mod read;
mod rights;
mod table;

use serde::{Deserialize, Serialize};

pub(crate) use change::clean_title;
pub use change::{ChatCreated, ChatDone, ChatPhoto};
pub(crate) use copies::{Copies, copies_key};
pub use read::Reader;
pub(crate) use read::{READERS_MEMBERS_MAX, Readers};
pub use rights::Rights;
pub(crate) use table::Chats;

use crate::ids::{ChannelId, ChatId, UserId};
use crate::media::FileId;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Members of a basic group: `chat_size_max` of the configuration.
pub const CHAT_MEMBERS_MAX: usize = 200;

/// Longest title, in characters.
pub const CHAT_TITLE_CHARS_MAX: usize = 255;

/// Longest description, in characters.
pub const CHAT_ABOUT_CHARS_MAX: usize = 255;

/// Longest title of a member, in characters.
pub(crate) const RANK_CHARS_MAX: usize = 16;

/// Former members who are remembered, so that they see that they were removed.
const REMOVED_MAX: usize = 400;

/// A basic group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Its number.
    pub id: ChatId,
    /// 1 to [`CHAT_TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// At most [`CHAT_ABOUT_CHARS_MAX`] characters.
    pub about: String,
    /// Its photo.
    pub photo: Option<FileId>,
    /// Unix seconds.
    pub date: i32,
    /// Grows by one with each change of who is in it, and of their rights.
    pub version: i32,
    /// In the order in which they came.
    pub members: Vec<ChatMember>,
    /// What members who are no admins may not do.
    pub banned: Rights,
    /// It was ended: nobody can write any more.
    pub deactivated: bool,
    /// Seconds after which its messages go; 0: they stay.
    pub ttl_period: i32,
    /// Its messages may not be forwarded or saved.
    pub noforwards: bool,
    /// Which reactions there are.
    pub reactions: ChatReactions,
    /// Who was removed and has not come back.
    pub(crate) removed: Vec<UserId>,
    /// The supergroup that it became.
    pub migrated_to: Option<ChannelId>,
}

/// Which reactions a group has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChatReactions {
    /// All, and custom emoji where said.
    #[default]
    All,
    /// These emoji, and these custom emoji.
    Some(Vec<String>, Vec<i64>),
    /// None.
    None,
}

/// Somebody in a basic group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMember {
    /// Who.
    pub user: UserId,
    /// Who brought them; of the creator: oneself.
    pub inviter: UserId,
    /// Since when, in unix seconds.
    pub date: i32,
    /// What they are.
    pub role: ChatRole,
    /// A title of their own; may be empty.
    pub rank: String,
}

/// What a member is in a basic group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChatRole {
    /// Anybody.
    Member,
    /// May do all but make admins and end the group.
    Admin,
    /// May do all.
    Creator,
}

impl Record for Chat {
    const VERSION: u8 = 2;
    const NAME: &'static str = "chat";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Version 1 knew no supergroups: the last field is none.
        (version == 1).then(|| postcard::from_bytes(&[fields, &[0]].concat()).ok()).flatten()
    }
}

impl Chat {
    /// A member.
    #[must_use]
    pub fn member(&self, user: UserId) -> Option<&ChatMember> {
        self.members.iter().find(|member| member.user == user)
    }

    /// Whether the user is in it.
    #[must_use]
    pub fn has(&self, user: UserId) -> bool {
        self.member(user).is_some()
    }

    /// Whether the user is the creator or an admin.
    #[must_use]
    pub fn is_admin(&self, user: UserId) -> bool {
        self.member(user).is_some_and(|member| member.role != ChatRole::Member)
    }

    /// Whether the user was removed.
    #[must_use]
    pub fn has_removed(&self, user: UserId) -> bool {
        self.removed.contains(&user)
    }

    /// Who made it, or has it now.
    #[must_use]
    pub fn creator(&self) -> Option<UserId> {
        let creator = self.members.iter().find(|member| member.role == ChatRole::Creator);
        creator.map(|member| member.user)
    }

    /// Whether the user may do what `right` names.
    #[must_use]
    pub fn allows(&self, user: UserId, right: Rights) -> bool {
        self.member(user).is_some_and(|member| {
            member.role != ChatRole::Member || !self.banned.contains_any(right)
        })
    }

    /// Everybody in it.
    #[must_use]
    pub fn users(&self) -> Vec<UserId> {
        self.members.iter().map(|member| member.user).collect()
    }

    /// [`Chat::allows`], as what a command answers.
    pub(crate) fn needs(&self, user: UserId, right: Rights) -> CoreResult<()> {
        if !self.has(user) {
            return Err(CoreError::NotAMember);
        }
        if self.allows(user, right) { Ok(()) } else { Err(CoreError::RightMissing(right)) }
    }

    pub(crate) fn needs_admin(&self, user: UserId) -> CoreResult<()> {
        if self.is_admin(user) { Ok(()) } else { Err(CoreError::NotAnAdmin) }
    }
}

impl Core {
    /// A basic group, as it is on disk; `None` if there is none.
    #[must_use]
    pub fn chat(&self, chat: ChatId) -> Option<std::sync::Arc<Chat>> {
        self.inner.chats.get(chat)
    }

    /// Whether `viewer` may name a group: is in it, or has a dialog with it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn knows_chat(&self, viewer: UserId, chat: ChatId) -> CoreResult<bool> {
        let Some(found) = self.inner.chats.get(chat) else { return Ok(false) };
        if found.has(viewer) {
            return Ok(true);
        }
        let cell = self.inner.boxes.cell(viewer);
        let state = cell.lock(&*self.inner.store, viewer)?;
        Ok(state.dialogs.contains_key(&chat.into()))
    }

    /// The groups that a user is in.
    #[must_use]
    pub fn chats_of(&self, user: UserId) -> Vec<ChatId> {
        self.inner.chats.of(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_before_supergroups_are_read() {
        let chat = Chat {
            id: ChatId(7),
            title: "Crew".into(),
            about: String::new(),
            photo: None,
            date: 5,
            version: 2,
            members: Vec::new(),
            banned: Rights::NONE,
            deactivated: false,
            ttl_period: 0,
            noforwards: true,
            reactions: ChatReactions::All,
            removed: vec![UserId(9)],
            migrated_to: None,
        };
        let new = chat.encode().unwrap();
        let (_, fields) = new.split_first().unwrap();
        let old = [&[1], &fields[..fields.len() - 1]].concat();
        assert_eq!(Chat::decode(&old).unwrap(), chat);
        assert_eq!(Chat::decode(&new).unwrap(), chat);
        assert!(Chat::decode(&[&[3][..], fields].concat()).is_err());
    }
}
