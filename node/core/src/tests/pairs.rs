//! A person of one node and a person of another, without a network between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use glog::body::DataBody;
use glog::{Entry, EntryRef, GroupId, NodeId, PairMessage};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use super::media::document;
use super::world::{Member, World, full, now, text};
use crate::federation::Asking;
use crate::*;

mod rotation;

/// All of it, for what is there.
const ALL: usize = 1 << 20;

/// One of two people.
pub(super) struct Side {
    pub(super) world: World,
    pub(super) me: Member,
    /// The account of the other one here.
    pub(super) other: UserId,
}

/// Two people of two nodes.
pub(super) struct Two {
    pub(super) sides: [Side; 2],
}

impl Side {
    pub(super) fn core(&self) -> &Core {
        &self.world.core
    }

    pub(super) fn peer(&self) -> PeerId {
        self.other.into()
    }

    async fn send(&self, message: Outgoing) -> CoreResult<Sent> {
        self.core().send(self.me.actor(), self.me.id, message).await
    }

    pub(super) async fn say(&self, words: &str) -> Sent {
        let message = Outgoing::text(self.peer(), text(words), self.world.number());
        self.send(message).await.unwrap()
    }

    async fn answer(&self, to: MessageId, words: &str) -> Sent {
        let message = Outgoing::text(self.peer(), text(words), self.world.number());
        self.send(Outgoing { reply: Some((to, None)), ..message }).await.unwrap()
    }

    async fn edit(&self, id: MessageId, words: &str) -> CoreResult<Edited> {
        let edit = Edit::text(text(words));
        self.core().edit(self.me.actor(), self.me.id, self.peer(), id, edit).await
    }

    pub(super) async fn delete(&self, ids: &[MessageId], revoke: bool) {
        self.world.delete(self.me, ids, revoke).await;
    }

    async fn react(&self, id: MessageId, with: &[&str]) -> CoreResult<()> {
        let with = with.iter().map(|emoji| Reaction::Emoji((*emoji).to_owned())).collect();
        let (actor, how) = (self.me.actor(), ReactHow::default());
        self.core().react(actor, self.me.id, self.peer(), id, with, how).await
    }

    async fn pin(&self, id: MessageId, pinned: bool, one_side: bool) -> CoreResult<OwnEvents> {
        let how = PinHow { pinned, one_side, silent: false };
        self.core().pin_message(self.me.actor(), self.me.id, self.peer(), id, how).await
    }

    pub(super) async fn block(&self, blocked: bool) {
        let (core, me) = (self.core(), self.me);
        core.set_blocked(Some(me.actor()), me.id, self.other, blocked).await.unwrap();
    }

    /// Messages of the dialog, the oldest first.
    async fn history(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        loop {
            let offset_id = all.last().map_or(0, |stored: &Stored| stored.id.0);
            let query = HistoryQuery { offset_id, limit: PAGE_MAX, ..HistoryQuery::default() };
            let page = self.core().history(self.me.id, self.peer(), query).await.unwrap();
            if page.messages.is_empty() {
                assert_eq!(all.len(), page.count as usize, "the count is exact");
                all.reverse();
                return all;
            }
            all.extend(page.messages);
        }
    }

    /// Their words, without service messages.
    async fn words(&self) -> Vec<String> {
        let said = self.history().await.into_iter().filter(|m| m.message.action.is_none());
        said.map(|stored| stored.message.text).collect()
    }

    /// The message with these words.
    pub(super) async fn found(&self, words: &str) -> Stored {
        let mut said = self.history().await.into_iter();
        said.rfind(|stored| stored.message.text == words).unwrap()
    }

    /// Who reacted with what.
    fn reactions(&self, stored: &Stored) -> BTreeMap<UserId, String> {
        let shown = self.core().reactions(self.me.id, stored.id, &stored.message).unwrap();
        let recent = shown.map_or(Vec::new(), |shown| shown.recent);
        let emoji = |reaction: Reaction| match reaction {
            Reaction::Emoji(emoji) => emoji,
            Reaction::Custom(_) => panic!(),
        };
        recent.into_iter().map(|(one, _)| (one.user, emoji(one.reaction))).collect()
    }

    pub(super) async fn dialog(&self) -> DialogView {
        let (page, _) = self.core().peer_dialogs(self.me.id, &[self.peer()]).await.unwrap();
        page.dialogs.into_iter().next().unwrap()
    }

    pub(super) async fn pts(&self) -> Pts {
        self.world.pts(self.me).await
    }

    fn restarted(self) -> Self {
        Self { world: self.world.reopen(), ..self }
    }

    fn crashed(self) -> Self {
        Self { world: self.world.crash(), ..self }
    }
}

/// Makes two nodes know each other, and the people of each as the other calls them.
pub(super) async fn introduce(one: &World, me: Member, other: &World, them: Member) -> UserId {
    one.core.learn_node(other.core.cert()).await.unwrap();
    let card = other.core.cards(&[them.id.0 as u64]).remove(0);
    let account = one.core.account_of(other.core.node().short(), card).await.unwrap();
    assert!(is_remote(account) && !is_remote(me.id));
    account
}

/// Entries of all lanes of a pair, as one node gives them to the other.
async fn pages(from: &Core, group: GroupId) -> Vec<Vec<Vec<u8>>> {
    let heads = from.log_heads(group).await.unwrap().expect("it is there");
    assert!(!heads.public && heads.term == 0 && heads.control.seq == 0);
    let mut pages = Vec::new();
    for head in heads.lanes {
        let lane = LaneName::Data { node: head.node, inc: head.inc };
        let page = from.log_page(group, lane, 0, u64::MAX, ALL).await.unwrap();
        assert_eq!(page.len() as u64, head.seq + 1);
        pages.push(page);
    }
    let chain = from.log_page(group, LaneName::Control, 0, u64::MAX, ALL).await.unwrap();
    assert!(chain.is_empty());
    pages
}

/// Brings to one node what another has of all pairs.
pub(super) async fn bring(from: &Core, to: &Core) {
    for (group, mine, theirs) in from.pairs_with(to.node()).unwrap() {
        for page in pages(from, group).await {
            let known = from.pair(group).unwrap().unwrap().met;
            let taken = match known {
                true => to.receive_log(group, page).await,
                false => to.receive_pair(from.node(), theirs, mine, page).await,
            };
            from.met_pair(group).await.unwrap();
            assert_eq!((taken.rejected, taken.stopped), (0, None));
        }
    }
}

impl Two {
    pub(super) async fn new() -> Self {
        let mut here = World::new().await;
        let mut there = World::other(&here, 1).await;
        let (ada, eve) = (here.member("Ada").await, there.member("Eve").await);
        let ada_there = introduce(&there, eve, &here, ada).await;
        let eve_here = introduce(&here, ada, &there, eve).await;
        let here = Side { world: here, me: ada, other: eve_here };
        let there = Side { world: there, me: eve, other: ada_there };
        Self { sides: [here, there] }
    }

    /// Both have what either has.
    pub(super) async fn heal(&self) {
        let [here, there] = &self.sides;
        bring(here.core(), there.core()).await;
        bring(there.core(), here.core()).await;
        bring(here.core(), there.core()).await;
        let group = self.group();
        let heads = here.core().log_heads(group).await.unwrap();
        assert_eq!(heads, there.core().log_heads(group).await.unwrap());
        assert!(here.core().pair(group).unwrap().unwrap().met);
    }

    pub(super) fn group(&self) -> GroupId {
        let [here, there] = &self.sides;
        let (one, other) = (here.core().node(), there.core().node());
        GroupId::of_pair((one, here.me.id.0 as u64), (other, there.me.id.0 as u64))
    }

    pub(super) fn restarted(self) -> Self {
        Self { sides: self.sides.map(Side::restarted) }
    }
}

#[tokio::test]
async fn two_people_of_two_nodes_talk() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let sent = here.say("are you there?").await;
    assert!(sent.message.out && sent.message.twin == MessageId(0));
    assert_eq!(here.words().await, ["are you there?"], "sent at once");
    assert!(there.history().await.is_empty());
    let pair = here.core().pair(two.group()).unwrap().unwrap();
    assert_eq!((pair.node, pair.mine), (there.core().node(), here.me.id.0 as u64));
    assert!(!pair.met && pair.theirs == there.me.id.0 as u64);
    here.world.pass_s(60);
    bring(here.core(), there.core()).await;
    assert_eq!(there.dialog().await.unread, 1);
    let came = there.found("are you there?").await;
    let as_sent = (came.message.from, came.message.out, came.message.date);
    assert_eq!(as_sent, (there.other, false, sent.message.date), "with its own date");
    there.answer(came.id, "I am").await;
    two.heal().await;
    assert_eq!(here.dialog().await.unread, 1);
    let answer = here.found("I am").await;
    assert_eq!(answer.message.reply.unwrap().to, sent.id);
    // The same message again is the same.
    let message = Outgoing::text(here.peer(), text("once"), 77);
    let first = here.send(message.clone()).await.unwrap();
    let again = here.send(message).await.unwrap();
    assert!(again.repeated && again.id == first.id);
    two.heal().await;
    for side in &two.sides {
        assert_eq!(side.words().await, ["are you there?", "I am", "once"]);
    }
    // Only the other's is read.
    there
        .core()
        .read_history(there.me.actor(), there.me.id, there.peer(), MessageId(0))
        .await
        .unwrap();
    assert_eq!(there.dialog().await.unread, 0);
}

#[tokio::test]
async fn what_is_done_to_a_message_shows_on_both_sides() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let ropes = here.say("ropes").await.id;
    two.heal().await;
    there.say("knots").await;
    two.heal().await;
    here.edit(ropes, "bowlines").await.unwrap();
    two.heal().await;
    let bowlines = there.found("bowlines").await;
    assert!(bowlines.message.edited > 0);
    let refused = there.edit(bowlines.id, "mine").await;
    assert!(matches!(refused, Err(CoreError::NotTheAuthor)), "{refused:?}");
    // Reactions of both, each shown to both, and to be looked at by who wrote.
    there.world.hears_all(there.me).await;
    here.world.hears_all(here.me).await;
    there.react(bowlines.id, &["👍"]).await.unwrap();
    here.react(ropes, &["👎"]).await.unwrap();
    two.heal().await;
    let bowlines = there.found("bowlines").await;
    let both = BTreeMap::from([(there.me.id, "👍".to_owned()), (there.other, "👎".to_owned())]);
    assert_eq!(there.reactions(&bowlines), both);
    let own = here.found("bowlines").await;
    let both = BTreeMap::from([(here.other, "👍".to_owned()), (here.me.id, "👎".to_owned())]);
    assert_eq!(here.reactions(&own), both);
    assert_eq!(here.dialog().await.unread_reactions, 1);
    assert_eq!(there.dialog().await.unread_reactions, 0, "it is not by her");
    there.react(bowlines.id, &[]).await.unwrap();
    two.heal().await;
    assert_eq!(here.reactions(&here.found("bowlines").await).len(), 1);
    assert_eq!(here.dialog().await.unread_reactions, 0);
    // Either pins and unpins for both.
    there.pin(bowlines.id, true, false).await.unwrap();
    two.heal().await;
    assert!(here.found("bowlines").await.message.pinned);
    let told = here.history().await.pop().unwrap().message;
    assert_eq!((told.action, told.from), (Some(Action::Pin), here.other));
    assert_eq!(told.reply.unwrap().to, ropes);
    here.pin(ropes, false, false).await.unwrap();
    two.heal().await;
    assert!(!there.found("bowlines").await.message.pinned);
    there.pin(bowlines.id, true, false).await.unwrap();
    two.heal().await;
    let (_, left) = here.core().unpin_all(here.me.actor(), here.me.id, here.peer()).await.unwrap();
    assert_eq!(left, 0);
    two.heal().await;
    assert!(!there.found("bowlines").await.message.pinned);
    // Both at once: each is told of it by who did it here, and of one of the other's at most.
    there.pin(bowlines.id, true, false).await.unwrap();
    here.pin(ropes, true, false).await.unwrap();
    let before = (here.pts().await, there.pts().await);
    two.heal().await;
    assert_eq!((here.pts().await, there.pts().await), before);
    here.pin(ropes, false, false).await.unwrap();
    two.heal().await;
    assert!(!there.found("bowlines").await.message.pinned, "both pins end");
    // For oneself alone, whatever the other does to it.
    there.pin(bowlines.id, true, true).await.unwrap();
    here.edit(ropes, "sheets").await.unwrap();
    two.heal().await;
    assert!(there.found("sheets").await.message.pinned);
    assert!(!here.found("sheets").await.message.pinned);
    // Either deletes for both, also what the other wrote.
    there.delete(&[bowlines.id], true).await;
    two.heal().await;
    for side in &two.sides {
        assert_eq!(side.words().await, ["knots"]);
    }
    assert!(here.core().messages(here.me.id, &[ropes]).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_one_removes_for_oneself_stays_removed_there() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let sent = here.say("keep this").await.id;
    two.heal().await;
    let came = there.found("keep this").await.id;
    there.delete(&[came], false).await;
    two.heal().await;
    assert_eq!(here.words().await, ["keep this"]);
    here.edit(sent, "and this").await.unwrap();
    here.react(sent, &["👍"]).await.unwrap();
    here.pin(sent, true, false).await.unwrap();
    let answer = here.answer(sent, "about it").await;
    two.heal().await;
    assert_eq!(there.words().await, ["about it"]);
    assert!(there.found("about it").await.message.reply.is_none(), "there is nothing to lead to");
    // The writer's copy alone goes, too.
    here.delete(&[answer.id], false).await;
    two.heal().await;
    assert_eq!(
        (here.words().await, there.words().await),
        (vec!["and this".into()], vec!["about it".into()])
    );
}

#[tokio::test]
async fn who_is_blocked_is_not_told() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let before = here.say("before").await.id;
    two.heal().await;
    there.block(true).await;
    let pts = there.pts().await;
    let unheard = here.say("unheard").await.id;
    here.react(before, &["👍"]).await.unwrap();
    here.pin(before, true, false).await.unwrap();
    two.heal().await;
    assert_eq!(there.pts().await, pts, "nothing is shown, and the heads are the same");
    assert_eq!(there.words().await, ["before"]);
    assert!(there.reactions(&there.found("before").await).is_empty());
    // What was said then stays unheard.
    there.block(false).await;
    here.edit(unheard, "heard?").await.unwrap();
    here.react(unheard, &["👍"]).await.unwrap();
    two.heal().await;
    assert_eq!(there.pts().await, pts);
    here.say("after").await;
    two.heal().await;
    assert_eq!(there.words().await, ["before", "after"]);
    // The other way is open all the while.
    there.block(true).await;
    there.say("hear me").await;
    two.heal().await;
    assert_eq!(here.words().await.last().unwrap(), "hear me");
}

#[tokio::test]
async fn a_first_message_of_a_blocked_person_shows_nothing() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    there.block(true).await;
    here.say("let me in").await;
    two.heal().await;
    assert!(there.history().await.is_empty());
}

#[tokio::test]
async fn nobody_is_made_to_listen() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    here.say("hello").await;
    let (group, mine, theirs) = here.core().pairs_with(there.core().node()).unwrap().remove(0);
    assert_eq!(group, two.group());
    let page = pages(here.core(), group).await.remove(0);
    let core = there.core();
    let stopped = |received: Received| received.fresh == 0 && received.stopped.is_some();
    // Its name is a hash: unknown by itself.
    assert!(stopped(core.receive_log(group, page.clone()).await));
    // To nobody, from nobody, from elsewhere, without a message.
    let from = here.core().node();
    for number in [0, 999, 777_000, 1 << 40, u64::MAX] {
        assert!(stopped(core.receive_pair(from, number, mine, page.clone()).await), "{number}");
    }
    assert!(stopped(core.receive_pair(from, theirs, 0, page.clone()).await));
    assert!(stopped(core.receive_pair(from, theirs, mine + 1, page.clone()).await));
    assert!(stopped(core.receive_pair(NodeId([9; 32]), theirs, mine, page.clone()).await));
    let mut forged = page.clone();
    let at = forged[0].len() - 30;
    forged[0][at] ^= 1;
    assert!(stopped(core.receive_pair(from, theirs, mine, forged).await));
    core.block_node(from.short(), true).await.unwrap();
    assert!(stopped(core.receive_pair(from, theirs, mine, page.clone()).await));
    core.block_node(from.short(), false).await.unwrap();
    assert_eq!(core.pairs_with(from).unwrap(), []);
    assert!(core.log_heads(group).await.unwrap().is_none());
    assert!(!core.may_node_read(from, group).unwrap());
    let taken = core.receive_pair(from, theirs, mine, page.clone()).await;
    assert_eq!(taken, Received { fresh: 1, ..Received::default() });
    assert_eq!(there.words().await, ["hello"]);
    // Known, it is of these two nodes.
    assert!(core.may_node_read(from, group).unwrap());
    assert!(!core.may_node_read(NodeId([9; 32]), group).unwrap());
    assert_eq!(core.receive_log(group, page.clone()).await, Received::default());
    // A forged entry is the sender's fault.
    let mut forged = page;
    let body = Entry::decode(&forged[0]).unwrap().body().unwrap().len();
    let at = forged[0].len() - body - 1;
    forged[0][at] ^= 1;
    // The true one is known by its name already.
    assert_eq!(core.receive_log(group, forged).await, Received::default());
    here.say("more").await;
    let mut forged = pages(here.core(), group).await.remove(0).split_off(1);
    let body = Entry::decode(&forged[0]).unwrap().body().unwrap().len();
    let at = forged[0].len() - body - 1;
    forged[0][at] ^= 1;
    forged.push(vec![1, 2, 3]);
    assert_eq!(core.receive_log(group, forged).await.rejected, 2);
    // A blocked node brings nothing, reads nothing, and is not written to.
    core.block_node(from.short(), true).await.unwrap();
    assert!(stopped(core.receive_log(group, pages(here.core(), group).await.remove(0)).await));
    assert!(!core.may_node_read(from, group).unwrap());
    let message = Outgoing::text(there.peer(), text("bye"), 9);
    let refused = there.send(message).await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
}

#[tokio::test]
async fn strangers_of_one_node_have_a_budget() {
    let mut two = Two::new().await;
    let eve = two.sides[1].me.id.0 as u64;
    let mut written = Vec::new();
    for number in 0..114 {
        let [here, there] = &mut two.sides;
        let member = here.world.member("Somebody").await;
        let sent = Outgoing::text(here.peer(), text("hello"), i64::from(number));
        here.world.core.send(member.actor(), member.id, sent).await.unwrap();
        let node = here.world.core.node();
        let group = GroupId::of_pair((node, member.id.0 as u64), (there.world.core.node(), eve));
        written.push((member, group));
    }
    let [here, there] = &two.sides;
    let (node, core) = (here.core().node(), there.core());
    let offer = async |some: &[(Member, GroupId)]| {
        let mut fresh = Vec::new();
        for (member, group) in some {
            let page = pages(here.core(), *group).await.remove(0);
            let taken = core.receive_pair(node, eve, member.id.0 as u64, page).await;
            assert_eq!(taken.fresh == 1, taken.stopped.is_none());
            fresh.push(taken.fresh == 1);
        }
        fresh
    };
    // A node that nobody here has chosen has a tenth of it on its first day.
    assert_eq!(core.standing_of(node.short()).unwrap(), 10);
    let fresh = offer(&written[..12]).await;
    assert!(fresh[..10].iter().all(|fresh| *fresh) && !fresh[10] && !fresh[11], "{fresh:?}");
    there.world.pass_s(7 * 86_400);
    assert_eq!(core.standing_of(node.short()).unwrap(), 100);
    let fresh = offer(&written[12..]).await;
    assert!(fresh[..100].iter().all(|fresh| *fresh) && !fresh[100] && !fresh[101], "{fresh:?}");
    let (member, group) = written[112];
    assert!(core.pair(group).unwrap().is_none());
    let number = member.id.0 as u64;
    let page = || async { pages(here.core(), group).await.remove(0) };
    // Whom one writes to is no stranger.
    let card = here.core().cards(&[number]).remove(0);
    let account = core.account_of(node.short(), card).await.unwrap();
    let sent = Outgoing::text(account.into(), text("who are you?"), 1);
    there.send(sent).await.unwrap();
    assert_eq!(core.receive_pair(node, eve, number, page().await).await.fresh, 1);
    // The rest comes in time.
    there.world.pass_s(3600);
    let (member, group) = written[113];
    let page = pages(here.core(), group).await.remove(0);
    assert_eq!(core.receive_pair(node, eve, member.id.0 as u64, page).await.fresh, 1);
}

#[tokio::test]
async fn what_is_written_apart_is_in_both_when_the_line_is_back() {
    let two = Two::new().await;
    two.sides[0].say("first").await;
    two.heal().await;
    let mut two = two.restarted();
    for round in 0..3 {
        for (number, side) in two.sides.iter().enumerate() {
            side.say(&format!("{round} {number}")).await;
        }
        two = two.restarted();
    }
    two.heal().await;
    let mut words = Vec::new();
    for side in &two.sides {
        let mut said = side.words().await;
        assert_eq!(said.len(), 7);
        said.sort();
        words.push(said);
    }
    assert_eq!(words[0], words[1]);
    // The whole again changes nothing, also after a restart.
    let before = (two.sides[0].pts().await, two.sides[1].pts().await);
    two.heal().await;
    let two = two.restarted();
    two.heal().await;
    assert_eq!((two.sides[0].pts().await, two.sides[1].pts().await), before);
    assert_eq!(two.sides[0].dialog().await.unread, 3);
}

/// What was acknowledged is there after a power cut, in the box and in the log; what was not is in
/// neither, or in both.
#[tokio::test]
async fn a_power_cut_leaves_box_and_log_together() {
    let mut two = Two::new().await;
    let group = two.group();
    for round in 0..4 {
        two.sides[0].say(&round.to_string()).await;
        two.heal().await;
        two.sides[1].say(&format!("re: {round}")).await;
        let [here, there] = two.sides;
        two = Two { sides: [here.crashed(), there.crashed()] };
        for side in &two.sides {
            let in_log = side.core().pair_in_log(group).messages();
            let history = side.history().await;
            assert_eq!(history.len(), in_log.len());
            for stored in history {
                let (_, at) = side.core().brought_in_log(side.me.id, stored.id).unwrap();
                assert_eq!(
                    in_log[&at].post.as_ref().unwrap().text.to_string(),
                    stored.message.text
                );
            }
        }
        two.heal().await;
    }
    for side in &two.sides {
        assert_eq!(side.words().await.len(), 8);
    }
}

/// Nobody is told of an entry, by an event or when they ask, that a power cut could take back.
#[tokio::test]
async fn an_entry_leaves_when_it_is_durable() {
    for survives in [false, true] {
        let two = Two::new().await;
        two.sides[0].say("first").await;
        two.heal().await;
        let group = two.group();
        let [here, there] = two.sides;
        here.core().connect(Arc::new(Nowhere));
        here.world.disk.hold();
        here.world.recorder.take();
        let core = here.world.core.clone();
        let message = Outgoing::text(here.peer(), text("second"), 2);
        let mut sending = Box::pin(core.send(here.me.actor(), here.me.id, message));
        assert!(now(sending.as_mut()).is_none());
        here.world.disk.wait_for_undurable(1);
        let mut heads = Box::pin(core.log_heads(group));
        assert!(now(heads.as_mut()).is_none());
        let mut named = Box::pin(core.log_page(group, LaneName::Control, 0, 1, ALL));
        assert!(now(named.as_mut()).is_none());
        assert!(here.world.recorder.take().is_empty());
        let here = Side { world: here.world.crash_keeping(usize::from(survives)), ..here };
        assert!(sending.await.is_err() && heads.await.is_err());
        let said = here.words().await;
        assert_eq!(said.len(), 1 + usize::from(survives));
        assert_eq!(here.core().pair_in_log(group).messages().len(), said.len());
        let two = Two { sides: [here, there] };
        two.heal().await;
        assert_eq!(two.sides[1].words().await, said);
        // The lane goes on where it is, and does not fork.
        two.sides[0].say("third").await;
        two.heal().await;
        assert_eq!(two.sides[1].words().await.len(), said.len() + 1);
    }
}

#[tokio::test]
async fn a_command_that_fails_leaves_no_entry() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let first = here.say("first").await;
    // Written, and then it fails; or a part of it does.
    let (me, group) = (here.me.id, two.group());
    let heads = here.core().log_heads(group).await.unwrap();
    let edited = Message { text: "never".into(), ..first.message.clone() };
    let failed: CoreResult<()> = (here.core())
        .write(None, move |decide| {
            decide.edit_across(me, first.id, &edited)?;
            Err(CoreError::NotModified)
        })
        .await;
    assert!(matches!(failed, Err(CoreError::NotModified)));
    assert_eq!(here.core().log_heads(group).await.unwrap(), heads);
    let edited = Message { text: "neither".into(), ..first.message.clone() };
    let part = here.core().write(None, move |decide| {
        let part: CoreResult<()> = decide.part(|decide| {
            decide.edit_across(me, first.id, &edited)?;
            Err(CoreError::NotModified)
        })?;
        assert!(part.is_err());
        decide.react_across(me, first.id, &[Reaction::Emoji("👍".into())])
    });
    part.await.unwrap();
    two.heal().await;
    let said = there.found("first").await;
    assert_eq!(said.message.edited, 0);
    assert_eq!(there.reactions(&said).len(), 1);
    // Two of an album are fine, the third is none.
    let long = Outgoing::text(here.peer(), text(&"🦀".repeat(2048)), 50);
    let place = GeoPoint { lat: 2.0.into(), long: 1.0.into(), accuracy_radius: None };
    let with = |number: i64, file: OutgoingFile| {
        let media = Some(OutgoingMedia { file, fingerprint: [number as u8; 16] });
        Outgoing { media, ..Outgoing::text(here.peer(), text("here"), number) }
    };
    let none = with(52, OutgoingFile::Dice("nothing".into()));
    let album = vec![long, with(51, OutgoingFile::Other(Media::Geo(place))), none];
    let refused = here.core().send_album(here.me.actor(), here.me.id, album).await;
    assert!(refused.is_err());
    here.say("second").await;
    two.heal().await;
    assert_eq!(there.words().await, ["first", "second"]);
    assert_eq!(here.words().await, ["first", "second"]);
    // What has no place between two nodes is refused, not half done.
    let ttl = here.core().set_history_ttl(here.me.actor(), here.me.id, here.peer(), 86_400).await;
    assert!(matches!(ttl, Err(CoreError::NotBuilt)), "{ttl:?}");
    // One that begins dialogs with a timer does not there.
    let mut here = two.sides.into_iter().next().unwrap();
    let bob = here.world.member("Bob").await;
    here.core().set_default_ttl(bob.actor(), bob.id, 86_400).await.unwrap();
    let message = Outgoing::text(here.peer(), text("stays"), 1);
    let sent = here.core().send(bob.actor(), bob.id, message).await.unwrap();
    assert_eq!(sent.message.ttl_period, 0);
}

#[tokio::test]
async fn files_come_as_they_are_described() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let file = OutgoingFile::NewDocument { document: document(here.me, 77, 10, 1), spoiler: false };
    let media = Some(OutgoingMedia { file, fingerprint: [1; 16] });
    let message = Outgoing { media, ..Outgoing::text(here.peer(), text("caption"), 1) };
    let sent = here.send(message).await.unwrap();
    two.heal().await;
    let came = there.found("caption").await;
    let Some(Media::Document { document: number, .. }) = came.message.media else { panic!() };
    assert_ne!(number, FileId(77), "it has a number of this node");
    let stored = there.core().document(number).unwrap().unwrap();
    assert_eq!((stored.blob, stored.owner), (BlobId([1; 32]), there.other));
    // A change of the text does not make it another file.
    here.edit(sent.id, "another caption").await.unwrap();
    two.heal().await;
    let now = there.found("another caption").await;
    assert_eq!((now.id, now.message.media), (came.id, came.message.media));
    let file = OutgoingFile::NewDocument { document: document(here.me, 78, 10, 2), spoiler: false };
    let media = Some(OutgoingMedia { file, fingerprint: [2; 16] });
    let edit = Edit { text: None, media, drops_media: false, invert_media: false };
    here.core().edit(here.me.actor(), here.me.id, here.peer(), sent.id, edit).await.unwrap();
    two.heal().await;
    let now = there.found("another caption").await;
    let Some(Media::Document { document: number, .. }) = now.message.media else { panic!() };
    assert_eq!(there.core().document(number).unwrap().unwrap().blob, BlobId([2; 32]));
    // Where somebody is, and a forwarded message.
    let place = GeoPoint { lat: 2.0.into(), long: 1.0.into(), accuracy_radius: None };
    let media =
        OutgoingMedia { file: OutgoingFile::Other(Media::Geo(place)), fingerprint: [3; 16] };
    let message = Outgoing { media: Some(media), ..Outgoing::text(there.peer(), text("here"), 2) };
    let at = there.send(message).await.unwrap().id;
    let how = ForwardHow::default();
    let peer = there.peer();
    there
        .core()
        .forward(there.me.actor(), there.me.id, peer, peer, vec![(at, 3)], how)
        .await
        .unwrap();
    two.heal().await;
    let came: Vec<_> =
        here.history().await.into_iter().filter(|m| m.message.text == "here").collect();
    assert_eq!(came.len(), 2);
    assert!(came.iter().all(|stored| stored.message.media == Some(Media::Geo(place))));
    let forward = came[1].message.forward.as_ref().unwrap();
    assert_eq!(forward.from.user(), Some(here.other));
}

#[tokio::test]
async fn a_lane_that_is_forked_stays_so_after_a_restart() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    here.say("first").await;
    two.heal().await;
    let (group, node) = (two.group(), there.core().node());
    // The other node signs two entries for one place, and goes on.
    let rival = {
        let pair = there.core().pair_in_log(group);
        let keys = there.core().inner.logs.keys();
        let author = keys.author();
        let post = glog::body::Post {
            text: glog::cbor::Text::new("one of two").unwrap(),
            links: false,
            media: Default::default(),
            reply_to: None,
            extra: Default::default(),
        };
        let rng = &mut StdRng::seed_from_u64(1);
        pair.write(author, 0, &DataBody::Post(post), 0, rng).unwrap().encode()
    };
    there.say("the other").await;
    let lane = LaneName::Data { node: node.short(), inc: 0 };
    let said = there.core().log_page(group, lane, 0, u64::MAX, ALL).await.unwrap();
    assert_eq!(here.core().receive_log(group, said).await.fresh, 1);
    assert_eq!(here.core().receive_log(group, vec![rival.clone()]).await.fresh, 1);
    assert_eq!(here.core().receive_log(group, vec![rival]).await, Received::default());
    there.say("after it").await;
    let more = there.core().log_page(group, lane, 1, u64::MAX, ALL).await.unwrap();
    let two = two.restarted();
    let [here, there] = &two.sides;
    let taken = here.core().receive_log(group, more).await;
    assert_eq!(taken, Received::default(), "nobody's fault, and nothing new");
    assert_eq!(here.words().await, ["first", "the other"]);
    // The other lane is as good as before.
    here.say("I can still talk").await;
    bring(here.core(), there.core()).await;
    assert_eq!(there.words().await.last().unwrap(), "I can still talk");
}

/// A node that is restored from a backup contradicts nothing that it has said, and what it had said comes
/// back to the one who lives there.
#[tokio::test]
async fn what_is_lost_with_a_disk_comes_back_from_the_other_node() {
    let two = Two::new().await;
    two.sides[0].say("before").await;
    two.heal().await;
    let backup = two.sides[0].world.disk.backup();
    let lost = two.sides[0].say("lost here").await.id;
    two.sides[0].react(lost, &["👍"]).await.unwrap();
    two.sides[1].say("an answer").await;
    two.heal().await;
    let [here, there] = two.sides;
    let here = Side { world: here.world.restored(backup).await, ..here };
    assert_eq!(here.words().await, ["before"]);
    here.say("after").await;
    let two = Two { sides: [here, there] };
    two.heal().await;
    let two = two.restarted();
    two.sides[0].say("and on").await;
    two.heal().await;
    let node = two.sides[0].core().node().short();
    let heads = two.sides[1].core().log_heads(two.group()).await.unwrap().unwrap().lanes;
    let own = heads.iter().filter(|at| at.node == node).map(|at| (at.inc, at.seq));
    assert_eq!(own.collect::<Vec<_>>(), [(0, 2), (1, 2)], "an Open and two posts");
    for side in &two.sides {
        let mut words = side.words().await;
        words.sort();
        assert_eq!(words, ["after", "an answer", "and on", "before", "lost here"]);
        let lost = side.found("lost here").await;
        assert_eq!(lost.message.out, side.me == two.sides[0].me);
        assert_eq!(side.reactions(&lost).len(), 1);
    }
}

/// A message says no more than who wrote it may say.
#[tokio::test]
async fn nobody_speaks_in_another_name() {
    let two = Two::new().await;
    two.sides[0].say("first").await;
    two.heal().await;
    let (group, eve) = (two.group(), two.sides[1].me);
    let channel = two.sides[1].world.channel(eve, false).await;
    let [here, there] = &two.sides;
    let forged = Message {
        sent_as: Some(channel.into()),
        post_author: Some("the owner".into()),
        ..Message::new(here.peer(), here.me.id, true, 0, Text::none())
    };
    // As if a channel of here had the name that it has there.
    let post = there.core().write(None, move |decide| decide.post_answering(&forged, None, None));
    let post = post.await.unwrap();
    let pair = here.core().pair_in_log(group);
    let keys = here.core().inner.logs.keys();
    let author = keys.author();
    let rng = &mut StdRng::seed_from_u64(1);
    let entry = pair.write(author, 0, &DataBody::Post(post), 0, rng).unwrap().encode();
    assert_eq!(there.core().receive_log(group, vec![entry]).await.fresh, 1);
    let came = there.history().await.pop().unwrap().message;
    assert_eq!((came.sent_as, came.post_author), (None, None));
    assert_eq!((came.from, came.media), (there.other, Some(Media::Unsupported)));
}

/// A way to no node.
struct Nowhere;

impl Network for Nowhere {
    fn find(&self, _: String, _: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn follow(&self, _: NodeId, _: GroupId) -> Asking<'_, ()> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn join(&self, _: NodeId, _: GroupId) -> Asking<'_, ()> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn ask(&self, _: Asked) -> Asking<'_, ()> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn willing(&self, _: NodeId, _: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }

    fn invite(&self, _: NodeId, _: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async { Err(CoreError::NodeUnreachable) })
    }
}

#[tokio::test]
async fn whoever_reaches_other_nodes_is_told_of_each_entry() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    here.core().connect(Arc::new(Nowhere));
    here.world.recorder.take();
    let sent = here.say("hello").await.id;
    here.edit(sent, "hello there").await.unwrap();
    here.react(sent, &["👍"]).await.unwrap();
    here.pin(sent, true, false).await.unwrap();
    here.pin(sent, false, false).await.unwrap();
    here.delete(&[sent], true).await;
    let told = here.world.recorder.take();
    assert!(told.iter().any(|event| matches!(event, Event::GroupsChanged)));
    let entry = |event| match event {
        Event::Entry(entry) => Some(entry),
        _ => None,
    };
    let told: Vec<_> = told.into_iter().filter_map(entry).collect();
    assert_eq!(told.len(), 6);
    for (entry, kind) in told.iter().zip([64, 65, 69, 67, 68, 66]) {
        assert_eq!((entry.group, entry.public), (two.group(), false));
        assert_eq!(entry.members, [there.core().node()]);
        assert_eq!(Entry::decode(&entry.entry).unwrap().header().kind, kind);
    }
    // Pushed one by one, they do the same; by name they are found again.
    let number = |user: Member| user.id.0 as u64;
    let first = vec![told[0].entry.clone()];
    let (node, group) = (here.core().node(), two.group());
    let taken = there.core().receive_pair(node, number(there.me), number(here.me), first).await;
    assert_eq!(taken.fresh, 1);
    for entry in &told[1..5] {
        assert_eq!(there.core().receive_log(group, vec![entry.entry.clone()]).await.fresh, 1);
    }
    assert_eq!(there.words().await, ["hello there"]);
    assert!(there.core().pair(group).unwrap().unwrap().met, "it came from there");
    assert!(!here.core().pair(group).unwrap().unwrap().met);
    here.core().met_pair(group).await.unwrap();
    assert!(here.core().pair(group).unwrap().unwrap().met);
    let heads = there.core().log_heads(group).await.unwrap().unwrap().lanes;
    let named = there.core().log_named(group, heads).await.unwrap();
    assert_eq!(named, [told[4].entry.clone()]);
    let certs = there.core().log_certs(group).await.unwrap();
    assert_eq!(certs.len(), 2);
    there.core().learn_log_certs(group, certs).await.unwrap();
    assert_eq!(there.core().log_wanted(group).await.unwrap(), []);
}

#[tokio::test]
async fn what_names_an_entry_that_does_not_come_is_shown_in_the_end() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    here.say("one").await;
    two.heal().await;
    there.say("two").await;
    let group = two.group();
    let of = |pages: Vec<Vec<Vec<u8>>>, node: NodeId| -> Vec<Vec<u8>> {
        let all = pages.into_iter().flatten();
        all.filter(|entry| Entry::decode(entry).unwrap().header().node == node).collect()
    };
    // A node that has lost what it had said hears the answer first.
    let mut fresh = World::other(&here.world, 1).await;
    let eve = fresh.member("Eve").await;
    introduce(&fresh, eve, &here.world, here.me).await;
    assert_eq!(eve.id, there.me.id);
    bring(there.core(), here.core()).await;
    here.say("three").await;
    let lane = of(pages(here.core(), group).await, here.core().node());
    let number = |user: Member| user.id.0 as u64;
    let node = here.core().node();
    let taken = fresh.core.receive_pair(node, number(eve), number(here.me), lane).await;
    assert_eq!((taken.fresh, taken.stopped), (1, None), "the other one waits");
    fresh.core.tick_logs().await.unwrap();
    assert_eq!(fresh.core.pair_in_log(group).messages().len(), 1);
    fresh.pass_s(31);
    fresh.core.tick_logs().await.unwrap();
    assert_eq!(fresh.core.pair_in_log(group).messages().len(), 2);
    // Its own words come back, as its own.
    let lane = of(pages(here.core(), group).await, there.core().node());
    assert_eq!(fresh.core.receive_log(group, lane).await.fresh, 1);
    let own: Vec<_> = fresh
        .rows(eve)
        .into_iter()
        .filter_map(|(_, row)| match row {
            BoxRow::Message(message) if message.out => Some(message.text),
            _ => None,
        })
        .collect();
    assert_eq!(own, ["two"]);
}

/// Two people who do anything at random, over a line that brings it now and then and in any order.
struct Life {
    two: Two,
    rng: StdRng,
    /// Of each: what is not shown there though the log shows it.
    removed: [BTreeSet<EntryRef>; 2],
    done: BTreeMap<&'static str, u32>,
}

impl Life {
    async fn step(&mut self) {
        let at = self.rng.random_range(0..2);
        let history = self.two.sides[at].history().await;
        let said: Vec<_> = history.into_iter().filter(|m| m.message.action.is_none()).collect();
        let chosen = said.choose(&mut self.rng).cloned();
        let side = &self.two.sides[at];
        let words = self.rng.random::<u32>().to_string();
        let what = self.rng.random_range(0..20);
        let (name, done) = match (what, chosen) {
            (0..5, _) | (_, None) => {
                side.say(&words).await;
                ("said", Ok(()))
            }
            (5..7, Some(chosen)) => {
                side.answer(chosen.id, &words).await;
                ("answered", Ok(()))
            }
            (7..10, Some(chosen)) => ("edited", side.edit(chosen.id, &words).await.map(|_| ())),
            (10, Some(chosen)) => {
                side.delete(&[chosen.id], true).await;
                ("deleted", Ok(()))
            }
            (11, Some(chosen)) => {
                let (_, post) = side.core().brought_in_log(side.me.id, chosen.id).unwrap();
                side.delete(&[chosen.id], false).await;
                self.removed[at].insert(post);
                ("removed", Ok(()))
            }
            (12..16, Some(chosen)) => {
                let with: &[&str] = [&["👍"][..], &["👎"], &[]].choose(&mut self.rng).unwrap();
                ("reacted", side.react(chosen.id, with).await)
            }
            (16..18, Some(chosen)) => {
                let pins = side.pin(chosen.id, !chosen.message.pinned, false).await;
                ("pinned", pins.map(|_| ()))
            }
            (_, _) => {
                self.line(at).await;
                ("brought", Ok(()))
            }
        };
        match done {
            Ok(()) => *self.done.entry(name).or_default() += 1,
            Err(CoreError::NotTheAuthor | CoreError::Reaction(_)) => {}
            Err(cause) => panic!("{name}: {cause}"),
        }
        self.two.sides[0].world.pass_s(self.rng.random_range(0..20));
    }

    /// Something of what one has comes to the other.
    async fn line(&mut self, from: usize) {
        let (from, to) = (&self.two.sides[from], &self.two.sides[1 - from]);
        let group = self.two.group();
        if from.core().pair(group).unwrap().is_none() {
            return;
        }
        let mut all: Vec<_> = pages(from.core(), group).await.into_iter().flatten().collect();
        if self.rng.random_bool(0.5) {
            all.shuffle(&mut self.rng);
        }
        all.truncate(self.rng.random_range(0..=all.len()));
        let (mine, theirs) = (from.me.id.0 as u64, to.me.id.0 as u64);
        // Of an unknown one it may not begin with a message.
        to.core().receive_pair(from.core().node(), theirs, mine, all).await;
        to.core().tick_logs().await.unwrap();
    }

    async fn check(&self) {
        let group = self.two.group();
        let in_logs: Vec<BTreeMap<EntryRef, PairMessage>> =
            (self.two.sides.iter()).map(|side| side.core().pair_in_log(group).messages()).collect();
        assert_eq!(in_logs[0], in_logs[1], "both logs say the same");
        let pair = self.two.sides[0].core().pair_in_log(group);
        for (side, removed) in self.two.sides.iter().zip(&self.removed) {
            let mut left = in_logs[0].clone();
            left.retain(|at, _| !removed.contains(at));
            let own = side.core().node().short();
            let history = side.history().await;
            for stored in history.iter().filter(|stored| stored.message.action.is_none()) {
                let shown = &stored.message;
                let (_, at) = side.core().brought_in_log(side.me.id, stored.id).unwrap();
                let said = left.remove(&at).expect("once, and in the log");
                let post = said.post.unwrap();
                assert_eq!(post.text.to_string(), shown.text);
                assert_eq!(shown.out, at.node == own);
                assert_eq!(said.edited.is_some(), shown.edited > 0, "{at:?}");
                assert_eq!(!said.pins.is_empty(), shown.pinned, "{at:?}");
                let answered = shown
                    .reply
                    .as_ref()
                    .map(|reply| side.core().brought_in_log(side.me.id, reply.to));
                if let Some(Some((_, answered))) = answered {
                    // Edits leave it as it is.
                    let begun = pair.get(&at).unwrap().body();
                    let Some(DataBody::Post(begun)) = begun else { panic!("{begun:?}") };
                    assert_eq!(Some(answered), begun.reply_to);
                }
                let user = |node| if node == own { side.me.id } else { side.other };
                let reacted = said.reactions.into_iter();
                let reacted = reacted.map(|(by, with)| (user(by.node), with[0].clone()));
                assert_eq!(side.reactions(stored), reacted.collect(), "{at:?}");
            }
            assert!(left.is_empty(), "not shown: {left:?}");
        }
    }
}

#[tokio::test]
async fn whatever_two_people_do_both_boxes_show_what_the_log_says() {
    let mut total: BTreeMap<&str, u32> = BTreeMap::new();
    let (seeds, steps) = if full() { (100, 160) } else { (8, 60) };
    for seed in 0..seeds {
        let rng = StdRng::seed_from_u64(seed);
        let two = Two::new().await;
        let mut life = Life { two, rng, removed: Default::default(), done: BTreeMap::new() };
        for step in 0..steps {
            life.step().await;
            if step % 20 == 19 {
                let Life { two, mut rng, removed, done } = life;
                let two = if rng.random_bool(0.5) { two.restarted() } else { two };
                life = Life { two, rng, removed, done };
                life.two.heal().await;
                life.check().await;
            }
        }
        let before = (life.two.sides[0].pts().await, life.two.sides[1].pts().await);
        life.two.heal().await;
        assert_eq!((life.two.sides[0].pts().await, life.two.sides[1].pts().await), before);
        for (what, count) in life.done {
            *total.entry(what).or_default() += count;
        }
    }
    let all = ["said", "answered", "edited", "deleted", "removed", "reacted", "pinned", "brought"];
    assert!(all.iter().all(|what| total.get(what).is_some_and(|count| *count > 3)), "{total:?}");
}

/// Only the kinds that have a meaning between two people are ever written.
#[tokio::test]
async fn a_lane_has_what_counts_and_nothing_else() {
    let two = Two::new().await;
    let [here, _] = &two.sides;
    let sent = here.say("hello").await.id;
    here.react(sent, &["👍"]).await.unwrap();
    let pair = here.core().pair_in_log(two.group());
    for seq in 0..2 {
        let at = pair.at(here.core().node().short(), 0, seq).unwrap();
        assert!(pair.counts(&at));
        let body = pair.get(&at).unwrap().body().unwrap();
        assert!(matches!((seq, body), (0, DataBody::Post(_)) | (1, DataBody::React(_))));
    }
}
