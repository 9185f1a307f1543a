//! Gossip of public groups: the fast path. What it loses, synchronisation brings.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use glog::{GroupId, gossip_id};
use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, MaxCountSubscriptionFilter, MessageAuthenticity, MessageId,
    PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams, TopicSubscriptionFilter,
    ValidationMode,
};
use parking_lot::Mutex;

use crate::frames::DIGESTS_MAX;
use crate::status::StartError;

/// Topics that a node subscribes to.
const TOPICS_MAX: usize = DIGESTS_MAX;
/// Topics that are not known, and whose subscribers are remembered all the same.
const UNKNOWN_MAX: usize = 2_000;
/// Entries that are longer are left to synchronisation.
pub(super) const GOSSIP_BYTES_MAX: usize = 16 * 1024;
/// Entries of one topic that are on their way.
const WINDOW: usize = 64;
/// Gossip confirms nothing; after so long an entry of a full window was measured to have arrived.
const CONFIRMED_MS: u64 = 50;
/// Own entries of one topic that wait for the window.
const WAITING_MAX: usize = 1_024;
/// Peers up to which an own entry goes to all subscribers at once.
const FLOOD_PEERS_MAX: usize = 20;

/// The topic of a group.
pub(super) fn topic(group: &GroupId) -> IdentTopic {
    let hash = blake3::hash(&group.0);
    let name = hash.as_bytes().iter().take(16).map(|byte| format!("{byte:02x}"));
    IdentTopic::new(name.collect::<String>())
}

/// Which topics are known; what the subscription filter and the driver share.
///
/// A peer tells of a subscription only once, perhaps before this node is in the group. So some that
/// are not known are let in as well, as long as there is room.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<KnownTopics>>);

#[derive(Debug, Default)]
struct KnownTopics {
    ours: HashSet<TopicHash>,
    unknown: HashSet<TopicHash>,
}

impl TopicSubscriptionFilter for Known {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        let KnownTopics { ours, unknown } = &mut *self.0.lock();
        if ours.contains(topic) || unknown.contains(topic) {
            return true;
        }
        let is_name = |name: &str| {
            name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        unknown.len() < UNKNOWN_MAX && is_name(topic.as_str()) && unknown.insert(topic.clone())
    }
}

/// libp2p's own filter allows 100 topics, and takes a peer with more for subscribed to none.
pub(super) type Filter = MaxCountSubscriptionFilter<Known>;

/// Gossip as it is measured to work with thousands of topics. Entries carry their own signatures: a
/// second one would halve the throughput and tell who was the first to publish.
pub(super) fn behaviour(
    known: Known,
    peers: usize,
) -> Result<gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Network(error.to_string());
    let config = ConfigBuilder::default()
        .mesh_n(6)
        .mesh_n_low(4)
        .mesh_n_high(12)
        .mesh_outbound_min(2)
        .heartbeat_initial_delay(Duration::from_millis(500))
        .heartbeat_interval(Duration::from_secs(1))
        .history_length(12)
        .history_gossip(3)
        .max_transmit_size(1 << 20)
        .max_control_message_size(768 * 1024)
        .duplicate_cache_time(Duration::from_secs(600))
        .flood_publish(peers <= FLOOD_PEERS_MAX)
        .validate_messages()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::from(gossip_id(&message.data)))
        .build()
        .map_err(|error| failed(&error))?;
    let filter = MaxCountSubscriptionFilter {
        filter: known,
        max_subscribed_topics: TOPICS_MAX + UNKNOWN_MAX,
        max_subscriptions_per_request: TOPICS_MAX + UNKNOWN_MAX,
    };
    let mut behaviour = gossipsub::Behaviour::new_with_subscription_filter(
        MessageAuthenticity::Anonymous,
        config,
        filter,
    )
    .map_err(|error| failed(&error))?;
    let params = PeerScoreParams {
        // Many nodes may live at one address: behind one network address translation, on one machine.
        ip_colocation_factor_weight: 0.0,
        // What is not heard by gossip's own verdict is not counted by ours, which sends away.
        app_specific_weight: 0.2,
        ..PeerScoreParams::default()
    };
    behaviour
        .with_peer_score(params, PeerScoreThresholds::default())
        .map_err(|error| failed(&error))?;
    Ok(behaviour)
}

/// Only what is invalid counts: a quiet group is no reason to leave a peer, nor a busy one to trust it.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -2.0,
        invalid_message_deliveries_decay: 0.9,
        ..TopicScoreParams::default()
    }
}

/// Own entries of one topic: those on their way, and those that wait.
#[derive(Debug, Default)]
struct Window {
    sent_ms: VecDeque<u64>,
    waiting: VecDeque<Vec<u8>>,
}

impl Window {
    fn has_room(&mut self, now_ms: u64) -> bool {
        while self.sent_ms.front().is_some_and(|at| now_ms.saturating_sub(*at) >= CONFIRMED_MS) {
            self.sent_ms.pop_front();
        }
        self.sent_ms.len() < WINDOW
    }
}

/// What became of an own entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// It is on its way, or will be in a moment.
    Sent,
    /// Nobody gets it this way.
    Skipped,
}

/// The topics of this node.
#[derive(Debug, Default)]
pub(super) struct Topics {
    known: Known,
    groups: HashMap<TopicHash, GroupId>,
    windows: HashMap<GroupId, Window>,
}

impl Topics {
    /// None yet; this is what the filter asks.
    pub(super) fn new(known: Known) -> Self {
        Self { known, ..Self::default() }
    }

    /// The group of a topic.
    pub(super) fn group(&self, topic: &TopicHash) -> Option<GroupId> {
        self.groups.get(topic).copied()
    }

    /// Subscribes to the topics of these groups, and to no others.
    pub(super) fn set(
        &mut self,
        groups: Vec<GroupId>,
        gossip: &mut gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>,
    ) {
        let wanted: HashMap<TopicHash, GroupId> =
            groups.into_iter().take(TOPICS_MAX).map(|id| (topic(&id).hash(), id)).collect();
        {
            let mut known = self.known.0.lock();
            known.ours = wanted.keys().cloned().collect();
            known.unknown.clear();
        }
        for (hash, group) in &self.groups {
            if !wanted.contains_key(hash) {
                gossip.unsubscribe(&topic(group));
                self.windows.remove(group);
            }
        }
        for (hash, group) in &wanted {
            if !self.groups.contains_key(hash) {
                let topic = topic(group);
                if let Err(error) = gossip.subscribe(&topic) {
                    tracing::warn!(?error, "not subscribed to a topic");
                }
                if let Err(error) = gossip.set_topic_params(topic, topic_score()) {
                    tracing::warn!(error, "a topic is not scored");
                }
            }
        }
        self.groups = wanted;
    }

    /// Publishes an own entry, or lets it wait for those before it.
    pub(super) fn publish(
        &mut self,
        group: GroupId,
        entry: Vec<u8>,
        gossip: &mut gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>,
        now_ms: u64,
    ) -> Published {
        if entry.len() > GOSSIP_BYTES_MAX || !self.groups.contains_key(&topic(&group).hash()) {
            return Published::Skipped;
        }
        let window = self.windows.entry(group).or_default();
        if window.waiting.is_empty() && window.has_room(now_ms) {
            return publish(window, &group, entry, gossip, now_ms);
        }
        if window.waiting.len() >= WAITING_MAX {
            return Published::Skipped;
        }
        window.waiting.push_back(entry);
        Published::Sent
    }

    /// Publishes what has waited, as far as there is room; returns groups of which something is left to
    /// synchronisation.
    pub(super) fn publish_waiting(
        &mut self,
        gossip: &mut gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>,
        now_ms: u64,
    ) -> Vec<GroupId> {
        let mut skipped = Vec::new();
        for (group, window) in &mut self.windows {
            while window.has_room(now_ms) {
                let Some(entry) = window.waiting.pop_front() else { break };
                if publish(window, group, entry, gossip, now_ms) == Published::Skipped {
                    skipped.push(*group);
                }
            }
        }
        self.windows.retain(|_, window| !window.sent_ms.is_empty() || !window.waiting.is_empty());
        skipped
    }
}

fn publish(
    window: &mut Window,
    group: &GroupId,
    entry: Vec<u8>,
    gossip: &mut gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>,
    now_ms: u64,
) -> Published {
    match gossip.publish(topic(group), entry) {
        Ok(_) => {
            window.sent_ms.push_back(now_ms);
            Published::Sent
        }
        // No subscriber is here, or their queues are full: synchronisation will do.
        Err(error) => {
            tracing::debug!(?error, "not gossiped");
            Published::Skipped
        }
    }
}
