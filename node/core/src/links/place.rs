//! Where links lead: a basic group, or a channel.

use super::ChatLink;
use crate::channels::{AdminRights, ChannelView};
use crate::chats::{CHAT_MEMBERS_MAX, Chat, ChatRole};
use crate::decide::Decide;
use crate::ids::{ChannelId, ChatId, PeerId, UserId};
use crate::message::Action;
use crate::send::Sent;
use crate::{CoreError, CoreResult};

/// In keys channels lie behind all basic groups, whose numbers are as they are.
const CHANNELS_FROM: i64 = 1 << 40;

/// A place in a key.
pub(super) fn place_bytes(place: PeerId) -> [u8; 8] {
    let number = match place {
        PeerId::Chat(chat) => chat.0,
        PeerId::Channel(channel) => CHANNELS_FROM + channel.0,
        // No link leads there.
        PeerId::User(_) => 0,
    };
    number.to_be_bytes()
}

/// The inverse of [`place_bytes`].
pub(super) fn place_at(bytes: [u8; 8]) -> PeerId {
    let number = i64::from_be_bytes(bytes);
    if number < CHANNELS_FROM {
        ChatId(number).into()
    } else {
        ChannelId(number - CHANNELS_FROM).into()
    }
}

/// Where a link leads to, as one user sees it.
pub(super) enum Place {
    /// A basic group.
    Chat(Chat),
    /// A channel.
    Channel(ChannelView),
}

impl Place {
    pub(super) fn creator(&self) -> Option<UserId> {
        match self {
            Self::Chat(chat) => chat.creator(),
            Self::Channel(view) => Some(view.channel.creator),
        }
    }
}

impl Decide<'_> {
    /// A group or channel for one who may make links of it: an admin, in a channel one who may invite.
    /// What members may do by default makes no links.
    pub(super) fn manages_links(&self, owner: UserId, place: PeerId) -> CoreResult<Place> {
        match place {
            PeerId::Chat(chat) => {
                let found = self.chat_for(owner, chat)?;
                found.needs_admin(owner)?;
                Ok(Place::Chat(found))
            }
            PeerId::Channel(channel) => {
                let view = self.channel_view(owner, channel)?;
                view.needs_admin(AdminRights::INVITE_USERS)?;
                Ok(Place::Channel(view))
            }
            PeerId::User(_) => Err(CoreError::UnknownChat),
        }
    }

    /// Everybody of whom [`Decide::manages_links`] holds.
    pub(super) fn link_admins(&self, place: PeerId) -> CoreResult<Vec<UserId>> {
        match place {
            PeerId::Chat(chat) => {
                let found = self.chat(chat)?;
                let admins = found.members.iter().filter(|member| member.role != ChatRole::Member);
                Ok(admins.map(|member| member.user).collect())
            }
            PeerId::Channel(channel) => self.channel_admins(channel, AdminRights::INVITE_USERS),
            PeerId::User(_) => Ok(Vec::new()),
        }
    }

    /// A group or channel for somebody who is to come into it.
    ///
    /// # Errors
    /// [`CoreError::AlreadyAMember`], [`CoreError::LinkExpired`] where it was ended, and for who was
    /// removed.
    pub(super) fn way_in(&self, user: UserId, place: PeerId) -> CoreResult<Place> {
        let (way, is_in, is_out) = match place {
            PeerId::Chat(chat) => {
                let found = self.chat(chat)?;
                let (is_in, is_out) =
                    (found.has(user), found.deactivated || found.has_removed(user));
                (Place::Chat(found), is_in, is_out)
            }
            PeerId::Channel(channel) => {
                let view = match self.channel_view(user, channel) {
                    Err(CoreError::UnknownChannel) => return Err(CoreError::LinkExpired),
                    view => view?,
                };
                let (is_in, is_out) = (view.is_member(), view.is_banned());
                (Place::Channel(view), is_in, is_out)
            }
            PeerId::User(_) => return Err(CoreError::LinkExpired),
        };
        if is_in {
            return Err(CoreError::AlreadyAMember);
        }
        if is_out { Err(CoreError::LinkExpired) } else { Ok(way) }
    }

    /// Asked before anything is written.
    ///
    /// # Errors
    /// [`CoreError::UsersTooMuch`] where a group is full, [`CoreError::TooMany`] for who is in too many
    /// channels.
    pub(super) fn needs_room(&self, user: UserId, way: &Place) -> CoreResult<()> {
        match way {
            Place::Chat(chat) if chat.members.len() >= CHAT_MEMBERS_MAX => {
                Err(CoreError::UsersTooMuch)
            }
            Place::Chat(_) => Ok(()),
            Place::Channel(_) => self.may_join_more(user),
        }
    }

    /// Somebody comes in, whom `by` answers for: the link's admin, or who let them in. Answers with what
    /// is said about it: in a broadcast channel nothing.
    pub(super) fn let_in(
        &mut self,
        way: Place,
        user: UserId,
        by: UserId,
        action: Action,
        link: Option<&ChatLink>,
    ) -> CoreResult<Vec<Sent>> {
        match way {
            Place::Chat(chat) => Ok(self.join_chat(chat, user, by, user, action, Vec::new())?.sent),
            Place::Channel(view) => {
                let (channel, broadcast) = (view.channel.id, view.channel.broadcast);
                let found = self.enter_channel(view, user, by)?;
                self.put_channel(found)?;
                self.note_came(channel, user, by, &action, link.cloned())?;
                if broadcast {
                    return Ok(Vec::new());
                }
                let action = match action {
                    // Who makes links is an admin: of one who is to stay unknown it says nothing.
                    Action::ChatJoinedByLink { inviter }
                        if self
                            .participant(channel, inviter)?
                            .is_some_and(|maker| maker.is_anonymous()) =>
                    {
                        Action::ChatJoinedByLink { inviter: UserId::SERVICE }
                    }
                    action => action,
                };
                Ok(vec![self.say_in_channel(user, channel, action)?])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CHANNEL_ID_MAX, CHAT_ID_MAX};

    #[test]
    fn places_are_apart_and_come_back() {
        let places: [PeerId; 4] = [
            ChatId(1).into(),
            ChatId(CHAT_ID_MAX).into(),
            ChannelId(1).into(),
            ChannelId(CHANNEL_ID_MAX).into(),
        ];
        assert!(places.map(place_bytes).is_sorted());
        assert_eq!(places.map(|place| place_at(place_bytes(place))), places);
        assert_eq!(place_bytes(ChatId(7).into()), ChatId(7).bytes(), "as it always was");
    }
}
