//! Reactions to messages.
//!
//! Keyspace `REACTIONS`, key = place (1 + 8 + 4): all reactions to one message lie once, under the
//! place that its copies share: the number in a group; between two people the writer and the id in
//! the writer's box. Every copy says whether there are any, so that pages without reactions cost
//! no further read. None of it is in the log of a box: who missed a change reads the message again.
//! Those in channels lie with their channel.
//!
//! Source: <https://core.telegram.org/api/reactions>

mod catalogue;
mod own;
mod unread;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

pub use catalogue::{AvailableReaction, DEFAULT_REACTION, REACTIONS};

use crate::chats::{ChatReactions, Rights};
use crate::decide::Decide;
use crate::event::Own;
use crate::federation::is_remote;
use crate::ids::{Actor, MessageId, PeerId, UserId};
use crate::media::{Document, DocumentAttribute, FileId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Reactions that one member may have to one message: `reactions_user_max`.
pub const REACTIONS_USER_MAX: usize = 1;

/// Different reactions to one message: `reactions_uniq_max`.
pub const REACTIONS_UNIQ_MAX: usize = 11;

/// Reactions of a message that are shown with whom they are from.
pub(crate) const RECENT_SHOWN: usize = 3;

/// Reactions to one message. Protects the row: who left a group keeps theirs.
const REACTIONS_MAX: usize = 1000;

/// Why something is no reaction here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReactionError {
    /// The node, or the group, does not have it.
    #[error("no such reaction here")]
    Invalid,
    /// More than a member may have, or more different ones than a message.
    #[error("too many reactions")]
    TooMany,
    /// The same as before.
    #[error("the same reaction")]
    NotModified,
    /// Who reacted is not shown there.
    #[error("who reacted is not shown")]
    ListHidden,
}

/// What somebody reacts with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reaction {
    /// An emoji of [`REACTIONS`].
    Emoji(String),
    /// A custom emoji, by its document.
    Custom(FileId),
}

/// One reaction of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reacted {
    /// Whose.
    pub user: UserId,
    /// What.
    pub reaction: Reaction,
    /// Unix seconds.
    pub date: i32,
    /// Shown large.
    pub big: bool,
    /// Nobody else sees it: the other party has blocked the member.
    pub(crate) hidden: bool,
}

/// All reactions to one message, the oldest first.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reactions(pub(crate) Vec<Reacted>);

impl Record for Reactions {
    const VERSION: u8 = 1;
    const NAME: &'static str = "reactions";
}

/// How often something was reacted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// What.
    pub reaction: Reaction,
    /// How often.
    pub count: i32,
    /// Of those of the viewer: which one it is, from 0.
    pub chosen: Option<i32>,
}

/// Reactions of a message as one member sees them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReactionsView {
    /// The most frequent first.
    pub counts: Vec<ReactionCount>,
    /// The newest ones, the newest first; and whether the viewer has still to look at it.
    pub recent: Vec<(Reacted, bool)>,
    /// The whole list can be read.
    pub can_see_list: bool,
}

/// A page of who reacted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReactionsPage {
    /// The newest first; and whether the viewer has still to look at it.
    pub reacted: Vec<(Reacted, bool)>,
    /// In all.
    pub count: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<usize>,
}

/// Where the copies of a message meet.
fn place(owner: UserId, id: MessageId, message: &Message) -> [u8; 13] {
    let (kind, first, number) = match message.peer {
        PeerId::Chat(chat) if message.twin.0 != 0 => (0, chat.0, message.twin),
        PeerId::User(_) if !message.out && message.twin.0 != 0 => (1, message.from.0, message.twin),
        PeerId::User(_) if message.out => (1, owner.0, id),
        // It lies in this box only: a message of the service account.
        _ => (2, owner.0, id),
    };
    let mut key = [kind; 13];
    if let Some(tail) = key.last_chunk_mut::<12>() {
        *tail = crate::ids::box_key(UserId(first), number.0);
    }
    key
}

impl Reactions {
    fn visible(&self, viewer: UserId) -> impl DoubleEndedIterator<Item = &Reacted> {
        self.0.iter().filter(move |reacted| !reacted.hidden || reacted.user == viewer)
    }

    fn counts(&self, viewer: UserId) -> Vec<ReactionCount> {
        let mut counts: Vec<ReactionCount> = Vec::new();
        let mut own = 0;
        for reacted in self.visible(viewer) {
            let at = counts.iter().position(|known| known.reaction == reacted.reaction);
            let at = at.unwrap_or_else(|| {
                let reaction = reacted.reaction.clone();
                counts.push(ReactionCount { reaction, count: 0, chosen: None });
                counts.len() - 1
            });
            if let Some(found) = counts.get_mut(at) {
                found.count += 1;
                if reacted.user == viewer {
                    found.chosen = Some(own);
                    own += 1;
                }
            }
        }
        // Stable: of equal ones the oldest stays first.
        counts.sort_by_key(|found| std::cmp::Reverse(found.count));
        counts
    }
}

impl Core {
    /// Reacts to a message; an empty list takes one's reactions back.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::Reaction`], and those of rights.
    pub async fn react(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        reactions: Vec<Reaction>,
        how: ReactHow,
    ) -> CoreResult<()> {
        self.join_to_comment(owner, peer).await?;
        self.write(Some(actor), move |decide| decide.react(owner, peer, id, reactions, how)).await
    }

    /// The reactions to a message of `viewer`'s box, as far as they are on disk; `None` if there
    /// never were any.
    ///
    /// # Errors
    /// Those of the store.
    pub fn reactions(
        &self,
        viewer: UserId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Option<ReactionsView>> {
        // Who left learns no more of who is there.
        let there = message.peer.chat().is_none_or(|chat| self.inner.chats.has(chat, viewer));
        if !message.reacted || !there {
            return Ok(None);
        }
        if let PeerId::Channel(channel) = message.peer {
            return self.reactions_in_channel(viewer, channel, id).map(Some);
        }
        let found = self.stored_reactions(viewer, id, message)?;
        let unread = self.unread_of(viewer, message.peer, id)?;
        let recent = found.visible(viewer).rev().take(RECENT_SHOWN);
        Ok(Some(ReactionsView {
            counts: found.counts(viewer),
            recent: recent.map(|one| (one.clone(), unread.contains(&one.user))).collect(),
            can_see_list: message.peer.chat().is_some(),
        }))
    }

    fn stored_reactions(
        &self,
        viewer: UserId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Reactions> {
        let key = place(viewer, id, message);
        Ok(self.shown(Keyspace::REACTIONS, &key)?.unwrap_or_default())
    }

    /// Who reacted to a message, with `reaction` or with anything, from the `from`th on.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::NotAMember`], [`ReactionError::ListHidden`].
    pub async fn reactions_page(
        &self,
        viewer: UserId,
        peer: PeerId,
        id: MessageId,
        reaction: Option<&Reaction>,
        from: usize,
        limit: usize,
    ) -> CoreResult<ReactionsPage> {
        if let PeerId::Channel(channel) = peer {
            let page = self.reactions_page_in_channel(viewer, channel, id, reaction, from, limit);
            return page.await;
        }
        let found = self.messages(viewer, &[id]).await?;
        let message = found.into_iter().next().map(|stored| stored.message);
        let message = message.filter(|message| message.peer == peer);
        let message = message.ok_or(CoreError::UnknownMessage)?;
        if let PeerId::Chat(chat) = peer
            && !self.inner.chats.has(chat, viewer)
        {
            return Err(CoreError::NotAMember);
        }
        let unread = self.unread_of(viewer, peer, id)?;
        let found = self.stored_reactions(viewer, id, &message)?;
        let all = found.visible(viewer).rev();
        let all = all.filter(|one| reaction.is_none_or(|wanted| one.reaction == *wanted));
        let all: Vec<(Reacted, bool)> =
            all.map(|one| (one.clone(), unread.contains(&one.user))).collect();
        let count = all.len();
        let reacted: Vec<_> = all.into_iter().skip(from).take(limit).collect();
        let end = from.saturating_add(reacted.len());
        Ok(ReactionsPage { count, next: (end < count).then_some(end), reacted })
    }
}

/// How somebody reacts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReactHow {
    /// Shown large.
    pub big: bool,
    /// It is one of the member's recent reactions from now on.
    pub add_to_recent: bool,
}

impl Decide<'_> {
    fn react(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        reactions: Vec<Reaction>,
        how: ReactHow,
    ) -> CoreResult<()> {
        let mut wanted: Vec<Reaction> = Vec::with_capacity(reactions.len().min(2));
        for reaction in reactions {
            let reaction = self.known_reaction(reaction)?;
            if !wanted.contains(&reaction) {
                wanted.push(reaction);
            }
            if wanted.len() > REACTIONS_USER_MAX {
                return Err(ReactionError::TooMany.into());
            }
        }
        if let PeerId::Channel(channel) = peer {
            return self.react_in_channel(owner, channel, id, wanted.pop(), how);
        }
        let message = self.message(owner, id)?;
        let message = message.filter(|m| m.peer == peer && m.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let hidden = match peer {
            PeerId::Chat(chat) => {
                let chat = self.chat_for(owner, chat)?;
                if !wanted.is_empty() {
                    chat.needs(owner, Rights::SEND_REACTIONS)?;
                    if !wanted.iter().all(|reaction| chat.reactions.has(reaction)) {
                        return Err(ReactionError::Invalid.into());
                    }
                }
                false
            }
            PeerId::User(other) => other != owner && self.is_blocked(other, owner)?,
            PeerId::Channel(_) => return Err(CoreError::UnknownMessage),
        };
        let key = place(owner, id, &message);
        let before: Reactions = self.load(Keyspace::REACTIONS, &key)?.unwrap_or_default();
        let own = before.0.iter().filter(|one| one.user == owner);
        if own.map(|one| &one.reaction).eq(&wanted) {
            return Err(ReactionError::NotModified.into());
        }
        // One that was seen before is seen to go.
        let was_seen = before.0.iter().any(|one| one.user == owner && !one.hidden);
        let hidden_now = hidden && !was_seen;
        let mut after = before;
        after.0.retain(|one| one.user != owner);
        let date = self.now();
        let added = wanted.iter().map(|reaction| {
            let (user, reaction, big) = (owner, reaction.clone(), how.big);
            Reacted { user, reaction, date, big, hidden }
        });
        after.0.extend(added);
        let mut kinds: Vec<&Reaction> = after.0.iter().map(|one| &one.reaction).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if !wanted.is_empty() && (kinds.len() > REACTIONS_UNIQ_MAX || after.0.len() > REACTIONS_MAX)
        {
            return Err(ReactionError::TooMany.into());
        }
        if how.add_to_recent {
            for reaction in &wanted {
                self.add_recent_reaction(owner, reaction.clone())?;
            }
        }
        if peer.user().is_some_and(is_remote) {
            self.react_across(owner, id, &wanted)?;
        }
        let others = self.present_copies(owner, &message)?;
        let empty = after.0.is_empty();
        self.put_shown(Keyspace::REACTIONS, &key, (!empty).then_some(&after))?;
        if !message.reacted {
            self.rewrite(owner, id, &Message { reacted: true, ..message.clone() })?;
        }
        for (user, id, copy) in &others {
            if !copy.reacted {
                self.rewrite(*user, *id, &Message { reacted: true, ..copy.clone() })?;
            }
        }
        if !hidden_now && let Some((author, id, copy)) = others.iter().find(|(_, _, copy)| copy.out)
        {
            self.mark_reaction(*author, copy.peer, *id, owner, !wanted.is_empty() && !hidden)?;
        }
        self.tell_own(owner, Own::Reactions { peer, id });
        // What nobody else sees is told to nobody else.
        for (user, id, copy) in others.into_iter().filter(|_| !hidden_now) {
            self.tell_own(user, Own::Reactions { peer: copy.peer, id });
        }
        Ok(())
    }

    /// What one of two people of two nodes reacts with to a message of `owner`'s box, as their log says.
    pub(crate) fn set_far_reaction(
        &mut self,
        owner: UserId,
        id: MessageId,
        user: UserId,
        wanted: Option<Reaction>,
    ) -> CoreResult<()> {
        let message = self.message(owner, id)?.filter(|message| message.action.is_none());
        let Some(message) = message else { return Ok(()) };
        // What this node does not have it does not show.
        let wanted = wanted.and_then(|wanted| self.known_reaction(wanted).ok());
        let key = place(owner, id, &message);
        let mut all: Reactions = self.load(Keyspace::REACTIONS, &key)?.unwrap_or_default();
        if all.0.iter().find(|one| one.user == user).map(|one| &one.reaction) == wanted.as_ref() {
            return Ok(());
        }
        all.0.retain(|one| one.user != user);
        let (date, reacts) = (self.now(), wanted.is_some());
        let added = |reaction| Reacted { user, reaction, date, big: false, hidden: false };
        all.0.extend(wanted.map(added));
        self.put_shown(Keyspace::REACTIONS, &key, (!all.0.is_empty()).then_some(&all))?;
        if !message.reacted {
            self.rewrite(owner, id, &Message { reacted: true, ..message.clone() })?;
        }
        if message.out && user != owner {
            self.mark_reaction(owner, message.peer, id, user, reacts)?;
        }
        self.tell_own(owner, Own::Reactions { peer: message.peer, id });
        Ok(())
    }

    /// A reaction as it is kept, if there is such a one.
    pub(crate) fn known_reaction(&self, reaction: Reaction) -> CoreResult<Reaction> {
        match reaction {
            Reaction::Emoji(emoticon) => catalogue::known(&emoticon)
                .map(|known| Reaction::Emoji(known.to_owned()))
                .ok_or(ReactionError::Invalid.into()),
            Reaction::Custom(file) => {
                let is = self.document(file)?.is_some_and(|document| is_custom_emoji(&document));
                if is { Ok(Reaction::Custom(file)) } else { Err(ReactionError::Invalid.into()) }
            }
        }
    }

    /// A copy of a message is about to go; `last`: there is no other one.
    pub(crate) fn forget_reactions(
        &mut self,
        owner: UserId,
        id: MessageId,
        message: &Message,
        last: bool,
    ) -> CoreResult<()> {
        if !message.reacted {
            return Ok(());
        }
        self.forget_unread_reactions(owner, message.peer, id)?;
        if last {
            let key = place(owner, id, message);
            self.put_shown::<Reactions>(Keyspace::REACTIONS, &key, None)?;
        }
        Ok(())
    }
}

/// Whether a document is a custom emoji.
pub(crate) fn is_custom_emoji(document: &Document) -> bool {
    document.attributes.iter().any(|is| matches!(is, DocumentAttribute::CustomEmoji { .. }))
}

impl ChatReactions {
    /// Whether a group has a reaction.
    pub(crate) fn has(&self, reaction: &Reaction) -> bool {
        match (self, reaction) {
            (Self::All, _) => true,
            (Self::Some(emoji, _), Reaction::Emoji(wanted)) => emoji.contains(wanted),
            (Self::Some(_, custom), Reaction::Custom(wanted)) => custom.contains(&wanted.0),
            (Self::None, _) => false,
        }
    }

    /// What a group is to have, as it is kept.
    ///
    /// # Errors
    /// [`ReactionError::Invalid`].
    pub fn some(reactions: Vec<Reaction>) -> CoreResult<Self> {
        let (mut emoji, mut custom) = (Vec::new(), Vec::new());
        for reaction in reactions {
            match reaction {
                Reaction::Emoji(emoticon) => {
                    let known = catalogue::known(&emoticon).ok_or(ReactionError::Invalid)?;
                    if !emoji.iter().any(|had| had == known) {
                        emoji.push(known.to_owned());
                    }
                }
                Reaction::Custom(file) if custom.len() < REACTIONS_MAX => {
                    if !custom.contains(&file.0) {
                        custom.push(file.0);
                    }
                }
                Reaction::Custom(_) => return Err(ReactionError::TooMany.into()),
            }
        }
        let none = emoji.is_empty() && custom.is_empty();
        Ok(if none { Self::None } else { Self::Some(emoji, custom) })
    }
}
