//! Messages of channels that are pinned.

use glog::body::{DataBody, Pin, Unpin};
use glog::cbor::{List, decode, encode};

use super::{Origin, too_long};
use crate::channels::{AdminAction, AdminRights};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, PeerId, Pts, UserId};
use crate::message::{Action, BoxRow, Message, Reply};
use crate::record::Record as _;
use crate::send::{Affected, OwnEvents, PINNED_MAX, PinHow};
use crate::{CoreError, CoreResult};

/// Pins that one entry ends.
const UNPIN_AT_ONCE: usize = 32;

impl Decide<'_> {
    /// Whether `owner` may pin messages of a channel.
    fn may_pin_in_channel(&self, owner: UserId, channel: ChannelId) -> CoreResult<()> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() {
            return Err(CoreError::UnknownChannel);
        }
        let as_member = view.may_as_member(Rights::PIN_MESSAGES);
        if as_member { Ok(()) } else { view.needs_admin(AdminRights::PIN_MESSAGES) }
    }

    /// Pins a message of a channel, or unpins it.
    pub(crate) fn pin_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
        how: PinHow,
    ) -> CoreResult<OwnEvents> {
        self.may_pin_in_channel(owner, channel)?;
        let message = self.message(channel, id)?.filter(|message| message.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        if message.pinned == how.pinned {
            return Ok(Vec::new());
        }
        if !how.pinned {
            return self.unpin_in_channel(owner, channel, &[id]);
        }
        let origin = self.origin(channel, id)?.ok_or(CoreError::UnknownMessage)?;
        let full = self.pinned(channel, channel.into())?.len() >= PINNED_MAX;
        let mut events =
            if full { self.unpin_oldest_copy(owner, channel)? } else { OwnEvents::new() };
        if full && events.is_empty() {
            return Err(CoreError::TooManyPinnedMessages);
        }
        let pin = DataBody::Pin(Pin { target: origin.post()? });
        let at = self.write_data(channel, owner, &pin)?;
        self.put_origin(channel, id, &Origin { pin: Some(encode(&at)), ..origin })?;
        let message = Message { pinned: true, ..message };
        self.rewrite(channel, id, &message)?;
        self.note(channel, owner, AdminAction::Pinned(id, message))?;
        let peer = PeerId::from(channel);
        let row = BoxRow::Pinned { peer, ids: vec![id], pinned: true };
        events.push((self.append(channel, row.clone())?, row));
        let service = Message {
            action: Some(Action::Pin),
            reply: Some(Reply { to: id, quote: None }),
            silent: how.silent,
            ..Message::service(peer, owner, false, self.now())
        };
        let said = self.place_service(owner, channel, service)?;
        events.push((said.pts, BoxRow::Message(said.message)));
        Ok(events)
    }

    pub(in crate::channels) fn unpin_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> CoreResult<OwnEvents> {
        let (mut unpinned, mut pins) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(message) = self.message(channel, *id)?.filter(|m| m.pinned) else { continue };
            if let Some(origin) = self.origin(channel, *id)? {
                let known = self.pins_in_log(channel, &origin.post()?)?;
                if let (Some(pin), true) = (&origin.pin, known.is_empty()) {
                    pins.push(decode(pin).map_err(|_| CoreError::Damaged(Origin::NAME))?);
                }
                pins.extend(known);
                self.put_origin(channel, *id, &Origin { pin: None, ..origin })?;
            }
            let message = Message { pinned: false, ..message };
            self.rewrite(channel, *id, &message)?;
            self.note(channel, owner, AdminAction::Pinned(*id, message))?;
            unpinned.push(*id);
        }
        if unpinned.is_empty() {
            return Ok(Vec::new());
        }
        unpinned.sort_unstable();
        let pins = List::new(pins).map_err(too_long)?;
        self.write_data(channel, owner, &DataBody::Unpin(Unpin { pins }))?;
        let row = BoxRow::Pinned { peer: channel.into(), ids: unpinned, pinned: false };
        Ok(vec![(self.append(channel, row.clone())?, row)])
    }

    /// Unpins some of a channel's messages, or of those in a thread; and how many are left.
    pub(crate) fn unpin_all_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        thread: Option<MessageId>,
    ) -> CoreResult<(Affected, usize)> {
        self.may_pin_in_channel(owner, channel)?;
        let mut all = self.pinned(channel, channel.into())?;
        if let Some(thread) = thread {
            all = self.in_thread(channel, all, thread)?;
        }
        let some: Vec<MessageId> = all.iter().take(UNPIN_AT_ONCE).copied().collect();
        let events = self.unpin_in_channel(owner, channel, &some)?;
        let affected = match events.last() {
            Some((pts, row)) => Affected { pts: *pts, pts_count: row.pts_count() },
            None => Affected { pts: Pts(self.next_id(channel)?.0 - 1), pts_count: 0 },
        };
        Ok((affected, all.len() - some.len()))
    }
}
