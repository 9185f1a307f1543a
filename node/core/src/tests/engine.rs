//! The whole of it: members with several devices each, parallel senders, devices that miss pushes
//! and ask what they missed, and power cuts in the middle of it. In the end all agree.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, first_seed, full, newest, outgoing, text};
use crate::inner::Inner;
use crate::*;

const MEMBERS: usize = 4;
const DEVICES: usize = 3;

/// What a client keeps, and how it keeps it up to date.
struct Device {
    member: Member,
    pts: Pts,
    /// Peer and text of each message.
    messages: BTreeMap<MessageId, (PeerId, bool, String)>,
    read_inbox: BTreeMap<PeerId, MessageId>,
    read_outbox: BTreeMap<PeerId, MessageId>,
    /// Pushes on their way.
    pushed: VecDeque<Arc<BoxEvent>>,
    gaps: usize,
    fresh_starts: usize,
}

impl Device {
    fn new(member: Member) -> Self {
        Self {
            member,
            pts: Pts(1),
            messages: BTreeMap::new(),
            read_inbox: BTreeMap::new(),
            read_outbox: BTreeMap::new(),
            pushed: VecDeque::new(),
            gaps: 0,
            fresh_starts: 0,
        }
    }

    fn apply(&mut self, row: &BoxRow, id: Pts, edited: Option<&Message>) {
        match row {
            BoxRow::Message(message) => {
                let kept = (message.peer, message.out, message.text.clone());
                self.messages.insert(MessageId(id.0), kept);
            }
            BoxRow::Edited(id) => {
                let edited = edited.expect("an edit comes with the message");
                let known = self.messages.get_mut(id).expect("an edit of a message that is there");
                known.2.clone_from(&edited.text);
            }
            BoxRow::Pinned { .. } | BoxRow::ReadContents { .. } => {}
            BoxRow::Deleted { ids, .. } => self.messages.retain(|id, _| !ids.contains(id)),
            BoxRow::ReadInbox { peer, max_id, .. } => {
                let mark = self.read_inbox.entry(*peer).or_default();
                *mark = (*mark).max(*max_id);
            }
            BoxRow::ReadOutbox { peer, max_id, .. } => {
                let mark = self.read_outbox.entry(*peer).or_default();
                *mark = (*mark).max(*max_id);
            }
        }
    }

    /// What came by push, in order, by the rule that clients have: the next one is applied, an old
    /// one is passed over, a later one shows a gap.
    async fn receive(&mut self, world: &World, rng: &mut StdRng) {
        while let Some(event) = self.pushed.pop_front() {
            match rng.random_range(0..20) {
                // Lost on the way.
                0..3 => continue,
                // Twice.
                3..6 => self.pushed.push_front(event.clone()),
                _ => {}
            }
            let before = event.pts.0 - event.pts_count;
            if before == self.pts.0 {
                self.apply(&event.row, event.pts, event.edited.as_ref());
                self.pts = event.pts;
            } else if before > self.pts.0 {
                self.gaps += 1;
                self.catch_up(world, rng).await;
            } else {
                assert!(event.pts <= self.pts, "an event that overlaps what the device has");
            }
        }
    }

    async fn catch_up(&mut self, world: &World, rng: &mut StdRng) {
        loop {
            let limit = rng.random_range(1..8);
            let total_max = rng.random_bool(0.1).then_some(20);
            let owner = self.member.id;
            let missed = world.core.difference(owner, self.pts, limit, total_max).await.unwrap();
            match missed {
                Difference::Empty => return,
                Difference::TooLong(pts) => {
                    self.start_anew(world).await;
                    self.pts = pts;
                }
                Difference::Events { rows, pts, last } => {
                    assert!(pts > self.pts && rows.len() <= limit);
                    let mut at = self.pts;
                    for row in rows {
                        assert!(row.pts > at && row.pts <= pts, "in order, each once");
                        at = row.pts;
                        self.apply(&row.row, row.pts, row.edited.as_ref());
                    }
                    self.pts = pts;
                    if last {
                        return;
                    }
                }
            }
        }
    }

    /// Dialogs and their history, as after a login. They may show more than the pts that the
    /// device goes on from: what comes then is applied again.
    async fn start_anew(&mut self, world: &World) {
        self.fresh_starts += 1;
        self.messages.clear();
        let page = world.core.dialogs(self.member.id, newest(PAGE_MAX)).await.unwrap();
        for dialog in page.dialogs {
            self.read_inbox.insert(dialog.peer, dialog.read_inbox);
            self.read_outbox.insert(dialog.peer, dialog.read_outbox);
            let with = Member { id: dialog.peer.user().unwrap(), ..self.member };
            for stored in world.history(self.member, with).await {
                let Message { peer, out, text, .. } = stored.message;
                self.messages.insert(stored.id, (peer, out, text));
            }
        }
    }
}

/// Hears everything, in order; and counts that it is in order.
#[derive(Default)]
struct Wire {
    reached: Mutex<BTreeMap<BoxId, Pts>>,
    events: Mutex<Vec<Arc<BoxEvent>>>,
    rules: Mutex<Weak<Inner>>,
}

impl Wire {
    fn new(world: &World) -> Arc<Self> {
        let wire = Arc::new(Self::default());
        *wire.rules.lock() = Arc::downgrade(&world.core.inner);
        world.core.follow(wire.clone());
        wire
    }
}

impl Follower for Wire {
    fn happened(&self, event: &Event) {
        // On the committer's thread, with nothing on its way: boxes may be forgotten at any time.
        if let Some(rules) = self.rules.lock().upgrade() {
            rules.boxes.evict_to(0);
        }
        let Event::Box(event) = event else { return };
        if let Some(before) = self.reached.lock().insert(event.owner, event.pts) {
            assert_eq!(before.0 + event.pts_count, event.pts.0, "no gap on the wire");
        }
        self.events.lock().push(event.clone());
    }
}

/// Messages that one task sends one after the other, each until it is acknowledged.
struct Sender {
    from: usize,
    to: usize,
    words: VecDeque<(String, i64)>,
    acknowledged: Vec<(String, Sent)>,
}

struct Sim {
    world: World,
    wire: Arc<Wire>,
    rng: StdRng,
    devices: Vec<Vec<Device>>,
    members: Vec<Member>,
    /// Of messages that were acknowledged, by sender and recipient: in the order of sending.
    sent: BTreeMap<(usize, usize), Vec<Vec<String>>>,
    /// Those that may be gone or changed.
    junk: u64,
    crashes: usize,
    evicting: bool,
}

impl Sim {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let mut members = Vec::new();
        for n in 0..MEMBERS {
            members.push(world.member(&format!("Member {n}")).await);
        }
        let mut devices = Vec::new();
        for member in &members {
            let mut own = vec![Device::new(*member)];
            for _ in 1..DEVICES {
                own.push(Device::new(world.device(*member).await));
            }
            devices.push(own);
        }
        let wire = Wire::new(&world);
        let (sent, rng) = (BTreeMap::new(), StdRng::seed_from_u64(seed));
        Self { world, wire, rng, devices, members, sent, junk: 0, crashes: 0, evicting: true }
    }

    fn pair(&mut self) -> (usize, usize) {
        let from = self.rng.random_range(0..MEMBERS);
        (from, (from + self.rng.random_range(0..MEMBERS)) % MEMBERS)
    }

    /// Some senders at once, and others who edit, delete and read; maybe a power cut.
    async fn round(&mut self, round: usize) {
        let mut senders = Vec::new();
        for n in 0..self.rng.random_range(1..6) {
            let (from, to) = self.pair();
            let words = (0..self.rng.random_range(1..7)).map(|at| {
                (format!("{from}>{to} round {round} sender {n} message {at}"), self.world.number())
            });
            let words = words.collect();
            senders.push(Sender { from, to, words, acknowledged: Vec::new() });
        }
        let cut = self.rng.random_bool(0.3);
        if cut {
            self.world.disk.hold_from(self.rng.random_range(1..8));
        }
        let mut tasks = Vec::new();
        for mut sender in senders {
            let (core, device) = (self.world.core.clone(), self.rng.random_range(0..DEVICES));
            let from = self.devices[sender.from][device].member;
            let to = self.members[sender.to];
            tasks.push(tokio::spawn(async move {
                while let Some((words, random_id)) = sender.words.front() {
                    let message = outgoing(to, words, *random_id);
                    let Ok(sent) = core.send(from.actor(), from.id, message).await else { break };
                    sender.acknowledged.extend(sender.words.pop_front().map(|(w, _)| (w, sent)));
                }
                sender
            }));
        }
        let mut others = Vec::new();
        for _ in 0..self.rng.random_range(0..5) {
            others.push(self.other().await);
        }
        if cut {
            let disk = self.world.disk.clone();
            // Everybody waits, or all is done: then the power goes.
            for _ in 0..2000 {
                if disk.undurable() > 0 || tasks.iter().all(|task| task.is_finished()) {
                    break;
                }
                tokio::task::yield_now().await;
            }
            self.crash();
        }
        let mut left = Vec::new();
        for task in tasks {
            left.push(task.await.unwrap());
        }
        for other in others {
            // Whether it came to be or not is for the boxes to agree on.
            let _ = other.await.unwrap();
        }
        for sender in left {
            self.finish(sender).await;
        }
        self.deliver().await;
    }

    fn crash(&mut self) {
        self.crashes += 1;
        let keep = self.rng.random_range(0..2);
        let disk = self.world.disk.crash_keeping(keep);
        self.world = World::on_crashed(&self.world, disk);
        self.wire = Wire::new(&self.world);
        if !self.evicting {
            *self.wire.rules.lock() = Weak::new();
        }
        // Connections end; what was pushed and not received is lost.
        for device in self.devices.iter_mut().flatten() {
            device.pushed.clear();
        }
    }

    /// Sends again what got no answer, by any device.
    async fn finish(&mut self, mut sender: Sender) {
        let to = self.members[sender.to];
        while let Some((words, random_id)) = sender.words.pop_front() {
            let device = self.rng.random_range(0..DEVICES);
            let from = self.devices[sender.from][device].member;
            let sent = self.world.try_send(from, outgoing(to, &words, random_id)).await.unwrap();
            sender.acknowledged.push((words, sent));
        }
        assert!(sender.acknowledged.is_sorted_by(|(_, a), (_, b)| a.id < b.id), "in order");
        for (words, sent) in &sender.acknowledged {
            assert_eq!(&sent.message.text, words);
        }
        let words = sender.acknowledged.into_iter().map(|(words, _)| words).collect();
        self.sent.entry((sender.from, sender.to)).or_default().push(words);
    }

    /// Something else than sending, on messages that are there for that.
    async fn other(&mut self) -> tokio::task::JoinHandle<CoreResult<()>> {
        let (one, other) = self.pair();
        let core = self.world.core.clone();
        let (by, with) = (self.members[one], self.members[other]);
        self.junk += 1;
        let words = format!("junk {}", self.junk);
        let random_id = self.world.number();
        let what = self.rng.random_range(0..6);
        tokio::spawn(async move {
            let (actor, peer) = (by.actor(), with.peer());
            match what {
                0 => core.read_history(actor, by.id, peer, MessageId(0)).await.map(|_| ()),
                1 => {
                    let query = HistoryQuery { limit: 3, ..HistoryQuery::default() };
                    let page = core.history(by.id, peer, query).await?;
                    let Some(stored) = page.messages.last() else { return Ok(()) };
                    core.read_history(actor, by.id, peer, stored.id).await.map(|_| ())
                }
                _ => {
                    let sent = core.send(actor, by.id, outgoing(with, &words, random_id)).await?;
                    if what < 4 {
                        let new = text(&format!("{words}, edited"));
                        core.edit(actor, by.id, peer, sent.id, Edit::text(new)).await?;
                    }
                    if what > 2 {
                        core.delete(actor, by.id, vec![sent.id], what == 5).await?;
                    }
                    Ok(())
                }
            }
        })
    }

    /// Hands out what was pushed; some devices are away.
    async fn deliver(&mut self) {
        let events = std::mem::take(&mut *self.wire.events.lock());
        for event in events {
            let Some(at) = self.members.iter().position(|m| event.owner == m.id) else { continue };
            for device in &mut self.devices[at] {
                device.pushed.push_back(event.clone());
            }
        }
        for device in self.devices.iter_mut().flatten() {
            if self.rng.random_bool(0.7) {
                device.receive(&self.world, &mut self.rng).await;
            }
        }
    }

    async fn check(&mut self) {
        assert_eq!(self.world.troubles(), []);
        for device in self.devices.iter_mut().flatten() {
            device.receive(&self.world, &mut self.rng).await;
            device.catch_up(&self.world, &mut self.rng).await;
        }
        for at in 0..MEMBERS {
            let member = self.members[at];
            let state = self.world.core.state(member.id).await.unwrap();
            let mut unread = 0;
            let mut messages = BTreeMap::new();
            let page = self.world.core.dialogs(member.id, newest(PAGE_MAX)).await.unwrap();
            for dialog in &page.dialogs {
                let with = Member { id: dialog.peer.user().unwrap(), ..member };
                let all = self.world.history(member, with).await;
                assert_eq!(dialog.top, all[0].id);
                let counted = all.iter().filter(|m| !m.message.out && m.id > dialog.read_inbox);
                assert_eq!(dialog.unread, counted.count() as i32, "unread, counted anew");
                unread += dialog.unread;
                for Stored { id, message } in all {
                    messages.insert(id, (message.peer, message.out, message.text));
                }
            }
            assert_eq!(state.unread, unread);
            for device in &self.devices[at] {
                assert_eq!(device.pts, state.pts);
                assert_eq!(device.messages, messages, "a device has what the history has");
                for dialog in &page.dialogs {
                    let mark = |marks: &BTreeMap<PeerId, MessageId>| {
                        marks.get(&dialog.peer).copied().unwrap_or_default()
                    };
                    assert_eq!(mark(&device.read_inbox), dialog.read_inbox);
                    assert_eq!(mark(&device.read_outbox), dialog.read_outbox);
                }
            }
        }
        for ((from, to), senders) in &self.sent {
            let (from, to) = (self.members[*from], self.members[*to]);
            for (owner, with) in [(from, to), (to, from)] {
                let mut texts = self.world.texts(owner, with).await;
                texts.reverse();
                for sender in senders {
                    let found: Vec<&String> =
                        texts.iter().filter(|text| sender.contains(text)).collect();
                    assert!(found.into_iter().eq(sender), "each once, in the order of sending");
                }
            }
        }
    }
}

#[tokio::test]
async fn devices_senders_and_power_cuts_end_in_agreement() {
    let (mut crashes, mut gaps, mut fresh_starts, mut sent) = (0, 0, 0, 0);
    let first = first_seed();
    for seed in first..first + if full() { 200 } else { 12 } {
        println!("seed {seed}");
        let mut sim = Sim::new(seed).await;
        for round in 0..60 {
            sim.round(round).await;
            // Half of the time boxes stay in memory until they are written.
            if round == 30 {
                sim.evicting = false;
                *sim.wire.rules.lock() = Weak::new();
            }
            if round % 8 == 7 {
                sim.check().await;
            }
        }
        sim.check().await;
        crashes += sim.crashes;
        sent += sim.sent.values().flatten().flatten().count();
        for device in sim.devices.iter().flatten() {
            gaps += device.gaps;
            fresh_starts += device.fresh_starts;
        }
    }
    println!("{sent} messages, {crashes} power cuts, {gaps} gaps, {fresh_starts} fresh starts");
    assert!(crashes > 20 && gaps > 100 && fresh_starts > 5 && sent > 1000);
}
