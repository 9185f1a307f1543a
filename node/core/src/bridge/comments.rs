//! What people of other servers say to a bridged channel's posts.
//!
//! Where the channel is discussed it is a message of their ghost, by the way that a guest's takes, and
//! from then on as anybody's; where it is discussed nowhere it is kept for the channel's page. What has
//! to be approved waits as it came.

use glog::Node16;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::posts::is_shown;
use super::{
    APPROVED, AWAY, BlockSeverity, Bridge, BridgeError, COMMENT, COMMENT_AT, COMMENT_BY,
    COMMENT_ON, COMMENTS_ON, Cid, CommentPolicy, Count, DELETED_AT, DELETED_EARLY, HELD, PostRef,
    ROWS_AT_ONCE, RemoteActor, check_id, hash16, key, number_in,
};
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::limits::Limit;
use crate::record::Record;
use crate::send::{Edit, Outgoing};
use crate::text::Text;
use crate::{Core, CoreError, CoreResult};

/// For so long a deletion is remembered that came before what it deletes.
const DELETED_EARLY_MS: u64 = 6 * 3_600_000;

/// Comments of one post that are kept where nothing is discussed.
const KEPT_MAX: u64 = 1000;

/// Comments that one command takes away.
const FORGOTTEN_AT_ONCE: usize = 20;

/// Where a comment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommentPlace {
    /// A message where the channel is discussed.
    Shown {
        /// In which group.
        group: ChannelId,
        /// Which message.
        id: MessageId,
    },
    /// It waits for an admin.
    Held,
    /// The channel is discussed nowhere: it is shown on its page alone.
    Kept,
    /// It was deleted.
    Gone,
    /// It is a message that an earlier home wrote where the channel is discussed; the group may not be here.
    Away {
        /// The group's name in logs.
        group: [u8; 32],
        /// The entry that brought it.
        at: PostRef,
    },
}

/// A comment from another server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarComment {
    /// Its id.
    pub object: String,
    /// Who wrote it.
    pub actor: String,
    /// The host of that one.
    pub host: String,
    /// To which channel.
    pub cid: Cid,
    /// To which post.
    pub post: PostRef,
    /// The comment that it answers.
    pub parent: Option<String>,
    /// What it says; of one that is a message, that says it.
    pub text: Text,
    /// Unix seconds, as it says itself.
    pub published: i32,
    /// Of its last edit; before the first: when it was published.
    pub updated: i32,
    /// Its page.
    pub url: Option<String>,
    /// Where it is.
    pub place: CommentPlace,
}

impl std::fmt::Debug for FarComment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FarComment")
            .field("object", &self.object)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Record for FarComment {
    const VERSION: u8 = 1;
    const NAME: &'static str = "comment from another server";
}

/// A comment as it comes. Files are links in its text.
#[derive(Debug, Clone)]
pub struct NewComment {
    /// To which channel.
    pub cid: Cid,
    /// To which post.
    pub post: PostRef,
    /// Who wrote it.
    pub author: RemoteActor,
    /// The activity that brings it.
    pub activity: String,
    /// Its id.
    pub object: String,
    /// The comment that it answers, if it is not the post.
    pub parent: Option<String>,
    /// What it says.
    pub text: Text,
    /// Unix seconds, as it says itself.
    pub published: i32,
    /// Its page.
    pub url: Option<String>,
}

pub(super) fn comment_key(object: &str) -> Vec<u8> {
    key(COMMENT, &[&hash16(object)])
}

fn at_key(group: ChannelId, id: MessageId) -> Vec<u8> {
    key(COMMENT_AT, &[&group.bytes(), &id.0.max(0).to_be_bytes()])
}

fn by_key(actor: &str, object: &str) -> Vec<u8> {
    key(COMMENT_BY, &[&hash16(actor), &hash16(object)])
}

fn on_key(comment: &FarComment) -> Vec<u8> {
    key(COMMENT_ON, &[&comment.cid, &comment.post.bytes(), &hash16(&comment.object)])
}

fn count_key(cid: &Cid, post: &PostRef) -> Vec<u8> {
    key(COMMENTS_ON, &[cid, &post.bytes()])
}

pub(super) fn held_key(cid: &Cid, object: &str) -> Vec<u8> {
    key(HELD, &[cid, &hash16(object)])
}

pub(super) fn approved_key(cid: &Cid, actor: &str) -> Vec<u8> {
    key(APPROVED, &[cid, &hash16(actor)])
}

/// The beginning of a hash, as limits name their subjects.
pub(super) fn number_of(text: &str) -> u64 {
    hash16(text).first_chunk().map_or(0, |some| u64::from_be_bytes(*some))
}

impl Core {
    /// Somebody of another server says something to a post. What came before is where it is.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], [`BridgeError::CommentsOff`], [`BridgeError::Blocked`],
    /// [`BridgeError::UnknownPost`], [`BridgeError::Invalid`], [`CoreError::Flood`],
    /// [`CoreError::TooMany`], and those of whoever may not write in the group, [`CoreError::SlowMode`]
    /// among them. What failed may come again.
    pub async fn bridge_comment(&self, new: NewComment) -> CoreResult<CommentPlace> {
        let group = self.bridge_by_cid(&new.cid).and_then(|bridge| self.channel(bridge.channel));
        if let Some(group) = group.and_then(|channel| channel.linked) {
            self.join_to_comment(UserId::SERVICE, group.into()).await?;
        }
        self.write(None, move |decide| decide.bridge_comment(new)).await
    }

    /// A comment says something else. False where it is not known here, or as new already.
    ///
    /// # Errors
    /// [`CoreError::NotTheAuthor`], [`CoreError::EditTooLate`] after two days, [`BridgeError::Invalid`].
    pub async fn bridge_edit_comment(
        &self,
        activity: String,
        actor: String,
        object: String,
        text: Text,
        updated: i32,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| {
            decide.comment_is_here(&object)?;
            if !decide.see_activity(&activity)? {
                return Ok(false);
            }
            decide.edit_comment(&actor, &object, text, updated)
        })
        .await
    }

    /// A comment is deleted by who wrote it. One that has not come is not taken for six hours. True where
    /// something went.
    ///
    /// # Errors
    /// [`CoreError::NotTheAuthor`], [`BridgeError::Invalid`].
    pub async fn bridge_delete_comment(
        &self,
        activity: String,
        actor: String,
        object: String,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| {
            check_id(&object)?;
            check_id(&actor)?;
            decide.comment_is_here(&object)?;
            if !decide.see_activity(&activity)? {
                return Ok(false);
            }
            decide.delete_comment(&actor, &object)
        })
        .await
    }

    /// Somebody of another server is no more: all that they said, did and follow here goes, some at a
    /// time; then their ghost is a deleted account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_forget_actor(&self, actor: String) -> CoreResult<()> {
        loop {
            let whose = actor.clone();
            let left = self
                .write(None, move |decide| {
                    let prefix = key(COMMENT_BY, &[&hash16(&whose)]);
                    let rows = decide.scan_prefix(Keyspace::BRIDGE, &prefix, FORGOTTEN_AT_ONCE)?;
                    for (row, object) in &rows {
                        let object = String::from_utf8_lossy(object).into_owned();
                        decide.delete_comment(&whose, &object)?;
                        decide.delete(Keyspace::BRIDGE, row);
                    }
                    Ok(rows.len() == FORGOTTEN_AT_ONCE)
                })
                .await?;
            if !left {
                break;
            }
        }
        self.forget_acts(actor.clone()).await?;
        self.write(None, move |decide| decide.forget_actor(&actor)).await
    }

    /// Comments on a post that are kept here: those that are shown, and those for its page alone. In no
    /// order that means anything; at most 500.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_comments(&self, cid: &Cid, post: &PostRef) -> CoreResult<Vec<FarComment>> {
        self.comments_under(key(COMMENT_ON, &[cid, &post.bytes()])).await
    }

    pub(super) async fn comments_under(&self, prefix: Vec<u8>) -> CoreResult<Vec<FarComment>> {
        let store = &*self.inner.store;
        let rows = scan_prefix(store, Keyspace::BRIDGE, &prefix, ROWS_AT_ONCE)?;
        let mut found = Vec::with_capacity(rows.len());
        for (_, object) in &rows {
            let at = comment_key(&String::from_utf8_lossy(object));
            let row = store.get(Keyspace::BRIDGE, &at)?;
            found.extend(row.map(|row| FarComment::decode(&row)).transpose()?);
        }
        self.settled().await?;
        Ok(found)
    }

    /// How many comments of other servers a post has.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bridge_comment_count(&self, cid: &Cid, post: &PostRef) -> CoreResult<u64> {
        let count: Option<Count> = self.shown(Keyspace::BRIDGE, &count_key(cid, post))?;
        Ok(count.unwrap_or_default().0)
    }

    /// A comment of another server, if it is known here, also when it is gone.
    ///
    /// # Errors
    /// Those of the store.
    pub fn far_comment(&self, object: &str) -> CoreResult<Option<FarComment>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &comment_key(object))?;
        row.map(|row| FarComment::decode(&row)).transpose()
    }

    /// The id of the comment that a message of a group is.
    ///
    /// # Errors
    /// Those of the store.
    pub fn object_of_message(&self, group: ChannelId, id: MessageId) -> CoreResult<Option<String>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &at_key(group, id))?;
        match row {
            Some(object) => Ok(Some(String::from_utf8_lossy(&object).into_owned())),
            None => self.away_at(AWAY, group, id),
        }
    }

    /// Forgets deletions that came too early and that nothing followed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune_early_deletions(&self) -> CoreResult<()> {
        loop {
            let left = self
                .write(None, move |decide| {
                    let rows = decide.scan_prefix(Keyspace::BRIDGE, &[DELETED_AT], ROWS_AT_ONCE)?;
                    for (at, _) in &rows {
                        let Some((head, object)) = at.split_last_chunk::<16>() else { continue };
                        if number_in(head)?.saturating_add(DELETED_EARLY_MS) > decide.now_ms {
                            return Ok(false);
                        }
                        decide.delete(Keyspace::BRIDGE, &key(DELETED_EARLY, &[object]));
                        decide.delete(Keyspace::BRIDGE, at);
                    }
                    Ok(rows.len() == ROWS_AT_ONCE)
                })
                .await?;
            if !left {
                return Ok(());
            }
        }
    }
}

impl Decide<'_> {
    fn bridge_comment(&mut self, new: NewComment) -> CoreResult<CommentPlace> {
        let NewComment { cid, post, author, activity, object, parent, text, published, url } = new;
        check_id(&object)?;
        parent.iter().chain(&url).try_for_each(|id| check_id(id))?;
        author.check()?;
        if let Some(known) = self.comment(&object)? {
            return Ok(known.place);
        }
        if !self.see_activity(&activity)? {
            return Ok(CommentPlace::Gone);
        }
        let bridge = self.bridge_of_cid(&cid)?;
        if bridge.settings.comments == CommentPolicy::Off {
            return Err(BridgeError::CommentsOff.into());
        }
        self.not_blocked(&author.host, BlockSeverity::Suspend)?;
        if self.was_deleted_early(&author.id, &object)? {
            return Ok(CommentPlace::Gone);
        }
        self.bridged_post(&bridge, &post)?;
        self.take(Limit::CommentsOfActor(number_of(&author.id)), 1)?;
        self.take(Limit::CommentsOfHost(number_of(&author.host)), 1)?;
        let text = Text::parse(&text.text, text.entities)?;
        self.put_remote_actor(&author)?;
        let comment = FarComment {
            object,
            actor: author.id.clone(),
            host: author.host.clone(),
            cid,
            post,
            parent,
            text,
            published,
            updated: published,
            url,
            place: CommentPlace::Held,
        };
        self.put_comment_by(&comment);
        let waits = bridge.settings.comments == CommentPolicy::HoldFirst
            || self.not_blocked(&author.host, BlockSeverity::Limit).is_err();
        let approved = approved_key(&cid, &comment.actor);
        if waits && self.get(Keyspace::BRIDGE, &approved)?.is_none() {
            return self.hold_comment(comment);
        }
        self.place_comment(&bridge, comment, &author)
    }

    pub(super) fn comment(&self, object: &str) -> CoreResult<Option<FarComment>> {
        self.load(Keyspace::BRIDGE, &comment_key(object))
    }

    /// A comment is one of its author's.
    pub(super) fn put_comment_by(&mut self, comment: &FarComment) {
        let by = by_key(&comment.actor, &comment.object);
        self.put_bytes(Keyspace::BRIDGE, &by, comment.object.clone().into_bytes());
    }

    /// Fails for a comment to a channel that another node bridges by now.
    fn comment_is_here(&self, object: &str) -> CoreResult<()> {
        match self.comment(object)? {
            Some(comment) => self.is_not_given(&comment.cid),
            None => Ok(()),
        }
    }

    pub(super) fn put_comment(&mut self, comment: &FarComment) -> CoreResult<()> {
        self.put(Keyspace::BRIDGE, &comment_key(&comment.object), comment)
    }

    /// The message that a post is, for who may see it.
    pub(super) fn bridged_post(
        &self,
        bridge: &Bridge,
        post: &PostRef,
    ) -> CoreResult<(MessageId, crate::Message)> {
        let id = self.post_at(bridge.channel, post)?.ok_or(BridgeError::UnknownPost)?;
        let message = self.message(bridge.channel, id)?;
        let message = message.filter(|message| is_shown(message, bridge.settings.protected));
        Ok((id, message.ok_or(BridgeError::UnknownPost)?))
    }

    /// Puts a comment where the channel is discussed, or keeps it where that is nowhere.
    pub(super) fn place_comment(
        &mut self,
        bridge: &Bridge,
        mut comment: FarComment,
        author: &RemoteActor,
    ) -> CoreResult<CommentPlace> {
        let (post, _) = self.bridged_post(bridge, &comment.post)?;
        let group = self.channel_row(bridge.channel)?.linked;
        let copy = self.post_copy(bridge.channel, post)?;
        let copy = copy.filter(|copy| group == Some(copy.group));
        let Count(count) = self
            .load(Keyspace::BRIDGE, &count_key(&bridge.cid, &comment.post))?
            .unwrap_or_default();
        let Some(copy) = copy else {
            if count >= KEPT_MAX {
                return Err(CoreError::TooMany);
            }
            comment.place = CommentPlace::Kept;
            self.index_comment(&comment, count)?;
            self.event(Event::Bridge);
            return Ok(comment.place);
        };
        self.may_write_as_before(&author.id, copy.group)?;
        let ghost = self.ghost_of(author)?;
        let answered = match &comment.parent {
            Some(parent) => match self.comment(parent)?.map(|parent| parent.place) {
                Some(CommentPlace::Shown { group, id }) if group == copy.group => id,
                Some(CommentPlace::Away { at, .. }) => {
                    self.post_at(copy.group, &at)?.unwrap_or(copy.top)
                }
                _ => self.answer_of(copy.group, parent)?.unwrap_or(copy.top),
            },
            None => copy.top,
        };
        let place = copy.group.into();
        let text = std::mem::replace(&mut comment.text, Text::none());
        let message = Outgoing { reply: Some((answered, None)), ..Outgoing::text(place, text, 0) };
        let body = self.body(ghost, message)?;
        self.may_write(ghost, place)?;
        self.may_send(ghost, place, &body)?;
        // All that could fail before a box changes.
        let group = copy.group;
        comment.place = CommentPlace::Shown { group, id: self.next_id(group)? };
        self.index_comment(&comment, count)?;
        let id = self.send(ghost, place, body)?.id;
        comment.place = CommentPlace::Shown { group, id };
        self.put_comment(&comment)?;
        let object = comment.object.into_bytes();
        self.put_bytes(Keyspace::BRIDGE, &at_key(group, id), object);
        Ok(comment.place)
    }

    /// A comment is one of a post's from now on.
    fn index_comment(&mut self, comment: &FarComment, count: u64) -> CoreResult<()> {
        let object = comment.object.clone().into_bytes();
        self.put_bytes(Keyspace::BRIDGE, &on_key(comment), object);
        let counted = count_key(&comment.cid, &comment.post);
        self.put_shown(Keyspace::BRIDGE, &counted, Some(&Count(count + 1)))?;
        self.put_comment(comment)
    }

    /// The same of one that was counted elsewhere before.
    pub(super) fn index_comment_once(&mut self, comment: &FarComment) -> CoreResult<()> {
        let counted = count_key(&comment.cid, &comment.post);
        let Count(count) = self.load(Keyspace::BRIDGE, &counted)?.unwrap_or_default();
        self.index_comment(comment, count)
    }

    pub(super) fn edit_comment(
        &mut self,
        actor: &str,
        object: &str,
        text: Text,
        updated: i32,
    ) -> CoreResult<bool> {
        let Some(mut comment) = self.comment(object)? else { return Ok(false) };
        if comment.actor != actor {
            return Err(CoreError::NotTheAuthor);
        }
        if updated <= comment.updated {
            return Ok(false);
        }
        let text = Text::parse(&text.text, text.entities)?;
        comment.updated = updated;
        match comment.place {
            CommentPlace::Gone => return Ok(false),
            CommentPlace::Held | CommentPlace::Kept => {
                comment.text = text;
                self.put_comment(&comment)?;
                self.event(Event::Bridge);
            }
            CommentPlace::Away { at, .. } => {
                self.put_comment(&comment)?;
                self.edit_away(&comment, Node16(at.node), &text)?;
            }
            CommentPlace::Shown { group, id } => {
                self.put_comment(&comment)?;
                let ghost = self.known_ghost(actor)?.ok_or(CoreError::UnknownUser)?.user;
                match self.edit(ghost, group.into(), id, Edit::text(text)) {
                    Ok(_) => {}
                    // Only what is not ours to show is another: its own picture of itself.
                    Err(CoreError::NotModified) => {}
                    Err(cause) => return Err(cause),
                }
            }
        }
        Ok(true)
    }

    pub(super) fn delete_comment(&mut self, actor: &str, object: &str) -> CoreResult<bool> {
        let Some(comment) = self.comment(object)? else {
            self.delete_early(actor, object)?;
            return Ok(false);
        };
        if comment.actor != actor {
            return Err(CoreError::NotTheAuthor);
        }
        match comment.place {
            CommentPlace::Gone => Ok(false),
            CommentPlace::Held | CommentPlace::Kept => self.comment_goes(comment).map(|()| true),
            CommentPlace::Away { at, .. } => {
                self.delete_away(&comment, Node16(at.node))?;
                self.comment_goes(comment).map(|()| true)
            }
            CommentPlace::Shown { group, id } => {
                let ghost = self.known_ghost(actor)?.ok_or(CoreError::UnknownUser)?.user;
                let view = match self.channel_view(ghost, group) {
                    // The whole group has ended.
                    Err(CoreError::UnknownChannel) => {
                        return self.comment_goes(comment).map(|()| true);
                    }
                    view => view?,
                };
                // Who was banned takes back what they said all the same: whoever has the group does.
                let by =
                    if view.is_guest() || view.is_member() { ghost } else { view.channel.creator };
                if crate::federation::is_remote(by) {
                    return self.comment_goes(comment).map(|()| true);
                }
                self.delete_in_channel(by, group, vec![id])?;
                Ok(true)
            }
        }
    }

    /// A message of a group goes that is a comment from another server; `entry` brought it.
    pub(super) fn comment_message_goes(
        &mut self,
        group: ChannelId,
        id: MessageId,
        entry: &PostRef,
    ) -> CoreResult<()> {
        let at = at_key(group, id);
        let object = match self.get(Keyspace::BRIDGE, &at)? {
            Some(object) => Some(String::from_utf8_lossy(&object).into_owned()),
            None => self.object_away(group, entry)?,
        };
        let Some(object) = object else { return Ok(()) };
        self.delete(Keyspace::BRIDGE, &at);
        match self.comment(&object)? {
            Some(comment) => self.comment_goes(comment),
            None => Ok(()),
        }
    }

    /// A comment is no more. That it was is kept: it does not come again.
    pub(super) fn comment_goes(&mut self, comment: FarComment) -> CoreResult<()> {
        let FarComment { cid, post, .. } = comment;
        match comment.place {
            CommentPlace::Gone => return Ok(()),
            CommentPlace::Held => {
                self.delete(Keyspace::BRIDGE, &held_key(&cid, &comment.object));
            }
            CommentPlace::Kept | CommentPlace::Shown { .. } | CommentPlace::Away { .. } => {
                self.delete(Keyspace::BRIDGE, &on_key(&comment));
                let counted = count_key(&cid, &post);
                let Count(count) = self.load(Keyspace::BRIDGE, &counted)?.unwrap_or_default();
                let left = Count(count.saturating_sub(1));
                self.put_shown(Keyspace::BRIDGE, &counted, (left.0 > 0).then_some(&left))?;
            }
        }
        self.delete(Keyspace::BRIDGE, &by_key(&comment.actor, &comment.object));
        let (text, url, parent) = (Text::none(), None, None);
        let gone = FarComment { text, url, parent, place: CommentPlace::Gone, ..comment };
        self.put_comment(&gone)?;
        self.event(Event::Bridge);
        Ok(())
    }

    fn delete_early(&mut self, actor: &str, object: &str) -> CoreResult<()> {
        let hash = hash16(object);
        let by_time = key(DELETED_AT, &[&self.now_ms.to_be_bytes(), &hash]);
        let row = Early { actor: actor.to_owned(), at_ms: self.now_ms };
        self.put(Keyspace::BRIDGE, &key(DELETED_EARLY, &[&hash]), &row)?;
        self.put_bytes(Keyspace::BRIDGE, &by_time, Vec::new());
        Ok(())
    }

    fn was_deleted_early(&self, actor: &str, object: &str) -> CoreResult<bool> {
        let row = self.load(Keyspace::BRIDGE, &key(DELETED_EARLY, &[&hash16(object)]))?;
        let Some(Early { actor: by, at_ms }) = row else { return Ok(false) };
        Ok(by == actor && self.now_ms < at_ms.saturating_add(DELETED_EARLY_MS))
    }

    fn forget_actor(&mut self, actor: &str) -> CoreResult<()> {
        for bridge in self.inner.bridges.all() {
            let known = self.follower_row(&bridge.cid, actor)?;
            if let Some(known) = known {
                self.remove_follower(bridge.cid, &known)?;
            }
            self.delete(Keyspace::BRIDGE, &approved_key(&bridge.cid, actor));
        }
        if let Some(ghost) = self.known_ghost(actor)? {
            self.end_ghost(ghost.user)?;
        }
        self.delete(Keyspace::BRIDGE, &key(super::ACTOR, &[&hash16(actor)]));
        Ok(())
    }
}

/// A deletion that came before what it deletes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Early {
    actor: String,
    at_ms: u64,
}

impl Record for Early {
    const VERSION: u8 = 1;
    const NAME: &'static str = "early deletion";
}
