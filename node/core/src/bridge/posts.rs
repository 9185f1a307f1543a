//! What anybody may read of a bridged channel: its posts, under names that are the same on every node.

use glog::{EntryRef, Node16};
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{Bridge, BridgeState, Cid, POST, POST_GONE, key};
use crate::decide::Decide;
use crate::history::{HistoryQuery, PAGE_MAX, Place, Stored};
use crate::ids::{ChannelId, MessageId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Channel, Core, CoreError, CoreResult};

/// Pinned posts that are shown.
const PINNED_SHOWN: usize = 20;

/// Posts of one album, at most.
const ALBUM_MAX: usize = 10;

/// Pages that are read for one answer: what was deleted or only tells something leaves them short.
const PAGES_MAX: usize = 10;

/// A post, as every node calls it: whose lane, which incarnation of it, which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PostRef {
    /// The node that wrote it.
    pub node: [u8; 16],
    /// Of its lane.
    pub inc: u32,
    /// The number in the lane.
    pub seq: u64,
}

/// Bytes of a [`PostRef`].
const REF_BYTES: usize = 28;

impl PostRef {
    /// node (16) ++ incarnation (4, big-endian) ++ seq (8, big-endian).
    #[must_use]
    pub fn bytes(&self) -> [u8; REF_BYTES] {
        let mut bytes = [0; REF_BYTES];
        let parts = [&self.node[..], &self.inc.to_be_bytes(), &self.seq.to_be_bytes()].concat();
        bytes.copy_from_slice(&parts);
        bytes
    }

    /// The inverse of [`PostRef::bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (node, rest) = bytes.split_first_chunk()?;
        let (inc, seq) = rest.split_first_chunk()?;
        let seq = u64::from_be_bytes(seq.try_into().ok()?);
        Some(Self { node: *node, inc: u32::from_be_bytes(*inc), seq })
    }
}

impl From<EntryRef> for PostRef {
    fn from(at: EntryRef) -> Self {
        Self { node: at.node.0, inc: at.inc, seq: at.seq }
    }
}

/// What other servers were told of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostState {
    /// It is theirs too.
    Live {
        /// When, in unix seconds: what they were told first holds for ever.
        published: i32,
        /// What it repeats, by its id, if it was told as that: it is no object of its own.
        repeats: Option<String>,
    },
    /// It was, or could be looked up, and was deleted. That is kept for ever.
    Gone {
        /// Unix seconds.
        at: i32,
        /// What it repeated.
        repeats: Option<String>,
    },
}

/// A post that is other servers' from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Which.
    pub post: PostRef,
    /// Unix seconds.
    pub at: i32,
    /// The id of what it repeats, where it is told as that.
    pub repeats: Option<String>,
}

impl Record for PostState {
    const VERSION: u8 = 1;
    const NAME: &'static str = "state of a bridged post";
}

/// Some posts of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostPage {
    /// The newest first.
    pub posts: Vec<Stored>,
    /// Where the next page begins; none: there is nothing before these.
    pub next: Option<MessageId>,
}

/// What is counted of a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostNumbers {
    /// Reactions, of whatever kind.
    pub reactions: u32,
    /// What was said to it where it is discussed.
    pub comments: u32,
    /// How often it was seen.
    pub views: i32,
    /// How often it was forwarded.
    pub forwards: i32,
}

fn post_key(cid: &Cid, post: &PostRef) -> Vec<u8> {
    key(POST, &[cid, &post.bytes()])
}

fn gone_key(cid: &Cid, id: MessageId) -> Vec<u8> {
    key(POST_GONE, &[cid, &id.0.max(0).to_be_bytes()])
}

/// Whether a message is for everybody: something was said, and nothing keeps it in the channel.
pub(super) fn is_shown(message: &Message, protected: bool) -> bool {
    message.action.is_none() && (protected || (!message.noforwards && message.ttl_period == 0))
}

impl Core {
    /// A channel that anybody may read and that is bridged now.
    #[must_use]
    pub fn public_channel(&self, channel: ChannelId) -> Option<std::sync::Arc<Channel>> {
        self.channel(channel).filter(|_| self.is_bridged(channel))
    }

    /// Posts of a bridged channel below one, or the newest, without what only tells something; at most
    /// `at_most`, and 100.
    ///
    /// # Errors
    /// Those of the store; nothing of what is not bridged.
    pub async fn public_posts(
        &self,
        channel: ChannelId,
        before: Option<MessageId>,
        at_most: usize,
    ) -> CoreResult<PostPage> {
        let Some(protected) = self.shows_protected(channel) else { return Ok(PostPage::default()) };
        let wanted = at_most.clamp(1, PAGE_MAX);
        let mut posts: Vec<Stored> = Vec::with_capacity(wanted);
        let mut next = before;
        for _ in 0..PAGES_MAX {
            let offset_id = next.map_or(0, |before| before.0.max(1));
            let query = HistoryQuery { offset_id, limit: PAGE_MAX, ..HistoryQuery::default() };
            let page = self.history(UserId::SERVICE, channel.into(), query).await?;
            let is_last = page.messages.len() < PAGE_MAX;
            for stored in page.messages {
                if posts.len() == wanted {
                    return Ok(PostPage { posts, next });
                }
                next = Some(stored.id);
                posts.extend(Some(stored).filter(|stored| is_shown(&stored.message, protected)));
            }
            if is_last {
                return Ok(PostPage { posts, next: None });
            }
            if posts.len() == wanted {
                break;
            }
        }
        Ok(PostPage { posts, next })
    }

    /// One post of a bridged channel.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn public_post(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<Option<Message>> {
        let Some(protected) = self.shows_protected(channel) else { return Ok(None) };
        let found = self.messages(channel, &[id]).await?.pop();
        Ok(found.map(|found| found.message).filter(|message| is_shown(message, protected)))
    }

    /// The posts of the album that a post is in, in their order; the post alone where it is in none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn public_album(&self, channel: ChannelId, id: MessageId) -> CoreResult<Vec<Stored>> {
        let Some(post) = self.public_post(channel, id).await? else { return Ok(Vec::new()) };
        if post.grouped_id == 0 {
            return Ok(vec![Stored { id, message: post }]);
        }
        // The posts of an album follow each other; what was deleted leaves holes.
        let reach = ALBUM_MAX as i32;
        let around =
            (id.0.saturating_sub(reach).max(1)..=id.0.saturating_add(reach)).map(MessageId);
        let around: Vec<MessageId> = around.collect();
        let mut album = self.messages(channel, &around).await?;
        album.retain(|stored| stored.message.grouped_id == post.grouped_id);
        Ok(album)
    }

    /// The newest posts that are pinned in a bridged channel, the newest first; at most 20.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn public_pinned(&self, channel: ChannelId) -> CoreResult<Vec<Stored>> {
        let Some(protected) = self.shows_protected(channel) else { return Ok(Vec::new()) };
        let pinned = self.in_place(channel, Place::Dialog(channel.into()), |dialog, _, _| {
            Ok(dialog.pinned.iter().rev().copied().take(PAGE_MAX).collect::<Vec<_>>())
        })?;
        let mut pinned = self.messages(channel, &pinned.unwrap_or_default()).await?;
        pinned.retain(|stored| is_shown(&stored.message, protected));
        pinned.truncate(PINNED_SHOWN);
        Ok(pinned)
    }

    /// How many posts a bridged channel has, each of an album counted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn public_count(&self, channel: ChannelId) -> CoreResult<u64> {
        if self.shows_protected(channel).is_none() {
            return Ok(0);
        }
        let pts = self.channel_state(channel)?;
        self.settled().await?;
        if let Some(count) = self.inner.bridges.counted(channel, pts) {
            return Ok(count);
        }
        let count = self.messages_of_log(channel)?;
        self.settled().await?;
        self.inner.bridges.count(channel, pts, count);
        Ok(count)
    }

    /// What is counted of a post, as it is on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn post_numbers(&self, channel: ChannelId, id: MessageId) -> CoreResult<PostNumbers> {
        let Some(message) = self.message(channel, id)? else { return Ok(PostNumbers::default()) };
        let reactions = self.reactions(UserId::SERVICE, id, &message)?;
        let reactions = reactions.map_or(0, |shown| shown.counts.iter().map(|one| one.count).sum());
        let comments = match self.copy_of_post(channel, id)? {
            Some(copy) => {
                let thread = self.thread(copy.group, copy.top)?;
                thread.map_or(0, |thread| u64::try_from(thread.count).unwrap_or(0))
            }
            // Where nothing is discussed, they are on the post's page alone.
            None => match (self.bridge(channel), self.post_ref(channel, id)?) {
                (Some(bridge), Some(post)) => self.bridge_comment_count(&bridge.cid, &post)?,
                _ => 0,
            },
        };
        let counted = self.post_counts(channel, id)?;
        Ok(PostNumbers {
            reactions: u32::try_from(reactions).unwrap_or(0),
            comments: u32::try_from(comments).unwrap_or(0),
            views: counted.views,
            forwards: counted.forwards,
        })
    }

    /// How every node calls a message of a channel; `None` for what its log has not brought.
    ///
    /// # Errors
    /// Those of the store.
    pub fn post_ref(&self, channel: ChannelId, id: MessageId) -> CoreResult<Option<PostRef>> {
        Ok(self.origin_of(channel, id)?.map(PostRef::from))
    }

    /// The message of a channel that every node calls so, if it is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn post_at(&self, channel: ChannelId, post: &PostRef) -> CoreResult<Option<MessageId>> {
        self.message_at(channel, (Node16(post.node), post.inc, post.seq))
    }

    /// What other servers were told of a post; `None`: nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub fn post_state(&self, cid: &Cid, post: &PostRef) -> CoreResult<Option<PostState>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &post_key(cid, post))?;
        row.map(|row| PostState::decode(&row)).transpose()
    }

    /// Posts of which something was told, after one of them in no order that means anything: to be
    /// compared with what is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bridged_posts(
        &self,
        cid: &Cid,
        after: Option<&PostRef>,
        at_most: usize,
    ) -> CoreResult<Vec<(PostRef, PostState)>> {
        let from = match after {
            Some(after) => [&post_key(cid, after)[..], &[0]].concat(),
            None => key(POST, &[cid]),
        };
        let end = key(POST, &[cid, &[u8::MAX; REF_BYTES + 1]]);
        let at_most = at_most.min(super::ROWS_AT_ONCE);
        let store = &self.inner.store;
        let rows = store.scan(Keyspace::BRIDGE, &from, Some(&end), at_most, Order::Ascending)?;
        let read = |(key, row): &(Vec<u8>, Vec<u8>)| {
            let post = key.last_chunk::<REF_BYTES>().and_then(|post| PostRef::from_bytes(post));
            let post = post.ok_or(CoreError::Damaged(PostState::NAME))?;
            Ok((post, PostState::decode(row)?))
        };
        rows.iter().map(read).collect()
    }

    /// How a post was called that is gone.
    pub(super) fn gone_post(&self, cid: &Cid, id: MessageId) -> CoreResult<Option<PostRef>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &gone_key(cid, id))?;
        Ok(row.and_then(|row| PostRef::from_bytes(&row)))
    }

    /// Whether what may not be forwarded is shown of a channel too; `None` for what is not bridged.
    fn shows_protected(&self, channel: ChannelId) -> Option<bool> {
        let bridge = self.bridge(channel).filter(|_| self.is_bridged(channel))?;
        Some(bridge.settings.protected)
    }
}

impl Decide<'_> {
    pub(super) fn post_at(
        &self,
        channel: ChannelId,
        post: &PostRef,
    ) -> CoreResult<Option<MessageId>> {
        self.message_at(channel, (Node16(post.node), post.inc, post.seq))
    }

    /// Other servers are told this of a post. What is gone is gone.
    pub(super) fn put_post_state(
        &mut self,
        cid: Cid,
        post: PostRef,
        state: PostState,
    ) -> CoreResult<()> {
        let key = post_key(&cid, &post);
        let state = match (self.load(Keyspace::BRIDGE, &key)?, state) {
            // It went while it was told: how it has to be taken back is known now.
            (
                Some(PostState::Gone { at, repeats: None }),
                PostState::Live { repeats: Some(repeated), .. },
            ) => PostState::Gone { at, repeats: Some(repeated) },
            (Some(PostState::Gone { .. }), _)
            | (Some(PostState::Live { .. }), PostState::Live { .. }) => return Ok(()),
            (Some(PostState::Live { repeats, .. }), PostState::Gone { at, .. }) => {
                PostState::Gone { at, repeats }
            }
            (None, state) => state,
        };
        self.put(Keyspace::BRIDGE, &key, &state)
    }

    /// A message of a channel goes. Of a bridged one it is kept how the post was called: other servers may
    /// have looked it up, whether it was sent to them or not.
    pub(crate) fn post_goes(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        at: &EntryRef,
    ) -> CoreResult<()> {
        self.comment_message_goes(channel, id, &PostRef::from(*at))?;
        let Some(bridge) = self.bridge_row(channel)? else { return Ok(()) };
        let Bridge { cid, state, settings, .. } = bridge;
        let post = PostRef::from(*at);
        let told: Option<PostState> = self.load(Keyspace::BRIDGE, &post_key(&cid, &post))?;
        let found = self.channel_row(channel)?;
        let message = self.message(channel, id)?;
        let could_be_read = found.username.is_some()
            && (settings.protected || !found.noforwards)
            && state != BridgeState::Gone
            && message.is_some_and(|message| is_shown(&message, settings.protected));
        if told.is_none() && !could_be_read {
            return Ok(());
        }
        self.put_bytes(Keyspace::BRIDGE, &gone_key(&cid, id), post.bytes().to_vec());
        let gone = PostState::Gone { at: self.now(), repeats: None };
        self.put_post_state(cid, post, gone)
    }
}
