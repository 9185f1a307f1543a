//! A data entry as it is judged: what its header says, and what of its body can be read.

use crate::body::{DataBody, Member};
use crate::entry::Entry;
use crate::header::Lane;
use crate::ids::{ControlRef, EntryId, EntryRef, GroupId, Hash16, NodeId, UserRef};
use crate::rights::Rights;

/// What is known of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It cannot be read now: erased, or sealed under a key that is not here. Says nothing; the entry
    /// counts as far as its header tells.
    Hidden,
    /// It says this.
    Said(DataBody),
    /// It can be opened, and is no body of its kind: void, for everybody who can read it.
    Nonsense,
}

/// A data entry of a group.
#[derive(Debug, Clone)]
pub struct DataEntry {
    /// The group.
    pub group: GroupId,
    /// Whose lane.
    pub node: NodeId,
    /// Its name, with its place.
    pub at: EntryRef,
    /// The name of the one before; zero for the first.
    pub prev: EntryId,
    /// Who speaks; id 0 is the node itself.
    pub user: UserRef,
    /// The control head that the node had applied.
    pub ctl: Option<ControlRef>,
    /// Under which key the body is sealed.
    pub epoch: Option<Hash16>,
    /// What the body is.
    pub kind: u16,
    /// The right class.
    pub flags: Rights,
    /// The body.
    pub content: Content,
}

impl DataEntry {
    /// Reads an entry of a data lane; `None` for one of a control chain.
    pub fn new(entry: &Entry, content: Content) -> Option<Self> {
        let header = entry.header();
        let Lane::Data { inc, user, ctl, epoch, flags, .. } = header.lane else { return None };
        let node = header.node.short();
        let at = EntryRef { node, inc, seq: header.seq, hash: entry.id().short() };
        Some(Self {
            group: header.group,
            node: header.node,
            at,
            prev: header.prev,
            user: UserRef { node, id: user },
            ctl,
            epoch,
            kind: header.kind,
            flags: Rights(flags),
            content,
        })
    }

    /// How the one before is called; `None` for the first.
    pub fn before(&self) -> Option<EntryRef> {
        let seq = self.at.seq.checked_sub(1)?;
        Some(EntryRef { seq, hash: self.prev.short(), ..self.at })
    }

    /// What it says, where that can be read.
    pub fn body(&self) -> Option<&DataBody> {
        match &self.content {
            Content::Said(body) => Some(body),
            Content::Hidden | Content::Nonsense => None,
        }
    }

    /// Whether the body contradicts the header: the wrong class, a node that speaks as a person, or
    /// the other way round, a first entry that does not open, an opening that is not first.
    pub fn contradicts_itself(&self) -> bool {
        let by_node = matches!(
            self.kind,
            kinds::REACT
                | kinds::TALLY
                | kinds::COUNT
                | kinds::CERT
                | kinds::OPEN
                | kinds::SUMS
                | kinds::READERS
        );
        !self.is_sound() || by_node != (self.user.id == 0)
    }

    /// Whether header and body fit, whoever speaks.
    pub(crate) fn is_sound(&self) -> bool {
        let opens = self.kind == kinds::OPEN;
        let classed = matches!(self.kind, kinds::POST | kinds::EDIT);
        let flags_fit = if classed {
            !self.flags.is_empty() && Rights::CLASSES.has(self.flags)
        } else {
            self.flags.is_empty()
        };
        let body_fits = match self.body() {
            Some(DataBody::Post(post)) => post.is_sound() && post.classes() == self.flags,
            Some(DataBody::Edit(edit)) => edit.post.is_sound() && edit.post.classes() == self.flags,
            Some(DataBody::React(react)) => react.items.iter().all(|item| item.user != 0),
            _ => self.content != Content::Nonsense,
        };
        let known = (kinds::POST..=kinds::READERS).contains(&self.kind);
        let opens_first = opens == (self.at.seq == 0 && self.at.inc > 0);
        known && flags_fit && body_fits && opens_first
    }

    /// Whether its body is in clear also in a private group: certificates and openings say nothing that
    /// is secret, and are needed before any key is.
    pub fn is_never_sealed(&self) -> bool {
        matches!(self.kind, kinds::CERT | kinds::OPEN)
    }

    /// The invite by which somebody joins.
    pub fn invite(&self) -> Option<Hash16> {
        match self.body() {
            Some(DataBody::Member(Member { join: true, invite })) => *invite,
            _ => None,
        }
    }

    /// What it says something about.
    pub(crate) fn targets(&self) -> Vec<EntryRef> {
        self.body().map(DataBody::targets).unwrap_or_default()
    }
}

/// Numbers of kinds that are told apart without their bodies.
pub(crate) mod kinds {
    pub(crate) const POST: u16 = 64;
    pub(crate) const EDIT: u16 = 65;
    pub(crate) const REACT: u16 = 69;
    pub(crate) const TALLY: u16 = 70;
    pub(crate) const COUNT: u16 = 73;
    pub(crate) const CERT: u16 = 74;
    pub(crate) const OPEN: u16 = 75;
    pub(crate) const TOPIC: u16 = 76;
    pub(crate) const SUMS: u16 = 78;
    pub(crate) const READERS: u16 = 79;
}
