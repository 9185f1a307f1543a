//! A session against a small model: random sends, repeats, losses, reconnects and clocks.
//!
//! What must hold whatever happens: each request is executed exactly once; every answer and every
//! update reaches the client; ids grow, numbers count, and what is sent again is the same.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod session_support;

use std::collections::{BTreeMap, BTreeSet};

use mtproto_frontend::session::Event;
use proptest::prelude::*;
use session_support::*;

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    /// New requests: one alone, several in a container.
    Send(u8),
    /// An old request under its old id, alone or in a container.
    Repeat {
        which: usize,
        container: bool,
    },
    /// The node answers a request that runs.
    Reply {
        which: usize,
        len: usize,
    },
    Push,
    Ping,
    /// What is due arrives.
    Deliver,
    /// What is due is sent and lost; the connection with it.
    Lose,
    Reconnect,
    /// The client acknowledges some of what it has.
    Ack(usize),
    /// The client asks for the states of all its requests.
    AskStates,
    /// The client drops a request or its answer.
    Drop(usize),
    /// The clock goes on, or back by as little as clients forgive.
    Clock(i32),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..6_u8).prop_map(Step::Send),
        3 => (any::<usize>(), any::<bool>())
            .prop_map(|(which, container)| Step::Repeat { which, container }),
        6 => (any::<usize>(), 0..200_usize).prop_map(|(which, len)| Step::Reply { which, len }),
        1 => (any::<usize>(), 33_000..40_000_usize)
            .prop_map(|(which, len)| Step::Reply { which, len }),
        3 => Just(Step::Push),
        1 => Just(Step::Ping),
        5 => Just(Step::Deliver),
        1 => Just(Step::Lose),
        2 => Just(Step::Reconnect),
        4 => any::<usize>().prop_map(Step::Ack),
        1 => Just(Step::AskStates),
        1 => any::<usize>().prop_map(Step::Drop),
        4 => prop_oneof![4 => 0..5_000, 1 => -2_000..0, 1 => 100_000..500_000].prop_map(Step::Clock),
        1 => Just(Step::Tick),
    ]
}

/// What the client and the node know, without any of the session's machinery.
struct Model {
    client: Client,
    generation: u64,
    /// Highest time so far: a clock goes back a little, not far.
    latest_ms: u64,
    /// Requests, how often each was executed, and whether its answer was made.
    executed: BTreeMap<i64, u32>,
    answered: BTreeSet<i64>,
    dropped: BTreeSet<i64>,
    pushed: i32,
    /// The client has sent something.
    spoken: bool,
    /// Content-related messages by id, as first seen on the wire.
    content: BTreeMap<i64, Got>,
    /// Those that the client has, and those it has acknowledged.
    delivered: BTreeSet<i64>,
    acked: BTreeSet<i64>,
    last_fresh_id: i64,
    content_count: i32,
}

fn is_content(got: &Got) -> bool {
    matches!(got.id(), RPC_RESULT | NEW_SESSION | UPDATE)
}

impl Model {
    fn new() -> Self {
        Self {
            client: Client::new(),
            generation: 1,
            latest_ms: START_MS,
            executed: BTreeMap::new(),
            answered: BTreeSet::new(),
            dropped: BTreeSet::new(),
            pushed: 0,
            spoken: false,
            content: BTreeMap::new(),
            delivered: BTreeSet::new(),
            acked: BTreeSet::new(),
            last_fresh_id: 0,
            content_count: 0,
        }
    }

    fn pick(&self, from: impl Iterator<Item = i64> + Clone, which: usize) -> Option<i64> {
        let count = from.clone().count();
        (count > 0).then(|| from.clone().nth(which % count)).flatten()
    }

    fn events(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Request { msg_id, .. } => *self.executed.get_mut(&msg_id).unwrap() += 1,
                Event::Cancel { msg_id } => assert!(self.dropped.contains(&msg_id)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn run(&mut self, step: Step) {
        let client = &mut self.client;
        // Every step that sends something takes an id.
        self.spoken |= client.has_sent();
        match step {
            Step::Send(count) => {
                let body = Tl::new(GET_CONFIG).0;
                let parts: Vec<_> = (0..count)
                    .map(|_| (client.fresh_id(), client.seq(true), body.clone()))
                    .collect();
                self.executed.extend(parts.iter().map(|part| (part.0, 0)));
                let events = match &parts[..] {
                    [(msg_id, seq_no, body)] => client.receive(*msg_id, *seq_no, body),
                    _ => client.container(&parts).1,
                };
                assert_eq!(events.len(), usize::from(count));
                self.events(events);
            }
            Step::Repeat { which, container } => {
                let Some(id) = self.pick(self.executed.keys().copied(), which) else { return };
                let body = Tl::new(GET_CONFIG).0;
                let events = if container {
                    self.client.container(&[(id, 1, body)]).1
                } else {
                    self.client.receive(id, 1, &body)
                };
                self.events(events);
            }
            Step::Reply { which, len } => {
                let open = self.executed.keys().copied();
                let open =
                    open.filter(|id| !self.answered.contains(id) && !self.dropped.contains(id));
                let Some(id) = self.pick(open, which) else { return };
                let result = Tl::new(1).long(id).bytes(&noise(len)).0;
                self.client.session.reply(id, result.into());
                self.answered.insert(id);
            }
            Step::Push => {
                client.session.push(update(self.pushed));
                // Before the client has said anything there is no session to push to.
                self.pushed += i32::from(self.spoken);
            }
            Step::Ping => {
                client.service(Tl::new(PING).long(1));
            }
            Step::Deliver => self.deliver(true),
            Step::Lose => {
                self.deliver(false);
                self.reconnect();
            }
            Step::Reconnect => self.reconnect(),
            Step::Ack(count) => {
                let open: Vec<i64> = self.delivered.difference(&self.acked).copied().collect();
                let some = &open[..count % (open.len() + 1)];
                client.ack(some);
                self.acked.extend(some);
            }
            Step::AskStates => {
                let ids: Vec<i64> = self.executed.keys().copied().collect();
                client.service(Tl::new(0xda69_fb52).longs(&ids));
            }
            Step::Drop(which) => {
                let Some(id) = self.pick(self.executed.keys().copied(), which) else { return };
                // What the client has acknowledged it does not drop.
                let has = self.content.values().any(|got| got.is(RPC_RESULT) && got.long(4) == id);
                if has || !self.dropped.insert(id) {
                    return;
                }
                let (_, events) = self.client.request(&Tl::new(0x58e4_a740).long(id).0);
                self.events(events);
            }
            Step::Clock(ms) => {
                let earliest = self.latest_ms - 20_000;
                client.now_ms = client.now_ms.saturating_add_signed(ms.into()).max(earliest);
                self.latest_ms = self.latest_ms.max(client.now_ms);
                // Half an hour may pass in all; salts have tests of their own.
                client.salt = client.salts().current(client.now_ms);
            }
            Step::Tick => client.session.tick(client.now_ms),
        }
    }

    fn reconnect(&mut self) {
        self.generation += 1;
        self.client.reconnect(self.generation);
    }

    /// Polls everything and checks each message; `arrives`: the client has it now.
    fn deliver(&mut self, arrives: bool) {
        for got in self.client.poll() {
            assert!(!got.is(BAD_SALT), "{got:x?}");
            if !is_content(&got) {
                assert!(got.msg_id > self.last_fresh_id);
                assert_eq!(got.seq_no, 2 * self.content_count);
                self.last_fresh_id = got.msg_id;
                if got.is(DETAILED_INFO) && arrives {
                    // Announced: the client asks for it and gets it with the next delivery.
                    let answer = got.long(12);
                    self.client.service(Tl::new(0x7d86_1a08).longs(&[answer]));
                }
                continue;
            }
            match self.content.get(&got.msg_id) {
                Some(first) => {
                    assert_eq!((first.seq_no, &first.body), (got.seq_no, &got.body), "the same");
                    assert!(!self.acked.contains(&got.msg_id), "what is acknowledged stays away");
                }
                None => {
                    assert!(got.msg_id > self.last_fresh_id);
                    assert_eq!(got.seq_no, 2 * self.content_count + 1);
                    self.content_count += 1;
                    let now_s = (self.client.now_ms / 1000) as i64;
                    assert!((-1..=25).contains(&((got.msg_id >> 32) - now_s)), "near the clock");
                    self.last_fresh_id = got.msg_id;
                    self.content.insert(got.msg_id, got.clone());
                }
            }
            if arrives {
                self.delivered.insert(got.msg_id);
            }
        }
    }

    /// After the storm: a connection that works brings everything.
    fn finish(&mut self) {
        self.reconnect();
        // The second time brings what was announced in the first.
        self.deliver(true);
        self.deliver(true);
        let delivered = self.delivered.iter().map(|id| &self.content[id]);
        assert!(self.executed.values().all(|count| *count == 1), "exactly once");
        let answers: BTreeSet<i64> =
            delivered.clone().filter(|got| got.is(RPC_RESULT)).map(|got| got.long(4)).collect();
        let missing: Vec<_> =
            self.answered.difference(&self.dropped).filter(|id| !answers.contains(id)).collect();
        assert!(missing.is_empty(), "answers that never came: {missing:?}");
        let updates: Vec<i32> =
            delivered.filter(|got| got.is(UPDATE)).map(|got| got.int(8)).collect();
        assert_eq!(updates, (0..self.pushed).collect::<Vec<_>>(), "all updates, in order");
        let created = self.content.values().filter(|got| got.is(NEW_SESSION)).count();
        assert!(created == 1 || self.content.is_empty(), "one, and before anything else");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_executes_once_and_loses_nothing(steps in prop::collection::vec(step(), 1..250)) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        model.finish();
    }
}
