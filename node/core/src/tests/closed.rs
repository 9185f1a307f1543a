//! Three nodes that share a private group: each gives another what that one may have, and no more.

use glog::{Entry, GroupId, NodeId};

use super::world::{Member, World, text};
use crate::federation::Asking;
use crate::*;

mod rotation;

/// All of it, for what is there.
const ALL: usize = 1 << 20;

/// A way from one node to all others.
struct Way {
    from: Core,
    all: Vec<Core>,
}

impl Way {
    fn to(&self, node: NodeId) -> CoreResult<&Core> {
        self.all.iter().find(|core| core.node() == node).ok_or(CoreError::NodeUnreachable)
    }
}

/// Brings to one node what another gives it of a group; whether it gave anything.
async fn fetch(from: &Core, to: &Core, group: GroupId) -> bool {
    let heads = if from.may_node_read(to.node(), group).unwrap() {
        from.log_heads(group).await.unwrap()
    } else {
        from.heads_for_left(to.node(), group).await.unwrap()
    };
    let Some(heads) = heads else { return false };
    let end = heads.control.seq + 1;
    to.expect_history(group, heads.lanes.clone());
    let chain = from.log_page(group, LaneName::Control, 0, end, ALL).await.unwrap();
    let taken = to.receive_log(group, chain).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None));
    for head in heads.lanes {
        let lane = LaneName::Data { node: head.node, inc: head.inc };
        let page = from.log_page(group, lane, 0, head.seq + 1, ALL).await.unwrap();
        let taken = to.receive_log(group, page).await;
        assert_eq!((taken.rejected, taken.stopped), (0, None));
    }
    let channel = to.channel_of_group(group).unwrap().unwrap();
    if let Some((_, missing)) = to.missing_keys(channel).await.unwrap() {
        let given = from.keys_for(to.node(), group, missing).await.unwrap();
        to.learn_keys(channel, given).await.unwrap();
    }
    to.filled(channel).await;
    true
}

impl Network for Way {
    fn find(&self, _: String, _: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn follow(&self, node: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            let gave = fetch(self.to(node)?, &self.from, group).await;
            if gave { Ok(()) } else { Err(CoreError::UnknownChannel) }
        })
    }

    fn join(&self, home: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move { self.to(home)?.admit_node(group, self.from.cert()).await })
    }

    fn willing(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to(node)?.willing(self.from.node(), invite).await })
    }

    fn invite(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to(node)?.invited(self.from.node(), invite).await })
    }

    fn ask(&self, asked: Asked) -> Asking<'_, ()> {
        Box::pin(async move {
            let home = self.to(asked.home)?;
            home.answer_ask(self.from.node(), asked.evidence).await?;
            fetch(home, &self.from, asked.group).await;
            Ok(())
        })
    }
}

/// A private group of the first node.
struct Three {
    worlds: Vec<World>,
    /// One of each node.
    people: Vec<Member>,
    channel: ChannelId,
    group: GroupId,
}

impl Three {
    async fn new() -> Self {
        let mut home = World::new().await;
        let mut others = [World::other(&home, 1).await, World::other(&home, 2).await];
        let mut people = vec![home.member("Ada").await];
        for (world, name) in others.iter_mut().zip(["Eve", "Gus"]) {
            people.push(world.member(name).await);
        }
        let channel = home.channel(people[0], false).await;
        let group = GroupId(home.core.name_of_log(channel));
        let worlds = [home].into_iter().chain(others).collect();
        let three = Self { worlds, people, channel, group };
        three.connect().await;
        three
    }

    async fn connect(&self) {
        let all: Vec<Core> = self.worlds.iter().map(|world| world.core.clone()).collect();
        for from in &all {
            from.connect(std::sync::Arc::new(Way { from: from.clone(), all: all.clone() }));
            for other in all.iter().filter(|other| other.node() != from.node()) {
                from.learn_node(other.cert()).await.unwrap();
            }
        }
    }

    fn core(&self, node: usize) -> &Core {
        &self.worlds[node].core
    }

    /// The group, as it is on a node.
    fn at(&self, node: usize) -> ChannelId {
        self.core(node).channel_of_group(self.group).unwrap().expect("it is there")
    }

    /// The account of somebody of one node on another.
    async fn known(&self, on: usize, of: usize, who: Member) -> UserId {
        if on == of {
            return who.id;
        }
        let card = self.core(of).cards(&[who.id.0.unsigned_abs()]).remove(0);
        self.core(on).account_of(self.core(of).node().short(), card).await.unwrap()
    }

    /// Somebody adds somebody; who was not added.
    async fn add(&self, by: usize, of: usize, whom: Member) -> CoreResult<Vec<UserId>> {
        let user = self.known(by, of, whom).await;
        let (core, owner) = (self.core(by), self.people[by]);
        let done = core.add_to_channel(owner.actor(), owner.id, self.at(by), vec![user]).await?;
        Ok(done.missing)
    }

    async fn say(&self, node: usize, words: &str) -> CoreResult<Sent> {
        let number = self.worlds[node].number();
        let message = Outgoing::text(self.at(node).into(), text(words), number);
        let by = self.people[node];
        self.core(node).send(by.actor(), by.id, message).await
    }

    /// Everybody gives everybody what they may have.
    async fn heal(&self) {
        for _ in 0..2 {
            for from in 0..3 {
                for to in (0..3).filter(|to| *to != from) {
                    let here = |node| self.core(node).channel_of_group(self.group).unwrap();
                    if here(from).is_some() && here(to).is_some() {
                        fetch(self.core(from), self.core(to), self.group).await;
                    }
                }
            }
        }
    }

    /// Words that somebody reads, the oldest first.
    async fn shown(&self, node: usize) -> Vec<String> {
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let (place, by) = (self.at(node).into(), self.people[node].id);
        if self.core(node).channel_to_read(by, self.at(node)).is_err() {
            return Vec::new();
        }
        let page = self.core(node).history(by, place, query).await.unwrap();
        let said = page.messages.iter().rev().filter(|stored| stored.message.action.is_none());
        said.map(|stored| stored.message.text.clone()).collect()
    }

    fn is_in(&self, on: usize, user: UserId) -> bool {
        self.core(on).is_in_channel(self.at(on), user).unwrap()
    }

    /// Which nodes may write, as the chain of a node says.
    fn writers(&self, on: usize) -> Vec<usize> {
        let log = self.core(on).replica_of(self.at(on));
        let state = log.chain().state();
        (0..3).filter(|node| state.is_member(self.core(*node).node().short())).collect()
    }

    /// The entry that carries the key in force.
    fn key(&self, on: usize) -> glog::Hash16 {
        self.core(on).replica_of(self.at(on)).chain().state().epoch.expect("it is private")
    }

    /// Whether a node may have anything of the group from the home.
    async fn gets_anything(&self, node: usize) -> bool {
        let (home, node) = (self.core(0), self.core(node).node());
        home.may_node_read(node, self.group).unwrap()
            || home.heads_for_left(node, self.group).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_private_group_goes_to_the_nodes_of_who_is_added_and_to_no_other() {
    let mut three = Three::new().await;
    let [ada, eve, gus] = three.people[..] else { unreachable!() };
    three.say(0, "before").await.unwrap();
    // Who does not want to be added brings it nowhere.
    let fay = three.worlds[1].member("Fay").await;
    let rules = vec![PrivacyRule { allow: false, who: Who::All }];
    let far = three.core(1);
    far.set_privacy(Some(fay.actor()), fay.id, PrivacyKey::ChatInvite, rules).await.unwrap();
    let missing = three.add(0, 1, fay).await.unwrap();
    assert_eq!(missing, [three.known(0, 1, fay).await]);
    assert_eq!(three.writers(0), [0]);
    assert!(!three.gets_anything(1).await);
    assert_eq!(three.core(1).channel_of_group(three.group).unwrap(), None);

    assert_eq!(three.add(0, 1, eve).await.unwrap(), []);
    assert_eq!(three.writers(0), [0, 1]);
    assert!(three.gets_anything(1).await && !three.gets_anything(2).await);
    assert_eq!(three.shown(1).await, ["before"]);
    assert!(three.is_in(0, three.known(0, 1, eve).await) && three.is_in(1, eve.id));
    assert!(three.is_in(1, three.known(1, 0, ada).await), "the owner is shown");
    three.say(1, "thank you").await.unwrap();
    three.heal().await;
    assert_eq!(three.shown(0).await, ["before", "thank you"]);
    // What lies in the logs is sealed, on either node.
    for node in 0..2 {
        let entries = three.core(node).log_entries(three.at(node));
        let lanes: Vec<&Entry> = entries.iter().filter(|e| e.header().inc().is_some()).collect();
        assert!(lanes.len() >= 2);
        for words in ["before", "thank you"] {
            let says = |entry: &&&Entry| {
                let words = words.as_bytes();
                entry.body().is_some_and(|body| body.windows(words.len()).any(|p| p == words))
            };
            assert_eq!(lanes.iter().filter(says).count(), 0);
        }
    }

    // A member elsewhere adds somebody of a third node, and somebody of their own: the home lets them in.
    let hal = three.worlds[1].member("Hal").await;
    assert_eq!(three.add(1, 2, gus).await.unwrap(), []);
    assert_eq!(three.add(1, 1, hal).await.unwrap(), []);
    assert_eq!(three.writers(0), [0, 1, 2]);
    three.say(2, "good evening").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["before", "thank you", "good evening"], "{node}");
        for (of, who) in [(0, ada), (1, eve), (1, hal), (2, gus)] {
            assert!(three.is_in(node, three.known(node, of, who).await), "{node} {of}");
        }
        assert_eq!(three.core(node).channel(three.at(node)).unwrap().members, 4, "{node}");
        assert!(!three.is_in(node, three.known(node, 1, fay).await));
    }
    // Of who has never been shown to other nodes none is told that they are here.
    let numbers = |who: &[Member]| who.iter().map(|m| m.id.0.unsigned_abs()).collect::<Vec<_>>();
    let shown = three.core(1).cards_shown(&numbers(&[eve, fay, hal])).unwrap();
    let shown: Vec<u64> = shown.iter().map(|card| card.id).collect();
    assert_eq!(shown, numbers(&[eve, hal]));
    // Keys go to who takes part, and are kept.
    let stranger = World::other(&three.worlds[0], 3).await;
    let ids = vec![three.key(0)];
    let given = three.core(0).keys_for(stranger.core.node(), three.group, ids).await.unwrap();
    assert_eq!(given, []);
    let Three { worlds, people, channel, group } = three;
    let worlds = worlds.into_iter().map(World::reopen).collect();
    let three = Three { worlds, people, channel, group };
    three.connect().await;
    three.say(1, "again").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await.len(), 4, "{node}");
    }
}

#[tokio::test]
async fn with_the_last_of_its_people_a_node_is_let_go_and_reads_no_more() {
    let three = Three::new().await;
    let [ada, eve, gus] = three.people[..] else { unreachable!() };
    three.add(0, 1, eve).await.unwrap();
    three.add(0, 2, gus).await.unwrap();
    three.say(1, "hello").await.unwrap();
    three.heal().await;
    let before = three.key(0);

    let all = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    let known = three.known(0, 1, eve).await;
    let core = three.core(0);
    core.ban_in_channel(ada.actor(), ada.id, three.channel, known, all).await.unwrap();
    assert_eq!(three.writers(0), [0, 2]);
    assert_ne!(three.key(0), before, "the key is another one");
    three.say(0, "among us").await.unwrap();
    // It finds out that it was, and no more.
    let heads = core.heads_for_left(three.core(1).node(), three.group).await.unwrap().unwrap();
    assert!(heads.ends && heads.lanes.is_empty());
    three.heal().await;
    assert!(!three.is_in(1, eve.id));
    assert!(three.core(1).shared_groups().is_empty());
    assert_eq!(three.shown(1).await, [] as [&str; 0]);
    assert!(three.say(1, "let me").await.is_err());
    let ids = vec![three.key(0)];
    let given = core.keys_for(three.core(1).node(), three.group, ids).await.unwrap();
    assert_eq!(given, []);
    assert_eq!(three.shown(2).await, ["hello", "among us"]);
    // After a while it is told nothing.
    for world in &three.worlds {
        world.pass_s(31 * 86_400);
    }
    assert!(!three.gets_anything(1).await);

    // Let in again, it goes on in another lane, and reads what was said without it.
    let back = Banned { entirely: false, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, three.channel, known, back).await.unwrap();
    assert_eq!(three.add(0, 1, eve).await.unwrap(), []);
    assert_eq!(three.shown(1).await, ["hello", "among us"]);
    three.say(1, "here again").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["hello", "among us", "here again"], "{node}");
    }

    // Who goes by themselves takes the node along, too.
    three.core(2).leave_channel(gus.actor(), gus.id, three.at(2)).await.unwrap();
    three.heal().await;
    assert_eq!(three.writers(0), [0, 1]);
    assert!(three.core(2).shared_groups().is_empty());
}

#[tokio::test]
async fn who_comes_later_reads_nothing_older_where_history_is_hidden() {
    let three = Three::new().await;
    let [ada, eve, _] = three.people[..] else { unreachable!() };
    three.say(0, "before").await.unwrap();
    let hidden = ChannelSetting::HiddenHistory(true);
    let core = three.core(0);
    core.set_in_channel(ada.actor(), ada.id, three.channel, hidden).await.unwrap();
    three.add(0, 1, eve).await.unwrap();
    three.say(0, "since").await.unwrap();
    three.heal().await;
    assert_eq!(three.shown(1).await, ["since"]);
    // Not even the node has the key.
    let (_, missing) = three.core(1).missing_keys(three.at(1)).await.unwrap().unwrap();
    let given = core.keys_for(three.core(1).node(), three.group, missing.clone()).await.unwrap();
    assert_eq!((missing.len(), given), (1, Vec::new()));
    three.say(1, "hello").await.unwrap();
    three.heal().await;
    assert_eq!(three.shown(0).await, ["before", "since", "hello"]);
}

#[tokio::test]
async fn a_private_group_is_handed_over_and_recovered() {
    let three = Three::new().await;
    let [ada, eve, gus] = three.people[..] else { unreachable!() };
    three.add(0, 1, eve).await.unwrap();
    three.say(1, "one").await.unwrap();
    three.heal().await;
    let (home, far) = (three.core(0), three.core(1));
    // To a node of which nobody is in it, it is not handed.
    let refused = home.offer_home(three.channel, three.core(2).node()).await;
    assert!(matches!(refused, Err(CoreError::UnknownNode)), "{refused:?}");
    far.consent_to_home(three.at(1), true).await.unwrap();
    let offer = home.offer_home(three.channel, far.node()).await.unwrap();
    let agreed = far.accept_home(home.node(), offer).await.unwrap();
    home.move_home(three.channel, offer, far.node(), agreed).await.unwrap();
    three.heal().await;
    assert!(far.sharing(three.at(1)).unwrap().is_home);
    three.say(0, "two").await.unwrap();
    three.heal().await;
    // The new home lets somebody of a third node in, whom the owner adds.
    assert_eq!(three.add(0, 2, gus).await.unwrap(), []);
    three.heal().await;
    assert_eq!(three.shown(2).await, ["one", "two"]);
    // It is lost: the key changes with the home.
    let before = three.key(0);
    home.recover_channel(three.channel, super::world::recovery_key(0), false).await.unwrap();
    assert_ne!(three.key(0), before);
    three.say(0, "three").await.unwrap();
    three.heal().await;
    for node in 0..3 {
        assert_eq!(three.shown(node).await, ["one", "two", "three"], "{node}");
    }
    home.edit_channel_title(ada.actor(), ada.id, three.channel, "Recovered").await.unwrap();
    three.heal().await;
    assert_eq!(far.channel(three.at(1)).unwrap().title, "Recovered");
}

#[tokio::test]
async fn nobody_is_in_a_group_by_the_word_of_another_node() {
    let mut three = Three::new().await;
    let [ada, eve, _] = three.people[..] else { unreachable!() };
    let hal = three.worlds[1].member("Hal").await;
    three.add(0, 1, eve).await.unwrap();
    // The home makes somebody an admin who has not come.
    let of_hal = three.known(0, 1, hal).await;
    three.core(0).appoint_unasked(three.channel, ada.id, of_hal).await;
    three.heal().await;
    assert!(!three.is_in(1, hal.id));
    assert_eq!(three.core(1).channels_of(hal.id).unwrap(), []);
    // Who comes is what the log says.
    assert_eq!(three.add(1, 1, hal).await.unwrap(), []);
    let own = three.core(1).participant(three.at(1), hal.id).unwrap().unwrap();
    assert!(own.joined && own.is_admin());
}

#[tokio::test]
async fn a_basic_group_becomes_a_supergroup_when_somebody_of_another_node_comes() {
    let mut three = Three::new().await;
    let [ada, eve, _] = three.people[..] else { unreachable!() };
    let bob = three.worlds[0].member("Bob").await;
    let cyd = three.worlds[0].member("Cyd").await;
    let fay = three.worlds[1].member("Fay").await;
    let rules = vec![PrivacyRule { allow: false, who: Who::All }];
    let (home, far) = (three.core(0), three.core(1));
    far.set_privacy(Some(fay.actor()), fay.id, PrivacyKey::ChatInvite, rules).await.unwrap();
    let (of_eve, of_fay) = (three.known(0, 1, eve).await, three.known(0, 1, fay).await);
    let users = vec![bob.id, cyd.id, of_eve];
    let made = home.create_chat(ada.actor(), ada.id, "Crew", users, 0).await.unwrap();
    assert_eq!(made.done.missing, [of_eve]);
    let words = Outgoing::text(made.chat.into(), text("before"), 1);
    home.send(ada.actor(), ada.id, words).await.unwrap();
    // It stays what it is where nobody comes.
    let missing = home.bring_to_chat(ada.id, made.chat, vec![of_fay]).await.unwrap();
    assert_eq!(missing, [of_fay]);
    assert_eq!(home.chat(made.chat).unwrap().migrated_to, None);
    // Another member may bring somebody, too, where members may.
    let missing = home.bring_to_chat(bob.id, made.chat, vec![of_fay, of_eve]).await.unwrap();
    assert_eq!(missing, [of_fay]);
    let channel = home.chat(made.chat).unwrap().migrated_to.expect("a supergroup");
    for user in [ada.id, bob.id, of_eve] {
        assert!(home.is_in_channel(channel, user).unwrap());
    }
    // Who was in it before is named to the other node, too, by what they are in.
    assert_eq!(home.cards_shown(&[cyd.id.0.unsigned_abs()]).unwrap().len(), 1);
    three.channel = channel;
    three.group = GroupId(three.core(0).name_of_log(channel));
    three.say(1, "here I am").await.unwrap();
    three.heal().await;
    assert_eq!(three.shown(0).await, ["here I am"]);
    assert_eq!(three.core(1).channel(three.at(1)).unwrap().members, 4);
}

#[tokio::test]
async fn without_the_key_in_force_nothing_is_written_and_a_member_gives_it() {
    let three = Three::new().await;
    let eve = three.people[1];
    three.add(0, 1, eve).await.unwrap();
    three.say(1, "one").await.unwrap();
    three.heal().await;
    let (home, far) = (three.core(0), three.core(1));
    home.rotate_without(three.channel, far.node()).await;
    three.say(0, "two").await.unwrap();
    let chain = home.log_page(three.group, LaneName::Control, 0, u64::MAX, ALL).await.unwrap();
    far.receive_log(three.group, chain).await;
    let refused = three.say(1, "three").await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
    // What others say waits to be read.
    three.heal().await;
    assert_eq!(three.shown(1).await, ["one", "two"]);
    three.say(1, "three").await.unwrap();
    three.heal().await;
    for node in 0..2 {
        assert_eq!(three.shown(node).await, ["one", "two", "three"], "{node}");
    }
}

#[tokio::test]
async fn a_node_that_is_blocked_here_is_not_brought_in_by_another() {
    let three = Three::new().await;
    let [_, eve, gus] = three.people[..] else { unreachable!() };
    three.add(0, 1, eve).await.unwrap();
    let (home, third) = (three.core(0), three.core(2).node());
    home.block_node(third.short(), true).await.unwrap();
    let refused = three.add(1, 2, gus).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    assert_eq!(three.writers(0), [0, 1]);
}

/// The poll of the newest message that somebody reads.
async fn newest_poll(three: &Three, node: usize) -> (MessageId, PollView) {
    let query = HistoryQuery { limit: 20, ..HistoryQuery::default() };
    let (place, by) = (three.at(node).into(), three.people[node].id);
    let page = three.core(node).history(by, place, query).await.unwrap();
    let found = page.messages.iter().find_map(|stored| match stored.message.media {
        Some(Media::Poll(poll)) => Some((stored.id, poll)),
        _ => None,
    });
    let (id, poll) = found.expect("a poll");
    (id, three.core(node).poll(by, poll).unwrap().expect("it is there"))
}

fn votes(view: &PollView) -> Vec<u32> {
    view.poll.answers.iter().map(|answer| answer.voters).collect()
}

#[tokio::test]
async fn polls_are_answered_on_all_nodes() {
    let three = Three::new().await;
    let [ada, eve, gus] = three.people[..] else { unreachable!() };
    three.add(0, 1, eve).await.unwrap();
    three.add(0, 2, gus).await.unwrap();
    let vote = async |node: usize, at: &[u8]| {
        let (id, _) = newest_poll(&three, node).await;
        let (world, by) = (&three.worlds[node], three.people[node]);
        world.vote(by, three.at(node).into(), id, at).await
    };

    // With names: from the node of a member, to everybody.
    let asked = super::polls::poll(3);
    three.worlds[1].ask(eve, three.at(1).into(), asked).await.unwrap();
    three.heal().await;
    for (node, at) in [(0, 1), (1, 1), (2, 2)] {
        vote(node, &[at]).await.unwrap();
    }
    three.heal().await;
    for node in 0..3 {
        let (id, view) = newest_poll(&three, node).await;
        assert_eq!((votes(&view), view.poll.voters), (vec![0, 2, 1], 3), "{node}");
        assert_eq!(view.poll.creator, three.known(node, 1, eve).await);
        let (core, by) = (three.core(node), three.people[node].id);
        let page = core.votes(by, three.at(node).into(), id, None, 0, 10).await.unwrap();
        let mut voters: Vec<UserId> = page.voters.iter().map(|voter| voter.user).collect();
        let mut all = Vec::new();
        for (of, who) in [(0, ada), (1, eve), (2, gus)] {
            all.push(three.known(node, of, who).await);
        }
        voters.sort_unstable();
        all.sort_unstable();
        assert_eq!(voters, all, "{node}");
    }
    // Taken back, and changed.
    vote(0, &[]).await.unwrap();
    vote(2, &[0]).await.unwrap();
    three.heal().await;
    for node in 0..3 {
        let (_, view) = newest_poll(&three, node).await;
        assert_eq!((votes(&view), view.poll.voters), (vec![1, 1, 0], 2), "{node}");
    }
    // Its author closes it for all.
    let (id, _) = newest_poll(&three, 1).await;
    three.core(1).close_poll(eve.actor(), eve.id, three.at(1).into(), id).await.unwrap();
    three.heal().await;
    assert!(newest_poll(&three, 0).await.1.poll.closed);
    assert!(matches!(vote(2, &[1]).await, Err(CoreError::Poll(PollError::Closed))));

    // Without names: each node tells how many of its own chose what.
    let anonymous = NewPoll { public_voters: false, ..super::polls::poll(2) };
    three.worlds[0].ask(ada, three.channel.into(), anonymous).await.unwrap();
    three.heal().await;
    for (node, at) in [(0, 1), (1, 1), (2, 0)] {
        vote(node, &[at]).await.unwrap();
    }
    for _ in 0..2 {
        for world in &three.worlds {
            world.pass_s(10);
            world.core.tick().await.unwrap();
        }
        three.heal().await;
        // Told again, it counts once.
        for node in 0..3 {
            let (_, view) = newest_poll(&three, node).await;
            assert_eq!((votes(&view), view.poll.voters), (vec![1, 2], 3), "{node}");
        }
        vote(1, &[]).await.unwrap();
        vote(1, &[1]).await.unwrap();
    }
    let said = three.core(0).replica_of(three.channel);
    let view = said.lanes().view(said.chain());
    assert!(
        view.messages
            .values()
            .all(|message| message.tallies.is_empty() || message.votes.is_empty())
    );

    // What nobody could have asked here is shown as what cannot be read.
    three.core(1).ask_nonsense(three.at(1), eve.id, 1).await;
    three.heal().await;
    let query = HistoryQuery { limit: 1, ..HistoryQuery::default() };
    let page = three.core(0).history(ada.id, three.channel.into(), query).await.unwrap();
    assert_eq!(page.messages[0].message.media, Some(Media::Unsupported));
    // Whom it names by a number of its own is nobody here.
    three.core(1).ask_nonsense(three.at(1), eve.id, 2).await;
    three.heal().await;
    let (_, asked) = newest_poll(&three, 0).await;
    assert_eq!((&asked.poll.question.text[..], asked.poll.question.entities.len()), ("yes", 0));
}

#[tokio::test]
async fn a_photo_shows_on_all_nodes_whoever_sets_it() {
    let three = Three::new().await;
    let [ada, eve, _] = three.people[..] else { unreachable!() };
    let (home, far) = (three.core(0), three.core(1));
    three.add(0, 1, eve).await.unwrap();
    let set = async |node: usize, photo: Option<Photo>| {
        let by = three.people[node];
        let photo = photo.map(ChatPhoto::New);
        let (core, place) = (three.core(node), three.at(node));
        let done = core.edit_channel_photo(by.actor(), by.id, place, photo).await;
        three.heal().await;
        done.map(drop)
    };
    let shown = |node: usize| {
        let found = three.core(node).channel(three.at(node)).unwrap();
        let photo = found.photo.map(|photo| three.core(node).photo(photo).unwrap().unwrap());
        photo.map(|photo| (photo.owner, photo.sizes[0].blob))
    };
    let picture = super::media::photo(ada, 7, 1);
    set(0, Some(picture.clone())).await.unwrap();
    let owner = three.known(1, 0, ada).await;
    assert_eq!(shown(1), Some((owner, picture.sizes[0].blob)));
    // Members may not, as in any group; who may, asks the home.
    let other = super::media::photo(eve, 8, 2);
    let (rights, of_eve) = (AdminRights::CHANGE_INFO, three.known(0, 1, eve).await);
    let appoint =
        home.edit_channel_admin(ada.actor(), ada.id, three.channel, of_eve, rights, String::new());
    appoint.await.unwrap();
    three.heal().await;
    set(1, Some(other.clone())).await.unwrap();
    assert_eq!(shown(1), Some((eve.id, other.sizes[0].blob)));
    assert_eq!(shown(0), Some((of_eve, other.sizes[0].blob)));
    // The same chain again, as after a Recover, changes nothing.
    let before = far.channel(three.at(1)).unwrap().photo;
    home.recover_channel(three.channel, super::world::recovery_key(0), false).await.unwrap();
    three.heal().await;
    assert_eq!(far.channel(three.at(1)).unwrap().photo, before);
    set(0, None).await.unwrap();
    assert_eq!((shown(0), shown(1)), (None, None));
}
