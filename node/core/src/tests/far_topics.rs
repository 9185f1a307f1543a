//! Topics of a forum across nodes: what they are called, what stands in them, and what is read.

use std::collections::BTreeMap;

use glog::{EntryRef, GroupId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::nodes::Nodes;
use super::world::full;
use crate::*;

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

/// A public forum of the first node.
struct Forum {
    nodes: Nodes,
    group: GroupId,
}

/// A topic, by what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    title: String,
    color: i32,
    closed: bool,
    hidden: bool,
    /// Its place among those that are pinned.
    pinned: Option<usize>,
    /// What stands in it, by the entries that brought it, with its words.
    messages: BTreeMap<EntryRef, String>,
}

impl Forum {
    async fn new(count: u8) -> Self {
        let nodes = Nodes::new(count).await;
        let (channel, group) = nodes.public(false, "harbour_forum").await;
        let (world, ada) = (&nodes.worlds[0], nodes.people[0]);
        world.set_forum(ada, channel, true).await.unwrap();
        // New groups leave topics to admins.
        let core = &world.core;
        core.edit_channel_rights(ada.actor(), ada.id, channel, Rights::NONE).await.unwrap();
        let forum = Self { nodes, group };
        for node in 1..usize::from(count) {
            forum.nodes.join(node, "harbour_forum").await;
        }
        forum.heal().await;
        forum
    }

    fn at(&self, node: usize) -> ChannelId {
        self.nodes.at(node, self.group)
    }

    async fn heal(&self) {
        self.nodes.heal(&[self.group]).await;
    }

    async fn topic(&self, node: usize, title: &str) -> CoreResult<Sent> {
        let (world, who) = (&self.nodes.worlds[node], self.nodes.people[node]);
        world.topic(who, self.at(node), title).await
    }

    /// The topic of that title.
    async fn find(&self, node: usize, title: &str) -> Option<ShownTopic> {
        let (world, who) = (&self.nodes.worlds[node], self.nodes.people[node]);
        let topics = world.topics(who, self.at(node)).await;
        topics.into_iter().find(|shown| shown.topic.title == title)
    }

    async fn say(&self, node: usize, title: &str, words: &str) -> CoreResult<Sent> {
        let (world, who) = (&self.nodes.worlds[node], self.nodes.people[node]);
        match self.find(node, title).await.expect("the topic").topic.id {
            GENERAL_TOPIC => world.post(who, self.at(node), words).await,
            topic => world.answer(who, self.at(node), topic, words).await,
        }
    }

    async fn change(&self, node: usize, title: &str, change: TopicChange) -> CoreResult<Sent> {
        let (world, who) = (&self.nodes.worlds[node], self.nodes.people[node]);
        let topic = self.find(node, title).await.expect("the topic").topic.id;
        world.change(who, self.at(node), topic, change).await
    }

    async fn pin(&self, node: usize, title: &str, so: bool) -> CoreResult<()> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let topic = self.find(node, title).await.expect("the topic").topic.id;
        core.pin_topic(who.actor(), who.id, self.at(node), topic, so).await
    }

    async fn delete(&self, node: usize, title: &str) -> CoreResult<()> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let topic = self.find(node, title).await.expect("the topic").topic.id;
        core.delete_topic(who.actor(), who.id, self.at(node), topic).await.map(|_| ())
    }

    /// All topics of a node, by the entries with which they began.
    async fn shown(&self, node: usize) -> BTreeMap<Option<EntryRef>, Shown> {
        let (world, who) = (&self.nodes.worlds[node], self.nodes.people[node]);
        let (core, place) = (self.nodes.core(node), self.at(node));
        let pinned = core.channel(place).unwrap().pinned_topics.clone();
        let mut all = BTreeMap::new();
        for shown in world.topics(who, place).await {
            let Topic { id, title, icon, closed, hidden, .. } = shown.topic;
            let page = core.replies(place, id, HistoryQuery { limit: 100, ..ALL }).await.unwrap();
            let entry = |stored: &Stored| {
                assert_eq!(stored.message.topic(), id);
                Some((core.entry_of(place, stored.id)?, stored.message.text.clone()))
            };
            let messages = page.messages.iter().filter_map(entry).collect();
            let pinned = pinned.iter().position(|topic| *topic == id);
            assert_eq!(pinned.is_some(), shown.pinned);
            let entry = (id != GENERAL_TOPIC).then(|| core.entry_of(place, id).expect("named"));
            let color = icon.color;
            all.insert(entry, Shown { title, color, closed, hidden, pinned, messages });
        }
        all
    }

    async fn same(&self) -> BTreeMap<Option<EntryRef>, Shown> {
        let first = self.shown(0).await;
        for node in 1..self.nodes.worlds.len() {
            assert_eq!(self.shown(node).await, first, "{node}");
        }
        first
    }

    /// Somebody of another node becomes an admin.
    async fn promote(&self, node: usize, rights: AdminRights) {
        let (core, ada) = (self.nodes.core(0), self.nodes.people[0]);
        let user = self.nodes.known(0, node).await;
        let rank = "Mate".to_owned();
        core.edit_channel_admin(ada.actor(), ada.id, self.at(0), user, rights, rank).await.unwrap();
    }
}

fn closed(so: bool) -> TopicChange {
    TopicChange { closed: Some(so), ..TopicChange::default() }
}

#[tokio::test]
async fn a_forum_has_the_same_topics_on_all_nodes() {
    let forum = Forum::new(2).await;
    let found = forum.nodes.core(1).channel(forum.at(1)).unwrap();
    assert!(found.forum && found.topics == 1);
    forum.topic(0, "Boats").await.unwrap();
    forum.say(0, "Boats", "a dinghy").await.unwrap();
    forum.say(0, "General", "good morning").await.unwrap();
    forum.heal().await;
    // They are read by topic.
    let boats = forum.find(1, "Boats").await.unwrap();
    assert_eq!(boats.unread, 2, "with what tells of its beginning");
    let (eve, far) = (forum.nodes.people[1], forum.nodes.core(1));
    let read = far.read_thread(eve.actor(), eve.id, forum.at(1), boats.topic.id, boats.top);
    assert!(read.await.unwrap());
    assert_eq!(forum.find(1, "Boats").await.unwrap().unread, 0);
    assert!(forum.find(1, "General").await.unwrap().unread > 0);
    // Members of either node write in them, and begin some.
    forum.say(1, "Boats", "and oars").await.unwrap();
    forum.topic(1, "Nets").await.unwrap();
    forum.say(1, "Nets", "a trawl").await.unwrap();
    forum.heal().await;
    forum.say(0, "Nets", "a seine").await.unwrap();
    assert_eq!(forum.find(0, "Boats").await.unwrap().unread, 1);
    forum.heal().await;
    let shown = forum.same().await;
    let words = |shown: &Shown| shown.messages.values().cloned().collect::<Vec<_>>();
    let of = |title: &str| {
        let found = shown.values().find(|shown| shown.title == title).unwrap();
        let mut words = words(found);
        words.sort();
        words
    };
    assert_eq!(of("Boats"), ["", "a dinghy", "and oars"]);
    assert_eq!(of("Nets"), ["", "a seine", "a trawl"]);
    assert_eq!(of("General"), ["good morning"]);

    // Who began one changes it; who did not does not.
    let title = |title: &str| TopicChange { title: Some(title.into()), ..TopicChange::default() };
    forum.change(1, "Nets", title("Nets and lines")).await.unwrap();
    let refused = forum.change(1, "Boats", closed(true)).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    forum.change(0, "Boats", closed(true)).await.unwrap();
    forum.pin(0, "Boats", true).await.unwrap();
    forum.heal().await;
    forum.same().await;
    let said = forum.find(0, "Nets and lines").await.unwrap();
    let (world, ada) = (&forum.nodes.worlds[0], forum.nodes.people[0]);
    let page = world.core.messages(forum.at(0), &[said.top]).await.unwrap();
    assert!(
        matches!(page[0].message.action, Some(message::Action::TopicEdited(_))),
        "it is told where it stands: {page:?}"
    );
    let refused = forum.say(1, "Boats", "one more").await;
    assert!(matches!(refused, Err(CoreError::TopicClosed)), "{refused:?}");

    // An admin of another node, in its own lane.
    forum.promote(1, AdminRights::MANAGE_TOPICS.and(AdminRights::DELETE_MESSAGES)).await;
    forum.heal().await;
    forum.say(1, "Boats", "one more").await.unwrap();
    forum.change(1, "Boats", closed(false)).await.unwrap();
    let hides = TopicChange { hidden: Some(true), ..TopicChange::default() };
    forum.change(1, "General", hides).await.unwrap();
    forum.pin(1, "Nets and lines", true).await.unwrap();
    forum.heal().await;
    let shown = forum.same().await;
    let place = |title: &str| shown.values().find(|shown| shown.title == title).unwrap().pinned;
    assert_eq!((place("Nets and lines"), place("Boats")), (Some(0), Some(1)));
    assert!(shown[&None].hidden && shown[&None].closed);
    // The order of another node, over a restart of both.
    let order: Vec<MessageId> = {
        let mut order = forum.nodes.core(0).channel(forum.at(0)).unwrap().pinned_topics.clone();
        order.reverse();
        order
    };
    let core = &world.core;
    core.reorder_topics(ada.actor(), ada.id, forum.at(0), order, true).await.unwrap();
    let Forum { nodes, group } = forum;
    let forum = Forum { nodes: nodes.reopen().await, group };
    forum.heal().await;
    let shown = forum.same().await;
    let place = |title: &str| shown.values().find(|shown| shown.title == title).unwrap().pinned;
    assert_eq!((place("Nets and lines"), place("Boats")), (Some(1), Some(0)));

    // Deleted elsewhere while somebody writes in it: that stands in the general one, everywhere.
    forum.say(0, "Nets and lines", "too late").await.unwrap();
    forum.delete(1, "Nets and lines").await.unwrap();
    forum.heal().await;
    let shown = forum.same().await;
    assert!(shown.values().all(|shown| shown.title != "Nets and lines"));
    assert!(shown[&None].messages.values().any(|words| words == "too late"));
    assert_eq!(forum.nodes.core(0).channel(forum.at(0)).unwrap().topics, 2);
    // A forum no more, and again.
    let (world, ada) = (&forum.nodes.worlds[0], forum.nodes.people[0]);
    for so in [false, true] {
        world.set_forum(ada, forum.at(0), so).await.unwrap();
        forum.heal().await;
        assert_eq!(forum.nodes.core(1).channel(forum.at(1)).unwrap().forum, so);
    }
    forum.same().await;
}

/// What stands in a topic that has not come, or in a thread whose first message has not, comes into it
/// when that does.
#[tokio::test]
async fn what_comes_before_its_topic_stands_in_it_afterwards() {
    let mut forum = Forum::new(3).await;
    forum.topic(1, "Nets").await.unwrap();
    let first = forum.say(1, "Nets", "a trawl").await.unwrap();
    forum.nodes.bring(1, 0, forum.group).await;
    forum.say(0, "Nets", "a seine").await.unwrap();
    // The third node hears only the first one, and nothing of who began it.
    forum.nodes.bring_lane(0, 0, 2, forum.group).await;
    assert!(forum.find(2, "Nets").await.is_none());
    forum.nodes.worlds[0].pass_s(60);
    forum.nodes.core(2).tick_logs().await.unwrap();
    let general = forum.shown(2).await.remove(&None).unwrap();
    assert!(general.messages.values().any(|words| words == "a seine"));
    let Forum { nodes, group } = forum;
    forum = Forum { nodes: nodes.reopen().await, group };
    forum.heal().await;
    let shown = forum.same().await;
    let nets = shown.values().find(|shown| shown.title == "Nets").unwrap();
    assert_eq!(nets.messages.len(), 3);
    let _ = first;
}

/// A random life of a forum on three nodes: with the same entries all show the same.
#[tokio::test]
async fn nodes_with_the_same_entries_show_the_same_topics() {
    let seeds = if full() { 40 } else { 6 };
    for seed in 0..seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut forum = Forum::new(3).await;
        // That she is there is told with her first words.
        forum.say(1, "General", "hello").await.unwrap();
        forum.heal().await;
        forum.promote(1, AdminRights::MANAGE_TOPICS.and(AdminRights::DELETE_MESSAGES)).await;
        forum.heal().await;
        for step in 0..70 {
            let node = rng.random_range(0..3);
            let (world, who) = (&forum.nodes.worlds[node], forum.nodes.people[node]);
            let topics = world.topics(who, forum.at(node)).await;
            let title = topics[rng.random_range(0..topics.len())].topic.title.clone();
            match rng.random_range(0..14) {
                0 | 1 => drop(forum.topic(node, &format!("topic {step}")).await.unwrap()),
                2..=5 => drop(forum.say(node, &title, &format!("words {step}")).await),
                6 => {
                    let title_now = format!("topic {step}, renamed");
                    let change = TopicChange { title: Some(title_now), ..TopicChange::default() };
                    let _ = forum.change(node, &title, change).await;
                }
                7 => drop(forum.change(node, &title, closed(rng.random_bool(0.5))).await),
                8 => drop(forum.pin(node, &title, rng.random_bool(0.7)).await),
                9 if rng.random_bool(0.4) => drop(forum.delete(node, &title).await),
                10 if rng.random_bool(0.3) => {
                    let Forum { nodes, group } = forum;
                    forum = Forum { nodes: nodes.reopen().await, group };
                }
                _ => {
                    let to = (node + rng.random_range(1..3)) % 3;
                    forum.nodes.bring_some(node, to, forum.group, &mut rng).await;
                }
            }
            if rng.random_bool(0.05) {
                forum.nodes.worlds[0].pass_s(60);
                for node in 0..3 {
                    forum.nodes.core(node).tick_logs().await.unwrap();
                }
            }
        }
        forum.heal().await;
        let first = forum.shown(0).await;
        for node in [1, 2] {
            let there = forum.shown(node).await;
            for (entry, topic) in &first {
                assert_eq!(there.get(entry), Some(topic), "seed {seed}, node {node}");
            }
            assert_eq!(there.len(), first.len(), "seed {seed}, node {node}");
            let found = forum.nodes.core(node).channel(forum.at(node)).unwrap();
            assert_eq!(found.topics as usize, there.len());
        }
    }
}

/// Of what two nodes say of one topic where they know the same rules, one word counts, by a chance that is the
/// same everywhere: also at the node whose word it is not.
#[tokio::test]
async fn of_two_words_about_a_topic_all_nodes_take_the_same() {
    let forum = Forum::new(2).await;
    forum.say(1, "General", "hello").await.unwrap();
    forum.heal().await;
    forum.promote(1, AdminRights::MANAGE_TOPICS).await;
    forum.topic(0, "Boats").await.unwrap();
    forum.heal().await;
    for node in [0, 1, 0, 1] {
        let is_closed = forum.find(node, "Boats").await.unwrap().topic.closed;
        forum.change(node, "Boats", closed(!is_closed)).await.unwrap();
        forum.pin(node, "Boats", !forum.find(node, "Boats").await.unwrap().pinned).await.unwrap();
        forum.heal().await;
        forum.same().await;
    }
}
