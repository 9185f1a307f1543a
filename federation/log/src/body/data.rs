//! Contents of data lanes.

use super::control::Content;
use crate::cbor::{Blob, List, Text, record};
use crate::cert::{NodeCert, RootOpening};
use crate::ids::{EntryRef, Hash16};
use crate::rights::Rights;

/// Media of one message: an album is one Post.
const MEDIA_MAX: usize = 10;
/// Reactions of one batch.
const REACTIONS_MAX: usize = 128;
/// Reactions of one person to one message.
const REACTIONS_OF_ONE_MAX: usize = 8;
/// Options of a poll, or kinds of reactions in a tally.
const OPTIONS_MAX: usize = 64;
/// 128 characters.
const TOPIC_TITLE_BYTES_MAX: usize = 512;
/// A colour and the name of a picture.
const TOPIC_ICON_BYTES_MAX: usize = 64;
/// Pins that one Unpin ends.
const UNPINNED_MAX: usize = 32;
/// Letters that one Sums, or one Readers, counts for the first time.
const MARKS_MAX: usize = 64;

record! {
    /// A photo, a video, a file of a message.
    pub struct Media {
        /// Its class: one bit of [`Rights::CLASSES`].
        pub class: Rights,
        /// Where it is and what it looks like; core's.
        pub descriptor: Content,
    }
}

record! {
    /// A message.
    pub struct Post {
        /// The words.
        pub text: Text<{ 15 * 1024 }>,
        /// Whether links are marked in it.
        pub links: bool,
        /// What comes with it.
        pub media: List<Media, MEDIA_MAX>,
        /// What it answers.
        pub reply_to: Option<EntryRef>,
        /// Everything else, for core.
        pub extra: Content,
    }
}

impl Post {
    /// The classes that the header has to name.
    pub fn classes(&self) -> Rights {
        let text = if self.media.is_empty() { Rights::TEXT } else { Rights::NONE };
        let links = if self.links { Rights::LINK } else { Rights::NONE };
        self.media.iter().fold(text | links, |all, media| all | media.class)
    }

    /// Whether it is one message at all: each medium of one class.
    pub fn is_sound(&self) -> bool {
        self.media
            .iter()
            .all(|media| Rights::CLASSES.has(media.class) && media.class.0.count_ones() == 1)
    }
}

record! {
    /// What a message says from now on.
    pub struct Edit {
        /// Which message: one's own; in a channel anybody's, by the right to edit.
        pub target: EntryRef,
        /// The whole of what it says.
        pub post: Post,
    }
}

record! {
    /// A message goes.
    pub struct Delete {
        /// Which.
        pub target: EntryRef,
    }
}

record! {
    /// A message is pinned.
    pub struct Pin {
        /// Which.
        pub target: EntryRef,
    }
}

record! {
    /// Ends pins, by the entries that made them.
    ///
    /// Differs from the design, where the last by (position, entry id) counts: ids are chance, so a
    /// person who pins and unpins at one control position would see the pin win half of the time.
    /// Naming the pins makes the order that of cause and effect, without comparing anything; a pin
    /// that the author of the Unpin had not seen stays.
    pub struct Unpin {
        /// Which pins.
        pub pins: List<EntryRef, UNPINNED_MAX>,
    }
}

record! {
    /// What one person's reactions to one message are from now on; none to take them back.
    pub struct Reaction {
        /// Who, of the lane's node.
        pub user: u64,
        /// To which message.
        pub target: EntryRef,
        /// What, in the person's order.
        pub reactions: List<Text<32>, REACTIONS_OF_ONE_MAX>,
    }
}

record! {
    /// The reactions of two seconds on one node.
    pub struct React {
        /// In the order in which they were made.
        pub items: List<Reaction, REACTIONS_MAX>,
    }
}

record! {
    /// The running totals of a node: anonymous votes or reactions.
    pub struct Tally {
        /// Of which message.
        pub target: EntryRef,
        /// Option and how many chose it.
        pub counts: List<(u16, u64), OPTIONS_MAX>,
    }
}

record! {
    /// A person's public vote; no options to take it back.
    pub struct Vote {
        /// In which poll.
        pub target: EntryRef,
        /// Which options.
        pub options: List<u16, OPTIONS_MAX>,
    }
}

record! {
    /// A topic of a supergroup begins. What is said in it names this entry, in what a Post has for
    /// core; what is said in none stands in the general topic, which is always there.
    pub struct Topic {
        /// What it is called.
        pub title: Text<TOPIC_TITLE_BYTES_MAX>,
        /// What stands before the title; core's.
        pub icon: Blob<TOPIC_ICON_BYTES_MAX>,
    }
}

record! {
    /// Changes a topic, field by field: of each the last word counts.
    pub struct TopicEdit {
        /// Which; `None` for the general one.
        pub target: Option<EntryRef>,
        /// Another title.
        pub title: Option<Text<TOPIC_TITLE_BYTES_MAX>>,
        /// Another icon.
        pub icon: Option<Blob<TOPIC_ICON_BYTES_MAX>>,
        /// Whether only who may change it writes in it; kept by the author's node, voids nothing.
        pub closed: Option<bool>,
        /// Whether it is listed where nothing is said in it.
        pub hidden: Option<bool>,
        /// Its place above the others, the highest first; 0: none.
        pub pinned: Option<u32>,
    }
}

impl TopicEdit {
    /// Whether somebody who began the topic may change this in it.
    pub fn is_of_words(&self) -> bool {
        self.target.is_some() && self.hidden.is_none() && self.pinned.is_none()
    }
}

record! {
    /// A person of this node joins or leaves.
    pub struct Member {
        /// Whether they join.
        pub join: bool,
        /// By which invite.
        pub invite: Option<Hash16>,
    }
}

record! {
    /// How many members of a channel this node has.
    pub struct Count {
        /// So many.
        pub members: u64,
    }
}

record! {
    /// What nodes that only read have told the home of one message, added up; the home's word alone
    /// counts, and its last one replaces those before.
    pub struct Sums {
        /// Of which message.
        pub target: EntryRef,
        /// Reactions, and how often each was chosen there.
        pub reactions: List<(Text<32>, u64), OPTIONS_MAX>,
        /// Options of a poll, and how many chose each there.
        pub votes: List<(u16, u64), OPTIONS_MAX>,
        /// How many voted there, for whatever.
        pub voters: u64,
        /// By how many it was seen, those at the home among them: nothing else tells that.
        pub views: u64,
        /// Of the letters that are counted here for the first time, what their nodes know them by.
        pub marks: List<[u8; 8], MARKS_MAX>,
    }
}

record! {
    /// How many people of nodes that only read are in a group, as those have told the home.
    pub struct Readers {
        /// So many.
        pub members: u64,
        /// As in [`Sums`].
        pub marks: List<[u8; 8], MARKS_MAX>,
    }
}

record! {
    /// The first entry of every incarnation but the first.
    pub struct Open {
        /// The certificate of the key that signs this, if the lane before had not shown it: after a
        /// restore that entry may be lost, and nothing stands before an Open.
        pub cert: Option<NodeCert>,
        /// The last entry of the incarnation before that the node stands by; `None` if it knows none.
        pub previous: Option<EntryRef>,
        /// The root key's word, needed until the home has settled the incarnation before.
        pub root: Option<RootOpening>,
    }
}
