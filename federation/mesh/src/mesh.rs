//! The handle by which a node uses its mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use glog::{GroupId, NodeCert, NodeId};
use keys::NodeIdentity;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::calls::{Call, Reply};
use crate::host::Host;
use crate::net::Identity;
use crate::setup::{Setup, StaticPeer};
use crate::status::{CallError, FetchError, PeerStatus, StartError};
use crate::trouble::Trouble;

/// What waits for the mesh's task: calls, and own entries.
const COMMANDS_MAX: usize = 4_096;

/// What the task is asked to do.
pub(crate) enum Command {
    Announce { group: GroupId, public: bool, members: Vec<NodeId>, entry: Vec<u8> },
    Call { to: NodeId, call: Box<Call>, answer: oneshot::Sender<Result<Reply, CallError>> },
    Fetch { group: GroupId, from: NodeId, answer: oneshot::Sender<Result<(), FetchError>> },
    Dial { address: String, answer: oneshot::Sender<Result<NodeCert, Trouble>> },
}

/// What the task is to keep to: a state and no messages, so that none can be lost.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Nodes to stay connected to.
    pub(crate) peers: Vec<StaticPeer>,
    /// Nodes that are not talked to, beside the policy.
    pub(crate) blocked: BTreeSet<NodeId>,
    /// Whether the set of groups has changed.
    pub(crate) groups_changed: bool,
    /// Groups with entries that were not announced, for want of room.
    pub(crate) untold: BTreeSet<GroupId>,
    /// Nodes that have a newer certificate than was known, and its serial.
    pub(crate) newer: BTreeMap<NodeId, u32>,
    /// The key under which this node goes on.
    pub(crate) renewed: Option<Identity>,
}

/// What the handle and the task both see.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) addresses: Mutex<Vec<String>>,
    pub(crate) status: Mutex<Vec<PeerStatus>>,
    pub(crate) wishes: Mutex<Wishes>,
    pub(crate) wake: Notify,
}

/// A node's part in the mesh. Ends when it is dropped or stopped.
pub struct Mesh {
    node: NodeId,
    /// Of the certificate in use.
    serial: Mutex<u32>,
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

impl Mesh {
    /// Listens, connects to the peers of the setup, and keeps this node's groups equal with theirs.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(setup: Setup, host: Arc<dyn Host>) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::default());
        shared.wishes.lock().peers.clone_from(&setup.peers);
        let (node, serial) = (setup.cert.node(), Mutex::new(setup.cert.body.serial));
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let (stop, stop_rx) = watch::channel(false);
        let (ended_tx, ended) = watch::channel(None);
        let task =
            crate::net::start(setup, host, Arc::clone(&shared), commands_rx, stop_rx, ended_tx)
                .await?;
        Ok(Self { node, serial, commands, shared, stop, ended, task })
    }

    /// Where this node is reached, each with `/p2p/…`.
    pub fn addresses(&self) -> Vec<String> {
        self.shared.addresses.lock().clone()
    }

    /// An own entry is durable: it is gossiped if the group is public, else pushed to the members, to all
    /// up to 16, else to 8 of them who push once further.
    ///
    /// Waits for nothing: where it finds no room, peers are told that there is something to fetch.
    pub fn announce(&self, group: GroupId, public: bool, members: Vec<NodeId>, entry: Vec<u8>) {
        let command = Command::Announce { group, public, members, entry };
        if self.commands.try_send(command).is_err() {
            self.wish(|wishes| {
                wishes.untold.insert(group);
            });
        }
    }

    /// The set of groups has changed, or who shares them: topics are subscribed to anew, and peers are
    /// told soon what this node has.
    pub fn groups_changed(&self) {
        self.wish(|wishes| wishes.groups_changed = true);
    }

    /// Asks a node something; connects first if it is known how to.
    ///
    /// # Errors
    /// [`CallError`], at the latest after `within`.
    pub async fn call(&self, to: NodeId, call: Call, within: Duration) -> Result<Reply, CallError> {
        self.ask(within, |answer| Command::Call { to, call: Box::new(call), answer }).await
    }

    /// Who is at an address: connects to it, and returns the node that it is.
    ///
    /// # Errors
    /// [`CallError`], at the latest after `within`.
    pub async fn dial(&self, address: String, within: Duration) -> Result<NodeCert, CallError> {
        self.probe(address, within).await.map_err(CallError::from)
    }

    /// As [`Self::dial`], and says why nobody is there.
    ///
    /// # Errors
    /// [`Trouble`], at the latest after `within`.
    pub async fn probe(&self, address: String, within: Duration) -> Result<NodeCert, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.commands.try_send(Command::Dial { address, answer }).map_err(|_| Trouble::Busy)?;
        match tokio::time::timeout(within, answered).await {
            Ok(answer) => answer.unwrap_or(Err(Trouble::Unreachable)),
            Err(_) => Err(Trouble::TimedOut),
        }
    }

    /// Brings a group up to what this peer has, the control chain first; returns when everything that
    /// the peer had when it was asked was taken, but for what nodes wrote that are over their pace: that
    /// follows. For joining: the group need not be here before.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, group: GroupId, from: NodeId) -> Result<(), FetchError> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Fetch { group, from, answer };
        self.commands.try_send(command).map_err(|_| FetchError::Busy)?;
        answered.await.unwrap_or(Err(FetchError::Busy))
    }

    /// Stays connected to a node from now on.
    pub fn add_peer(&self, peer: StaticPeer) {
        self.wish(|wishes| {
            wishes.peers.retain(|known| known.address != peer.address);
            wishes.peers.push(peer);
        });
    }

    /// No longer connects to an address by itself; a connection that stands stays.
    pub fn remove_peer(&self, address: &str) {
        self.wish(|wishes| wishes.peers.retain(|known| known.address != address));
    }

    /// Goes on under another key of the same node: all connections end, and come back under it. The
    /// ports stay.
    ///
    /// # Errors
    /// [`StartError::Certificate`] where the certificate does not vouch for the key, or is not of the
    /// same node with a higher serial than the one in use.
    pub fn renew(&self, operational: NodeIdentity, cert: NodeCert) -> Result<(), StartError> {
        let identity = Identity { operational, cert };
        let mut serial = self.serial.lock();
        let fits = identity.holds() && identity.cert.node() == self.node;
        if !fits || identity.cert.body.serial <= *serial {
            return Err(StartError::Certificate);
        }
        *serial = identity.cert.body.serial;
        self.wish(|wishes| wishes.renewed = Some(identity));
        Ok(())
    }

    /// A node has a certificate of this serial: a connection under an older one ends.
    pub fn has_newer(&self, node: NodeId, serial: u32) {
        self.wish(|wishes| {
            wishes.newer.insert(node, serial);
        });
    }

    /// Sends a node away, and keeps it away.
    pub fn block(&self, node: NodeId) {
        self.wish(|wishes| {
            wishes.blocked.insert(node);
        });
    }

    /// Lets a node connect again.
    pub fn unblock(&self, node: NodeId) {
        self.wish(|wishes| {
            wishes.blocked.remove(&node);
        });
    }

    /// What an operator sees of peers, as of the last quarter of a second.
    pub fn status(&self) -> Vec<PeerStatus> {
        self.shared.status.lock().clone()
    }

    /// Waits until the mesh has ended by itself, and says why: it has failed again and again. Without
    /// it the node serves its own people alone.
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the task of the mesh is gone".to_owned(),
        }
    }

    /// Why the mesh has ended by itself, if it has.
    pub fn failure(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// Closes all connections.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        // The task has told its own failure by `ended`.
        let _ = self.task.await;
    }

    async fn ask<T>(
        &self,
        within: Duration,
        command: impl FnOnce(oneshot::Sender<Result<T, CallError>>) -> Command,
    ) -> Result<T, CallError> {
        let (answer, answered) = oneshot::channel();
        self.commands.try_send(command(answer)).map_err(|_| CallError::Busy)?;
        match tokio::time::timeout(within, answered).await {
            Ok(answer) => answer.unwrap_or(Err(CallError::Unreachable)),
            Err(_) => Err(CallError::TimedOut),
        }
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.shared.wishes.lock());
        self.shared.wake.notify_one();
    }
}
