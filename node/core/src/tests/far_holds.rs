//! How long channels of other nodes are followed.

use glog::GroupId;

use super::nodes::Nodes;
use crate::*;

const DAY_S: u64 = 86_400;

impl Nodes {
    fn follows(&self, node: usize, group: GroupId) -> bool {
        self.core(node).shared_groups().iter().any(|shared| shared.group == group)
    }

    /// Time passes, and all do what is due.
    async fn pass(&self, seconds: u64) {
        self.worlds[0].pass_s(seconds);
        for world in &self.worlds {
            world.core.tick().await.unwrap();
        }
    }

    async fn leave(&self, node: usize, channel: ChannelId) {
        let (core, who) = (self.core(node), self.people[node]);
        core.leave_channel(who.actor(), who.id, channel).await.unwrap();
    }

    /// What a node's member sees in a channel, which is a look at it.
    async fn said(&self, node: usize, channel: ChannelId) -> Vec<String> {
        self.worlds[node].said_in(self.people[node], channel).await
    }

    async fn post(&self, node: usize, channel: ChannelId, words: &str) {
        self.worlds[node].post(self.people[node], channel, words).await.unwrap();
    }

    /// What the mesh does now and then: asks a home to let a node out of groups that nobody there is in.
    async fn ask_to_leave(&self, node: usize, home: usize) -> Vec<CoreResult<()>> {
        let (core, home) = (self.core(node), self.core(home));
        let mut answers = Vec::new();
        for group in core.groups_to_leave(home.node()) {
            let end = core.own_end(group).await.unwrap();
            let answer = home.let_node_go(core.node(), group, end).await;
            if answer.is_ok() {
                let chain = home.log_page(group, LaneName::Control, 0, u64::MAX, 1 << 20).await;
                core.receive_log(group, chain.unwrap()).await;
            }
            let waits = matches!(answer, Err(CoreError::Flood { .. }));
            if !waits {
                core.was_let_go(group, answer.is_ok()).await.unwrap();
            }
            answers.push(answer);
        }
        answers
    }
}

fn was_told(events: &[Event], wanted: GroupId) -> (bool, bool) {
    let changed = events.iter().any(|event| matches!(event, Event::GroupsChanged));
    let is_wanted =
        |event: &Event| matches!(event, Event::Wanted { group, .. } if *group == wanted);
    (changed, events.iter().any(is_wanted))
}

#[tokio::test]
async fn a_channel_that_nobody_is_in_or_looks_at_is_let_go_and_followed_again() {
    let nodes = Nodes::new(2).await;
    let (channel, group) = nodes.public(true, "harbour_news").await;
    nodes.post(0, channel, "ships").await;
    let there = nodes.join(1, "harbour_news").await;
    // Who is in it holds it, whether they look or not.
    nodes.pass(30 * DAY_S).await;
    assert!(nodes.follows(1, group));
    nodes.leave(1, there).await;
    nodes.pass(6 * DAY_S).await;
    assert!(nodes.follows(1, group), "left six days ago");
    // A look holds it for as long again.
    assert_eq!(nodes.said(1, there).await, ["ships"]);
    nodes.pass(6 * DAY_S).await;
    assert!(nodes.follows(1, group), "looked at six days ago");
    nodes.worlds[1].recorder.take();
    nodes.pass(DAY_S).await;
    assert!(!nodes.follows(1, group));
    assert_eq!(was_told(&nodes.worlds[1].recorder.take(), group), (true, false));
    // It is so after a restart; and what is here stays.
    nodes.post(0, channel, "sails").await;
    let nodes = nodes.reopen().await;
    assert!(!nodes.follows(1, group));
    nodes.worlds[1].recorder.take();
    assert_eq!(nodes.said(1, there).await, ["ships"]);
    assert_eq!(was_told(&nodes.worlds[1].recorder.take(), group), (true, true));
    assert!(nodes.follows(1, group), "somebody looks");
    // Who finds it by its name finds what was missed. It is the same channel.
    nodes.pass(8 * DAY_S).await;
    assert!(!nodes.follows(1, group));
    let found = nodes.core(1).resolve_far(nodes.people[1].id, "harbour_news", "node0").await;
    assert_eq!(found.unwrap(), there.into());
    assert!(nodes.follows(1, group));
    assert_eq!(nodes.said(1, there).await, ["ships", "sails"]);
    // So does who joins without looking.
    nodes.pass(8 * DAY_S).await;
    assert!(!nodes.follows(1, group));
    nodes.post(0, channel, "ropes").await;
    let eve = nodes.people[1];
    nodes.core(1).join_channel(eve.actor(), eve.id, there).await.unwrap();
    assert!(nodes.follows(1, group));
    assert_eq!(nodes.said(1, there).await, ["ships", "sails", "ropes"]);
    nodes.pass(30 * DAY_S).await;
    assert!(nodes.follows(1, group));
}

#[tokio::test]
async fn a_channel_that_was_opened_without_joining_is_held_for_a_while() {
    let nodes = Nodes::new(2).await;
    let (_, group) = nodes.public(true, "harbour_news").await;
    let eve = nodes.people[1];
    nodes.core(1).resolve_far(eve.id, "harbour_news", "node0").await.unwrap();
    nodes.pass(7 * DAY_S - 1).await;
    assert!(nodes.follows(1, group));
    nodes.pass(1).await;
    assert!(!nodes.follows(1, group));
    // It is found by its name here all the same.
    let there = nodes.at(1, group);
    let name = nodes.core(1).channel(there).unwrap().username.clone().unwrap();
    assert_eq!(nodes.core(1).resolve_name(eve.id, &name).await.unwrap(), there.into());
    assert!(nodes.follows(1, group));
}

#[tokio::test]
async fn a_channel_is_let_go_with_the_account_that_was_in_it() {
    let mut nodes = Nodes::new(2).await;
    let (_, group) = nodes.public(true, "harbour_news").await;
    let there = nodes.join(1, "harbour_news").await;
    // Somebody else of the same node is in it.
    let mia = nodes.worlds[1].member("Mia").await;
    nodes.core(1).join_channel(mia.actor(), mia.id, there).await.unwrap();
    let eve = nodes.people[1];
    nodes.pass(8 * DAY_S).await;
    nodes.core(1).delete_account(eve.id, eve.key, None).await.unwrap();
    nodes.pass(8 * DAY_S).await;
    assert!(nodes.follows(1, group), "Mia is in it");
    nodes.core(1).delete_account(mia.id, mia.key, None).await.unwrap();
    nodes.pass(7 * DAY_S).await;
    assert!(!nodes.follows(1, group));
}

#[tokio::test]
async fn a_node_that_writes_in_a_group_is_let_go_by_its_home_and_comes_back() {
    let nodes = Nodes::new(3).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let there = nodes.join(1, "harbour_talk").await;
    let third = nodes.join(2, "harbour_talk").await;
    nodes.post(1, there, "from Eve").await;
    nodes.post(2, third, "from Gus").await;
    nodes.heal(&[group]).await;
    nodes.leave(1, there).await;
    nodes.pass(8 * DAY_S).await;
    // The home does not have all yet that was said there.
    assert!(nodes.follows(1, group), "until its home lets it go");
    let answers = nodes.ask_to_leave(1, 0).await;
    assert!(matches!(answers[..], [Err(CoreError::Flood { .. })]), "{answers:?}");
    nodes.heal(&[group]).await;
    let answers = nodes.ask_to_leave(1, 0).await;
    assert!(matches!(answers[..], [Ok(())]), "{answers:?}");
    assert!(!nodes.follows(1, group));
    assert!(nodes.core(1).groups_to_leave(nodes.core(0).node()).is_empty());
    let home = nodes.core(0).sharing(place).unwrap();
    assert_eq!(home.members, [nodes.core(2).node()]);
    assert_eq!(home.left, [], "it may read all: nobody waits for it");
    // Asked once more, that is done already.
    let again = nodes.core(0).let_node_go(nodes.core(1).node(), group, None).await;
    assert!(matches!(again, Err(CoreError::ChatNotModified)), "{again:?}");
    // What was said stays on all of them, and what is said meanwhile comes when she is back.
    nodes.post(0, place, "meanwhile").await;
    nodes.post(2, third, "and more").await;
    nodes.bring(0, 2, group).await;
    nodes.bring(2, 0, group).await;
    assert_eq!(nodes.said(0, place).await, ["from Eve", "from Gus", "meanwhile", "and more"]);
    let nodes = nodes.reopen().await;
    let eve = nodes.people[1];
    nodes.core(1).join_channel(eve.actor(), eve.id, there).await.unwrap();
    nodes.post(1, there, "back").await;
    nodes.heal(&[group]).await;
    for (node, at) in [(0, place), (1, there), (2, third)] {
        let mut said = nodes.said(node, at).await;
        said.sort();
        assert_eq!(said, ["and more", "back", "from Eve", "from Gus", "meanwhile"], "{node}");
    }
}

#[tokio::test]
async fn a_home_lets_no_node_go_of_which_somebody_is_there() {
    let nodes = Nodes::new(2).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let there = nodes.join(1, "harbour_talk").await;
    nodes.post(1, there, "here").await;
    nodes.heal(&[group]).await;
    let (home, far) = (nodes.core(0), nodes.core(1));
    let end = far.own_end(group).await.unwrap();
    let refused = home.let_node_go(far.node(), group, end).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    assert_eq!(home.sharing(place).unwrap().members, [far.node()]);
    // Nor itself, nor out of what it does not decide about.
    for (core, from) in [(home, home.node()), (far, home.node())] {
        let refused = core.let_node_go(from, group, None).await;
        assert!(matches!(refused, Err(CoreError::UnknownChannel)), "{refused:?}");
    }
    // A refusal is taken for an answer: the group is followed, and asked about later.
    nodes.leave(1, there).await;
    nodes.pass(8 * DAY_S).await;
    assert_eq!(far.groups_to_leave(home.node()), [group]);
    far.was_let_go(group, false).await.unwrap();
    assert!(far.groups_to_leave(home.node()).is_empty() && nodes.follows(1, group));
    nodes.pass(8 * DAY_S).await;
    assert_eq!(far.groups_to_leave(home.node()), [group]);
    // Who looks meanwhile keeps it.
    nodes.said(1, there).await;
    assert!(far.groups_to_leave(home.node()).is_empty() && nodes.follows(1, group));
}

/// Who comes and goes all the time makes the chain no longer than two such steps a day.
#[tokio::test]
async fn a_node_is_let_go_twice_a_day() {
    let nodes = Nodes::new(2).await;
    let (_, group) = nodes.public(false, "harbour_talk").await;
    let (home, far) = (nodes.core(0), nodes.core(1));
    for times in [2, 1] {
        for _ in 0..times {
            home.admit_node(group, far.cert()).await.unwrap();
            home.let_node_go(far.node(), group, None).await.unwrap();
        }
        home.admit_node(group, far.cert()).await.unwrap();
        let refused = home.let_node_go(far.node(), group, None).await;
        assert!(matches!(refused, Err(CoreError::Flood { .. })), "{refused:?}");
        nodes.worlds[0].pass_s(DAY_S / 2);
        home.let_node_go(far.node(), group, None).await.unwrap();
        nodes.worlds[0].pass_s(DAY_S / 2);
    }
}

/// What is here is read also where nothing can be written down.
#[tokio::test]
async fn a_full_disk_keeps_nobody_from_looking() {
    let nodes = Nodes::new(2).await;
    let (channel, group) = nodes.public(true, "harbour_news").await;
    nodes.post(0, channel, "ships").await;
    let there = nodes.join(1, "harbour_news").await;
    nodes.leave(1, there).await;
    nodes.pass(8 * DAY_S).await;
    assert!(!nodes.follows(1, group));
    nodes.worlds[1].disk.set_full(true);
    assert_eq!(nodes.said(1, there).await, ["ships"]);
    assert!(!nodes.follows(1, group));
    nodes.worlds[1].disk.set_full(false);
    assert_eq!(nodes.said(1, there).await, ["ships"]);
    assert!(nodes.follows(1, group));
}

#[tokio::test]
async fn the_group_of_comments_stays_as_long_as_its_channel() {
    let nodes = Nodes::new(2).await;
    let (channel, news) = nodes.public(true, "harbour_news").await;
    let (place, talk) = nodes.public(false, "harbour_talk").await;
    let (home, ada) = (nodes.core(0), nodes.people[0]);
    home.set_discussion_group(ada.actor(), ada.id, Some(channel), Some(place)).await.unwrap();
    nodes.post(0, channel, "ships").await;
    let there = nodes.join(1, "harbour_news").await;
    let eve = nodes.people[1];
    nodes.core(1).open_discussion(eve.id, there).await.unwrap();
    assert!(nodes.follows(1, talk));
    for _ in 0..3 {
        nodes.pass(8 * DAY_S).await;
    }
    assert!(nodes.follows(1, news) && nodes.follows(1, talk), "she is in the channel");
    nodes.leave(1, there).await;
    for _ in 0..3 {
        nodes.pass(8 * DAY_S).await;
    }
    assert!(!nodes.follows(1, news) && !nodes.follows(1, talk));
    // Comments that are opened again bring it back.
    nodes.core(1).join_channel(eve.actor(), eve.id, there).await.unwrap();
    assert!(!nodes.follows(1, talk));
    nodes.core(1).open_discussion(eve.id, there).await.unwrap();
    assert!(nodes.follows(1, talk));
}

#[tokio::test]
async fn private_groups_are_their_homes_to_let_go() {
    let nodes = Nodes::new(2).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let there = nodes.join(1, "harbour_talk").await;
    nodes.heal(&[group]).await;
    nodes.leave(1, there).await;
    let (home, ada) = (nodes.core(0), nodes.people[0]);
    home.update_channel_username(ada.actor(), ada.id, place, String::new()).await.unwrap();
    nodes.heal(&[group]).await;
    nodes.pass(8 * DAY_S).await;
    assert!(nodes.core(1).groups_to_leave(home.node()).is_empty());
}

/// Channels that an earlier version followed are asked about from the first start on.
#[tokio::test]
async fn what_was_followed_before_is_looked_at_from_the_first_start_on() {
    let nodes = Nodes::new(2).await;
    let (_, group) = nodes.public(true, "harbour_news").await;
    let there = nodes.join(1, "harbour_news").await;
    nodes.leave(1, there).await;
    nodes.core(1).forget_hold(there).await;
    let nodes = nodes.reopen().await;
    nodes.pass(30 * DAY_S).await;
    assert!(nodes.follows(1, group), "nothing asks");
    nodes.core(1).prepare("Rookery").await.unwrap();
    nodes.pass(6 * DAY_S).await;
    assert!(nodes.follows(1, group));
    nodes.pass(DAY_S).await;
    assert!(!nodes.follows(1, group));
}
