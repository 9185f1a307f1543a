//! Channels that are shared with other nodes.

use std::collections::BTreeMap;

use glog::body::GroupKind;
use glog::control::State;
use glog::{Entry, EntryRef, GroupId, Lane, Node16, NodeId};
use node_store::{Keyspace, Store};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::holds::Holds;
use super::{GROUP, RESERVED, people};
use crate::channels::{Channels, LANES_MAX};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, PeerId, UserId};
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: channels are found by their names in logs.
const INDEXED_KEY: &[u8] = b"groups_indexed";

/// Letters of a domain by which it is known where a name was cut.
const LABEL_CUT_MIN: usize = 8;

/// Groups that were asked for and whose first entry has not come. Protects memory.
const EXPECTED_MAX: usize = 1024;

/// How a channel is shared with other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Federated {
    /// Its name in logs.
    pub(crate) group: [u8; 32],
    /// The node that decides about it.
    pub(crate) home: [u8; 32],
    /// Others write in it, or it is another node's: all of its log is kept in memory while it is used.
    pub(crate) shared: bool,
    /// Anybody may read it.
    pub(crate) public: bool,
    /// Nodes that write in it, without this one.
    pub(crate) members: Vec<[u8; 32]>,
    /// The number of the last entry of the chain whose effects show here.
    pub(crate) applied: u64,
    /// Since a backup was restored: members that have not told yet what they hold.
    pub(crate) unheard: Vec<[u8; 32]>,
    /// Nodes that were let go: they may still read that they were.
    pub(crate) left: Vec<Left>,
    /// This node was let go.
    pub(crate) is_out: bool,
}

/// A node that was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) node: [u8; 32],
    /// The entry of the chain up to which it may read.
    pub(crate) seq: u64,
    /// Until then, in unix seconds.
    pub(crate) until: i32,
}

/// [`Federated`] before private groups were shared.
#[derive(Deserialize)]
struct FederatedV1 {
    group: [u8; 32],
    home: [u8; 32],
    shared: bool,
    public: bool,
    members: Vec<[u8; 32]>,
    applied: u64,
    unheard: Vec<[u8; 32]>,
}

impl Record for Federated {
    const VERSION: u8 = 2;
    const NAME: &'static str = "sharing of a channel";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let FederatedV1 { group, home, shared, public, members, applied, unheard } =
            postcard::from_bytes(fields).ok()?;
        let (left, is_out) = (Vec::new(), false);
        Some(Self { group, home, shared, public, members, applied, unheard, left, is_out })
    }
}

/// A group as whoever synchronises it has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedGroup {
    /// Its name in logs.
    pub group: GroupId,
    /// The channel that it is here.
    pub channel: ChannelId,
    /// The node that decides about it.
    pub home: NodeId,
    /// This node is its home.
    pub is_home: bool,
    /// Anybody may read it.
    pub public: bool,
    /// Other nodes that write in it.
    pub members: Vec<NodeId>,
    /// Nodes that were let go, and until when they are told so, in unix seconds.
    pub left: Vec<(NodeId, i32)>,
    /// Nodes of which it has to be known what they hold before this one decides anything: a backup was
    /// restored.
    pub unheard: Vec<NodeId>,
}

/// When somebody is to ask again for a group that is on its way.
const FOUND_AGAIN_S: u32 = 3;

/// Who or what has a name on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundName {
    /// A public channel or group.
    Group([u8; 32]),
    /// One of its people.
    Person(super::Card),
}

/// Channels that are shared, in memory.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    tables: RwLock<Tables>,
    /// With what their lanes hold elsewhere, once that was told.
    expected: RwLock<BTreeMap<GroupId, Option<Vec<EntryRef>>>>,
    pub(crate) health: super::Health,
    pub(crate) holds: Holds,
}

#[derive(Debug, Default)]
struct Tables {
    groups: BTreeMap<GroupId, (ChannelId, Federated)>,
    by_channel: BTreeMap<ChannelId, GroupId>,
}

impl Groups {
    pub(crate) fn load(store: &dyn Store, channels: &Channels) -> CoreResult<Self> {
        let groups = Self::default();
        for channel in channels.ids() {
            if let Some(row) = store.get(Keyspace::CHANNELS, &federated_key(channel))? {
                groups.put(channel, Federated::decode(&row)?);
                groups.holds.load(store, channel)?;
            }
        }
        Ok(groups)
    }

    fn put(&self, channel: ChannelId, row: Federated) {
        let mut tables = self.tables.write();
        let group = GroupId(row.group);
        tables.by_channel.insert(channel, group);
        tables.groups.insert(group, (channel, row));
    }

    /// What the lanes of a group that is wanted here hold elsewhere.
    pub(crate) fn expect_lanes(&self, group: GroupId, mut lanes: Vec<EntryRef>) {
        lanes.truncate(LANES_MAX);
        if let Some(expected) = self.expected.write().get_mut(&group) {
            *expected = Some(lanes);
        }
    }

    /// Channels that are shared.
    pub(crate) fn channels(&self) -> Vec<ChannelId> {
        self.tables.read().by_channel.keys().copied().collect()
    }

    pub(crate) fn of(&self, channel: ChannelId) -> Option<Federated> {
        let tables = self.tables.read();
        let group = tables.by_channel.get(&channel)?;
        tables.groups.get(group).map(|(_, row)| row.clone())
    }
}

fn federated_key(channel: ChannelId) -> Vec<u8> {
    [&channel.bytes()[..], &[crate::channels::FEDERATED]].concat()
}

fn group_key(group: GroupId) -> Vec<u8> {
    [&[GROUP][..], &group.0].concat()
}

impl Core {
    /// The channel that a group is here; `None` where there is none, or it was ended.
    ///
    /// # Errors
    /// Those of the store.
    pub fn channel_of_group(&self, group: GroupId) -> CoreResult<Option<ChannelId>> {
        let row = self.inner.store.get(Keyspace::NODES, &group_key(group))?;
        let channel = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        let channel = channel.map(ChannelId);
        Ok(channel.filter(|channel| self.channel(*channel).is_some_and(|found| !found.deleted)))
    }

    /// Groups that are shared with others: all of other nodes, but for private ones that have let this
    /// node go and those that it has let go itself, and those of this one in which others write.
    #[must_use]
    pub fn shared_groups(&self) -> Vec<SharedGroup> {
        let resting = self.inner.groups.holds.resting();
        let mut all = self.known_groups();
        all.retain(|shared| shared.is_home || !resting.contains(&shared.channel));
        all
    }

    /// The same, with those that this node has let go.
    pub(super) fn known_groups(&self) -> Vec<SharedGroup> {
        let own = self.inner.logs.keys().node();
        let tables = self.inner.groups.tables.read();
        let groups = tables.groups.values().filter(|(_, row)| !row.is_out);
        groups.map(|(channel, row)| shared(*channel, row, own)).collect()
    }

    /// Whether this node takes part in a channel.
    pub(crate) fn takes_part_in(&self, channel: ChannelId) -> bool {
        self.inner.groups.of(channel).is_none_or(|row| !row.is_out)
    }

    /// How a channel is shared; `None` for one that is this node's alone.
    #[must_use]
    pub fn sharing(&self, channel: ChannelId) -> Option<SharedGroup> {
        let row = self.inner.groups.of(channel)?;
        Some(shared(channel, &row, self.inner.logs.keys().node()))
    }

    /// Groups that somebody is in and that are shared with other nodes.
    ///
    /// # Errors
    /// Those of the store.
    pub fn groups_of(&self, user: UserId) -> CoreResult<Vec<SharedGroup>> {
        let channels = self.channels_of(user)?;
        Ok(channels.into_iter().filter_map(|channel| self.sharing(channel)).collect())
    }

    /// Somebody here wants a group of another node: it is taken when it comes. No message makes a node
    /// fetch a group by itself.
    pub fn expect_group(&self, group: GroupId) {
        let mut expected = self.inner.groups.expected.write();
        if expected.len() >= EXPECTED_MAX {
            expected.pop_first();
        }
        expected.entry(group).or_default();
    }

    /// Who or what other nodes find here under a name: people, and public channels of this node.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn found_name(&self, name: &str) -> CoreResult<Option<FoundName>> {
        if let Some(user) = self.inner.directory.by_username(name) {
            let own = !people::is_remote(user) && user != UserId::SERVICE;
            let card = self.card(user).filter(|_| own);
            if card.is_some() {
                self.write(None, move |decide| decide.note_shown(user)).await?;
            }
            return Ok(card.map(FoundName::Person));
        }
        let Some(channel) = self.channel_by_username(name) else { return Ok(None) };
        // Names of other nodes' channels are this node's own business; one whose home has moved away keeps
        // the name that it had here.
        let is_away = self.sharing(channel).is_some_and(|shared| !shared.is_home);
        if (is_away && name.contains("_at_"))
            || self.channel(channel).is_none_or(|found| found.deleted)
        {
            return Ok(None);
        }
        let group = self.write(None, move |decide| decide.name_of_log(channel)).await?;
        Ok(Some(FoundName::Group(group)))
    }

    /// What a name that clients take may stand for at another node that is known here: name and domain.
    pub(crate) fn far_name(&self, name: &str) -> CoreResult<Option<(String, String)>> {
        let Some((name, behind)) = name.rsplit_once("_at_") else { return Ok(None) };
        let behind = behind.to_lowercase();
        let known = self.known_nodes()?.into_iter().map(|known| known.domain);
        // Names are cut where they are too long for clients.
        let mut fitting = known.filter(|domain| {
            let label = super::label(domain);
            label == behind || (behind.len() >= LABEL_CUT_MIN && label.starts_with(&behind))
        });
        let first = fitting.next();
        let only = first.filter(|_| fitting.next().is_none());
        Ok(only.map(|domain| (name.to_owned(), domain)))
    }

    /// Who or what has a name at another node, as a peer of this one. A channel that is not here yet is
    /// brought.
    ///
    /// # Errors
    /// [`CoreError::Flood`], [`CoreError::UnknownUser`], [`CoreError::NodeUnreachable`].
    pub async fn resolve_far(&self, asker: UserId, name: &str, domain: &str) -> CoreResult<PeerId> {
        self.take(Limit::Lookups(asker)).await?;
        let whole = format!("{name}@{domain}").to_lowercase();
        let row = self.inner.store.get(Keyspace::NAMES, whole.as_bytes())?;
        let known = row.and_then(|row| PeerId::from_bytes(&row));
        // Names change hands: what is remembered counts while the node cannot be asked.
        let asked = match self.network() {
            Ok(network) => network.find(name.to_lowercase(), domain.to_lowercase()).await,
            Err(cause) => Err(cause),
        };
        let (node, found) = match (asked, known) {
            (Ok(found), _) => found,
            (Err(CoreError::NodeUnreachable | CoreError::Flood { .. }), Some(known)) => {
                return Ok(known);
            }
            (Err(cause), _) => return Err(cause),
        };
        let network = self.network()?;
        match found {
            FoundName::Person(card) => Ok(self.account_of(node.short(), card).await?.into()),
            FoundName::Group(group) => {
                let group = GroupId(group);
                match self.channel_of_group(group)? {
                    Some(channel) => self.open_again(channel).await?,
                    None => {
                        self.expect_group(group);
                        network.follow(node, group).await?;
                    }
                }
                // The node is slow to give it: it goes on behind.
                let slow = CoreError::Flood { wait_s: FOUND_AGAIN_S };
                let channel = self.channel_of_group(group)?.ok_or(slow)?;
                Ok(channel.into())
            }
        }
    }

    /// Sees to it that this node may write in a channel of another one that somebody here joins.
    ///
    /// # Errors
    /// [`CoreError::NodeUnreachable`], and what the home refuses.
    pub(crate) async fn join_far(&self, channel: ChannelId) -> CoreResult<()> {
        let Some(sharing) = self.sharing(channel).filter(|sharing| !sharing.is_home) else {
            return Ok(());
        };
        self.open_again(channel).await?;
        let found = self.channel(channel).ok_or(CoreError::UnknownChannel)?;
        if found.broadcast || self.may_write_far(channel).await? {
            return Ok(());
        }
        self.network()?.join(sharing.home, sharing.group).await
    }

    /// Whether this node may write in a channel.
    async fn may_write_far(&self, channel: ChannelId) -> CoreResult<bool> {
        self.write(None, move |decide| {
            let own = decide.inner.logs.keys().node().short();
            decide.with_chain(channel, |chain| chain.state().is_member(own))
        })
        .await
    }

    /// The home lets another node write in a public group of its own.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for what is not public, not this node's, or no group.
    pub async fn admit_node(&self, group: GroupId, cert: glog::NodeCert) -> CoreResult<()> {
        let channel = self.channel_of_group(group)?.ok_or(CoreError::UnknownChannel)?;
        self.write(None, move |decide| decide.admit_node(channel, cert)).await
    }

    /// A node was found to hold the same of all that is shared with it: since a backup was restored here,
    /// nothing is missing any more that it holds.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn heard(&self, node: NodeId) -> CoreResult<()> {
        let waits = |row: &Federated| row.unheard.contains(&node.0);
        let waiting: Vec<ChannelId> = {
            let tables = self.inner.groups.tables.read();
            let found = tables.groups.values().filter(|(_, row)| waits(row));
            found.map(|(channel, _)| *channel).collect()
        };
        for channel in waiting {
            self.write(None, move |decide| {
                let Some(mut row) = decide.federated(channel)? else { return Ok(()) };
                row.unheard.retain(|unheard| *unheard != node.0);
                decide.put_federated(channel, row)
            })
            .await?;
        }
        Ok(())
    }

    /// Makes channels of earlier versions found by their names in logs.
    pub(crate) async fn index_groups(&self) -> CoreResult<()> {
        if self.inner.store.get(Keyspace::SETTINGS, INDEXED_KEY)?.is_some() {
            return Ok(());
        }
        for channel in self.inner.channels.ids() {
            self.write(None, move |decide| {
                let group = GroupId(decide.name_of_log(channel)?);
                decide.put_group(channel, group);
                Ok(())
            })
            .await?;
        }
        self.write(None, |decide| {
            decide.put_bytes(Keyspace::SETTINGS, INDEXED_KEY, vec![1]);
            Ok(())
        })
        .await
    }
}

fn shared(channel: ChannelId, row: &Federated, own: NodeId) -> SharedGroup {
    SharedGroup {
        group: GroupId(row.group),
        channel,
        home: NodeId(row.home),
        is_home: row.home == own.0,
        public: row.public,
        members: row.members.iter().copied().map(NodeId).collect(),
        left: row.left.iter().map(|left| (NodeId(left.node), left.until)).collect(),
        unheard: row.unheard.iter().copied().map(NodeId).collect(),
    }
}

impl Decide<'_> {
    /// Whether another node decides about a channel.
    pub(crate) fn is_away(&self, channel: ChannelId) -> CoreResult<bool> {
        let own = self.inner.logs.keys().node();
        Ok(self.federated(channel)?.is_some_and(|row| row.home != own.0))
    }

    /// How a channel is shared; `None` for one that is this node's alone.
    pub(crate) fn federated(&self, channel: ChannelId) -> CoreResult<Option<Federated>> {
        self.load(Keyspace::CHANNELS, &federated_key(channel))
    }

    pub(crate) fn put_federated(&mut self, channel: ChannelId, row: Federated) -> CoreResult<()> {
        self.put(Keyspace::CHANNELS, &federated_key(channel), &row)?;
        self.after(move |inner| inner.groups.put(channel, row));
        Ok(())
    }

    /// A channel is found by its name in logs.
    pub(crate) fn put_group(&mut self, channel: ChannelId, group: GroupId) {
        self.put_bytes(Keyspace::NODES, &group_key(group), channel.bytes().to_vec());
    }

    pub(crate) fn channel_of(&self, group: GroupId) -> CoreResult<Option<ChannelId>> {
        let row = self.get(Keyspace::NODES, &group_key(group))?;
        let channel = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        Ok(channel.map(ChannelId))
    }

    /// A group of another node begins here, if somebody wants it.
    pub(super) fn begin_far(&mut self, genesis: Entry) -> CoreResult<Option<ChannelId>> {
        let group = GroupId(genesis.id().0);
        let Some(lanes) = self.inner.groups.expected.read().get(&group).cloned() else {
            return Ok(None);
        };
        if !matches!(genesis.header().lane, Lane::Control { .. }) {
            return Ok(None);
        }
        let channel = self.number_for(group, None)?;
        self.begin_shared(channel, genesis)?;
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        let own = self.inner.logs.keys().node();
        if state.home == own {
            // Its own group, which it has lost: not taken from others by the way.
            return Err(CoreError::UnknownChannel);
        }
        self.put_group(channel, group);
        self.learn_nodes(&state)?;
        let row = Federated {
            group: group.0,
            home: state.home.0,
            shared: true,
            public: state.is_public(),
            members: members_but(&state, own),
            applied: 0,
            unheard: Vec::new(),
            left: Vec::new(),
            is_out: false,
        };
        self.put_federated(channel, row)?;
        // Before anybody finds the channel.
        if let Some(lanes) = lanes {
            self.begin_fill(channel, &lanes)?;
        }
        self.begin_copy(channel, &state)?;
        self.hold(channel)?;
        self.after(move |inner| {
            inner.groups.expected.write().remove(&group);
        });
        self.event(Event::GroupsChanged);
        Ok(Some(channel))
    }

    /// The number that a group has here, or will have when it comes; `instead`: that of another one which
    /// never came.
    pub(crate) fn number_for(
        &mut self,
        group: GroupId,
        instead: Option<ChannelId>,
    ) -> CoreResult<ChannelId> {
        let key = [&[RESERVED][..], &group.0].concat();
        let row = self.get(Keyspace::NODES, &key)?;
        let kept = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        if let Some(kept) = kept.map(ChannelId)
            && matches!(self.channel_row(kept), Err(CoreError::UnknownChannel))
        {
            return Ok(kept);
        }
        let number = match instead {
            Some(instead) => instead,
            None => self.next_channel_id()?,
        };
        self.put_bytes(Keyspace::NODES, &key, number.bytes().to_vec());
        Ok(number)
    }

    /// Certificates of the nodes of a group.
    pub(super) fn learn_nodes(&mut self, state: &State) -> CoreResult<()> {
        let certs: Vec<_> = state.nodes.values().filter_map(|node| node.newest_cert()).collect();
        certs.into_iter().try_for_each(|cert| self.learn_node(cert))
    }

    fn admit_node(&mut self, channel: ChannelId, cert: glog::NodeCert) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let (state, node) = (self.with_chain(channel, |chain| chain.state().clone())?, cert.node());
        let is_group = state.kind() == GroupKind::Supergroup;
        let blocked = self.node_row(node.short())?.is_some_and(|row| row.blocked);
        if state.home != own || !state.is_public() || !is_group || blocked || node == own {
            return Err(CoreError::UnknownChannel);
        }
        if state.is_member(node.short()) {
            return Ok(());
        }
        if self.channel_row(channel)?.join_request {
            return Err(CoreError::NotBuilt);
        }
        self.let_node_in(channel, None, cert)
    }
}

/// Nodes that write in a group, without one.
pub(super) fn members_but(state: &State, own: NodeId) -> Vec<[u8; 32]> {
    state.members().map(|node| node.id).filter(|id| *id != own).map(|id| id.0).collect()
}

/// Whether a node takes part in a group, as this node sees it.
pub(super) fn takes_part(row: &Federated, node: Node16) -> bool {
    NodeId(row.home).short() == node
        || row.members.iter().any(|member| NodeId(*member).short() == node)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before private groups wrote it.
    #[test]
    fn the_first_version_is_read() {
        let fields =
            ([1_u8; 32], [2_u8; 32], true, false, vec![[3_u8; 32]], 9_u64, vec![[4_u8; 32]]);
        let row = [&[1][..], &postcard::to_allocvec(&fields).unwrap()].concat();
        let read = Federated::decode(&row).unwrap();
        let expected = Federated {
            group: [1; 32],
            home: [2; 32],
            shared: true,
            public: false,
            members: vec![[3; 32]],
            applied: 9,
            unheard: vec![[4; 32]],
            left: Vec::new(),
            is_out: false,
        };
        assert_eq!(read, expected);
        assert_eq!(Federated::decode(&read.encode().unwrap()).unwrap(), read);
    }
}
