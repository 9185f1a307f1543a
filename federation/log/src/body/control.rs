//! Contents of the control chain.

use keys::epoch::BOX_BYTES;

use crate::cbor::{Blob, List, Malformed, Reader, Text, Wire, Writer, record};
use crate::cert::NodeCert;
use crate::ids::{EntryRef, Hash16, Node16, UserRef};
use crate::rights::Rights;

/// Lanes that one cut may name: 256 writer nodes with four incarnations each.
const CUT_HEADS_MAX: usize = 1024;
/// Writer nodes of a group.
const NODES_MAX: usize = 256;
/// Entries that one Restore may name.
const RESTORED_MAX: usize = 1024;
/// Heads in a Checkpoint.
const CHECKPOINT_HEADS_MAX: usize = 1024;
/// Reactions that a group may name.
const REACTIONS_MAX: usize = 128;
/// Bytes that say what a photo is.
const PICTURE_BYTES_MAX: usize = 8 * 1024;

/// Channels in whose names nobody may write in a group.
const BANNED_SENDERS_MAX: usize = 256;
/// Nodes that a Recover may drop, and certificates that it may bring.
const RECOVER_NODES_MAX: usize = 64;

/// What a revocation keeps: the last kept entry of each lane concerned, by node and incarnation.
///
/// A live lane that is not named keeps nothing. One that was settled, or cut by RemoveNode, stays as
/// it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut(List<EntryRef, CUT_HEADS_MAX>);

impl Cut {
    /// A cut at these heads, in any order.
    ///
    /// # Errors
    /// [`Malformed`] for two heads in one lane, or more than 1,024.
    pub fn new(mut heads: Vec<EntryRef>) -> Result<Self, Malformed> {
        heads.sort_unstable();
        let cut = Self(List::new(heads)?);
        if cut.is_sound() { Ok(cut) } else { Err(Malformed) }
    }

    /// The last entry that is kept of a lane.
    pub fn head(&self, node: Node16, inc: u32) -> Option<&EntryRef> {
        let place = self.0.binary_search_by_key(&(node, inc), |head| (head.node, head.inc)).ok()?;
        self.0.get(place)
    }

    /// All of them, by node and incarnation.
    pub fn heads(&self) -> &[EntryRef] {
        &self.0
    }

    fn is_sound(&self) -> bool {
        self.0.windows(2).all(|pair| matches!(pair, [a, b] if (a.node, a.inc) < (b.node, b.inc)))
    }
}

impl Wire for Cut {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let cut = Self(Wire::take(from)?);
        if cut.is_sound() { Ok(cut) } else { Err(Malformed) }
    }
}

/// What a group is to its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// Everybody may speak, unless the rights say otherwise.
    Supergroup,
    /// Admins speak, others read.
    Channel,
}

impl Wire for GroupKind {
    fn put(&self, to: &mut Writer) {
        u8::from(*self == Self::Channel).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::take(from)? {
            0 => Ok(Self::Supergroup),
            1 => Ok(Self::Channel),
            _ => Err(Malformed),
        }
    }
}

record! {
    /// The first entry. Its id is the group's.
    pub struct Genesis {
        /// Supergroup or channel.
        pub kind: GroupKind,
        /// Whether anybody may read and join; bodies are then in clear.
        pub public: bool,
        /// Whether who joins may read what was said before.
        pub shows_history: bool,
        /// The owner, of the home.
        pub owner: UserRef,
        /// The public half of the key that recovers the group.
        pub recovery: [u8; 32],
        /// Random, so that no two groups are one.
        pub nonce: [u8; 16],
        /// What members may do.
        pub defaults: Rights,
        /// The home's certificate.
        pub cert: NodeCert,
        /// The first key; `None` in a public group.
        pub epoch: Option<Epoch>,
    }
}

record! {
    /// A node that may write from here on.
    pub struct AddNode {
        /// Its certificate.
        pub cert: NodeCert,
        /// Its first incarnation that counts: 0, or above all that a removal closed.
        pub first_inc: u32,
        /// The next key; `None` in a public group, and in an ask.
        pub epoch: Option<Epoch>,
    }
}

record! {
    /// A node that may not write any more, nor read what comes.
    pub struct RemoveNode {
        /// Which.
        pub node: Node16,
        /// What it had said that stays; in an ask, `None` leaves that to the home.
        pub cut: Option<Cut>,
        /// The next key; `None` in a public group, and in an ask.
        pub epoch: Option<Epoch>,
    }
}

record! {
    /// The secret of an epoch, sealed to one node.
    pub struct EpochBox {
        /// To whom.
        pub node: Node16,
        /// Ciphertext ++ tag.
        pub sealed: [u8; BOX_BYTES],
    }
}

record! {
    /// The next key of a private group. Its name is the entry that carried it.
    pub struct Epoch {
        /// The public half of the ephemeral key of all boxes.
        pub ephemeral: [u8; 32],
        /// blake3 of `glog1-epoch` ++ secret.
        pub commitment: [u8; 32],
        /// One for each member node at this position, by node; else the entry is void.
        pub boxes: List<EpochBox, NODES_MAX>,
    }
}

record! {
    /// Makes somebody an admin, or changes what an admin may do.
    pub struct Promote {
        /// Whom.
        pub user: UserRef,
        /// What they may then do beyond a member.
        pub rights: Rights,
        /// Their title.
        pub rank: Text<64>,
        /// Where it narrows what they might; in an ask, `None` leaves that to the home.
        pub cut: Option<Cut>,
    }
}

record! {
    /// Makes an admin a member again.
    pub struct Demote {
        /// Whom.
        pub user: UserRef,
        /// As in [`Promote`].
        pub cut: Option<Cut>,
    }
}

record! {
    /// Takes everything from a user.
    pub struct Ban {
        /// From whom.
        pub user: UserRef,
        /// As in [`Promote`].
        pub cut: Option<Cut>,
    }
}

record! {
    /// Takes some rights from a member.
    pub struct Restrict {
        /// From whom.
        pub user: UserRef,
        /// What they may not do any more.
        pub denied: Rights,
        /// Milliseconds since 1970 at which the home ends it; 0 for never.
        pub until_ms: u64,
        /// As in [`Promote`].
        pub cut: Option<Cut>,
    }
}

record! {
    /// Ends a ban or a restriction. What it hid stays hidden: see [`Restore`].
    pub struct Unban {
        /// Of whom.
        pub user: UserRef,
    }
}

record! {
    /// Lets a user join.
    pub struct Admit {
        /// Whom.
        pub user: UserRef,
        /// By which invite, if the user came with one.
        pub invite: Option<Hash16>,
    }
}

record! {
    /// An invite link.
    pub struct Invite {
        /// The first 16 bytes of blake3 of its token.
        pub token: Hash16,
        /// How many may join by it; 0 for any number.
        pub limit: u32,
        /// Milliseconds since 1970 at which it ends; 0 for never. Read by the home alone.
        pub until_ms: u64,
        /// Whether an admin has to agree.
        pub approval: bool,
    }
}

record! {
    /// Ends an invite link.
    pub struct InviteRevoke {
        /// Which.
        pub token: Hash16,
        /// As in [`Promote`]: who joined by it in between stays below the cut.
        pub cut: Option<Cut>,
    }
}

record! {
    /// Which reactions a group has; kept by the author's node, voids nothing.
    pub struct Reactions {
        /// These, as they stand in a React; `None` for all.
        pub only: Option<List<Text<32>, REACTIONS_MAX>>,
        /// Different ones that one message may have.
        pub kinds_max: u8,
    }
}

macro_rules! settings {
    ($($(#[$meta:meta])* $tag:literal $name:ident($type:ty),)*) => {
        /// One field of what a group says about itself, with its new value.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Setting {
            $($(#[$meta])* $name($type),)*
        }

        impl Setting {
            /// Which field it is.
            pub fn tag(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $tag,)*
                }
            }
        }

        impl Wire for Setting {
            fn put(&self, to: &mut Writer) {
                to.array(2);
                self.tag().put(to);
                match self {
                    $(Self::$name(value) => value.put(to),)*
                }
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.array(2)?;
                match u16::take(from)? {
                    $($tag => Ok(Self::$name(Wire::take(from)?)),)*
                    _ => Err(Malformed),
                }
            }
        }
    };
}

settings! {
    /// The title.
    0 Title(Text<255>),
    /// The description.
    1 About(Text<1024>),
    /// The blob of the photo: what was written before Picture.
    2 Photo(Option<[u8; 32]>),
    /// The public name.
    3 Username(Option<Text<64>>),
    /// What members may do.
    4 Defaults(Rights),
    /// Seconds between two messages of one member; kept by the author's node, voids nothing.
    5 SlowModeS(u32),
    /// The group of a channel's comments, or the channel of such a group.
    6 Linked(Option<[u8; 32]>),
    /// The version, which fixes the kinds of entries.
    7 Version(u16),
    /// Whether the channel is bridged to ActivityPub by its home.
    8 Bridge(bool),
    /// Whether who joins may read what was said before.
    9 ShowsHistory(bool),
    /// Public, with what opens earlier bodies if history is shown: [epoch, secret] each.
    10 Public(List<(Hash16, [u8; 32]), 1024>),
    /// Private, from the epoch that the entry carries.
    11 Private(bool),
    /// Whether posts name who wrote them.
    12 Signatures(bool),
    /// Whether messages may be neither forwarded nor saved; kept by each node for its own people.
    13 NoForwards(bool),
    /// Seconds after which messages go, each taken away by its author's node; 0: they stay.
    14 TtlS(u32),
    /// Whether only members write; voids nothing.
    15 JoinToSend(bool),
    /// Whether an admin lets in who joins a public group.
    16 JoinRequest(bool),
    /// Which reactions there are.
    17 Reactions(Reactions),
    /// Whether only admins see who is in it.
    19 HiddenMembers(bool),
    /// Whether it has topics, and then whether they are shown as tabs.
    20 Forum(Option<bool>),
    /// Channels in whose names nobody writes here; kept by the author's node, voids nothing.
    21 BannedSenders(List<[u8; 32], BANNED_SENDERS_MAX>),
    /// The photo, as core describes files: its sizes and where each is.
    22 Picture(Option<Blob<PICTURE_BYTES_MAX>>),
}

record! {
    /// Changes what a group says about itself.
    pub struct Info {
        /// What.
        pub setting: Setting,
        /// Where it narrows what members might (default rights, private): as in [`Promote`].
        pub cut: Option<Cut>,
        /// The first key, if it becomes private; `None` otherwise, and in an ask.
        pub epoch: Option<Epoch>,
    }
}

record! {
    /// Decides how far an incarnation of a lane counts, for everybody.
    pub struct Settle {
        /// Whose lane.
        pub node: Node16,
        /// Which incarnation.
        pub inc: u32,
        /// The last entry that counts; `None` keeps nothing.
        pub keep: Option<EntryRef>,
    }
}

record! {
    /// Overrides what revoked these entries before, not what revokes them later.
    pub struct Restore {
        /// Which.
        pub entries: List<EntryRef, RESTORED_MAX>,
    }
}

record! {
    /// Makes somebody else the owner; the owner until then becomes an admin.
    pub struct TransferOwner {
        /// Whom.
        pub user: UserRef,
    }
}

record! {
    /// The last entry of a term: the next home has agreed.
    pub struct MoveHome {
        /// The next home, a member node.
        pub node: Node16,
        /// The certificate of the key that agreed.
        pub key_serial: u32,
        /// ed25519 of the next home: see [`MoveHome::agreed_bytes`].
        pub acceptance: [u8; 64],
    }
}

record! {
    /// Who recovers a group, and how: signed by its recovery key.
    pub struct Recover {
        /// The last entry that stays.
        pub keep: [u8; 32],
        /// The next home's certificate.
        pub cert: NodeCert,
        /// Nodes that go, with what they had said that stays.
        pub drop: List<(Node16, Cut), RECOVER_NODES_MAX>,
        /// New certificates of other nodes: their keys were taken as well.
        pub certs: List<NodeCert, RECOVER_NODES_MAX>,
        /// The next key; `None` in a public group.
        pub epoch: Option<Epoch>,
        /// Whether the home had been robbed: what its branch had added is then listed to the owner and
        /// not applied again.
        pub undo: bool,
        /// The next owner. The design has no such field; without it, a group whose owner's node is
        /// dropped would have an owner who can never act.
        pub owner: Option<UserRef>,
        /// The recovery key from here on, if it changes.
        pub recovery: Option<[u8; 32]>,
    }
}

record! {
    /// What the home holds: who joins can check what they fold, and headers below are pinned.
    pub struct Checkpoint {
        /// Heads of lanes.
        pub heads: List<EntryRef, CHECKPOINT_HEADS_MAX>,
        /// The hash of the state before this entry.
        pub state: [u8; 32],
    }
}

impl MoveHome {
    /// What the next home signs: `glog1-home` ++ blake3 of the encoding of
    /// \[group, recovery, act, term + 1, prev\], prev being what the MoveHome itself links to.
    pub fn agreed_bytes(
        group: &crate::GroupId,
        generation: &crate::Generation,
        prev: &crate::EntryId,
    ) -> Vec<u8> {
        let mut to = Writer::default();
        to.array(5);
        group.put(&mut to);
        generation.recovery.put(&mut to);
        generation.act.put(&mut to);
        to.unsigned(u64::from(generation.term) + 1);
        prev.put(&mut to);
        [b"glog1-home", &blake3::hash(&to.into_bytes()).as_bytes()[..]].concat()
    }
}

/// A blob of this many bytes is what core makes of a message beyond what this crate reads.
pub(super) type Content = Blob<{ 15 * 1024 }>;
