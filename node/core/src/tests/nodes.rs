//! Several nodes that reach each other without a network, whole logs or a part of them at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use glog::{GroupId, NodeId};
use parking_lot::Mutex;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::world::{Member, World};
use crate::federation::Asking;
use crate::*;

/// All of it, for what is there.
const ALL: usize = 1 << 20;

/// A way from one node to all others.
struct Way {
    from: Core,
    all: Vec<Core>,
    away: Away,
}

/// Nodes that cannot be asked.
type Away = Arc<Mutex<BTreeSet<NodeId>>>;

impl Way {
    fn to(&self, node: NodeId) -> CoreResult<&Core> {
        let away = self.away.lock();
        let mut reached = self.all.iter().filter(|core| !away.contains(&core.node()));
        reached.find(|core| core.node() == node).ok_or(CoreError::NodeUnreachable)
    }
}

/// Brings to one node what another gives it of a group, up to where `end` says of each lane.
async fn fetch(
    from: &Core,
    to: &Core,
    group: GroupId,
    mut end: impl FnMut(u64) -> u64,
) -> CoreResult<()> {
    if !from.may_node_read(to.node(), group)? {
        return Err(CoreError::UnknownChannel);
    }
    let heads = from.log_heads(group).await?.ok_or(CoreError::UnknownChannel)?;
    to.expect_history(group, heads.lanes.clone());
    let chain = from.log_page(group, LaneName::Control, 0, u64::MAX, ALL).await?;
    let taken = to.receive_log(group, chain).await;
    assert_eq!((taken.rejected, taken.stopped), (0, None));
    for head in heads.lanes {
        let lane = LaneName::Data { node: head.node, inc: head.inc };
        let page = from.log_page(group, lane, 0, end(head.seq + 1), ALL).await?;
        let taken = to.receive_log(group, page).await;
        assert_eq!((taken.rejected, taken.stopped), (0, None));
    }
    let channel = to.channel_of_group(group)?.ok_or(CoreError::UnknownChannel)?;
    if let Some((_, missing)) = to.missing_keys(channel).await? {
        let given = from.keys_for(to.node(), group, missing).await?;
        to.learn_keys(channel, given).await?;
    }
    to.filled(channel).await;
    Ok(())
}

impl Network for Way {
    fn find(&self, name: String, domain: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async move {
            let number: usize = domain.trim_start_matches("node").parse().unwrap();
            let found = self.all[number].found_name(&name).await?.ok_or(CoreError::UnknownUser)?;
            Ok((self.all[number].node(), found))
        })
    }

    fn follow(&self, node: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move { fetch(self.to(node)?, &self.from, group, |end| end).await })
    }

    fn join(&self, home: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            let home = self.to(home)?;
            home.admit_node(group, self.from.cert()).await?;
            fetch(home, &self.from, group, |end| end).await
        })
    }

    fn willing(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to(node)?.willing(self.from.node(), invite).await })
    }

    fn invite(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move { self.to(node)?.invited(self.from.node(), invite).await })
    }

    fn emoji(&self, node: NodeId, numbers: Vec<i64>) -> Asking<'_, Vec<(i64, Vec<u8>)>> {
        Box::pin(async move { self.to(node)?.emoji_shown(&numbers) })
    }

    fn ask(&self, asked: Asked) -> Asking<'_, ()> {
        Box::pin(async move {
            let home = self.to(asked.home)?;
            home.answer_ask(self.from.node(), asked.evidence).await?;
            fetch(home, &self.from, asked.group, |end| end).await
        })
    }
}

/// Some nodes, with one member each.
pub(super) struct Nodes {
    pub(super) worlds: Vec<World>,
    pub(super) people: Vec<Member>,
    away: Away,
}

impl Nodes {
    pub(super) async fn new(count: u8) -> Self {
        let mut home = World::new().await;
        let mut people = vec![home.member("Ada").await];
        let mut worlds = Vec::new();
        for (node, name) in (1..count).zip(["Eve", "Gus", "Hal"]) {
            let mut world = World::other(&home, node).await;
            people.push(world.member(name).await);
            worlds.push(world);
        }
        worlds.insert(0, home);
        let nodes = Self { worlds, people, away: Away::default() };
        nodes.connect().await;
        nodes
    }

    async fn connect(&self) {
        let all: Vec<Core> = self.worlds.iter().map(|world| world.core.clone()).collect();
        for from in &all {
            let away = self.away.clone();
            from.connect(Arc::new(Way { from: from.clone(), all: all.clone(), away }));
            for other in all.iter().filter(|other| other.node() != from.node()) {
                from.learn_node(other.cert()).await.unwrap();
            }
        }
    }

    /// All of them end and start again.
    pub(super) async fn reopen(self) -> Self {
        let Self { worlds, people, away } = self;
        let worlds = worlds.into_iter().map(World::reopen).collect();
        let nodes = Self { worlds, people, away };
        nodes.connect().await;
        nodes
    }

    pub(super) fn core(&self, node: usize) -> &Core {
        &self.worlds[node].core
    }

    /// A node cannot be asked any more, or again.
    pub(super) fn goes_away(&self, node: usize, away: bool) {
        let node = self.core(node).node();
        let mut all = self.away.lock();
        if away {
            all.insert(node)
        } else {
            all.remove(&node)
        };
    }

    /// A group, as it is on a node.
    pub(super) fn at(&self, node: usize, group: GroupId) -> ChannelId {
        self.core(node).channel_of_group(group).unwrap().expect("it is there")
    }

    pub(super) fn has(&self, node: usize, group: GroupId) -> bool {
        self.core(node).channel_of_group(group).unwrap().is_some()
    }

    /// A public channel or group of the first node's member.
    pub(super) async fn public(&self, broadcast: bool, name: &str) -> (ChannelId, GroupId) {
        let (world, owner) = (&self.worlds[0], self.people[0]);
        let channel = world.channel(owner, broadcast).await;
        world.named(owner, channel, name).await;
        (channel, GroupId(world.core.name_of_log(channel)))
    }

    /// Somebody finds a channel of the first node and joins it.
    pub(super) async fn join(&self, node: usize, name: &str) -> ChannelId {
        let (core, who) = (self.core(node), self.people[node]);
        let found = core.resolve_far(who.id, name, "node0").await.unwrap();
        let channel = found.channel().expect("a channel");
        core.join_channel(who.actor(), who.id, channel).await.unwrap();
        channel
    }

    /// The account of somebody of one node on another.
    pub(super) async fn known(&self, on: usize, of: usize) -> UserId {
        let (core, who) = (self.core(of), self.people[of]);
        let card = core.cards(&[who.id.0.unsigned_abs()]).remove(0);
        self.core(on).account_of(core.node().short(), card).await.unwrap()
    }

    /// The message that an entry brought, on a node.
    pub(super) async fn message_of(
        &self,
        node: usize,
        place: ChannelId,
        entry: glog::EntryRef,
    ) -> MessageId {
        let (core, who) = (self.core(node), self.people[node]);
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let page = core.history(who.id, place.into(), query).await.unwrap();
        let found = page.messages.iter().find(|s| core.entry_of(place, s.id) == Some(entry));
        found.expect("it is there").id
    }

    /// One node gets all that another has of a group.
    pub(super) async fn bring(&self, from: usize, to: usize, group: GroupId) {
        self.bring_to(from, to, group, |end| end).await;
    }

    /// The same, up to some entry of each lane.
    pub(super) async fn bring_some(
        &self,
        from: usize,
        to: usize,
        group: GroupId,
        rng: &mut StdRng,
    ) {
        self.bring_to(from, to, group, |end| rng.random_range(0..=end)).await;
    }

    /// One node gets from another what a third says there, and the chain.
    pub(super) async fn bring_lane(&self, from: usize, of: usize, to: usize, group: GroupId) {
        let (from, node) = (self.core(from), self.core(of).node().short());
        let chain = from.log_page(group, LaneName::Control, 0, u64::MAX, ALL).await.unwrap();
        let lane = LaneName::Data { node, inc: 0 };
        let page = from.log_page(group, lane, 0, u64::MAX, ALL).await.unwrap();
        for some in [chain, page] {
            let taken = self.core(to).receive_log(group, some).await;
            assert_eq!((taken.rejected, taken.stopped), (0, None));
        }
    }

    async fn bring_to(&self, from: usize, to: usize, group: GroupId, end: impl FnMut(u64) -> u64) {
        let writes = |node| self.core(node).sharing(self.at(node, group)).is_some();
        if self.has(from, group) && self.has(to, group) && writes(to) {
            let _ = fetch(self.core(from), self.core(to), group, end).await;
        }
    }

    /// Everybody has what anybody has, and nothing waits.
    pub(super) async fn heal(&self, groups: &[GroupId]) {
        for group in groups {
            for _ in 0..2 {
                for from in 0..self.worlds.len() {
                    for to in (0..self.worlds.len()).filter(|to| *to != from) {
                        self.bring(from, to, *group).await;
                    }
                }
            }
            let mut heads = Vec::new();
            for node in (0..self.worlds.len()).filter(|node| self.has(*node, *group)) {
                heads.push(self.core(node).log_heads(*group).await.unwrap());
            }
            assert!(heads.windows(2).all(|two| two[0] == two[1]), "{heads:?}");
        }
    }
}
