//! Under which addresses other servers know this node.

use node_store::Keyspace;

use super::BridgeError;
use crate::{Core, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: text.
const HOST_KEY: &[u8] = b"bridge_host";

/// Longest text.
const BYTES_MAX: usize = 1024;

impl Core {
    /// Keeps under which addresses channels of this node are bridged, unless that was kept before and any
    /// channel was bridged since; answers what is kept then. With `force` it is kept in any case.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`], and those of the store.
    pub async fn keep_bridge_host(&self, host: String, force: bool) -> CoreResult<String> {
        if host.is_empty() || host.len() > BYTES_MAX {
            return Err(BridgeError::Invalid("host").into());
        }
        let is_known = !self.bridges().is_empty();
        self.write(None, move |decide| {
            let before = decide.store().get(Keyspace::SETTINGS, HOST_KEY)?;
            match before.and_then(|before| String::from_utf8(before).ok()) {
                Some(before) if before == host || (is_known && !force) => Ok(before),
                _ => {
                    decide.put_bytes(Keyspace::SETTINGS, HOST_KEY, host.clone().into_bytes());
                    Ok(host)
                }
            }
        })
        .await
    }
}
