//! Under which addresses other servers know this node.

use node_store::Keyspace;

use super::{Bridge, BridgeError, KnownAs};
use crate::decide::Decide;
use crate::{Core, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: text.
const HOST_KEY: &[u8] = b"bridge_host";

/// Key in [`Keyspace::SETTINGS`]: text, scheme and host.
const BASE_KEY: &[u8] = b"bridge_base";

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

    /// Keeps scheme and host of this node's own addresses: a channel that gets another home takes them
    /// along.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`], and those of the store.
    pub async fn keep_bridge_base(&self, base: String) -> CoreResult<()> {
        if base.is_empty() || base.len() > BYTES_MAX {
            return Err(BridgeError::Invalid("host").into());
        }
        self.write(None, move |decide| {
            decide.put_bytes(Keyspace::SETTINGS, BASE_KEY, base.into_bytes());
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    /// As what other servers know a channel of this node that is called so, and was made then.
    pub(super) fn own_known(&self, name: Option<String>, made: i32) -> CoreResult<KnownAs> {
        let kept = |at: &[u8]| -> CoreResult<Option<String>> {
            let row = self.get(Keyspace::SETTINGS, at)?;
            Ok(row.and_then(|row| String::from_utf8(row).ok()))
        };
        let (base, both) = (kept(BASE_KEY)?, kept(HOST_KEY)?);
        let domain = both.and_then(|both| both.split_once(' ').map(|(_, d)| d.to_owned()));
        let (base, domain) = base.zip(domain).ok_or(BridgeError::NotBridged)?;
        Ok(KnownAs { base, domain, name, made })
    }

    /// The same of one that came; none of one that was this node's before, and comes back to its own
    /// addresses. `before` is what is left of that.
    pub(super) fn known_elsewhere(
        &self,
        known: KnownAs,
        before: Option<&Bridge>,
    ) -> CoreResult<Option<KnownAs>> {
        let was_own = before.is_some_and(|before| before.known.is_none());
        if !was_own {
            return Ok(Some(known));
        }
        let own = self.own_known(None, 0)?;
        let is_back = (own.base, own.domain) == (known.base.clone(), known.domain.clone());
        Ok((!is_back).then_some(known))
    }
}
