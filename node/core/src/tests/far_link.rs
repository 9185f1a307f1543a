//! A channel and a group of several nodes are linked, and discussed.

use std::collections::BTreeSet;

use glog::GroupId;
use glog::body::Setting;

use super::nodes::Nodes;
use super::world::text;
use crate::*;

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

/// A channel of the first node and a group of the second one, both public.
struct Apart {
    nodes: Nodes,
    news: GroupId,
    talk: GroupId,
}

impl Nodes {
    async fn public_at(&self, node: usize, broadcast: bool, name: &str) -> GroupId {
        let (world, owner) = (&self.worlds[node], self.people[node]);
        let channel = world.channel(owner, broadcast).await;
        world.named(owner, channel, name).await;
        GroupId(world.core.name_of_log(channel))
    }

    async fn join_at(&self, node: usize, name: &str, home: usize) {
        let (core, who) = (self.core(node), self.people[node]);
        let found = core.resolve_far(who.id, name, &format!("node{home}")).await.unwrap();
        let channel = found.channel().expect("a channel");
        core.join_channel(who.actor(), who.id, channel).await.unwrap();
    }

    /// Somebody of another node who is in a group of a node becomes an admin there.
    async fn appoint(&self, home: usize, group: GroupId, whom: usize, rights: AdminRights) {
        let (core, owner) = (self.core(home), self.people[home]);
        let user = self.known(home, whom).await;
        let (place, rank) = (self.at(home, group), "Mate".to_owned());
        // Who only reads is not known at home until somebody there adds them.
        let _ = core.add_to_channel(owner.actor(), owner.id, place, vec![user]).await;
        core.edit_channel_admin(owner.actor(), owner.id, place, user, rights, rank).await.unwrap();
        self.heal(&[group]).await;
    }

    async fn link(&self, node: usize, channel: GroupId, group: Option<GroupId>) -> CoreResult<()> {
        let (core, who) = (self.core(node), self.people[node]);
        let group = group.map(|group| self.at(node, group));
        let channel = Some(self.at(node, channel));
        core.set_discussion_group(who.actor(), who.id, channel, group).await
    }

    /// What a node has asked to be brought since the last call, and brings.
    async fn bring_what_is_wanted(&self, node: usize) -> BTreeSet<GroupId> {
        let mut wanted = BTreeSet::new();
        for event in self.worlds[node].recorder.take() {
            if let Event::Wanted { group, from } = event {
                self.core(node).bring_wanted(group, &from).await.unwrap();
                wanted.insert(group);
            }
        }
        wanted
    }

    /// What a node shows as linked with a channel or group.
    fn linked(&self, node: usize, group: GroupId) -> Option<ChannelId> {
        self.core(node).channel(self.at(node, group)).unwrap().linked
    }

    /// What a log names.
    fn named(&self, node: usize, group: GroupId) -> Option<[u8; 32]> {
        let replica = self.core(node).replica_of(self.at(node, group));
        match replica.chain().state().settings.get(&Setting::Linked(None).tag()) {
            Some(Setting::Linked(named)) => *named,
            _ => None,
        }
    }
}

impl Apart {
    /// Ada of the first node may link them: the channel is hers, and she is an admin of the group.
    async fn new(count: u8) -> Self {
        let nodes = Nodes::new(count).await;
        let (news, talk) = (
            nodes.public_at(0, true, "harbour_news").await,
            nodes.public_at(1, false, "docks").await,
        );
        nodes.join_at(0, "docks", 1).await;
        let rights = AdminRights::CHANGE_INFO.and(AdminRights::PIN_MESSAGES);
        nodes.appoint(1, talk, 0, rights).await;
        nodes.worlds[1].recorder.take();
        Self { nodes, news, talk }
    }

    async fn heal(&self) {
        self.nodes.heal(&[self.news, self.talk]).await;
    }

    async fn post(&self, words: &str) {
        let place = self.nodes.at(0, self.news);
        self.nodes.worlds[0].post(self.nodes.people[0], place, words).await.unwrap();
    }

    /// Where a post is discussed on a node, by its words; `None` where it is not.
    async fn discussed(&self, node: usize, words: &str) -> Option<PostCopy> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let place = self.nodes.at(node, self.news);
        let page = core.history(who.id, place.into(), ALL).await.unwrap();
        let post = page.messages.iter().find(|stored| stored.message.text == words);
        core.copy_of_post(place, post.expect("the post").id).unwrap()
    }

    async fn comment(&self, node: usize, post: &str, words: &str) -> CoreResult<Sent> {
        let copy = self.discussed(node, post).await.expect("a copy");
        let who = self.nodes.people[node];
        self.nodes.worlds[node].answer(who, copy.group, copy.top, words).await
    }

    async fn comments(&self, node: usize, post: &str) -> Vec<String> {
        let copy = self.discussed(node, post).await.expect("a copy");
        let page = self.nodes.core(node).replies(copy.group, copy.top, ALL).await.unwrap();
        let mut said: Vec<String> =
            page.messages.iter().map(|stored| stored.message.text.clone()).collect();
        said.sort();
        said
    }

    fn are_linked(&self, node: usize) -> bool {
        let (channel, group) = (self.nodes.at(node, self.news), self.nodes.at(node, self.talk));
        let links = (self.nodes.linked(node, self.news), self.nodes.linked(node, self.talk));
        links == (Some(group), Some(channel))
    }
}

/// What was posted between the link and the coming of the channel is history, and discussed all the same.
#[tokio::test]
async fn posts_since_the_link_are_copied_when_the_channel_comes() {
    let world = Apart::new(2).await;
    let nodes = &world.nodes;
    world.post("before").await;
    nodes.link(0, world.news, Some(world.talk)).await.unwrap();
    for words in ["one", "two", "three"] {
        world.post(words).await;
    }
    nodes.heal(&[world.talk]).await;
    assert_eq!(nodes.bring_what_is_wanted(1).await, BTreeSet::from([world.news]));
    let (core, who) = (nodes.core(1), nodes.people[1]);
    let place = nodes.at(1, world.talk);
    let page = core.history(who.id, place.into(), ALL).await.unwrap();
    let words = page.messages.iter().map(|stored| stored.message.text.as_str());
    let copies: Vec<&str> = words.filter(|words| !words.is_empty()).collect();
    assert_eq!(copies, ["three", "two", "one"]);
    assert_eq!(world.discussed(1, "before").await, None);
    for words in ["one", "two", "three"] {
        assert!(world.discussed(1, words).await.is_some(), "{words}");
    }
}

#[tokio::test]
async fn a_channel_is_discussed_in_a_group_of_another_node() {
    let world = Apart::new(3).await;
    let nodes = &world.nodes;
    world.post("before").await;
    nodes.link(0, world.news, Some(world.talk)).await.unwrap();
    assert!(world.are_linked(0));
    // The node of the group's owner copies posts, and so has the channel brought; nobody there is in it.
    assert_eq!(nodes.bring_what_is_wanted(1).await, BTreeSet::from([world.news]));
    world.heal().await;
    assert!(world.are_linked(1));
    world.post("ships").await;
    world.heal().await;
    assert!(world.discussed(1, "ships").await.is_some());
    assert!(world.discussed(0, "ships").await.is_some());
    for node in [0, 1] {
        assert!(world.discussed(node, "before").await.is_none(), "it was not linked then");
    }
    world.comment(0, "ships", "which?").await.unwrap();
    // A third node knows nothing of where the group is: the channel's home has it.
    nodes.join_at(2, "harbour_news", 0).await;
    let there = nodes.at(2, world.news);
    let gus = nodes.people[2];
    assert!(!nodes.has(2, world.talk));
    assert!(nodes.core(2).discussion_to_open(there).is_some());
    nodes.core(2).open_discussion(gus.id, there).await.unwrap();
    assert!(world.are_linked(2));
    assert_eq!(world.comments(2, "ships").await, ["which?"]);
    // To comment its node is let in by the group's home.
    world.comment(2, "ships", "the big ones").await.unwrap();
    world.comment(1, "ships", "from Eve").await.unwrap();
    world.heal().await;
    let all = ["from Eve", "the big ones", "which?"];
    for node in 0..3 {
        assert_eq!(world.comments(node, "ships").await, all, "{node}");
    }
    // What becomes of a post becomes of its copy.
    let place = nodes.at(0, world.news);
    let page = nodes.core(0).history(nodes.people[0].id, place.into(), ALL).await.unwrap();
    let post = page.messages.iter().find(|one| one.message.text == "ships").unwrap().id;
    let (ada, edit) = (nodes.people[0], Edit::text(text("ships, mended")));
    nodes.core(0).edit(ada.actor(), ada.id, place.into(), post, edit).await.unwrap();
    world.heal().await;
    let world = Apart { nodes: world.nodes.reopen().await, ..world };
    for node in 0..3 {
        let copy = world.discussed(node, "ships, mended").await.expect("a copy");
        let message = world.nodes.core(node).message(copy.group, copy.id).unwrap().unwrap();
        assert_eq!(message.text, "ships, mended", "{node}");
    }
    // The channel is held where it is copied, and the group where the channel is.
    for _ in 0..3 {
        world.nodes.worlds[0].pass_s(8 * 86_400);
        for of in &world.nodes.worlds {
            of.core.tick().await.unwrap();
        }
    }
    let follows = |node: usize, group| {
        world.nodes.core(node).shared_groups().iter().any(|shared| shared.group == group)
    };
    assert!(follows(1, world.news) && follows(2, world.talk));
    // It ends as it began.
    world.nodes.link(0, world.news, None).await.unwrap();
    world.heal().await;
    for node in 0..3 {
        let links = [world.news, world.talk].map(|group| world.nodes.linked(node, group));
        assert_eq!(links, [None, None], "{node}");
    }
    assert_eq!(world.nodes.named(0, world.news), None);
    assert_eq!(world.nodes.named(1, world.talk), None);
}

#[tokio::test]
async fn a_link_with_a_home_that_is_away_changes_nothing() {
    let world = Apart::new(2).await;
    let nodes = &world.nodes;
    let heads = || async {
        let of = |node: usize, group| nodes.core(node).log_heads(group);
        (of(0, world.news).await.unwrap(), of(1, world.talk).await.unwrap())
    };
    let before = heads().await;
    nodes.goes_away(1, true);
    let refused = nodes.link(0, world.news, Some(world.talk)).await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
    assert_eq!(heads().await, before);
    assert_eq!((nodes.linked(0, world.news), nodes.linked(0, world.talk)), (None, None));
    nodes.goes_away(1, false);
    nodes.link(0, world.news, Some(world.talk)).await.unwrap();
    assert!(world.are_linked(0));
    let again = nodes.link(0, world.news, Some(world.talk)).await;
    assert!(matches!(again, Err(CoreError::ChatNotModified)), "{again:?}");
    // That the group's home is away does not keep the channel's owner from ending it.
    nodes.goes_away(1, true);
    nodes.link(0, world.news, None).await.unwrap();
    nodes.goes_away(1, false);
    world.heal().await;
    for group in [world.news, world.talk] {
        assert_eq!(nodes.linked(0, group), None);
    }
    assert_eq!(nodes.linked(1, world.talk), None);
}

/// Both homes are asked by an admin of a third node. One of them does it, and the other one is away, or
/// knows that the admin is none any more: then the first one says again what it had said.
#[tokio::test]
async fn where_one_of_two_homes_does_not_do_it_the_other_one_takes_it_back() {
    let world = Apart::new(3).await;
    let nodes = &world.nodes;
    let (news, talk) = (world.news, world.talk);
    let rights = AdminRights::CHANGE_INFO.and(AdminRights::PIN_MESSAGES);
    for (home, group, name) in [(0, news, "harbour_news"), (1, talk, "docks")] {
        nodes.join_at(2, name, home).await;
        nodes.appoint(home, group, 2, rights).await;
    }
    nodes.goes_away(1, true);
    let refused = nodes.link(2, news, Some(talk)).await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
    nodes.goes_away(1, false);
    let user = nodes.known(1, 2).await;
    let (eve, place) = (nodes.people[1], nodes.at(1, talk));
    let core = nodes.core(1);
    let none = AdminRights::NONE;
    core.edit_channel_admin(eve.actor(), eve.id, place, user, none, String::new()).await.unwrap();
    let refused = nodes.link(2, news, Some(talk)).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    world.heal().await;
    for (home, group) in [(0, news), (1, talk)] {
        assert_eq!(nodes.named(home, group), None, "{home}");
        assert_eq!((nodes.linked(home, group), nodes.linked(2, group)), (None, None));
    }
    nodes.appoint(1, talk, 2, rights).await;
    nodes.link(2, news, Some(talk)).await.unwrap();
    assert!(world.are_linked(2));
    // The first node has the group, since Ada is in it; it finds it without being told by whom.
    world.heal().await;
    nodes.bring_what_is_wanted(1).await;
    world.heal().await;
    for node in 0..3 {
        assert!(world.are_linked(node), "{node}");
    }
}

/// An admin of another node links a channel and a group that have one home, and links the channel with
/// another group then.
#[tokio::test]
async fn an_admin_of_another_node_links_what_has_one_home() {
    let nodes = Nodes::new(2).await;
    let (_, news) = nodes.public(true, "harbour_news").await;
    let (_, talk) = nodes.public(false, "harbour_talk").await;
    let (_, other) = nodes.public(false, "harbour_pub").await;
    let rights = AdminRights::CHANGE_INFO.and(AdminRights::PIN_MESSAGES);
    for (group, name) in [(news, "harbour_news"), (talk, "harbour_talk"), (other, "harbour_pub")] {
        nodes.join_at(1, name, 0).await;
        nodes.appoint(0, group, 1, rights).await;
    }
    let all = [news, talk, other];
    nodes.link(1, news, Some(talk)).await.unwrap();
    nodes.heal(&all).await;
    for node in [0, 1] {
        assert_eq!(nodes.linked(node, news), Some(nodes.at(node, talk)), "{node}");
        assert_eq!(nodes.linked(node, talk), Some(nodes.at(node, news)), "{node}");
    }
    nodes.link(1, news, Some(other)).await.unwrap();
    nodes.heal(&all).await;
    for node in [0, 1] {
        assert_eq!(nodes.linked(node, news), Some(nodes.at(node, other)), "{node}");
        assert_eq!(nodes.linked(node, other), Some(nodes.at(node, news)), "{node}");
        assert_eq!(nodes.linked(node, talk), None, "{node}");
    }
    assert_eq!(nodes.named(0, talk), None, "the former one says so too");
}

#[tokio::test]
async fn a_private_channel_is_not_linked_where_nobody_could_copy_its_posts() {
    let world = Apart::new(2).await;
    let nodes = &world.nodes;
    let (ada, place) = (nodes.people[0], nodes.at(0, world.news));
    let bare = String::new();
    nodes.core(0).update_channel_username(ada.actor(), ada.id, place, bare).await.unwrap();
    let refused = nodes.link(0, world.news, Some(world.talk)).await;
    assert!(matches!(refused, Err(CoreError::DiscussionUnallowed)), "{refused:?}");
    assert_eq!((nodes.named(0, world.news), nodes.named(1, world.talk)), (None, None));
}
