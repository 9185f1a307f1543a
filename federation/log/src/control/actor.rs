//! Who may have asked for an entry: evidence, and what an actor may do.

use super::ControlEntry;
use super::state::{State, Void};
use crate::body::Action;
use crate::cert::NodeCert;
use crate::ids::{Hash16, UserRef};
use crate::rights::Rights;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// The home by itself.
    Home,
    /// A user.
    User(UserRef),
}

impl State {
    /// Who acts, with the certificate that the evidence brought along.
    ///
    /// Users of the home need no evidence: the home speaks for them, as each node for its users.
    pub(super) fn actor<'a>(
        &self,
        entry: &'a ControlEntry,
        action: &Action,
    ) -> Result<(Actor, Option<&'a NodeCert>), Void> {
        let Some(user) = entry.user() else {
            let bare = entry.evidence().is_none();
            return if bare { Ok((Actor::Home, None)) } else { Err(Void::Evidence) };
        };
        let Some(evidence) = entry.evidence() else {
            let of_home = user.node == self.home.short();
            return if of_home { Ok((Actor::User(user), None)) } else { Err(Void::Evidence) };
        };
        let ask = &evidence.ask;
        let about_this = ask.group == self.group
            && ask.node.short() == user.node
            && user.node != self.home.short()
            && ask.user == user.id
            && ask.kind == entry.header().kind
            && ask.action().is_ok_and(|asked| action.fulfils(&asked))
            && self.is_recent(ask.head.seq, ask.head.hash)
            && !self.recent.iter().any(|(_, answered)| *answered == Some(ask.id));
        if !about_this {
            return Err(Void::Evidence);
        }
        let node = self.nodes.get(&user.node).filter(|node| node.member).ok_or(Void::Evidence)?;
        // Only the newest key speaks for a node: an older one may have been stolen.
        let newest = node.newest_cert().ok_or(Void::Evidence)?;
        let cert = if ask.key_serial == newest.body.serial {
            newest
        } else {
            let brought = evidence.cert.as_ref().ok_or(Void::Evidence)?;
            let fits = brought.body.serial == ask.key_serial
                && ask.key_serial > newest.body.serial
                && brought.node() == node.id
                && brought.verify().is_ok();
            if !fits {
                return Err(Void::Evidence);
            }
            brought
        };
        if cert.node() != ask.node || !entry.evidence_is_signed_by(&cert.op()) {
            return Err(Void::Evidence);
        }
        let brought = evidence.cert.as_ref().filter(|cert| cert.body.serial == ask.key_serial);
        Ok((Actor::User(user), brought.filter(|cert| cert.body.serial > newest.body.serial)))
    }

    /// Whether an entry is on this chain, not too far below.
    fn is_recent(&self, seq: u64, hash: Hash16) -> bool {
        let below = self.head.0.checked_sub(seq).and_then(|below| usize::try_from(below).ok());
        below
            .and_then(|below| self.recent.len().checked_sub(below + 1))
            .and_then(|place| self.recent.get(place))
            .is_some_and(|(at, _)| *at == hash)
    }

    /// What an actor may do; the home by itself nothing that a user may.
    pub(super) fn rights_of(&self, actor: Actor) -> Rights {
        match actor {
            Actor::Home => Rights::NONE,
            Actor::User(user) if self.is_member(user.node) => self.rights(user),
            Actor::User(_) => Rights::NONE,
        }
    }

    /// Fails unless the actor has all of these rights.
    pub(super) fn need(&self, actor: Actor, rights: Rights) -> Result<(), Void> {
        if self.rights_of(actor).has(rights) { Ok(()) } else { Err(Void::NotAllowed) }
    }

    /// The same of what an admin is granted: what every member may is not enough.
    pub(super) fn need_as_admin(&self, actor: Actor, rights: Rights) -> Result<(), Void> {
        self.need(actor, rights)?;
        let Actor::User(user) = actor else { return Err(Void::NotAllowed) };
        let standing = self.standing(user);
        let granted = standing.admin.is_some_and(|granted| granted.has(rights));
        if standing.owner || granted { Ok(()) } else { Err(Void::NotAllowed) }
    }

    /// Fails unless the actor is the owner.
    pub(super) fn need_owner(&self, actor: Actor) -> Result<(), Void> {
        if actor == Actor::User(self.owner) { Ok(()) } else { Err(Void::NotAllowed) }
    }

    /// Fails unless `user` is neither the actor, nor the owner, nor an admin who is not below the
    /// actor.
    pub(super) fn need_above(&self, actor: Actor, user: UserRef) -> Result<(), Void> {
        let Actor::User(above) = actor else { return Err(Void::NotAllowed) };
        let plain = !self.admins.contains_key(&user) && user != self.owner && user != above;
        if plain || self.stands_below(user, above) { Ok(()) } else { Err(Void::NotAllowed) }
    }
}
