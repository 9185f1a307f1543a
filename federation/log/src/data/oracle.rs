//! The second evaluator: slow, without memory, in the words of the specification.
//!
//! It folds the chain from the Genesis for every question, looks at all entries for every message, and
//! shares nothing with [`Lanes`](super::Lanes) but the types. It is part of the crate, and not of its
//! tests, so that the tests of other crates can hold their projections to it.

use std::collections::BTreeMap;

use super::record::DataEntry;
use super::view::{Message, Topic, View};
use crate::body::{Action, Cut, DataBody, Edit, GroupKind, Pin, Setting, Sums, TopicEdit};
use crate::cert::Opened;
use crate::control::{ControlEntry, State, Verdict};
use crate::ids::{ControlRef, EntryRef, Node16, UserRef};
use crate::mutant::Mutant;
use crate::rights::Rights;

/// A chain and a set of entries, to be asked.
struct World<'a> {
    chain: &'a [ControlEntry],
    /// The state after each entry of the chain, and whether it had an effect.
    states: Vec<(State, Verdict)>,
    entries: &'a [DataEntry],
}

/// What a group shows, by its chain and the entries of its lanes, in any order.
///
/// `None` if the chain is none.
pub fn evaluate(chain: &[ControlEntry], entries: &[DataEntry]) -> Option<View> {
    let world = World { chain, states: states(chain)?, entries };
    let mut view = View::default();
    for entry in entries {
        if let Some(message) = world.message(entry) {
            view.messages.insert(entry.at, message);
        }
        match entry.body() {
            Some(DataBody::Member(_)) => {
                if let Some(joined) = world.membership(entry.user) {
                    view.members.insert(entry.user, joined);
                }
            }
            Some(DataBody::Count(_)) => {
                if let Some(count) = world.count(entry.at.node) {
                    view.counts.insert(entry.at.node, count);
                }
            }
            _ => {}
        }
        if let Some(topic) = world.topic(entry) {
            view.topics.insert(Some(entry.at), topic);
        }
    }
    view.readers = world.readers();
    if !world.is_channel() && !world.topic_edits(None).is_empty() {
        view.topics.insert(None, world.changed(Topic::default(), None));
    }
    Some(view)
}

/// The plain left fold: the state after each entry of a chain, with what became of the entry.
///
/// `None` if the chain is none.
pub fn states(chain: &[ControlEntry]) -> Option<Vec<(State, Verdict)>> {
    let (genesis, rest) = chain.split_first()?;
    let mut state = State::genesis(genesis).ok()?;
    let mut states = vec![(state.clone(), Verdict::Applied)];
    for entry in rest {
        let verdict = if matches!(entry.action(), Some(Action::Recover(_))) {
            state = state.recover(entry).ok()?;
            Verdict::Applied
        } else {
            state.apply(entry)
        };
        states.push((state.clone(), verdict));
    }
    Some(states)
}

impl World<'_> {
    fn state(&self, seq: u64) -> Option<&State> {
        self.states.get(usize::try_from(seq).ok()?).map(|(state, _)| state)
    }

    fn find(&self, at: &EntryRef) -> Option<&DataEntry> {
        self.entries.iter().find(|entry| entry.at == *at)
    }

    fn is_on_chain(&self, cite: &ControlRef) -> bool {
        self.chain.iter().any(|entry| entry.cite() == *cite)
    }

    /// "The cited one, if on the chain; else the keep of the first Recover that replaced the cited act,
    /// if the cited seq is above that keep; else the position of its predecessor in the lane (none:
    /// void). It is never below its predecessor's."
    fn position(&self, entry: &DataEntry) -> Option<u64> {
        let below = entry.before().and_then(|before| self.position(self.find(&before)?));
        let cited = entry.ctl.and_then(|cite| {
            if self.is_on_chain(&cite) {
                return Some(cite.seq);
            }
            let replaced = self.chain.iter().find(|entry| {
                let number = entry.generation().recovery;
                matches!(entry.action(), Some(Action::Recover(_)))
                    && (number > cite.recovery
                        || (number == cite.recovery && entry.id().short() != cite.act))
            })?;
            let keep = replaced.seq() - 1;
            (cite.seq > keep).then_some(keep)
        });
        match (cited, below) {
            (Some(cited), Some(below)) => Some(cited.max(below)),
            (cited, below) => cited.or(below),
        }
    }

    /// "The first entry of inc > 0 is Open": signed by the root, or after the home settled the
    /// incarnation before, or added the node with this one.
    fn is_opened(&self, entry: &DataEntry) -> bool {
        if entry.at.inc == 0 {
            return true;
        }
        if let Some(before) = entry.before() {
            return self.find(&before).is_some_and(|before| self.is_opened(before));
        }
        let (Some(DataBody::Open(open)), Some(position)) = (entry.body(), self.position(entry))
        else {
            return false;
        };
        let opened = Opened {
            group: entry.group,
            node: entry.node,
            inc: entry.at.inc,
            previous: open.previous,
        };
        let by_root = open.root.as_ref().is_some_and(|root| root.confirms(&opened));
        let node = self.state(position).and_then(|state| state.nodes.get(&entry.at.node));
        let by_home = node.is_some_and(|node| {
            node.floor == entry.at.inc || node.settled.contains_key(&(entry.at.inc - 1))
        });
        by_root || by_home
    }

    /// "Valid iff at its position N is a writer node and u holds the right that e needs, and no later
    /// control entry r revokes that right from u, from N or from the group while e stands above r's
    /// cut."
    fn is_valid(&self, entry: &DataEntry, user: UserRef, needs: Rights) -> bool {
        let Some(position) = self.position(entry) else { return false };
        let Some(state) = self.state(position) else { return false };
        let writes = state
            .nodes
            .get(&entry.at.node)
            .is_some_and(|node| node.member && entry.at.inc >= node.floor);
        if !self.is_on_branch(&entry.at) {
            return false;
        }
        if !writes || !self.is_opened(entry) || entry.contradicts_itself() {
            return false;
        }
        // "Encrypted under the epoch in force at the position it cites, else void."
        if let Some(cite) = entry.ctl
            && self.is_on_chain(&cite)
        {
            let in_force = self.state(cite.seq).and_then(|state| state.epoch);
            let wrong_key = entry.epoch != in_force.filter(|_| !entry.is_never_sealed());
            if wrong_key && !Mutant::EpochNotTied.is_active() {
                return false;
            }
        }
        let held = state.rights(user);
        let (mut needs, mut invite) = (needs, None);
        if needs == Rights::JOIN && !held.has(needs) {
            let open = |token: &crate::Hash16| {
                let known = state.invites.get(token);
                known.is_some_and(|known| known.invite.limit == 0 && !known.invite.approval)
            };
            invite = entry.invite().filter(open);
            if invite.is_some() {
                needs = Rights::TAKE_PART;
            }
        }
        held.has(needs)
            && !self.chain.iter().zip(1..).any(|(revocation, length)| {
                self.revokes(revocation, length - 1, entry, (user, needs, invite), position)
            })
    }

    /// The head of a lane that was settled, or else the highest named (of equals the last), decides: an entry counts only if one of the two is the
    /// other's ancestor, as far as anybody here can tell.
    fn is_on_branch(&self, at: &EntryRef) -> bool {
        let lane = |head: &&EntryRef| (head.node, head.inc) == (at.node, at.inc);
        let mut last: Option<EntryRef> = None;
        for (control, (_, verdict)) in self.chain.iter().zip(&self.states) {
            let named = match control.action() {
                _ if *verdict != Verdict::Applied => Vec::new(),
                // The last word: a lane is settled once.
                Some(Action::Settle(settle)) if (settle.node, settle.inc) == (at.node, at.inc) => {
                    last = settle.keep.or(last);
                    break;
                }
                Some(Action::Checkpoint(checkpoint)) => checkpoint.heads.to_vec(),
                Some(Action::Recover(recover)) => {
                    recover.drop.iter().flat_map(|(_, cut)| cut.heads().to_vec()).collect()
                }
                // A cut that another node's admin chose is a number, and names nothing.
                Some(action) => {
                    let asked = control.evidence().and_then(|e| e.ask.action().ok());
                    let chosen = asked.is_some_and(|asked| asked.cut().is_some());
                    let cut = action.cut().filter(|_| !chosen);
                    cut.map(|cut| cut.heads().to_vec()).unwrap_or_default()
                }
                None => Vec::new(),
            };
            for head in named.iter().filter(lane) {
                if last.is_none_or(|last| last.seq <= head.seq) {
                    last = Some(*head);
                }
            }
        }
        match last {
            Some(head) if !Mutant::LengthOnly.is_active() => {
                if at.seq <= head.seq {
                    self.is_at_or_below(at, &head)
                } else {
                    self.is_at_or_below(&head, at)
                }
            }
            _ => true,
        }
    }

    /// Whether the control entry at `r` takes an entry away.
    fn revokes(
        &self,
        revocation: &ControlEntry,
        r: u64,
        entry: &DataEntry,
        (user, needs, invite): (UserRef, Rights, Option<crate::Hash16>),
        position: u64,
    ) -> bool {
        let effective = |r: u64| {
            let place = usize::try_from(r).unwrap_or(usize::MAX);
            matches!(self.states.get(place), Some((_, Verdict::Applied)))
        };
        let closes = matches!(
            revocation.action(),
            Some(Action::Settle(_) | Action::RemoveNode(_) | Action::Recover(_))
        );
        if !effective(r) || (!closes && self.is_restored_above(entry, r)) {
            return false;
        }
        let rights = |seq| self.state(seq).map_or(Rights::NONE, |state| state.rights(user));
        let loses = |seq: u64| !((rights(seq - 1) - rights(seq)) & needs).is_empty();
        let later = r > position;
        let at = &entry.at;
        match revocation.action() {
            // "Entries above the kept head are void", wherever they stand.
            Some(Action::Settle(settle)) => {
                (settle.node, settle.inc) == (at.node, at.inc)
                    && settle.keep.is_none_or(|keep| at.seq > keep.seq)
            }
            Some(Action::RemoveNode(remove)) => {
                later && remove.node == at.node && !self.keeps(r, remove.cut.as_ref(), at)
            }
            Some(Action::Recover(recover)) => {
                let dropped = recover.drop.iter().find(|(node, _)| *node == at.node);
                dropped.is_some_and(|(_, cut)| later && !self.keeps(r, Some(cut), at))
            }
            Some(Action::Ban(ban)) => {
                later
                    && ban.user == user
                    && !needs.is_empty()
                    && !self.keeps(r, ban.cut.as_ref(), at)
            }
            Some(Action::Restrict(restrict)) => {
                later
                    && restrict.user == user
                    && !(restrict.denied & needs).is_empty()
                    && !self.keeps(r, restrict.cut.as_ref(), at)
            }
            Some(Action::Demote(demote)) => {
                later && demote.user == user && loses(r) && !self.keeps(r, demote.cut.as_ref(), at)
            }
            Some(Action::Promote(promote)) => {
                later
                    && promote.user == user
                    && promote.cut.is_some()
                    && loses(r)
                    && !self.keeps(r, promote.cut.as_ref(), at)
            }
            Some(Action::Info(info)) => {
                later
                    && matches!(info.setting, Setting::Defaults(_) | Setting::Private(_))
                    && info.cut.is_some()
                    && loses(r)
                    && !self.keeps(r, info.cut.as_ref(), at)
            }
            Some(Action::InviteRevoke(revoke)) => {
                later && invite == Some(revoke.token) && !self.keeps(r, revoke.cut.as_ref(), at)
            }
            _ => false,
        }
    }

    /// "Restore overrides what was taken from people before it", not later, and not what closed a lane.
    fn is_restored_above(&self, entry: &DataEntry, r: u64) -> bool {
        self.chain.iter().zip(&self.states).any(|(control, (_, verdict))| {
            let Some(Action::Restore(restore)) = control.action() else { return false };
            *verdict == Verdict::Applied && control.seq() > r && restore.entries.contains(&entry.at)
        })
    }

    /// "Its seq is at most the head's"; that it is on the head's branch was asked before. "A live lane
    /// not named keeps nothing, a lane already settled or cut by RemoveNode stays as it is."
    fn keeps(&self, r: u64, cut: Option<&Cut>, at: &EntryRef) -> bool {
        if Mutant::NoCut.is_active() {
            return true;
        }
        let named = cut
            .map(Cut::heads)
            .unwrap_or_default()
            .iter()
            .find(|head| (head.node, head.inc) == (at.node, at.inc));
        match named {
            Some(head) => at.seq <= head.seq,
            None => {
                let before = self.state(r - 1).and_then(|state| state.nodes.get(&at.node));
                before.is_some_and(|node| node.is_closed(at.inc))
            }
        }
    }

    /// Whether an entry is a head or its ancestor, as far as the entries show.
    fn is_at_or_below(&self, at: &EntryRef, head: &EntryRef) -> bool {
        if at.seq >= head.seq {
            return at == head;
        }
        let mut down = *head;
        while down.seq > at.seq {
            match self.find(&down).map(DataEntry::before) {
                Some(Some(before)) => down = before,
                // Nobody knows what stands between: only another entry at that number could be it.
                _ => return true,
            }
        }
        down == *at
    }

    /// Whether an entry with one claim is valid.
    fn holds(&self, entry: &DataEntry) -> bool {
        let class = if self.is_channel() { Rights::BROADCAST } else { entry.flags };
        let needs = match entry.body() {
            // "In a channel who holds EDIT edits what others say, and what they said themselves."
            Some(DataBody::Edit(edit)) if self.is_channel() => {
                let own = self.find(&edit.target).is_some_and(|post| post.user == entry.user);
                let state = self.position(entry).and_then(|position| self.state(position));
                let may_post =
                    state.is_some_and(|state| state.rights(entry.user).has(Rights::BROADCAST));
                match (own, may_post) {
                    (true, true) => Rights::BROADCAST,
                    _ => Rights::EDIT,
                }
            }
            Some(DataBody::Post(_) | DataBody::Edit(_)) => class,
            None if !entry.flags.is_empty() => class,
            Some(DataBody::Delete(delete)) => {
                let own = self.find(&delete.target).is_some_and(|post| post.user == entry.user);
                if own { Rights::NONE } else { Rights::DELETE }
            }
            Some(DataBody::Pin(_) | DataBody::Unpin(_)) => Rights::PIN,
            Some(DataBody::Vote(_)) => Rights::TAKE_PART,
            Some(DataBody::Member(member)) if member.join => Rights::JOIN,
            Some(DataBody::Topic(_)) => Rights::NEW_TOPIC,
            // "Who began a topic calls it what they like, and closes it, as long as they take part."
            Some(DataBody::TopicEdit(edit)) => {
                let began = |at: &EntryRef| self.find(at).map(|topic| topic.user);
                let own = edit.target.as_ref().and_then(began) == Some(entry.user);
                match (own, edit.hidden, edit.pinned) {
                    (true, None, None) => Rights::TAKE_PART,
                    _ => Rights::TOPICS,
                }
            }
            _ => Rights::NONE,
        };
        self.is_valid(entry, entry.user, needs)
    }

    fn is_channel(&self) -> bool {
        self.state(0).map(State::kind) == Some(GroupKind::Channel)
    }

    fn message(&self, entry: &DataEntry) -> Option<Message> {
        let is_post = entry.kind == super::record::kinds::POST;
        if !is_post || !self.holds(entry) {
            return None;
        }
        let is_deleted = self.entries.iter().any(|other| match other.body() {
            Some(DataBody::Delete(delete)) => delete.target == entry.at && self.holds(other),
            _ => false,
        });
        if is_deleted {
            return None;
        }
        let written = match entry.body() {
            Some(DataBody::Post(post)) => Some(post.clone()),
            _ => None,
        };
        let edits = self.entries.iter().filter_map(|other| match other.body() {
            Some(DataBody::Edit(Edit { target, post })) => {
                let may = self.is_channel() || other.user == entry.user;
                let counts = *target == entry.at && may && self.holds(other);
                counts.then_some((other.at, post))
            }
            _ => None,
        });
        // "The last that counts of each node; of those the one with the highest position."
        let edits: Vec<_> = edits.collect();
        let is_last =
            |at: EntryRef| !edits.iter().any(|(other, _)| other.node == at.node && *other > at);
        let stands = |at: &EntryRef| self.find(at).and_then(|entry| self.position(entry));
        let edit = edits
            .iter()
            .filter(|(at, _)| is_last(*at))
            .max_by_key(|(at, _)| (stands(at), *at))
            .copied();
        let mut pins: Vec<EntryRef> =
            self.entries.iter().filter_map(|o| self.pin(o, entry)).collect();
        pins.sort_unstable();
        Some(Message {
            author: entry.user,
            position: self.position(entry)?,
            post: edit.map(|(_, post)| post.clone()).or(written),
            edited: edit.map(|(at, _)| at),
            pins,
            reactions: self.reactions(entry),
            votes: self.votes(entry),
            tallies: self.tallies(entry),
            sums: self.sums(entry),
        })
    }

    fn topic(&self, entry: &DataEntry) -> Option<Topic> {
        let is_deleted = || {
            self.entries.iter().any(|other| match other.body() {
                Some(DataBody::Delete(delete)) => delete.target == entry.at && self.holds(other),
                _ => false,
            })
        };
        let is_topic = entry.kind == super::record::kinds::TOPIC;
        if self.is_channel() || !is_topic || !self.holds(entry) || is_deleted() {
            return None;
        }
        let (title, icon) = match entry.body() {
            Some(DataBody::Topic(said)) => (Some(said.title.to_string()), Some(said.icon.to_vec())),
            _ => (None, None),
        };
        let topic = Topic { author: Some(entry.user), title, icon, ..Topic::default() };
        Some(self.changed(topic, Some(entry.at)))
    }

    fn topic_edits(&self, target: Option<EntryRef>) -> Vec<(&DataEntry, &TopicEdit)> {
        let about = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::TopicEdit(edit)) if edit.target == target => Some((entry, edit)),
            _ => None,
        });
        about.filter(|(entry, _)| self.holds(entry)).collect()
    }

    /// "Of each field, the last that counts of each node; of those the one with the highest position."
    fn changed(&self, topic: Topic, target: Option<EntryRef>) -> Topic {
        let edits = self.topic_edits(target);
        fn last<T>(
            world: &World<'_>,
            edits: &[(&DataEntry, &TopicEdit)],
            field: impl Fn(&TopicEdit) -> Option<T>,
        ) -> Option<T> {
            let says = |(entry, edit): &(&DataEntry, &TopicEdit)| {
                Some((world.position(entry), entry.at, field(edit)?))
            };
            let all: Vec<_> = edits.iter().filter_map(says).collect();
            let later = |at: EntryRef| {
                let mut others = edits.iter().filter(|(_, edit)| field(edit).is_some());
                others.any(|(other, _)| other.at.node == at.node && other.at > at)
            };
            let lasts = all.into_iter().filter(|(_, at, _)| !later(*at));
            lasts.max_by_key(|(position, at, _)| (*position, *at)).map(|(.., value)| value)
        }
        let text = |edit: &TopicEdit| edit.title.as_ref().map(|title| title.to_string());
        let icon = |edit: &TopicEdit| edit.icon.as_ref().map(|icon| icon.to_vec());
        Topic {
            title: last(self, &edits, text).or(topic.title),
            icon: last(self, &edits, icon).or(topic.icon),
            closed: last(self, &edits, |edit| edit.closed).unwrap_or(false),
            hidden: last(self, &edits, |edit| edit.hidden).unwrap_or(false),
            pinned: last(self, &edits, |edit| edit.pinned).unwrap_or(0),
            author: topic.author,
        }
    }

    fn pin(&self, other: &DataEntry, post: &DataEntry) -> Option<EntryRef> {
        let Some(DataBody::Pin(Pin { target })) = other.body() else { return None };
        let unpinned = self.entries.iter().any(|unpin| match unpin.body() {
            Some(DataBody::Unpin(body)) => body.pins.contains(&other.at) && self.holds(unpin),
            _ => false,
        });
        (*target == post.at && !unpinned && self.holds(other)).then_some(other.at)
    }

    /// "The last valid one by (inc, seq) of the user's own node."
    fn reactions(&self, post: &DataEntry) -> BTreeMap<UserRef, Vec<String>> {
        let mut last: BTreeMap<UserRef, ((EntryRef, usize), Vec<String>)> = BTreeMap::new();
        for entry in self.entries {
            let Some(DataBody::React(react)) = entry.body() else { continue };
            for (place, item) in react.items.iter().enumerate() {
                let user = UserRef { node: entry.at.node, id: item.user };
                if item.target != post.at || !self.is_valid(entry, user, Rights::REACT) {
                    continue;
                }
                let order = (entry.at, place);
                if last.get(&user).is_none_or(|(before, _)| *before < order) {
                    let reactions = item.reactions.iter().map(|text| text.to_string()).collect();
                    last.insert(user, (order, reactions));
                }
            }
        }
        let shown = last.into_iter().map(|(user, (_, reactions))| (user, reactions));
        shown.filter(|(_, reactions)| !reactions.is_empty()).collect()
    }

    fn votes(&self, post: &DataEntry) -> BTreeMap<UserRef, Vec<u16>> {
        let mut votes = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::Vote(vote)) => {
                let counts = vote.target == post.at && self.holds(entry);
                counts.then(|| (entry.at, entry.user, vote.options.to_vec()))
            }
            _ => None,
        });
        let mut all: Vec<_> = votes.by_ref().collect();
        all.sort();
        let last: BTreeMap<_, _> =
            all.into_iter().map(|(_, user, options)| (user, options)).collect();
        last.into_iter().filter(|(_, options)| !options.is_empty()).collect()
    }

    fn tallies(&self, post: &DataEntry) -> BTreeMap<Node16, Vec<(u16, u64)>> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| match entry.body() {
                Some(DataBody::Tally(tally)) => {
                    let counts = tally.target == post.at && self.holds(entry);
                    counts.then(|| (entry.at, tally.counts.to_vec()))
                }
                _ => None,
            })
            .collect();
        all.sort();
        let capped = |(at, counts): (EntryRef, Vec<(u16, u64)>)| {
            let cap = self.cap(at.node);
            (at.node, counts.into_iter().map(|(option, n)| (option, n.min(cap))).collect())
        };
        all.into_iter().map(capped).collect()
    }

    /// "The home's word alone counts, and its last one replaces those before."
    fn sums(&self, post: &DataEntry) -> Option<Sums> {
        let all = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::Sums(sums)) if sums.target == post.at && self.is_of_home(entry) => {
                self.holds(entry).then_some((entry.at, sums))
            }
            _ => None,
        });
        all.max_by_key(|(at, _)| *at).map(|(_, sums)| (**sums).clone())
    }

    fn readers(&self) -> Option<u64> {
        let all = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::Readers(readers)) if self.is_of_home(entry) => {
                self.holds(entry).then_some((entry.at, readers.members))
            }
            _ => None,
        });
        all.max().map(|(_, members)| members)
    }

    /// Whether the node that is the home now has written an entry.
    fn is_of_home(&self, entry: &DataEntry) -> bool {
        self.states.last().is_some_and(|(state, _)| state.home == entry.node)
    }

    /// "A node's tally is capped at its member count."
    fn cap(&self, node: Node16) -> u64 {
        if self.is_channel() {
            return self.count(node).unwrap_or(0);
        }
        let members = self.entries.iter().filter(|entry| {
            entry.at.node == node && matches!(entry.body(), Some(DataBody::Member(_)))
        });
        // In a private group all were let in, whether they have said anything or not.
        let admitted = self.states.last().map(|(state, _)| state.admitted.clone());
        let admitted = admitted.unwrap_or_default();
        let let_in = admitted.iter().copied().filter(|user| user.node == node);
        let mut users: Vec<UserRef> = members.map(|entry| entry.user).chain(let_in).collect();
        users.sort_unstable();
        users.dedup();
        let is_in =
            |user: &UserRef| self.membership(*user).unwrap_or_else(|| admitted.contains(user));
        users.into_iter().filter(is_in).count() as u64
    }

    fn membership(&self, user: UserRef) -> Option<bool> {
        let valid = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::Member(member)) if entry.user == user && self.holds(entry) => {
                Some((entry.at, member.join))
            }
            _ => None,
        });
        valid.max().map(|(_, joined)| joined)
    }

    fn count(&self, node: Node16) -> Option<u64> {
        let valid = self.entries.iter().filter_map(|entry| match entry.body() {
            Some(DataBody::Count(count)) if entry.at.node == node && self.holds(entry) => {
                Some((entry.at, count.members))
            }
            _ => None,
        });
        valid.max().map(|(_, members)| members)
    }
}
