//! Logs, as tests look at them.

use glog::body::Action;
use glog::control::Chain;
use glog::{Entry, NodeCert};
use keys::epoch::EpochSecret;
use node_store::{Keyspace, Order};

use super::{CONTROL, DATA, DELIVERED, Start, too_large};
use crate::CoreResult;
use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};

impl Decide<'_> {
    /// Begins a log, and nothing else.
    pub(crate) fn begin_log(&mut self, channel: ChannelId, owner: UserId) -> CoreResult<()> {
        let kind = glog::body::GroupKind::Supergroup;
        let start = Start { kind, public: false, defaults: glog::Rights::MEMBER };
        self.write_genesis(channel, owner, start)
    }
}

impl crate::Core {
    /// A user of this node, as logs name them.
    pub(crate) fn name_in_logs(&self, user: UserId) -> glog::UserRef {
        self.inner.logs.user(user)
    }

    /// All entries of a channel's log, as they were stored.
    pub(crate) fn log_entries(&self, channel: ChannelId) -> Vec<Entry> {
        let from = channel.bytes();
        let to = ChannelId(channel.0 + 1).bytes();
        let rows =
            self.inner.store.scan(Keyspace::LOGS, &from, Some(&to), usize::MAX, Order::Ascending);
        let is_entry = |key: &[u8]| [CONTROL, DATA, DELIVERED].contains(&key[8]);
        let rows = rows.unwrap().into_iter().filter(|(key, _)| is_entry(key));
        rows.map(|(_, entry)| Entry::decode(&entry).unwrap()).collect()
    }

    /// A home that changes the key and seals it for one node to nobody.
    pub(crate) async fn rotate_without(&self, channel: ChannelId, node: glog::NodeId) {
        let write = self.write(None, move |decide| {
            let place = decide.with_chain(channel, Chain::next_place)?;
            let certs = decide.with_chain(channel, |chain| {
                chain.state().members().filter_map(|node| node.newest_cert().cloned()).collect()
            })?;
            let mut certs: Vec<NodeCert> = certs;
            let lost = *keys::sealed::BoxSecret::generate(decide.rng).public().as_bytes();
            for cert in certs.iter_mut().filter(|cert| cert.node() == node) {
                cert.body.x25519 = lost;
            }
            let secret = EpochSecret::generate(decide.rng);
            let sealed =
                glog::seal_epoch(&secret, place, &certs.iter().collect::<Vec<_>>(), decide.rng);
            decide.write_control(channel, None, Action::Epoch(sealed.map_err(too_large)?))
        });
        write.await.unwrap();
    }

    /// What a channel is called in logs.
    pub(crate) fn name_of_log(&self, channel: ChannelId) -> [u8; 32] {
        self.replica_of(channel).chain().group().0
    }

    /// Rights of an admin as the log has them.
    pub(crate) fn rights_in_log(&self, rights: crate::channels::AdminRights) -> glog::Rights {
        rights.to_log()
    }

    /// A copy of a channel's log that begins with its first entry and can open bodies.
    pub(crate) fn replica_of(&self, channel: ChannelId) -> glog::Replica {
        let keys = self.inner.logs.keys();
        let mut entries = self.log_entries(channel).into_iter();
        let mut replica =
            glog::Replica::new(keys.node(), entries.next().unwrap(), glog::PENDING_MAX).unwrap();
        for entry in entries {
            replica.receive(entry, 0).unwrap();
        }
        for entry in replica.chain().entries().to_vec() {
            if let Some(secret) = keys.open_epoch(&entry) {
                replica.learn_key(entry.id().short(), secret);
            }
        }
        replica
    }
}
