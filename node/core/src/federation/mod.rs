//! Other nodes: who is on them, which channels are shared with them, and what comes from them.
//!
//! A channel of another node is a copy of its log, and is shown as any other: what its entries say is
//! brought into the box that members here share (see `channels::shared`). Its people are accounts of this
//! node to clients, with numbers of their own (see [`people`]). What only the home of a channel may
//! decide is asked of it (see [`asks`]).
//!
//! Keyspace `NODES`: 0 ++ node (16) a [`nodes::NodeRow`]; 1 ++ node (16) ++ user (8) the account here; 2
//! ++ account (8) whose it is ([`people::Remote`]); 3 ++ group (32) the channel here; 4 ++ address a
//! [`nodes::WantedPeer`]; 5 ++ node (16) how many accounts its people have; 6 ++ channel (8) ++ ask (16)
//! an [`asks::WaitingAsk`]; 7 ++ user (8) who of the people here was ever named to another node; 8 to 13
//! what people here and there say to each other ([`pairs`]); 20 what is told and is in no log ([`live`]);
//! 21 ++ node (16) since when it is known ([`standing`]); 24 ++ group (32) the number kept for a group that
//! is not here yet; 25 and 26 custom emoji ([`emoji`]); 32 ++ node (16) a [`Binding`]; 48 to 58 letters
//! ([`mail`]); 80 to 93 what readers do ([`sums`]). Keyspace
//! `CHANNELS`, kind 15: how a channel is shared ([`groups::Federated`]); 16 ++ node (16) ++ user (8):
//! who is hidden here until the home has decided; 19 how a channel is held ([`holds`]); 21 that its
//! chain was told in two ways ([`dispute`]).

mod asks;
mod bindings;
mod dispute;
mod emoji;
mod groups;
mod health;
mod holds;
mod home;
mod invite;
mod live;
mod mail;
mod membership;
mod nodes;
mod pairs;
mod people;
mod rotation;
mod serve;
mod standing;
mod sums;

pub use asks::Asked;
pub use bindings::{Binding, Confirmed, Look};
pub use dispute::Dispute;
pub use emoji::EMOJI_AT_ONCE;
pub(crate) use groups::{Federated, Groups};
pub use groups::{FoundName, SharedGroup};
pub(crate) use health::Health;
pub use health::LaneHealth;
pub use home::HomeOffer;
pub use invite::FarInvite;
pub use live::{Doing, FarPlace, FarRead, FarStatus, FarTyping, MARK_ENTRIES_MAX};
pub(crate) use mail::{Fate as LetterEnd, Kind, LETTER_BODY_BYTES_MAX, Post};
pub use mail::{
    LETTER_BYTES_MAX, LETTER_KEPT_MS, LetterAnswer, Postman, Round, SealedLetter, Takedown, Told,
    WaitingMail,
};
#[cfg(test)]
pub(crate) use mail::{Letter, Reported, SumsOf, SumsTold, TakenDown};
pub use nodes::{KnownNode, WantedPeer};
pub(crate) use pairs::Pairs;
pub use pairs::SharedPair;
pub use people::{Card, is_remote};
pub use serve::{Heads, LaneName, Received};

use std::future::Future;
use std::pin::Pin;

use glog::{GroupId, NodeId};

use crate::{Core, CoreError, CoreResult};

const NODE: u8 = 0;
const ACCOUNT: u8 = 1;
const PERSON: u8 = 2;
const GROUP: u8 = 3;
const PEER: u8 = 4;
const ACCOUNTS: u8 = 5;
const WAITING_ASK: u8 = 6;
const SHOWN: u8 = 7;
const RESERVED: u8 = 24;
const EMOJI: u8 = 25;
const EMOJI_OF: u8 = 26;
/// Numbers between are for what members share.
const BINDING: u8 = 32;

/// What is asked of other nodes, by whoever reaches them.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = CoreResult<T>> + Send + 'a>>;

/// The way to other nodes.
pub trait Network: Send + Sync {
    /// Whether a node is here.
    fn is_connected(&self, node: NodeId) -> bool {
        let _ = node;
        true
    }
    /// Who or what has a name at a domain.
    fn find(&self, name: String, domain: String) -> Asking<'_, (NodeId, FoundName)>;
    /// Brings a group here from a node, and follows it there from now on.
    fn follow(&self, node: NodeId, group: GroupId) -> Asking<'_, ()>;
    /// Asks the home to let this node write in a public group; answers when the entry is here that says
    /// so.
    fn join(&self, home: NodeId, group: GroupId) -> Asking<'_, ()>;
    /// Asks a node who of its people would let somebody here add them to a group.
    fn willing(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>>;
    /// Asks a node to add people of its own to a group; answers who was added.
    fn invite(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>>;
    /// Asks a node what custom emoji of its own are: numbers there, and of those that are, what a file of
    /// a message would say.
    fn emoji(&self, node: NodeId, numbers: Vec<i64>) -> Asking<'_, Vec<(i64, Vec<u8>)>> {
        let _ = (node, numbers);
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }
    /// Has the home of a group do what an admin here wants; answers when it is here.
    fn ask(&self, asked: Asked) -> Asking<'_, ()>;
}

impl Core {
    /// Who this node is to others.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.logs.keys().node()
    }

    /// What vouches for this node's keys.
    #[must_use]
    pub fn cert(&self) -> glog::NodeCert {
        self.inner.logs.keys().cert().clone()
    }

    /// Other nodes are reached by this from now on. Only the first one counts.
    pub fn connect(&self, network: std::sync::Arc<dyn Network>) {
        // A second one would mean two nodes in one.
        let _ = self.inner.network.set(network);
    }

    pub(crate) fn network(&self) -> CoreResult<&dyn Network> {
        self.inner.network.get().map(|network| &**network).ok_or(CoreError::NodeUnreachable)
    }
}

/// One part of a name as clients take it: letters, digits, single underscores.
fn label(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => label.push(c.to_ascii_lowercase()),
            _ if !label.ends_with('_') => label.push('_'),
            _ => {}
        }
    }
    label.trim_matches('_').to_owned()
}
