//! The driver: libp2p on one side, the pure parts and the node on the other.

mod codec;
mod driver;
mod gossip;
mod greet;
mod ingest;
mod outbox;
mod serve;
mod swarm;
mod whose;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glog::{NodeCert, NodeId};
use keys::NodeIdentity;
use libp2p::Multiaddr;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::host::Host;
use crate::mesh::{Command, Shared};
use crate::setup::Setup;
use crate::status::StartError;
use driver::Driver;
pub use gossip::settings as gossip_settings;

/// So many failures of the task in a row end the mesh: what fails each time would go on for ever.
const FAILURES_MAX: u32 = 5;
/// A task that has worked for so long has not failed in a row.
const SOUND_AFTER: Duration = Duration::from_secs(600);
/// How long after a failure the task begins anew, longer each time: the ports of the last one may not be
/// free at once.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who the node is to others.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Names it to libp2p.
    pub(crate) operational: NodeIdentity,
    /// Vouches for that.
    pub(crate) cert: NodeCert,
}

impl Identity {
    /// Whether the certificate is sound and of this key.
    pub(crate) fn holds(&self) -> bool {
        self.cert.verify().is_ok() && self.cert.op() == self.operational.public()
    }
}

/// What outlives a failure of the task.
pub(crate) struct Base {
    pub(crate) setup: Setup,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) me: NodeId,
    /// Another one after a rotation, under which the task begins anew.
    pub(crate) identity: Mutex<Arc<Identity>>,
    /// Nodes of which the host knows that they are here.
    pub(crate) present: Mutex<BTreeMap<NodeId, NodeCert>>,
    /// Where the node listens, once that is known: the same ports again after a failure.
    pub(crate) listening: Mutex<Vec<Multiaddr>>,
    commands: tokio::sync::Mutex<mpsc::Receiver<Command>>,
    stop: watch::Receiver<bool>,
}

/// Begins to listen, and leaves a task behind.
pub(crate) async fn start(
    setup: Setup,
    host: Arc<dyn Host>,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    stop: watch::Receiver<bool>,
    ended: watch::Sender<Option<String>>,
) -> Result<JoinHandle<()>, StartError> {
    let operational = NodeIdentity::from_seed(&setup.operational.seed());
    let identity = Identity { operational, cert: setup.cert.clone() };
    if !identity.holds() {
        return Err(StartError::Certificate);
    }
    let me = identity.cert.node();
    let identity = Mutex::new(Arc::new(identity));
    let listening = setup.listen.iter().map(|address| {
        address.parse::<Multiaddr>().map_err(|error| StartError::Listen {
            address: address.clone(),
            reason: error.to_string(),
        })
    });
    let listening = listening.collect::<Result<_, _>>()?;
    let base = Arc::new(Base {
        setup,
        host,
        shared,
        me,
        identity,
        present: Mutex::default(),
        listening: Mutex::new(listening),
        commands: tokio::sync::Mutex::new(commands),
        stop,
    });
    let (started, starts) = oneshot::channel();
    let task = tokio::spawn(guard(base, started, ended));
    match starts.await {
        Ok(Ok(())) => Ok(task),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(StartError::Network("the task has failed at once".to_owned())),
    }
}

/// Runs the task, and again after a failure: hostile bytes may find a panic in what we link, and the
/// node goes on serving its own people.
async fn guard(
    base: Arc<Base>,
    started: oneshot::Sender<Result<(), StartError>>,
    ended: watch::Sender<Option<String>>,
) {
    let mut started = Some(started);
    let mut failures = 0;
    loop {
        let since = tokio::time::Instant::now();
        let task = tokio::spawn(run(Arc::clone(&base), started.take()));
        let reason = match task.await {
            Ok(Ok(Ended::Stopped)) => return,
            Ok(Ok(Ended::Renewed)) => {
                failures = 0;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        failures = if since.elapsed() >= SOUND_AFTER { 1 } else { failures + 1 };
        tracing::error!(reason, failures, "the task of the mesh has failed");
        if failures >= FAILURES_MAX || *base.stop.borrow() {
            base.shared.status.lock().clear();
            let _ = ended.send(Some(reason)); // nobody may be listening
            return;
        }
        tokio::time::sleep(AGAIN_AFTER * failures).await;
    }
}

async fn run(
    base: Arc<Base>,
    started: Option<oneshot::Sender<Result<(), StartError>>>,
) -> Result<Ended, StartError> {
    let mut commands = base.commands.lock().await;
    let driver = match Driver::start(Arc::clone(&base)).await {
        Ok(driver) => driver,
        Err(error) => {
            let text = error.to_string();
            return match started.map(|started| started.send(Err(error))) {
                Some(_) => Ok(Ended::Stopped), // the caller knows, and there is nothing to guard
                None => Err(StartError::Network(text)),
            };
        }
    };
    if let Some(started) = started {
        let _ = started.send(Ok(()));
    }
    Ok(driver.run(&mut commands, base.stop.clone()).await)
}

impl Base {
    /// Whether the node goes on under another key: the task is to begin anew.
    pub(crate) fn take_renewal(&self) -> bool {
        let Some(identity) = self.shared.wishes.lock().renewed.take() else { return false };
        *self.identity.lock() = Arc::new(identity);
        true
    }
}

/// Why the task has ended.
pub(crate) enum Ended {
    /// It was told to.
    Stopped,
    /// The node goes on under another key.
    Renewed,
}
