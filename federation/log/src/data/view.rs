//! What a group shows: messages with all that was said about them, members, numbers.

use std::collections::BTreeMap;

use crate::body::{Post, Sums};
use crate::ids::{EntryRef, Node16, UserRef};

/// A message that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it.
    pub author: UserRef,
    /// Where it stands in the control chain.
    pub position: u64,
    /// What it says now; `None` where that cannot be read here.
    pub post: Option<Post>,
    /// The edit that made it so.
    pub edited: Option<EntryRef>,
    /// What pins it.
    pub pins: Vec<EntryRef>,
    /// Reactions by person.
    pub reactions: BTreeMap<UserRef, Vec<String>>,
    /// Public votes by person.
    pub votes: BTreeMap<UserRef, Vec<u16>>,
    /// Anonymous totals by node, no more for any option than the node has members.
    pub tallies: BTreeMap<Node16, Vec<(u16, u64)>>,
    /// What the home says that nodes which only read have told it.
    pub sums: Option<Sums>,
}

/// A topic that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// Who began it; `None` for the general one.
    pub author: Option<UserRef>,
    /// What it is called; `None` where that cannot be read here, or nobody has called it anything.
    pub title: Option<String>,
    /// What stands before the title.
    pub icon: Option<Vec<u8>>,
    /// Whether only who may change it writes in it.
    pub closed: bool,
    /// Whether it is listed where nothing is said in it.
    pub hidden: bool,
    /// Its place above the others, the highest first; 0: none.
    pub pinned: u32,
}

/// Everything that a group shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Messages by the entry that brought them.
    pub messages: BTreeMap<EntryRef, Message>,
    /// Who ever joined, and whether they are there.
    pub members: BTreeMap<UserRef, bool>,
    /// Members of a channel by node.
    pub counts: BTreeMap<Node16, u64>,
    /// Members on nodes that only read, as the home says.
    pub readers: Option<u64>,
    /// Topics of a supergroup by the entry that began them; the general one under `None`, where
    /// anything was said about it.
    pub topics: BTreeMap<Option<EntryRef>, Topic>,
}
