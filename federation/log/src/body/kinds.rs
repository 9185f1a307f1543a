//! Which number stands for which body.

use super::ask::Evidence;
use super::control::{
    AddNode, Admit, Ban, Checkpoint, Cut, Demote, Epoch, Genesis, Info, Invite, InviteRevoke,
    MoveHome, Promote, Recover, RemoveNode, Restore, Restrict, Settle, TransferOwner, Unban,
};
use super::data::{
    Count, Delete, Edit, Member, Open, Pin, Post, React, Readers, Sums, Tally, Topic, TopicEdit,
    Unpin, Vote,
};
use super::{SALT_BYTES, salted, unsalted};
use crate::cbor::{Malformed, Reader, Wire, Writer};
use crate::cert::NodeCert;
use crate::ids::EntryRef;

macro_rules! kinds {
    ($(#[$meta:meta])* pub enum $name:ident { $($kind:literal $variant:ident($type:ty),)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant holds the type that says what it is")]
        pub enum $name {
            $($variant($type),)*
        }

        impl $name {
            /// The number in the header.
            pub fn kind(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// The CBOR without its kind.
            fn put(&self, to: &mut Writer) {
                match self {
                    $(Self::$variant(content) => content.put(to),)*
                }
            }

            /// Reads the content of a kind.
            fn take(kind: u16, from: &mut Reader<'_>) -> Result<Self, Malformed> {
                match kind {
                    $($kind => Ok(Self::$variant(Wire::take(from)?)),)*
                    _ => Err(Malformed),
                }
            }
        }
    };
}

kinds! {
    /// What an entry of the control chain does.
    pub enum Action {
        0 Genesis(Box<Genesis>),
        1 AddNode(Box<AddNode>),
        2 RemoveNode(RemoveNode),
        3 Epoch(Epoch),
        4 Promote(Promote),
        5 Demote(Demote),
        6 Ban(Ban),
        7 Restrict(Restrict),
        8 Unban(Unban),
        9 Admit(Admit),
        10 Invite(Invite),
        11 InviteRevoke(InviteRevoke),
        12 Info(Info),
        13 Settle(Settle),
        14 Restore(Restore),
        15 TransferOwner(TransferOwner),
        16 MoveHome(MoveHome),
        17 Recover(Box<Recover>),
        18 Cert(Box<NodeCert>),
        19 Checkpoint(Checkpoint),
    }
}

kinds! {
    /// What an entry of a data lane says.
    pub enum DataBody {
        64 Post(Post),
        65 Edit(Edit),
        66 Delete(Delete),
        67 Pin(Pin),
        68 Unpin(Unpin),
        69 React(React),
        70 Tally(Tally),
        71 Vote(Vote),
        72 Member(Member),
        73 Count(Count),
        74 Cert(Box<NodeCert>),
        75 Open(Box<Open>),
        76 Topic(Topic),
        77 TopicEdit(TopicEdit),
        78 Sums(Box<Sums>),
        79 Readers(Readers),
    }
}

impl DataBody {
    /// What it says something about.
    pub(crate) fn targets(&self) -> Vec<EntryRef> {
        match self {
            Self::Edit(edit) => vec![edit.target],
            Self::Delete(delete) => vec![delete.target],
            Self::Pin(pin) => vec![pin.target],
            Self::Unpin(unpin) => unpin.pins.to_vec(),
            Self::React(react) => react.items.iter().map(|item| item.target).collect(),
            Self::Tally(tally) => vec![tally.target],
            Self::Vote(vote) => vec![vote.target],
            Self::Sums(sums) => vec![sums.target],
            Self::TopicEdit(edit) => edit.target.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What has to be there for it to be understood: what it is about, and what it answers.
    pub(crate) fn names(&self) -> Vec<EntryRef> {
        let mut names = self.targets();
        match self {
            Self::Post(post) => names.extend(post.reply_to),
            Self::Edit(edit) => names.extend(edit.post.reply_to),
            _ => {}
        }
        names
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, to: &mut Writer) {
        (**self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        T::take(from).map(Box::new)
    }
}

/// The body of a control entry: what it does, and why its author may write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlBody {
    /// What it does.
    pub action: Action,
    /// The ask of another node's user.
    pub evidence: Option<Evidence>,
}

impl ControlBody {
    /// salt ++ \[content, evidence\].
    pub fn encode(&self, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
        salted(salt, &self.cbor())
    }

    fn cbor(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.array(2);
        self.action.put(&mut to);
        self.evidence.put(&mut to);
        to.into_bytes()
    }

    /// Reads the body of an entry of this kind.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding, and for unknown kinds.
    pub fn decode(kind: u16, body: &[u8]) -> Result<Self, Malformed> {
        let cbor = unsalted(body)?;
        let mut from = Reader::new(cbor);
        from.array(2)?;
        let body =
            Self { action: Action::take(kind, &mut from)?, evidence: Wire::take(&mut from)? };
        if body.cbor() == cbor { Ok(body) } else { Err(Malformed) }
    }
}

impl Action {
    /// The content alone, as an ask carries it.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        self.put(&mut to);
        to.into_bytes()
    }

    /// Reads the content of an ask.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding, and for unknown kinds.
    pub fn decode(kind: u16, cbor: &[u8]) -> Result<Self, Malformed> {
        let action = Self::take(kind, &mut Reader::new(cbor))?;
        if action.encode() == cbor { Ok(action) } else { Err(Malformed) }
    }

    /// What is kept, where this takes something away.
    pub fn cut(&self) -> Option<&Cut> {
        match self {
            Self::RemoveNode(RemoveNode { cut, .. })
            | Self::Promote(Promote { cut, .. })
            | Self::Demote(Demote { cut, .. })
            | Self::Ban(Ban { cut, .. })
            | Self::Restrict(Restrict { cut, .. })
            | Self::InviteRevoke(InviteRevoke { cut, .. })
            | Self::Info(Info { cut, .. }) => cut.as_ref(),
            _ => None,
        }
    }

    /// The key that it carries.
    pub fn epoch(&self) -> Option<&Epoch> {
        match self {
            Self::Genesis(genesis) => genesis.epoch.as_ref(),
            Self::AddNode(add) => add.epoch.as_ref(),
            Self::RemoveNode(RemoveNode { epoch, .. }) | Self::Info(Info { epoch, .. }) => {
                epoch.as_ref()
            }
            Self::Epoch(epoch) => Some(epoch),
            Self::Recover(recover) => recover.epoch.as_ref(),
            _ => None,
        }
    }

    /// Where its cut stands, if it is of a kind that takes something away.
    fn cut_mut(&mut self) -> Option<&mut Option<Cut>> {
        match self {
            Self::RemoveNode(RemoveNode { cut, .. })
            | Self::Info(Info { cut, .. })
            | Self::Promote(Promote { cut, .. })
            | Self::Demote(Demote { cut, .. })
            | Self::Ban(Ban { cut, .. })
            | Self::Restrict(Restrict { cut, .. })
            | Self::InviteRevoke(InviteRevoke { cut, .. }) => Some(cut),
            _ => None,
        }
    }

    /// The same with this cut, where such an action has one.
    #[must_use]
    pub fn with_cut(mut self, cut: Cut) -> Self {
        if let Some(place) = self.cut_mut() {
            *place = Some(cut);
        }
        self
    }

    /// The same as an ask says it: cut and key are the home's to fill in.
    #[must_use]
    pub fn as_asked(mut self) -> Self {
        if let Some(place) = self.cut_mut() {
            *place = None;
        }
        match &mut self {
            Self::RemoveNode(RemoveNode { epoch, .. }) | Self::Info(Info { epoch, .. }) => {
                *epoch = None;
            }
            Self::AddNode(add) => add.epoch = None,
            _ => {}
        }
        self
    }

    /// Whether the home, writing this, did what was asked. It fills in a cut that was left open, and
    /// the key of an epoch, which is its own to make.
    pub fn fulfils(&self, asked: &Self) -> bool {
        let mut plain = self.clone();
        match &mut plain {
            Self::RemoveNode(RemoveNode { epoch, .. }) | Self::Info(Info { epoch, .. }) => {
                *epoch = None;
            }
            Self::AddNode(add) => add.epoch = None,
            _ => {}
        }
        if asked.cut().is_none()
            && let Some(cut) = plain.cut_mut()
        {
            *cut = None;
        }
        plain == *asked
    }
}

impl DataBody {
    /// salt ++ content, in clear.
    pub fn encode(&self, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
        salted(salt, &self.cbor())
    }

    fn cbor(&self) -> Vec<u8> {
        let mut to = Writer::default();
        self.put(&mut to);
        to.into_bytes()
    }

    /// Reads a clear body of an entry of this kind.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding, and for unknown kinds.
    pub fn decode(kind: u16, body: &[u8]) -> Result<Self, Malformed> {
        let cbor = unsalted(body)?;
        let content = Self::take(kind, &mut Reader::new(cbor))?;
        if content.cbor() == cbor { Ok(content) } else { Err(Malformed) }
    }
}
