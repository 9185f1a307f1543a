//! Nodes of a private group change their keys.

use glog::body::{Count, DataBody, Post};
use glog::{Entry, Event as LogEvent, Lane};
use node_store::Keyspace;
use node_store::Store as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::channels::LogKeys;

impl Three {
    /// With all three in the group.
    async fn together() -> Self {
        let three = Self::new().await;
        let [_, eve, gus] = three.people[..] else { unreachable!() };
        three.add(0, 1, eve).await.unwrap();
        three.add(0, 2, gus).await.unwrap();
        three
    }

    async fn restarted(self) -> Self {
        let Self { worlds, people, channel, group } = self;
        let worlds = worlds.into_iter().map(World::reopen).collect();
        let three = Self { worlds, people, channel, group };
        three.connect().await;
        three
    }

    /// What a node signs with.
    fn keys(&self, node: usize) -> std::sync::Arc<LogKeys> {
        self.core(node).inner.logs.keys()
    }

    /// The entries of a node's lane, with the serials that they are signed under.
    fn lane(&self, on: usize, of: usize) -> Vec<(u16, u32)> {
        let node = self.core(of).node();
        let entries = self.core(on).log_entries(self.at(on)).into_iter();
        let lane = entries.filter(|entry| {
            entry.header().node == node && matches!(entry.header().lane, Lane::Data { .. })
        });
        lane.map(|entry| (entry.header().kind, entry.header().key_serial)).collect()
    }

    /// What the chain knows of a node's keys.
    fn serials(&self, on: usize, of: usize) -> Vec<u32> {
        let log = self.core(on).replica_of(self.at(on));
        let node = &log.chain().state().nodes[&self.core(of).node().short()];
        node.certs.keys().copied().collect()
    }

    /// An entry at the end of a node's lane, as somebody writes it who has these keys.
    fn forged(&self, of: usize, keys: &LogKeys) -> Entry {
        let log = self.core(of).replica_of(self.at(of));
        let user = self.people[of].id.0.unsigned_abs();
        let post = DataBody::Post(Post {
            text: glog::cbor::Text::new("from a thief").unwrap(),
            links: false,
            media: glog::cbor::List::default(),
            reply_to: None,
            extra: Default::default(),
        });
        let mut rng = StdRng::seed_from_u64(9);
        log.write_data(keys.author(), 0, user, &post, 0, &mut rng).unwrap()
    }
}

const CERT: u16 = 74;

#[tokio::test]
async fn a_member_changes_its_keys_and_a_thief_of_the_old_ones_says_nothing() {
    let mut three = Three::together().await;
    three.say(1, "one").await.unwrap();
    three.heal().await;
    let (old, key) = (three.keys(1), three.key(0));
    // At the place where the node itself goes on, as its old key would.
    let forged = three.forged(1, &old);
    three.worlds[1].rotate().await;
    let serial = three.keys(1).cert().body.serial;
    assert_ne!(serial, 1);
    assert_eq!(three.core(1).show_keys().await.unwrap(), 1);
    assert_eq!(three.core(1).show_keys().await.unwrap(), 0, "once");
    three.say(1, "two").await.unwrap();
    let posts: Vec<u32> = three.lane(1, 1).into_iter().map(|(_, serial)| serial).collect();
    assert_eq!(posts.iter().filter(|of| **of == serial).count(), 2, "{posts:?}");
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["one", "two"], "{node}");
        let lane = three.lane(node, 1);
        let first = lane.iter().position(|(_, of)| *of == serial).unwrap();
        assert_eq!(lane[first], (CERT, serial), "shown before it is used");
    }
    // The home writes it down when it has seen it, and gives the group another key.
    assert_eq!(three.core(0).certify_node(three.core(1).node()).await.unwrap(), 0, "not seen yet");
    three.core(0).learn_node(three.core(1).cert()).await.unwrap();
    assert_eq!(three.core(0).certify_node(three.core(1).node()).await.unwrap(), 1);
    assert_eq!(three.core(0).certify_node(three.core(1).node()).await.unwrap(), 0, "once");
    assert_eq!(three.serials(0, 1), [1, serial]);
    assert_ne!(three.key(0), key);
    three.heal().await;
    three.say(0, "three").await.unwrap();
    three.say(1, "four").await.unwrap();
    three.heal().await;

    // Whoever has the old key writes where the node has gone on: nobody shows it, and nothing stops.
    let taken = three.core(2).receive_log(three.group, vec![forged.encode()]).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None), "it is signed");
    let mut log = three.core(2).replica_of(three.at(2));
    let events = log.receive(forged.clone(), 0).unwrap();
    assert!(matches!(&events[..], [LogEvent::Forked(fork)] if fork.pinned), "{events:?}");
    // And above it nobody takes what the old key has signed.
    let mut later = three.core(2).replica_of(three.at(2));
    let above = later.write_data(
        old.author(),
        0,
        1,
        &DataBody::Count(Count { members: 1 }),
        0,
        &mut StdRng::seed_from_u64(1),
    );
    assert_eq!(later.receive(above.unwrap(), 0).unwrap_err(), glog::Rejected::Signature);
    three.say(1, "five").await.unwrap();
    three.heal().await;
    let said = ["one", "two", "three", "four", "five"];
    for node in 0..3 {
        let mut shown = three.shown(node).await;
        shown.sort_by_key(|words| said.iter().position(|known| known == words));
        assert_eq!(shown, said, "{node}");
    }

    // Started again, all is there: also what is sealed to the key that opened boxes before.
    let three = three.restarted().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await.len(), 5, "{node}");
    }
    three.say(1, "six").await.unwrap();
    three.heal().await;
    assert_eq!(three.shown(2).await.len(), 6);
}

#[tokio::test]
async fn the_home_changes_its_keys() {
    let mut three = Three::together().await;
    three.say(0, "one").await.unwrap();
    three.heal().await;
    let key = three.key(0);
    three.worlds[0].rotate().await;
    let serial = three.keys(0).cert().body.serial;
    // Written down before its first use, whatever that is.
    let ada = three.people[0];
    let core = three.core(0);
    core.edit_channel_title(ada.actor(), ada.id, three.channel, "Anew").await.unwrap();
    assert_eq!(three.serials(0, 0), [1, serial]);
    assert_eq!(three.core(0).show_keys().await.unwrap(), 1, "its lane");
    three.say(0, "two").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["one", "two"], "{node}");
        assert_eq!(three.core(node).channel(three.at(node)).unwrap().title, "Anew");
    }
    // Once more, by itself: the group gets another key.
    three.worlds[0].rotate().await;
    assert_eq!(three.core(0).show_keys().await.unwrap(), 1);
    assert_ne!(three.key(0), key);
    three.heal().await;
    three.say(1, "three").await.unwrap();
    three.say(0, "four").await.unwrap();
    three.heal().await;
    let three = three.restarted().await;
    for node in 0..3 {
        let mut shown = three.shown(node).await;
        shown.sort();
        assert_eq!(shown, ["four", "one", "three", "two"], "{node}");
        assert_eq!(three.serials(node, 0), [1, serial, serial + 1]);
    }
}

/// A home that has not met the new key takes an ask under it: the certificate comes along.
#[tokio::test]
async fn an_ask_brings_the_new_key_along() {
    let mut three = Three::together().await;
    three.worlds[1].rotate().await;
    let hal = three.worlds[1].member("Hal").await;
    assert_eq!(three.add(1, 1, hal).await.unwrap(), []);
    let serial = three.keys(1).cert().body.serial;
    assert_eq!(three.serials(0, 1), [1, serial]);
    assert!(three.is_in(0, three.known(0, 1, hal).await));
}

#[tokio::test]
async fn new_keys_are_there_after_a_power_cut_and_old_ones_are_not_taken_up_again() {
    let mut three = Three::together().await;
    three.say(1, "one").await.unwrap();
    three.heal().await;
    let before = three.core(1).next_keys(
        keys::NodeIdentity::generate(&mut StdRng::seed_from_u64(1)),
        keys::sealed::BoxSecret::generate(&mut StdRng::seed_from_u64(2)),
    );
    three.worlds[1].rotate().await;
    let late = three.core(1).rotate_keys(before, Vec::new()).await;
    assert!(matches!(late, Err(CoreError::Busy)), "the keys have changed since");
    let crashed = three.worlds.remove(1).crash();
    three.worlds.insert(1, crashed);
    three.connect().await;
    // What is sealed in the same step is there as well.
    assert!(three.worlds[1].disk.get(Keyspace::SETTINGS, b"a row").unwrap().is_some());
    three.say(1, "two").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["one", "two"], "{node}");
    }
}
