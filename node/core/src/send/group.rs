//! A message in a group: a copy in the box of each member.

use std::collections::HashMap;

use node_store::Keyspace;

use super::Body;
use crate::chats::{Copies, Rights, copies_key};
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{ChatId, MessageId, PeerId, Pts, UserId};
use crate::media::{DocumentAttribute, Media};
use crate::message::{BoxRow, Message, Reply};
use crate::text::{EntityKind, utf16_slice};
use crate::{CoreError, CoreResult};

impl Decide<'_> {
    /// Whether a group lets its member send this, and the log of a channel or of two people can hold it. The right to write
    /// at all was asked for before.
    pub(crate) fn may_send(&mut self, from: UserId, to: PeerId, body: &Body) -> CoreResult<()> {
        self.may_show(from, to, body.media.as_ref())?;
        match to {
            PeerId::Channel(channel) => {
                let answers = body.reply.as_ref().map(|(id, _)| *id);
                self.may_write_in_topic(from, channel, answers)?;
                self.fits_log(from, channel, body)
            }
            PeerId::User(user) if is_remote(user) => self.fits_pair(from, user, body),
            PeerId::User(_) | PeerId::Chat(_) => Ok(()),
        }
    }

    /// Whether somebody may write there with this beside the text: at once, by an edit, or as the
    /// preview that comes later.
    pub(crate) fn may_show(
        &self,
        from: UserId,
        to: PeerId,
        media: Option<&Media>,
    ) -> CoreResult<()> {
        let needed = match media {
            None => Rights::SEND_PLAIN,
            Some(media) => self.right_for(media)?,
        };
        match to {
            PeerId::User(_) => Ok(()),
            PeerId::Chat(chat) => {
                let chat = self.chat(chat)?;
                if chat.is_admin(from) { Ok(()) } else { chat.needs(from, needed) }
            }
            PeerId::Channel(channel) => {
                self.channel_view(from, channel)?.may_post(needed)?;
                self.may_ask_in_channel(channel, media)
            }
        }
    }

    /// What one has to be allowed for sending something.
    pub(crate) fn right_for(&self, media: &Media) -> CoreResult<Rights> {
        use DocumentAttribute as Is;
        Ok(match media {
            Media::Photo { .. } => Rights::SEND_PHOTOS,
            Media::Poll(_) => Rights::SEND_POLLS,
            Media::Dice { .. } => Rights::SEND_STICKERS,
            Media::WebPage { .. } => Rights::SEND_PLAIN | Rights::EMBED_LINKS,
            Media::Document { document, .. } => {
                let document = self.document(*document)?.ok_or(CoreError::FileInvalid)?;
                let is = |what: fn(&Is) -> bool| document.attributes.iter().any(what);
                if is(|is| matches!(is, Is::Sticker { .. } | Is::CustomEmoji { .. })) {
                    Rights::SEND_STICKERS
                } else if is(|is| matches!(is, Is::Animated)) {
                    Rights::SEND_GIFS
                } else if is(|is| matches!(is, Is::Video { round_message: true, .. })) {
                    Rights::SEND_ROUND_VIDEOS
                } else if is(|is| matches!(is, Is::Video { .. })) {
                    Rights::SEND_VIDEOS
                } else if is(|is| matches!(is, Is::Audio { voice: true, .. })) {
                    Rights::SEND_VOICES
                } else if is(|is| matches!(is, Is::Audio { .. })) {
                    Rights::SEND_AUDIOS
                } else {
                    Rights::SEND_DOCS
                }
            }
            _ => Rights::SEND_PLAIN,
        })
    }

    /// Puts a message into the boxes of these members, the writer's first.
    pub(crate) fn place_in_chat(
        &mut self,
        from: UserId,
        chat: ChatId,
        members: &[UserId],
        mut message: Message,
    ) -> CoreResult<(Pts, BoxRow)> {
        let id = self.next_id(from)?;
        message.twin = self.next_number(chat)?;
        let answered = match &message.reply {
            Some(reply) => {
                self.message(from, reply.to)?.map(|answered| (answered.from, answered.twin))
            }
            None => None,
        };
        let answers = match answered {
            Some((_, number)) if number.0 != 0 => self.copies(chat, number)?,
            _ => Copies::default(),
        };
        let mentioned = self.mentioned(&message);
        let heard = message.unread_media;
        let mut copies = vec![(from, id)];
        let mut rows = Vec::with_capacity(members.len());
        for member in members.iter().copied().filter(|member| *member != from) {
            let own = self.next_id(member)?;
            copies.push((member, own));
            // The same message has another number there; who does not have it gets no link.
            let reply = message.reply.as_ref().and_then(|reply| {
                Some(Reply { to: answers.of(member)?, quote: reply.quote.clone() })
            });
            // Who pins a message does not answer it.
            let answers_member =
                message.action.is_none() && answered.is_some_and(|(author, _)| author == member);
            let mentioned = mentioned.contains(&member) || answers_member;
            rows.push((
                member,
                Message {
                    out: false,
                    reply,
                    mentioned,
                    unread_media: heard || mentioned,
                    ..message.clone()
                },
            ));
        }
        copies.sort_unstable();
        self.ask_poll(&message)?;
        self.hold_media(&message, copies.len() as i64)?;
        self.put(Keyspace::COPIES, &copies_key(chat, message.twin), &Copies(copies))?;
        self.expires(from, id, &message)?;
        let row = BoxRow::Message(message);
        let pts = self.append(from, row.clone())?;
        for (member, copy) in rows {
            self.wake_dialog(member, chat.into())?;
            self.append(member, BoxRow::Message(copy))?;
        }
        Ok((pts, row))
    }

    /// Whom a text mentions, by username or by name.
    pub(crate) fn mentioned(&self, message: &Message) -> Vec<UserId> {
        let mentioned = message.entities.iter().filter_map(|entity| match &entity.kind {
            EntityKind::MentionName { user } => Some(*user),
            EntityKind::Mention => {
                let name = utf16_slice(&message.text, entity.offset, entity.length)?;
                self.inner.directory.by_username(name.strip_prefix('@')?)
            }
            _ => None,
        });
        mentioned.collect()
    }

    /// Gives somebody who comes into a group copies of messages that were there before: as they lie
    /// in another member's box, the oldest first.
    pub(crate) fn put_copies_for(
        &mut self,
        user: UserId,
        chat: ChatId,
        shown: Vec<(MessageId, Message)>,
    ) -> CoreResult<()> {
        if shown.is_empty() {
            return Ok(());
        }
        let mut next = self.next_id(user)?;
        // Answers say the number in the box that they were read from.
        let mut own: HashMap<MessageId, MessageId> = HashMap::new();
        let mut rows = Vec::with_capacity(shown.len());
        for (id, mut message) in shown {
            let number = message.twin;
            let mut copies = self.copies(chat, number)?;
            if number.0 == 0 || copies.of(user).is_some() {
                continue;
            }
            let reply = message.reply.take();
            let reply = reply
                .and_then(|reply| Some(Reply { to: *own.get(&reply.to)?, quote: reply.quote }));
            own.insert(id, next);
            copies.0.push((user, next));
            copies.0.sort_unstable();
            self.put(Keyspace::COPIES, &copies_key(chat, number), &copies)?;
            self.hold_media(&message, 1)?;
            rows.push(Message {
                out: message.from == user,
                reply,
                mentioned: false,
                unread_media: false,
                pinned: false,
                ..message
            });
            next = MessageId(next.0.checked_add(1).ok_or(CoreError::BoxFull)?);
        }
        for row in rows {
            self.append(user, BoxRow::Message(row))?;
        }
        Ok(())
    }
}
