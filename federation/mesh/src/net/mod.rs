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
use libp2p::Multiaddr;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::host::Host;
use crate::mesh::{Command, Shared};
use crate::setup::Setup;
use crate::status::StartError;
use driver::Driver;

/// So many failures of the task in a row end the mesh: what fails each time would go on for ever.
const FAILURES_MAX: u32 = 5;
/// A task that has worked for so long has not failed in a row.
const SOUND_AFTER: Duration = Duration::from_secs(600);

/// What outlives a failure of the task.
pub(crate) struct Base {
    pub(crate) setup: Setup,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) me: NodeId,
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
    let cert = &setup.cert;
    if cert.verify().is_err() || cert.op() != setup.operational.public() {
        return Err(StartError::Certificate);
    }
    let me = cert.node();
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
            Ok(Ok(())) => return,
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
    }
}

async fn run(
    base: Arc<Base>,
    started: Option<oneshot::Sender<Result<(), StartError>>>,
) -> Result<(), StartError> {
    let mut commands = base.commands.lock().await;
    let driver = match Driver::start(Arc::clone(&base)).await {
        Ok(driver) => driver,
        Err(error) => {
            let text = error.to_string();
            return match started.map(|started| started.send(Err(error))) {
                Some(_) => Ok(()), // the caller knows, and there is nothing to guard
                None => Err(StartError::Network(text)),
            };
        }
    };
    if let Some(started) = started {
        let _ = started.send(Ok(()));
    }
    driver.run(&mut commands, base.stop.clone()).await;
    Ok(())
}
