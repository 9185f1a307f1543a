//! Carries activities to other servers: each once, in order, over crashes and for as long as it takes.
//!
//! One log of activities and one cursor for each host, as Lemmy has them: what a host did not get yet
//! is what follows its cursor. [`Lane`] decides for one host, [`Scheduler`] whose turn it is; both
//! are pure. [`Worker`] moves the bytes between a [`Queue`] and a [`Post`].
//!
//! A lane is saved before its host gets the next activity: a crash repeats one at most, which
//! receivers tell by its id.

mod lane;
#[cfg(test)]
mod memory;
mod schedule;
mod sender;
mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use crate::client::Outcome;
use crate::sign::Scheme;

pub(crate) use lane::{Lane, LaneState, Plan, Step, Verdict, judge};
pub use schedule::Metrics;
pub(crate) use schedule::{HostMetrics, Scheduler, Turn};
pub(crate) use sender::{ClientPost, SignerOf};
pub(crate) use worker::{Handle, Setup, Worker};

/// The place of an activity in the log; the first is 1.
pub(crate) type Seq = u64;

/// An activity that goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Its place in the log.
    pub(crate) seq: Seq,
    /// Who signs it, as whoever keeps keys knows it.
    pub(crate) actor: [u8; 20],
    /// Its bytes, the same at each try.
    pub(crate) json: Bytes,
    /// When it was logged.
    pub(crate) created_ms: u64,
}

/// What comes next for a host.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The first activity after the cursor that has an inbox at the host.
    pub(crate) item: Option<Item>,
    /// Up to where the log was read: at least to the item, else as far as one look goes.
    pub(crate) scanned_to: Seq,
}

/// An activity and where it goes at one host.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The activity.
    pub(crate) activity: Arc<Outgoing>,
    /// The shared inbox, if a target has it: it is posted to once for all of those.
    pub(crate) shared_inbox: Option<Url>,
    /// The inboxes of the other targets.
    pub(crate) inboxes: Vec<Url>,
    /// Whether it is an `Update` that a newer one, or a `Delete`, of the same object follows.
    pub(crate) superseded: bool,
}

/// The store failed. It is asked again later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("queue: {0}")]
pub(crate) struct QueueError(pub String);

/// The log and the lanes, as a store keeps them.
#[async_trait]
pub(crate) trait Queue: Send + Sync + 'static {
    /// All lanes, at start.
    async fn lanes(&self) -> Result<Vec<(String, Lane)>, QueueError>;
    /// The last activity of the log; 0 if there is none.
    async fn newest(&self) -> Result<Seq, QueueError>;
    /// What follows `after` for a host. Reads a bounded part of the log.
    async fn next(&self, host: &str, after: Seq) -> Result<Page, QueueError>;
    /// Saves lanes, durably, in one write.
    async fn save(&self, lanes: Vec<(String, Lane)>) -> Result<(), QueueError>;
    /// The followers who have this inbox of their own; a few are enough.
    async fn followers_at(&self, host: &str, inbox: &Url) -> Result<Vec<Url>, QueueError>;
    /// A follower is gone: 410 from actor and inbox.
    async fn drop_follower(&self, host: &str, actor: &Url) -> Result<(), QueueError>;
    /// An inbox is not there any more. Who was told there together with others gets his own.
    async fn drop_inbox(&self, host: &str, inbox: &Url) -> Result<(), QueueError>;
    /// A host has not answered for 60 days: its followers and its lane are dropped.
    async fn drop_host(&self, host: &str) -> Result<(), QueueError>;
}

/// Sends one activity to one inbox.
#[async_trait]
pub(crate) trait Post: Send + Sync + 'static {
    /// Posts it, in the scheme that worked before, or in both.
    async fn post(&self, activity: &Outgoing, inbox: &Url, scheme: Option<Scheme>) -> Outcome;
    /// Whether an actor answers with 410.
    async fn is_gone(&self, actor: &Url) -> bool;
}

#[cfg(test)]
mod tests;
