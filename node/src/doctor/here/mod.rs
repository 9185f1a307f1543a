//! What is to be said of the node itself, whether or not there are others: whether clients get to it,
//! what the machine gives it, and where its names lead.

mod clients;
mod machine;
mod names;
mod reach;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use mtproto_frontend::Refusals;

use super::Finding;
use crate::certificates::Shown;
use crate::client_config::Ready;
use crate::config::Config;

/// What is known of the node that runs, beside its rules.
pub(crate) struct Here {
    pub(crate) config: Config,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Unix seconds.
    pub(crate) started: i32,
    /// Known once the node listens.
    pub(crate) ready: OnceLock<Ready>,
    pub(crate) refusals: Arc<Refusals>,
}

/// What a running node finds about itself; without a time server only what it knows, at once.
pub(crate) async fn examine(
    here: &Here,
    certificate: Option<Shown>,
    time_server: Option<&str>,
    now_ms: u64,
) -> Vec<Finding> {
    let mut found = Vec::new();
    if let (Some(ready), Some(_)) = (here.ready.get(), time_server) {
        found.extend(reach::examine(&here.config, ready, &here.refusals).await);
    }
    found.extend(machine::disks(&here.config, &here.data));
    found.extend(names::certificate(&here.config, certificate, now_ms));
    if let Some(time_server) = time_server {
        found.push(machine::clock(time_server).await);
        found.extend(names::examine(&here.config).await);
    }
    found.extend(clients::examine(&here.refusals.newest(), now_ms));
    found
}

/// What is found about a node that does not run: whether it could.
pub(super) async fn examine_stopped(
    config: &Config,
    data: &std::path::Path,
    time_server: &str,
    now_ms: u64,
) -> Vec<Finding> {
    let mut found = machine::ports(config);
    found.extend(machine::disks(config, data));
    found.extend(names::certificate(config, None, now_ms));
    found.push(machine::clock(time_server).await);
    found.extend(names::examine(config).await);
    found
}
