//! Who is mentioned in supergroups, and has not looked yet.
//!
//! A row for each who is meant, whoever else is there. Keyspace `CHANNELS`, key = channel (8) ++ 51 ++
//! user (8) ++ id (4): a [`Mention`]. How many of them were not looked at is counted in the
//! [`Participant`]. A message says in `mentioned` that there is any such row.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Channel, Participant, row_key};
use crate::decide::{Decide, scan_prefix};
use crate::event::Own;
use crate::history::Stored;
use crate::ids::{Actor, ChannelId, MessageId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const MENTION: u8 = 51;

/// Whom one message can mean.
const MEANT_MAX: usize = 50;

/// Mentions of one member that are kept: the oldest go first.
const KEPT_MAX: usize = 1000;

/// Mentions that one command marks as seen.
const AT_ONCE: usize = 100;

/// Somebody is mentioned in a message, or answered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Mention {
    unread: bool,
}

impl Record for Mention {
    const VERSION: u8 = 1;
    const NAME: &'static str = "mention in a channel";
}

fn prefix(channel: ChannelId, user: UserId) -> Vec<u8> {
    row_key(channel, MENTION, &user.bytes())
}

fn key(channel: ChannelId, user: UserId, id: MessageId) -> Vec<u8> {
    [&prefix(channel, user)[..], &id.0.max(0).to_be_bytes()].concat()
}

fn id_at_end(key: &[u8]) -> MessageId {
    MessageId(crate::ids::box_number(key))
}

/// The numbers of those that were not looked at, ascending.
fn unread(rows: &[(Vec<u8>, Vec<u8>)]) -> CoreResult<Vec<MessageId>> {
    let mut ids = Vec::new();
    for (key, row) in rows {
        if Mention::decode(row)?.unread {
            ids.push(id_at_end(key));
        }
    }
    Ok(ids)
}

impl Core {
    /// Whether a message of a channel mentions the viewer; and if so, whether they have not looked.
    ///
    /// # Errors
    /// Those of the store.
    pub fn mentions(
        &self,
        viewer: UserId,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Option<bool>> {
        if !message.mentioned {
            return Ok(None);
        }
        let mention: Option<Mention> = self.shown(Keyspace::CHANNELS, &key(channel, viewer, id))?;
        Ok(mention.map(|mention| mention.unread))
    }

    /// Messages of a channel that mention a member and were not looked at, the newest first: all, or
    /// those of a thread.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn unread_mentions_in_channel(
        &self,
        owner: UserId,
        channel: ChannelId,
        thread: Option<MessageId>,
    ) -> CoreResult<Vec<MessageId>> {
        let prefix = prefix(channel, owner);
        let rows = scan_prefix(&*self.inner.store, Keyspace::CHANNELS, &prefix, KEPT_MAX + 1)?;
        let mut ids = unread(&rows)?;
        if let Some(thread) = thread {
            let stands_there = |stored: &Stored| stored.message.stands_in(thread);
            let found = self.rows(channel, &ids)?.into_iter().filter(stands_there);
            ids = found.map(|stored| stored.id).collect();
        }
        ids.reverse();
        Ok(ids)
    }

    /// Marks some mentions in a channel as seen, or in a thread of it; and how many are left. It is no
    /// event of the channel.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`].
    pub async fn read_mentions_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        thread: Option<MessageId>,
    ) -> CoreResult<usize> {
        self.write(Some(actor), move |decide| {
            let view = decide.channel_view(owner, channel)?;
            if !view.may_read() {
                return Err(CoreError::UnknownChannel);
            }
            let rows = decide.mentions_of(channel, owner)?;
            let mut all = unread(&rows)?;
            if let Some(thread) = thread {
                all = decide.in_thread(channel, all, thread)?;
            }
            let some: Vec<MessageId> = all.iter().take(AT_ONCE).copied().collect();
            let seen = decide.see_mentions(channel, owner, &some)?;
            if !seen.is_empty() {
                decide.tell_own(owner, Own::ReadContents { channel, ids: seen });
            }
            Ok(all.len() - some.len())
        })
        .await
    }
}

impl Decide<'_> {
    fn mentions_of(&self, channel: ChannelId, user: UserId) -> CoreResult<Vec<(Vec<u8>, Vec<u8>)>> {
        self.scan_prefix(Keyspace::CHANNELS, &prefix(channel, user), KEPT_MAX + 1)
    }

    /// Whom a message of a supergroup means, as far as they are there: those whom it names, and whom it
    /// answers.
    pub(super) fn meant_in_channel(
        &self,
        channel: &Channel,
        message: &Message,
    ) -> CoreResult<Vec<UserId>> {
        if channel.broadcast || message.action.is_some() {
            return Ok(Vec::new());
        }
        let mut meant = self.mentioned(message);
        if let Some(reply) = &message.reply {
            let answered = self.message(channel.id, reply.to)?;
            // What the node copies by itself is nobody's.
            let answered = answered
                .filter(|answered| answered.is_by(answered.from) && answered.action.is_none());
            meant.extend(answered.map(|answered| answered.from));
        }
        meant.sort_unstable();
        meant.dedup();
        meant.retain(|user| *user != message.from);
        let mut there = Vec::new();
        for user in meant.into_iter().take(MEANT_MAX) {
            if self.participant(channel.id, user)?.is_some_and(|own| own.joined) {
                there.push(user);
            }
        }
        Ok(there)
    }

    /// Notes whom a message means.
    pub(super) fn note_meant(
        &mut self,
        channel: &mut Channel,
        id: MessageId,
        meant: &[UserId],
    ) -> CoreResult<()> {
        for user in meant {
            let Some(own) = self.participant(channel.id, *user)? else { continue };
            let (mut unread, mut kept) = (1, 1);
            if own.mentions >= KEPT_MAX as i32 {
                let oldest = self.scan_prefix(Keyspace::CHANNELS, &prefix(channel.id, *user), 1)?;
                if let Some((oldest, row)) = oldest.first() {
                    unread -= i32::from(Mention::decode(row)?.unread);
                    kept -= 1;
                    self.put_shown::<Mention>(Keyspace::CHANNELS, oldest, None)?;
                }
            }
            let mention = Mention { unread: true };
            self.put_shown(Keyspace::CHANNELS, &key(channel.id, *user, id), Some(&mention))?;
            self.count_mentions(channel, *user, unread, kept)?;
        }
        Ok(())
    }

    fn count_mentions(
        &mut self,
        channel: &mut Channel,
        user: UserId,
        unread: i32,
        kept: i32,
    ) -> CoreResult<()> {
        let Some(own) = self.participant(channel.id, user)? else { return Ok(()) };
        let unread_mentions = own.unread_mentions.saturating_add(unread).max(0);
        let mentions = own.mentions.saturating_add(kept).max(0);
        self.put_participant(channel, &Participant { unread_mentions, mentions, ..own })
    }

    /// Somebody has looked at messages; answers those that meant them and were new.
    pub(super) fn see_mentions(
        &mut self,
        channel: ChannelId,
        user: UserId,
        ids: &[MessageId],
    ) -> CoreResult<Vec<MessageId>> {
        let mut seen = Vec::new();
        for id in ids {
            let key = key(channel, user, *id);
            let mention: Option<Mention> = self.load(Keyspace::CHANNELS, &key)?;
            if mention.is_some_and(|mention| mention.unread) {
                let mention = Mention { unread: false };
                self.put_shown(Keyspace::CHANNELS, &key, Some(&mention))?;
                seen.push(*id);
            }
        }
        if !seen.is_empty() {
            // Nobody comes or goes by it.
            let mut found = self.channel_row(channel)?;
            self.count_mentions(&mut found, user, -(seen.len() as i32), 0)?;
        }
        Ok(seen)
    }

    /// Nothing is shown to somebody up to a message: nor that they are mentioned there.
    pub(super) fn see_mentions_up_to(
        &mut self,
        channel: ChannelId,
        user: UserId,
        max_id: MessageId,
    ) -> CoreResult<()> {
        let ids = unread(&self.mentions_of(channel, user)?)?;
        let hidden: Vec<MessageId> = ids.into_iter().filter(|id| *id <= max_id).collect();
        self.see_mentions(channel, user, &hidden).map(|_| ())
    }

    /// A message goes, and with it that it meant somebody.
    pub(super) fn forget_meant(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if !message.mentioned {
            return Ok(());
        }
        let mut found = self.channel_row(channel)?;
        for user in self.meant_in_channel(&found, message)? {
            let key = key(channel, user, id);
            let Some(mention) = self.load::<Mention>(Keyspace::CHANNELS, &key)? else { continue };
            self.put_shown::<Mention>(Keyspace::CHANNELS, &key, None)?;
            self.count_mentions(&mut found, user, -i32::from(mention.unread), -1)?;
        }
        Ok(())
    }

    /// Who leaves is meant no more.
    pub(super) fn forget_mentions_of(
        &mut self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<()> {
        for (key, _) in self.mentions_of(channel, user)? {
            self.put_shown::<Mention>(Keyspace::CHANNELS, &key, None)?;
        }
        Ok(())
    }
}
