//! Who follows a bridged channel, from which servers, and what is remembered of these.

use super::bridge::{Bridged, activity, keys};
use crate::*;

pub(super) fn follower(name: &str, host: &str) -> BridgeFollower {
    BridgeFollower {
        actor: format!("https://{host}/users/{name}"),
        host: host.into(),
        inbox: format!("https://{host}/users/{name}/inbox"),
        shared_inbox: Some(format!("https://{host}/inbox")),
        follow: format!("https://{host}/follows/{name}"),
        since: 0,
    }
}

pub(super) fn actor(name: &str, host: &str) -> RemoteActor {
    RemoteActor {
        id: format!("https://{host}/users/{name}"),
        host: host.into(),
        name: name.to_uppercase(),
        handle: format!("{name}@{host}"),
        inbox: format!("https://{host}/users/{name}/inbox"),
        shared_inbox: None,
        icon: None,
        url: None,
        keys: vec![1, 2, 3],
        fetched_at_ms: 1000,
        state: ActorState::There,
    }
}

fn block(host: &str, severity: BlockSeverity) -> HostBlock {
    let (host, remark) = (host.to_owned(), "spam".to_owned());
    HostBlock { host, severity, rejects_media: true, rejects_reports: false, remark, since: 0 }
}

impl Bridged {
    async fn follow(&self, follower: BridgeFollower) -> CoreResult<()> {
        let accept = activity(&format!("accept of {}", follower.follow));
        self.core().bridge_follow(self.cid, follower, accept).await
    }

    async fn names(&self) -> Vec<String> {
        let all = self.core().followers_of(&self.cid, None, 500).await.unwrap();
        let mut names: Vec<String> = all.into_iter().map(|one| one.actor).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn who_follows_is_answered_every_time_and_counted_once() {
    let mut bridged = Bridged::new().await;
    let (kim, lou) = (follower("kim", "one.test"), follower("lou", "two.test"));
    bridged.follow(kim.clone()).await.unwrap();
    bridged.follow(lou.clone()).await.unwrap();
    bridged.world.pass_s(60);
    let moved = BridgeFollower { inbox: "https://one.test/new".into(), ..kim.clone() };
    bridged.follow(moved.clone()).await.unwrap();
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    assert_eq!((core.followers(&bridged.cid).unwrap(), core.newest_outgoing()), (2, 3));
    let known = core.follower(&bridged.cid, &kim.actor).await.unwrap().unwrap();
    assert_eq!((known.inbox, known.since), (moved.inbox, core.now() - 60));
    assert!(core.was_seen(&kim.follow).await.unwrap());
    let on = |host: &'static str| {
        let (core, cid) = (core.clone(), bridged.cid);
        async move { core.inboxes_on(host, &cid).await.unwrap().shared.len() }
    };
    assert_eq!((on("one.test").await, on("two.test").await, on("three.test").await), (1, 1, 0));
    // A second follow under another activity; the taking back of the first one comes late.
    let again = BridgeFollower { follow: "https://one.test/follows/2".into(), ..kim.clone() };
    bridged.follow(again.clone()).await.unwrap();
    let unfollow =
        |follow: Option<String>| core.bridge_unfollow(bridged.cid, kim.actor.clone(), follow);
    assert!(!unfollow(Some(kim.follow.clone())).await.unwrap());
    assert_eq!(core.followers(&bridged.cid).unwrap(), 2);
    assert!(unfollow(Some("https://one.test/never-seen".into())).await.unwrap());
    assert!(!unfollow(None).await.unwrap(), "not a second time");
    assert_eq!((core.followers(&bridged.cid).unwrap(), on("one.test").await), (1, 0));
    assert_eq!(bridged.names().await, std::slice::from_ref(&lou.actor));
    // Not what is off, nor what cannot be an id.
    let long = BridgeFollower { inbox: "x".repeat(3000), ..kim.clone() };
    let refused = bridged.follow(long).await;
    assert!(matches!(refused, Err(CoreError::Bridge(BridgeError::Invalid("id")))), "{refused:?}");
    core.bridge_off(None, bridged.channel).await.unwrap();
    let refused = bridged.follow(kim).await;
    assert!(matches!(refused, Err(CoreError::Bridge(BridgeError::NotBridged))), "{refused:?}");
    assert_eq!(core.followers(&bridged.cid).unwrap(), 1);
}

#[tokio::test]
async fn who_moves_follows_all_that_they_followed() {
    let mut bridged = Bridged::new().await;
    let other = bridged.world.channel(bridged.bob, true).await;
    bridged.world.named(bridged.bob, other, "other_news").await;
    let new = super::bridge::new_bridge();
    let second = bridged.core().bridge_on(bridged.bob.id, other, new).await.unwrap().cid;
    let (kim, there) = (follower("kim", "one.test"), follower("kim", "two.test"));
    bridged.follow(kim.clone()).await.unwrap();
    let core = bridged.core().clone();
    core.bridge_follow(second, kim.clone(), activity("accept")).await.unwrap();
    assert_eq!(core.bridge_move_follower(kim.actor.clone(), there.clone()).await.unwrap(), 2);
    assert_eq!(core.bridge_move_follower(kim.actor.clone(), there.clone()).await.unwrap(), 0);
    bridged.world = bridged.world.reopen();
    let core = bridged.core().clone();
    for cid in [bridged.cid, second] {
        assert_eq!(core.followers(&cid).unwrap(), 1);
        let told = core.followers_told_at("two.test", &cid, there.told_at(), 9).await.unwrap();
        assert_eq!((told.len(), &told[0].actor), (1, &there.actor));
        assert_eq!(core.inboxes_on("one.test", &cid).await.unwrap(), Inboxes::default());
    }
}

/// One look says where a host is told, whoever is told there.
#[tokio::test]
async fn many_of_one_server_are_told_at_one_inbox() {
    let mut bridged = Bridged::new().await;
    let alone = |name: &str| BridgeFollower { shared_inbox: None, ..follower(name, "one.test") };
    for name in ["kim", "lou", "mia"] {
        bridged.follow(follower(name, "one.test")).await.unwrap();
    }
    bridged.follow(alone("noa")).await.unwrap();
    let (core, cid) = (bridged.core().clone(), bridged.cid);
    let together = "https://one.test/inbox".to_owned();
    let own = |name: &str| format!("https://one.test/users/{name}/inbox");
    let told = core.inboxes_on("one.test", &cid).await.unwrap();
    assert_eq!(told, Inboxes { shared: vec![together.clone()], own: vec![own("noa")] });
    let there = core.followers_told_at("one.test", &cid, &together, 2).await.unwrap();
    assert_eq!(there.len(), 2, "no more than were asked for");
    // What an actor says of itself moves it, wherever it follows.
    let said = RemoteActor { shared_inbox: None, ..actor("mia", "one.test") };
    core.put_remote_actor(said.clone()).await.unwrap();
    assert_eq!(core.follower(&cid, &said.id).await.unwrap().unwrap().told_at(), own("mia"));
    // The others are told one by one from now on, too.
    for name in ["kim", "lou"] {
        assert!(core.change_follower(cid, alone(name)).await.unwrap());
    }
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    let mut told = core.inboxes_on("one.test", &cid).await.unwrap();
    told.own.sort();
    assert_eq!((told.shared.len(), told.own), (0, ["kim", "lou", "mia", "noa"].map(own).into()));
    // What is fetched again and says the same changes nothing.
    core.change_follower(cid, follower("mia", "one.test")).await.unwrap();
    core.put_remote_actor(said).await.unwrap();
    let told = core.inboxes_on("one.test", &cid).await.unwrap();
    assert_eq!((told.shared, told.own.len()), (vec![together], 3));
    // So many are told by a request each, and no more; together with others there is room.
    for number in 3..INBOXES_ON_HOST_MAX - 1 {
        bridged.follow(alone(&format!("n{number}"))).await.unwrap();
    }
    let refused = bridged.follow(alone("late")).await;
    assert!(matches!(refused, Err(CoreError::TooMany)), "{refused:?}");
    let told = core.inboxes_on("one.test", &cid).await.unwrap();
    assert_eq!((told.shared.len(), told.own.len()), (1, INBOXES_ON_HOST_MAX - 1));
    bridged.follow(follower("together", "one.test")).await.unwrap();
    core.bridge_unfollow(cid, "https://one.test/users/n5".into(), None).await.unwrap();
    bridged.follow(alone("late")).await.unwrap();
    assert_eq!(core.drop_followers_of_host("one.test").await.unwrap(), 1001);
    assert_eq!(core.inboxes_on("one.test", &cid).await.unwrap(), Inboxes::default());
    bridged.follow(alone("noa")).await.unwrap();
    assert_eq!(core.inboxes_on("one.test", &cid).await.unwrap().own, [own("noa")]);
}

#[tokio::test]
async fn a_blocked_host_follows_nothing() {
    let mut bridged = Bridged::new().await;
    for number in 0..700 {
        bridged.follow(follower(&format!("n{number}"), "big.test")).await.unwrap();
    }
    bridged.follow(follower("kim", "good.test")).await.unwrap();
    let core = bridged.core().clone();
    assert_eq!(core.followers(&bridged.cid).unwrap(), 701);
    let first = core.followers_of(&bridged.cid, None, 1000).await.unwrap();
    let last = &first.last().unwrap().actor;
    let rest = core.followers_of(&bridged.cid, Some(last), 1000).await.unwrap();
    assert_eq!((first.len(), rest.len()), (500, 201));
    let blocks = vec![
        block("test", BlockSeverity::None),
        block("big.test", BlockSeverity::Suspend),
        block("odd.test", BlockSeverity::Limit),
        block("good.big.test", BlockSeverity::None),
    ];
    core.block_hosts(blocks).await.unwrap();
    assert_eq!(core.followers(&bridged.cid).unwrap(), 1);
    for host in ["big.test", "sub.big.test"] {
        let refused = bridged.follow(follower("x", host)).await;
        assert!(matches!(refused, Err(CoreError::Bridge(BridgeError::Blocked))), "{refused:?}");
    }
    bridged.follow(follower("x", "odd.test")).await.unwrap();
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    assert_eq!(core.host_blocks().len(), 4);
    let severity = |host: &str| core.host_block(host).map(|block| block.severity);
    assert_eq!(severity("a.b.big.test"), Some(BlockSeverity::Suspend));
    assert_eq!(severity("a.good.big.test"), Some(BlockSeverity::None), "the longest counts");
    assert_eq!(severity("notbig.test"), Some(BlockSeverity::None));
    assert_eq!(severity("big.test.evil.example"), None);
    assert_eq!(severity("bigger.test"), Some(BlockSeverity::None), "of the whole domain");
    assert_eq!(severity("elsewhere.example"), None);
    assert!(core.unblock_host("big.test".into()).await.unwrap());
    assert!(!core.unblock_host("big.test".into()).await.unwrap());
    bridged.follow(follower("x", "big.test")).await.unwrap();
    // One that is wrong, and nothing is imported.
    let odd =
        vec![block("fine.test", BlockSeverity::Limit), block("Not.Test", BlockSeverity::Limit)];
    assert!(core.block_hosts(odd).await.is_err());
    assert_eq!(core.host_block("fine.test").unwrap().host, "test");
}

#[tokio::test]
async fn lanes_actors_and_seen_activities_are_kept_and_forgotten() {
    let mut bridged = Bridged::new().await;
    let core = bridged.core().clone();
    let kept = |host: &str, state: &[u8]| {
        let (host, state) = (host.to_owned(), state.to_vec());
        KeptLane { host, cursor: 1, state }
    };
    core.save_lanes(vec![kept("one.test", b"1"), kept("two.test", b"2")]).await.unwrap();
    core.save_lanes(vec![kept("two.test", b"22")]).await.unwrap();
    assert!(core.save_lanes(vec![kept("x.test", b"3"), kept("", b"4")]).await.is_err());
    core.put_remote_actor(actor("kim", "one.test")).await.unwrap();
    let renamed =
        RemoteActor { name: "Kim".into(), fetched_at_ms: 9000, ..actor("kim", "one.test") };
    core.put_remote_actor(renamed.clone()).await.unwrap();
    core.put_remote_actor(actor("lou", "one.test")).await.unwrap();
    core.mark_seen("https://one.test/1".into()).await.unwrap();
    let between = core.now_ms() + 1;
    bridged.world.pass_s(60);
    core.mark_seen("https://one.test/2".into()).await.unwrap();
    core.mark_seen("https://one.test/1".into()).await.unwrap();
    let node = core.keep_node_actor_keys(keys(7)).await.unwrap();
    assert_eq!(core.keep_node_actor_keys(keys(8)).await.unwrap(), node);
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    assert_eq!(core.node_actor_keys().unwrap(), Some(keys(7)));
    let mut lanes = core.lanes().await.unwrap();
    lanes.sort_by(|a, b| a.host.cmp(&b.host));
    assert_eq!(lanes, [kept("one.test", b"1"), kept("two.test", b"22")]);
    core.forget_lanes(vec!["one.test".into()]).await.unwrap();
    assert_eq!(core.lanes().await.unwrap(), [kept("two.test", b"22")]);
    assert_eq!(core.remote_actor(&renamed.id).unwrap(), Some(renamed.clone()));
    core.prune_remote_actors(5000).await.unwrap();
    assert!(core.remote_actor(&renamed.id).unwrap().is_some());
    assert!(core.remote_actor("https://one.test/users/lou").unwrap().is_none());
    core.prune_seen(between).await.unwrap();
    assert!(!core.was_seen("https://one.test/1").await.unwrap());
    assert!(core.was_seen("https://one.test/2").await.unwrap());
}
