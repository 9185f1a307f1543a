//! What each kind of control entry does to the state.

use super::ControlEntry;
use super::actor::Actor;
use super::state::{
    ASK_DEPTH_MAX, Admin, Denied, InviteState, Node, Refused, State, Verdict, Void, is_cert_of,
};
use crate::body::{
    Action, AddNode, Admit, Cut, Epoch, Info, Invite, InviteRevoke, MoveHome, Promote, Recover,
    RemoveNode, Restrict, Setting, Settle,
};
use crate::cert::NodeCert;
use crate::entry::Signer;
use crate::header::Generation;
use crate::ids::{Node16, UserRef};
use crate::rights::Rights;

/// Writer nodes of a group at one time.
const NODES_MAX: usize = 256;

impl State {
    /// Applies the next entry. It takes its place whatever it does; a void one does nothing else.
    ///
    /// The caller has asked [`Self::check_next`].
    pub fn apply(&mut self, entry: &ControlEntry) -> Verdict {
        let verdict = match self.act(entry) {
            Ok(()) => Verdict::Applied,
            Err(void) => Verdict::Void(void),
        };
        self.advance(entry, verdict);
        verdict
    }

    fn advance(&mut self, entry: &ControlEntry, verdict: Verdict) {
        self.head = (entry.seq(), entry.id());
        self.home_serial = self.home_serial.max(entry.header().key_serial);
        if let (Some(Action::MoveHome(moved)), Verdict::Applied) = (entry.action(), verdict) {
            self.home_serial = moved.key_serial;
        }
        if self.recent.len() > ASK_DEPTH_MAX {
            self.recent.pop_front();
        }
        let answered = entry.evidence().map(|evidence| evidence.ask.id);
        self.recent.push_back((entry.id().short(), answered));
    }

    /// Does what the entry says, or fails before anything is changed.
    fn act(&mut self, entry: &ControlEntry) -> Result<(), Void> {
        let action = entry.action().ok_or(Void::Unreadable)?;
        let (actor, brought) = self.actor(entry, action)?;
        if !entry.certs_are_signed() {
            return Err(Void::Certificate);
        }
        match action {
            Action::Genesis(_) | Action::Recover(_) => return Err(Void::Nothing),
            Action::AddNode(add) => self.add_node(actor, add)?,
            Action::RemoveNode(remove) => self.remove_node(actor, remove)?,
            Action::Epoch(epoch) => self.rotate(actor, epoch)?,
            Action::Promote(promote) => self.promote(actor, promote)?,
            Action::Demote(demote) => {
                self.need(actor, Rights::APPOINT)?;
                self.need_above(actor, demote.user)?;
                need_cut(demote.cut.as_ref(), true)?;
                self.leave(demote.user).ok_or(Void::Nothing)?;
            }
            Action::Ban(ban) => {
                self.need(actor, Rights::BAN)?;
                self.need_above(actor, ban.user)?;
                need_cut(ban.cut.as_ref(), true)?;
                self.leave(ban.user);
                self.admitted.remove(&ban.user);
                self.denied.insert(ban.user, Denied { rights: Rights::ALL, until_ms: 0 });
            }
            Action::Restrict(restrict) => self.restrict(actor, restrict)?,
            Action::Unban(unban) => self.unban(actor, unban.user)?,
            Action::Admit(admit) => self.admit(actor, admit)?,
            Action::Invite(invite) => self.invite(actor, invite)?,
            Action::InviteRevoke(revoke) => self.revoke_invite(actor, revoke)?,
            Action::Info(info) => self.inform(actor, info)?,
            Action::Settle(settle) => self.settle(actor, settle)?,
            Action::Restore(_) => self.need(actor, Rights::BAN)?,
            Action::TransferOwner(transfer) => self.transfer(actor, transfer.user)?,
            Action::MoveHome(moved) => self.move_home(actor, moved)?,
            Action::Cert(cert) => self.certify(actor, cert)?,
            Action::Checkpoint(_) => need_home(actor)?,
        }
        if action.epoch().is_some() {
            self.epoch = Some(entry.id().short());
        }
        if let (Some(cert), Actor::User(user)) = (brought, actor) {
            self.learn_cert(user.node, cert);
        }
        Ok(())
    }

    fn add_node(&mut self, actor: Actor, add: &AddNode) -> Result<(), Void> {
        if actor != Actor::Home {
            self.need(actor, Rights::INVITE)?;
        }
        let id = add.cert.node();
        if let Some(known) = self.nodes.get(&id.short()) {
            // Two nodes with one prefix would be one: the second stays out.
            if known.member || known.id != id || add.first_inc < known.floor {
                return Err(Void::Nothing);
            }
        } else if add.first_inc != 0 {
            return Err(Void::Nothing);
        }
        if self.members().count() >= NODES_MAX {
            return Err(Void::Full);
        }
        let mut next = self.members().map(|node| node.id.short()).collect::<Vec<_>>();
        next.push(id.short());
        self.need_recipients(add.epoch.as_ref(), next)?;
        let node = self.nodes.entry(id.short()).or_insert_with(|| Node {
            id,
            certs: Default::default(),
            member: false,
            floor: 0,
            settled: Default::default(),
        });
        node.member = true;
        node.floor = add.first_inc;
        self.learn_cert(id.short(), &add.cert);
        Ok(())
    }

    fn remove_node(&mut self, actor: Actor, remove: &RemoveNode) -> Result<(), Void> {
        let node = remove.node;
        if !self.is_member(node) {
            return Err(Void::Nothing);
        }
        if node == self.home.short() || node == self.owner.node {
            return Err(Void::NotAllowed);
        }
        let mut admins = self.admins.keys().filter(|admin| admin.node == node);
        let may = match actor {
            Actor::Home => admins.next().is_none(),
            Actor::User(user) => {
                self.need(actor, Rights::BAN)?;
                admins.all(|admin| self.stands_below(*admin, user))
            }
        };
        if !may {
            return Err(Void::NotAllowed);
        }
        need_cut(remove.cut.as_ref(), true)?;
        let next = self.members().map(|node| node.id.short()).filter(|id| *id != node).collect();
        self.need_recipients(remove.epoch.as_ref(), next)?;
        self.close_node(node, remove.cut.as_ref());
        Ok(())
    }

    /// A node goes: its lanes are closed and its admins are none any more.
    fn close_node(&mut self, node: Node16, cut: Option<&Cut>) {
        let named = cut.map(Cut::heads).unwrap_or_default().iter().filter(|head| head.node == node);
        let next_inc = named.map(|head| head.inc.saturating_add(1)).max().unwrap_or(1);
        if let Some(node) = self.nodes.get_mut(&node) {
            node.member = false;
            node.floor = node.floor.saturating_add(1).max(next_inc);
        }
        let admins = self.admins.keys().filter(|admin| admin.node == node).copied();
        for admin in admins.collect::<Vec<_>>() {
            self.leave(admin);
        }
    }

    fn rotate(&mut self, actor: Actor, epoch: &Epoch) -> Result<(), Void> {
        need_home(actor)?;
        if self.recipients_hold(Some(epoch)) { Ok(()) } else { Err(Void::Recipients) }
    }

    fn promote(&mut self, actor: Actor, promote: &Promote) -> Result<(), Void> {
        let Actor::User(by) = actor else { return Err(Void::NotAllowed) };
        self.need(actor, Rights::APPOINT)?;
        let may_grant = if by == self.owner { Rights::ALL } else { self.rights_of(actor) };
        if !Rights::ADMIN.has(promote.rights) || !may_grant.has(promote.rights) {
            return Err(Void::NotAllowed);
        }
        self.need_above(actor, promote.user)?;
        if self.denied.contains_key(&promote.user) {
            return Err(Void::NotAllowed);
        }
        let before = self.rights(promote.user);
        let above = self.admins.get(&promote.user).map_or(by, |admin| admin.by);
        let admin = Admin { rights: promote.rights, rank: promote.rank.to_string(), by: above };
        let after = Rights::MEMBER | Rights::JOIN | promote.rights;
        need_cut(promote.cut.as_ref(), !after.has(before))?;
        self.admins.insert(promote.user, admin);
        Ok(())
    }

    fn restrict(&mut self, actor: Actor, restrict: &Restrict) -> Result<(), Void> {
        self.need(actor, Rights::BAN)?;
        self.need_above(actor, restrict.user)?;
        // Admins are demoted first: nothing is denied to an admin.
        if self.admins.contains_key(&restrict.user) || !Rights::MEMBER.has(restrict.denied) {
            return Err(Void::NotAllowed);
        }
        if self.denied.get(&restrict.user).is_some_and(|denied| denied.rights == Rights::ALL) {
            return Err(Void::Nothing);
        }
        need_cut(restrict.cut.as_ref(), true)?;
        let denied = Denied { rights: restrict.denied, until_ms: restrict.until_ms };
        self.denied.insert(restrict.user, denied);
        Ok(())
    }

    fn unban(&mut self, actor: Actor, user: UserRef) -> Result<(), Void> {
        let denied = self.denied.get(&user).ok_or(Void::Nothing)?;
        match actor {
            // The clock is the home's own: nobody else judges whether it is time.
            Actor::Home if denied.until_ms > 0 => {}
            Actor::Home => return Err(Void::NotAllowed),
            Actor::User(above) => {
                self.need(actor, Rights::BAN)?;
                if above == user {
                    return Err(Void::NotAllowed);
                }
            }
        }
        self.denied.remove(&user);
        Ok(())
    }

    fn admit(&mut self, actor: Actor, admit: &Admit) -> Result<(), Void> {
        if self.rights(admit.user) & Rights::TAKE_PART == Rights::NONE {
            return Err(Void::NotAllowed);
        }
        if self.admitted.contains(&admit.user) {
            return Err(Void::Nothing);
        }
        let by_themselves = actor == Actor::User(admit.user);
        if !by_themselves {
            self.need(actor, Rights::INVITE)?;
        }
        if let Some(token) = admit.invite {
            let state = self.invites.get_mut(&token).ok_or(Void::Nothing)?;
            let full = state.invite.limit != 0 && state.used >= state.invite.limit;
            if full || (by_themselves && state.invite.approval) {
                return Err(Void::NotAllowed);
            }
            state.used = state.used.saturating_add(1);
        } else if by_themselves {
            return Err(Void::NotAllowed);
        }
        self.admitted.insert(admit.user);
        Ok(())
    }

    fn invite(&mut self, actor: Actor, invite: &Invite) -> Result<(), Void> {
        let Actor::User(by) = actor else { return Err(Void::NotAllowed) };
        self.need(actor, Rights::INVITE)?;
        if self.invites.contains_key(&invite.token) {
            return Err(Void::Nothing);
        }
        let state = InviteState { invite: invite.clone(), by, used: 0 };
        self.invites.insert(invite.token, state);
        Ok(())
    }

    fn revoke_invite(&mut self, actor: Actor, revoke: &InviteRevoke) -> Result<(), Void> {
        let by = self.invites.get(&revoke.token).ok_or(Void::Nothing)?.by;
        if actor != Actor::User(by) {
            self.need_above(actor, by)?;
        }
        // One's own link too: who lost the right, or was banned, ends nothing any more.
        self.need(actor, Rights::INVITE)?;
        need_cut(revoke.cut.as_ref(), true)?;
        self.invites.remove(&revoke.token);
        Ok(())
    }

    fn inform(&mut self, actor: Actor, info: &Info) -> Result<(), Void> {
        let mut rules = self.rules;
        match &info.setting {
            Setting::Title(_)
            | Setting::About(_)
            | Setting::Photo(_)
            | Setting::Picture(_)
            | Setting::Signatures(_)
            | Setting::TtlS(_)
            | Setting::Reactions(_) => self.need(actor, Rights::INFO)?,
            Setting::SlowModeS(_)
            | Setting::JoinToSend(_)
            | Setting::JoinRequest(_)
            | Setting::HiddenMembers(_)
            | Setting::BannedSenders(_) => self.need(actor, Rights::BAN)?,
            // Members who may change the title do not say where a channel is discussed.
            Setting::Linked(_) => self.need_as_admin(actor, Rights::INFO)?,
            Setting::Defaults(defaults) => {
                self.need(actor, Rights::BAN)?;
                if !Rights::MEMBER.has(*defaults) {
                    return Err(Void::NotAllowed);
                }
                rules.defaults = *defaults;
            }
            Setting::Public(_) => {
                self.need_owner(actor)?;
                rules.public = true;
            }
            Setting::Private(_) => {
                self.need_owner(actor)?;
                rules.public = false;
            }
            _ => self.need_owner(actor)?,
        }
        let becomes_private = self.rules.public && !rules.public;
        let narrows = becomes_private || !rules.defaults.has(self.rules.defaults);
        need_cut(info.cut.as_ref(), narrows)?;
        let previous = std::mem::replace(&mut self.rules, rules);
        // A key is carried exactly when bodies begin to be sealed.
        let keyed = if becomes_private {
            self.recipients_hold(info.epoch.as_ref())
        } else {
            info.epoch.is_none()
        };
        if !keyed {
            self.rules = previous;
            return Err(Void::Recipients);
        }
        if self.rules.public {
            self.epoch = None;
        }
        if let Setting::ShowsHistory(shows) = info.setting {
            self.shows_history = shows;
        }
        self.settings.insert(info.setting.tag(), info.setting.clone());
        Ok(())
    }

    fn settle(&mut self, actor: Actor, settle: &Settle) -> Result<(), Void> {
        need_home(actor)?;
        let node = self.nodes.get_mut(&settle.node).ok_or(Void::Nothing)?;
        if node.is_closed(settle.inc) {
            return Err(Void::Nothing);
        }
        let in_lane =
            settle.keep.is_none_or(|keep| (keep.node, keep.inc) == (settle.node, settle.inc));
        if !in_lane {
            return Err(Void::Cut);
        }
        node.settled.insert(settle.inc, settle.keep);
        Ok(())
    }

    fn transfer(&mut self, actor: Actor, user: UserRef) -> Result<(), Void> {
        self.need_owner(actor)?;
        if user == self.owner || self.denied.contains_key(&user) || !self.is_member(user.node) {
            return Err(Void::NotAllowed);
        }
        self.own(user);
        Ok(())
    }

    /// Makes somebody the owner. Who was, becomes an admin below, with nobody below themselves.
    fn own(&mut self, user: UserRef) {
        let previous = self.owner;
        self.admins.remove(&user);
        self.denied.remove(&user);
        self.owner = user;
        for admin in self.admins.values_mut().filter(|admin| admin.by == previous) {
            admin.by = user;
        }
        let admin = Admin { rights: Rights::ADMIN, rank: String::new(), by: user };
        self.admins.insert(previous, admin);
    }

    fn move_home(&mut self, actor: Actor, moved: &MoveHome) -> Result<(), Void> {
        if actor != Actor::Home {
            self.need_owner(actor)?;
        }
        if moved.node == self.home.short() || !self.is_member(moved.node) {
            return Err(Void::NotAllowed);
        }
        let node = self.nodes.get(&moved.node).ok_or(Void::Nothing)?;
        let cert = node.newest_cert().filter(|cert| cert.body.serial == moved.key_serial);
        let agreed = MoveHome::agreed_bytes(&self.group, &self.generation, &self.head.1);
        cert.ok_or(Void::Certificate)?
            .op()
            .verify_strict(&agreed, &moved.acceptance)
            .map_err(|_| Void::Certificate)?;
        self.home = node.id;
        self.generation.term = self.generation.term.saturating_add(1);
        Ok(())
    }

    fn certify(&mut self, actor: Actor, cert: &NodeCert) -> Result<(), Void> {
        need_home(actor)?;
        let id = cert.node();
        let known =
            self.nodes.get(&id.short()).filter(|node| node.id == id).ok_or(Void::Nothing)?;
        if known.newest_cert().is_some_and(|newest| newest.body.serial >= cert.body.serial) {
            return Err(Void::Nothing);
        }
        self.learn_cert(id.short(), cert);
        Ok(())
    }

    fn learn_cert(&mut self, node: Node16, cert: &NodeCert) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.certs.entry(cert.body.serial).or_insert_with(|| cert.clone());
        }
    }

    /// An admin stops being one; who stood below stands below who stood above.
    fn leave(&mut self, user: UserRef) -> Option<Admin> {
        let left = self.admins.remove(&user)?;
        for admin in self.admins.values_mut().filter(|admin| admin.by == user) {
            admin.by = left.by;
        }
        Some(left)
    }

    fn need_recipients(&self, epoch: Option<&Epoch>, mut nodes: Vec<Node16>) -> Result<(), Void> {
        nodes.sort_unstable();
        let holds = match epoch {
            None => self.rules.public,
            Some(epoch) => {
                !self.rules.public && nodes.iter().eq(epoch.boxes.iter().map(|sealed| &sealed.node))
            }
        };
        if holds { Ok(()) } else { Err(Void::Recipients) }
    }

    /// The state after a Recover over this one, which is that at its `keep`.
    ///
    /// # Errors
    /// [`Refused`]: a Recover holds as a whole or is none. The recovery key's holder makes another.
    pub fn recover(&self, entry: &ControlEntry) -> Result<Self, Refused> {
        let Some(Action::Recover(recover)) = entry.action() else { return Err(Refused::Recover) };
        let header = entry.header();
        let generation = entry.generation();
        let in_place = header.group == self.group
            && header.seq == self.head.0 + 1
            && header.prev == self.head.1
            && recover.keep == self.head.1.0
            && generation.recovery > self.generation.recovery
            && generation.act == self.generation.act
            && generation.term == 0
            && entry.user().is_none()
            && entry.evidence().is_none();
        if !in_place {
            return Err(Refused::Recover);
        }
        let key = keys::VerifyKey::from_bytes(self.recovery);
        let is_signed = entry.is_signed_by(Signer::Recovery, &key) && entry.certs_are_signed();
        if !is_signed || !is_cert_of(&recover.cert, header.node, header.key_serial) {
            return Err(Refused::Signature);
        }

        let mut next = self.clone();
        next.take_over(entry, recover)?;
        let act = entry.id().short();
        next.generation = Generation { recovery: generation.recovery, act, term: 0 };
        next.last_recover = Some((generation.recovery, header.seq, entry.id()));
        if let Some(recovery) = recover.recovery {
            next.recovery = recovery;
            next.key_change = Some(header.seq);
        }
        if recover.epoch.is_some() {
            next.epoch = Some(act);
        }
        next.advance(entry, Verdict::Applied);
        next.home_serial = header.key_serial;
        Ok(next)
    }

    /// Nodes, certificates, home and owner as a Recover says.
    fn take_over(&mut self, entry: &ControlEntry, recover: &Recover) -> Result<(), Refused> {
        let home = entry.header().node;
        for (node, cut) in recover.drop.iter() {
            if !self.is_member(*node) || *node == home.short() {
                return Err(Refused::Recover);
            }
            self.close_node(*node, Some(cut));
        }
        if self.nodes.get(&home.short()).is_some_and(|known| known.id != home) {
            return Err(Refused::Recover);
        }
        let node = self.nodes.entry(home.short()).or_insert_with(|| Node {
            id: home,
            certs: Default::default(),
            member: true,
            floor: 0,
            settled: Default::default(),
        });
        node.member = true;
        self.home = home;
        for cert in std::iter::once(&recover.cert).chain(recover.certs.iter()) {
            let known = self.nodes.get(&cert.node().short()).map(|node| node.id);
            if known != Some(cert.node()) {
                return Err(Refused::Recover);
            }
            self.learn_cert(cert.node().short(), cert);
        }
        if let Some(owner) = recover.owner
            && owner != self.owner
        {
            let previous = self.owner;
            self.own(owner);
            if !self.is_member(previous.node) {
                self.leave(previous);
            }
        }
        let acts = self.is_member(self.owner.node) && self.recipients_hold(recover.epoch.as_ref());
        if acts { Ok(()) } else { Err(Refused::Recover) }
    }
}

/// Whatever takes something away says what stays, and nothing else does.
fn need_cut(cut: Option<&Cut>, narrows: bool) -> Result<(), Void> {
    if cut.is_some() == narrows { Ok(()) } else { Err(Void::Cut) }
}

fn need_home(actor: Actor) -> Result<(), Void> {
    if actor == Actor::Home { Ok(()) } else { Err(Void::NotAllowed) }
}
