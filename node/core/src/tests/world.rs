//! A node with members, for tests that say what they do.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use node_store::{Keyspace, Order, Store as _};
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::disk::Disk;
use crate::boxes::EVENTS_KEPT;
use crate::ids::{box_key, box_number};
use crate::inner::Pace;
use crate::record::Record as _;
use crate::*;

pub(super) const START_MS: u64 = 1_700_000_000_000;

/// Nothing is bounded.
pub(super) const UNBOUNDED: Quotas = Quotas { member_bytes: u64::MAX, node_bytes: u64::MAX };

pub(super) struct World {
    pub(super) core: Core,
    pub(super) disk: Arc<Disk>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) owner_invite: Option<Invite>,
    clock: Arc<AtomicU64>,
    numbers: Arc<AtomicI64>,
    registration: Registration,
    pace: Pace,
    ways: Ways,
}

/// Ways for codes out of the node, and what else an operator chooses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ways {
    pub(super) mail: bool,
    pub(super) requires_email: bool,
    pub(super) one_device_per_kind: bool,
    pub(super) numbers: bool,
    pub(super) page: bool,
    pub(super) keep_s: i32,
    /// Of the store.
    pub(super) stamp: [u8; 16],
    /// Which one of several nodes.
    pub(super) node: u8,
    /// How often its keys were changed.
    pub(super) rotations: u8,
    pub(super) quotas: Quotas,
}

/// A member and one login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: UserId,
    pub(super) phone: u64,
    pub(super) key: AuthKeyId,
}

impl Member {
    pub(super) fn actor(self) -> Actor {
        Actor { auth_key: self.key, session_id: self.key.0 + 1 }
    }

    pub(super) fn peer(self) -> PeerId {
        self.id.into()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Registration::Invite, EVENTS_KEPT).await
    }

    pub(super) async fn with(registration: Registration, events_kept: i32) -> Self {
        Self::start(registration, Pace { events_kept, ..Pace::default() }).await
    }

    /// A world whose boxes are indexed after so many events.
    pub(super) async fn indexing_every(events: i32) -> Self {
        let pace = Pace { index_every: events, ..Pace::default() };
        Self::start(Registration::Invite, pace).await
    }

    /// Another node than [`World::new`], with the same time.
    pub(super) async fn other(of: &Self, node: u8) -> Self {
        Self::other_placing(of, node, Pace::default().placed_at_once).await
    }

    /// The same, which places so many messages of before in one go.
    pub(super) async fn other_placing(of: &Self, node: u8, placed_at_once: usize) -> Self {
        let ways = Ways { node, ..Ways::default() };
        let (clock, pace) = (of.clock.clone(), Pace { placed_at_once, ..Pace::default() });
        let numbers = Arc::new(AtomicI64::new(1));
        let mut world = Self::open(Disk::new(), clock, numbers, Registration::Invite, pace, ways);
        world.owner_invite = world.core.prepare("Rookery").await.unwrap();
        world
    }

    async fn start(registration: Registration, pace: Pace) -> Self {
        let clock = Arc::new(AtomicU64::new(START_MS));
        let disk = Disk::new();
        let numbers = Arc::new(AtomicI64::new(1));
        let mut world = Self::open(disk, clock, numbers, registration, pace, Ways::default());
        world.owner_invite = world.core.prepare("Rookery").await.unwrap();
        world
    }

    fn open(
        disk: Arc<Disk>,
        clock: Arc<AtomicU64>,
        numbers: Arc<AtomicI64>,
        registration: Registration,
        pace: Pace,
        ways: Ways,
    ) -> Self {
        let now = clock.clone();
        let setup = Setup {
            store: disk.clone(),
            clock: Arc::new(move || now.load(Ordering::SeqCst)),
            registration,
            access_secret: [7; 32],
            stamp: ways.stamp,
            log_keys: log_keys(ways.node, ways.rotations),
            master: Arc::new(keys::MasterKey::from_file_bytes(&[8; 32]).unwrap()),
            can_mail: ways.mail,
            requires_email: ways.requires_email,
            has_login_page: ways.page,
            one_device_per_kind: ways.one_device_per_kind,
            reaches_numbers: ways.numbers,
            keep_s: ways.keep_s,
            follow_s: FOLLOW_S,
            quotas: ways.quotas,
        };
        let core = Core::open_with(setup, pace).unwrap();
        let recorder = Arc::new(Recorder { disk: disk.clone(), events: Mutex::default() });
        core.follow(recorder.clone());
        let owner_invite = None;
        Self { core, disk, recorder, owner_invite, clock, numbers, registration, pace, ways }
    }

    /// The rules of another node over a store of one's own.
    pub(super) fn on_store(of: &Self, node: u8, store: Arc<dyn node_store::Store>) -> Core {
        let now = of.clock.clone();
        let clock = Arc::new(move || now.load(Ordering::SeqCst));
        let master = Arc::new(keys::MasterKey::from_file_bytes(&[8; 32]).unwrap());
        let setup = Setup::offline(store, clock, [7; 32], master, log_keys(node, 0));
        Core::open_with(setup, Pace::default()).unwrap()
    }

    fn on(self, disk: Arc<Disk>) -> Self {
        let Self { clock, numbers, registration, pace, ways, .. } = self;
        Self::open(disk, clock, numbers, registration, pace, ways)
    }

    /// Ends and starts again.
    pub(super) fn reopen(self) -> Self {
        self.core.close();
        let disk = self.disk.clone();
        self.on(disk)
    }

    /// The node goes on under other keys.
    pub(super) async fn rotate(&mut self) {
        self.ways.rotations += 1;
        let next = log_keys(self.ways.node, self.ways.rotations);
        self.core.rotate_keys(next, vec![(b"a row".to_vec(), vec![1])]).await.unwrap();
    }

    /// Ends and starts again, with these ways for codes.
    pub(super) fn with_ways(self, ways: Ways) -> Self {
        let owner_invite = self.owner_invite.clone();
        Self { owner_invite, ..Self { ways, ..self }.reopen() }
    }

    /// What was on the disk at some time, restored from a backup after the disk was lost.
    pub(super) async fn restored(self, backup: Arc<Disk>) -> Self {
        self.core.close();
        let ways = Ways { stamp: [1; 16], ..self.ways };
        let world = Self { ways, ..self }.on(backup);
        world.core.prepare("Rookery").await.unwrap();
        world
    }

    /// Ends and starts again, with these bounds of what is stored.
    pub(super) fn with_quotas(self, quotas: Quotas) -> Self {
        let ways = Ways { quotas, ..self.ways };
        self.with_ways(ways)
    }

    /// Another start on the same disk, while this one is at rest.
    pub(super) fn reopen_of(world: &Self) -> Self {
        world.core.close();
        let (clock, numbers) = (world.clock.clone(), world.numbers.clone());
        let disk = world.disk.clone();
        let (pace, ways) = (world.pace, world.ways);
        Self::open(disk, clock, numbers, world.registration, pace, ways)
    }

    /// A start on what a power cut left of `world`'s disk.
    pub(super) fn on_crashed(world: &Self, disk: Arc<Disk>) -> Self {
        let (clock, numbers) = (world.clock.clone(), world.numbers.clone());
        let (pace, ways) = (world.pace, world.ways);
        Self::open(disk, clock, numbers, world.registration, pace, ways)
    }

    /// Starts again after a power cut that `batches` of those not durable survived.
    pub(super) fn crash_keeping(self, batches: usize) -> Self {
        let disk = self.disk.crash_keeping(batches);
        self.on(disk)
    }

    pub(super) fn crash(self) -> Self {
        self.crash_keeping(0)
    }

    /// What is wrong in the store.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let tell = &mut |trouble| troubles.push(trouble);
        examine(&*self.disk, &[7; 32], tell, &mut |_| {}).unwrap();
        troubles
    }

    pub(super) fn pass_s(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> i64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    /// An address that nobody else comes from.
    pub(super) fn address(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + self.number() as u32))
    }

    pub(super) fn request(&self, phone: u64, sent: &SentCode, code: &str) -> SignIn {
        SignIn {
            phone,
            phone_code_hash: sent.phone_code_hash.clone(),
            code: code.to_owned(),
            auth_key: AuthKeyId(self.number()),
            device: Device::default(),
            address: self.address(),
        }
    }

    /// Somebody joins with an invite; the first one owns the node.
    pub(super) async fn member(&mut self, name: &str) -> Member {
        let invite = match self.owner_invite.take() {
            Some(invite) => invite,
            None => self.core.invite(None).await.unwrap(),
        };
        self.join(&invite, name).await
    }

    pub(super) async fn join(&self, invite: &Invite, name: &str) -> Member {
        let phone = invite.phone;
        let sent = self.core.send_code(phone, self.address()).await.unwrap();
        let request = self.request(phone, &sent, &invite.code);
        let key = request.auth_key;
        assert_eq!(self.core.sign_in(request).await.unwrap(), Login::SignUpRequired);
        let hash = sent.phone_code_hash;
        let (name, last) = (name.to_owned(), String::new());
        let id = self.core.sign_up(phone, hash, name, last, key, Device::default()).await;
        Member { id: id.unwrap(), phone, key }
    }

    /// Another login of a member.
    pub(super) async fn device(&self, member: Member) -> Member {
        self.device_with(member, AuthKeyId(self.number())).await
    }

    /// A login of a member by this key.
    pub(super) async fn device_with(&self, member: Member, key: AuthKeyId) -> Member {
        let (code, _) = self.core.show_code(member.phone).await.unwrap();
        let sent = self.core.send_code(member.phone, self.address()).await.unwrap();
        let request = SignIn { auth_key: key, ..self.request(member.phone, &sent, &code) };
        assert_eq!(self.core.sign_in(request).await.unwrap(), Login::Done(member.id));
        Member { key, ..member }
    }

    pub(super) async fn send(&self, from: Member, to: Member, text: &str) -> Sent {
        self.try_send(from, outgoing(to, text, self.number())).await.unwrap()
    }

    pub(super) async fn try_send(&self, from: Member, message: Outgoing) -> CoreResult<Sent> {
        self.core.send(from.actor(), from.id, message).await
    }

    pub(super) async fn edit(&self, by: Member, with: Member, id: MessageId, new: &str) -> Edited {
        let edited =
            self.core.edit(by.actor(), by.id, with.peer(), id, Edit::text(text(new))).await;
        edited.unwrap()
    }

    pub(super) async fn delete(&self, by: Member, ids: &[MessageId], revoke: bool) -> Affected {
        self.core.delete(by.actor(), by.id, ids.to_vec(), revoke).await.unwrap()
    }

    pub(super) async fn read(&self, by: Member, with: Member, max_id: MessageId) -> Affected {
        self.core.read_history(by.actor(), by.id, with.peer(), max_id).await.unwrap()
    }

    /// All messages of a dialog, the newest first, read page by page.
    pub(super) async fn history(&self, owner: Member, with: Member) -> Vec<Stored> {
        let mut all: Vec<Stored> = Vec::new();
        loop {
            let offset_id = all.last().map_or(0, |stored| stored.id.0);
            let query = HistoryQuery { offset_id, limit: PAGE_MAX, ..HistoryQuery::default() };
            let page = self.core.history(owner.id, with.peer(), query).await.unwrap();
            if page.messages.is_empty() {
                assert_eq!(all.len(), page.count as usize, "the count is exact");
                return all;
            }
            all.extend(page.messages);
        }
    }

    pub(super) async fn texts(&self, owner: Member, with: Member) -> Vec<String> {
        self.history(owner, with).await.into_iter().map(|stored| stored.message.text).collect()
    }

    pub(super) async fn dialog(&self, owner: Member, with: Member) -> DialogView {
        let (page, _) = self.core.peer_dialogs(owner.id, &[with.peer()]).await.unwrap();
        page.dialogs.into_iter().next().unwrap()
    }

    pub(super) async fn pts(&self, owner: Member) -> Pts {
        self.core.state(owner.id).await.unwrap().pts
    }

    /// The rows of a box, as they are stored.
    pub(super) fn rows(&self, owner: Member) -> Vec<(Pts, BoxRow)> {
        let (from, to) = (box_key(owner.id, 0), box_key(owner.id, i32::MAX));
        let rows = self.disk.scan(Keyspace::BOXES, &from, Some(&to), usize::MAX, Order::Ascending);
        let row = |(key, value): &(Vec<u8>, Vec<u8>)| {
            (Pts(box_number(key)), BoxRow::decode(value).unwrap())
        };
        rows.unwrap().iter().map(row).collect()
    }

    /// Everything after `from`, in slices of `limit`.
    pub(super) async fn difference(
        &self,
        owner: Member,
        from: Pts,
        limit: usize,
    ) -> Vec<DifferenceRow> {
        let (mut all, mut at) = (Vec::new(), from);
        loop {
            match self.core.difference(owner.id, at, limit, None).await.unwrap() {
                Difference::Empty => return all,
                Difference::TooLong(pts) => panic!("too long, up to {pts:?}"),
                Difference::Events { rows, pts, last } => {
                    assert!(pts > at, "strictly ahead: {pts:?} after {at:?}");
                    assert!(rows.iter().all(|row| row.pts > at && row.pts <= pts));
                    assert!(rows.len() <= limit);
                    all.extend(rows);
                    at = pts;
                    if last {
                        assert_eq!(at, self.pts(owner).await);
                        return all;
                    }
                }
            }
        }
    }
}

/// Always the same, as those of a node are.
fn log_keys(node: u8, rotations: u8) -> LogKeys {
    let first = LogKeys::generate(&mut StdRng::seed_from_u64(5 + u64::from(node)));
    (0..rotations).fold(first, |before, rotation| {
        let seed = 1_000 + 256 * u64::from(node) + u64::from(rotation);
        let mut rng = StdRng::seed_from_u64(seed);
        let operational = keys::NodeIdentity::generate(&mut rng);
        before.rotated(operational, keys::sealed::BoxSecret::generate(&mut rng), START_MS)
    })
}

/// The key that recovers groups of a node: as [`LogKeys::generate`] draws it.
pub(super) fn recovery_key(node: u8) -> keys::NodeIdentity {
    let mut rng = StdRng::seed_from_u64(5 + u64::from(node));
    let _root = keys::NodeIdentity::generate(&mut rng);
    keys::NodeIdentity::generate(&mut rng)
}

pub(super) fn text(text: &str) -> Text {
    Text::parse(text, Vec::new()).unwrap()
}

/// The first page of all dialogs.
pub(super) fn newest(limit: usize) -> DialogQuery {
    DialogQuery { limit, ..DialogQuery::default() }
}

pub(super) fn outgoing(to: Member, words: &str, random_id: i64) -> Outgoing {
    Outgoing::text(to.peer(), text(words), random_id)
}

/// Keeps what followers are told, and looks that it is durable then.
pub(super) struct Recorder {
    disk: Arc<Disk>,
    events: Mutex<Vec<Event>>,
}

impl Follower for Recorder {
    fn happened(&self, event: &Event) {
        if matches!(event, Event::Box(_) | Event::LoggedIn { .. } | Event::LoggedOut { .. }) {
            // On the committer's thread: nothing newer is on its way.
            assert_eq!(self.disk.undurable(), 0, "told before it was durable");
        }
        self.events.lock().push(event.clone());
    }
}

impl Recorder {
    /// What came since the last call.
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock())
    }

    /// The events of one box among what came since the last call.
    pub(super) fn take_box(&self, owner: Member) -> Vec<Arc<BoxEvent>> {
        let of = |event| match event {
            Event::Box(event) if event.owner == owner.id => Some(event),
            _ => None,
        };
        self.take().into_iter().filter_map(of).collect()
    }
}

/// Polls once: what comes if nothing has to be waited for.
pub(super) fn now<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Where seeds begin: CI moves that along with the commit.
pub(super) fn first_seed() -> u64 {
    let first = std::env::var("ROOKERY_SIM_SEED").ok().and_then(|text| text.parse().ok());
    first.unwrap_or(0)
}

/// Seed and rounds of this run's fuzzing: `ROOKERY_FUZZ_SEED`, `ROOKERY_FUZZ_ITERATIONS`.
pub(super) fn fuzzing(iterations: u64) -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let iterations = number("ROOKERY_FUZZ_ITERATIONS").unwrap_or(iterations);
    (number("ROOKERY_FUZZ_SEED").unwrap_or(1), iterations)
}

pub(super) fn full() -> bool {
    std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full")
}
