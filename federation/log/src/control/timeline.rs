//! The history of a chain, arranged by what a data entry is judged by: its author's standing, its
//! node's, and what was taken away later.
//!
//! An entry is then judged in time that depends on what its author and node went through, not on the
//! length of the chain.

use std::collections::HashMap;
use std::sync::Arc;

use super::ControlEntry;
use super::state::{Rules, Standing, State, Verdict};
use crate::body::{Action, Cut};
use crate::ids::{EntryRef, Hash16, Node16, UserRef};
use crate::rights::Rights;

/// One value from each position at which it changed.
#[derive(Debug, Clone)]
struct History<T>(Vec<(u64, T)>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> History<T> {
    fn at(&self, seq: u64) -> Option<&T> {
        let after = self.0.partition_point(|(from, _)| *from <= seq);
        self.0.get(after.checked_sub(1)?).map(|(_, value)| value)
    }

    fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    fn record(&mut self, seq: u64, value: T) {
        if self.last() != Some(&value) {
            self.0.push((seq, value));
        }
    }

    fn truncate(&mut self, keep: u64) {
        self.0.truncate(self.0.partition_point(|(from, _)| *from <= keep));
    }
}

/// Where a node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NodeStanding {
    member: bool,
    floor: u32,
    settled: Vec<u32>,
}

/// What one control entry takes away.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Its number in the chain.
    pub seq: u64,
    /// From whom.
    pub scope: Scope,
    /// What stays.
    pub cut: Arc<Cut>,
}

/// From whom something is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A user.
    User(UserRef, Taken),
    /// Everybody whose rights get fewer.
    Everyone,
    /// A node, with all that anybody says through it.
    Node(Node16),
    /// One incarnation of a lane, wherever its entries stand; with the last one kept.
    Lane(Node16, u32, Option<EntryRef>),
    /// Who joins by an invite.
    Invite(Hash16),
}

/// What is taken from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// These, whether the user had them or not: a second ban may have a lower cut.
    Rights(Rights),
    /// What the user may do less than before.
    Difference,
}

/// The history of a chain.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    users: HashMap<UserRef, History<Standing>>,
    nodes: HashMap<Node16, History<NodeStanding>>,
    rules: History<Rules>,
    epochs: History<Option<Hash16>>,
    invites: HashMap<Hash16, History<bool>>,
    of_users: HashMap<UserRef, Vec<Revocation>>,
    of_nodes: HashMap<Node16, Vec<Revocation>>,
    of_everyone: Vec<Revocation>,
    of_invites: HashMap<Hash16, Vec<Revocation>>,
    /// The head that control entries last named, of each lane.
    named: HashMap<(Node16, u32), History<EntryRef>>,
    /// Entry and the Restores that name it, in order.
    restored: HashMap<EntryRef, Vec<u64>>,
    /// (number, act, keep) of each Recover, in order.
    recovers: Vec<(u32, Hash16, u64)>,
}

impl Timeline {
    /// Adds one more entry; `state` is what it led to. Returns what it takes away.
    pub(super) fn record(
        &mut self,
        entry: &ControlEntry,
        verdict: Verdict,
        state: &State,
    ) -> Vec<Revocation> {
        let seq = entry.seq();
        if seq == 0 {
            self.record_everybody(seq, state);
        }
        let (Some(action), Verdict::Applied) = (entry.action(), verdict) else { return Vec::new() };
        match action {
            Action::Promote(promote) => self.record_user(seq, promote.user, state),
            Action::Demote(demote) => self.record_user(seq, demote.user, state),
            Action::Ban(ban) => self.record_user(seq, ban.user, state),
            Action::Restrict(restrict) => self.record_user(seq, restrict.user, state),
            Action::Unban(unban) => self.record_user(seq, unban.user, state),
            Action::Admit(admit) => self.record_user(seq, admit.user, state),
            Action::AddNode(add) => self.record_node(seq, add.cert.node().short(), state),
            Action::Settle(settle) => self.record_node(seq, settle.node, state),
            Action::RemoveNode(_) | Action::TransferOwner(_) | Action::Recover(_) => {
                self.record_everybody(seq, state);
            }
            Action::Invite(invite) => {
                let open = invite.limit == 0 && !invite.approval;
                self.invites.entry(invite.token).or_default().record(seq, open);
            }
            Action::InviteRevoke(revoke) => {
                self.invites.entry(revoke.token).or_default().record(seq, false);
            }
            Action::Restore(restore) => {
                for entry in restore.entries.iter() {
                    self.restored.entry(*entry).or_default().push(seq);
                }
            }
            _ => {}
        }
        if let Action::Recover(_) = action {
            let act = entry.id().short();
            self.recovers.push((entry.generation().recovery, act, seq.saturating_sub(1)));
        }
        for head in named_by(entry) {
            // A Settle is the last word. Before it, a lower head does not undo a decision.
            let settles = matches!(action, Action::Settle(_));
            let settled = seq.checked_sub(1).is_some_and(|below| {
                let standing = self.nodes.get(&head.node).and_then(|history| history.at(below));
                standing.is_some_and(|standing| standing.settled.contains(&head.inc))
            });
            let history = self.named.entry((head.node, head.inc)).or_default();
            let higher = history.last().is_none_or(|named| named.seq <= head.seq);
            if settles || (higher && !settled) {
                history.record(seq, head);
            }
        }
        self.rules.record(seq, state.rules);
        self.epochs.record(seq, state.epoch);
        let revocations = revocations(seq, action);
        for revocation in &revocations {
            self.list(revocation.scope).push(revocation.clone());
        }
        revocations
    }

    fn list(&mut self, scope: Scope) -> &mut Vec<Revocation> {
        match scope {
            Scope::User(user, _) => self.of_users.entry(user).or_default(),
            Scope::Everyone => &mut self.of_everyone,
            Scope::Node(node) | Scope::Lane(node, ..) => self.of_nodes.entry(node).or_default(),
            Scope::Invite(token) => self.of_invites.entry(token).or_default(),
        }
    }

    fn record_user(&mut self, seq: u64, user: UserRef, state: &State) {
        self.users.entry(user).or_default().record(seq, state.standing(user));
    }

    fn record_node(&mut self, seq: u64, id: Node16, state: &State) {
        if let Some(node) = state.nodes.get(&id) {
            let settled = node.settled.keys().copied().collect();
            let standing = NodeStanding { member: node.member, floor: node.floor, settled };
            self.nodes.entry(id).or_default().record(seq, standing);
        }
    }

    /// For what may change admins and nodes at once; rare.
    fn record_everybody(&mut self, seq: u64, state: &State) {
        for (user, history) in &mut self.users {
            history.record(seq, state.standing(*user));
        }
        for user in state.admins.keys().chain([&state.owner]) {
            self.record_user(seq, *user, state);
        }
        for node in state.nodes.keys() {
            self.record_node(seq, *node, state);
        }
        self.rules.record(seq, state.rules);
        self.epochs.record(seq, state.epoch);
    }

    /// Forgets what stands above `keep`: a Recover has replaced it.
    pub(super) fn truncate(&mut self, keep: u64) {
        self.users.values_mut().for_each(|history| history.truncate(keep));
        self.nodes.values_mut().for_each(|history| history.truncate(keep));
        self.invites.values_mut().for_each(|history| history.truncate(keep));
        self.named.values_mut().for_each(|history| history.truncate(keep));
        self.rules.truncate(keep);
        self.epochs.truncate(keep);
        let lists = self
            .of_users
            .values_mut()
            .chain(self.of_nodes.values_mut())
            .chain(self.of_invites.values_mut())
            .chain([&mut self.of_everyone]);
        lists.for_each(|list| list.retain(|revocation| revocation.seq <= keep));
        self.restored.values_mut().for_each(|list| list.retain(|seq| *seq <= keep));
        // A Recover stands directly above what it keeps.
        self.recovers.retain(|(_, _, kept)| *kept < keep);
    }

    /// What a user might do at a position.
    pub fn rights(&self, user: UserRef, seq: u64) -> Rights {
        let standing = self.users.get(&user).and_then(|history| history.at(seq));
        let rules = self.rules.at(seq);
        rules.map_or(Rights::NONE, |rules| standing.copied().unwrap_or_default().rights(*rules))
    }

    /// Whether somebody owned the group.
    pub fn is_owner(&self, user: UserRef, seq: u64) -> bool {
        let standing = self.users.get(&user).and_then(|history| history.at(seq));
        standing.is_some_and(|standing| standing.owner)
    }

    /// Whether a node might write in this incarnation.
    pub fn is_writer(&self, node: Node16, inc: u32, seq: u64) -> bool {
        let standing = self.nodes.get(&node).and_then(|history| history.at(seq));
        standing.is_some_and(|standing| standing.member && inc >= standing.floor)
    }

    /// Whether a node was a member.
    pub fn is_member(&self, node: Node16, seq: u64) -> bool {
        let standing = self.nodes.get(&node).and_then(|history| history.at(seq));
        standing.is_some_and(|standing| standing.member)
    }

    /// Whether a node may begin this incarnation by its own word: because the home has settled the one
    /// before, or added the node with it.
    pub fn may_open(&self, node: Node16, inc: u32, seq: u64) -> bool {
        let standing = self.nodes.get(&node).and_then(|history| history.at(seq));
        standing.is_some_and(|standing| {
            standing.floor == inc
                || inc.checked_sub(1).is_some_and(|below| standing.settled.contains(&below))
        })
    }

    /// Whether a lane was settled, or cut by RemoveNode.
    pub fn is_closed(&self, node: Node16, inc: u32, seq: u64) -> bool {
        let standing = self.nodes.get(&node).and_then(|history| history.at(seq));
        standing.is_some_and(|standing| inc < standing.floor || standing.settled.contains(&inc))
    }

    /// The key in force.
    pub fn epoch(&self, seq: u64) -> Option<Hash16> {
        self.epochs.at(seq).copied().flatten()
    }

    /// Whether anybody might join by this invite without being let in.
    pub fn invite_is_open(&self, token: Hash16, seq: u64) -> bool {
        self.invites.get(&token).and_then(|history| history.at(seq)).is_some_and(|open| *open)
    }

    /// The head that decides which branch of a lane counts: what a Settle kept; without one, the highest
    /// that a cut or a Checkpoint named, and of equal numbers the last.
    pub fn named(&self, node: Node16, inc: u32) -> Option<EntryRef> {
        self.named.get(&(node, inc))?.last().copied()
    }

    /// The last Restore that names this entry.
    pub fn restored(&self, entry: &EntryRef) -> Option<u64> {
        self.restored.get(entry).and_then(|list| list.last().copied())
    }

    /// Everything that was taken from this user, this node, or everybody.
    pub fn revocations(&self, user: UserRef) -> impl Iterator<Item = &Revocation> {
        let of_user = self.of_users.get(&user).into_iter().flatten();
        let of_node = self.of_nodes.get(&user.node).into_iter().flatten();
        of_user.chain(of_node).chain(&self.of_everyone)
    }

    /// What ended an invite.
    pub fn revocations_of_invite(&self, token: Hash16) -> impl Iterator<Item = &Revocation> {
        self.of_invites.get(&token).into_iter().flatten()
    }

    /// The `keep` of the first Recover that replaced an act.
    ///
    /// That is the first one of a higher number; or of the same, where the act itself lost against it.
    pub fn replaced_at(&self, recovery: u32, act: Hash16) -> Option<u64> {
        let replaces =
            |number: u32, by: Hash16| number > recovery || (number == recovery && by != act);
        self.recovers
            .iter()
            .find(|(number, by, _)| replaces(*number, *by))
            .map(|(_, _, keep)| *keep)
    }
}

/// The heads by which an entry decides about branches: those that the home vouches for, or the recovery
/// key. A cut that an admin of another node chose is a number and no more: by a head that does not exist
/// the admin would void what superiors have said.
pub(crate) fn named_by(entry: &ControlEntry) -> Vec<EntryRef> {
    let chosen = entry.evidence().map(|evidence| evidence.ask.action());
    let by_admin = chosen.is_some_and(|asked| asked.is_ok_and(|asked| asked.cut().is_some()));
    match entry.action() {
        Some(Action::Checkpoint(checkpoint)) => checkpoint.heads.to_vec(),
        Some(Action::Settle(settle)) => settle.keep.into_iter().collect(),
        Some(Action::Recover(recover)) => {
            recover.drop.iter().flat_map(|(_, cut)| cut.heads().to_vec()).collect()
        }
        Some(action) if !by_admin => {
            action.cut().map(|cut| cut.heads().to_vec()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// What an applied entry takes away.
fn revocations(seq: u64, action: &Action) -> Vec<Revocation> {
    let one = |scope| vec![Revocation { seq, scope, cut: shared(action.cut()) }];
    let has_cut = action.cut().is_some();
    match action {
        Action::Ban(ban) => one(Scope::User(ban.user, Taken::Rights(Rights::ALL))),
        Action::Restrict(restrict) => {
            one(Scope::User(restrict.user, Taken::Rights(restrict.denied)))
        }
        Action::Demote(demote) => one(Scope::User(demote.user, Taken::Difference)),
        Action::Promote(promote) if has_cut => one(Scope::User(promote.user, Taken::Difference)),
        Action::Info(_) if has_cut => one(Scope::Everyone),
        Action::RemoveNode(remove) => one(Scope::Node(remove.node)),
        Action::InviteRevoke(revoke) => one(Scope::Invite(revoke.token)),
        Action::Settle(settle) => one(Scope::Lane(settle.node, settle.inc, settle.keep)),
        Action::Recover(recover) => {
            let dropped = recover.drop.iter();
            dropped
                .map(|(node, cut)| Revocation {
                    seq,
                    scope: Scope::Node(*node),
                    cut: shared(Some(cut)),
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn shared(cut: Option<&Cut>) -> Arc<Cut> {
    Arc::new(cut.cloned().unwrap_or_default())
}
