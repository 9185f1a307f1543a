//! What people of other servers do to a bridged channel's posts: react, share, vote, report, block.

use super::bridge::{Bridged, activity};
use super::bridge_followers::{actor, follower};
use super::polls::{number, poll};
use crate::*;

fn act(name: &str) -> String {
    format!("https://one.test/act/{name}")
}

impl Bridged {
    async fn react(&self, post: PostRef, by: &str, name: &str, emoji: Option<&str>) -> bool {
        let by = actor(by, "one.test");
        let emoji = emoji.map(str::to_owned);
        self.core().bridge_react(self.cid, post, by, act(name), emoji).await.unwrap()
    }

    async fn undo(&self, by: &str, name: &str) -> bool {
        let by = format!("https://one.test/users/{by}");
        self.core().bridge_undo(by, act(name)).await.unwrap()
    }

    fn reactions(&self, id: MessageId) -> Vec<(String, i32)> {
        let message = self.core().message(self.channel, id).unwrap().unwrap();
        let shown = self.core().reactions(self.ada.id, id, &message).unwrap();
        let emoji = |count: ReactionCount| match count.reaction {
            Reaction::Emoji(emoji) => (emoji, count.count),
            other => panic!("{other:?}"),
        };
        let mut all: Vec<_> =
            shown.map(|shown| shown.counts.into_iter().map(emoji).collect()).unwrap_or_default();
        all.sort();
        all
    }
}

fn counted(all: &[(&str, i32)]) -> Vec<(String, i32)> {
    let mut all: Vec<_> = all.iter().map(|(emoji, count)| ((*emoji).to_owned(), *count)).collect();
    all.sort();
    all
}

#[tokio::test]
async fn reactions_of_other_servers_are_counted_once_for_each() {
    let mut bridged = Bridged::new().await;
    let (id, post) = bridged.post("ships").await;
    assert!(bridged.react(post, "kim", "1", None).await);
    assert!(!bridged.react(post, "kim", "1", None).await, "the same activity");
    assert!(!bridged.react(post, "kim", "2", None).await, "the same like");
    assert!(bridged.react(post, "lou", "3", Some("🔥")).await);
    assert!(bridged.react(post, "max", "4", Some("no emoji")).await, "a heart then");
    assert_eq!(bridged.reactions(id), counted(&[("❤", 2), ("🔥", 1)]));
    // The newest of one person is shown; taken back, the one before it.
    assert!(bridged.react(post, "kim", "5", Some("👍")).await);
    assert_eq!(bridged.reactions(id), counted(&[("❤", 1), ("🔥", 1), ("👍", 1)]));
    bridged.world = bridged.world.crash();
    assert!(bridged.undo("kim", "5").await);
    assert_eq!(bridged.reactions(id), counted(&[("❤", 2), ("🔥", 1)]));
    assert!(!bridged.undo("kim", "5").await);
    let stolen = bridged.core().bridge_undo("https://one.test/users/lou".into(), act("1")).await;
    assert!(matches!(stolen, Err(CoreError::NotTheAuthor)), "{stolen:?}");
    assert!(bridged.undo("kim", "1").await && bridged.undo("lou", "3").await);
    assert_eq!(bridged.reactions(id), counted(&[("❤", 1)]));
    // Three at most of one person.
    for (at, emoji) in ["👍", "👎", "🔥", "🎉"].into_iter().enumerate() {
        let done = bridged.react(post, "kim", &format!("many {at}"), Some(emoji)).await;
        assert_eq!(done, at < 3, "{emoji}");
    }
    // What the channel does not have.
    let (core, ada) = (bridged.core().clone(), bridged.ada);
    let only = |available| ChannelReactions { available, kinds_max: 5 };
    let some = ChatReactions::some(vec![Reaction::Emoji("👍".into())]).unwrap();
    let set =
        |reactions| core.edit_channel_reactions(ada.actor(), ada.id, bridged.channel, reactions);
    set(only(some)).await.unwrap();
    let (_, second) = bridged.post("more").await;
    assert!(bridged.react(second, "kim", "6", Some("👍")).await);
    let refused = core.bridge_react(bridged.cid, second, actor("lou", "one.test"), act("7"), None);
    let refused = refused.await;
    assert!(matches!(refused, Err(CoreError::Reaction(ReactionError::Invalid))), "{refused:?}");
    assert!(!core.was_seen(&act("7")).await.unwrap(), "it may come again");
    // What was said in the log is that of people of this node.
    bridged.world.pass_s(5);
    core.tick().await.unwrap();
    assert_eq!(bridged.reactions(id).iter().map(|(_, count)| count).sum::<i32>(), 2);
}

#[tokio::test]
async fn shares_of_other_servers_are_counted_once_for_each() {
    let mut bridged = Bridged::new().await;
    let (id, post) = bridged.post("ships").await;
    let announce = |core: &Core, by: &str, name: &str| {
        core.clone().bridge_announce_owned(bridged.cid, post, actor(by, "one.test"), act(name))
    };
    let core = bridged.core().clone();
    assert!(announce(&core, "kim", "1").await);
    assert!(!announce(&core, "kim", "1").await);
    assert!(!announce(&core, "kim", "2").await);
    assert!(announce(&core, "lou", "3").await);
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    let forwards = |core: &Core| core.post_counts(bridged.channel, id).unwrap().forwards;
    assert_eq!(forwards(&core), 2);
    assert!(bridged.undo("kim", "1").await);
    assert!(!bridged.undo("kim", "2").await);
    assert_eq!(forwards(&core), 1);
    assert!(announce(&core, "kim", "4").await);
    assert_eq!(forwards(&core), 2);
    // A post that is gone is nobody's to share.
    core.delete_in_channel(bridged.ada.actor(), bridged.ada.id, bridged.channel, vec![id])
        .await
        .unwrap();
    let late = core.bridge_announce(bridged.cid, post, actor("max", "one.test"), act("5")).await;
    assert!(matches!(late, Err(CoreError::Bridge(BridgeError::UnknownPost))), "{late:?}");
    assert!(bridged.undo("kim", "4").await, "taken back all the same");
}

impl Core {
    async fn bridge_announce_owned(
        self,
        cid: Cid,
        post: PostRef,
        by: RemoteActor,
        activity: String,
    ) -> bool {
        self.bridge_announce(cid, post, by, activity).await.unwrap()
    }
}

#[tokio::test]
async fn votes_of_other_servers_count_once_and_not_when_it_is_over() {
    let mut bridged = Bridged::new().await;
    let (ada, channel) = (bridged.ada, bridged.channel);
    let new = |multiple_choice| NewPoll { public_voters: false, multiple_choice, ..poll(3) };
    let one = bridged.world.ask(ada, channel.into(), new(false)).await.unwrap();
    let many = bridged.world.ask(ada, channel.into(), new(true)).await.unwrap();
    let core = bridged.core().clone();
    let at = |sent: &Sent| core.post_ref(channel, sent.id).unwrap().unwrap();
    let (one_ref, many_ref, cid) = (at(&one), at(&many), bridged.cid);
    let vote = |post: PostRef, by: &str, name: &str, answers: &[&str]| {
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        core.bridge_vote(cid, post, actor(by, "one.test"), act(name), answers)
    };
    assert!(vote(one_ref, "kim", "1", &["answer 1"]).await.unwrap());
    assert!(!vote(one_ref, "kim", "1", &["answer 2"]).await.unwrap(), "the same activity");
    assert!(!vote(one_ref, "kim", "2", &["answer 2"]).await.unwrap(), "one each");
    assert!(vote(one_ref, "lou", "3", &["answer 1"]).await.unwrap());
    let refused = vote(one_ref, "max", "4", &["answer 1", "answer 2"]).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::TooManyOptions))), "{refused:?}");
    let refused = vote(one_ref, "max", "4", &["no answer"]).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::UnknownOption))), "{refused:?}");
    // Several come one by one.
    assert!(vote(many_ref, "kim", "5", &["answer 0"]).await.unwrap());
    assert!(vote(many_ref, "kim", "6", &["answer 2"]).await.unwrap());
    assert!(vote(many_ref, "lou", "7", &["answer 2", "answer 1"]).await.unwrap());
    bridged.world = bridged.world.crash();
    let counts = |sent: &Sent| {
        let shown = bridged.world.core.poll(ada.id, number(sent)).unwrap().unwrap();
        let counts: Vec<u32> = shown.poll.answers.iter().map(|answer| answer.voters).collect();
        (counts, shown.poll.voters)
    };
    assert_eq!(counts(&one), (vec![0, 2, 0], 2));
    assert_eq!(counts(&many), (vec![1, 1, 2], 2));
    let core = bridged.core().clone();
    core.close_poll(ada.actor(), ada.id, channel.into(), one.id).await.unwrap();
    let late =
        core.bridge_vote(cid, one_ref, actor("max", "one.test"), act("8"), vec!["answer 0".into()]);
    assert!(!late.await.unwrap());
    assert_eq!(counts(&one), (vec![0, 2, 0], 2));
    let (_, plain) = bridged.post("no poll").await;
    let odd =
        core.bridge_vote(cid, plain, actor("max", "one.test"), act("9"), vec!["a".into()]).await;
    assert!(matches!(odd, Err(CoreError::UnknownMessage)), "{odd:?}");
}

#[tokio::test]
async fn reports_of_other_servers_are_kept_and_told_without_who_made_them() {
    let mut bridged = Bridged::new().await;
    let (id, post) = bridged.post("insults").await;
    let core = bridged.core().clone();
    let flag = |name: &str, host: &str, posts: Vec<PostRef>| {
        core.bridge_flag(act(name), bridged.cid, host.into(), posts, 1, " it hurts ".into())
    };
    let unknown = PostRef { seq: 999, ..post };
    flag("1", "one.test", vec![post, unknown]).await.unwrap();
    flag("1", "one.test", vec![post]).await.unwrap();
    bridged.world = bridged.world.crash();
    let core = bridged.core().clone();
    let all = core.reports(100).await.unwrap();
    let [report] = &all[..] else { panic!("one: {}", all.len()) };
    assert_eq!(report.by, Reporter::Host("one.test".into()));
    assert_eq!((report.about, &*report.comment), (bridged.channel.into(), "it hurts"));
    assert_eq!((&report.messages[..], report.elsewhere), (&[(id, Some("insults".into()))][..], 2));
    let service = super::world::Member { id: UserId::SERVICE, ..bridged.ada };
    let told = |texts: Vec<String>| texts.iter().filter(|text| text.contains("one.test")).count();
    assert_eq!(told(bridged.world.texts(bridged.ada, service).await), 1);
    // Of one server a hundred are kept, and nobody's dialog is filled.
    for number in 0..110 {
        let name = format!("many {number}");
        core.bridge_flag(act(&name), bridged.cid, "one.test".into(), Vec::new(), 0, name)
            .await
            .unwrap();
    }
    assert_eq!(core.reports(1000).await.unwrap().len(), 100);
    assert!(told(bridged.world.texts(bridged.ada, service).await) <= 20);
    let block = HostBlock {
        host: "two.test".into(),
        severity: BlockSeverity::None,
        rejects_media: false,
        rejects_reports: true,
        remark: String::new(),
        since: 0,
    };
    core.block_hosts(vec![block]).await.unwrap();
    core.bridge_flag(act("x"), bridged.cid, "two.test".into(), Vec::new(), 0, "x".into())
        .await
        .unwrap();
    assert_eq!(core.reports(1000).await.unwrap().len(), 100);
}

#[tokio::test]
async fn who_blocks_a_channel_follows_it_no_longer() {
    let bridged = Bridged::new().await;
    let core = bridged.core().clone();
    core.bridge_follow(bridged.cid, follower("kim", "one.test"), activity("accept")).await.unwrap();
    let block = |name: &str, by: &str| {
        core.bridge_block(act(name), format!("https://one.test/users/{by}"), bridged.cid)
    };
    block("1", "lou").await.unwrap();
    assert_eq!(core.followers(&bridged.cid).unwrap(), 1);
    block("2", "kim").await.unwrap();
    assert_eq!(core.followers(&bridged.cid).unwrap(), 0);
    core.bridge_follow(bridged.cid, follower("kim", "one.test"), activity("accept")).await.unwrap();
    block("2", "kim").await.unwrap();
    assert_eq!(core.followers(&bridged.cid).unwrap(), 1, "that one came already");
}
