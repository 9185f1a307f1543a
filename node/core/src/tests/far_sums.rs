//! What people of nodes that only read do in a channel comes to its home, and the sum of all to everybody:
//! nothing twice, nothing too little, whatever happens on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glog::cbor::List;
use glog::{EntryRef, GroupId};

use super::federation::{Line, Way, fetch};
use super::mail::deliver;
use super::polls::poll;
use super::world::{Member, World};
use crate::federation::{Kind, Post, SumsOf, SumsTold};
use crate::*;

const DAY_S: u64 = 86_400;

/// A channel of the first node that the others read.
struct News {
    worlds: Vec<World>,
    /// One of each node, who is in it.
    people: Vec<Member>,
    group: GroupId,
}

impl News {
    async fn new() -> Self {
        let mut home = World::new().await;
        let mut worlds = vec![World::other(&home, 1).await, World::other(&home, 2).await];
        let ada = home.member("Ada").await;
        let channel = home.channel(ada, true).await;
        home.named(ada, channel, "harbour_news").await;
        let group = GroupId(home.core.name_of_log(channel));
        let mut people = vec![ada];
        for (world, name) in worlds.iter_mut().zip(["Eve", "Gus"]) {
            let member = world.member(name).await;
            people.push(member);
            let (to, cut) = (Line(home.core.clone()), Arc::new(AtomicBool::new(false)));
            let way = Way { from: world.core.clone(), to, cut };
            world.core.connect(Arc::new(way));
            let found = world.core.resolve_far(member.id, "harbour_news", "home.example").await;
            let there = found.unwrap().channel().expect("a channel");
            world.core.join_channel(member.actor(), member.id, there).await.unwrap();
            world.core.learn_node(home.core.cert()).await.unwrap();
            home.core.learn_node(world.core.cert()).await.unwrap();
        }
        let (one, other) = (worlds[0].core.cert(), worlds[1].core.cert());
        worlds[0].core.learn_node(other).await.unwrap();
        worlds[1].core.learn_node(one).await.unwrap();
        worlds.insert(0, home);
        let news = Self { worlds, people, group };
        // That they are there is told.
        news.round().await;
        news
    }

    fn core(&self, node: usize) -> &Core {
        &self.worlds[node].core
    }

    fn at(&self, node: usize) -> ChannelId {
        self.core(node).channel_of_group(self.group).unwrap().expect("it is there")
    }

    async fn id(&self, node: usize, post: &EntryRef) -> Option<MessageId> {
        let (channel, post) = (self.at(node), *post);
        let found = self.core(node).write(None, move |d| d.message_of_entry(channel, &post));
        found.await.unwrap()
    }

    async fn shown(&self, node: usize, post: &EntryRef) -> MessageId {
        self.id(node, post).await.expect("it is shown")
    }

    fn pass_s(&self, seconds: u64) {
        self.worlds[0].pass_s(seconds);
    }

    async fn tick(&self, node: usize) {
        self.core(node).tick().await.unwrap();
    }

    /// Readers have what the home has.
    async fn heal(&self) {
        for node in 1..self.worlds.len() {
            fetch(self.core(0), self.core(node), self.group).await;
        }
    }

    async fn letters(&self, from: usize, to: usize) {
        deliver(&self.worlds[from], &self.worlds[to]).await;
    }

    /// All that was done is told, counted, said and shown.
    async fn round(&self) {
        self.round_with(0).await;
    }

    /// The same where another node is the home.
    async fn round_with(&self, home: usize) {
        let others: Vec<usize> = (0..self.worlds.len()).filter(|node| *node != home).collect();
        self.pass_s(11);
        for node in 0..self.worlds.len() {
            self.tick(node).await;
        }
        for node in &others {
            self.letters(*node, home).await;
        }
        self.pass_s(11);
        self.tick(home).await;
        for node in &others {
            fetch(self.core(home), self.core(*node), self.group).await;
            self.letters(home, *node).await;
        }
    }

    /// Ada posts something.
    async fn post(&self, words: &str) -> EntryRef {
        let post = self.post_unread(words).await;
        self.heal().await;
        post
    }

    async fn post_unread(&self, words: &str) -> EntryRef {
        let (ada, channel) = (self.people[0], self.at(0));
        let sent = self.worlds[0].post(ada, channel, words).await.unwrap();
        self.core(0).entry_of(channel, sent.id).unwrap()
    }

    async fn ask(&self, answers: usize, multiple_choice: bool) -> EntryRef {
        let (ada, channel) = (self.people[0], self.at(0));
        let new = NewPoll { public_voters: false, multiple_choice, ..poll(answers) };
        let sent = self.worlds[0].ask(ada, channel.into(), new).await.unwrap();
        self.heal().await;
        self.core(0).entry_of(channel, sent.id).unwrap()
    }

    async fn vote(&self, node: usize, post: &EntryRef, at: &[u8]) {
        self.vote_by(node, self.people[node], post, at).await.unwrap();
    }

    async fn vote_by(
        &self,
        node: usize,
        by: Member,
        post: &EntryRef,
        at: &[u8],
    ) -> CoreResult<PollId> {
        let id = self.shown(node, post).await;
        self.worlds[node].vote(by, self.at(node).into(), id, at).await
    }

    /// Votes for each option, and how many have voted.
    async fn votes(&self, node: usize, post: &EntryRef) -> (Vec<u32>, u32) {
        let id = self.shown(node, post).await;
        let by = self.people[node];
        let poll = self.core(node).poll_in(by.id, self.at(node).into(), id).await.unwrap();
        let poll = self.worlds[node].poll(by, poll).poll;
        (poll.answers.iter().map(|answer| answer.voters).collect(), poll.voters)
    }

    async fn all_have_votes(&self, post: &EntryRef, votes: &[u32], voters: u32) {
        for node in 0..self.worlds.len() {
            assert_eq!(self.votes(node, post).await, (votes.to_vec(), voters), "at {node}");
        }
    }

    async fn react(&self, node: usize, by: Member, post: &EntryRef, with: &str) {
        let id = self.shown(node, post).await;
        let with: Vec<Reaction> =
            Some(with).filter(|with| !with.is_empty()).map(emoji).into_iter().collect();
        let (peer, how) = (self.at(node).into(), ReactHow::default());
        self.core(node).react(by.actor(), by.id, peer, id, with, how).await.unwrap();
    }

    async fn reactions(&self, node: usize, post: &EntryRef) -> BTreeMap<String, i32> {
        let id = self.shown(node, post).await;
        let message = self.core(node).message(self.at(node), id).unwrap().unwrap();
        let view = self.core(node).reactions(self.people[node].id, id, &message).unwrap();
        let counts = view.unwrap_or_default().counts.into_iter();
        let name = |reaction: Reaction| match reaction {
            Reaction::Emoji(emoji) => emoji,
            Reaction::Custom(file) => format!("#{}", file.0),
        };
        counts.map(|one| (name(one.reaction), one.count)).collect()
    }

    async fn all_have_reactions(&self, post: &EntryRef, expected: &[(&str, i32)]) {
        let expected: BTreeMap<String, i32> =
            expected.iter().map(|(emoji, count)| ((*emoji).to_owned(), *count)).collect();
        for node in 0..self.worlds.len() {
            assert_eq!(self.reactions(node, post).await, expected, "at {node}");
        }
    }

    async fn see(&self, node: usize, by: Member, post: &EntryRef) {
        let id = self.shown(node, post).await;
        self.core(node).view_posts(by.id, self.at(node), &[id], true).await.unwrap();
    }

    async fn views(&self, node: usize, post: &EntryRef) -> i32 {
        let id = self.shown(node, post).await;
        self.core(node).post_counts(self.at(node), id).unwrap().views
    }

    async fn all_have_views(&self, post: &EntryRef, views: i32) {
        for node in 0..self.worlds.len() {
            assert_eq!(self.views(node, post).await, views, "at {node}");
        }
    }

    /// Somebody else of a node, in the channel.
    async fn another(&mut self, node: usize, name: &str) -> Member {
        let member = self.worlds[node].member(name).await;
        let channel = self.at(node);
        let core = self.core(node);
        core.join_channel(member.actor(), member.id, channel).await.unwrap();
        member
    }

    /// Entries of the home's lane.
    fn entries(&self) -> usize {
        self.core(0).log_entries(self.at(0)).len()
    }

    /// How often the home has said the sum of something.
    fn sums(&self) -> usize {
        let entries = self.core(0).log_entries(self.at(0));
        entries.iter().filter(|entry| entry.header().kind == 78).count()
    }

    async fn reopen(mut self, node: usize) -> Self {
        let world = self.worlds.remove(node);
        self.worlds.insert(node, world.reopen());
        self
    }

    /// A letter that a node writes, whatever is true.
    async fn says(&self, node: usize, change: impl FnOnce(&mut SumsTold)) {
        let number = 2_000_000_000_000;
        let mut said = SumsTold {
            group: self.group,
            number,
            after: 0,
            since: 0,
            members: 3,
            people: 3,
            mark: [9; 8],
            of: List::default(),
        };
        change(&mut said);
        let to = self.core(0).node().short();
        let post = Post::new(to, Kind::SUMS, &said).unwrap();
        self.core(node).write(None, move |decide| decide.post(post)).await.unwrap();
        self.letters(node, 0).await;
    }
}

fn emoji(emoticon: &str) -> Reaction {
    Reaction::Emoji(emoticon.to_owned())
}

fn told(target: EntryRef, votes: &[(u16, u64)], views: u64) -> List<SumsOf, 128> {
    let of = SumsOf {
        target,
        reactions: List::default(),
        votes: List::new(votes.to_vec()).unwrap(),
        voters: votes.iter().map(|(_, count)| count).sum(),
        views,
    };
    List::new(vec![of]).unwrap()
}

#[tokio::test]
async fn votes_of_readers_are_counted_at_the_home_and_everywhere() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    assert_eq!(news.votes(1, &asked).await, (vec![0, 1], 1), "one's own at once");
    assert_eq!(news.votes(0, &asked).await, (vec![0, 0], 0));
    news.vote(2, &asked, &[1]).await;
    news.vote(0, &asked, &[0]).await;
    news.round().await;
    news.all_have_votes(&asked, &[1, 2], 3).await;
    // Changed and taken back; over restarts of all.
    news.vote(1, &asked, &[0]).await;
    assert_eq!(news.votes(1, &asked).await, (vec![2, 1], 3), "its own is not in the sum twice");
    news.round().await;
    news.all_have_votes(&asked, &[2, 1], 3).await;
    let mut news = news;
    for node in 0..3 {
        news = news.reopen(node).await;
    }
    news.all_have_votes(&asked, &[2, 1], 3).await;
    news.vote(1, &asked, &[]).await;
    news.vote(2, &asked, &[]).await;
    news.round().await;
    news.all_have_votes(&asked, &[1, 0], 1).await;
    // Nothing more is written when there is nothing more to say.
    let before = news.entries();
    for _ in 0..3 {
        news.round().await;
    }
    assert_eq!(news.entries(), before);
}

#[tokio::test]
async fn at_no_time_is_a_vote_counted_twice_or_taken_away() {
    let mut news = News::new().await;
    let asked = news.ask(2, true).await;
    let more = [news.another(1, "Fay").await, news.another(1, "Hal").await];
    news.vote(2, &asked, &[1]).await;
    news.vote(1, &asked, &[0, 1]).await;
    news.round().await;
    news.all_have_votes(&asked, &[1, 2], 2).await;
    // Of each step of the way, while more vote at any of them.
    for (turn, by) in more.into_iter().enumerate() {
        let known = 2 + u32::try_from(turn).unwrap();
        news.vote_by(1, by, &asked, &[0]).await.unwrap();
        let mine = async || assert_eq!(news.votes(1, &asked).await, (vec![known, 2], known + 1));
        mine().await;
        news.pass_s(11);
        news.tick(1).await;
        mine().await;
        news.letters(1, 0).await;
        mine().await;
        assert_eq!(news.votes(0, &asked).await, (vec![known, 2], known + 1), "at home at once");
        news.pass_s(11);
        news.tick(0).await;
        mine().await;
        fetch(news.core(0), news.core(1), news.group).await;
        mine().await;
        assert_eq!(news.votes(2, &asked).await, (vec![known - 1, 2], known), "not told yet");
        news.heal().await;
        news.all_have_votes(&asked, &[known, 2], known + 1).await;
    }
}

#[tokio::test]
async fn reactions_of_readers_are_counted_at_the_home_and_everywhere() {
    let mut news = News::new().await;
    let post = news.post("ships").await;
    let (eve, gus, ada) = (news.people[1], news.people[2], news.people[0]);
    let fay = news.another(1, "Fay").await;
    news.react(1, eve, &post, "👍").await;
    assert_eq!(news.reactions(1, &post).await, [("👍".to_owned(), 1)].into());
    news.react(1, fay, &post, "🔥").await;
    news.react(2, gus, &post, "👍").await;
    news.react(0, ada, &post, "👍").await;
    news.round().await;
    news.all_have_reactions(&post, &[("👍", 3), ("🔥", 1)]).await;
    news.react(1, eve, &post, "🔥").await;
    news.react(2, gus, &post, "").await;
    news.round().await;
    news.all_have_reactions(&post, &[("👍", 1), ("🔥", 2)]).await;
    let mut news = news;
    for node in 0..3 {
        news = news.reopen(node).await;
    }
    news.react(1, eve, &post, "").await;
    news.react(1, fay, &post, "").await;
    news.round().await;
    news.all_have_reactions(&post, &[("👍", 1)]).await;
}

#[tokio::test]
async fn what_is_done_while_the_home_is_away_comes_in_one_letter() {
    let news = News::new().await;
    let mut posts = Vec::new();
    for number in 0..150 {
        posts.push(news.post_unread(&format!("post {number}")).await);
    }
    news.heal().await;
    let eve = news.people[1];
    for (number, post) in posts.iter().enumerate() {
        news.react(1, eve, post, "👍").await;
        if number % 50 == 0 {
            news.pass_s(11);
            news.tick(1).await;
        }
    }
    news.pass_s(11);
    news.tick(1).await;
    let waiting = news.core(1).mail_waiting().unwrap();
    assert_eq!(waiting.iter().map(|mail| mail.letters).sum::<u32>(), 1, "it is replaced");
    // What one letter does not hold comes with the next.
    let news = news.reopen(1).await;
    for _ in 0..4 {
        news.round().await;
    }
    for post in &posts {
        news.all_have_reactions(post, &[("👍", 1)]).await;
    }
    assert!(news.core(1).mail_waiting().unwrap().is_empty());
}

#[tokio::test]
async fn views_of_readers_are_counted_at_the_home_and_everywhere() {
    let mut news = News::new().await;
    let post = news.post("ships").await;
    let fay = news.another(1, "Fay").await;
    let bob = news.another(0, "Bob").await;
    let (eve, gus) = (news.people[1], news.people[2]);
    for by in [eve, fay, eve] {
        news.see(1, by, &post).await;
    }
    news.see(2, gus, &post).await;
    news.see(0, bob, &post).await;
    // Who posted it counts as one everywhere; views are told when they are written.
    assert_eq!((news.views(1, &post).await, news.views(0, &post).await), (3, 2));
    for _ in 0..2 {
        news.round().await;
    }
    news.all_have_views(&post, 5).await;
    // Views alone are said when they have grown by some, or late.
    let before = news.sums();
    for number in 0..40 {
        let by = news.another(0, &format!("Reader {number}")).await;
        news.see(0, by, &post).await;
        news.round().await;
    }
    let said = news.sums() - before;
    assert!((10..30).contains(&said), "{said}");
    assert_eq!(news.views(0, &post).await, 45);
    news.pass_s(3_600);
    news.tick(0).await;
    news.pass_s(11);
    news.round().await;
    news.all_have_views(&post, 45).await;
}

#[tokio::test]
async fn an_older_letter_counts_nothing() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    news.pass_s(11);
    news.tick(1).await;
    // The letter is held back, and another one comes first.
    let to = news.core(0).node().short();
    let held = news.core(1).next_letter(to).await.unwrap().unwrap();
    news.vote(1, &asked, &[0]).await;
    news.round().await;
    news.all_have_votes(&asked, &[1, 0], 1).await;
    let from = news.core(1).node();
    news.core(0).take_letter(from, held.sealed.clone()).await.unwrap();
    news.core(0).take_letter(from, held.sealed).await.unwrap();
    news.round().await;
    news.all_have_votes(&asked, &[1, 0], 1).await;
}

#[tokio::test]
async fn a_lost_answer_and_a_lost_entry_change_nothing() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    news.pass_s(11);
    news.tick(1).await;
    // Taken, and the answer is lost: another takes its place.
    let to = news.core(0).node().short();
    let letter = news.core(1).next_letter(to).await.unwrap().unwrap();
    news.core(0).take_letter(news.core(1).node(), letter.sealed).await.unwrap();
    news.pass_s(11);
    news.tick(0).await;
    news.vote(1, &asked, &[0]).await;
    news.pass_s(11);
    news.tick(1).await;
    news.heal().await;
    assert_eq!(news.votes(1, &asked).await, (vec![1, 0], 1), "what was counted is known");
    news.round().await;
    news.all_have_votes(&asked, &[1, 0], 1).await;
}

#[tokio::test]
async fn nobody_counts_for_more_than_they_are() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.says(1, |said| said.of = told(asked, &[(0, 50), (9, 50)], 1_000)).await;
    assert_eq!(news.votes(0, &asked).await, (vec![3, 0], 3));
    assert_eq!(news.views(0, &asked).await, 4);
    // Nor says anybody that they are a million, whom nobody has connected to.
    news.says(1, |said| {
        (said.number, said.members, said.people) = (said.number + 1, 1 << 40, 1 << 40);
        said.of = told(asked, &[(0, 1 << 40)], 1 << 40);
    })
    .await;
    assert_eq!(news.votes(0, &asked).await.0, [1_000, 0], "a tenth, on the first day");
    // Of what is not there nothing is kept.
    let nothing = EntryRef { seq: asked.seq + 100, ..asked };
    let rows = news.rows(84);
    news.says(1, |said| {
        said.number += 2;
        said.of = told(nothing, &[(0, 1)], 1);
    })
    .await;
    assert_eq!(news.rows(84), rows);
}

impl News {
    /// Rows of one kind at the home.
    fn rows(&self, kind: u8) -> usize {
        use node_store::{Keyspace, Order, Store as _};
        let (from, to) = ([kind], [kind + 1]);
        let disk = &self.worlds[0].disk;
        disk.scan(Keyspace::NODES, &from, Some(&to), 100_000, Order::Ascending).unwrap().len()
    }
}

#[tokio::test]
async fn nothing_is_taken_for_what_nobody_else_reads() {
    let news = News::new().await;
    let (ada, home) = (news.people[0], &news.worlds[0]);
    let taken = async |group: GroupId| {
        let before = news.core(1).mail_waiting().unwrap().len();
        news.says(1, |said| said.group = group).await;
        assert_eq!(news.core(1).mail_waiting().unwrap().len(), before, "it does not come again");
        news.rows(83)
    };
    let readers = news.rows(83);
    let private = home.channel(ada, true).await;
    assert_eq!(taken(GroupId(news.core(0).name_of_log(private))).await, readers);
    let crew = home.channel(ada, false).await;
    home.named(ada, crew, "harbour_crew").await;
    assert_eq!(taken(GroupId(news.core(0).name_of_log(crew))).await, readers);
    assert_eq!(taken(GroupId([7; 32])).await, readers);
}

#[tokio::test]
async fn a_node_that_is_blocked_or_gone_counts_no_more() {
    for blocked in [true, false] {
        let news = News::new().await;
        let asked = news.ask(2, false).await;
        news.vote(1, &asked, &[1]).await;
        news.vote(2, &asked, &[1]).await;
        news.round().await;
        news.all_have_votes(&asked, &[0, 2], 2).await;
        let node = news.core(1).node().short();
        if blocked {
            news.core(0).block_node(node, true).await.unwrap();
        } else {
            // The other one says now and then that it is there.
            for _ in 0..31 {
                news.pass_s(DAY_S);
                news.tick(2).await;
                news.letters(2, 0).await;
            }
        }
        news.tick(0).await;
        news.tick(0).await;
        assert_eq!(news.votes(0, &asked).await, (vec![0, 1], 1), "{blocked}");
        news.pass_s(11);
        news.tick(0).await;
        news.heal().await;
        assert_eq!(news.votes(2, &asked).await, (vec![0, 1], 1));
        // It comes back, and is asked for all of it.
        if blocked {
            news.core(0).block_node(node, false).await.unwrap();
        }
        news.pass_s(DAY_S);
        for _ in 0..3 {
            news.round().await;
        }
        news.all_have_votes(&asked, &[0, 2], 2).await;
    }
}

#[tokio::test]
async fn what_is_deleted_is_forgotten_and_a_closed_poll_stays_as_it_is() {
    let news = News::new().await;
    let (asked, post) = (news.ask(2, false).await, news.post("ships").await);
    news.vote(1, &asked, &[1]).await;
    news.react(1, news.people[1], &post, "👍").await;
    news.round().await;
    let (ada, channel) = (news.people[0], news.at(0));
    let id = news.shown(0, &asked).await;
    news.core(0).close_poll(ada.actor(), ada.id, channel.into(), id).await.unwrap();
    news.heal().await;
    let refused = news.vote_by(2, news.people[2], &asked, &[0]).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::Closed))), "{refused:?}");
    news.round().await;
    news.all_have_votes(&asked, &[0, 1], 1).await;
    // Both go; also what was on its way.
    news.react(2, news.people[2], &post, "🔥").await;
    let ids = vec![id, news.shown(0, &post).await];
    news.core(0).delete_in_channel(ada.actor(), ada.id, channel, ids).await.unwrap();
    for _ in 0..2 {
        news.round().await;
    }
    for kind in [81, 82, 84, 85, 86, 87, 93] {
        for world in &news.worlds {
            use node_store::{Keyspace, Order, Store as _};
            let found =
                world.disk.scan(Keyspace::NODES, &[kind], Some(&[kind + 1]), 10, Order::Ascending);
            assert_eq!(found.unwrap().len(), 0, "{kind}");
        }
    }
}

#[tokio::test]
async fn an_account_that_ends_leaves_its_votes_as_they_were() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    news.vote(2, &asked, &[1]).await;
    news.round().await;
    let eve = news.people[1];
    news.core(1).delete_account(eve.id, eve.key, None).await.unwrap();
    for _ in 0..2 {
        news.round().await;
    }
    for node in [0, 2] {
        assert_eq!(news.votes(node, &asked).await, (vec![0, 2], 2), "{node}");
    }
    // Told again, it is the same.
    news.vote(2, &asked, &[0]).await;
    news.round().await;
    assert_eq!(news.votes(0, &asked).await, (vec![1, 1], 2));
}

#[tokio::test]
async fn another_home_is_told_anew_and_counts_the_same() {
    let mut news = News::new().await;
    let (asked, post) = (news.ask(2, false).await, news.post("ships").await);
    let bob = news.another(0, "Bob").await;
    news.vote(0, &asked, &[0]).await;
    for node in [1, 2] {
        news.vote(node, &asked, &[1]).await;
        news.react(node, news.people[node], &post, "👍").await;
        news.see(node, news.people[node], &post).await;
    }
    news.see(0, bob, &post).await;
    for _ in 0..2 {
        news.round().await;
    }
    news.all_have_votes(&asked, &[1, 2], 3).await;
    news.all_have_views(&post, 4).await;
    // The first reader becomes the home: what its people did is in its own lane from now on.
    let (home, next) = (news.core(0), news.core(1));
    next.consent_to_home(news.at(1), true).await.unwrap();
    home.offer_home(news.at(0), next.node()).await.unwrap();
    news.heal().await;
    let offer = home.offer_home(news.at(0), next.node()).await.unwrap();
    let agreed = next.accept_home(home.node(), offer).await.unwrap();
    home.move_home(news.at(0), offer, next.node(), agreed).await.unwrap();
    news.heal().await;
    assert!(next.sharing(news.at(1)).unwrap().is_home);
    for _ in 0..4 {
        news.round_with(1).await;
        fetch(news.core(0), news.core(1), news.group).await;
    }
    news.round_with(1).await;
    news.all_have_votes(&asked, &[1, 2], 3).await;
    news.all_have_reactions(&post, &[("👍", 2)]).await;
    news.all_have_views(&post, 4).await;
    news.vote(2, &asked, &[0]).await;
    news.react(1, news.people[1], &post, "").await;
    for _ in 0..2 {
        news.round_with(1).await;
    }
    news.all_have_votes(&asked, &[2, 1], 3).await;
    news.all_have_reactions(&post, &[("👍", 1)]).await;
}

#[tokio::test]
async fn a_home_restored_from_a_backup_asks_for_what_it_lacks() {
    let mut news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    news.round().await;
    let backup = news.worlds[0].disk.backup();
    news.vote(1, &asked, &[0]).await;
    news.vote(2, &asked, &[0]).await;
    news.round().await;
    news.all_have_votes(&asked, &[2, 0], 2).await;
    let home = news.worlds.remove(0);
    news.worlds.insert(0, home.restored(backup).await);
    assert_eq!(news.votes(0, &asked).await, (vec![0, 1], 1));
    // Within a day, though nobody does anything.
    news.pass_s(DAY_S);
    for _ in 0..4 {
        news.round().await;
    }
    news.all_have_votes(&asked, &[2, 0], 2).await;
}

#[tokio::test]
async fn a_reader_restored_from_a_backup_tells_anew() {
    let mut news = News::new().await;
    let (asked, post) = (news.ask(2, false).await, news.post("ships").await);
    news.vote(1, &asked, &[1]).await;
    news.round().await;
    let backup = news.worlds[1].disk.backup();
    news.vote(1, &asked, &[0]).await;
    news.react(1, news.people[1], &post, "👍").await;
    news.vote(2, &asked, &[0]).await;
    news.round().await;
    news.all_have_votes(&asked, &[2, 0], 2).await;
    let reader = news.worlds.remove(1);
    news.worlds.insert(1, reader.restored(backup).await);
    for _ in 0..4 {
        news.round().await;
    }
    // Her vote is the one that her node knows, and what it does not know was never.
    news.all_have_votes(&asked, &[1, 1], 2).await;
    news.pass_s(3_601);
    news.tick(0).await;
    news.round().await;
    news.all_have_reactions(&post, &[]).await;
}

impl News {
    async fn all_have_members(&self, members: i32) {
        for node in 0..self.worlds.len() {
            let found = self.core(node).channel(self.at(node)).unwrap();
            assert_eq!(found.members_everywhere(), members, "at {node}");
        }
    }

    async fn leave(&self, node: usize, who: Member) {
        let channel = self.at(node);
        self.core(node).leave_channel(who.actor(), who.id, channel).await.unwrap();
    }
}

#[tokio::test]
async fn members_are_counted_wherever_they_are() {
    let mut news = News::new().await;
    for _ in 0..2 {
        news.round().await;
    }
    news.all_have_members(3).await;
    let fay = news.another(1, "Fay").await;
    news.another(0, "Bob").await;
    news.another(2, "Hal").await;
    assert_eq!(news.core(1).channel(news.at(1)).unwrap().members_everywhere(), 4, "at once");
    news.round().await;
    news.all_have_members(6).await;
    let mut news = news;
    for node in 0..3 {
        news = news.reopen(node).await;
    }
    news.leave(1, fay).await;
    news.leave(2, news.people[2]).await;
    news.round().await;
    news.all_have_members(4).await;
    // Few of many are said late.
    for number in 0..99 {
        news.another(0, &format!("Reader {number}")).await;
    }
    news.round().await;
    news.all_have_members(103).await;
    news.another(0, "The last").await;
    news.round().await;
    assert_eq!(news.core(1).channel(news.at(1)).unwrap().members_everywhere(), 103);
    news.pass_s(3_600);
    news.tick(0).await;
    news.round().await;
    news.all_have_members(104).await;
    // A node that is blocked has nobody.
    news.core(0).block_node(news.core(2).node().short(), true).await.unwrap();
    news.pass_s(11);
    news.tick(0).await;
    assert_eq!(news.core(0).channel(news.at(0)).unwrap().members_everywhere(), 103);
}

/// An earlier version has shown it at its own node alone.
#[tokio::test]
async fn what_was_done_before_it_was_told_is_told() {
    let mut news = News::new().await;
    let (asked, post) = (news.ask(2, false).await, news.post("ships").await);
    news.vote(1, &asked, &[1]).await;
    news.react(1, news.people[1], &post, "👍").await;
    let there = news.at(1);
    let forget = news.core(1).write(None, move |decide| {
        use node_store::Keyspace;
        for kind in [80, 81, 82] {
            let prefix = [&[kind][..], &there.bytes()].concat();
            for (row, _) in decide.scan_prefix(Keyspace::NODES, &prefix, 100)? {
                decide.delete(Keyspace::NODES, &row);
            }
        }
        Ok(())
    });
    forget.await.unwrap();
    news.another(1, "Fay").await;
    for _ in 0..2 {
        news.round().await;
    }
    news.all_have_votes(&asked, &[0, 1], 1).await;
    news.all_have_reactions(&post, &[("👍", 1)]).await;
}

/// Its people's choices were void if it had written them: they do not come by another way.
#[tokio::test]
async fn a_node_that_was_removed_has_nothing_to_say() {
    let news = News::new().await;
    let asked = news.ask(2, false).await;
    news.vote(1, &asked, &[1]).await;
    news.round().await;
    let (cert, node) = (news.core(1).cert(), news.core(1).node().short());
    let (channel, ada) = (news.at(0), news.people[0].id);
    let remove = news.core(0).write(None, move |decide| {
        use glog::body::{Action, RemoveNode};
        decide.let_node_in(channel, None, cert)?;
        let cut = Some(decide.cut_here(channel)?);
        let remove = RemoveNode { node, cut, epoch: None };
        decide.write_control(channel, Some(ada), Action::RemoveNode(remove))
    });
    remove.await.unwrap();
    news.tick(0).await;
    assert_eq!(news.votes(0, &asked).await, (vec![0, 0], 0));
    news.says(1, |said| said.of = told(asked, &[(0, 1)], 1)).await;
    news.round().await;
    assert_eq!(news.votes(0, &asked).await, (vec![0, 0], 0));
    assert_eq!(news.votes(2, &asked).await, (vec![0, 0], 0));
}
