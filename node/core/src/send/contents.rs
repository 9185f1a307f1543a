//! What has to be looked at or listened to beside being read: voice messages, round films, and
//! mentions.

use std::collections::BTreeMap;

use super::Affected;
use crate::boxes::StoredChunks;
use crate::decide::Decide;
use crate::ids::{Actor, MessageId, PeerId, Pts, Talk, UserId};
use crate::message::{BoxRow, Message};
use crate::{Core, CoreResult};

/// Messages that one command marks.
const AT_ONCE: usize = 100;

impl Core {
    /// Marks what comes with messages as looked at; the writers of what was listened to see it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_contents(
        &self,
        actor: Actor,
        owner: UserId,
        ids: Vec<MessageId>,
    ) -> CoreResult<Affected> {
        self.write(Some(actor), move |decide| decide.read_contents(owner, &ids)).await
    }

    /// Marks mentions of a dialog as seen, some at a time; and how many are left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_mentions(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
    ) -> CoreResult<(Affected, usize)> {
        self.write(Some(actor), move |decide| {
            let all = decide.unread_mentions(owner, peer)?;
            let some: Vec<MessageId> = all.iter().take(AT_ONCE).copied().collect();
            let affected = decide.read_contents(owner, &some)?;
            Ok((affected, all.len() - some.len()))
        })
        .await
    }

    /// Messages of a dialog, or of a thread in a supergroup, that mention its owner and were not looked
    /// at, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unread_mentions(
        &self,
        owner: UserId,
        talk: impl Into<Talk>,
    ) -> CoreResult<Vec<MessageId>> {
        let Talk { peer, topic } = talk.into();
        if let PeerId::Channel(channel) = peer {
            let found = self.unread_mentions_in_channel(owner, channel, topic)?;
            self.settled().await?;
            return Ok(found);
        }
        let found = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            let dialog = state.dialogs.get(&peer);
            dialog.map_or(Vec::new(), |dialog| dialog.mentions.iter().rev().copied().collect())
        };
        self.settled().await?;
        Ok(found)
    }
}

impl Decide<'_> {
    fn unread_mentions(&self, owner: UserId, peer: PeerId) -> CoreResult<Vec<MessageId>> {
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(self.store(), owner)?;
        let dialog = state.dialogs.get(&peer);
        Ok(dialog.map_or(Vec::new(), |dialog| dialog.mentions.iter().copied().collect()))
    }

    fn read_contents(&mut self, owner: UserId, ids: &[MessageId]) -> CoreResult<Affected> {
        let mut own: BTreeMap<PeerId, Vec<(MessageId, Message)>> = BTreeMap::new();
        let mut theirs: BTreeMap<(UserId, PeerId), Vec<(MessageId, Message)>> = BTreeMap::new();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        for id in ids.into_iter().take(AT_ONCE) {
            let Some(message) = self.message(owner, id)? else { continue };
            self.see_reactions(owner, message.peer, id)?;
            if message.out || !message.unread_media {
                continue;
            }
            // Of what was listened to the writer's copy says so too.
            let heard =
                message.media.as_ref().map_or(Ok(false), |media| self.has_to_be_heard(media))?;
            if heard {
                let written = match message.peer {
                    PeerId::User(_) => self.other_copies(owner, &message)?.pop(),
                    PeerId::Chat(chat) => {
                        let writer = message.from;
                        match self.copies(chat, message.twin)?.of(writer) {
                            Some(id) => self.message(writer, id)?.map(|m| (writer, id, m)),
                            None => None,
                        }
                    }
                    PeerId::Channel(_) => None,
                };
                if let Some((writer, id, written)) =
                    written.filter(|(.., m)| m.out && m.unread_media)
                {
                    let with = written.peer;
                    theirs.entry((writer, with)).or_default().push((id, written));
                }
            }
            own.entry(message.peer).or_default().push((id, message));
        }
        let mut affected = Affected { pts: Pts(self.next_id(owner)?.0 - 1), pts_count: 0 };
        for (peer, messages) in own {
            affected.pts_count += messages.len() as i32;
            affected.pts = self.append_read_contents(owner, peer, messages)?;
        }
        for ((writer, peer), messages) in theirs {
            self.append_read_contents(writer, peer, messages)?;
        }
        Ok(affected)
    }

    fn append_read_contents(
        &mut self,
        owner: UserId,
        peer: PeerId,
        messages: Vec<(MessageId, Message)>,
    ) -> CoreResult<Pts> {
        let mut ids = Vec::with_capacity(messages.len());
        for (id, message) in messages {
            self.rewrite(owner, id, &Message { unread_media: false, ..message })?;
            ids.push(id);
        }
        ids.sort_unstable();
        self.append(owner, BoxRow::ReadContents { peer, ids })
    }

    /// Members of a group whose messages became read.
    pub(super) fn tell_seen(
        &mut self,
        peer: PeerId,
        seen: Vec<(UserId, MessageId, i32)>,
    ) -> CoreResult<()> {
        let date = self.now();
        for (author, max_id, count) in seen {
            self.append(author, BoxRow::ReadOutbox { peer, max_id, count, date })?;
        }
        Ok(())
    }

    /// How many of the other party's messages become read when `reader` has read up to `twin` of
    /// them; `None` if that changes nothing.
    pub(super) fn seen_by_other(
        &self,
        reader: UserId,
        other: UserId,
        twin: MessageId,
    ) -> CoreResult<Option<i32>> {
        if twin.0 == 0 || other == reader {
            return Ok(None);
        }
        let (store, owner) = (self.store(), other);
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(store, owner)?;
        let back = PeerId::User(reader);
        let Some(dialog) = state.dialogs.get(&back) else { return Ok(None) };
        let count =
            dialog.outgoing_up_to(twin, &StoredChunks { store, owner: owner.into() }, back)?;
        Ok((count > 0).then_some(count))
    }
}
