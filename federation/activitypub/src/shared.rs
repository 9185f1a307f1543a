//! What all parts of the bridge share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use activitypub_federation::config::{Data, FederationConfig};
use blobs::Blobs;
use keys::http_signature::HttpSigningKey;
use node_core::{Bridge, BridgeKeys, ChannelId, Core, CoreError, CoreResult};
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
    pub(crate) about: crate::About,
    pub(crate) media_bytes_max: u64,
    pub(crate) secure_mode: bool,
    pub(crate) dirty: Dirty,
    pub(crate) state: State,
}

/// The log's deliveries, and how other servers' objects are fetched.
pub(crate) struct Running {
    pub(crate) kept: Arc<Kept>,
    pub(crate) deliveries: Handle,
    pub(crate) federation: FederationConfig<Arc<Shared>>,
    pub(crate) verifier: Verifier,
}

/// What is kept and set while the bridge runs.
#[derive(Default)]
pub(crate) struct State {
    signers: Mutex<BTreeMap<ChannelId, Signing>>,
    /// What runs on all the rest: set once, at the start.
    running: OnceLock<Running>,
}

impl Shared {
    /// All is there.
    pub(crate) fn runs(&self, running: Running) {
        // Set once; a second start of one bridge does not happen.
        let _ = self.state.running.set(running);
    }

    pub(crate) fn running(&self) -> Option<&Running> {
        self.state.running.get()
    }

    pub(crate) fn federation(&self) -> Option<Data<Arc<Shared>>> {
        self.state.running.get().map(|running| running.federation.to_request_data())
    }

    /// The activity log has grown.
    pub(crate) fn sent(&self) {
        if let Some(running) = self.state.running.get() {
            running.deliveries.grew(self.core.newest_outgoing());
        }
    }

    /// Something that was verified came from a host.
    pub(crate) fn heard(&self, host: &str) {
        if let Some(running) = self.state.running.get() {
            running.deliveries.heard(host);
        }
    }

    /// A host is about to be told something: it has a lane from now on.
    pub(crate) async fn lane_for(&self, host: &str) -> CoreResult<()> {
        match self.state.running.get() {
            Some(running) => running.kept.lane_for(host, &running.deliveries).await,
            None => Err(CoreError::Busy),
        }
    }

    /// With what a channel signs.
    pub(crate) fn signing(&self, channel: ChannelId) -> CoreResult<Signing> {
        if let Some(known) = self.state.signers.lock().get(&channel) {
            return Ok(known.clone());
        }
        let keys = self.core.bridge_keys(channel)?;
        let cid = self.core.bridge(channel).map(|bridge| bridge.cid).unwrap_or_default();
        let signing = signing(&self.ids_of(&cid), &Place::Actor(Cid(cid)), &keys)?;
        let mut signers = self.state.signers.lock();
        if signers.len() >= SIGNERS_MAX {
            signers.clear();
        }
        signers.insert(channel, signing.clone());
        Ok(signing)
    }

    /// Its keys are other ones now.
    pub(crate) fn forget_signing(&self, channel: ChannelId) {
        self.state.signers.lock().remove(&channel);
    }

    /// The addresses of a channel: the node's own, or those that it has brought along.
    pub(crate) fn ids_of(&self, cid: &node_core::Cid) -> Ids {
        let brought = self.core.bridge_by_cid(cid).and_then(|bridge| {
            let known = bridge.known.as_ref()?;
            Ids::new(&known.base, &known.domain)
        });
        brought.unwrap_or_else(|| self.ids.clone())
    }

    /// Address of a place.
    pub(crate) fn url(&self, place: &Place) -> String {
        match place.cid() {
            Some(cid) => self.ids_of(&cid.0).url(place),
            None => self.ids.url(place),
        }
    }

    /// What an address names; `None` for those of other servers, with a query or with a fragment, and of
    /// channels that are known under others.
    pub(crate) fn parse(&self, url: &str) -> Option<Place> {
        let (_, rest) = url.split_once("://")?;
        let place = Place::parse(rest.get(rest.find('/')?..)?)?;
        (self.url(&place) == url).then_some(place)
    }

    /// The channel of a page for people, and what stands behind its name: `BASE/@NAME` or
    /// `BASE/@NAME/REST`.
    pub(crate) fn page<'a>(&self, url: &'a str) -> Option<(Arc<Bridge>, &'a str)> {
        let (scheme_host, rest) = url.split_once("/@")?;
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let bridge = self.named_at(scheme_host.split_once("://")?.1, name)?;
        (self.ids_of(&bridge.cid).base() == scheme_host).then_some((bridge, rest))
    }

    /// The channel that has a name at a host, or in handles of a domain.
    pub(crate) fn named_at(&self, domain: &str, name: &str) -> Option<Arc<Bridge>> {
        let is_own = domain.eq_ignore_ascii_case(self.ids.handle_domain())
            || domain.eq_ignore_ascii_case(self.host());
        let own = if is_own { self.core.bridge_by_name(name) } else { None };
        own.or_else(|| self.core.bridge_by_name_at(domain, name))
    }

    /// Whether a channel is there for who asks at a host. At one that nobody knows those are that are the
    /// node's own: proxies may say anything.
    pub(crate) fn is_at(&self, bridge: &Bridge, host: Option<&str>) -> bool {
        match (&bridge.known, host) {
            (Some(known), Some(host)) => known.is_at(host),
            (Some(_), None) => false,
            (None, Some(host)) => {
                host.eq_ignore_ascii_case(self.host()) || !self.core.bridges_at(host)
            }
            (None, None) => true,
        }
    }

    /// The node's own host, as it stands in ids.
    pub(crate) fn host(&self) -> &str {
        let base = self.ids.base();
        base.split_once("://").map_or(base, |(_, host)| host)
    }

    pub(crate) fn actor(&self, cid: &node_core::Cid) -> String {
        self.url(&Place::Actor(Cid(*cid)))
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
