//! All data lanes of a group, judged as they grow.
//!
//! What is remembered beside the entries is where each stands, how it was judged, and who says
//! something about what. A new control entry makes only those be judged again from whom it takes
//! something; a new data entry only itself and what it is the target of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::judge::Judgement;
use super::record::DataEntry;
use super::view::{Message, Topic, View};
use crate::body::{Action, DataBody, Edit, GroupKind, Reaction, TopicEdit};
use crate::cert::Opened;
use crate::control::{Chain, Revocation, Scope, named_by};
use crate::ids::{EntryRef, Hash16, Node16, UserRef};
use crate::mutant::Mutant;

/// An entry was given before the one that it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry came before the one that it follows")]
pub struct NoPredecessor;

/// An entry with what was found out about it.
#[derive(Debug, Clone)]
struct Record {
    entry: DataEntry,
    position: Option<u64>,
    opened: bool,
    judgements: Vec<Judgement>,
    /// The control head at which it came; only a mutant asks.
    came_at: u64,
}

/// One lane: the entries at each number, more than one where it is forked.
#[derive(Debug, Clone, Default)]
struct Lane {
    at: Vec<Vec<Hash16>>,
    /// The numbers at which there is more than one.
    forks: BTreeSet<u64>,
}

impl Lane {
    fn forked_at(&self) -> Option<u64> {
        self.forks.first().copied()
    }
}

/// The data lanes of one group.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    records: HashMap<EntryRef, Record>,
    lanes: BTreeMap<(Node16, u32), Lane>,
    of_user: HashMap<UserRef, BTreeSet<EntryRef>>,
    about: HashMap<EntryRef, BTreeSet<EntryRef>>,
    posts: BTreeSet<EntryRef>,
    topics: BTreeSet<EntryRef>,
    /// What is said about the general topic.
    general: BTreeSet<EntryRef>,
    memberships: BTreeMap<UserRef, BTreeSet<EntryRef>>,
    counts: BTreeMap<Node16, BTreeSet<EntryRef>>,
    readers: BTreeMap<Node16, BTreeSet<EntryRef>>,
    /// The head that was last named of each lane, when it was last looked at.
    named: BTreeMap<(Node16, u32), EntryRef>,
    /// Entries that cite what the chain does not reach yet, by the number cited.
    floating: BTreeMap<u64, BTreeSet<EntryRef>>,
}

impl Lanes {
    /// Adds an entry whose signature was checked. Adding it again changes nothing.
    ///
    /// Returns the entries that are judged otherwise than before: this one, and what waited for it.
    ///
    /// # Errors
    /// [`NoPredecessor`]: lanes grow from their first entry on.
    pub fn insert(
        &mut self,
        chain: &Chain,
        entry: DataEntry,
    ) -> Result<Vec<EntryRef>, NoPredecessor> {
        let at = entry.at;
        if self.records.contains_key(&at) {
            return Ok(Vec::new());
        }
        if entry.before().is_some_and(|before| !self.records.contains_key(&before)) {
            return Err(NoPredecessor);
        }
        self.index(&entry);
        let record = Record {
            entry,
            position: None,
            opened: false,
            judgements: Vec::new(),
            came_at: chain.state().head.0,
        };
        self.records.insert(at, record);
        self.place(chain, &at);
        let mut changed = vec![at];
        // In a forked lane one more entry can show that another is no ancestor of a cut.
        if self.forked_at(at.node, at.inc).is_some() {
            changed.extend(self.lane_from(at.node, at.inc, 0));
        }
        // Whether a Delete is of one's own message shows when the message comes.
        changed.extend(self.about.get(&at).into_iter().flatten().copied());
        Ok(self.judge_again(chain, changed))
    }

    /// Gives an entry the body that could not be read before, or takes it away.
    pub fn set_content(
        &mut self,
        chain: &Chain,
        at: &EntryRef,
        content: super::Content,
    ) -> Vec<EntryRef> {
        let Some(record) = self.records.get_mut(at) else { return Vec::new() };
        let before = record.entry.clone();
        record.entry.content = content;
        let entry = record.entry.clone();
        self.unindex(&before);
        self.index_content(&entry);
        if at.seq > 0 || at.inc == 0 {
            return self.judge_again(chain, vec![*at]);
        }
        // What opens an incarnation decides about all of it.
        let lane = self.lane_from(at.node, at.inc, 0);
        lane.iter().for_each(|at| self.place(chain, at));
        self.judge_again(chain, lane)
    }

    /// Judges again after the chain has grown by its entries from this number on, which take this
    /// away.
    pub fn chain_grew(
        &mut self,
        chain: &Chain,
        from: u64,
        revocations: &[Revocation],
    ) -> Vec<EntryRef> {
        let mut affected = BTreeSet::new();
        for revocation in revocations {
            match revocation.scope {
                Scope::User(user, _) => {
                    affected.extend(self.of_user.get(&user).into_iter().flatten())
                }
                Scope::Everyone => affected.extend(self.records.keys()),
                Scope::Node(node) | Scope::Lane(node, ..) => {
                    let lanes = self.lanes.range((node, 0)..=(node, u32::MAX));
                    for (inc, _) in lanes.map(|((_, inc), lane)| (*inc, lane)) {
                        affected.extend(self.lane_from(node, inc, 0));
                    }
                }
                Scope::Invite(_) => affected.extend(self.memberships.values().flatten()),
            }
        }
        let head = chain.state().head.0;
        for seq in from..=head {
            let Some(entry) = chain.at(seq) else { continue };
            if let Some(Action::Restore(restore)) = entry.action() {
                affected.extend(restore.entries.iter().copied());
            }
            for head in named_by(entry) {
                let lane = (head.node, head.inc);
                let Some(now) = chain.timeline().named(head.node, head.inc) else { continue };
                let was = self.named.insert(lane, now);
                // What was named on another chain is not remembered: anything may follow from it.
                let mattered = was.is_none_or(|was| was != now && self.is_named_apart(&was));
                if mattered || self.is_named_apart(&now) {
                    affected.extend(self.lane_from(head.node, head.inc, 0));
                }
            }
        }
        let later = self.floating.split_off(&(head + 1));
        for at in std::mem::replace(&mut self.floating, later).into_values().flatten() {
            for at in self.lane_from(at.node, at.inc, at.seq) {
                self.place(chain, &at);
                affected.insert(at);
            }
        }
        self.judge_again(chain, affected)
    }

    /// Judges everything again: the chain is another one.
    pub fn chain_changed(&mut self, chain: &Chain) -> Vec<EntryRef> {
        self.floating.clear();
        self.named.clear();
        let mut all = self.records.keys().copied().collect::<Vec<_>>();
        all.sort_unstable();
        all.iter().for_each(|at| self.place(chain, at));
        self.judge_again(chain, all)
    }

    fn judge_again(
        &mut self,
        chain: &Chain,
        which: impl IntoIterator<Item = EntryRef>,
    ) -> Vec<EntryRef> {
        let mut changed = Vec::new();
        for at in which {
            let Some(record) = self.records.get(&at) else { continue };
            let judgements = self.judge(chain, &record.entry);
            if judgements != record.judgements {
                changed.push(at);
                if let Some(record) = self.records.get_mut(&at) {
                    record.judgements = judgements;
                }
            }
        }
        changed
    }

    /// Finds out where an entry stands, and whether its incarnation is open.
    fn place(&mut self, chain: &Chain, at: &EntryRef) {
        let Some(record) = self.records.get(at) else { return };
        let entry = &record.entry;
        let before = entry.before().and_then(|before| self.records.get(&before));
        let below = before.and_then(|before| before.position);
        let own = entry.ctl.and_then(|cite| chain.position(&cite));
        let position = own.max(below);
        let opened = match before {
            Some(before) => before.opened,
            None => at.inc == 0 || position.is_some_and(|position| opens(chain, entry, position)),
        };
        let floats = entry.ctl.filter(|cite| cite.seq > chain.state().head.0);
        if let Some(cite) = floats {
            self.floating.entry(cite.seq).or_default().insert(*at);
        }
        if let Some(record) = self.records.get_mut(at) {
            record.position = position;
            record.opened = opened;
        }
    }

    fn index(&mut self, entry: &DataEntry) {
        let at = entry.at;
        let lane = self.lanes.entry((at.node, at.inc)).or_default();
        match usize::try_from(at.seq).ok().and_then(|seq| lane.at.get_mut(seq)) {
            Some(twins) => {
                twins.push(at.hash);
                lane.forks.insert(at.seq);
            }
            // The one before is there, so this is the next number.
            None => lane.at.push(vec![at.hash]),
        }
        self.index_content(entry);
    }

    fn index_content(&mut self, entry: &DataEntry) {
        let at = entry.at;
        self.of_user.entry(entry.user).or_default().insert(at);
        match entry.kind {
            super::record::kinds::POST => drop(self.posts.insert(at)),
            super::record::kinds::TOPIC => drop(self.topics.insert(at)),
            _ => {}
        }
        if let Some(DataBody::React(react)) = entry.body() {
            for item in react.items.iter() {
                let user = UserRef { node: at.node, id: item.user };
                self.of_user.entry(user).or_default().insert(at);
            }
        }
        for target in entry.targets() {
            self.about.entry(target).or_default().insert(at);
        }
        match entry.body() {
            Some(DataBody::Member(_)) => {
                self.memberships.entry(entry.user).or_default().insert(at);
            }
            Some(DataBody::Count(_)) => {
                self.counts.entry(at.node).or_default().insert(at);
            }
            Some(DataBody::Readers(_)) => {
                self.readers.entry(at.node).or_default().insert(at);
            }
            Some(DataBody::TopicEdit(TopicEdit { target: None, .. })) => {
                self.general.insert(at);
            }
            _ => {}
        }
    }

    /// Forgets what the body had said about other entries.
    fn unindex(&mut self, entry: &DataEntry) {
        for target in entry.targets() {
            if let Some(about) = self.about.get_mut(&target) {
                about.remove(&entry.at);
            }
        }
        self.general.remove(&entry.at);
    }

    /// The entries of a lane from a number on, lowest first.
    fn lane_from(&self, node: Node16, inc: u32, from: u64) -> Vec<EntryRef> {
        let lane = self.lanes.get(&(node, inc)).map(|lane| lane.at.as_slice()).unwrap_or_default();
        let numbered = (0u64..).zip(lane).skip(usize::try_from(from).unwrap_or(usize::MAX));
        numbered
            .flat_map(|(seq, twins)| {
                twins.iter().map(move |hash| EntryRef { node, inc, seq, hash: *hash })
            })
            .collect()
    }

    /// Whether an entry is a cut's head or its ancestor.
    ///
    /// Below the lowest fork there is one entry for each number. Where the way down from the head is not
    /// here, nothing shows that the entry is on another branch: it is kept until something does.
    pub(super) fn is_at_or_below(&self, at: &EntryRef, head: &EntryRef) -> bool {
        if at.seq >= head.seq {
            return at == head;
        }
        let forked_at = self.forked_at(at.node, at.inc);
        if forked_at.is_none_or(|forked_at| at.seq < forked_at) {
            return self.at(at.node, at.inc, at.seq).is_none_or(|only| only == *at);
        }
        let mut down = *head;
        while down.seq > at.seq {
            let Some(record) = self.records.get(&down) else { return true };
            let Some(before) = record.entry.before() else { return false };
            down = before;
        }
        down == *at
    }

    /// Lanes of which two branches are here.
    pub fn forked(&self) -> impl Iterator<Item = (Node16, u32)> {
        self.lanes.iter().filter(|(_, lane)| lane.forked_at().is_some()).map(|(lane, _)| *lane)
    }

    /// Whether an entry is on the branch that the control chain has named: the named head, below it, or
    /// above it. Where the way between is not here, nothing shows that it is not.
    pub fn is_on_branch(&self, chain: &Chain, at: &EntryRef) -> bool {
        let Some(named) = chain.timeline().named(at.node, at.inc) else { return true };
        if Mutant::LengthOnly.is_active() {
            return true;
        }
        if at.seq <= named.seq {
            return self.is_at_or_below(at, &named);
        }
        let forked_at = self.forked_at(at.node, at.inc);
        if forked_at.is_none() {
            return self.at(at.node, at.inc, named.seq) == Some(named);
        }
        self.is_at_or_below(&named, at)
    }

    /// Whether an entry here shows that the named head is on another branch, or may be.
    fn is_named_apart(&self, head: &EntryRef) -> bool {
        let forked = self.forked_at(head.node, head.inc).is_some();
        forked || self.at(head.node, head.inc, head.seq).is_some_and(|at| at != *head)
    }

    /// Whether an entry was here before a control entry was: the cut that a revocation must not have.
    pub(super) fn came_before(&self, at: &EntryRef, seq: u64) -> bool {
        self.records.get(at).is_some_and(|record| record.came_at < seq)
    }

    /// Where an entry stands in the control chain.
    pub fn position(&self, at: &EntryRef) -> Option<u64> {
        self.records.get(at)?.position
    }

    pub(super) fn is_opened(&self, at: &EntryRef) -> bool {
        self.records.get(at).is_some_and(|record| record.opened)
    }

    /// An entry that is here.
    pub fn get(&self, at: &EntryRef) -> Option<&DataEntry> {
        self.records.get(at).map(|record| &record.entry)
    }

    /// How an entry, or each item of a batch, was judged.
    pub fn judgements(&self, at: &EntryRef) -> &[Judgement] {
        self.records.get(at).map(|record| record.judgements.as_slice()).unwrap_or_default()
    }

    /// Whether an entry that makes one claim counts.
    pub fn counts(&self, at: &EntryRef) -> bool {
        self.judgements(at) == [Ok(())]
    }

    /// The lowest number at which a lane is forked.
    pub fn forked_at(&self, node: Node16, inc: u32) -> Option<u64> {
        self.lanes.get(&(node, inc))?.forked_at()
    }

    /// The lowest number at which the branch that counts is forked: above the named head, if there is
    /// one.
    pub fn undecided_at(&self, chain: &Chain, node: Node16, inc: u32) -> Option<u64> {
        let named = chain.timeline().named(node, inc);
        let above = named.map_or(Bound::Unbounded, |named| Bound::Excluded(named.seq));
        let forks = self.lanes.get(&(node, inc))?.forks.range((above, Bound::Unbounded));
        let is_undecided = |seq: &u64| {
            let twins = self.twins(node, inc, *seq);
            twins.iter().filter(|at| self.is_on_branch(chain, at)).count() > 1
        };
        forks.copied().find(is_undecided)
    }

    /// The last entry of each lane on the branch that counts: the named one, up to the next fork; without
    /// a name, what is below the lowest fork.
    pub fn heads(&self, chain: &Chain) -> Vec<EntryRef> {
        let lanes = self.lanes.iter();
        lanes.filter_map(|(&(node, inc), lane)| self.head(chain, node, inc, lane)).collect()
    }

    fn head(&self, chain: &Chain, node: Node16, inc: u32, lane: &Lane) -> Option<EntryRef> {
        let Some(forked_at) = lane.forked_at() else {
            let head = self.at(node, inc, (lane.at.len() as u64).checked_sub(1)?)?;
            return self.is_on_branch(chain, &head).then_some(head);
        };
        let named = chain.timeline().named(node, inc).filter(|named| self.get(named).is_some());
        let below = named.filter(|named| named.seq >= forked_at);
        let mut head = below.or_else(|| self.at(node, inc, forked_at.checked_sub(1)?))?;
        loop {
            let after = head.seq + 1;
            let twins = usize::try_from(after).ok().and_then(|after| lane.at.get(after));
            let mut next = twins.into_iter().flatten().filter_map(|hash| {
                let at = EntryRef { seq: after, hash: *hash, ..head };
                (self.get(&at)?.before() == Some(head)).then_some(at)
            });
            match (next.next(), next.next()) {
                (Some(only), None) => head = only,
                _ => return Some(head),
            }
        }
    }

    /// The entry at a number; of two, the one that came first.
    pub fn at(&self, node: Node16, inc: u32, seq: u64) -> Option<EntryRef> {
        let twins = self.lanes.get(&(node, inc))?.at.get(usize::try_from(seq).ok()?)?;
        Some(EntryRef { node, inc, seq, hash: *twins.first()? })
    }

    /// The entries at a number.
    pub fn twins(&self, node: Node16, inc: u32, seq: u64) -> Vec<EntryRef> {
        let lane = self.lanes.get(&(node, inc));
        let twins = lane.and_then(|lane| lane.at.get(usize::try_from(seq).ok()?));
        let at = |hash: &Hash16| EntryRef { node, inc, seq, hash: *hash };
        twins.into_iter().flatten().map(at).collect()
    }

    /// The number that follows the last one of a lane.
    pub fn length(&self, node: Node16, inc: u32) -> u64 {
        self.lanes.get(&(node, inc)).map_or(0, |lane| lane.at.len() as u64)
    }

    /// Every entry, by place.
    pub fn entries(&self) -> impl Iterator<Item = &DataEntry> {
        self.records.values().map(|record| &record.entry)
    }

    /// A message, if it is shown.
    pub fn message(&self, chain: &Chain, at: &EntryRef) -> Option<Message> {
        let record = self.records.get(at)?;
        if record.entry.kind != super::record::kinds::POST || !self.counts(at) {
            return None;
        }
        let about = || {
            let all = self.about.get(at).into_iter().flatten();
            all.filter_map(|at| self.records.get(at))
        };
        let counting = || about().filter(|record| self.counts(&record.entry.at));
        let said = |record: &Record| match record.entry.body() {
            Some(DataBody::Post(post)) => Some(post.clone()),
            _ => None,
        };
        let mut message = Message {
            author: record.entry.user,
            position: record.position?,
            post: said(record),
            edited: None,
            pins: Vec::new(),
            reactions: BTreeMap::new(),
            votes: BTreeMap::new(),
            tallies: BTreeMap::new(),
            sums: None,
        };
        let home = chain.state().home.short();
        let is_channel = chain.state().kind() == GroupKind::Channel;
        let mut edits: BTreeMap<Node16, &Record> = BTreeMap::new();
        // `about` is in the order of lanes: what comes later replaces what was before.
        for record in counting() {
            let by = &record.entry;
            match by.body() {
                Some(DataBody::Delete(_)) => return None,
                // That it counts says in a channel that its author may edit.
                Some(DataBody::Edit(_)) if is_channel || by.user == message.author => {
                    edits.insert(by.at.node, record);
                }
                Some(DataBody::Pin(_)) if !self.is_unpinned(&by.at) => message.pins.push(by.at),
                Some(DataBody::Vote(vote)) => {
                    message.votes.insert(by.user, vote.options.to_vec());
                }
                Some(DataBody::Tally(tally)) => {
                    let cap = self.cap(chain, by.at.node);
                    let counts = tally.counts.iter().map(|(option, n)| (*option, (*n).min(cap)));
                    message.tallies.insert(by.at.node, counts.collect());
                }
                // What another node was told when it was the home is told to this one anew.
                Some(DataBody::Sums(sums)) if by.at.node == home => {
                    message.sums = Some((**sums).clone());
                }
                _ => {}
            }
        }
        // Of several nodes, the one that knew more rules.
        let edit = edits.into_values().max_by_key(|record| (record.position, record.entry.at));
        if let Some(by) = edit.map(|record| &record.entry)
            && let Some(DataBody::Edit(Edit { post, .. })) = by.body()
        {
            message.post = Some(post.clone());
            message.edited = Some(by.at);
        }
        for record in about() {
            let Some(DataBody::React(react)) = record.entry.body() else { continue };
            let judged = react.items.iter().zip(&record.judgements);
            for (Reaction { user, target, reactions }, judgement) in judged {
                if target == at && judgement.is_ok() {
                    let user = UserRef { node: record.entry.at.node, id: *user };
                    let reactions = reactions.iter().map(|text| text.to_string()).collect();
                    message.reactions.insert(user, reactions);
                }
            }
        }
        message.reactions.retain(|_, reactions| !reactions.is_empty());
        message.votes.retain(|_, options| !options.is_empty());
        Some(message)
    }

    /// A topic, if it is shown; the general one, if anything was said about it.
    pub fn topic(&self, chain: &Chain, at: Option<&EntryRef>) -> Option<Topic> {
        if chain.state().kind() == GroupKind::Channel {
            return None;
        }
        let mut topic = Topic::default();
        let about = match at {
            Some(at) => {
                let begun = self.get(at).filter(|begun| begun.kind == super::record::kinds::TOPIC);
                let begun = begun.filter(|_| self.counts(at))?;
                topic.author = Some(begun.user);
                if let Some(DataBody::Topic(said)) = begun.body() {
                    topic.title = Some(said.title.to_string());
                    topic.icon = Some(said.icon.to_vec());
                }
                self.about.get(at)
            }
            None => Some(&self.general),
        };
        let records = about.into_iter().flatten().filter_map(|at| self.records.get(at));
        let counting: Vec<_> = records.filter(|record| self.counts(&record.entry.at)).collect();
        let is_deleted =
            |record: &&Record| matches!(record.entry.body(), Some(DataBody::Delete(_)));
        if counting.iter().any(is_deleted) {
            return None;
        }
        let edits: Vec<_> = counting.into_iter().filter_map(topic_edit).collect();
        if at.is_none() && edits.is_empty() {
            return None;
        }
        if let Some(title) = last_word(&edits, |edit| edit.title.as_ref()) {
            topic.title = Some(title.to_string());
        }
        if let Some(icon) = last_word(&edits, |edit| edit.icon.as_ref()) {
            topic.icon = Some(icon.to_vec());
        }
        topic.closed = last_word(&edits, |edit| edit.closed).unwrap_or_default();
        topic.hidden = last_word(&edits, |edit| edit.hidden).unwrap_or_default();
        topic.pinned = last_word(&edits, |edit| edit.pinned).unwrap_or_default();
        Some(topic)
    }

    fn is_unpinned(&self, pin: &EntryRef) -> bool {
        let about = self.about.get(pin).into_iter().flatten();
        about
            .filter(|at| self.counts(at))
            .any(|at| matches!(self.get(at).and_then(DataEntry::body), Some(DataBody::Unpin(_))))
    }

    /// How many members a node has: nobody's totals are higher.
    fn cap(&self, chain: &Chain, node: Node16) -> u64 {
        match chain.state().kind() {
            GroupKind::Channel => self.count(node).unwrap_or(0),
            GroupKind::Supergroup => {
                let state = chain.state();
                let users = (UserRef { node, id: 0 })..=(UserRef { node, id: u64::MAX });
                let named = self.memberships.range(users.clone()).map(|(user, _)| user);
                let let_in = state.admitted.range(users).filter(|user| {
                    // Once: those who have said something of themselves are among the others.
                    self.membership(user).is_none()
                });
                let joined = named.filter(|user| self.membership(user) == Some(true));
                (joined.count() + let_in.count()) as u64
            }
        }
    }

    /// How many members of a channel a node says that it has.
    pub fn count(&self, node: Node16) -> Option<u64> {
        let last = self.counts.get(&node)?.iter().rev().find(|at| self.counts(at))?;
        match self.get(last)?.body()? {
            DataBody::Count(count) => Some(count.members),
            _ => None,
        }
    }

    /// How many members of nodes that only read the home says that there are.
    pub fn readers(&self, chain: &Chain) -> Option<u64> {
        let said = self.readers.get(&chain.state().home.short())?;
        let last = said.iter().rev().find(|at| self.counts(at))?;
        match self.get(last)?.body()? {
            DataBody::Readers(readers) => Some(readers.members),
            _ => None,
        }
    }

    /// The messages that an entry says something about: of a Post, itself.
    pub fn subjects(&self, at: &EntryRef) -> Vec<EntryRef> {
        let Some(record) = self.records.get(at) else { return Vec::new() };
        if record.entry.kind == super::record::kinds::POST {
            return vec![*at];
        }
        match record.entry.body() {
            // It names pins, and those name messages.
            Some(DataBody::Unpin(unpin)) => {
                let pins = unpin.pins.iter().filter_map(|pin| self.records.get(pin));
                pins.flat_map(|pin| pin.entry.targets()).collect()
            }
            _ => record.entry.targets(),
        }
    }

    /// Whether somebody is a member; `None` if they never were.
    pub fn membership(&self, user: &UserRef) -> Option<bool> {
        let last = self.memberships.get(user)?.iter().rev().find(|at| self.counts(at))?;
        match self.get(last)?.body()? {
            DataBody::Member(member) => Some(member.join),
            _ => None,
        }
    }

    /// Everything that is shown.
    pub fn view(&self, chain: &Chain) -> View {
        let message = |at: &EntryRef| Some((*at, self.message(chain, at)?));
        let membership = |user: &UserRef| Some((*user, self.membership(user)?));
        let count = |node: &Node16| Some((*node, self.count(*node)?));
        let topic = |at: Option<&EntryRef>| Some((at.copied(), self.topic(chain, at)?));
        let topics = self.topics.iter().map(Some).chain([None]);
        View {
            topics: topics.filter_map(topic).collect(),
            messages: self.posts.iter().filter_map(message).collect(),
            members: self.memberships.keys().filter_map(membership).collect(),
            counts: self.counts.keys().filter_map(count).collect(),
            readers: self.readers(chain),
        }
    }
}

/// Whether the first entry of an incarnation opens it.
fn opens(chain: &Chain, entry: &DataEntry, position: u64) -> bool {
    let Some(DataBody::Open(open)) = entry.body() else { return false };
    let opened =
        Opened { group: entry.group, node: entry.node, inc: entry.at.inc, previous: open.previous };
    open.root.as_ref().is_some_and(|root| root.confirms(&opened))
        || chain.timeline().may_open(entry.at.node, entry.at.inc, position)
}

fn topic_edit(record: &Record) -> Option<(&Record, &TopicEdit)> {
    match record.entry.body() {
        Some(DataBody::TopicEdit(edit)) => Some((record, edit)),
        _ => None,
    }
}

/// What is said last of one field: of each node the last, and of several nodes by the one that knew
/// more rules.
fn last_word<'a, T>(
    edits: &[(&'a Record, &'a TopicEdit)],
    field: impl Fn(&'a TopicEdit) -> Option<T>,
) -> Option<T> {
    let mut last: BTreeMap<Node16, (&Record, T)> = BTreeMap::new();
    // In the order of lanes: what comes later replaces what was before.
    for (record, edit) in edits {
        if let Some(value) = field(edit) {
            last.insert(record.entry.at.node, (record, value));
        }
    }
    let last = last.into_values();
    last.max_by_key(|(record, _)| (record.position, record.entry.at)).map(|(_, value)| value)
}
