//! What people of nodes that only read do in a public group or channel: they are counted at its home.
//!
//! A node that does not write in a group brings its people's reactions, anonymous votes and views to the
//! home by letter ([`tell`]): running totals of each message, so that the last letter replaces those
//! before. The home keeps them by node ([`take`]), shows them to its own people, and says the sum of all
//! in its lane ([`say`]), where every node reads it ([`show`]). Nodes that write have their votes and
//! reactions in their lanes, and bring views alone.
//!
//! The home's sum has in it what this node has told. Which of its letters are counted there it sees by
//! their marks, random numbers that mean nothing to anybody else: an entry has those of the letters that
//! it is the first to count. What is shown is what is here, and of the sum what is not from here. So
//! nothing is counted twice, and nothing is missed once all have come.
//!
//! Letters of one node about one group are numbered by its clock: an older one changes nothing. Each says
//! which one before it the home has acknowledged, and from which on they count. A home that has not got
//! what it is said to have acknowledged (a backup was restored there, or the node was silent for too
//! long) asks for everything anew; so does a new home by having acknowledged nothing.
//!
//! Rows, in keyspace `NODES`; a target is an entry's whole name. At nodes that tell: 80 ++ channel (8) a
//! [`tell::Telling`]; 81 ++ channel ++ target an [`Own`]; 82 ++ channel ++ target what the home does not
//! know yet: nothing, or the mark (8) of the letter that has it. At the home: 83 ++ channel ++ node (16) a
//! [`take::Reader`]; 84 ++ channel ++ target ++ node (16) a [`take::Told`]; 85 ++ channel ++ node ++
//! target the number (8) of the letter that told it; 86 ++ channel ++ target a [`say::Said`]; 87 ++
//! channel ++ target what is to be said; 88 ++ channel when that is due (4); 89 ++ node (16) ++ channel
//! nothing, where a node reads. Of how many are in a channel ([`members`]): 90 ++ channel as 81, 91 ++
//! channel as 86, 92 ++ channel as 87. 93 ++ channel ++ target the [`Totals`] of all rows of kind 84.

mod members;
mod say;
mod show;
mod take;
mod tell;

use std::collections::BTreeMap;

use glog::cbor::encode;
use glog::{EntryRef, Node16};
use serde::{Deserialize, Serialize};

use crate::ids::ChannelId;
use crate::reactions::Reaction;
use crate::record::Record;

const TELLING: u8 = 80;
const OWN: u8 = 81;
const UNTOLD: u8 = 82;
const READER: u8 = 83;
const TOLD: u8 = 84;
const TOLD_BY: u8 = 85;
const SAID: u8 = 86;
const UNSAID: u8 = 87;
const SAYING: u8 = 88;
const READS: u8 = 89;
const OWN_MEMBERS: u8 = 90;
const MEMBERS_SAID: u8 = 91;
const UNSAID_MEMBERS: u8 = 92;
const SUM: u8 = 93;

/// Different reactions, and options, of one message that are counted.
const KINDS_MAX: usize = 64;

/// By what a node knows its letter again in what the home says.
type Mark = [u8; 8];

/// Letters of which it is remembered what they told of one message.
const SENT_MAX: usize = 4;

/// Running totals of one message. Reactions are as this node names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) reactions: BTreeMap<Reaction, u64>,
    pub(crate) votes: BTreeMap<u16, u64>,
    pub(crate) voters: u64,
    pub(crate) views: u64,
}

impl Record for Totals {
    const VERSION: u8 = 1;
    const NAME: &'static str = "sum of what readers have told";
}

impl Totals {
    /// No count more than this.
    fn capped(mut self, most: u64) -> Self {
        for count in self.reactions.values_mut().chain(self.votes.values_mut()) {
            *count = (*count).min(most);
        }
        (self.voters, self.views) = (self.voters.min(most), self.views.min(most));
        self.tidy()
    }

    fn plus(mut self, other: &Self) -> Self {
        for (reaction, count) in &other.reactions {
            let sum = self.reactions.entry(reaction.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        for (option, count) in &other.votes {
            let sum = self.votes.entry(*option).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.voters = self.voters.saturating_add(other.voters);
        self.views = self.views.saturating_add(other.views);
        self
    }

    /// What is left without a part of it.
    fn minus(mut self, part: &Self) -> Self {
        for (reaction, count) in &mut self.reactions {
            *count = count.saturating_sub(part.reactions.get(reaction).copied().unwrap_or(0));
        }
        for (option, count) in &mut self.votes {
            *count = count.saturating_sub(part.votes.get(option).copied().unwrap_or(0));
        }
        self.voters = self.voters.saturating_sub(part.voters);
        self.views = self.views.saturating_sub(part.views);
        self.tidy()
    }

    /// What is none needs no room.
    fn tidy(mut self) -> Self {
        self.reactions.retain(|_, count| *count > 0);
        self.votes.retain(|_, count| *count > 0);
        self
    }

    /// The highest count.
    fn most(&self) -> u64 {
        let counts = self.reactions.values().chain(self.votes.values());
        counts.chain([&self.voters, &self.views]).copied().max().unwrap_or(0)
    }

    /// All but views.
    fn chosen(&self) -> Self {
        Self { views: 0, ..self.clone() }
    }
}

/// What a node that tells knows of one sum of the home: of a message, or of how many are in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Own<T> {
    /// Which home it is about; of another one nothing of it holds.
    home: [u8; 16],
    /// What the home says.
    said: T,
    /// What of that is from here.
    counted: T,
    /// What letters have told since, the oldest first.
    sent: Vec<(Mark, T)>,
}

impl<T: Default> Own<T> {
    fn new(home: Node16) -> Self {
        Self { home: home.0, said: T::default(), counted: T::default(), sent: Vec::new() }
    }

    /// A letter tells the home this.
    fn told(&mut self, mark: Mark, what: T) {
        self.sent.push((mark, what));
        let beyond = self.sent.len().saturating_sub(SENT_MAX);
        self.sent.drain(..beyond);
    }

    /// The home has counted letters for the first time; of each only the last one counts.
    fn count(&mut self, marks: &[Mark]) {
        for mark in marks {
            if let Some(place) = self.sent.iter().position(|(sent, _)| sent == mark)
                && let Some((_, what)) = self.sent.drain(..=place).next_back()
            {
                self.counted = what;
            }
        }
    }
}

impl Record for Own<Totals> {
    const VERSION: u8 = 1;
    const NAME: &'static str = "sums of a message";
}

impl Record for Own<u64> {
    const VERSION: u8 = 1;
    const NAME: &'static str = "members elsewhere";
}

/// kind (1) ++ channel (8) ++ rest.
fn key(kind: u8, channel: ChannelId, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.bytes(), rest].concat()
}

fn of_target(kind: u8, channel: ChannelId, target: &EntryRef) -> Vec<u8> {
    key(kind, channel, &encode(target))
}

/// The entry that a key names behind its channel.
fn target_in(key: &[u8]) -> Option<EntryRef> {
    glog::cbor::decode(key.get(9..)?).ok()
}

fn reads_key(node: Node16, channel: ChannelId) -> Vec<u8> {
    [&[READS][..], &node.0, &channel.bytes()].concat()
}
