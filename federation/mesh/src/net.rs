//! The driver: libp2p on one side, the pure parts and the node on the other.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::host::Host;
use crate::mesh::{Command, Shared};
use crate::setup::Setup;
use crate::status::StartError;

/// Begins to listen, and leaves a task behind.
pub(crate) async fn start(
    _setup: Setup,
    _host: Arc<dyn Host>,
    _shared: Arc<Shared>,
    _commands: mpsc::Receiver<Command>,
    _stop: watch::Receiver<bool>,
    _ended: watch::Sender<Option<String>>,
) -> Result<JoinHandle<()>, StartError> {
    Err(StartError::Network("not built yet".to_owned()))
}
