//! Whether a data entry counts: one look at its position, one comparison for each revocation.

use super::lanes::Lanes;
use super::record::DataEntry;
use crate::body::{DataBody, GroupKind, Member};
use crate::control::{Chain, Revocation, Scope, Taken};
use crate::ids::{ControlRef, EntryRef, UserRef};
use crate::mutant::Mutant;
use crate::rights::Rights;

/// Why an entry, or one item of a batch, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataVoid {
    /// Neither it nor anything before it cites an entry of the chain.
    Position,
    /// The incarnation was not opened by who may.
    Unopened,
    /// The node might not write.
    NotWriter,
    /// The body is sealed under another key than the one in force where it cites.
    Epoch,
    /// Header and body do not fit.
    Contradiction,
    /// The lane is forked, and the home has named a head of the other branch.
    Branch,
    /// The author might not do that.
    NoRight,
    /// The control entry of this number took it away, and the entry stands above the cut.
    Revoked(u64),
}

/// Whether it counts.
pub type Judgement = Result<(), DataVoid>;

/// What one claim of an entry needs: a batch makes several.
#[derive(Debug, Clone, Copy)]
struct Claim {
    user: UserRef,
    needs: Rights,
}

impl Lanes {
    /// Judges an entry: one judgement, or one for each item of a batch of reactions.
    pub(super) fn judge(&self, chain: &Chain, entry: &DataEntry) -> Vec<Judgement> {
        if let Some(DataBody::React(react)) = entry.body() {
            let node = entry.at.node;
            return react
                .items
                .iter()
                .map(|item| {
                    let user = UserRef { node, id: item.user };
                    self.judge_claim(chain, entry, Claim { user, needs: Rights::REACT })
                })
                .collect();
        }
        vec![self.judge_claim(
            chain,
            entry,
            Claim { user: entry.user, needs: self.needs(chain, entry) },
        )]
    }

    /// The rights that an entry needs of its author.
    fn needs(&self, chain: &Chain, entry: &DataEntry) -> Rights {
        let class = match chain.state().kind() {
            GroupKind::Supergroup => entry.flags,
            GroupKind::Channel => Rights::BROADCAST,
        };
        match entry.body() {
            Some(DataBody::Delete(delete)) if self.is_author(entry, &delete.target) => Rights::NONE,
            Some(DataBody::Delete(_)) => Rights::DELETE,
            Some(DataBody::Pin(_) | DataBody::Unpin(_)) => Rights::PIN,
            Some(DataBody::Vote(_)) => Rights::TAKE_PART,
            Some(DataBody::Topic(_)) => Rights::NEW_TOPIC,
            Some(DataBody::TopicEdit(edit)) => {
                let own = edit.target.is_some_and(|topic| self.is_author(entry, &topic));
                if own && edit.is_of_words() { Rights::TAKE_PART } else { Rights::TOPICS }
            }
            Some(DataBody::Member(Member { join: true, .. })) => Rights::JOIN,
            Some(DataBody::Edit(edit)) if chain.state().kind() == GroupKind::Channel => {
                self.needs_to_edit(chain, entry, &edit.target)
            }
            Some(DataBody::Post(_) | DataBody::Edit(_)) => class,
            // Hidden bodies are those of posts and edits, whose class is in the header.
            None if !entry.flags.is_empty() => class,
            _ => Rights::NONE,
        }
    }

    /// What an edit needs in a channel: of one's own message what the message needed; of any other,
    /// or where one has that no more, the right to edit.
    fn needs_to_edit(&self, chain: &Chain, entry: &DataEntry, target: &EntryRef) -> Rights {
        let rights = |position| chain.timeline().rights(entry.user, position);
        let posts = self.position(&entry.at).is_some_and(|at| rights(at).has(Rights::BROADCAST));
        let is_own = self.is_author(entry, target);
        if is_own && posts { Rights::BROADCAST } else { Rights::EDIT }
    }

    /// Whether an entry is by the author of its target.
    pub(super) fn is_author(&self, entry: &DataEntry, target: &EntryRef) -> bool {
        self.get(target).is_some_and(|target| target.user == entry.user)
    }

    fn judge_claim(&self, chain: &Chain, entry: &DataEntry, mut claim: Claim) -> Judgement {
        let timeline = chain.timeline();
        let at = &entry.at;
        let position = self.position(at).ok_or(DataVoid::Position)?;
        if !self.is_opened(at) {
            return Err(DataVoid::Unopened);
        }
        if !self.is_on_branch(chain, at) {
            return Err(DataVoid::Branch);
        }
        if !timeline.is_writer(at.node, at.inc, position) {
            return Err(DataVoid::NotWriter);
        }
        // What cites another branch is sealed under a key of that branch: nothing here says which.
        let cite = entry.ctl.filter(|cite| chain.is_on_chain(cite));
        let key = |cite: ControlRef| timeline.epoch(cite.seq).filter(|_| !entry.is_never_sealed());
        let wrong_key = cite.is_some_and(|cite| key(cite) != entry.epoch);
        if wrong_key && !Mutant::EpochNotTied.is_active() {
            return Err(DataVoid::Epoch);
        }
        if entry.contradicts_itself() {
            return Err(DataVoid::Contradiction);
        }
        let rights = timeline.rights(claim.user, position);
        let mut invite = None;
        if claim.needs == Rights::JOIN && !rights.has(Rights::JOIN) {
            // An open invite lets anybody in who is not banned.
            invite = entry.invite().filter(|token| timeline.invite_is_open(*token, position));
            claim.needs = if invite.is_some() { Rights::TAKE_PART } else { Rights::JOIN };
        }
        if !rights.has(claim.needs) {
            return Err(DataVoid::NoRight);
        }
        let restored = timeline.restored(at);
        let of_invite = invite.into_iter().flat_map(|token| timeline.revocations_of_invite(token));
        for revocation in timeline.revocations(claim.user).chain(of_invite) {
            // A lane that was closed may be forked above its end: no two nodes need have the same entry
            // there, and nothing decides between them any more. So nothing of it comes back.
            let closes = matches!(revocation.scope, Scope::Lane(..) | Scope::Node(_));
            if !closes && restored.is_some_and(|restored| revocation.seq < restored) {
                continue;
            }
            if self.is_hit(chain, entry, claim, position, revocation) {
                return Err(DataVoid::Revoked(revocation.seq));
            }
        }
        Ok(())
    }

    /// Whether a revocation takes this claim away.
    fn is_hit(
        &self,
        chain: &Chain,
        entry: &DataEntry,
        claim: Claim,
        position: u64,
        revocation: &Revocation,
    ) -> bool {
        let at = &entry.at;
        if let Scope::Lane(_, inc, keep) = revocation.scope {
            return inc == at.inc && keep.is_none_or(|keep| at.seq > keep.seq);
        }
        if revocation.seq <= position {
            return false;
        }
        let timeline = chain.timeline();
        let before = revocation.seq - 1;
        let taken = match revocation.scope {
            Scope::User(_, Taken::Rights(rights)) => rights,
            Scope::User(_, Taken::Difference) | Scope::Everyone => {
                timeline.rights(claim.user, before) - timeline.rights(claim.user, revocation.seq)
            }
            Scope::Node(_) | Scope::Invite(_) | Scope::Lane(..) => Rights::ALL,
        };
        // Whoever removes a node takes what needs no right as well.
        let takes = match revocation.scope {
            Scope::Node(_) | Scope::Invite(_) => true,
            _ => !(taken & claim.needs).is_empty(),
        };
        let is_kept = match revocation.cut.head(at.node, at.inc) {
            // Which branch counts is decided for all by the head that was named; so here the
            // number is enough, and no node's verdict depends on dead branches that it may not hold.
            Some(head) => at.seq <= head.seq,
            None => timeline.is_closed(at.node, at.inc, before),
        };
        let is_kept = match () {
            () if Mutant::NoCut.is_active() => true,
            () if Mutant::ImplicitCut.is_active() => self.came_before(at, revocation.seq),
            () => is_kept,
        };
        takes && !is_kept
    }
}
