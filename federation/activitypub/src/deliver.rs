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

pub use lane::{Lane, LaneState, Missing, Plan, Step, Verdict, judge};
pub use schedule::{HostMetrics, Metrics, Scheduler, Turn};
pub use sender::{ClientPost, SignerOf};
pub use worker::{Handle, Setup, Worker};

/// The place of an activity in the log; the first is 1.
pub type Seq = u64;

/// An activity that goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place in the log.
    pub seq: Seq,
    /// Who signs it, as whoever keeps keys knows it.
    pub actor: [u8; 20],
    /// Its id.
    pub id: String,
    /// Its bytes, the same at each try.
    pub json: Bytes,
    /// To whom.
    pub audience: Audience,
    /// What it is about, if a later one may make it needless.
    pub about: Option<About>,
    /// When it was logged.
    pub created_ms: u64,
}

/// To whom an activity goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The actor's followers, as they are when it is sent.
    Followers,
    /// These inboxes.
    Inboxes(Vec<Url>),
}

/// What a later activity may make needless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A new state of an object: needless once there is a newer one.
    Update(String),
    /// The end of an object.
    Delete(String),
}

/// What comes next for a host.
#[derive(Debug, Clone)]
pub struct Page {
    /// The first activity after the cursor that has an inbox at the host.
    pub item: Option<Item>,
    /// Up to where the log was read: at least to the item, else as far as one look goes.
    pub scanned_to: Seq,
}

/// An activity and where it goes at one host.
#[derive(Debug, Clone)]
pub struct Item {
    /// The activity.
    pub activity: Arc<Outgoing>,
    /// The shared inbox, if a target has it: it is posted to once for all of those.
    pub shared_inbox: Option<Url>,
    /// The inboxes of the other targets.
    pub inboxes: Vec<Url>,
    /// Whether it is an `Update` that a newer one, or a `Delete`, of the same object follows.
    pub superseded: bool,
}

/// The store failed. It is asked again later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueError(pub String);

/// The log and the lanes, as a store keeps them.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
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
    /// An inbox is not there any more. Of a shared one: it is forgotten, and each gets his own.
    async fn drop_inbox(&self, host: &str, inbox: &Url, shared: bool) -> Result<(), QueueError>;
    /// A host has not answered for 60 days: its followers and its lane are dropped.
    async fn drop_host(&self, host: &str) -> Result<(), QueueError>;
}

/// Sends one activity to one inbox.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Posts it, in the scheme that worked before, or in both.
    async fn post(&self, activity: &Outgoing, inbox: &Url, scheme: Option<Scheme>) -> Outcome;
    /// Whether an actor answers with 410.
    async fn is_gone(&self, actor: &Url) -> bool;
}

#[cfg(test)]
mod tests;
