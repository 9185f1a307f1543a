//! What all parts of the bridge share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use activitypub_federation::config::{Data, FederationConfig};
use blobs::Blobs;
use keys::http_signature::HttpSigningKey;
use node_core::{BridgeKeys, ChannelId, Core, CoreError, CoreResult};
use parking_lot::Mutex;

use crate::carry::Dirty;
use crate::client::{Client, Signer, Verifier};
use crate::deliver::Handle;
use crate::guard::Guard;
use crate::object::{Cid, Ids, KeyName, Keys, Place};
use crate::queue::Kept;

/// Channels whose keys stay unsealed in memory.
const SIGNERS_MAX: usize = 256;

/// With what an actor signs, and what its document says of that.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) signer: Signer,
    pub(crate) keys: Keys,
}

pub(crate) struct Shared {
    pub(crate) core: Core,
    pub(crate) blobs: Blobs,
    pub(crate) ids: Ids,
    pub(crate) client: Client,
    pub(crate) guard: Guard,
    /// The node's own actor.
    pub(crate) node: Signing,
    /// What the node is called.
    pub(crate) name: String,
    pub(crate) about: crate::About,
    pub(crate) media_bytes_max: u64,
    pub(crate) secure_mode: bool,
    pub(crate) dirty: Dirty,
    signers: Mutex<BTreeMap<ChannelId, Signing>>,
    /// What runs on all of the above: set once, at the start.
    running: OnceLock<Running>,
}

/// The log's deliveries, and how other servers' objects are fetched.
pub(crate) struct Running {
    pub(crate) kept: Arc<Kept>,
    pub(crate) deliveries: Handle,
    pub(crate) federation: FederationConfig<Arc<Shared>>,
    pub(crate) verifier: Verifier,
}

pub(crate) struct Parts {
    pub(crate) core: Core,
    pub(crate) blobs: Blobs,
    pub(crate) ids: Ids,
    pub(crate) client: Client,
    pub(crate) guard: Guard,
    pub(crate) node: Signing,
    pub(crate) name: String,
    pub(crate) about: crate::About,
    pub(crate) media_bytes_max: u64,
    pub(crate) secure_mode: bool,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            core,
            blobs,
            ids,
            client,
            guard,
            node,
            name,
            about,
            media_bytes_max,
            secure_mode,
        } = parts;
        Self {
            core,
            blobs,
            ids,
            client,
            guard,
            node,
            name,
            about,
            media_bytes_max,
            secure_mode,
            dirty: Dirty::default(),
            signers: Mutex::default(),
            running: OnceLock::new(),
        }
    }

    /// All is there.
    pub(crate) fn runs(&self, running: Running) {
        // Set once; a second start of one bridge does not happen.
        let _ = self.running.set(running);
    }

    pub(crate) fn running(&self) -> Option<&Running> {
        self.running.get()
    }

    pub(crate) fn federation(&self) -> Option<Data<Arc<Shared>>> {
        self.running.get().map(|running| running.federation.to_request_data())
    }

    /// The activity log has grown.
    pub(crate) fn sent(&self) {
        if let Some(running) = self.running.get() {
            running.deliveries.grew(self.core.newest_outgoing());
        }
    }

    /// Something that was verified came from a host.
    pub(crate) fn heard(&self, host: &str) {
        if let Some(running) = self.running.get() {
            running.deliveries.heard(host);
        }
    }

    /// A host is about to be told something: it has a lane from now on.
    pub(crate) async fn lane_for(&self, host: &str) -> CoreResult<()> {
        match self.running.get() {
            Some(running) => running.kept.lane_for(host, &running.deliveries).await,
            None => Err(CoreError::Busy),
        }
    }

    /// With what a channel signs.
    pub(crate) fn signing(&self, channel: ChannelId) -> CoreResult<Signing> {
        if let Some(known) = self.signers.lock().get(&channel) {
            return Ok(known.clone());
        }
        let keys = self.core.bridge_keys(channel)?;
        let cid = self.core.bridge(channel).map(|bridge| bridge.cid).unwrap_or_default();
        let signing = signing(&self.ids, &Place::Actor(Cid(cid)), &keys)?;
        let mut signers = self.signers.lock();
        if signers.len() >= SIGNERS_MAX {
            signers.clear();
        }
        signers.insert(channel, signing.clone());
        Ok(signing)
    }

    /// Its keys are other ones now.
    pub(crate) fn forget_signing(&self, channel: ChannelId) {
        self.signers.lock().remove(&channel);
    }

    pub(crate) fn actor(&self, cid: &node_core::Cid) -> String {
        self.ids.url(&Place::Actor(Cid(*cid)))
    }
}

/// Reads what an actor signs with.
pub(crate) fn signing(ids: &Ids, actor: &Place, keys: &BridgeKeys) -> CoreResult<Signing> {
    const DAMAGED: CoreError = CoreError::Damaged("keys of a bridge");
    let pem = std::str::from_utf8(&keys.rsa).map_err(|_| DAMAGED)?;
    let key = HttpSigningKey::from_pem(pem).map_err(|_| DAMAGED)?;
    let rsa_pem = key.public_pem().map_err(|_| DAMAGED)?;
    let seed: [u8; 32] = keys.ed25519.as_slice().try_into().map_err(|_| DAMAGED)?;
    let ed25519 = keys::NodeIdentity::from_seed(&seed).public().as_bytes().to_owned();
    let signer = Signer { key_id: ids.key(actor, KeyName::Main), key: Arc::new(key) };
    Ok(Signing { signer, keys: Keys { rsa_pem, ed25519: Some(ed25519) } })
}
