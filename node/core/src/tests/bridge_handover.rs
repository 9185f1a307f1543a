//! A bridged channel gets another home: what its actor needs is there, whole, once, and nowhere else.

use glog::{EntryId, GroupId};
use node_store::{Keyspace, Order, Store as _};

use super::bridge::{activity, keys, new_bridge};
use super::bridge_followers::{actor, follower};
use super::nodes::Nodes;
use super::world::text;
use crate::bridge::{FarAct, HandOver, forged};
use crate::federation::{Kind, Post};
use crate::*;

const DAY_S: u64 = 86_400;

/// More than a part holds.
const FOLLOWERS: usize = 700;

/// A bridged channel of the first of three nodes, which is discussed in a group; the second reads both.
struct Moving {
    nodes: Nodes,
    news: GroupId,
    talk: GroupId,
    cid: Cid,
}

impl Moving {
    async fn new() -> Self {
        let nodes = Nodes::new(3).await;
        for (node, host) in ["old.test", "next.test", "third.test"].into_iter().enumerate() {
            let core = nodes.core(node);
            core.keep_bridge_host(format!("{host} {host}"), false).await.unwrap();
            core.keep_bridge_base(format!("https://{host}")).await.unwrap();
        }
        let (channel, news) = nodes.public(true, "harbour_news").await;
        let (group, talk) = nodes.public(false, "harbour_talk").await;
        let (core, ada) = (nodes.core(0), nodes.people[0]);
        core.set_discussion_group(ada.actor(), ada.id, Some(channel), Some(group)).await.unwrap();
        let cid = core.bridge_on(ada.id, channel, new_bridge()).await.unwrap().cid;
        nodes.join(1, "harbour_news").await;
        nodes.join(1, "harbour_talk").await;
        Self { nodes, news, talk, cid }
    }

    fn core(&self, node: usize) -> &Core {
        self.nodes.core(node)
    }

    fn at(&self, node: usize) -> ChannelId {
        self.nodes.at(node, self.news)
    }

    async fn heal(&self) {
        self.nodes.heal(&[self.news, self.talk]).await;
    }

    /// Ada posts, and it is told.
    async fn post(&self, words: &str) -> PostRef {
        let post = self.untold(words).await;
        let (core, channel) = (self.core(0), self.at(0));
        let (from, to) = {
            let cursor = core.bridge(channel).unwrap().cursor;
            (cursor, core.bridge_events(channel, cursor, 100).await.unwrap().pts)
        };
        let published = vec![Published { post, at: 1_700_000_000, repeats: None }];
        let outgoing = vec![activity(words)];
        let step = BridgeStep { outgoing, published, ..BridgeStep::default() };
        core.bridge_append(channel, from, to, step).await.unwrap();
        post
    }

    /// Ada posts.
    async fn untold(&self, words: &str) -> PostRef {
        let channel = self.at(0);
        let sent = self.nodes.worlds[0].post(self.nodes.people[0], channel, words).await.unwrap();
        self.core(0).post_ref(channel, sent.id).unwrap().unwrap()
    }

    async fn follow(&self, name: &str, host: &str) {
        let accept = activity(&format!("accept {name} {host}"));
        self.core(0).bridge_follow(self.cid, follower(name, host), accept).await.unwrap();
    }

    async fn comment(&self, node: usize, post: PostRef, by: &str, words: &str) -> CommentPlace {
        let new = NewComment {
            cid: self.cid,
            post,
            author: actor(by, "one.test"),
            activity: format!("https://one.test/a/{by}/{words}"),
            object: object(by, words),
            parent: None,
            text: text(words),
            published: self.core(node).now() - 5,
            url: None,
        };
        self.core(node).bridge_comment(new).await.unwrap()
    }

    /// The channel gets another home; what that one has to know of the chain has not come there yet.
    async fn moves(&self, from: usize, to: usize) {
        let (home, next) = (self.core(from), self.core(to));
        next.consent_to_home(self.at(to), true).await.unwrap();
        home.offer_home(self.at(from), next.node()).await.unwrap();
        self.heal().await;
        let offer = home.offer_home(self.at(from), next.node()).await.unwrap();
        let agreed = next.accept_home(home.node(), offer).await.unwrap();
        home.move_home(self.at(from), offer, next.node(), agreed).await.unwrap();
    }

    /// Brings the next letter; what is said of it, if there was one.
    async fn letter(&self, from: usize, to: usize) -> Option<CoreResult<()>> {
        let (from, to) = (self.core(from), self.core(to));
        let letter = from.next_letter(to.node().short()).await.unwrap()?;
        let taken = to.take_letter(from.node(), letter.sealed.clone()).await;
        let answer = match &taken {
            Ok(()) => LetterAnswer::Taken,
            Err(CoreError::NotALetter) => LetterAnswer::Refused,
            Err(_) => return Some(taken),
        };
        from.letter_answered(&letter, answer).await.unwrap();
        Some(taken)
    }

    /// Brings letters until nothing waits: how many were taken. Sums for who was the home are not.
    async fn letters(&self, from: usize, to: usize) -> usize {
        let mut count = 0;
        while let Some(taken) = self.letter(from, to).await {
            match taken {
                Ok(()) => count += 1,
                Err(cause) => assert!(matches!(cause, CoreError::NotALetter), "{cause:?}"),
            }
        }
        count
    }

    async fn names(&self, node: usize) -> Vec<String> {
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page =
                self.core(node).followers_of(&self.cid, after.as_deref(), 500).await.unwrap();
            after = page.last().map(|last| last.actor.clone());
            names.extend(page.into_iter().map(|one| one.actor));
            if after.is_none() {
                names.sort();
                return names;
            }
        }
    }

    /// Whether the secret of [`new_bridge`] stands anywhere on a disk.
    fn shows_keys(&self, node: usize) -> bool {
        let disk = &self.nodes.worlds[node].disk;
        [Keyspace::BRIDGE, Keyspace::NODES].into_iter().any(|space| {
            let rows = disk.scan(space, &[], None, 100_000, Order::Ascending).unwrap();
            rows.iter().any(|(_, row)| row.windows(16).any(|some| some == [40; 16]))
        })
    }

    /// The words of a comment where they are shown on a node.
    fn words(&self, node: usize, post: &PostRef) -> Option<String> {
        let group = self.nodes.at(node, self.talk);
        let id = self.core(node).post_at(group, post).unwrap()?;
        Some(self.core(node).message(group, id).unwrap()?.text)
    }

    /// Reactions to a post on a node.
    fn reactions(&self, node: usize, post: &PostRef) -> u32 {
        let (core, channel) = (self.core(node), self.at(node));
        let id = core.post_at(channel, post).unwrap().unwrap();
        core.post_numbers(channel, id).unwrap().reactions
    }

    async fn likes(&self, node: usize, post: PostRef, activity: &str, emoji: &str) {
        let (kim, activity) = (actor("kim", "one.test"), activity.to_owned());
        let core = self.core(node);
        core.bridge_react(self.cid, post, kim, activity, Some(emoji.into())).await.unwrap();
    }

    /// Time passes on all nodes, and what is due is done.
    async fn pass_s(&self, seconds: u64) {
        for world in &self.nodes.worlds {
            world.pass_s(seconds);
            world.core.tick().await.unwrap();
        }
    }

    async fn reopen(self) -> Self {
        let Self { nodes, news, talk, cid } = self;
        Self { nodes: nodes.reopen().await, news, talk, cid }
    }
}

fn object(by: &str, words: &str) -> String {
    format!("https://one.test/o/{by}/{words}")
}

fn lane(host: &str, cursor: u64) -> KeptLane {
    KeptLane { host: host.into(), cursor, state: b"{}".to_vec() }
}

#[tokio::test]
async fn a_bridge_comes_whole_over_kills_and_repeats_and_then_counts() {
    let mut moving = Moving::new().await;
    for number in 0..FOLLOWERS {
        moving.follow(&format!("u{number}"), ["one.test", "two.test"][number % 2]).await;
    }
    let (first, second) = (moving.post("first").await, moving.post("second").await);
    let ada = moving.nodes.people[0];
    let core = moving.core(0).clone();
    let gone = core.post_at(moving.at(0), &first).unwrap().unwrap();
    core.delete_in_channel(ada.actor(), ada.id, moving.at(0), vec![gone]).await.unwrap();
    let shown = moving.comment(0, second, "kim", "hello").await;
    assert!(matches!(shown, CommentPlace::Shown { .. }), "{shown:?}");
    moving.likes(0, second, "https://one.test/like", "👍").await;
    let kim = actor("kim", "one.test");
    let share = "https://one.test/share".to_owned();
    core.bridge_announce(moving.cid, second, kim, share).await.unwrap();
    let quoting = "https://one.test/quoting".to_owned();
    let stamp = core
        .bridge_quote(moving.cid, second, "one.test".into(), quoting, |_| activity("quote"))
        .await
        .unwrap();
    // One server has everything, the other lacks the last post.
    let newest = core.newest_outgoing();
    let last = core.outgoing_after(0, 500).unwrap();
    let mut all = last;
    while let Some(seq) = all.last().map(|one| one.seq).filter(|seq| *seq < newest) {
        all.extend(core.outgoing_after(seq, 500).unwrap());
    }
    let told = all.iter().find(|one| one.activity.ends_with("second")).unwrap().clone();
    core.save_lanes(vec![lane("one.test", newest), lane("two.test", told.seq - 1)]).await.unwrap();
    let untold = moving.untold("not told yet").await;
    // Reactions are said in the log a moment later.
    moving.pass_s(5).await;
    let (names, posts) =
        (moving.names(0).await, core.bridged_posts(&moving.cid, None, 500).unwrap());
    assert_eq!((names.len(), posts.len()), (FOLLOWERS, 2));

    moving.moves(0, 1).await;
    assert!(!core.is_bridged(moving.at(0)));
    // A letter is faster than the chain: it waits, and nothing is lost.
    let early = moving.letter(0, 1).await;
    assert!(matches!(early, Some(Err(CoreError::Flood { .. }))), "{early:?}");
    let late = core.bridge_unfollow(moving.cid, names[0].clone(), None).await;
    assert!(matches!(late, Err(CoreError::Bridge(BridgeError::HandedOver))), "{late:?}");
    moving.heal().await;
    let mut parts = 0;
    loop {
        assert!(!moving.shows_keys(0) && !moving.shows_keys(1), "sealed on the way, too");
        let (home, next) = (moving.core(0).clone(), moving.core(1).clone());
        let Some(letter) = home.next_letter(next.node().short()).await.unwrap() else { break };
        assert!(next.bridge_by_cid(&moving.cid).is_none(), "not before all has come");
        assert_eq!(
            home.bridge_handed_over(&moving.cid).unwrap(),
            Some(HandedOver::Going { to: next.node().short(), parts })
        );
        next.take_letter(home.node(), letter.sealed.clone()).await.unwrap();
        // Both end, and it comes again.
        moving = moving.reopen().await;
        let (home, next) = (moving.core(0).clone(), moving.core(1).clone());
        next.take_letter(home.node(), letter.sealed.clone()).await.unwrap();
        home.letter_answered(&letter, LetterAnswer::Taken).await.unwrap();
        moving = moving.reopen().await;
        parts += 1;
    }
    assert!(parts > 8, "{parts} parts");
    let (home, next) = (moving.core(0).clone(), moving.core(1).clone());
    let (here, there) = (moving.at(0), moving.at(1));
    let bridge = next.bridge(there).unwrap();
    let known = KnownAs {
        base: "https://old.test".into(),
        domain: "old.test".into(),
        name: Some("harbour_news".into()),
        made: home.channel(here).unwrap().date,
    };
    assert_eq!((bridge.known.as_ref(), bridge.stage), (Some(&known), BridgeStage::Arriving));
    assert_eq!(next.bridge_keys(there).unwrap(), keys(40));
    assert_eq!((moving.names(1).await, next.followers(&moving.cid).unwrap()), (names, 700));
    assert_eq!(next.bridged_posts(&moving.cid, None, 500).unwrap(), posts);
    let comment = next.far_comment(&object("kim", "hello")).unwrap().unwrap();
    let CommentPlace::Away { at, .. } = comment.place else { panic!("{comment:?}") };
    assert_eq!(moving.words(1, &at).as_deref(), Some("hello"));
    let group = moving.nodes.at(1, moving.talk);
    let id = next.post_at(group, &at).unwrap().unwrap();
    assert_eq!(next.object_of_message(group, id).unwrap(), Some(comment.object));
    assert_eq!(next.quote(&moving.cid, stamp).unwrap().unwrap().post, second);
    assert_eq!(moving.reactions(1, &second), 1);
    let found = |name: &str| next.bridge_by_name_at("old.test", name).map(|found| found.channel);
    assert_eq!((found("Harbour_News"), found("harbour_old")), (Some(there), None));
    assert!(next.bridge_by_name("harbour_news").is_none() && next.bridges_at("OLD.test"));

    // What one server had not got waits until it has a lane; then it goes out there alone.
    let waits = next.bridge_arrived(there).await.unwrap();
    let two = Audience::Hosts(vec!["two.test".into()]);
    assert!(!waits.is_empty() && waits.iter().all(|audience| *audience == two), "{waits:?}");
    while !next.bridge_release(there).await.unwrap() {}
    let sent = next.outgoing_after(0, 100).unwrap();
    let same = sent.iter().find(|one| one.activity == told.activity).expect("the last post");
    assert_eq!((&same.json, same.created_ms), (&told.json, told.created_ms));
    assert_eq!(next.bridge(there).unwrap().stage, BridgeStage::Here);
    // What was not told yet is told here.
    let bridge = next.bridge(there).unwrap();
    let events = next.bridge_events(there, bridge.cursor, 100).await.unwrap().events;
    let new = events.iter().filter_map(|event| match &event.what {
        BridgeWhat::New { post, .. } => Some(*post),
        _ => None,
    });
    assert_eq!(new.collect::<Vec<_>>(), [untold]);

    // The old home has nothing any more that it could speak with, nor who followed.
    assert!(home.bridge_keys(here).is_err());
    home.tick().await.unwrap();
    assert_eq!((moving.names(0).await.len(), home.followers(&moving.cid).unwrap()), (0, 0));
    assert!(matches!(home.bridge_handed_over(&moving.cid).unwrap(), Some(HandedOver::Done { .. })));
}

#[tokio::test]
async fn who_was_not_the_home_hands_nothing_over_and_who_is_not_takes_nothing() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    moving.nodes.join(2, "harbour_news").await;
    moving.heal().await;
    let say = async |from: usize, said: HandOver| {
        let to = moving.core(1).node().short();
        let post = Post::new(to, Kind::HAND_OVER, &said).unwrap();
        moving.core(from).write(None, move |decide| decide.post(post)).await.unwrap();
        moving.letter(from, 1).await.unwrap()
    };
    let is_none = |taken: CoreResult<()>| assert!(matches!(taken, Err(CoreError::NotALetter)));
    // Before it is the home at all: by an entry that is none, and by the home itself.
    is_none(say(2, forged(moving.news, (0, [0; 32]), 0, 0)).await);
    is_none(say(0, forged(moving.news, (1, [1; 32]), 0, 0)).await);
    moving.moves(0, 1).await;
    moving.heal().await;
    let (seq, entry) = moving.core(0).chain_head(moving.at(0)).await;
    let EntryId(entry) = entry;
    // By the entry that made it the home, but not from who was it.
    is_none(say(2, forged(moving.news, (seq, entry), 0, 0)).await);
    // From there, without the parts before it.
    let before = moving.core(0).next_letter(moving.core(1).node().short()).await.unwrap().unwrap();
    let first = moving.core(1).take_letter(moving.core(0).node(), before.sealed.clone()).await;
    first.unwrap();
    moving.core(0).letter_answered(&before, LetterAnswer::Taken).await.unwrap();
    // The next one of the true ones is before what is made up.
    let to = moving.core(1).node().short();
    let post = Post::new(to, Kind::HAND_OVER, &forged(moving.news, (seq, entry), 1, 10)).unwrap();
    moving.core(2).write(None, move |decide| decide.post(post)).await.unwrap();
    is_none(moving.letter(2, 1).await.unwrap());
    assert!(moving.core(1).bridge(moving.at(1)).is_none());
    // Nor does anybody but the home change what stands in another lane.
    moving.letters(0, 1).await;
    let said = FarAct {
        group: moving.news,
        actor: glog::cbor::Text::new("https://one.test/users/kim").unwrap(),
        what: 1,
        of: glog::cbor::Text::new("https://one.test/o").unwrap(),
        words: None,
        updated: 0,
    };
    let post = Post::new(moving.core(0).node().short(), Kind::FAR_ACT, &said).unwrap();
    moving.core(2).write(None, move |decide| decide.post(post)).await.unwrap();
    is_none(moving.letter(2, 0).await.unwrap());
    assert_eq!(moving.names(1).await.len(), 1, "the true ones have come");
}

#[tokio::test]
async fn what_the_next_home_does_not_know_is_kept_and_tried_again() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    moving.moves(0, 1).await;
    moving.heal().await;
    let (home, next) = (moving.core(0), moving.core(1));
    // An older version refuses such a letter.
    let letter = home.next_letter(next.node().short()).await.unwrap().unwrap();
    home.letter_answered(&letter, LetterAnswer::Refused).await.unwrap();
    let to = next.node().short();
    let since = home.now();
    let refused = Some(HandedOver::Refused { to, since });
    assert_eq!(home.bridge_handed_over(&moving.cid).unwrap(), refused);
    assert!(home.bridge_keys(moving.at(0)).is_ok() && moving.names(0).await.len() == 1);
    assert!(home.next_letter(to).await.unwrap().is_none());
    moving.pass_s(DAY_S + 1).await;
    assert!(moving.letters(0, 1).await > 1);
    assert!(home.bridge_keys(moving.at(0)).is_err());
    assert_eq!(next.bridge_keys(moving.at(1)).unwrap(), keys(40));
    assert_eq!(moving.names(1).await.len(), 1);
}

#[tokio::test]
async fn a_node_that_is_away_gets_it_however_late() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.pass_s(31 * DAY_S).await;
    moving.core(0).tidy_mail().await.unwrap();
    assert!(moving.letters(0, 1).await > 1);
    assert_eq!(moving.names(1).await.len(), 1);
    assert!(moving.core(0).bridge_keys(moving.at(0)).is_err());
}

#[tokio::test]
async fn what_was_said_and_done_before_is_edited_and_taken_back_at_the_next_home() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    let post = moving.post("ships").await;
    moving.comment(0, post, "kim", "first").await;
    moving.comment(0, post, "lou", "second").await;
    moving.likes(0, post, "https://one.test/like", "👍").await;
    moving.pass_s(5).await;
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.letters(0, 1).await;
    moving.letters(1, 0).await;
    let next = moving.core(1).clone();
    while !next.bridge_release(moving.at(1)).await.unwrap() {}
    let place = |words: &str, by: &str| match next.far_comment(&object(by, words)).unwrap() {
        Some(FarComment { place: CommentPlace::Away { at, .. }, .. }) => at,
        other => panic!("{other:?}"),
    };
    let (first, second) = (place("first", "kim"), place("second", "lou"));
    let kim = "https://one.test/users/kim".to_owned();
    let edit = |by: &str, number: u8| {
        let activity = format!("https://one.test/edit/{number}");
        let object = object("kim", "first");
        let at = next.now() + 60;
        next.bridge_edit_comment(activity, by.to_owned(), object, text("mended"), at)
    };
    let foreign = edit("https://one.test/users/lou", 1).await;
    assert!(matches!(foreign, Err(CoreError::NotTheAuthor)), "{foreign:?}");
    assert!(edit(&kim, 2).await.unwrap());
    assert!(moving.letters(1, 0).await > 0);
    moving.heal().await;
    assert_eq!(moving.words(1, &first).as_deref(), Some("mended"));
    // An answer to it finds its place; a deletion goes where it was written.
    let reply = NewComment {
        cid: moving.cid,
        post,
        author: actor("lou", "one.test"),
        activity: "https://one.test/a/reply".into(),
        object: "https://one.test/o/reply".into(),
        parent: Some(object("kim", "first")),
        text: text("indeed"),
        published: next.now(),
        url: None,
    };
    let CommentPlace::Shown { group, id } = next.bridge_comment(reply).await.unwrap() else {
        panic!("it is discussed")
    };
    let answered = next.message(group, id).unwrap().unwrap().reply.unwrap().to;
    assert_eq!(Some(answered), next.post_at(group, &first).unwrap());
    let delete = next.bridge_delete_comment(
        "https://one.test/delete".into(),
        "https://one.test/users/lou".into(),
        object("lou", "second"),
    );
    assert!(delete.await.unwrap());
    assert!(moving.letters(1, 0).await > 0);
    moving.heal().await;
    assert_eq!(moving.words(1, &second), None);
    assert_eq!(moving.words(0, &second), None);
    // One actor counts once: a newer reaction takes the place of the one that the old home counts.
    moving.likes(1, post, "https://one.test/again", "🔥").await;
    assert!(moving.letters(1, 0).await > 0);
    moving.pass_s(5).await;
    moving.heal().await;
    assert_eq!((moving.reactions(0, &post), moving.reactions(1, &post)), (1, 1));
    assert!(next.bridge_undo(kim.clone(), "https://one.test/again".into()).await.unwrap());
    assert!(next.bridge_undo(kim, "https://one.test/like".into()).await.unwrap());
    moving.letters(1, 0).await;
    moving.pass_s(5).await;
    moving.heal().await;
    assert_eq!((moving.reactions(0, &post), moving.reactions(1, &post)), (0, 0));
}

#[tokio::test]
async fn a_channel_that_comes_back_brings_its_bridge_or_never_gave_it() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    let post = moving.post("ships").await;
    moving.comment(0, post, "kim", "hello").await;
    let core = moving.core(0).clone();
    core.save_lanes(vec![lane("one.test", 0)]).await.unwrap();
    let newest = core.newest_outgoing();
    // Back before all had come: it goes on here, with what was not delivered.
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.letter(0, 1).await.unwrap().unwrap();
    moving.moves_back_early(1, 0).await;
    assert_eq!(core.bridge_handed_over(&moving.cid).unwrap(), None);
    assert_eq!(core.bridge(moving.at(0)).unwrap().stage, BridgeStage::Arriving);
    while !core.bridge_release(moving.at(0)).await.unwrap() {}
    let again = core.outgoing_after(newest, 100).unwrap();
    assert!(again.iter().any(|one| one.activity.ends_with("ships")), "{again:?}");
    assert!(core.is_bridged(moving.at(0)) && !core.is_giving(&moving.cid));
    assert_eq!(core.bridge_keys(moving.at(0)).unwrap(), keys(40));
    // The part that was still on its way is none any more.
    while let Some(taken) = moving.letter(0, 1).await {
        assert!(matches!(taken, Err(CoreError::NotALetter)), "{taken:?}");
    }
    assert!(core.bridge_keys(moving.at(0)).is_ok() && moving.names(0).await.len() == 1);

    // There and back: all of it, under its own addresses.
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.letters(0, 1).await;
    moving.pass_s(1).await;
    let next = moving.core(1).clone();
    while !next.bridge_release(moving.at(1)).await.unwrap() {}
    assert!(next.is_bridged(moving.at(1)));
    let lou = follower("lou", "two.test");
    next.bridge_follow(moving.cid, lou, activity("accept lou")).await.unwrap();
    moving.moves(1, 0).await;
    moving.heal().await;
    moving.letters(1, 0).await;
    let back = core.bridge(moving.at(0)).unwrap();
    assert_eq!((&back.known, back.stage), (&None, BridgeStage::Arriving));
    assert_eq!(core.bridge_keys(moving.at(0)).unwrap(), keys(40));
    assert!(next.bridge_keys(moving.at(1)).is_err());
    assert_eq!(moving.names(0).await.len(), 2);
    let comment = core.far_comment(&object("kim", "hello")).unwrap().unwrap();
    assert!(matches!(comment.place, CommentPlace::Shown { .. }), "its own: {comment:?}");
    assert_eq!(core.bridge_by_name("harbour_news").unwrap().channel, moving.at(0));
}

impl Moving {
    /// The next home gives the channel back at once, though its bridge is on its way: an hour later.
    async fn moves_back_early(&self, from: usize, to: usize) {
        let refused = self.core(from).offer_home(self.at(from), self.core(to).node()).await;
        assert!(matches!(refused, Err(CoreError::Busy)), "{refused:?}");
        self.pass_s(3601).await;
        self.moves(from, to).await;
        self.heal().await;
    }
}

#[tokio::test]
async fn who_was_banned_before_is_banned_at_the_next_home() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    let post = moving.post("ships").await;
    for by in ["kim", "lou"] {
        moving.comment(0, post, by, "hello").await;
    }
    let (home, ada) = (moving.core(0).clone(), moving.nodes.people[0]);
    let ghost = home.ghost_of_actor(&actor("lou", "one.test").id).unwrap().unwrap();
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    let talk = moving.nodes.at(0, moving.talk);
    home.ban_in_channel(ada.actor(), ada.id, talk, ghost, banned).await.unwrap();
    moving.heal().await;
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.letters(0, 1).await;
    let say = |by: &str| {
        let new = NewComment {
            cid: moving.cid,
            post,
            author: actor(by, "one.test"),
            activity: format!("https://one.test/again/{by}"),
            object: format!("https://one.test/o/again/{by}"),
            parent: None,
            text: text("again"),
            published: moving.core(1).now(),
            url: None,
        };
        moving.core(1).bridge_comment(new)
    };
    assert!(say("lou").await.is_err());
    assert!(matches!(say("kim").await, Ok(CommentPlace::Shown { .. })));
}

/// An old home says what it likes: nobody is told, shown or answered at another server than their own for
/// that, and what concerns other channels of the next home stays as it is.
#[tokio::test]
async fn what_is_of_two_servers_is_left_out_and_other_channels_stay_as_they_are() {
    let moving = Moving::new().await;
    moving.follow("kim", "one.test").await;
    let astray = |name: &str, inbox: &str, shared: Option<&str>| BridgeFollower {
        inbox: inbox.into(),
        shared_inbox: shared.map(str::to_owned),
        ..follower(name, "one.test")
    };
    let own = "https://one.test/users/x/inbox";
    for (number, one) in [
        astray("ann", "https://two.test/inbox", None),
        astray("ben", own, Some("https://two.test/inbox")),
        astray("cat", "https://one.test@two.test/inbox", None),
        BridgeFollower {
            actor: "https://two.test/users/dan".into(),
            ..follower("dan", "one.test")
        },
    ]
    .into_iter()
    .enumerate()
    {
        let accept = activity(&format!("astray {number}"));
        moving.core(0).bridge_follow(moving.cid, one, accept).await.unwrap();
    }
    let post = moving.post("ships").await;
    moving.comment(0, post, "kim", "hello").await;
    // What the old home says of kim is not what other channels of the next one know.
    let told = RemoteActor { inbox: own.into(), shared_inbox: None, ..actor("kim", "one.test") };
    moving.core(0).put_remote_actor(told).await.unwrap();
    let false_one =
        RemoteActor { inbox: "https://two.test/inbox".into(), ..actor("lou", "one.test") };
    moving.comment(0, post, "lou", "hi").await;
    moving.core(0).put_remote_actor(false_one.clone()).await.unwrap();
    let next = moving.core(1).clone();
    let (world, bob) = (&moving.nodes.worlds[1], moving.nodes.people[1]);
    let other = world.channel(bob, true).await;
    world.named(bob, other, "other_news").await;
    let other = next.bridge_on(bob.id, other, new_bridge()).await.unwrap().cid;
    let kim = follower("kim", "one.test");
    next.bridge_follow(other, kim.clone(), activity("accept kim there")).await.unwrap();
    moving.heal().await;
    moving.moves(0, 1).await;
    moving.heal().await;
    moving.letters(0, 1).await;
    assert!(next.bridge(moving.at(1)).is_some());
    assert_eq!(moving.names(1).await, std::slice::from_ref(&kim.actor));
    let known = next.follower(&other, &kim.actor).await.unwrap().unwrap();
    assert_eq!((&known.inbox, &known.shared_inbox), (&kim.inbox, &kim.shared_inbox));
    assert_eq!(next.remote_actor(&kim.actor).unwrap().unwrap().inbox, own);
    assert_eq!(next.remote_actor(&false_one.id).unwrap(), None);
}
