//! What a client names, checked: every access hash is the one that this viewer was shown.
//!
//! Source: <https://core.telegram.org/api/peers>

use node_core::{BoxId, ChannelId, ChannelView, ChatId, HIDDEN_AUTHOR, MessageId, PeerId, UserId};
use tl::enums::{InputChannel, InputDialogPeer, InputPeer, InputUser};

use super::{Context, RpcError, RpcResult};

/// Digits of a number: ITU-T E.164 allows 15 with the country code; shorter than 5 is no
/// subscriber.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

const PEER_ID_INVALID: RpcError = RpcError::new(400, "PEER_ID_INVALID");
const USER_ID_INVALID: RpcError = RpcError::new(400, "USER_ID_INVALID");
const CHANNEL_INVALID: RpcError = RpcError::new(400, "CHANNEL_INVALID");
const CHAT_ID_INVALID: RpcError = RpcError::new(400, "CHAT_ID_INVALID");

impl Context {
    /// The peer that a client names. Of a channel: one that the viewer may read.
    ///
    /// # Errors
    /// 400: there is none, the access hash is not this viewer's, or the channel is closed to them.
    pub(super) fn peer(&self, named: &InputPeer) -> RpcResult<PeerId> {
        let peer = self.named_peer(named)?;
        if let PeerId::Channel(channel) = peer {
            self.shared.core.channel_to_read(self.user()?, channel)?;
        }
        Ok(peer)
    }

    /// The peer that a client names, whether the viewer may read it or not.
    ///
    /// # Errors
    /// 400: there is none, or the access hash is not this viewer's.
    pub(super) fn named_peer(&self, named: &InputPeer) -> RpcResult<PeerId> {
        let viewer = self.user()?;
        match named {
            InputPeer::InputPeerSelf(_) => Ok(viewer.into()),
            InputPeer::InputPeerUser(user) => {
                let user_id = self.checked(viewer, user.user_id, user.access_hash);
                user_id.map(PeerId::from).ok_or(PEER_ID_INVALID)
            }
            InputPeer::InputPeerUserFromMessage(seen) => {
                let with = self.seen_in(viewer, &seen.peer)?;
                let user = self.named_by(viewer, with, seen.msg_id, seen.user_id)?;
                user.map(PeerId::from).ok_or(PEER_ID_INVALID)
            }
            InputPeer::InputPeerChat(chat) => self.chat(chat.chat_id).map(PeerId::from),
            InputPeer::InputPeerChannel(channel) => {
                self.checked_channel(channel.channel_id, channel.access_hash).map(PeerId::from)
            }
            InputPeer::InputPeerChannelFromMessage(seen) => {
                self.seen_channel(&seen.peer, seen.msg_id, seen.channel_id).map(PeerId::from)
            }
            InputPeer::InputPeerEmpty(_) => Err(PEER_ID_INVALID),
        }
    }

    /// A peer with messages of the viewer's own: all but channels, in which this is not built.
    ///
    /// # Errors
    /// Those of [`Context::peer`], and 400 `NOT_IMPLEMENTED`.
    pub(super) fn peer_without_channels(&self, named: &InputPeer) -> RpcResult<PeerId> {
        let peer = self.peer(named)?;
        if peer.channel().is_some() { Err(RpcError::NOT_IMPLEMENTED) } else { Ok(peer) }
    }

    /// The channel that a client names, whether the viewer may read it or not.
    ///
    /// # Errors
    /// 400 `CHANNEL_INVALID`: there is none, or the access hash is not this viewer's.
    pub(super) fn input_channel(&self, named: &InputChannel) -> RpcResult<ChannelId> {
        match named {
            InputChannel::InputChannel(named) => {
                self.checked_channel(named.channel_id, named.access_hash)
            }
            InputChannel::InputChannelFromMessage(seen) => {
                self.seen_channel(&seen.peer, seen.msg_id, seen.channel_id)
            }
            InputChannel::InputChannelEmpty(_) => Err(CHANNEL_INVALID),
        }
    }

    /// The channel that a client names, where the viewer may read it.
    ///
    /// # Errors
    /// Those of [`Context::input_channel`], and 400 `CHANNEL_PRIVATE`.
    pub(super) fn channel_to_read(&self, named: &InputChannel) -> RpcResult<ChannelView> {
        let channel = self.input_channel(named)?;
        Ok(self.shared.core.channel_to_read(self.user()?, channel)?)
    }

    /// Whether it is a channel of whose posts nobody learns who wrote them.
    pub(super) fn is_broadcast(&self, peer: PeerId) -> bool {
        let found = peer.channel().and_then(|channel| self.shared.core.channel(channel));
        found.is_some_and(|found| found.broadcast)
    }

    /// Up to which message of a dialog nothing is shown to the viewer: 0 but for who joined a group
    /// that hides what was said before.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn hidden_below(&self, peer: PeerId) -> RpcResult<MessageId> {
        let PeerId::Channel(channel) = peer else { return Ok(MessageId(0)) };
        let own = self.shared.core.participant(channel, self.user()?)?;
        Ok(own.map_or(MessageId(0), |own| own.hidden_below))
    }

    fn checked_channel(&self, channel_id: i64, access_hash: i64) -> RpcResult<ChannelId> {
        let (channel, core) = (ChannelId(channel_id), &self.shared.core);
        let shown = core.may_name_channel(self.user()?, channel, access_hash);
        if shown && core.channel(channel).is_some() { Ok(channel) } else { Err(CHANNEL_INVALID) }
    }

    /// The channel, if a message that the viewer has names it.
    fn seen_channel(&self, with: &InputPeer, msg_id: i32, channel_id: i64) -> RpcResult<ChannelId> {
        let (viewer, channel) = (self.user()?, ChannelId(channel_id));
        let with = self.seen_in(viewer, with)?;
        let found = self.seen_message(viewer, with, msg_id)?;
        let names = found.is_some_and(|message| {
            let forward = message.forward.as_ref();
            let saved_from = forward.and_then(|forward| forward.saved_from).map(|(peer, _)| peer);
            let author = forward.and_then(|forward| forward.from.peer());
            [saved_from, author, message.sent_as].contains(&Some(channel.into()))
        });
        if names { Ok(channel) } else { Err(CHANNEL_INVALID) }
    }

    /// The basic group that a client names: there is no access hash, so it has to be one that the
    /// viewer is in, or has a dialog with.
    ///
    /// # Errors
    /// 400: there is none.
    pub(super) fn chat(&self, chat_id: i64) -> RpcResult<ChatId> {
        let (viewer, chat) = (self.user()?, ChatId(chat_id));
        if self.shared.core.knows_chat(viewer, chat)? { Ok(chat) } else { Err(CHAT_ID_INVALID) }
    }

    /// The basic group that a client names as a peer.
    ///
    /// # Errors
    /// 400: there is none, it is no group, or it is a channel.
    pub(super) fn chat_peer(&self, named: &InputPeer) -> RpcResult<ChatId> {
        self.peer_without_channels(named)?.chat().ok_or(PEER_ID_INVALID)
    }

    /// The group or channel that a client names as a peer, for who may read it.
    ///
    /// # Errors
    /// 400: there is none, or it is a user.
    pub(super) fn group_peer(&self, named: &InputPeer) -> RpcResult<PeerId> {
        let peer = self.peer(named)?;
        if peer.user().is_some() { Err(PEER_ID_INVALID) } else { Ok(peer) }
    }

    /// The user that a client names as a peer.
    ///
    /// # Errors
    /// 400: there is none, or it is no user.
    pub(super) fn user_peer(&self, named: &InputPeer) -> RpcResult<UserId> {
        self.peer(named)?.user().ok_or(PEER_ID_INVALID)
    }

    /// The dialog that a client names.
    ///
    /// # Errors
    /// 400: there is none.
    pub(super) fn dialog_peer(&self, named: &InputDialogPeer) -> RpcResult<PeerId> {
        match named {
            InputDialogPeer::InputDialogPeer(named) => self.peer(&named.peer),
            InputDialogPeer::InputDialogPeerFolder(_)
            | InputDialogPeer::InputDialogPeerCommunity(_) => Err(PEER_ID_INVALID),
        }
    }

    /// What a client names of what its saved messages are filed under.
    ///
    /// # Errors
    /// 400: there is none, or the access hash is not this viewer's.
    pub(super) fn saved_peer(&self, named: &InputPeer) -> RpcResult<PeerId> {
        match named {
            // No account, and clients know its number.
            InputPeer::InputPeerUser(user)
                if HIDDEN_AUTHOR == PeerId::User(UserId(user.user_id)) =>
            {
                Ok(HIDDEN_AUTHOR)
            }
            named => self.peer(named),
        }
    }

    /// The user that a client names.
    ///
    /// # Errors
    /// 400: there is none, or the access hash is not this viewer's.
    pub(super) fn named_user(&self, named: &InputUser) -> RpcResult<UserId> {
        let viewer = self.user()?;
        match named {
            InputUser::InputUserSelf(_) => Ok(viewer),
            InputUser::InputUser(user) => {
                self.checked(viewer, user.user_id, user.access_hash).ok_or(USER_ID_INVALID)
            }
            InputUser::InputUserFromMessage(seen) => {
                let with = self.seen_in(viewer, &seen.peer)?;
                let user = self.named_by(viewer, with, seen.msg_id, seen.user_id)?;
                user.ok_or(USER_ID_INVALID)
            }
            InputUser::InputUserEmpty(_) => Err(USER_ID_INVALID),
        }
    }

    fn checked(&self, viewer: UserId, user_id: i64, access_hash: i64) -> Option<UserId> {
        let user = UserId(user_id);
        // Oneself needs no proof, and neither does the account whose number clients know.
        (user == viewer
            || user == UserId::SERVICE
            || self.shared.core.may_name(viewer, user, access_hash))
        .then_some(user)
    }

    /// The dialog in which a user was seen; it is not named by another such proof.
    fn seen_in(&self, viewer: UserId, named: &InputPeer) -> RpcResult<PeerId> {
        match named {
            InputPeer::InputPeerSelf(_) => Ok(viewer.into()),
            InputPeer::InputPeerUser(user) => {
                let user_id = self.checked(viewer, user.user_id, user.access_hash);
                user_id.map(PeerId::from).ok_or(PEER_ID_INVALID)
            }
            InputPeer::InputPeerChat(chat) => self.chat(chat.chat_id).map(PeerId::from),
            InputPeer::InputPeerChannel(named) => {
                let channel = self.checked_channel(named.channel_id, named.access_hash)?;
                self.shared.core.channel_to_read(viewer, channel)?;
                Ok(channel.into())
            }
            _ => Err(PEER_ID_INVALID),
        }
    }

    /// A message of a dialog, as far as it is shown to the viewer.
    fn seen_message(
        &self,
        viewer: UserId,
        with: PeerId,
        msg_id: i32,
    ) -> RpcResult<Option<node_core::Message>> {
        let id = MessageId(msg_id);
        if id <= self.hidden_below(with)? {
            return Ok(None);
        }
        let message = self.shared.core.message(BoxId::of(viewer, with), id)?;
        Ok(message.filter(|message| message.peer == with))
    }

    /// The user, if the viewer's message names him.
    fn named_by(
        &self,
        viewer: UserId,
        with: PeerId,
        msg_id: i32,
        user_id: i64,
    ) -> RpcResult<Option<UserId>> {
        let user = UserId(user_id);
        let message = self.seen_message(viewer, with, msg_id)?;
        // Posts of a channel do not say who wrote them.
        let says_who = !self.is_broadcast(with);
        let names = message.is_some_and(|message| {
            (says_who && message.author() == user.into())
                || message.forward.is_some_and(|forward| forward.from.user() == Some(user))
        });
        Ok(names.then_some(user))
    }
}

/// The digits of a number as clients write it: `+888 1234 5678`, `(888)12345678`.
pub(super) fn phone_number(text: &str) -> RpcResult<u64> {
    // 406: clients show it by themselves, and drop what they kept for the number.
    const INVALID: RpcError = RpcError::new(406, "PHONE_NUMBER_INVALID");
    let digits: String =
        text.chars().filter(|c| !matches!(c, '+' | ' ' | '(' | ')' | '-')).collect();
    if !PHONE_DIGITS.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(INVALID);
    }
    digits.parse().map_err(|_| INVALID)
}

/// The fold over ids by which clients ask whether a list has changed.
///
/// Source: <https://core.telegram.org/api/offsets#hash-generation>
pub(super) fn hash_of(ids: impl IntoIterator<Item = i64>) -> i64 {
    let fold = |hash: u64, id: i64| {
        let hash = hash ^ (hash >> 21);
        let hash = hash ^ (hash << 35);
        let hash = hash ^ (hash >> 4);
        hash.wrapping_add(id.cast_unsigned())
    };
    ids.into_iter().fold(0, fold).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["88812345678", "+888 1234 5678", "+888 (1234) 56-78"] {
            assert_eq!(phone_number(text), Ok(88_812_345_678), "{text}");
        }
        for text in ["", "+", "1234", "+12345678901234567", "+88812x45678", "\u{0661}23456789"] {
            assert!(phone_number(text).is_err(), "{text}");
        }
    }

    /// Values computed by a Python script from the published description.
    #[test]
    fn line_51_the_documented_fold() {
        assert_eq!(hash_of([]), 0);
        assert_eq!(hash_of([1]), 1);
        assert_eq!(hash_of([1, 2]), 36_507_222_019);
        assert_eq!(
            hash_of([1_000_001, 1_000_002, 777_000, (1 << 40) + 5]),
            -5_812_580_919_945_514_161
        );
    }
}
