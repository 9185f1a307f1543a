//! Channels that are bridged to the fediverse: who may, what goes out, and what stays known.

use node_store::{Keyspace, Order, Store as _};

use super::federation::{Line, Two, Way};
use super::world::{Member, World, text};
use crate::*;

pub(super) fn keys(seed: u8) -> BridgeKeys {
    BridgeKeys { rsa: vec![seed; 1200], ed25519: vec![seed ^ 1; 32] }
}

pub(super) fn new_bridge() -> NewBridge {
    let (kind, settings) = (ActorKind::default(), BridgeSettings::default());
    NewBridge { kind, keys: keys(40), settings }
}

pub(super) fn activity(name: &str) -> NewOutgoing {
    NewOutgoing {
        activity: format!("https://here.test/ap/a/{name}"),
        json: format!("{{\"id\":\"{name}\"}}").into_bytes(),
        audience: Audience::Followers,
        object: None,
    }
}

fn published(post: PostRef, at: i32) -> Published {
    Published { post, at, repeats: None }
}

fn step(names: &[&str]) -> BridgeStep {
    let outgoing = names.iter().map(|name| activity(name)).collect();
    BridgeStep { outgoing, ..BridgeStep::default() }
}

/// A node with a bridged channel.
pub(super) struct Bridged {
    pub(super) world: World,
    pub(super) ada: Member,
    pub(super) bob: Member,
    pub(super) channel: ChannelId,
    pub(super) cid: Cid,
}

impl Bridged {
    pub(super) async fn new() -> Self {
        let mut world = World::new().await;
        let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
        let channel = world.channel(ada, true).await;
        world.named(ada, channel, "harbour_news").await;
        let cid = world.core.bridge_on(ada.id, channel, new_bridge()).await.unwrap().cid;
        Self { world, ada, bob, channel, cid }
    }

    pub(super) fn core(&self) -> &Core {
        &self.world.core
    }

    pub(super) async fn post(&self, words: &str) -> (MessageId, PostRef) {
        let id = self.world.post(self.ada, self.channel, words).await.unwrap().id;
        (id, self.core().post_ref(self.channel, id).unwrap().expect("an entry"))
    }

    async fn delete(&self, id: MessageId) {
        let (core, ada) = (self.core(), self.ada);
        core.delete_in_channel(ada.actor(), ada.id, self.channel, vec![id]).await.unwrap();
    }

    fn cursor(&self) -> Pts {
        self.core().bridge(self.channel).unwrap().cursor
    }

    async fn events(&self) -> BridgeEvents {
        self.core().bridge_events(self.channel, self.cursor(), 100).await.unwrap()
    }

    /// Takes all that there is, without saying anything of it.
    async fn pass(&self) {
        let (from, to) = (self.cursor(), self.events().await.pts);
        self.core().bridge_append(self.channel, from, to, BridgeStep::default()).await.unwrap();
    }
}

fn refusal<T: std::fmt::Debug>(result: CoreResult<T>) -> BridgeError {
    match result {
        Err(CoreError::Bridge(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_public_channel_is_bridged_by_who_may_and_rests_under_the_same_keys() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let (channel, group) = (world.channel(ada, true).await, world.channel(ada, false).await);
    world.named(ada, group, "harbour_talk").await;
    let on = |by: Member, channel| core.bridge_on(by.id, channel, new_bridge());
    assert_eq!(refusal(on(ada, channel).await), BridgeError::NotPublic, "private");
    world.named(ada, channel, "harbour_news").await;
    assert_eq!(refusal(on(ada, group).await), BridgeError::NotPublic, "a group");
    let refused = on(bob, channel).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    assert!(!core.is_bridged(channel) && core.bridges().is_empty());
    let empty = BridgeKeys { rsa: Vec::new(), ed25519: vec![1; 32] };
    let refused = core.bridge_on(ada.id, channel, NewBridge { keys: empty, ..new_bridge() }).await;
    assert_eq!(refusal(refused), BridgeError::Invalid("key"));

    let said = world.post(ada, channel, "before").await.unwrap();
    let bridge = on(ada, channel).await.unwrap();
    assert_eq!((bridge.cursor, bridge.state), (said.pts, BridgeState::On));
    assert_eq!(bridge.cid, core.name_of_log(channel)[..20]);
    assert!(core.is_bridged(channel) && core.public_channel(channel).is_some());
    assert_eq!(refusal(on(ada, channel).await), BridgeError::AlreadyBridged);
    assert_eq!(core.bridge_by_cid(&bridge.cid).unwrap().channel, channel);
    assert_eq!(core.bridge_by_name("Harbour_NEWS").unwrap().channel, channel);
    assert!(core.bridge_by_name("harbour_talk").is_none());
    // What it signs with rests sealed, and no row shows it.
    assert_eq!(core.bridge_keys(channel).unwrap(), keys(40));
    let rows = world.disk.scan(Keyspace::BRIDGE, &[], None, 1000, Order::Ascending).unwrap();
    assert!(rows.len() > 1);
    let shows = |row: &[u8]| row.windows(16).any(|some| some == [40; 16] || some == [41; 16]);
    assert!(!rows.iter().any(|(_, row)| shows(row)));

    // Off and on again, over a restart: other servers know the actor by its first keys.
    let refused = core.bridge_off(Some(bob.id), channel).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    core.bridge_off(Some(ada.id), channel).await.unwrap();
    assert_eq!(refusal(core.bridge_off(None, channel).await), BridgeError::NotBridged);
    assert!(!core.is_bridged(channel));
    let world = world.crash();
    let core = world.core.clone();
    let off = core.bridge(channel).unwrap();
    assert_eq!(off.state, BridgeState::Off { since: core.now() });
    let said = world.post(ada, channel, "meanwhile").await.unwrap();
    let again = NewBridge { keys: keys(50), ..new_bridge() };
    let on = core.bridge_on(ada.id, channel, again).await.unwrap();
    assert_eq!((on.cursor, on.state, on.since), (said.pts, BridgeState::On, bridge.since));
    assert_eq!(core.bridge_keys(channel).unwrap(), keys(40));
    // What the owner chooses.
    let settings = BridgeSettings {
        comments: CommentPolicy::HoldFirst,
        spoilers: Spoilers::Reveal,
        discoverable: false,
        protected: false,
    };
    let kind = ActorKind::Organization;
    core.set_bridge(Some(ada.id), channel, kind, settings.clone()).await.unwrap();
    let refused = core.set_bridge(Some(bob.id), channel, kind, settings.clone()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let world = world.reopen();
    let kept = world.core.bridge(channel).unwrap();
    assert_eq!((kept.kind, &kept.settings), (ActorKind::Organization, &settings));
    // The end is for good, and is said in the same batch.
    let newest = world.core.bridge_end(channel, vec![activity("gone")]).await.unwrap();
    assert_eq!(world.core.outgoing_after(newest - 1, 10).unwrap().len(), 1);
    assert!(!world.core.is_bridged(channel));
    let refused = world.core.bridge_on(ada.id, channel, new_bridge()).await;
    assert_eq!(refusal(refused), BridgeError::Gone);
    assert_eq!(world.core.bridge_keys(channel).unwrap(), keys(40), "its last word is signed");
}

#[tokio::test]
async fn what_is_private_protected_or_ended_is_bridged_no_longer() {
    let bridged = Bridged::new().await;
    let (core, ada, channel) = (bridged.core(), bridged.ada, bridged.channel);
    bridged.post("hello").await;
    let shown = || async { core.public_posts(channel, None, 10).await.unwrap().posts.len() };
    assert_eq!(shown().await, 1);
    let set = |so: bool| {
        core.set_in_channel(ada.actor(), ada.id, channel, ChannelSetting::NoForwards(so))
    };
    set(true).await.unwrap();
    assert!(!core.is_bridged(channel));
    assert_eq!(shown().await, 0);
    // Unless the owner says so.
    let kind = ActorKind::Service;
    let open = BridgeSettings { protected: true, ..BridgeSettings::default() };
    let refused = core.set_bridge(None, channel, kind, open.clone()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    core.set_bridge(Some(ada.id), channel, kind, open).await.unwrap();
    assert!(core.is_bridged(channel));
    set(false).await.unwrap();
    bridged.world.named(ada, channel, "").await;
    assert!(!core.is_bridged(channel) && core.public_channel(channel).is_none());
    assert_eq!((shown().await, core.public_count(channel).await.unwrap()), (0, 0));
    bridged.world.named(ada, channel, "harbour_news").await;
    assert!(core.is_bridged(channel));
    core.delete_channel(ada.actor(), ada.id, channel).await.unwrap();
    assert!(!core.is_bridged(channel));
    assert!(core.bridge(channel).is_some(), "other servers have to be told");
}

#[tokio::test]
async fn a_channel_that_moves_is_bridged_by_its_home_alone() {
    let two = Two::new(false).await;
    let (home, far) = (&two.home.core, &two.far.core);
    // Groups are handed over, and what is bridged is a channel: its rules are the same.
    let channel = two.home.channel(two.ada, true).await;
    two.home.named(two.ada, channel, "harbour_news").await;
    let bridge = home.bridge_on(two.ada.id, channel, new_bridge()).await.unwrap();
    let found = far.resolve_far(two.eve.id, "harbour_news", "home.example").await.unwrap();
    let there = found.channel().unwrap();
    let refused = far.bridge_on(two.eve.id, there, new_bridge()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    // A post has the same name on both.
    let sent = two.home.post(two.ada, channel, "hello").await.unwrap();
    let group = far.sharing(there).unwrap().group;
    super::federation::fetch(home, far, group).await;
    let post = home.post_ref(channel, sent.id).unwrap().unwrap();
    let copy = far.post_at(there, &post).unwrap().expect("the same post");
    assert_eq!(far.message(there, copy).unwrap().unwrap().text, "hello");
    assert_eq!(far.post_ref(there, copy).unwrap(), Some(post));
    assert_eq!(home.post_at(channel, &post).unwrap(), Some(sent.id));
    assert_eq!(home.post_at(channel, &PostRef { seq: post.seq + 1, ..post }).unwrap(), None);
    assert_eq!(PostRef::from_bytes(&post.bytes()), Some(post));
    home.learn_node(far.cert()).await.unwrap();
    far.consent_to_home(there, true).await.unwrap();
    // The next home is let in first.
    home.offer_home(channel, far.node()).await.unwrap();
    super::federation::fetch(home, far, group).await;
    let offer = home.offer_home(channel, far.node()).await.unwrap();
    let agreed = far.accept_home(home.node(), offer).await.unwrap();
    home.move_home(channel, offer, far.node(), agreed).await.unwrap();
    assert!(!home.sharing(channel).unwrap().is_home);
    assert!(!home.is_bridged(channel), "another node decides now");
    assert_eq!(home.bridge(channel).unwrap().state, BridgeState::On);
    let way = Way { from: home.clone(), to: Line(far.clone()), cut: std::sync::Arc::default() };
    home.connect(std::sync::Arc::new(way));
    assert_eq!(home.bridge_by_cid(&bridge.cid).unwrap().channel, channel);
}

#[tokio::test]
async fn a_name_that_was_given_up_leads_to_the_channel_and_to_no_other_for_ninety_days() {
    let mut bridged = Bridged::new().await;
    let ada = bridged.ada;
    let other = bridged.world.channel(ada, true).await;
    let third = bridged.world.channel(bridged.bob, true).await;
    bridged.world.named(ada, other, "other_news").await;
    bridged.core().bridge_on(ada.id, other, new_bridge()).await.unwrap();
    bridged.world.named(ada, bridged.channel, "Harbour_Today").await;
    bridged.world = bridged.world.reopen();
    let (core, channel) = (bridged.core().clone(), bridged.channel);
    let found = |name: &str| core.bridge_by_name(name).map(|bridge| bridge.channel);
    assert_eq!(found("harbour_today"), Some(channel));
    assert_eq!(found("Harbour_News"), Some(channel), "the old one");
    let renamed =
        core.update_channel_username(ada.actor(), ada.id, other, "harbour_news".into()).await;
    assert!(matches!(renamed, Err(CoreError::UsernameOccupied)), "{renamed:?}");
    // Who is not bridged may have it, and is not bridged under it.
    bridged.world.named(bridged.bob, third, "harbour_news").await;
    let refused = core.bridge_on(bridged.bob.id, third, new_bridge()).await;
    assert_eq!(refusal(refused), BridgeError::NameKept);
    assert_eq!(found("harbour_news"), Some(channel));
    bridged.world.pass_s(90 * 86_400 + 1);
    assert_eq!(found("harbour_news"), None);
    core.bridge_on(bridged.bob.id, third, new_bridge()).await.unwrap();
    assert_eq!(found("harbour_news"), Some(third));
    // Its own old name may be taken again.
    bridged.world.named(ada, channel, "harbour_later").await;
    bridged.world.named(ada, channel, "harbour_today").await;
    assert_eq!(found("harbour_later"), Some(channel));
    assert_eq!(found("harbour_today"), Some(channel));
}

#[tokio::test]
async fn what_happens_in_a_channel_is_followed_by_a_durable_cursor() {
    let mut bridged = Bridged::new().await;
    let (ada, channel) = (bridged.ada, bridged.channel);
    let core = bridged.core().clone();
    let (first, first_ref) = bridged.post("first").await;
    let (second, _) = bridged.post("second").await;
    let title = core.edit_channel_title(ada.actor(), ada.id, channel, "Boats").await.unwrap();
    let edit = |id: MessageId, words: &str| {
        core.edit(ada.actor(), ada.id, channel.into(), id, Edit::text(text(words)))
    };
    edit(first, "first, mended").await.unwrap();
    bridged.delete(second).await;
    let events = bridged.events().await;
    let [BridgeEvent { pts, what: BridgeWhat::New { id, post, message } }, gone] =
        &events.events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*pts, *id, *post), (Pts(first.0), first, first_ref));
    assert_eq!(message.text, "first, mended", "as it is by now");
    // Nobody was told of the second, and it could be looked up.
    assert!(matches!(&gone.what, BridgeWhat::Deleted(ids) if ids[0].0 == second));
    assert!(events.pts > title.sent[0].pts && events.last && !events.lost);
    // One by one an edit is told that was in the first already.
    let (mut at, mut some) = (bridged.cursor(), Vec::new());
    loop {
        let page = core.bridge_events(channel, at, 1).await.unwrap();
        some.extend(page.events);
        at = page.pts;
        if page.last {
            break;
        }
    }
    assert_eq!((some.len(), at), (3, events.pts));

    let from = bridged.cursor();
    let mut taken = step(&["create", "delete"]);
    taken.actor_hash = Some([3; 32]);
    taken.published = vec![published(first_ref, message.date)];
    assert_eq!(core.bridge_append(channel, from, events.pts, taken.clone()).await.unwrap(), 2);
    let again = core.bridge_append(channel, from, events.pts, taken).await;
    assert_eq!(refusal(again), BridgeError::CursorMoved { at: events.pts.0 });
    let beyond = Pts(events.pts.0 + 1);
    let refused = core.bridge_append(channel, events.pts, beyond, step(&["more"])).await;
    assert_eq!(refusal(refused), BridgeError::Invalid("cursor"));
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    assert_eq!((bridged.cursor(), core.newest_outgoing()), (events.pts, 2));
    assert_eq!(core.bridge(channel).unwrap().actor_hash, Some([3; 32]));
    let state = core.post_state(&bridged.cid, &first_ref).unwrap();
    assert_eq!(state, Some(PostState::Live { published: message.date, repeats: None }));
    let kept = core.outgoing_after(0, 10).unwrap();
    let names: Vec<_> = kept.iter().map(|one| (one.seq, one.cid, one.json.clone())).collect();
    let json = |name: &str| activity(name).json;
    assert_eq!(names, [(1, bridged.cid, json("create")), (2, bridged.cid, json("delete"))]);

    // An edit of what is known, pins, and what only tells something.
    let edit = Edit::text(text("first, mended again"));
    core.edit(ada.actor(), ada.id, channel.into(), first, edit).await.unwrap();
    let how = PinHow { pinned: true, one_side: false, silent: true };
    core.pin_message(ada.actor(), ada.id, channel.into(), first, how).await.unwrap();
    let events = bridged.events().await.events;
    assert!(matches!(&events[0].what, BridgeWhat::Edited { id, post, message }
            if *id == first && *post == first_ref && message.text.ends_with("again")));
    let pinned = BridgeWhat::Pinned { posts: vec![(first, first_ref)], pinned: true };
    assert_eq!((events.len(), &events[1].what), (2, &pinned));
    assert_eq!(core.public_pinned(channel).await.unwrap()[0].id, first);
    bridged.pass().await;
    assert_eq!(bridged.events().await.events, []);
    // Off and on: whoever followed before is told.
    let at = bridged.cursor();
    core.bridge_off(None, channel).await.unwrap();
    let (late, _) = bridged.post("while it rests").await;
    core.bridge_on(ada.id, channel, new_bridge()).await.unwrap();
    let refused = core.bridge_append(channel, at, Pts(late.0), BridgeStep::default()).await;
    assert_eq!(refusal(refused), BridgeError::CursorMoved { at: late.0 });
}

#[tokio::test]
async fn an_append_is_whole_or_not_there_at_all() {
    let bridged = Bridged::new().await;
    let (core, channel) = (bridged.core().clone(), bridged.channel);
    let (id, post) = bridged.post("hello").await;
    let (from, to) = (bridged.cursor(), Pts(id.0));
    let fails = |change: fn(&mut NewOutgoing)| {
        let mut step = step(&["one", "two"]);
        step.published = vec![published(post, 5)];
        change(&mut step.outgoing[1]);
        core.bridge_append(channel, from, to, step)
    };
    let long = |one: &mut NewOutgoing| one.json = vec![b' '; OUTGOING_JSON_BYTES_MAX + 1];
    assert_eq!(refusal(fails(long).await), BridgeError::Invalid("activity"));
    let id = |one: &mut NewOutgoing| one.activity = "x".repeat(ACTIVITY_ID_BYTES_MAX + 1);
    assert_eq!(refusal(fails(id).await), BridgeError::Invalid("id"));
    let nobody = |one: &mut NewOutgoing| one.audience = Audience::Inboxes(Vec::new());
    assert_eq!(refusal(fails(nobody).await), BridgeError::Invalid("number of inboxes"));
    assert_eq!((core.newest_outgoing(), bridged.cursor()), (0, from));
    assert_eq!(core.outgoing_kept(), []);
    assert_eq!(core.post_state(&bridged.cid, &post).unwrap(), None);
    let mut largest = step(&["one"]);
    largest.outgoing[0].json = vec![b' '; OUTGOING_JSON_BYTES_MAX];
    core.bridge_append(channel, from, to, largest).await.unwrap();
}

#[tokio::test]
async fn old_activities_go_and_numbers_are_not_given_twice() {
    let mut bridged = Bridged::new().await;
    let channel = bridged.channel;
    let append = |core: Core, at: Pts, names: &'static [&'static str]| async move {
        core.bridge_append(channel, at, at, step(names)).await.unwrap()
    };
    let at = bridged.cursor();
    append(bridged.core().clone(), at, &["a", "b", "c"]).await;
    bridged.world.pass_s(30 * 86_400);
    let late = bridged.core().now_ms();
    append(bridged.core().clone(), at, &["d", "e"]).await;
    let core = bridged.core().clone();
    core.prune_outgoing(2).await.unwrap();
    assert_eq!(core.outgoing_kept(), [2, 3, 4, 5]);
    core.prune_outgoing_before(late).await.unwrap();
    assert_eq!(core.outgoing_kept(), [4, 5]);
    let next: Vec<u64> = core.outgoing_after(1, 10).unwrap().iter().map(|one| one.seq).collect();
    assert_eq!(next, [4, 5], "what is gone is passed over");
    core.prune_outgoing(100).await.unwrap();
    assert_eq!((core.outgoing_kept(), core.newest_outgoing()), (vec![], 5));
    bridged.world = bridged.world.reopen();
    assert_eq!(bridged.core().newest_outgoing(), 5);
    assert_eq!(append(bridged.core().clone(), at, &["f"]).await, 6);
}

#[tokio::test]
async fn a_post_that_is_gone_is_known_for_ever_and_one_that_nobody_could_read_never() {
    let mut bridged = Bridged::new().await;
    let (cid, channel, ada) = (bridged.cid, bridged.channel, bridged.ada);
    let (told, told_ref) = bridged.post("told").await;
    let (looked, looked_ref) = bridged.post("could be looked up").await;
    let secret = Outgoing {
        noforwards: true,
        ..Outgoing::text(channel.into(), text("kept in"), bridged.world.number())
    };
    let secret = bridged.core().send(ada.actor(), ada.id, secret).await.unwrap().id;
    let secret_ref = bridged.core().post_ref(channel, secret).unwrap().unwrap();
    let shown = bridged.core().public_posts(channel, None, 10).await.unwrap().posts;
    assert_eq!(shown.iter().map(|stored| stored.id).collect::<Vec<_>>(), [looked, told]);
    let from = bridged.cursor();
    let live = BridgeStep { published: vec![published(told_ref, 7)], ..BridgeStep::default() };
    bridged.core().bridge_append(channel, from, Pts(told.0), live.clone()).await.unwrap();
    for id in [told, looked, secret] {
        bridged.delete(id).await;
    }
    let at = bridged.core().now();
    let state = |core: &Core, post| core.post_state(&cid, &post).unwrap();
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    let gone = |repeats| Some(PostState::Gone { at, repeats });
    assert_eq!(state(&core, told_ref), gone(None));
    assert_eq!(state(&core, looked_ref), gone(None));
    assert_eq!(state(&core, secret_ref), None);
    // The log is told of what is gone, and of nothing else.
    let went = bridged.events().await.events.into_iter().flat_map(|event| match event.what {
        BridgeWhat::Deleted(ids) => ids,
        other => panic!("{other:?}"),
    });
    assert_eq!(went.collect::<Vec<_>>(), [(told, told_ref), (looked, looked_ref)]);
    // Late word of a post does not bring it back.
    let (from, to) = (bridged.cursor(), bridged.events().await.pts);
    bridged.world.pass_s(100);
    core.bridge_append(channel, from, to, live).await.unwrap();
    assert_eq!(state(&core, told_ref), gone(None));
    // What it was told as is known, so that it can be taken back.
    let repeats = Some("https://here.test/ap/c/x/p/other".to_owned());
    let late = Published { repeats: repeats.clone(), ..published(told_ref, 7) };
    let late = BridgeStep { published: vec![late], ..BridgeStep::default() };
    core.bridge_append(channel, to, to, late).await.unwrap();
    assert_eq!(state(&core, told_ref), gone(repeats));
    // What is posted and deleted in a private channel was nobody's.
    bridged.world.named(ada, channel, "").await;
    let (private, private_ref) = bridged.post("private").await;
    bridged.delete(private).await;
    assert_eq!(state(&core, private_ref), None);
    let all = core.bridged_posts(&cid, None, 10).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(core.bridged_posts(&cid, Some(&all[0].0), 10).unwrap(), all[1..]);
}

#[tokio::test]
async fn anybody_reads_posts_in_pages_and_albums_whole() {
    let bridged = Bridged::new().await;
    let (core, ada, channel) = (bridged.core(), bridged.ada, bridged.channel);
    let mut posted = Vec::new();
    for number in 0..7 {
        posted.push(bridged.post(&format!("post {number}")).await.0);
        let title = format!("Boats {number}");
        core.edit_channel_title(ada.actor(), ada.id, channel, &title).await.unwrap();
    }
    let album: Vec<Outgoing> = (0..3)
        .map(|number| Outgoing {
            grouped_id: 99,
            ..Outgoing::text(channel.into(), text(&format!("{number}")), bridged.world.number())
        })
        .collect();
    let album = core.send_album(ada.actor(), ada.id, album).await.unwrap();
    let album: Vec<MessageId> = album.into_iter().map(|sent| sent.id).collect();
    bridged.delete(posted.remove(3)).await;
    bridged.delete(album[1]).await;
    posted.extend([album[0], album[2]]);
    assert_eq!(core.public_count(channel).await.unwrap(), 8);
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let page = core.public_posts(channel, before, 3).await.unwrap();
        assert!(page.posts.len() <= 3);
        read.extend(page.posts.into_iter().map(|stored| stored.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    read.reverse();
    assert_eq!(read, posted);
    let whole = core.public_album(channel, album[2]).await.unwrap();
    assert_eq!(whole.iter().map(|stored| stored.id).collect::<Vec<_>>(), [album[0], album[2]]);
    let alone = core.public_album(channel, posted[0]).await.unwrap();
    assert_eq!(alone.len(), 1);
    assert!(core.public_post(channel, MessageId(posted[0].0 + 1)).await.unwrap().is_none());
    assert!(core.public_post(channel, posted[0]).await.unwrap().is_some());
    let new = bridged.post("one more").await.0;
    assert_eq!(core.public_count(channel).await.unwrap(), 9);
    // What is counted of a post.
    let heart = vec![Reaction::Emoji("❤".into())];
    core.join_channel(bridged.bob.actor(), bridged.bob.id, channel).await.unwrap();
    let how = ReactHow { big: false, add_to_recent: false };
    core.react(bridged.bob.actor(), bridged.bob.id, channel.into(), new, heart, how).await.unwrap();
    let numbers = core.post_numbers(channel, new).unwrap();
    assert_eq!((numbers.reactions, numbers.comments), (1, 0));
}
