//! A channel that comes to a node late: what was said before lies below what is new.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;

use glog::{EntryRef, GroupId, NodeId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::federation::fetch;
use super::world::{Member, World, full, now, text};
use crate::federation::Asking;
use crate::*;

/// All of it, for what is there.
const ALL: usize = 1 << 20;

/// What a node has of numbers that are kept beside those for history.
const BESIDE: i32 = 1024;

/// What comes of a group that is followed.
#[derive(Clone, Copy, PartialEq)]
enum Brings {
    /// Nothing yet.
    Nothing,
    /// What its lanes hold, by name, and its chain.
    Chain,
    /// All of it.
    All,
}

/// A way to the home.
struct Way {
    from: Core,
    home: Core,
    brings: Brings,
}

impl Network for Way {
    fn find(&self, name: String, _: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async move {
            let found = self.home.found_name(&name).await?.ok_or(CoreError::UnknownUser)?;
            Ok((self.home.node(), found))
        })
    }

    fn follow(&self, _: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            if self.brings == Brings::Nothing {
                return Ok(());
            }
            if self.brings == Brings::All {
                fetch(&self.home, &self.from, group).await;
                return Ok(());
            }
            let heads = self.home.log_heads(group).await?.ok_or(CoreError::UnknownChannel)?;
            self.from.expect_history(group, heads.lanes);
            bring_chain(&self.home, &self.from, group).await;
            Ok(())
        })
    }

    fn join(&self, _: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            self.home.admit_node(group, self.from.cert()).await?;
            bring_chain(&self.home, &self.from, group).await;
            Ok(())
        })
    }

    fn willing(&self, _: NodeId, _: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn invite(&self, _: NodeId, _: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn ask(&self, _: Asked) -> Asking<'_, ()> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }
}

async fn bring_chain(from: &Core, to: &Core, group: GroupId) {
    let chain = from.log_page(group, LaneName::Control, 0, u64::MAX, ALL).await.unwrap();
    let taken = to.receive_log(group, chain).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None));
}

/// Brings some entries of a lane; how many there were.
async fn bring(from: &Core, to: &Core, group: GroupId, head: EntryRef, at: u64, max: u64) -> u64 {
    let lane = LaneName::Data { node: head.node, inc: head.inc };
    let page = from.log_page(group, lane, at, at + max, ALL).await.unwrap();
    let count = page.len() as u64;
    let taken = to.receive_log(group, page).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None));
    count
}

/// A public channel or group of a node.
struct Told {
    home: World,
    ada: Member,
    channel: ChannelId,
    group: GroupId,
}

impl Told {
    async fn new(broadcast: bool) -> Self {
        let mut home = World::new().await;
        let ada = home.member("Ada").await;
        let channel = home.channel(ada, broadcast).await;
        let name = "harbour_talk".to_owned();
        home.core.update_channel_username(ada.actor(), ada.id, channel, name).await.unwrap();
        let group = GroupId(home.core.name_of_log(channel));
        Self { home, ada, channel, group }
    }

    async fn say(&self, words: &str) -> MessageId {
        self.home.pass_s(1);
        let message = Outgoing::text(self.channel.into(), text(words), self.home.number());
        self.home.core.send(self.ada.actor(), self.ada.id, message).await.unwrap().id
    }

    async fn heads(&self) -> Vec<EntryRef> {
        self.home.core.log_heads(self.group).await.unwrap().unwrap().lanes
    }

    /// The first number that is not kept for what the lanes hold now.
    async fn first(&self) -> i32 {
        let heads = self.heads().await;
        BESIDE + heads.iter().map(|head| head.seq as i32 + 1).sum::<i32>()
    }
}

/// A node to which the channel comes.
struct Late {
    world: World,
    eve: Member,
    there: ChannelId,
}

impl Late {
    async fn new(told: &Told, node: u8, placed_at_once: usize, brings: Brings) -> Self {
        let mut world = World::other_placing(&told.home, node, placed_at_once).await;
        let eve = world.member("Eve").await;
        let late = Self { world, eve, there: ChannelId(0) };
        late.connect(told, brings);
        let core = &late.world.core;
        let found = core.resolve_far(eve.id, "harbour_talk", "home.example").await.unwrap();
        Self { there: found.channel().expect("a channel"), ..late }
    }

    fn connect(&self, told: &Told, brings: Brings) {
        let (from, home) = (self.world.core.clone(), told.home.core.clone());
        self.world.core.connect(Arc::new(Way { from, home, brings }));
    }

    fn core(&self) -> &Core {
        &self.world.core
    }

    async fn join(&self) {
        let eve = self.eve;
        let joined = self.core().join_channel(eve.actor(), eve.id, self.there).await;
        assert!(matches!(joined, Ok(LinkTaken::Joined(..))), "{joined:?}");
    }

    /// All pages from the newest to the oldest message, so many at once.
    async fn pages(&self, limit: usize) -> Vec<Stored> {
        pages(self.core(), self.eve, self.there, limit).await
    }

    async fn say(&self, words: &str) -> CoreResult<Sent> {
        let message = Outgoing::text(self.there.into(), text(words), self.world.number());
        self.core().send(self.eve.actor(), self.eve.id, message).await
    }

    async fn unread(&self) -> i32 {
        let own = self.core().participant(self.there, self.eve.id).unwrap().unwrap();
        self.core().unread_above(self.there, self.eve.id, own.read_inbox).unwrap()
    }
}

async fn pages(core: &Core, who: Member, channel: ChannelId, limit: usize) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let offset_id = all.last().map_or(0, |stored| stored.id.0);
        let query = HistoryQuery { offset_id, limit, ..HistoryQuery::default() };
        let page = core.history(who.id, channel.into(), query).await.unwrap();
        if page.messages.is_empty() {
            assert_eq!(all.len(), page.count as usize, "the count is exact");
            return all;
        }
        all.extend(page.messages);
    }
}

fn words(stored: &[Stored]) -> Vec<&str> {
    stored.iter().map(|stored| stored.message.text.as_str()).collect()
}

/// Events of the channel's box since the last call: their pts, and the messages that they brought.
fn told_of(world: &World, channel: ChannelId) -> Vec<(Pts, i32, BoxRow)> {
    let of = |event| match event {
        Event::Box(event) if event.owner.channel() == Some(channel) => {
            Some((event.pts, event.pts_count, event.row.clone()))
        }
        _ => None,
    };
    world.recorder.take().into_iter().filter_map(of).collect()
}

#[tokio::test]
async fn what_was_said_before_lies_below_what_is_new_and_nobody_is_told_of_it() {
    let told = Told::new(true).await;
    let mut said = Vec::new();
    for number in 0..150 {
        said.push(format!("post {number}"));
        told.say(&said[number]).await;
    }
    let late = Late::new(&told, 1, 16, Brings::Chain).await;
    let (core, there) = (&late.core().clone(), late.there);
    let (first, head) = (told.first().await, told.heads().await[0]);
    assert_eq!(first, BESIDE + 150);
    assert_eq!(core.channel_state(there).unwrap(), Pts(first - 1));
    late.join().await;
    told_of(&late.world, there);
    // While nothing of it is here, who asks waits; and so as long as anything is missing.
    let query = HistoryQuery { limit: 20, ..HistoryQuery::default() };
    for at in [0, 75] {
        bring(&told.home.core, core, told.group, head, at, 75 - at / 75).await;
        let mut page = pin!(core.history(late.eve.id, there.into(), query));
        assert!(now(page.as_mut()).is_none(), "no page says that there is nothing");
    }
    // Meanwhile something is posted: it has come before the last of the history.
    told.say("meanwhile").await;
    let mut page = pin!(core.history(late.eve.id, there.into(), query));
    assert!(now(page.as_mut()).is_none());
    bring(&told.home.core, core, told.group, head, 149, 2).await;
    let page = page.await.unwrap();
    assert_eq!(page.messages.len(), 20);
    core.filled(there).await;
    let all = late.pages(13).await;
    said.push("meanwhile".to_owned());
    said.reverse();
    assert_eq!(words(&all), said);
    let ids: Vec<i32> = all.iter().map(|stored| stored.id.0).collect();
    assert_eq!(ids, (first - 150..=first).rev().collect::<Vec<_>>());
    let dates: Vec<i32> = all.iter().map(|stored| stored.message.date).collect();
    assert!(dates.is_sorted_by(|newer, older| newer > older), "its own");
    // One event told of what is new, and none of the rest.
    let events = told_of(&late.world, there);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].0, events[0].1), (Pts(first), 1));
    assert_eq!(late.unread().await, 1);
    // Who was not there starts anew; who was gets what is new.
    let difference = core.difference(there, Pts(5), 100, None).await.unwrap();
    assert_eq!(difference, Difference::TooLong(Pts(first)));
    let difference = core.difference(there, Pts(first - 1), 100, None).await.unwrap();
    assert!(matches!(difference, Difference::Events { rows, .. } if rows.len() == 1));
    // It is found, by number, by date and by words.
    let old = core.messages(there, &[MessageId(first - 150)]).await.unwrap();
    assert_eq!(words(&old), ["post 0"]);
    let query = HistoryQuery { offset_date: dates[100], limit: 1, ..HistoryQuery::default() };
    let page = core.history(late.eve.id, there.into(), query).await.unwrap();
    assert_eq!(page.messages[0].message.text, said[101]);
    core.indexed().await.unwrap();
    let query = SearchQuery {
        words: "post".to_owned(),
        peer: Some(there.into()),
        limit: 100,
        ..SearchQuery::default()
    };
    assert_eq!(core.search(late.eve.id, &query).await.unwrap().count, 150);
    // After a restart it is as it was, and goes on above.
    let Late { world, eve, there } = late;
    let late = Late { world: world.reopen(), eve, there };
    late.connect(&told, Brings::All);
    assert_eq!(late.pages(100).await, all);
    told.say("later").await;
    fetch(&told.home.core, late.core(), told.group).await;
    assert_eq!(late.pages(100).await[0].id, MessageId(first + 1));
    assert!(!late.core().is_filling(there));
}

/// Cuts the power at each commit of a fill. What is there after the next start, and after all came once
/// more, is what it is without.
#[tokio::test]
async fn a_power_cut_anywhere_in_a_fill_loses_and_doubles_nothing() {
    let told = Told::new(false).await;
    let mut asked = None;
    for number in 0..40 {
        let id = told.say(&format!("word {number}")).await;
        asked.get_or_insert(id);
    }
    let undisturbed = Late::new(&told, 1, 4, Brings::All).await;
    let expected = undisturbed.pages(100).await;
    assert_eq!(expected.len(), 40);
    let head = told.heads().await[0];
    let mut cuts = 0;
    for commit in 1.. {
        let late = Late::new(&told, 2, 4, Brings::Chain).await;
        let Late { world, eve, there } = late;
        let disk = world.disk.clone();
        bring(&told.home.core, &world.core, told.group, head, 0, 20).await;
        let commits = disk.commits();
        disk.hold_from(commit);
        let (home, core, group) = (told.home.core.clone(), world.core.clone(), told.group);
        let bringing = tokio::spawn(async move {
            bring(&home, &core, group, head, 20, 40).await;
            core.filled(there).await;
        });
        // The one that is held, or the end.
        while disk.undurable() == 0 && !bringing.is_finished() {
            tokio::task::yield_now().await;
        }
        let is_over = bringing.is_finished();
        let world = world.crash();
        disk.release();
        bringing.abort();
        let late = Late { world, eve, there };
        late.connect(&told, Brings::All);
        fetch(&told.home.core, late.core(), told.group).await;
        assert_eq!(late.pages(100).await, expected, "cut at commit {commit} of {commits}");
        if is_over {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 12, "{cuts}: ten steps of four messages, and those before");
}

/// A node is slow to give a group that it has: that is no name that nobody has.
#[tokio::test]
async fn a_group_that_does_not_come_at_once_is_asked_for_again() {
    let told = Told::new(true).await;
    told.say("post").await;
    let mut world = World::other(&told.home, 1).await;
    let eve = world.member("Eve").await;
    let late = Late { world, eve, there: ChannelId(0) };
    late.connect(&told, Brings::Nothing);
    let core = late.core();
    let found = core.resolve_far(eve.id, "harbour_talk", "home.example").await;
    assert!(matches!(found, Err(CoreError::Flood { wait_s: 1..=10 })), "{found:?}");
    // It has come meanwhile.
    fetch(&told.home.core, core, told.group).await;
    let found = core.resolve_far(eve.id, "harbour_talk", "home.example").await.unwrap();
    assert_eq!(found.channel(), core.channel_of_group(told.group).unwrap());
}

/// Who told of it said that there is more than anybody has.
#[tokio::test]
async fn what_does_not_come_is_waited_for_and_not_for_ever() {
    let told = Told::new(true).await;
    for number in 0..5 {
        told.say(&format!("post {number}")).await;
    }
    let mut world = World::other(&told.home, 1).await;
    let eve = world.member("Eve").await;
    let core = &world.core;
    let mut lanes = told.heads().await;
    lanes[0].seq += 7;
    core.expect_group(told.group);
    core.expect_history(told.group, lanes);
    bring_chain(&told.home.core, core, told.group).await;
    let there = core.channel_of_group(told.group).unwrap().unwrap();
    bring(&told.home.core, core, told.group, told.heads().await[0], 0, 5).await;
    let query = HistoryQuery { limit: 20, ..HistoryQuery::default() };
    let early = core.history(eve.id, there.into(), query).await;
    assert!(matches!(early, Err(CoreError::Flood { .. })), "{early:?}");
    // Nobody is there who could give it; then somebody is, and does not.
    world.pass_s(299);
    core.tick_logs().await.unwrap();
    assert!(core.is_filling(there));
    let (from, home) = (core.clone(), told.home.core.clone());
    core.connect(Arc::new(Way { from, home, brings: Brings::All }));
    core.tick_logs().await.unwrap();
    world.pass_s(16);
    core.tick_logs().await.unwrap();
    core.filled(there).await;
    let ids = |all: &[Stored]| all.iter().map(|stored| stored.id.0).collect::<Vec<_>>();
    let all = pages(core, eve, there, 100).await;
    let first = BESIDE + 12;
    assert_eq!(ids(&all), (first - 5..first).rev().collect::<Vec<_>>());
    // What comes after all is new.
    told.say("post 5").await;
    bring(&told.home.core, core, told.group, told.heads().await[0], 5, 1).await;
    assert_eq!(ids(&pages(core, eve, there, 100).await)[0], first);
}

/// What a message shows, whatever number it has: date, whether it was edited and is pinned, what it
/// answers, the message with which its thread begins, reactions.
type Shown = (i32, bool, bool, Option<String>, Option<String>, Vec<(String, i32)>);

/// Messages by their words.
async fn shown(core: &Core, who: Member, channel: ChannelId) -> BTreeMap<String, Shown> {
    let all = pages(core, who, channel, 100).await;
    let by_id: HashMap<MessageId, &Message> =
        all.iter().map(|stored| (stored.id, &stored.message)).collect();
    let named = |id: MessageId| by_id.get(&id).map(|message| message.text.clone());
    let log = core.replica_of(channel);
    let mut shown = BTreeMap::new();
    for Stored { id, message } in all.iter().filter(|stored| stored.message.action.is_none()) {
        let reactions = core.reactions(who.id, *id, message).unwrap();
        let counts = reactions.into_iter().flat_map(|reactions| reactions.counts);
        let mut counts: Vec<(String, i32)> =
            counts.map(|count| (format!("{:?}", count.reaction), count.count)).collect();
        counts.sort();
        let reply = message.reply.as_ref().and_then(|reply| named(reply.to));
        // Where the message is gone with which a thread began, nodes that saw it keep it together.
        let says = |at: &EntryRef| log.lanes().message(log.chain(), at);
        let post = core.entry_of(channel, *id).and_then(|at| says(&at)?.post);
        let top = post.and_then(|post| crate::channels::said_beside(&post).0);
        let thread = top.and_then(|top| says(&top)).and(message.thread).and_then(named);
        let edited = message.edited != 0;
        let what = (message.date, edited, message.pinned, reply, thread, counts);
        assert!(shown.insert(message.text.clone(), what).is_none(), "shown twice");
        if let Some(top) = message.thread.filter(|top| by_id.contains_key(top)) {
            let thread = core.thread(channel, top).unwrap().expect("it has a row");
            let there: Vec<MessageId> =
                all.iter().filter(|of| of.message.thread == Some(top)).map(|of| of.id).collect();
            assert_eq!(thread.count as usize, there.len());
            assert_eq!(Some(&thread.max_id), there.first());
            assert!(by_id[&top].has_thread);
        }
    }
    shown
}

/// What was seen of the numbers of one node.
#[derive(Default)]
struct Seen {
    first: i32,
    pts: i32,
    /// What each entry brought, when it was last looked at.
    of: HashMap<EntryRef, MessageId>,
    used: BTreeSet<MessageId>,
}

impl Seen {
    /// Invariant 12 of the design: numbers are at least 1, rise for what is new and fall for history,
    /// never change, and never return; pts have no gap.
    fn look(&mut self, late: &Late) {
        let numbered = late.core().numbered(late.there);
        let lowest = self.used.first().map_or(self.first, |id| id.0.min(self.first));
        let highest = self.used.last().map_or(self.first - 1, |id| id.0.max(self.first - 1));
        let mut now = HashMap::new();
        for (at, id) in numbered {
            assert!(id.0 >= 1);
            if self.of.get(&at) != Some(&id) {
                assert!(!self.used.contains(&id), "{id:?} was another one's");
                assert!(id.0 < lowest || id.0 > highest, "{id:?} in {lowest}..={highest}");
                self.used.insert(id);
            }
            assert!(now.insert(at, id).is_none());
        }
        assert_eq!(now.values().collect::<BTreeSet<_>>().len(), now.len(), "one entry each");
        self.of = now;
        for (pts, count, row) in told_of(&late.world, late.there) {
            assert_eq!(pts.0 - count, self.pts, "no gap");
            self.pts = pts.0;
            assert!(!matches!(row, BoxRow::Message(_)) || pts.0 >= self.first, "history is silent");
        }
    }
}

/// Ada and Bob talk on two nodes.
struct Talk {
    told: Told,
    second: Late,
    rng: StdRng,
    number: u32,
}

impl Talk {
    async fn act(&mut self) {
        let at_home = self.rng.random_bool(0.5);
        let (core, who, place) = match at_home {
            true => (self.told.home.core.clone(), self.told.ada, self.told.channel),
            false => (self.second.world.core.clone(), self.second.eve, self.second.there),
        };
        self.told.home.pass_s(self.rng.random_range(0..3));
        let query = HistoryQuery { limit: 30, ..HistoryQuery::default() };
        let page = core.history(who.id, place.into(), query).await.unwrap();
        let known: Vec<&Stored> =
            page.messages.iter().filter(|stored| stored.message.action.is_none()).collect();
        let some = match known.len() {
            0 => None,
            len => Some(known[self.rng.random_range(0..len)]),
        };
        let own = some.filter(|stored| stored.message.from == who.id);
        self.number += 1;
        let words = format!("word {}", self.number);
        match (self.rng.random_range(0..20), some, own) {
            (0..2, _, Some(own)) => {
                let edit = Edit::text(text(&words));
                core.edit(who.actor(), who.id, place.into(), own.id, edit).await.unwrap();
            }
            (2, _, Some(own)) => {
                core.delete_in_channel(who.actor(), who.id, place, vec![own.id]).await.unwrap();
            }
            (3, Some(some), _) if at_home => {
                let how = PinHow { pinned: !some.message.pinned, one_side: false, silent: true };
                core.pin_message(who.actor(), who.id, place.into(), some.id, how).await.unwrap();
            }
            (4..6, Some(some), _) => {
                let with = vec![Reaction::Emoji("👍".into())];
                let how = ReactHow::default();
                let reacted =
                    core.react(who.actor(), who.id, place.into(), some.id, with, how).await;
                let again = matches!(reacted, Err(CoreError::Reaction(ReactionError::NotModified)));
                assert!(reacted.is_ok() || again, "{reacted:?}");
            }
            (6..8, ..) => self.heal().await,
            (of, some, _) => {
                let mut message =
                    Outgoing::text(place.into(), text(&words), self.told.home.number());
                if of < 13 {
                    message.reply = some.map(|some| (some.id, None));
                }
                core.send(who.actor(), who.id, message).await.unwrap();
            }
        }
    }

    /// Both have what either has, what waits to be written too.
    async fn heal(&mut self) {
        self.told.home.pass_s(3);
        for core in [&self.told.home.core, self.second.core()] {
            core.tick().await.unwrap();
        }
        fetch(&self.told.home.core, self.second.core(), self.told.group).await;
        fetch(self.second.core(), &self.told.home.core, self.told.group).await;
    }
}

/// Two nodes to which a group comes late, in pieces and in another order each, while people go on talking
/// there and here, and while the nodes are restarted or lose power.
async fn comes_late(seed: u64) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let told = Told::new(false).await;
    let second = Late::new(&told, 1, 128, Brings::All).await;
    second.join().await;
    let talk_rng = StdRng::seed_from_u64(rng.random());
    let mut talk = Talk { told, second, rng: talk_rng, number: 0 };
    for _ in 0..rng.random_range(10..90) {
        talk.act().await;
    }
    talk.heal().await;
    let placed = rng.random_range(1..12);
    let first = talk.told.first().await;
    let (mut nodes, mut seen, mut brought) = (Vec::new(), Vec::new(), Vec::new());
    for node in 2..4 {
        let late = Late::new(&talk.told, node, placed, Brings::Chain).await;
        late.world.recorder.take();
        seen.push(Seen { first, pts: first - 1, ..Seen::default() });
        brought.push(HashMap::<(glog::Node16, u32), u64>::new());
        nodes.push((late, false));
    }
    let mut calm = 0;
    while calm < 12 {
        let of = rng.random_range(0..2);
        let group = talk.told.group;
        match rng.random_range(0..24) {
            0..2 => {
                talk.act().await;
                continue;
            }
            2 | 3 => {
                talk.heal().await;
                continue;
            }
            4 if !nodes[of].1 => {
                nodes[of].0.join().await;
                nodes[of].1 = true;
            }
            5 | 6 if nodes[of].1 => {
                talk.number += 1;
                nodes[of].0.say(&format!("word {}", talk.number)).await.unwrap();
                let from = nodes[of].0.core();
                for head in from.log_heads(group).await.unwrap().unwrap().lanes {
                    if head.node == from.node().short() {
                        bring(from, &talk.told.home.core, group, head, 0, u64::MAX).await;
                    }
                }
            }
            restart @ 7..9 => {
                let (Late { world, eve, there }, joined) = nodes.remove(of);
                let world = if restart == 7 {
                    // What is told until it ends is looked at here.
                    world.core.close();
                    let late = Late { world, eve, there };
                    seen[of].look(&late);
                    late.world.reopen()
                } else {
                    let world = world.crash();
                    let pts = world.core.channel_state(there).unwrap().0;
                    assert!(pts >= seen[of].pts);
                    seen[of].pts = pts;
                    world
                };
                let late = Late { world, eve, there };
                late.connect(&talk.told, Brings::Chain);
                nodes.insert(of, (late, joined));
            }
            _ => {
                let home = &talk.told.home.core;
                let heads = home.log_heads(group).await.unwrap().unwrap().lanes;
                let head = heads[rng.random_range(0..heads.len())];
                let at = brought[of].entry((head.node, head.inc)).or_default();
                let some = rng.random_range(1..30);
                bring_chain(home, nodes[of].0.core(), group).await;
                let count = bring(home, nodes[of].0.core(), group, head, *at, some).await;
                *at += count;
                calm = if count == 0 { calm + 1 } else { 0 };
            }
        }
        seen[of].look(&nodes[of].0);
    }
    talk.heal().await;
    for ((late, _), seen) in nodes.iter().zip(&mut seen) {
        fetch(&talk.told.home.core, late.core(), talk.told.group).await;
        late.core().filled(late.there).await;
        assert!(!late.core().is_filling(late.there));
        seen.look(late);
    }
    let expected = shown(&talk.told.home.core, talk.told.ada, talk.told.channel).await;
    let mut histories = Vec::new();
    for (late, joined) in &nodes {
        let mut found = shown(late.core(), late.eve, late.there).await;
        for (words, what) in &expected {
            // One that the home saw begin with a message that is gone since.
            if let (None, Some(found)) = (&what.4, found.get_mut(words)) {
                found.4 = None;
            }
            assert_eq!(found.get(words), Some(what), "{words} at {}", late.core().node());
        }
        assert_eq!(found.len(), expected.len());
        let all = late.pages(rng.random_range(1..40)).await;
        let (new, old): (Vec<Stored>, Vec<Stored>) =
            all.into_iter().partition(|stored| stored.id.0 >= first);
        assert!(old.iter().all(|stored| stored.message.action.is_none()));
        let dates: Vec<i32> = old.iter().map(|stored| stored.message.date).collect();
        assert!(dates.is_sorted_by(|newer, older| newer >= older), "by date");
        if *joined {
            let unread = late.unread().await;
            assert!(unread as usize <= new.len(), "history is read");
        }
        // What was changed since lies where it lay.
        histories.push(old.into_iter().map(|stored| stored.message.text).collect::<Vec<_>>());
    }
    assert_eq!(histories[0], histories[1], "in whatever order it came");
}

#[tokio::test]
async fn numbers_hold_in_whatever_order_a_group_comes() {
    for seed in 0..if full() { 200 } else { 10 } {
        comes_late(seed).await;
    }
}

/// What a long history costs, in seconds, on a store on disk. Not a test: run by name, with
/// `--ignored --nocapture`; `ROOKERY_TEST_ENTRIES` says how many.
#[tokio::test]
#[ignore = "measures"]
async fn a_long_history_is_measured() {
    let given = std::env::var("ROOKERY_TEST_ENTRIES").ok();
    let count: u32 = given.map_or(100_000, |given| given.parse().unwrap());
    let told = Told::new(true).await;
    for from in (0..count).step_by(500) {
        let numbers = from..count.min(from + 500);
        told.home.core.write_posts(told.channel, told.ada.id, numbers).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let store = node_store::SledStore::open(directory.path(), [3; 16]).unwrap();
    let core = &World::on_store(&told.home, 1, Arc::new(store));
    let head = told.heads().await[0];
    core.expect_group(told.group);
    core.expect_history(told.group, vec![head]);
    bring_chain(&told.home.core, core, told.group).await;
    let there = core.channel_of_group(told.group).unwrap().unwrap();
    let begin = tokio::time::Instant::now();
    let mut at = 0;
    while at <= head.seq {
        at += bring(&told.home.core, core, told.group, head, at, 256).await;
    }
    println!("{count} entries are here after {:?}", begin.elapsed());
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let page = core.history(told.ada.id, there.into(), query).await.unwrap();
    println!("the first page after {:?}", begin.elapsed());
    assert_eq!(page.messages.len(), 100);
    core.filled(there).await;
    println!("all pages after {:?}", begin.elapsed());
    let all = pages(core, told.ada, there, 100).await;
    assert_eq!(all.len() as u32, count);
    core.close();
}
