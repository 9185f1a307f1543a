//! Two nodes that share a channel, without a network between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glog::{GroupId, NodeId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::world::{Member, World, text};
use crate::federation::Asking;
use crate::*;

/// All of it, for what is there.
const ALL: usize = 1 << 20;

/// A way to one other node.
pub(super) struct Line(pub(super) Core);

impl Line {
    async fn bring(&self, to: &Core, group: GroupId) {
        fetch(&self.0, to, group).await;
    }
}

/// Brings to one node what another has of a group.
pub(super) async fn fetch(from: &Core, to: &Core, group: GroupId) {
    let heads = from.log_heads(group).await.unwrap().expect("it is there");
    to.expect_history(group, heads.lanes.clone());
    let chain = from.log_page(group, LaneName::Control, 0, u64::MAX, ALL).await.unwrap();
    let taken = to.receive_log(group, chain).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None));
    for head in heads.lanes {
        let lane = LaneName::Data { node: head.node, inc: head.inc };
        let page = from.log_page(group, lane, 0, u64::MAX, ALL).await.unwrap();
        assert_eq!(page.len() as u64, head.seq + 1);
        let taken = to.receive_log(group, page).await;
        assert_eq!((taken.rejected, taken.stopped), (0, None));
    }
    if let Some(channel) = to.channel_of_group(group).unwrap() {
        to.filled(channel).await;
    }
}

/// The way from `1` to `0`.
pub(super) struct Way {
    pub(super) from: Core,
    pub(super) to: Line,
    /// Asks and look-ups do not get through.
    pub(super) cut: Arc<AtomicBool>,
}

impl Network for Way {
    fn find(&self, name: String, _: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async move {
            if self.cut.load(Ordering::SeqCst) {
                return Err(CoreError::NodeUnreachable);
            }
            let found = self.to.0.found_name(&name).await?.ok_or(CoreError::UnknownUser)?;
            Ok((self.to.0.node(), found))
        })
    }

    fn follow(&self, _: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            self.to.bring(&self.from, group).await;
            Ok(())
        })
    }

    fn join(&self, _: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            self.to.0.admit_node(group, self.from.cert()).await?;
            self.to.bring(&self.from, group).await;
            Ok(())
        })
    }

    fn willing(&self, _: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to.0.willing(self.from.node(), invite).await })
    }

    fn invite(&self, _: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to.0.invited(self.from.node(), invite).await })
    }

    fn ask(&self, asked: Asked) -> Asking<'_, ()> {
        Box::pin(async move {
            if self.cut.load(Ordering::SeqCst) {
                return Err(CoreError::NodeUnreachable);
            }
            self.to.0.answer_ask(self.from.node(), asked.evidence).await?;
            self.to.bring(&self.from, asked.group).await;
            Ok(())
        })
    }
}

/// A node with a public channel, and another one from which it is reached.
pub(super) struct Two {
    pub(super) home: World,
    pub(super) far: World,
    pub(super) ada: Member,
    pub(super) eve: Member,
    /// As it is at home.
    pub(super) channel: ChannelId,
    /// As it is on the other node.
    pub(super) there: ChannelId,
    pub(super) group: GroupId,
    pub(super) cut: Arc<AtomicBool>,
}

impl Two {
    pub(super) async fn new(broadcast: bool) -> Self {
        let mut home = World::new().await;
        let mut far = World::other(&home, 1).await;
        let (ada, eve) = (home.member("Ada").await, far.member("Eve").await);
        let channel = home.channel(ada, broadcast).await;
        let name = "harbour_talk".to_owned();
        home.core.update_channel_username(ada.actor(), ada.id, channel, name).await.unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let to = Line(home.core.clone());
        let way = Way { from: far.core.clone(), to, cut: cut.clone() };
        far.core.connect(Arc::new(way));
        let found = far.core.resolve_far(eve.id, "Harbour_Talk", "home.example").await.unwrap();
        let there = found.channel().expect("a channel");
        let group = far.core.sharing(there).expect("shared").group;
        Self { home, far, ada, eve, channel, there, group, cut }
    }

    pub(super) async fn join(&self, member: Member) {
        let joined = self.far.core.join_channel(member.actor(), member.id, self.there).await;
        assert!(matches!(joined, Ok(LinkTaken::Joined(..))), "{joined:?}");
    }

    /// Both have what either has.
    pub(super) async fn heal(&self) {
        fetch(&self.home.core, &self.far.core, self.group).await;
        if !self.home.core.channel(self.channel).unwrap().broadcast {
            fetch(&self.far.core, &self.home.core, self.group).await;
        }
        let [home, far] = [&self.home.core, &self.far.core].map(|core| core.log_heads(self.group));
        assert_eq!(home.await.unwrap(), far.await.unwrap());
    }

    pub(super) async fn say(&self, at_home: bool, words: &str) -> Sent {
        let (world, by, place) = match at_home {
            true => (&self.home, self.ada, self.channel),
            false => (&self.far, self.eve, self.there),
        };
        let message = Outgoing::text(place.into(), text(words), world.number());
        world.core.send(by.actor(), by.id, message).await.unwrap()
    }

    /// Words of messages, the oldest first, with who wrote them.
    async fn shown(&self, at_home: bool) -> Vec<(String, String)> {
        let (world, by, place) = match at_home {
            true => (&self.home, self.ada, self.channel),
            false => (&self.far, self.eve, self.there),
        };
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let page = world.core.history(by.id, place.into(), query).await.unwrap();
        let said = page.messages.iter().rev().filter(|stored| stored.message.action.is_none());
        let name = |user: UserId| world.core.view(by.id, user).unwrap().unwrap().user.full_name();
        said.map(|stored| (stored.message.text.clone(), name(stored.message.from))).collect()
    }

    /// Each node knows what the other's people are called.
    pub(super) async fn introduce(&self) {
        for (from, to) in [(&self.home.core, &self.far.core), (&self.far.core, &self.home.core)] {
            let strangers = to.strangers(from.node().short()).unwrap();
            let cards = from.cards_shown(&strangers).unwrap();
            to.learn_people(from.node().short(), cards).await.unwrap();
            assert!(to.strangers(from.node().short()).unwrap().is_empty());
        }
    }
}

fn pairs(shown: &[(String, String)]) -> Vec<(&str, &str)> {
    shown.iter().map(|(words, by)| (words.as_str(), by.as_str())).collect()
}

#[tokio::test]
async fn a_channel_of_another_node_is_read() {
    let two = Two::new(true).await;
    let found = two.far.core.channel(two.there).unwrap();
    let home = two.home.core.channel(two.channel).unwrap();
    assert!(found.broadcast);
    // Whom to ask for files that its people have posted.
    let of_creator = two.far.core.node_of(found.creator).unwrap().map(|known| known.id);
    assert_eq!(of_creator, Some(two.home.core.node()));
    assert!(two.far.core.node_of(two.eve.id).unwrap().is_none(), "a member");
    assert_eq!((&found.title, &found.about), (&home.title, &home.about));
    let domain = format!("{}.node", two.home.core.node().short());
    let name = found.username.clone().unwrap();
    assert!(is_username(&name) && name.starts_with("harbour_talk_at_"), "{name}");
    // It is found again by either name, without a network.
    for name in [format!("harbour_talk@{domain}"), name] {
        let found = two.far.core.resolve_name(two.eve.id, &name).await.unwrap();
        assert_eq!(found, two.there.into());
    }
    two.say(true, "ships").await;
    two.join(two.eve).await;
    two.heal().await;
    two.introduce().await;
    assert_eq!(pairs(&two.shown(false).await), [("ships", "Ada")]);
    // Nobody here may write in it, and the other node does not say so of itself.
    let message = Outgoing::text(two.there.into(), text("me too"), 1);
    let refused = two.far.core.send(two.eve.actor(), two.eve.id, message).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    // The whole again changes nothing.
    let before = two.far.core.channel_state(two.there).unwrap();
    two.heal().await;
    assert_eq!(two.far.core.channel_state(two.there).unwrap(), before);
    let far = two.far.reopen();
    assert_eq!(far.core.sharing(two.there).unwrap().group, two.group);
    let heads = far.core.log_heads(two.group).await.unwrap();
    assert_eq!(heads, two.home.core.log_heads(two.group).await.unwrap());
}

#[tokio::test]
async fn a_group_is_written_in_from_two_nodes() {
    let two = Two::new(false).await;
    two.say(true, "who is there?").await;
    two.join(two.eve).await;
    two.say(false, "me").await;
    two.heal().await;
    two.introduce().await;
    let both = [("who is there?", "Ada"), ("me", "Eve")];
    assert_eq!(pairs(&two.shown(true).await), both);
    // What is written apart is in both when the line is back, each in the order in which it came.
    two.say(true, "one").await;
    two.say(false, "two").await;
    two.heal().await;
    let mut home = two.shown(true).await;
    let mut far = two.shown(false).await;
    assert_eq!((home.len(), far.len()), (4, 4));
    home.sort();
    far.sort();
    assert_eq!(home, far);
    // After a restart of both it goes on.
    let Two { home, far, .. } = two;
    let two = Two { home: home.reopen(), far: far.reopen(), ..two };
    two.say(false, "three").await;
    two.say(true, "four").await;
    two.heal().await;
    assert_eq!((two.shown(true).await.len(), two.shown(false).await.len()), (6, 6));
}

#[tokio::test]
async fn what_is_done_to_a_message_shows_on_both() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(true, "ropes").await;
    let own = two.say(false, "knots").await;
    two.heal().await;
    // Edits.
    let (far, home) = (&two.far.core, &two.home.core);
    let edit = Edit::text(text("bowlines"));
    far.edit(two.eve.actor(), two.eve.id, two.there.into(), own.id, edit).await.unwrap();
    two.heal().await;
    two.introduce().await;
    assert_eq!(pairs(&two.shown(true).await), [("ropes", "Ada"), ("bowlines", "Eve")]);
    // Reactions, in some seconds.
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let page = home.history(two.ada.id, two.channel.into(), query).await.unwrap();
    let at_home = page.messages.iter().find(|stored| stored.message.text == "bowlines").unwrap().id;
    let ropes = page.messages.iter().find(|stored| stored.message.text == "ropes").unwrap().id;
    let with = vec![Reaction::Emoji("👍".into())];
    let how = ReactHow::default();
    home.react(two.ada.actor(), two.ada.id, two.channel.into(), at_home, with, how).await.unwrap();
    two.home.pass_s(3);
    home.tick().await.unwrap();
    two.heal().await;
    let stored = far.messages(two.there, &[own.id]).await.unwrap().remove(0);
    let shown = far.reactions(two.eve.id, own.id, &stored.message).unwrap().unwrap();
    assert_eq!((shown.counts.len(), shown.counts[0].count), (1, 1));
    assert_eq!(shown.counts[0].chosen, None);
    // An admin of the home pins and deletes.
    let how = PinHow { pinned: true, one_side: false, silent: false };
    home.pin_message(two.ada.actor(), two.ada.id, two.channel.into(), at_home, how).await.unwrap();
    two.heal().await;
    let stored = far.messages(two.there, &[own.id]).await.unwrap().remove(0);
    assert!(stored.message.pinned);
    let ids = vec![at_home];
    home.delete_in_channel(two.ada.actor(), two.ada.id, two.channel, ids).await.unwrap();
    two.heal().await;
    assert_eq!(pairs(&two.shown(false).await), [("ropes", "Ada")]);
    assert!(far.messages(two.there, &[own.id]).await.unwrap().is_empty());
    let _ = ropes;
}

#[tokio::test]
async fn who_is_banned_at_home_is_silent_everywhere() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "before").await;
    two.heal().await;
    two.introduce().await;
    let eve = two.home.core.view(two.ada.id, UserId(1 << 39)).unwrap();
    let eve = eve.map_or_else(|| panic!("nobody"), |view| view.user.id);
    // She goes on writing while the ban is on its way.
    two.say(false, "after").await;
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    let core = &two.home.core;
    core.ban_in_channel(two.ada.actor(), two.ada.id, two.channel, eve, banned).await.unwrap();
    two.heal().await;
    for at_home in [true, false] {
        let shown = two.shown(at_home).await;
        let words: Vec<&str> = shown.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!(words, ["before"], "what the home had not seen");
    }
    let own = two.far.core.participant(two.there, two.eve.id).unwrap().unwrap();
    assert!(own.is_banned() && !own.joined);
    let message = Outgoing::text(two.there.into(), text("again"), 99);
    let refused = two.far.core.send(two.eve.actor(), two.eve.id, message).await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
}

#[tokio::test]
async fn an_admin_of_another_node_asks_the_home() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "hello").await;
    two.heal().await;
    let (home, far) = (&two.home.core, &two.far.core);
    let title =
        |title: &'static str| far.edit_channel_title(two.eve.actor(), two.eve.id, two.there, title);
    // As a member she may not.
    let refused = title("Mine").await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let eve = UserId(1 << 39);
    let rights = AdminRights::CHANGE_INFO.and(AdminRights::BAN_USERS);
    let (ada, rank) = (two.ada, "Mate".to_owned());
    home.edit_channel_admin(ada.actor(), ada.id, two.channel, eve, rights, rank).await.unwrap();
    two.heal().await;
    let own = far.participant(two.there, two.eve.id).unwrap().unwrap();
    assert!(own.is_admin(), "{own:?}");
    title("Ours").await.unwrap();
    for (core, channel) in [(home, two.channel), (far, two.there)] {
        assert_eq!(core.channel(channel).unwrap().title, "Ours");
    }
    // What the log does not let her do is refused as at home.
    let refused = title("Ours").await;
    assert!(matches!(refused, Err(CoreError::ChatNotModified)), "{refused:?}");
    // A ban takes what the home has not seen; the home fills in what stays.
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    let ada_there = far.channel(two.there).unwrap().creator;
    let refused =
        far.ban_in_channel(two.eve.actor(), two.eve.id, two.there, ada_there, banned).await;
    assert!(matches!(refused, Err(CoreError::ChannelOwner)), "{refused:?}");
}

#[tokio::test]
async fn a_ban_that_the_home_has_not_heard_of_hides_and_is_asked_again() {
    let mut two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "hello").await;
    two.heal().await;
    let (ada, eve) = (two.ada, UserId(1 << 39));
    let rights = AdminRights::BAN_USERS;
    let home = two.home.core.clone();
    let bob = two.home.member("Bob").await;
    home.join_channel(bob.actor(), bob.id, two.channel).await.unwrap();
    let said = |words: &str, number| Outgoing::text(two.channel.into(), text(words), number);
    home.send(bob.actor(), bob.id, said("spam", 1)).await.unwrap();
    let promoted =
        home.edit_channel_admin(ada.actor(), ada.id, two.channel, eve, rights, "Mate".into());
    promoted.await.unwrap();
    two.heal().await;
    let far = two.far.core.clone();
    let words = |shown: Vec<(String, String)>| -> Vec<String> {
        shown.into_iter().map(|(words, _)| words).collect()
    };
    assert_eq!(words(two.shown(false).await), ["hello", "spam"]);
    // The home is away: the admin is told so, and sees no more of it.
    two.cut.store(true, Ordering::SeqCst);
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = far.history(two.eve.id, two.there.into(), query).await.unwrap();
    let spam = page.messages.iter().find(|stored| stored.message.text == "spam").unwrap();
    let (bob_there, banned) =
        (spam.message.from, Banned { entirely: true, rights: Rights::NONE, until: 0 });
    let ban = || far.ban_in_channel(two.eve.actor(), two.eve.id, two.there, bob_there, banned);
    assert!(matches!(ban().await, Err(CoreError::NodeUnreachable)));
    home.send(bob.actor(), bob.id, said("more spam", 2)).await.unwrap();
    two.heal().await;
    assert_eq!(words(two.shown(true).await), ["hello", "spam", "more spam"]);
    assert_eq!(words(two.shown(false).await), ["hello", "spam"]);
    far.ask_again().await.unwrap();
    assert_eq!(words(two.shown(false).await), ["hello", "spam"], "still away");
    // It is back, and has heard of it once, however often it is asked.
    two.cut.store(false, Ordering::SeqCst);
    far.ask_again().await.unwrap();
    far.ask_again().await.unwrap();
    two.heal().await;
    let own = home.participant(two.channel, bob.id).unwrap().unwrap();
    assert!(own.is_banned());
    // What the home had seen before the ban stays, for everybody.
    for at_home in [true, false] {
        assert_eq!(words(two.shown(at_home).await), ["hello", "spam", "more spam"]);
    }
}

#[tokio::test]
async fn somebody_of_another_node_is_added_and_privacy_holds() {
    let mut two = Two::new(false).await;
    // Ways in both directions: the home asks the other node, which brings the group.
    let back =
        Way { from: two.home.core.clone(), to: Line(two.far.core.clone()), cut: Arc::default() };
    two.home.core.connect(Arc::new(back));
    let fay = two.far.member("Fay").await;
    let (home, far) = (two.home.core.clone(), two.far.core.clone());
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    // Ada has met both.
    let mut met = Vec::new();
    for user in [two.eve.id, fay.id] {
        let card = far.cards(&[user.0.unsigned_abs()]).remove(0);
        met.push(home.account_of(far.node().short(), card).await.unwrap());
    }
    let rules = vec![PrivacyRule { allow: false, who: Who::All }];
    far.set_privacy(Some(fay.actor()), fay.id, PrivacyKey::ChatInvite, rules).await.unwrap();
    let (ada, channel) = (two.ada, two.channel);
    let done = home.add_to_channel(ada.actor(), ada.id, channel, met.clone()).await.unwrap();
    assert_eq!((done.sent.len(), &done.missing[..]), (1, &met[1..]), "Fay does not want to be");
    assert!(far.is_in_channel(two.there, two.eve.id).unwrap());
    assert!(!far.is_in_channel(two.there, fay.id).unwrap());
    assert!(home.is_in_channel(channel, met[0]).unwrap());
    // She writes at once.
    two.say(false, "thank you").await;
    two.heal().await;
    assert_eq!(pairs(&two.shown(true).await), [("thank you", "Eve")]);
}

#[tokio::test]
async fn a_name_that_changes_hands_leads_to_who_has_it() {
    let mut two = Two::new(false).await;
    let bob = two.home.member("Bob").await;
    let (home, far, eve) = (two.home.core.clone(), two.far.core.clone(), two.eve.id);
    let take = async |who: Member, name: Option<&str>| {
        let name = name.map(str::to_owned).unwrap_or_default();
        home.update_username(Some(who.actor()), who.id, name).await.unwrap();
    };
    let domain = format!("{}.node", home.node().short());
    let find = async || far.resolve_far(eve, "harbour_master", &domain).await;
    take(two.ada, Some("harbour_master")).await;
    let ada = find().await.unwrap();
    two.cut.store(true, Ordering::SeqCst);
    assert_eq!(find().await.unwrap(), ada, "as far as is known");
    two.cut.store(false, Ordering::SeqCst);
    take(two.ada, None).await;
    assert!(matches!(find().await, Err(CoreError::UnknownUser)));
    take(bob, Some("harbour_master")).await;
    let now = find().await.unwrap();
    assert_ne!(now, ada);
    two.cut.store(true, Ordering::SeqCst);
    assert_eq!(find().await.unwrap(), now);
}

#[tokio::test]
async fn a_home_hands_a_group_over_and_a_dead_one_is_replaced() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "hello").await;
    two.heal().await;
    let (home, far) = (&two.home.core, &two.far.core);
    // Nothing moves where the next home has not agreed.
    let offer = home.offer_home(two.channel, far.node()).await.unwrap();
    let refused = far.accept_home(home.node(), offer).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    far.consent_to_home(two.there, true).await.unwrap();
    let title = |title: &'static str| {
        home.edit_channel_title(two.ada.actor(), two.ada.id, two.channel, title)
    };
    title("Meanwhile").await.unwrap();
    let behind = home.offer_home(two.channel, far.node()).await.unwrap();
    let refused = far.accept_home(home.node(), behind).await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
    two.heal().await;
    let offer = home.offer_home(two.channel, far.node()).await.unwrap();
    let agreed = far.accept_home(home.node(), offer).await.unwrap();
    home.move_home(two.channel, offer, far.node(), agreed).await.unwrap();
    two.heal().await;
    assert!(far.sharing(two.there).unwrap().is_home && !home.sharing(two.channel).unwrap().is_home);
    // The owner asks from now on.
    let back = Way { from: home.clone(), to: Line(far.clone()), cut: Arc::default() };
    home.connect(Arc::new(back));
    title("By asking").await.unwrap();
    two.heal().await;
    for (core, channel) in [(home, two.channel), (far, two.there)] {
        assert_eq!(core.channel(channel).unwrap().title, "By asking");
    }
    two.say(true, "still here").await;
    two.say(false, "so am I").await;
    two.heal().await;
    assert_eq!((two.shown(true).await.len(), two.shown(false).await.len()), (3, 3));
    // The new home is lost: whoever holds the recovery key makes another one.
    let wrong = keys::NodeIdentity::from_seed(&[1; 32]);
    let refused = home.recover_channel(two.channel, wrong, false).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let key = super::world::recovery_key(0);
    home.recover_channel(two.channel, key, false).await.unwrap();
    assert!(home.sharing(two.channel).unwrap().is_home);
    title("Recovered").await.unwrap();
    two.heal().await;
    assert_eq!(far.channel(two.there).unwrap().title, "Recovered");
    assert!(!far.sharing(two.there).unwrap().is_home);
    // Both keep what was said, over a restart too.
    let Two { home, far, .. } = two;
    let two = Two { home: home.reopen(), far: far.reopen(), ..two };
    two.say(false, "and on").await;
    two.heal().await;
    assert_eq!((two.shown(true).await.len(), two.shown(false).await.len()), (4, 4));
}

#[tokio::test]
async fn a_node_restored_from_a_backup_does_not_fork_its_log() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "before").await;
    two.heal().await;
    let backup = two.far.disk.backup();
    two.say(false, "lost here").await;
    two.heal().await;
    assert_eq!(two.shown(true).await.len(), 2);
    // Back at the time of the backup, it goes on at once, and what it had said comes back.
    let Two { far, .. } = two;
    let two = Two { far: far.restored(backup).await, ..two };
    two.say(false, "after").await;
    two.heal().await;
    let lanes = two.home.core.log_heads(two.group).await.unwrap().unwrap().lanes;
    let far = two.far.core.node().short();
    let of: Vec<(u32, u64)> =
        lanes.iter().filter(|at| at.node == far).map(|at| (at.inc, at.seq)).collect();
    assert_eq!(of, [(0, 2), (1, 1)], "a Member and two posts; an Open and one post");
    for at_home in [true, false] {
        let mut words: Vec<String> =
            two.shown(at_home).await.into_iter().map(|(words, _)| words).collect();
        words.sort();
        assert_eq!(words, ["after", "before", "lost here"]);
    }
    let Two { far, .. } = two;
    let two = Two { far: far.reopen(), ..two };
    two.say(false, "and on").await;
    two.heal().await;
    assert_eq!((two.shown(true).await.len(), two.shown(false).await.len()), (4, 4));
}

#[tokio::test]
async fn a_restored_home_decides_nothing_until_the_others_have_told_what_they_hold() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "hello").await;
    two.heal().await;
    let backup = two.home.disk.backup();
    let title = |two: &Two, title: &'static str| {
        let (ada, channel) = (two.ada, two.channel);
        let core = two.home.core.clone();
        async move { core.edit_channel_title(ada.actor(), ada.id, channel, title).await }
    };
    title(&two, "Newer").await.unwrap();
    two.say(true, "lost at home").await;
    two.heal().await;
    let Two { home, .. } = two;
    let two = Two { home: home.restored(backup).await, ..two };
    assert_eq!(two.home.core.channel(two.channel).unwrap().title, "Harbour");
    let refused = title(&two, "A fork").await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
    // What is said goes on, in another incarnation.
    two.say(true, "still talking").await;
    fetch(&two.far.core, &two.home.core, two.group).await;
    two.home.core.heard(two.far.core.node()).await.unwrap();
    assert_eq!(two.home.core.channel(two.channel).unwrap().title, "Newer");
    title(&two, "Newest").await.unwrap();
    two.heal().await;
    assert_eq!(two.far.core.channel(two.there).unwrap().title, "Newest");
    for at_home in [true, false] {
        let mut words: Vec<String> =
            two.shown(at_home).await.into_iter().map(|(words, _)| words).collect();
        words.sort();
        assert_eq!(words, ["hello", "lost at home", "still talking"]);
    }
}

#[tokio::test]
async fn what_is_not_signed_by_who_is_said_to_have_written_it_is_the_senders_fault() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(true, "hello").await;
    let home = &two.home.core;
    let node = home.node().short();
    let lanes = [LaneName::Control, LaneName::Data { node, inc: 0 }];
    for lane in lanes {
        let held = two.far.core.log_heads(two.group).await.unwrap().unwrap();
        let from = match lane {
            LaneName::Control => {
                let (ada, channel) = (two.ada, two.channel);
                home.edit_channel_title(ada.actor(), ada.id, channel, "Other").await.unwrap();
                held.control.seq + 1
            }
            LaneName::Data { .. } => 0,
        };
        let page = home.log_page(two.group, lane, from, from + 1, ALL).await.unwrap();
        let mut forged = page[0].clone();
        // The signature stands behind the header, before the body: any of its bytes will do.
        let header = glog::Entry::decode(&forged).unwrap().header().encode().len();
        forged[header + 10] ^= 1;
        let taken = two.far.core.receive_log(two.group, vec![forged]).await;
        assert_eq!((taken.fresh, taken.rejected, taken.stopped), (0, 1, None), "{lane:?}");
        assert_eq!(two.far.core.log_heads(two.group).await.unwrap().unwrap(), held);
        // The true one is taken, once.
        for fresh in [1, 0] {
            let taken = two.far.core.receive_log(two.group, page.clone()).await;
            assert_eq!((taken.fresh, taken.rejected, taken.stopped), (fresh, 0, None));
        }
    }
    // The first entry again is no fault, and what is no entry at all is one.
    let genesis = home.log_page(two.group, LaneName::Control, 0, 1, ALL).await.unwrap();
    let taken = two.far.core.receive_log(two.group, genesis).await;
    assert_eq!((taken.fresh, taken.rejected), (0, 0));
    let taken = two.far.core.receive_log(two.group, vec![vec![7; 100]]).await;
    assert_eq!((taken.fresh, taken.rejected), (0, 1));
    // Of a group that nobody here wants nothing is taken.
    let other = two.home.channel(two.ada, false).await;
    let group = glog::GroupId(home.name_of_log(other));
    let chain = home.log_page(group, LaneName::Control, 0, 9, ALL).await.unwrap();
    let taken = two.far.core.receive_log(group, chain).await;
    assert!(taken.fresh == 0 && taken.rejected == 0 && taken.stopped.is_some(), "{taken:?}");
    assert_eq!(two.far.core.channel_of_group(group).unwrap(), None);
}

#[tokio::test]
async fn nobody_of_another_node_speaks_in_a_name_that_is_not_theirs() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "in my own name").await;
    // The other node lets Eve write as the group, which only its log may let her.
    let far = two.far.core.clone();
    let (eve, there) = (two.eve.id, two.there);
    far.lie(there, eve, "as the group").await;
    two.heal().await;
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = two.home.core.history(two.ada.id, two.channel.into(), query).await.unwrap();
    let said = page.messages.iter().find(|stored| stored.message.text == "as the group").unwrap();
    assert_eq!((said.message.sent_as, said.message.from), (None, UserId(1 << 39)));
    // Where she may, she does.
    let rights = AdminRights::ANONYMOUS.and(AdminRights::CHANGE_INFO);
    let (ada, core) = (two.ada, &two.home.core);
    let eve_here = UserId(1 << 39);
    core.edit_channel_admin(ada.actor(), ada.id, two.channel, eve_here, rights, "Mate".into())
        .await
        .unwrap();
    two.heal().await;
    far.lie(there, eve, "as the group, truly").await;
    two.heal().await;
    let page = core.history(ada.id, two.channel.into(), query).await.unwrap();
    let said =
        page.messages.iter().find(|stored| stored.message.text == "as the group, truly").unwrap();
    assert_eq!(said.message.sent_as, Some(two.channel.into()));
}

/// A third node whose lane is written by hand.
struct Third {
    op: keys::NodeIdentity,
    cert: glog::NodeCert,
    rng: StdRng,
}

impl Third {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let root = keys::NodeIdentity::generate(&mut rng);
        let op = keys::NodeIdentity::generate(&mut rng);
        let body = glog::CertBody {
            root: *root.public().as_bytes(),
            op: *op.public().as_bytes(),
            x25519: *keys::sealed::BoxSecret::generate(&mut rng).public().as_bytes(),
            serial: 1,
            not_before_ms: 0,
            domain: glog::cbor::Text::default(),
            addresses: glog::cbor::List::default(),
        };
        let cert = glog::NodeCert::sign(body, &root);
        Self { op, cert, rng }
    }

    /// Posts of a new lane, each behind the one before.
    fn says(&mut self, chain: &glog::control::Chain, words: &[&str]) -> Vec<Vec<u8>> {
        self.says_after(chain, words, &[])
    }

    /// The same, each naming what it stands on.
    fn says_after(
        &mut self,
        chain: &glog::control::Chain,
        words: &[&str],
        deps: &[glog::EntryRef],
    ) -> Vec<Vec<u8>> {
        let author = glog::Author { node: self.cert.node(), serial: 1, key: &self.op };
        let mut end = glog::LaneEnd { inc: 0, last: None };
        let say = |words: &&str| {
            let post = glog::body::Post {
                text: glog::cbor::Text::new(*words).unwrap(),
                links: false,
                media: glog::cbor::List::default(),
                reply_to: None,
                extra: glog::cbor::Blob::default(),
            };
            let body = glog::body::DataBody::Post(post);
            let deps = glog::cbor::List::new(deps.to_vec()).unwrap();
            let rng = &mut self.rng;
            let entry = glog::write_data(chain, author, end, None, deps, 7, &body, 0, rng).unwrap();
            end.last = Some((entry.header().seq, entry.id()));
            entry.encode()
        };
        words.iter().map(say).collect()
    }
}

/// A node that tells each of the others something else at one place of its lane: the home says which of
/// it counts, and then both show that.
#[tokio::test]
async fn the_home_settles_a_lane_that_is_forked() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    let mut third = Third::new(1);
    two.home.core.admit_node(two.group, third.cert.clone()).await.unwrap();
    two.heal().await;
    let chain = two.home.core.replica_of(two.channel).chain().clone();
    let left = third.says(&chain, &["left", "left again"]);
    let right = third.says(&chain, &["right", "right again"]);
    for (world, branch) in [(&two.home, &left), (&two.far, &right)] {
        let taken = world.core.receive_log(two.group, branch.clone()).await;
        assert_eq!((taken.fresh, taken.rejected), (2, 0));
    }
    let words = |shown: Vec<(String, String)>| shown.into_iter().map(|(words, _)| words);
    assert!(words(two.shown(false).await).eq(["right", "right again"]));
    // The other branch comes to the home, and what the home says of it to the other node.
    two.home.core.receive_log(two.group, right[..1].to_vec()).await;
    let heads = two.home.core.log_heads(two.group).await.unwrap().unwrap();
    let (last, to) = (heads.control.seq, heads.control.seq + 1);
    let page = two.home.core.log_page(two.group, LaneName::Control, last, to, ALL).await.unwrap();
    let entry = glog::Entry::decode(&page[0]).unwrap();
    let entry = glog::control::ControlEntry::new(entry).unwrap();
    let Some(glog::body::Action::Settle(settle)) = entry.action() else { panic!("{entry:?}") };
    assert_eq!(settle.keep.map(|keep| (keep.node, keep.seq)), Some((third.cert.node().short(), 1)));
    two.heal().await;
    for at_home in [true, false] {
        assert!(words(two.shown(at_home).await).eq(["left", "left again"]), "{at_home}");
    }
    // The operator of the node that has seen both is told of it, and of nothing else.
    let health = two.home.core.lane_health();
    let [lane] = &health[..] else { panic!("{health:?}") };
    assert_eq!((lane.group, lane.node), (two.group, third.cert.node().short()));
    assert_eq!((lane.pending, lane.gaps, lane.forks), (0, 0, 1), "{lane:?}");
    // Once: the rival again writes nothing more.
    let before = two.home.core.log_heads(two.group).await.unwrap();
    two.home.core.receive_log(two.group, right).await;
    assert_eq!(two.home.core.log_heads(two.group).await.unwrap(), before);
    // Both are the same after they were read from the disk.
    let Two { home, far, .. } = two;
    let two = Two { home: home.reopen(), far: far.reopen(), ..two };
    two.say(true, "and so on").await;
    two.heal().await;
    assert!(words(two.shown(false).await).eq(["left", "left again", "and so on"]));
}

/// What waits for an entry that does not come, and is let through by one that the home writes, is kept and
/// shown as if it had come by itself.
#[tokio::test]
async fn what_an_own_entry_lets_through_is_kept_and_shown() {
    let mut two = Two::new(false).await;
    two.join(two.eve).await;
    let mut third = Third::new(2);
    two.home.core.admit_node(two.group, third.cert.clone()).await.unwrap();
    two.heal().await;
    let chain = two.home.core.replica_of(two.channel).chain().clone();
    let node = two.far.core.node().short();
    let missing = glog::EntryRef { node, inc: 0, seq: 50, hash: glog::Hash16([1; 16]) };
    let waiting = third.says_after(&chain, &["late"], &[missing]);
    two.home.core.receive_log(two.group, waiting.clone()).await;
    assert_eq!(two.shown(true).await, []);
    let health = |world: &World| {
        world.core.lane_health().into_iter().map(|lane| (lane.pending, lane.gaps, lane.forks))
    };
    assert!(health(&two.home).eq([(1, 0, 0)]), "it waits");
    two.home.pass_s(glog::GAP_AFTER_MS / 1000 + 1);
    let (ada, core) = (two.ada, two.home.core.clone());
    core.edit_channel_title(ada.actor(), ada.id, two.channel, "Docks").await.unwrap();
    assert!(health(&two.home).eq([(0, 1, 0)]), "it is shown without what it follows from");
    drop(core);
    // Also when it was read from the disk.
    for _ in 0..2 {
        let said = two.shown(true).await;
        assert!(said.iter().map(|(words, _)| words).eq(["late"]), "{said:?}");
        let lane = LaneName::Data { node: third.cert.node().short(), inc: 0 };
        let page = two.home.core.log_page(two.group, lane, 0, 1, ALL).await.unwrap();
        assert_eq!(page, waiting);
        two.home = two.home.reopen();
    }
}
