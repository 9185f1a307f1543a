//! Comments of a channel across nodes: which copies belong to which posts, and what is said to them.

use std::collections::BTreeMap;

use glog::{EntryRef, GroupId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::nodes::Nodes;
use super::polls::{number, poll};
use super::world::{full, text};
use crate::*;

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

/// A public channel of the first node and a public group in which it is discussed.
struct Discussed {
    nodes: Nodes,
    /// Both by their names in logs.
    news: GroupId,
    talk: GroupId,
}

impl Discussed {
    async fn new(count: u8) -> Self {
        let nodes = Nodes::new(count).await;
        let (channel, news) = nodes.public(true, "harbour_news").await;
        let (group, talk) = nodes.public(false, "harbour_talk").await;
        let (core, ada) = (nodes.core(0), nodes.people[0]);
        core.set_discussion_group(ada.actor(), ada.id, Some(channel), Some(group)).await.unwrap();
        Self { nodes, news, talk }
    }

    async fn post(&self, words: &str) -> Sent {
        let (world, ada) = (&self.nodes.worlds[0], self.nodes.people[0]);
        world.post(ada, self.nodes.at(0, self.news), words).await.unwrap()
    }

    /// The posts that a node shows, with their words.
    async fn posts(&self, node: usize) -> Vec<(MessageId, Message)> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let place = self.nodes.at(node, self.news);
        let page = core.history(who.id, place.into(), ALL).await.unwrap();
        let said = page.messages.into_iter().filter(|stored| stored.message.action.is_none());
        said.map(|stored| (stored.id, stored.message)).collect()
    }

    async fn post_on(&self, node: usize, words: &str) -> MessageId {
        let posts = self.posts(node).await;
        posts.iter().find(|(_, post)| post.text == words).expect("the post").0
    }

    /// Somebody opens the comments of a post: where they stand.
    async fn open(&self, node: usize, words: &str) -> CoreResult<(ChannelId, MessageId)> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let (place, post) = (self.nodes.at(node, self.news), self.post_on(node, words).await);
        core.open_discussion(who.id, place).await?;
        core.thread_at(place, post).await
    }

    async fn comment(&self, node: usize, post: &str, words: &str) -> CoreResult<Sent> {
        let (group, top) = self.open(node, post).await?;
        self.nodes.worlds[node].answer(self.nodes.people[node], group, top, words).await
    }

    /// Comments of each post as a node shows them: how many it says there are, and their words.
    async fn comments(&self, node: usize) -> BTreeMap<String, (i32, Vec<String>)> {
        let core = self.nodes.core(node);
        let place = self.nodes.at(node, self.news);
        let mut all = BTreeMap::new();
        for (id, post) in self.posts(node).await {
            let Some(copy) = core.copy_of_post(place, id).unwrap() else { continue };
            let count = core.thread(copy.group, copy.top).unwrap().unwrap_or_default().count;
            let page = core.replies(copy.group, copy.top, ALL).await.unwrap();
            let said = page.messages.iter().map(|stored| stored.message.text.clone());
            let mut said: Vec<String> = said.collect();
            said.sort();
            all.insert(post.text, (count, said));
        }
        all
    }

    /// All that a node shows of the group, by the entries that brought it: words, whether it is pinned,
    /// with which entry its thread begins, and of which post it is the copy.
    async fn shown(&self, node: usize) -> BTreeMap<EntryRef, Shown> {
        let (core, who) = (self.nodes.core(node), self.nodes.people[node]);
        let (place, channel) = (self.nodes.at(node, self.talk), self.nodes.at(node, self.news));
        let mut all = BTreeMap::new();
        let mut offset_id = 0;
        loop {
            let page = core.history(who.id, place.into(), HistoryQuery { offset_id, ..ALL });
            let page = page.await.unwrap().messages;
            let Some(last) = page.last() else { return all };
            offset_id = last.id.0;
            for stored in page {
                let Some(entry) = core.entry_of(place, stored.id) else { continue };
                let message = stored.message;
                let thread = message.thread.map(|top| {
                    let count = core.thread(place, top).unwrap().expect("a thread").count;
                    (core.entry_of_thread(place, top).expect("named"), count)
                });
                let post = message.post().map(|(from, post)| {
                    assert_eq!(from, channel);
                    let copy = core.copy_of_post(channel, post).unwrap();
                    let top = copy.filter(|copy| copy.id == stored.id).map(|copy| copy.top);
                    let top = top.map(|top| core.entry_of_thread(place, top));
                    Some((core.entry_of(channel, post)?, top))
                });
                // Of a post that is gone there may be the number that it had.
                let post = post.flatten();
                let said_as = message.sent_as.map(|sender| sender == channel.into());
                let pinned = message.pinned;
                all.insert(entry, Shown { words: message.text, pinned, thread, post, said_as });
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    words: String,
    pinned: bool,
    /// The entry with which its thread begins, and how many messages are in that.
    thread: Option<(EntryRef, i32)>,
    /// The entry of the post that it is the copy of, and of the copy with which it is discussed.
    post: Option<(EntryRef, Option<Option<EntryRef>>)>,
    /// In the channel's name.
    said_as: Option<bool>,
}

#[tokio::test]
async fn members_of_all_nodes_read_and_write_comments() {
    let world = Discussed::new(3).await;
    let nodes = &world.nodes;
    let first = world.post("ships").await;
    world.comment(0, "ships", "which ones?").await.unwrap();
    for node in [1, 2] {
        nodes.join(node, "harbour_news").await;
        // Where comments are shows; that they are brought is for somebody here to want.
        let news = nodes.at(node, world.news);
        let number = nodes.core(node).discussion_to_open(news).expect("a number");
        assert!(nodes.core(node).channel(news).unwrap().linked == Some(number));
        assert!(!nodes.has(node, world.talk));
        let (group, top) = world.open(node, "ships").await.unwrap();
        assert_eq!((group, nodes.at(node, world.talk)), (number, number));
        assert_eq!(nodes.core(node).discussion_to_open(news), None);
        let who = nodes.people[node];
        let page = nodes.core(node).open_thread(who.id, group, top).await.unwrap();
        assert_eq!((page.messages.len(), page.unread), (1, 1));
        let copy = &page.messages[0].message;
        assert_eq!((copy.text.as_str(), copy.sent_as), ("ships", Some(news.into())));
        assert_eq!(copy.post(), Some((news, world.post_on(node, "ships").await)));
        let recent = nodes.core(node).thread(group, top).unwrap().unwrap().recent;
        let owner = nodes.core(node).channel(group).unwrap().creator;
        assert_eq!(recent, [owner.into()], "who commented last");
        // Nobody says that a copy was pinned.
        assert!(copy.pinned);
        let said = nodes.core(node).history(who.id, group.into(), ALL).await.unwrap();
        let pins = said.messages.iter().filter(|s| s.message.action == Some(message::Action::Pin));
        assert_eq!(pins.count(), 0);
    }
    // Without being in the group; their nodes are let in for that.
    for (node, words) in [(1, "the big ones"), (2, "all of them")] {
        let sent = world.comment(node, "ships", words).await.unwrap();
        let group = nodes.at(node, world.talk);
        let own = nodes.core(node).participant(group, nodes.people[node].id).unwrap();
        assert!(own.is_none_or(|own| !own.joined) && sent.message.thread.is_some());
    }
    nodes.heal(&[world.news, world.talk]).await;
    let expected = ["all of them", "the big ones", "which ones?"].map(str::to_owned);
    let expected = BTreeMap::from([("ships".to_owned(), (3, expected.to_vec()))]);
    for node in 0..3 {
        assert_eq!(world.comments(node).await, expected, "{node}");
    }
    // What becomes of a post becomes of its copy, and of the comments.
    let (ada, home) = (nodes.people[0], nodes.core(0));
    let news = nodes.at(0, world.news);
    let edit = Edit::text(text("ships, mended"));
    home.edit(ada.actor(), ada.id, news.into(), first.id, edit).await.unwrap();
    world.post("sails").await;
    nodes.heal(&[world.news, world.talk]).await;
    let Discussed { nodes, news, talk } = world;
    let world = Discussed { nodes: nodes.reopen().await, news, talk };
    let nodes = &world.nodes;
    for node in 0..3 {
        let (group, top) = world.open(node, "ships, mended").await.unwrap();
        let copy = nodes.core(node).message(group, top).unwrap().unwrap();
        assert_eq!(copy.text, "ships, mended", "{node}");
        world.comment(node, "sails", "white").await.unwrap();
    }
    nodes.heal(&[world.news, world.talk]).await;
    let shown = world.shown(0).await;
    for node in 0..3 {
        let comments = world.comments(node).await;
        assert_eq!(comments["sails"], (3, vec!["white".to_owned(); 3]), "{node}");
        assert_eq!(comments["ships, mended"].0, 3);
        assert_eq!(world.shown(node).await, shown, "{node}");
    }
    // One's own goes, and then the post: no button is left.
    let (eve, far) = (nodes.people[1], nodes.core(1));
    let group = nodes.at(1, world.talk);
    let page = far.replies(group, world.open(1, "sails").await.unwrap().1, ALL).await.unwrap();
    let own = page.messages.iter().find(|stored| stored.message.from == eve.id).unwrap().id;
    far.delete_in_channel(eve.actor(), eve.id, group, vec![own]).await.unwrap();
    let first = world.post_on(0, "ships, mended").await;
    let (ada, home, channel) = (nodes.people[0], nodes.core(0), nodes.at(0, world.news));
    home.delete_in_channel(ada.actor(), ada.id, channel, vec![first]).await.unwrap();
    nodes.heal(&[world.news, world.talk]).await;
    for node in 0..3 {
        let comments = world.comments(node).await;
        assert_eq!(comments.len(), 1);
        assert_eq!(comments["sails"], (2, vec!["white".to_owned(); 2]), "{node}");
    }
    // Who only reads the group where they have to be in it does not comment.
    let join = ChannelSetting::JoinToSend(true);
    let group = nodes.at(0, world.talk);
    home.set_in_channel(ada.actor(), ada.id, group, join).await.unwrap();
    nodes.heal(&[world.news, world.talk]).await;
    let refused = world.comment(1, "sails", "again").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    // The link ends on all of them.
    home.set_discussion_group(ada.actor(), ada.id, Some(channel), None).await.unwrap();
    nodes.heal(&[world.news, world.talk]).await;
    for node in 0..3 {
        assert_eq!(world.comments(node).await, BTreeMap::new(), "{node}");
        let found = nodes.core(node).channel(nodes.at(node, world.talk)).unwrap();
        assert_eq!(found.linked, None);
    }
}

#[tokio::test]
async fn a_private_group_in_which_a_channel_is_discussed_goes_to_no_other_node() {
    let world = Discussed::new(2).await;
    let nodes = &world.nodes;
    let (ada, home) = (nodes.people[0], nodes.core(0));
    let group = nodes.at(0, world.talk);
    home.update_channel_username(ada.actor(), ada.id, group, String::new()).await.unwrap();
    world.post("ships").await;
    nodes.join(1, "harbour_news").await;
    let refused = world.open(1, "ships").await;
    assert!(matches!(refused, Err(CoreError::UnknownChannel)), "{refused:?}");
    assert!(!nodes.has(1, world.talk));
    // Who may not read the channel brings nothing either.
    let news = nodes.at(1, world.news);
    let refused = nodes.core(1).open_discussion(UserId(999_999), news).await;
    assert!(refused.is_err());
    // What says of itself that it is discussed in a group that does not say so is not.
    let (other, _) = nodes.public(false, "someone_elses").await;
    home.update_channel_username(ada.actor(), ada.id, other, String::new()).await.unwrap();
    assert_eq!(nodes.core(1).channel(news).unwrap().members, 2);
}

/// A group that a channel names and that does not name the channel.
#[tokio::test]
async fn both_logs_have_to_say_that_they_are_linked() {
    let nodes = Nodes::new(2).await;
    let (channel, news) = nodes.public(true, "harbour_news").await;
    let (group, talk) = nodes.public(false, "harbour_talk").await;
    nodes.core(0).claim_link(channel, group).await;
    let world = Discussed { nodes, news, talk };
    world.post("ships").await;
    let there = world.nodes.join(1, "harbour_news").await;
    assert!(world.nodes.core(1).discussion_to_open(there).is_some());
    let refused = world.open(1, "ships").await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)), "{refused:?}");
    assert_eq!(world.nodes.core(1).channel(there).unwrap().linked, None);
    assert_eq!(world.nodes.core(1).channel(world.nodes.at(1, talk)).unwrap().linked, None);
}

/// A private channel in which an admin of another node posts, discussed in a public group: the node of
/// that group's owner copies what is posted elsewhere, once.
#[tokio::test]
async fn what_is_posted_on_another_node_is_copied_by_the_node_of_the_groups_owner() {
    let nodes = Nodes::new(2).await;
    let (home, ada, eve) = (&nodes.worlds[0], nodes.people[0], nodes.people[1]);
    let channel = home.channel(ada, true).await;
    let news = GroupId(home.core.name_of_log(channel));
    let (group, talk) = nodes.public(false, "harbour_talk").await;
    let core = &home.core;
    core.set_discussion_group(ada.actor(), ada.id, Some(channel), Some(group)).await.unwrap();
    let user = nodes.known(0, 1).await;
    core.add_to_channel(ada.actor(), ada.id, channel, vec![user]).await.unwrap();
    let rights = AdminRights::POST_MESSAGES.and(AdminRights::EDIT_MESSAGES);
    core.edit_channel_admin(ada.actor(), ada.id, channel, user, rights, "Mate".into())
        .await
        .unwrap();
    let world = Discussed { nodes, news, talk };
    let nodes = &world.nodes;
    nodes.heal(&[news]).await;
    let there = nodes.at(1, news);
    let far = &nodes.worlds[1];
    // Also while the group is not there.
    let first = far.post(eve, there, "from elsewhere").await.unwrap();
    nodes.heal(&[news]).await;
    world.comment(1, "from elsewhere", "first").await.unwrap();
    let second = far.post(eve, there, "more").await.unwrap();
    let edit = Edit::text(text("from elsewhere, mended"));
    far.core.edit(eve.actor(), eve.id, there.into(), first.id, edit).await.unwrap();
    nodes.heal(&[news, talk]).await;
    nodes.heal(&[news, talk]).await;
    let copies = world.shown(0).await;
    let copied: Vec<&str> =
        copies.values().filter(|one| one.post.is_some()).map(|one| one.words.as_str()).collect();
    assert_eq!(copied, ["from elsewhere, mended", "more"]);
    assert_eq!(world.shown(1).await, copies);
    let comments = world.comments(1).await;
    assert_eq!(comments["from elsewhere, mended"], (1, vec!["first".to_owned()]));
    assert_eq!(world.comments(0).await, comments);
    assert!(far.core.copy_of_post(there, second.id).unwrap().is_some());
}

/// Posts and comments at random on three nodes that hear of each other in parts, restarted now and then:
/// with the same entries all show the same threads, copies and counts.
#[tokio::test]
async fn nodes_with_the_same_entries_show_the_same_comments() {
    let seeds = if full() { 40 } else { 6 };
    for seed in 0..seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = Discussed::new(3).await;
        world.post("post 0").await;
        for node in [1, 2] {
            world.nodes.join(node, "harbour_news").await;
            world.comment(node, "post 0", "first").await.unwrap();
        }
        for step in 0..60 {
            let node = rng.random_range(0..3);
            match rng.random_range(0..12) {
                0 => drop(world.post(&format!("post {step}")).await),
                1 => album(&world, step).await,
                2..=4 => {
                    let posts = world.posts(node).await;
                    if !posts.is_empty() {
                        let post = &posts[rng.random_range(0..posts.len())].1.text;
                        // Its copy may not be here yet.
                        let _ = world.comment(node, post, &format!("comment {step}")).await;
                    }
                }
                5 => answer_any(&world, node, step, &mut rng).await,
                6 => change_any(&world, node, step, &mut rng).await,
                7 if rng.random_bool(0.3) => {
                    let Discussed { nodes, news, talk } = world;
                    world = Discussed { nodes: nodes.reopen().await, news, talk };
                }
                _ => {
                    let to = (node + rng.random_range(1..3)) % 3;
                    let group = if rng.random_bool(0.3) { world.news } else { world.talk };
                    world.nodes.bring_some(node, to, group, &mut rng).await;
                }
            }
            if rng.random_bool(0.05) {
                // What waits for what it builds on is shown without it.
                world.nodes.worlds[0].pass_s(60);
                for node in 0..3 {
                    world.nodes.core(node).tick_logs().await.unwrap();
                }
            }
        }
        world.nodes.heal(&[world.news, world.talk]).await;
        let (shown, comments) = (world.shown(0).await, world.comments(0).await);
        assert!(shown.len() > 10, "{seed}: {}", shown.len());
        for node in [1, 2] {
            let there = world.shown(node).await;
            for (entry, one) in &shown {
                assert_eq!(there.get(entry), Some(one), "seed {seed}, node {node}");
            }
            assert_eq!(there.len(), shown.len());
            assert_eq!(world.comments(node).await, comments, "seed {seed}, node {node}");
        }
    }
}

async fn album(world: &Discussed, step: i64) {
    let (home, ada) = (&world.nodes.worlds[0], world.nodes.people[0]);
    let place = world.nodes.at(0, world.news);
    let one = |part: i64| Outgoing {
        grouped_id: step + 1,
        ..Outgoing::text(place.into(), text(&format!("album {step}.{part}")), home.number())
    };
    home.core.send_album(ada.actor(), ada.id, vec![one(0), one(1), one(2)]).await.unwrap();
}

/// A message of the group on a node that the log knows.
async fn any(world: &Discussed, node: usize, rng: &mut StdRng) -> Option<(MessageId, Message)> {
    let (core, who) = (world.nodes.core(node), world.nodes.people[node]);
    let place = world.nodes.at(node, world.talk);
    let page = core.history(who.id, place.into(), ALL).await.unwrap();
    let mut known = page.messages.into_iter().filter(|stored| stored.message.action.is_none());
    let count = known.clone().count();
    let found = known.nth(rng.random_range(0..count.max(1)))?;
    Some((found.id, found.message))
}

async fn answer_any(world: &Discussed, node: usize, step: i64, rng: &mut StdRng) {
    let Some((id, _)) = any(world, node, rng).await else { return };
    let place = world.nodes.at(node, world.talk);
    let who = world.nodes.people[node];
    let words = format!("answer {step}");
    world.nodes.worlds[node].answer(who, place, id, &words).await.unwrap();
}

/// Deletes or edits a message, if it is theirs to change.
async fn change_any(world: &Discussed, node: usize, step: i64, rng: &mut StdRng) {
    let (core, who) = (world.nodes.core(node), world.nodes.people[node]);
    let place = world.nodes.at(node, world.talk);
    let Some((id, _)) = any(world, node, rng).await else { return };
    if rng.random_bool(0.5) {
        let _ = core.delete_in_channel(who.actor(), who.id, place, vec![id]).await;
    } else {
        let edit = Edit::text(text(&format!("edited {step}")));
        let _ = core.edit(who.actor(), who.id, place.into(), id, edit).await;
    }
    if node == 0 && rng.random_bool(0.5) {
        let posts = world.posts(0).await;
        let Some((id, _)) = posts.get(rng.random_range(0..posts.len().max(1))) else { return };
        let channel = world.nodes.at(0, world.news);
        if rng.random_bool(0.3) {
            core.delete_in_channel(who.actor(), who.id, channel, vec![*id]).await.unwrap();
        } else {
            let edit = Edit::text(text(&format!("post {step}, edited")));
            let _ = core.edit(who.actor(), who.id, channel.into(), *id, edit).await;
        }
    }
}

/// A message is gone before another node comes: what is said there to those who had answered it stands in
/// its thread all the same.
#[tokio::test]
async fn a_thread_goes_on_without_the_message_with_which_it_began() {
    let nodes = Nodes::new(2).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let (home, ada, eve) = (&nodes.worlds[0], nodes.people[0], nodes.people[1]);
    let first = home.post(ada, place, "first").await.unwrap().id;
    let answer = home.answer(ada, place, first, "one").await.unwrap().id;
    let gone = vec![first];
    home.core.delete_in_channel(ada.actor(), ada.id, place, gone).await.unwrap();
    let there = nodes.join(1, "harbour_talk").await;
    let entry = home.core.entry_of(place, answer).unwrap();
    let answered = nodes.message_of(1, there, entry).await;
    let more = nodes.worlds[1].answer(eve, there, answered, "two").await.unwrap();
    nodes.heal(&[group]).await;
    let (count, began) = {
        let thread = home.core.thread(place, first).unwrap().expect("the thread");
        (thread.count, home.core.entry_of_thread(place, first))
    };
    assert_eq!(count, 2);
    let top = more.message.thread.expect("a thread");
    assert_eq!(nodes.core(1).thread(there, top).unwrap().unwrap().count, 2);
    assert_eq!(nodes.core(1).entry_of_thread(there, top), began);
}

#[tokio::test]
async fn what_somebody_else_than_the_groups_owner_calls_a_copy_is_none() {
    let world = Discussed::new(3).await;
    let nodes = &world.nodes;
    let post = world.post("ships").await.id;
    for node in [1, 2] {
        nodes.join(node, "harbour_news").await;
        world.comment(node, "ships", "seen").await.unwrap();
    }
    nodes.heal(&[world.news, world.talk]).await;
    let news = nodes.at(0, world.news);
    let before = nodes.core(0).copy_of_post(news, post).unwrap();
    assert!(before.is_some());
    let (eve, place) = (nodes.people[1].id, nodes.at(1, world.talk));
    let there = (nodes.at(1, world.news), world.post_on(1, "ships").await);
    nodes.core(1).claim_copy(place, eve, there).await;
    nodes.heal(&[world.news, world.talk]).await;
    for node in [0, 2] {
        let (core, who) = (nodes.core(node), nodes.people[node]);
        let talk = nodes.at(node, world.talk);
        let page = core.history(who.id, talk.into(), ALL).await.unwrap();
        let said = page.messages.iter().find(|one| one.message.text == "not a copy");
        let said = &said.expect("a message").message;
        assert_eq!((said.sent_as, said.post()), (None, None), "{node}");
        assert_eq!(said.from, nodes.known(node, 1).await);
        assert_eq!(world.comments(node).await["ships"].0, 2);
    }
    assert_eq!(nodes.core(0).copy_of_post(news, post).unwrap(), before);
}

/// As who comments there: the vote is in the lane of the voter's node, with a name.
#[tokio::test]
async fn who_votes_without_being_in_a_group_has_their_node_let_in() {
    let world = Discussed::new(2).await;
    let (nodes, talk) = (&world.nodes, world.talk);
    world.post("ships").await;
    nodes.join(1, "harbour_news").await;
    let (home, far) = (&nodes.worlds[0], &nodes.worlds[1]);
    let asked = home.ask(nodes.people[0], nodes.at(0, talk).into(), poll(2)).await.unwrap();
    world.open(1, "ships").await.unwrap();
    nodes.heal(&[world.news, talk]).await;
    let entry = home.core.entry_of(nodes.at(0, talk), asked.id).unwrap();
    let there = nodes.at(1, talk);
    let id = far.core.write(None, move |decide| decide.message_of_entry(there, &entry));
    let id = id.await.unwrap().expect("it is shown");
    far.vote(nodes.people[1], there.into(), id, &[1]).await.unwrap();
    nodes.heal(&[talk]).await;
    let shown = home.poll(nodes.people[0], number(&asked)).poll;
    let votes: Vec<u32> = shown.answers.iter().map(|answer| answer.voters).collect();
    assert_eq!((votes, shown.recent.len()), (vec![0, 1], 1));
}
