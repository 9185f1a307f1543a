//! A bridged channel's own box, as whoever carries it to other servers follows it.

use super::posts::is_shown;
use super::{BridgeError, PostRef};
use crate::difference::Difference;
use crate::ids::{ChannelId, MessageId, Pts};
use crate::message::{BoxRow, Message};
use crate::{Core, CoreResult};

/// What happened in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeEvent {
    /// Where the box is after it.
    pub pts: Pts,
    /// What.
    pub what: BridgeWhat,
}

/// See [`BridgeEvent`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BridgeWhat {
    /// Something was posted: as it is by now.
    New {
        /// The post.
        id: MessageId,
        /// As every node calls it.
        post: PostRef,
        /// What it says.
        message: Box<Message>,
    },
    /// A post was edited: as it is by now.
    Edited {
        /// The post.
        id: MessageId,
        /// As every node calls it.
        post: PostRef,
        /// What it says.
        message: Box<Message>,
    },
    /// Posts were deleted.
    Deleted(Vec<(MessageId, PostRef)>),
    /// Posts were pinned, or are no longer.
    Pinned {
        /// Which.
        posts: Vec<(MessageId, PostRef)>,
        /// Whether they are now.
        pinned: bool,
    },
}

/// Some of what happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BridgeEvents {
    /// What happened that is anybody's business.
    pub events: Vec<BridgeEvent>,
    /// Up to where this is all: what the cursor becomes, also where nothing is to be told.
    pub pts: Pts,
    /// Whether there are no more.
    pub last: bool,
    /// Some events are not kept any more: what was posted or deleted meanwhile has to be found by
    /// comparing ([`Core::bridged_posts`]).
    pub lost: bool,
}

impl Core {
    /// What happened in a channel after a place in its box, as far as it is on disk: at most `at_most`
    /// events, and 500.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`] for a channel that never was, and [`crate::CoreError::FromTheFuture`]
    /// for a place that the box has not reached.
    pub async fn bridge_events(
        &self,
        channel: ChannelId,
        after: Pts,
        at_most: usize,
    ) -> CoreResult<BridgeEvents> {
        let bridge = self.bridge(channel).ok_or(BridgeError::NotBridged)?;
        let protected = bridge.settings.protected;
        let (rows, pts, last) = match self.difference(channel, after, at_most, None).await? {
            Difference::Empty => (Vec::new(), after, true),
            Difference::TooLong(pts) => {
                return Ok(BridgeEvents { pts, last: true, lost: true, ..BridgeEvents::default() });
            }
            Difference::Events { rows, pts, last } => (rows, pts, last),
        };
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let what = match row.row {
                BoxRow::Message(message) => {
                    let id = MessageId(row.pts.0);
                    let shown = is_shown(&message, protected);
                    let post = if shown { self.post_ref(channel, id)? } else { None };
                    post.map(|post| BridgeWhat::New { id, post, message: Box::new(message) })
                }
                BoxRow::Edited(id) => {
                    let shown = row.edited.filter(|message| is_shown(message, protected));
                    let post = if shown.is_some() { self.post_ref(channel, id)? } else { None };
                    let both = shown.map(Box::new).zip(post);
                    both.map(|(message, post)| BridgeWhat::Edited { id, post, message })
                }
                BoxRow::Deleted { ids, .. } => {
                    let mut gone = Vec::with_capacity(ids.len());
                    for id in ids {
                        gone.extend(self.gone_post(&bridge.cid, id)?.map(|post| (id, post)));
                    }
                    (!gone.is_empty()).then_some(BridgeWhat::Deleted(gone))
                }
                BoxRow::Pinned { ids, pinned, .. } => {
                    let mut posts = Vec::with_capacity(ids.len());
                    for id in ids {
                        let shown = self.message(channel, id)?;
                        let shown = shown.filter(|message| is_shown(message, protected));
                        let post = if shown.is_some() { self.post_ref(channel, id)? } else { None };
                        posts.extend(post.map(|post| (id, post)));
                    }
                    (!posts.is_empty()).then_some(BridgeWhat::Pinned { posts, pinned })
                }
                _ => None,
            };
            events.extend(what.map(|what| BridgeEvent { pts: row.pts, what }));
        }
        self.settled().await?;
        Ok(BridgeEvents { events, pts, last, lost: false })
    }
}
