//! Reactions of others that a member has not looked at.

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::history::Stored;
use crate::ids::{Actor, MessageId, PEER_BYTES, PeerId, Pts, Talk, UserId};
use crate::personal::{Personal, PersonalRecord};
use crate::preferences::{ReactionsFrom, ReactionsNotify};
use crate::record::Record;
use crate::send::Affected;
use crate::{Core, CoreResult};

/// Messages of one member that have such reactions. Protects memory: a member's settings are in it.
const MESSAGES_MAX: usize = 500;

/// Members whose reactions to one message are marked: a supergroup may have many, of which a page
/// shows some.
const USERS_MAX: usize = 200;

/// Who has reacted to one's own message, and was not seen yet. Rest of the key: peer ++ id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct UnreadReactions(Vec<UserId>);

impl Record for UnreadReactions {
    const VERSION: u8 = 1;
    const NAME: &'static str = "unread reactions";
}

impl PersonalRecord for UnreadReactions {
    const KIND: u8 = 90;
}

fn rest(peer: PeerId, id: MessageId) -> Vec<u8> {
    [&peer.bytes()[..], &id.0.max(0).to_be_bytes()].concat()
}

fn parse(rest: &[u8]) -> Option<(PeerId, MessageId)> {
    let (peer, id) = rest.split_at_checked(PEER_BYTES)?;
    let id = i32::from_be_bytes(id.try_into().ok()?);
    Some((PeerId::from_bytes(peer)?, MessageId(id)))
}

impl Personal {
    /// Messages of a dialog with reactions that were not seen, ascending.
    pub(crate) fn unread_reactions(&self, peer: PeerId) -> CoreResult<Vec<MessageId>> {
        let rows = self.all::<UnreadReactions>()?;
        let of = rows.iter().filter_map(|(rest, _)| parse(rest));
        Ok(of.filter(|(with, _)| *with == peer).map(|(_, id)| id).collect())
    }
}

impl Core {
    /// Who has reacted to a message of `owner`, and was not seen yet.
    pub(crate) fn unread_of(
        &self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<Vec<UserId>> {
        let personal = self.inner.personal(owner)?;
        let found: Option<UnreadReactions> = personal.get(&rest(peer, id))?;
        Ok(found.unwrap_or_default().0)
    }

    /// One's own messages of a dialog, or of a thread in a supergroup, with reactions that were not seen,
    /// the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn unread_reactions(
        &self,
        owner: UserId,
        talk: impl Into<Talk>,
    ) -> CoreResult<Vec<MessageId>> {
        let Talk { peer, topic } = talk.into();
        let mut ids = self.inner.personal(owner)?.unread_reactions(peer)?;
        if let (Some(channel), Some(topic)) = (peer.channel(), topic) {
            let there = |stored: &Stored| stored.message.stands_in(topic);
            let found = self.rows(channel, &ids)?.into_iter().filter(there);
            ids = found.map(|stored| stored.id).collect();
        }
        ids.reverse();
        Ok(ids)
    }

    /// Marks all reactions to one's own messages of a dialog as seen, or to those of a thread.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_reactions(
        &self,
        actor: Actor,
        owner: UserId,
        talk: impl Into<Talk>,
    ) -> CoreResult<Affected> {
        let Talk { peer, topic } = talk.into();
        self.write(Some(actor), move |decide| {
            let rows = decide.personal_all::<UnreadReactions>(owner, MESSAGES_MAX)?;
            let of = rows.iter().filter_map(|(rest, _)| parse(rest)).filter(|(p, _)| *p == peer);
            let mut ids: Vec<MessageId> = of.map(|(_, id)| id).collect();
            if let (Some(channel), Some(topic)) = (peer.channel(), topic) {
                ids = decide.in_thread(channel, ids, topic)?;
            }
            for id in ids {
                decide.see_reactions(owner, peer, id)?;
            }
            // They are no events of the box.
            Ok(Affected { pts: Pts(decide.next_id(owner)?.0 - 1), pts_count: 0 })
        })
        .await
    }
}

impl Decide<'_> {
    /// Somebody has reacted to a message of `author`, or no longer.
    pub(crate) fn mark_reaction(
        &mut self,
        author: UserId,
        peer: PeerId,
        id: MessageId,
        user: UserId,
        reacts: bool,
    ) -> CoreResult<()> {
        let key = rest(peer, id);
        let known: Option<UnreadReactions> = self.personal(author, &key)?;
        let mut unread = known.unwrap_or_default();
        let had = unread.0.len();
        unread.0.retain(|known| *known != user);
        if reacts && self.hears_reaction(author, user)? {
            let messages = self.personal_all::<UnreadReactions>(author, MESSAGES_MAX)?.len();
            let has_room = if had > 0 { had < USERS_MAX } else { messages < MESSAGES_MAX };
            if has_room {
                unread.0.push(user);
            }
        }
        if had == 0 && unread.0.is_empty() {
            return Ok(());
        }
        self.set_personal(author, &key, (!unread.0.is_empty()).then_some(&unread))
    }

    /// Whether a member wants to be told of the reactions of `user`.
    fn hears_reaction(&self, author: UserId, user: UserId) -> CoreResult<bool> {
        let notify: Option<ReactionsNotify> = self.personal(author, &[])?;
        Ok(match notify.unwrap_or_default().messages {
            ReactionsFrom::Nobody => false,
            ReactionsFrom::Contacts => {
                self.inner.contacts.book(self.store(), author)?.contacts.contains_key(&user)
            }
            ReactionsFrom::All => true,
        })
    }

    /// A member has looked at the reactions to a message.
    pub(crate) fn see_reactions(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<()> {
        if self.forget_unread_reactions(owner, peer, id)? {
            self.tell_own(owner, Own::Reactions { peer, id });
        }
        Ok(())
    }

    /// A member is no longer where others reacted.
    pub(crate) fn forget_reactions_of(&mut self, owner: UserId, peer: PeerId) -> CoreResult<()> {
        let rows = self.personal_all::<UnreadReactions>(owner, MESSAGES_MAX)?;
        for (rest, _) in rows {
            if parse(&rest).is_some_and(|(with, _)| with == peer) {
                self.set_personal::<UnreadReactions>(owner, &rest, None)?;
            }
        }
        Ok(())
    }

    /// True if there were any.
    pub(crate) fn forget_unread_reactions(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<bool> {
        let key = rest(peer, id);
        let had = self.personal::<UnreadReactions>(owner, &key)?.is_some();
        if had {
            self.set_personal::<UnreadReactions>(owner, &key, None)?;
        }
        Ok(had)
    }
}
