//! Gossip of public groups: the fast path. What it loses, synchronisation brings.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use glog::{GroupId, gossip_id};
use libp2p::PeerId;
use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, MaxCountSubscriptionFilter, MessageAuthenticity, MessageId,
    PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams, TopicSubscriptionFilter,
    ValidationMode,
};
use parking_lot::Mutex;

use super::whose::Whose;
use crate::frames::DIGESTS_MAX;
use crate::status::StartError;

/// Topics that a node subscribes to.
const TOPICS_MAX: usize = DIGESTS_MAX;
/// Topics of one peer that are not known, and that it is remembered to be subscribed to all the same.
const UNKNOWN_MAX: usize = 2_000;
/// The same of all peers that may be connected, in equal parts: nobody uses up those of another.
const UNKNOWN_IN_ALL_MAX: usize = 512_000;
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
/// are not known are let in as well, so many of each peer.
#[derive(Debug, Clone)]
pub(super) struct Known {
    topics: Arc<Mutex<KnownTopics>>,
    whose: Whose,
    unknown_max: usize,
}

#[derive(Debug, Default)]
struct KnownTopics {
    ours: HashSet<TopicHash>,
    /// By the first bytes of their names, which would be long to keep. Two that begin alike count as one.
    unknown: HashMap<PeerId, HashSet<u64>>,
}

impl Known {
    /// None yet, with so many connections at most.
    pub(super) fn new(connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(usize::MAX).max(1);
        let unknown_max = UNKNOWN_MAX.min(UNKNOWN_IN_ALL_MAX / connections);
        Self { topics: Arc::default(), whose: Whose::default(), unknown_max }
    }

    /// Where whoever tells of a subscription is told here.
    pub(super) fn whose(&self) -> Whose {
        self.whose.clone()
    }

    /// A peer is gone, and gossip has forgotten its subscriptions.
    fn forget(&self, peer: &PeerId) {
        self.topics.lock().unknown.remove(peer);
    }
}

impl TopicSubscriptionFilter for Known {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        let KnownTopics { ours, unknown } = &mut *self.topics.lock();
        if ours.contains(topic) {
            return true;
        }
        let (Some(peer), Some(name)) = (self.whose.peer(), short_name(topic.as_str())) else {
            return false;
        };
        let unknown = unknown.entry(peer).or_default();
        unknown.contains(&name) || (unknown.len() < self.unknown_max && unknown.insert(name))
    }
}

/// The beginning of the name of a topic; `None` for what is none.
fn short_name(name: &str) -> Option<u64> {
    let is_name = name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(name.get(..16).filter(|_| is_name)?, 16).ok()
}

/// libp2p's own filter allows 100 topics, and takes a peer with more for subscribed to none.
type Filter = MaxCountSubscriptionFilter<Known>;
/// libp2p's gossip with that filter.
pub(super) type Gossip = gossipsub::Behaviour<gossipsub::IdentityTransform, Filter>;

/// The settings of gossip, as it is measured to work with thousands of topics, for so many peers that are
/// always called. Entries carry their own signatures: a second one would halve the throughput and tell who
/// was the first to publish.
///
/// # Errors
/// [`StartError::Network`]: libp2p finds that they contradict each other.
pub fn settings(peers: usize) -> Result<gossipsub::Config, StartError> {
    ConfigBuilder::default()
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
        .map_err(|error| StartError::Network(error.to_string()))
}

/// Gossip with those settings.
pub(super) fn behaviour(known: Known, peers: usize) -> Result<Gossip, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Network(error.to_string());
    let config = settings(peers)?;
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
#[derive(Debug)]
pub(super) struct Topics {
    known: Known,
    groups: HashMap<TopicHash, GroupId>,
    windows: HashMap<GroupId, Window>,
}

impl Topics {
    /// None yet; this is what the filter asks.
    pub(super) fn new(known: Known) -> Self {
        Self { known, groups: HashMap::new(), windows: HashMap::new() }
    }

    /// A peer is gone.
    pub(super) fn forget(&self, peer: &PeerId) {
        self.known.forget(peer);
    }

    /// The group of a topic.
    pub(super) fn group(&self, topic: &TopicHash) -> Option<GroupId> {
        self.groups.get(topic).copied()
    }

    /// Subscribes to the topics of these groups, and to no others.
    pub(super) fn set(&mut self, groups: Vec<GroupId>, gossip: &mut Gossip) {
        let wanted: HashMap<TopicHash, GroupId> =
            groups.into_iter().take(TOPICS_MAX).map(|id| (topic(&id).hash(), id)).collect();
        self.known.topics.lock().ours = wanted.keys().cloned().collect();
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
        gossip: &mut Gossip,
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
    pub(super) fn publish_waiting(&mut self, gossip: &mut Gossip, now_ms: u64) -> Vec<GroupId> {
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
    gossip: &mut Gossip,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(group: u32) -> TopicHash {
        topic(&GroupId(*blake3::hash(&group.to_be_bytes()).as_bytes())).hash()
    }

    #[test]
    fn nobody_uses_up_what_others_may_be_subscribed_to() {
        let mut known = Known::new(512);
        let whose = known.whose();
        known.topics.lock().ours.insert(name(0));
        let [greedy, other] = [PeerId::random(), PeerId::random()];
        whose.set(Some(greedy));
        let taken = (1..5_000).filter(|i| known.can_subscribe(&name(*i))).count();
        assert_eq!(taken, 1_000);
        // What was let in once still is, and so is what is ours.
        assert!(known.can_subscribe(&name(1)) && known.can_subscribe(&name(0)));
        assert!(!known.can_subscribe(&IdentTopic::new("no name of ours").hash()));
        whose.set(Some(other));
        assert_eq!((4_000..4_500).filter(|i| known.can_subscribe(&name(*i))).count(), 500);
        // Who comes back begins anew; this node itself subscribes to nothing else.
        known.forget(&greedy);
        whose.set(Some(greedy));
        assert!(known.can_subscribe(&name(4_999)));
        whose.set(None);
        assert!(known.can_subscribe(&name(0)) && !known.can_subscribe(&name(4_999)));
        // However many may connect, those of all are bounded.
        assert_eq!(Known::new(1).unknown_max, UNKNOWN_MAX);
        assert_eq!(Known::new(51_200).unknown_max, 10);
    }
}
