//! A lane that is written with the chain alone.

use rand::rngs::StdRng;

use super::*;
use crate::body::{AddNode, Epoch, Open};
use crate::control::Verdict;
use crate::replica::Event;
use crate::testing::{SUPERGROUP, Start, TestNode, epoch, genesis, seeded, text};

/// A home with its chain, and a copy that reads what it writes.
struct Home {
    node: TestNode,
    chain: Chain,
    copy: Replica,
    secret: Option<EpochSecret>,
    rng: StdRng,
}

impl Home {
    fn new(public: bool) -> Self {
        let mut rng = seeded(21);
        let node = TestNode::new(&mut rng);
        let recovery = NodeIdentity::generate(&mut rng);
        let start = Start { public, ..SUPERGROUP };
        let (first, secret) = genesis(&node, &recovery, &start, &mut rng);
        let mut copy = Replica::new(node.id, first.clone(), 8).unwrap();
        if let Some(secret) = &secret {
            copy.learn_key(first.id().short(), secret.clone());
        }
        let chain = Chain::new(ControlEntry::new(first).unwrap()).unwrap();
        Self { node, chain, copy, secret, rng }
    }

    fn control(&mut self, action: Action) {
        let (author, body) = (self.node.author(), ControlBody::bare(action));
        let entry = write_control(&self.chain, author, None, &body, 0, &mut self.rng).unwrap();
        self.chain.offer(ControlEntry::new(entry.clone()).unwrap()).unwrap();
        assert_eq!(self.chain.verdicts().last(), Some(&Verdict::Applied));
        self.copy.receive(entry, 0).unwrap();
    }

    /// The next entry, by the chain alone.
    fn next(&self, lane: LaneEnd, body: &DataBody) -> Result<Entry, AuthorError> {
        self.next_by(&self.node, lane, body)
    }

    fn next_by(
        &self,
        node: &TestNode,
        lane: LaneEnd,
        body: &DataBody,
    ) -> Result<Entry, AuthorError> {
        let (secret, deps) = (self.secret.as_ref(), List::default());
        write_data(&self.chain, node.author(), lane, secret, deps, 1, body, 7, &mut seeded(5))
    }

    fn next_key(&mut self) -> (Epoch, EpochSecret) {
        epoch(self.chain.next_place(), &[&self.node.cert], &mut self.rng)
    }
}

fn end(inc: u32, last: Option<&Entry>) -> LaneEnd {
    LaneEnd { inc, last: last.map(|entry| (entry.header().seq, entry.id())) }
}

/// With and without a replica, the same bytes; and each entry is delivered and counts.
#[test]
fn a_lane_needs_its_chain_and_its_end() {
    for public in [true, false] {
        let mut home = Home::new(public);
        let mut last = None;
        for round in 0..5 {
            if let (3, false) = (round, public) {
                let (key, secret) = home.next_key();
                home.control(Action::Epoch(key));
                home.copy.learn_key(home.chain.state().epoch.unwrap(), secret.clone());
                home.secret = Some(secret);
            }
            let body = text(&round.to_string());
            let entry = home.next(end(0, last.as_ref()), &body).unwrap();
            let author = home.node.author();
            let by_copy = home.copy.write_data(author, 0, 1, &body, 7, &mut seeded(5)).unwrap();
            assert_eq!(entry.encode(), by_copy.encode());
            let events = home.copy.receive(entry.clone(), 0).unwrap();
            let Some(Event::Delivered { at, gap: false, .. }) = events.first() else { panic!() };
            let message = home.copy.lanes().message(home.copy.chain(), at).unwrap();
            assert_eq!(message.post.map(DataBody::Post), Some(body));
            last = Some(entry);
        }
    }
}

#[test]
fn what_may_not_be_written_is_not() {
    let mut home = Home::new(false);
    let body = text("words");
    let secret = home.secret.take();
    let id = home.chain.state().epoch.unwrap();
    assert_eq!(home.next(end(0, None), &body).unwrap_err(), AuthorError::NoKey(id));
    // What is never sealed needs no key, and alone begins a later incarnation.
    assert_eq!(home.next(end(1, None), &body).unwrap_err(), AuthorError::Closed);
    let open = Open { cert: Some(home.node.cert.clone()), previous: None, root: None };
    let open = DataBody::Open(Box::new(open));
    assert_eq!(home.next(end(1, None), &open).unwrap().header().seq, 0);
    home.secret = secret;
    let full = LaneEnd { inc: 0, last: Some((u64::MAX, EntryId::default())) };
    assert_eq!(home.next(full, &body).unwrap_err(), AuthorError::Closed);

    // Another node writes once the chain says so.
    let other = TestNode::new(&mut home.rng);
    let early = home.next_by(&other, end(0, None), &body);
    assert_eq!(early.unwrap_err(), AuthorError::NotWriter);
    let certs = [&home.node.cert, &other.cert];
    let (key, secret) = epoch(home.chain.next_place(), &certs, &mut home.rng);
    let add = AddNode { cert: other.cert.clone(), first_inc: 0, epoch: Some(key) };
    home.control(Action::AddNode(Box::new(add)));
    home.secret = Some(secret);
    home.next_by(&other, end(0, None), &body).unwrap();
}
