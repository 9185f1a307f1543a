//! What this node asks of others by itself, now and then.

use std::sync::Arc;
use std::time::Duration;

use glog::cbor::{Blob, List, decode, encode};
use glog::{GroupId, Node16, NodeId};
use mesh::{Call, Mesh, Reply};
use node_core::{Card, ChannelId, CoreError, CoreResult};
use tokio::sync::mpsc;

use super::Federation;
use super::live::Live;
use super::records::{
    FIRST_BYTES_MAX, FIRST_ENTRIES_MAX, FirstWords, KEYS, KEYS_MAX, KeysAsked, KeysGiven, PAIR,
    Person,
};

/// How often leases are renewed, and names asked for that are not known yet.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// How often bans that their home has not heard of are asked again.
const AGAIN_EVERY: Duration = Duration::from_secs(5);

/// How often what waits for missing entries is looked at.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// Members that are asked for keys, one after the other, and how long it is until they are asked for the
/// same again.
const KEY_HOLDERS_MAX: usize = 3;
const KEYS_AGAIN_MS: u64 = 60_000;

/// Channels of which it is remembered that keys were asked for in vain. Protects memory.
const UNANSWERED_MAX: usize = 1024;

impl Federation {
    /// Looks now and then at what waits here. Apart from [`Self::work`]: no node that is slow to answer
    /// holds it up.
    pub(super) async fn look(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK_EVERY);
        loop {
            tick.tick().await;
            self.look_behind();
            if let Err(cause) = self.core.tick_logs().await {
                tracing::warn!(%cause, "logs wait");
            }
        }
    }

    /// Asks other nodes now and then, one after the other.
    pub(super) async fn work(
        self: Arc<Self>,
        mut strangers: mpsc::Receiver<Node16>,
        mut unmet: mpsc::Receiver<GroupId>,
    ) {
        let mut renew = tokio::time::interval(RENEW_EVERY);
        let mut again = tokio::time::interval(AGAIN_EVERY);
        let mut asking = tokio::spawn(async {});
        loop {
            tokio::select! {
                _ = renew.tick() => self.renew().await,
                // Away from this task: a home that is away is waited for.
                _ = again.tick(), if asking.is_finished() => {
                    let core = self.core.clone();
                    asking = tokio::spawn(async move {
                        if let Err(cause) = core.ask_again().await {
                            tracing::warn!(%cause, "what waits for other nodes is not asked");
                        }
                    });
                }
                Some(group) = unmet.recv() => {
                    if let Err(cause) = self.first_words(group).await {
                        tracing::debug!(%cause, "first words wait");
                    }
                }
                Some(node) = strangers.recv() => {
                    if let Err(cause) = self.introduce(node).await {
                        tracing::debug!(%cause, %node, "people stay without names");
                    }
                }
            }
        }
    }

    /// Shows in logs what this node signs with, after its keys were changed.
    pub(super) async fn show_keys(self: Arc<Self>, mut rekeyed: mpsc::Receiver<()>) {
        let mut again = tokio::time::interval(RENEW_EVERY);
        loop {
            tokio::select! {
                Some(()) = rekeyed.recv() => {}
                _ = again.tick() => {}
            }
            if let Err(cause) = self.write_down_keys(None).await {
                tracing::warn!(%cause, "the certificate of this node is not shown everywhere");
            }
        }
    }

    /// Asks for keys that are missing.
    pub(super) async fn unlock(self: Arc<Self>, mut locked: mpsc::Receiver<ChannelId>) {
        let mut again = tokio::time::interval(RENEW_EVERY);
        loop {
            let channels = tokio::select! {
                Some(channel) = locked.recv() => vec![channel],
                _ = again.tick() => {
                    let shared = self.core.shared_groups().into_iter();
                    shared.filter(|shared| !shared.public).map(|shared| shared.channel).collect()
                }
            };
            for channel in channels {
                if let Err(cause) = self.ask_for_keys(channel).await {
                    tracing::debug!(%cause, "keys are not given");
                }
            }
        }
    }

    pub(super) async fn ask_for_keys(&self, channel: ChannelId) -> CoreResult<()> {
        let Some((shared, mut missing)) = self.core.missing_keys(channel).await? else {
            self.unanswered.lock().remove(&channel);
            return Ok(());
        };
        missing.truncate(KEYS_MAX);
        let now_ms = self.core.now_ms();
        let asked = self.unanswered.lock().get(&channel).cloned();
        if asked.is_some_and(|(keys, at)| keys == missing && now_ms < at + KEYS_AGAIN_MS) {
            return Ok(());
        }
        let asks = KeysAsked {
            group: shared.group,
            ids: List::new(missing.clone()).map_err(|_| CoreError::TooMany)?,
        };
        let body = Blob::new(encode(&asks)).map_err(|_| CoreError::TooMany)?;
        let own = self.core.node();
        let members = [shared.home].into_iter().chain(shared.members);
        let here = members.filter(|node| *node != own && self.is_connected(*node));
        for node in here.take(KEY_HOLDERS_MAX) {
            let body = body.clone();
            let answer = Self::ask(self, node, Call::Other { kind: KEYS, body }).await;
            let Ok(Reply::Other { kind: KEYS, body }) = answer else { continue };
            let Ok(given) = decode::<KeysGiven>(&body) else { continue };
            let given = given.keys.into_vec().into_iter();
            let given = given.map(|key| (key.id, key.sealed.to_vec())).collect();
            self.core.learn_keys(channel, given).await?;
            if self.core.missing_keys(channel).await?.is_none() {
                self.unanswered.lock().remove(&channel);
                return Ok(());
            }
        }
        let mut unanswered = self.unanswered.lock();
        if unanswered.len() >= UNANSWERED_MAX {
            unanswered.pop_first();
        }
        unanswered.insert(channel, (missing, now_ms));
        Ok(())
    }

    async fn renew(&self) {
        let status = self.mesh.get().map(Mesh::status).unwrap_or_default();
        for node in status.iter().filter(|peer| peer.synced_ms_ago.is_some()) {
            let Some(node) = node.node else { continue };
            if let Err(cause) = self.core.heard(node).await {
                tracing::warn!(%cause, %node, "what it holds is not noted");
            }
        }
        self.followers.lock().expire(self.core.now_ms());
        let connected: Vec<NodeId> = self.connected.lock().iter().copied().collect();
        for node in connected {
            if let Err(cause) = self.meet(node).await {
                tracing::debug!(%cause, %node, "not all is renewed");
            }
        }
    }

    /// Follows what this node has of another's groups, and asks what its people are called.
    async fn meet(&self, node: NodeId) -> CoreResult<()> {
        self.follow_at(node).await?;
        self.leave_at(node).await;
        for (group, ..) in self.core.pairs_with(node)? {
            self.first_words(group).await?;
        }
        self.is_here(Live::Again(node));
        self.introduce(node.short()).await
    }

    /// Brings what somebody here has said to somebody on a node that does not know of the two yet.
    async fn first_words(&self, group: GroupId) -> CoreResult<()> {
        let Some(pair) = self.core.pair(group)?.filter(|pair| !pair.met) else { return Ok(()) };
        let own = self.core.node().short();
        let heads = self.core.log_heads(group).await?.ok_or(CoreError::UnknownUser)?;
        for head in heads.lanes.iter().filter(|head| head.node == own) {
            let mut from = 0;
            while from <= head.seq {
                let lane = node_core::LaneName::Data { node: own, inc: head.inc };
                let to = from + FIRST_ENTRIES_MAX as u64;
                let page = self.core.log_page(group, lane, from, to, FIRST_BYTES_MAX).await?;
                if page.is_empty() {
                    break;
                }
                from += page.len() as u64;
                let entries = page.into_iter().map(Blob::new).collect::<Result<_, _>>();
                let entries = entries.and_then(List::new).map_err(|_| CoreError::TooMany)?;
                let words = FirstWords { to: pair.theirs, from: pair.mine, entries };
                let body = Blob::new(encode(&words)).map_err(|_| CoreError::TooMany)?;
                self.ask(pair.node, Call::Other { kind: PAIR, body }).await?;
            }
        }
        self.core.met_pair(group).await?;
        self.mesh()?.groups_changed();
        Ok(())
    }

    pub(super) async fn introduce(&self, node: Node16) -> CoreResult<()> {
        let Some(known) = self.core.known_node(node)? else { return Ok(()) };
        if !self.connected.lock().contains(&known.id) {
            return Ok(());
        }
        self.write_down_keys(Some(known.id)).await?;
        if self.is_trusted(known.id)
            && let Err(cause) = self.core.pin_domain(node, &known.cert.body.domain).await
        {
            tracing::warn!(%cause, %node, "a node says that it has the domain of another one");
        }
        let strangers = self.core.strangers(node)?;
        let Ok(users) = List::new(strangers) else { return Ok(()) };
        if users.is_empty() {
            return Ok(());
        }
        if let Reply::Profiles(records) = self.ask(known.id, Call::Profiles { users }).await? {
            let people = records.iter().filter_map(|record| decode::<Person>(record).ok());
            self.core.learn_people(node, people.map(Card::from).collect()).await?;
        }
        Ok(())
    }
}
