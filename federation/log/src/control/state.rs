//! What the control chain says at one position.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::body::{Action, Genesis, GroupKind, Invite, Setting};
use crate::cert::NodeCert;
use crate::control::ControlEntry;
use crate::entry::Signer;
use crate::header::Generation;
use crate::ids::{AskId, EntryId, EntryRef, GroupId, Hash16, Node16, NodeId, UserRef};
use crate::rights::Rights;

/// How far below an entry the head that its ask was based on may be.
pub(super) const ASK_DEPTH_MAX: usize = 1024;

/// Why an entry is not part of a chain at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is of a data lane.
    #[error("no control entry")]
    NotControl,
    /// Its body is missing.
    #[error("control entry without its body")]
    NoBody,
    /// It is of another group, or the first one is no Genesis.
    #[error("not of this group")]
    Group,
    /// It does not follow the head, or was not written by who writes now.
    #[error("does not continue the chain")]
    Place,
    /// The key is unknown, falls behind an earlier one, or did not sign.
    #[error("not signed by the home")]
    Signature,
    /// A Recover that cannot be applied here.
    #[error("no recovery of this chain")]
    Recover,
    /// The chain is disputed; only a Recover is taken.
    #[error("the chain is disputed")]
    Disputed,
}

/// Why an entry of the chain has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Void {
    /// Unknown kind, or a body that is none of its kind.
    Unreadable,
    /// No ask by who is said to have asked, or one that does not hold.
    Evidence,
    /// The asking user may not do that, or the home not without being asked.
    NotAllowed,
    /// What is acted on is not there, or as it should become already.
    Nothing,
    /// A cut is missing, or given where nothing is taken away.
    Cut,
    /// The key is missing, or not for exactly the member nodes.
    Recipients,
    /// A certificate or acceptance that is not signed.
    Certificate,
    /// No more nodes fit.
    Full,
}

/// What became of an entry of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has its effect.
    Applied,
    /// It has none.
    Void(Void),
}

/// A node that is or was a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its whole name.
    pub id: NodeId,
    /// Its certificates by serial.
    pub certs: BTreeMap<u32, NodeCert>,
    /// Whether it may write.
    pub member: bool,
    /// Incarnations below are closed: by a removal.
    pub floor: u32,
    /// Incarnations that the home has settled, with the last entry kept.
    pub settled: BTreeMap<u32, Option<EntryRef>>,
}

impl Node {
    /// Whether a lane of this node was settled or cut by RemoveNode: later cuts that do not name it
    /// leave it as it is.
    pub fn is_closed(&self, inc: u32) -> bool {
        inc < self.floor || self.settled.contains_key(&inc)
    }

    /// The certificate of the highest serial.
    pub fn newest_cert(&self) -> Option<&NodeCert> {
        self.certs.last_key_value().map(|(_, cert)| cert)
    }
}

/// An admin other than the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// What they may do beyond a member.
    pub rights: Rights,
    /// Their title.
    pub rank: String,
    /// Who stands directly above.
    pub by: UserRef,
}

/// What was taken from a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// These; all of them is a ban.
    pub rights: Rights,
    /// Milliseconds since 1970 at which the home may end it; 0 for never.
    pub until_ms: u64,
}

/// An invite, and how many were let in by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteState {
    /// Its token hash and its terms.
    pub invite: Invite,
    /// Who made it.
    pub by: UserRef,
    /// How many were let in by it.
    pub used: u32,
}

/// What decides about one user's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether they own the group.
    pub owner: bool,
    /// What they are granted as an admin.
    pub admin: Option<Rights>,
    /// What is taken from them.
    pub denied: Rights,
    /// Whether they were let in.
    pub admitted: bool,
}

/// What decides about everybody's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub kind: GroupKind,
    pub public: bool,
    pub defaults: Rights,
}

impl Standing {
    /// What such a user may do under these rules.
    pub(crate) fn rights(self, rules: Rules) -> Rights {
        if self.owner {
            return Rights::ALL;
        }
        if let Some(granted) = self.admin {
            return Rights::MEMBER | Rights::JOIN | granted;
        }
        let join = if rules.public || self.admitted { Rights::JOIN } else { Rights::NONE };
        (rules.defaults | Rights::TAKE_PART | join) - self.denied
    }
}

/// What the control chain says at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The group.
    pub group: GroupId,
    /// Supergroup or channel, public or not, default rights.
    pub(crate) rules: Rules,
    /// Whether who joins may read what was said before.
    pub shows_history: bool,
    /// The owner.
    pub owner: UserRef,
    /// The home.
    pub home: NodeId,
    /// The public half of the recovery key in force.
    pub recovery: [u8; 32],
    /// Under whom the next entry is written.
    pub generation: Generation,
    /// The last Recover with its place, for comparison with rivals: (number, seq, id).
    pub(crate) last_recover: Option<(u32, u64, EntryId)>,
    /// Where the recovery key last changed.
    pub(crate) key_change: Option<u64>,
    /// The last entry: its number and name.
    pub head: (u64, EntryId),
    /// The lowest serial under which the home may still sign.
    pub home_serial: u32,
    /// Nodes that are or were members.
    pub nodes: BTreeMap<Node16, Node>,
    /// Admins other than the owner.
    pub admins: BTreeMap<UserRef, Admin>,
    /// Bans and restrictions.
    pub denied: BTreeMap<UserRef, Denied>,
    /// Who was let in.
    pub admitted: BTreeSet<UserRef>,
    /// Invites by token hash.
    pub invites: BTreeMap<Hash16, InviteState>,
    /// Title, description and the like, by tag.
    pub settings: BTreeMap<u16, Setting>,
    /// The key in force: the entry that carried it. `None` in a public group.
    pub epoch: Option<Hash16>,
    /// The last entries and the asks that they answered, newest last.
    pub(super) recent: VecDeque<(Hash16, Option<AskId>)>,
}

impl State {
    /// The state after the Genesis.
    ///
    /// # Errors
    /// [`Refused`] if this is no Genesis that holds: its maker can as well make another.
    pub fn genesis(entry: &ControlEntry) -> Result<Self, Refused> {
        let Some(Action::Genesis(genesis)) = entry.action() else { return Err(Refused::Group) };
        let header = entry.header();
        let sound = header.group == GroupId::default()
            && header.seq == 0
            && entry.generation() == Generation::default()
            && entry.user() == Some(genesis.owner)
            && entry.evidence().is_none()
            && genesis.owner.node == header.node.short()
            && Rights::MEMBER.has(genesis.defaults)
            && genesis.public == genesis.epoch.is_none();
        if !sound {
            return Err(Refused::Group);
        }
        let is_own = is_cert_of(&genesis.cert, header.node, header.key_serial);
        let is_signed =
            entry.certs_are_signed() && entry.is_signed_by(Signer::Node, &genesis.cert.op());
        if !is_own || !is_signed {
            return Err(Refused::Signature);
        }
        let state = Self::of_genesis(entry, genesis);
        if !state.recipients_hold(genesis.epoch.as_ref()) {
            return Err(Refused::Group);
        }
        Ok(state)
    }

    fn of_genesis(entry: &ControlEntry, genesis: &Genesis) -> Self {
        let header = entry.header();
        let node = Node {
            id: header.node,
            certs: BTreeMap::from([(header.key_serial, genesis.cert.clone())]),
            member: true,
            floor: 0,
            settled: BTreeMap::new(),
        };
        Self {
            group: GroupId(entry.id().0),
            rules: Rules { kind: genesis.kind, public: genesis.public, defaults: genesis.defaults },
            shows_history: genesis.shows_history,
            owner: genesis.owner,
            home: header.node,
            recovery: genesis.recovery,
            generation: Generation::default(),
            last_recover: None,
            key_change: None,
            head: (0, entry.id()),
            home_serial: header.key_serial,
            nodes: BTreeMap::from([(header.node.short(), node)]),
            admins: BTreeMap::new(),
            denied: BTreeMap::new(),
            admitted: BTreeSet::new(),
            invites: BTreeMap::new(),
            settings: BTreeMap::new(),
            epoch: genesis.epoch.as_ref().map(|_| entry.id().short()),
            recent: VecDeque::from([(entry.id().short(), None)]),
        }
    }

    /// Supergroup or channel.
    pub fn kind(&self) -> GroupKind {
        self.rules.kind
    }

    /// Whether anybody may read and join.
    pub fn is_public(&self) -> bool {
        self.rules.public
    }

    /// What members may do.
    pub fn defaults(&self) -> Rights {
        self.rules.defaults
    }

    /// What decides about a user's rights.
    pub fn standing(&self, user: UserRef) -> Standing {
        Standing {
            owner: self.owner == user,
            admin: self.admins.get(&user).map(|admin| admin.rights),
            denied: self.denied.get(&user).map_or(Rights::NONE, |denied| denied.rights),
            admitted: self.admitted.contains(&user),
        }
    }

    /// What a user may do.
    pub fn rights(&self, user: UserRef) -> Rights {
        self.standing(user).rights(self.rules)
    }

    /// Whether `user` is appointed by `above`, directly or through others; everybody but the owner
    /// stands below the owner.
    pub fn stands_below(&self, user: UserRef, above: UserRef) -> bool {
        if user == self.owner || user == above {
            return false;
        }
        if above == self.owner {
            return true;
        }
        let mut at = user;
        // A tree has no longer path than it has admins.
        for _ in 0..self.admins.len() {
            match self.admins.get(&at) {
                Some(admin) if admin.by == above => return true,
                Some(admin) => at = admin.by,
                None => return false,
            }
        }
        false
    }

    /// The nodes that may write, by name.
    pub fn members(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.member)
    }

    /// Whether a node may write.
    pub fn is_member(&self, node: Node16) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.member)
    }

    /// Whether an epoch has a box for each member node and for nobody else; none is right in a public
    /// group.
    pub(super) fn recipients_hold(&self, epoch: Option<&crate::body::Epoch>) -> bool {
        match epoch {
            None => self.rules.public,
            Some(epoch) => {
                !self.rules.public
                    && self
                        .members()
                        .map(|node| node.id.short())
                        .eq(epoch.boxes.iter().map(|b| b.node))
            }
        }
    }

    /// Whether this entry may be the next one: by place, author and signature, not by what it does.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_next(&self, entry: &ControlEntry) -> Result<(), Refused> {
        let header = entry.header();
        if header.group != self.group {
            return Err(Refused::Group);
        }
        let follows = header.seq == self.head.0 + 1
            && header.prev == self.head.1
            && entry.generation() == self.generation
            && header.node == self.home;
        if !follows || matches!(entry.action(), Some(Action::Recover(_) | Action::Genesis(_))) {
            return Err(Refused::Place);
        }
        if header.key_serial < self.home_serial {
            return Err(Refused::Signature);
        }
        let cert = match entry.action() {
            // A new key introduces itself: the root key has signed for it.
            Some(Action::Cert(cert)) if is_cert_of(cert, self.home, header.key_serial) => {
                Some(&**cert).filter(|_| entry.certs_are_signed())
            }
            _ => self.cert(self.home.short(), header.key_serial),
        };
        let key = cert.ok_or(Refused::Signature)?.op();
        if entry.is_signed_by(Signer::Node, &key) { Ok(()) } else { Err(Refused::Signature) }
    }

    /// A certificate that the chain holds.
    pub fn cert(&self, node: Node16, serial: u32) -> Option<&NodeCert> {
        self.nodes.get(&node)?.certs.get(&serial)
    }
}

/// Whether a certificate is of this node and of this serial; that it is signed is another question.
pub(super) fn is_cert_of(cert: &NodeCert, node: NodeId, serial: u32) -> bool {
    cert.node() == node && cert.body.serial == serial
}
