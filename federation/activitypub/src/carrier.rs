//! The bridge as a whole: started by the binary, asked by its commands and pages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use blobs::Blobs;
use ipnet::IpNet;
use keys::http_signature::HttpSigningKey;
use node_core::{
    ActorKind, BlockSeverity, BridgeError, BridgeKeys, BridgeSettings, BridgeStage, BridgeState,
    ChannelId, Cid, Core, CoreError, CoreResult, HostBlock, NewBridge, UserId,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::carry::Dirty;
use crate::client::{self, Client, SigningPool, Verifier};
use crate::deliver::{self, ClientPost, SignerOf, Worker};
use crate::guard::{self, Allowed, Guard, IsBlocked};
use crate::object::{Ids, Place};
use crate::queue::Kept;
use crate::shared::{Running, Shared, State, signing};
use crate::{actors, carry, map, serve};

/// Activities of one server: so many at once, and so many a minute.
const INBOX: guard::Rate = guard::Rate { burst: 120, per_minute: 300, hosts_max: 10_000 };
/// Threads that sign: RSA takes a millisecond each.
const SIGNERS: usize = 2;

/// How the node is known in the fediverse.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The host in all its addresses.
    pub host: String,
    /// The domain in handles.
    pub handle_domain: String,
    /// `http` is spoken: closed networks.
    pub plain_http: bool,
    /// Networks that are reached though they are not public: closed networks.
    pub allow_ips: Vec<IpNet>,
    /// The only servers that are heard and told, with all below their names; none: all are.
    pub allowed_hosts: Option<Vec<String>>,
    /// Certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Objects are shown to servers only that sign.
    pub secure_mode: bool,
    /// Servers that are delivered to at once.
    pub deliveries_at_once: usize,
    /// Bytes of a file that others get.
    pub media_bytes_max: u64,
    /// What the node says of itself.
    pub about: About,
    /// Another host than before is taken.
    pub change_host: bool,
}

/// What the node says of itself.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// What it is called.
    pub name: String,
    /// Who runs it; may be empty.
    pub operator: String,
    /// Where abuse is told of.
    pub contact: Option<String>,
    /// What members agree to.
    pub rules: Vec<String>,
    /// Anybody may join.
    pub open_registrations: bool,
}

/// Why the bridge does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The host or the domain is none.
    #[error("[activitypub] host or handle_domain is no domain")]
    Host,
    /// Channels are known under other addresses.
    #[error(
        "channels of this node are known under {before} ([activitypub] host and handle_domain): others \
         lose their followers (change_host = true takes them all the same)"
    )]
    Moved {
        /// The host and the domain of their handles, as they are known.
        before: String,
    },
    /// How others are reached.
    #[error(transparent)]
    Client(#[from] client::SetupError),
    /// The rules, or the store.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// What is kept of deliveries cannot be read.
    #[error("deliveries: {0}")]
    Queue(String),
    /// A key cannot be made.
    #[error("no key can be made")]
    Key,
}

/// The tasks of the bridge: they end when they are aborted.
#[derive(Debug)]
pub struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    /// Ends them.
    pub fn abort(&self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// The bridge.
pub struct Carrier {
    pub(crate) shared: Arc<Shared>,
}

impl Carrier {
    /// Starts it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        setup: Setup,
        core: Core,
        blobs: Blobs,
        mut rng: StdRng,
    ) -> Result<(Arc<Self>, Tasks), StartError> {
        let allow_ips = setup.allow_ips;
        let scheme = if setup.plain_http { "http" } else { "https" };
        let base = format!("{scheme}://{}", setup.host);
        let ids = Ids::new(&base, &setup.handle_domain).ok_or(StartError::Host)?;
        let known = format!("{} {}", setup.host, setup.handle_domain);
        let before = core.keep_bridge_host(known.clone(), setup.change_host).await?;
        if before != known {
            return Err(StartError::Moved { before });
        }
        core.keep_bridge_base(ids.base().to_owned()).await?;
        let keys = match core.node_actor_keys()? {
            Some(keys) => keys,
            None => core.keep_node_actor_keys(new_keys(&mut rng).await?).await?,
        };
        let node = signing(&ids, &Place::Node, &keys)?;
        let is_blocked = is_blocked(&core, Allowed::only(setup.allowed_hosts.as_deref()));
        let brought = core.clone();
        let guard = Guard::new(&setup.host, setup.plain_http, is_blocked.clone(), INBOX)
            .and_of(Arc::new(move |host| brought.bridges_at(host)));
        let to = client::Setup {
            host: setup.host.clone(),
            plain_http: setup.plain_http,
            allow_ips: allow_ips.clone(),
            ..client::Setup::default()
        };
        let clock = core.clone();
        let client = Client::new(
            to,
            setup.ca_file.as_deref(),
            node.signer.clone(),
            SigningPool::new(SIGNERS, StdRng::from_rng(&mut rng)),
            is_blocked,
            Arc::new(move || clock.now_ms()),
        )?;
        let shared = Arc::new(Shared {
            core: core.clone(),
            blobs,
            ids,
            client,
            guard,
            node,
            about: setup.about,
            media_bytes_max: setup.media_bytes_max,
            secure_mode: setup.secure_mode,
            dirty: Dirty::default(),
            state: State::default(),
        });
        let kept = Arc::new(Kept::open(core.clone()).await?);
        let post = ClientPost { client: shared.client.clone(), signer_of: signer_of(&shared) };
        let clock = core.clone();
        let worker = Worker::new(
            kept.clone(),
            Arc::new(post),
            deliver::Setup { concurrency: setup.deliveries_at_once },
            Arc::new(move || clock.now_ms()),
            StdRng::from_rng(&mut rng),
        );
        let worker = worker.await.map_err(|cause| StartError::Queue(cause.0))?;
        let is_closed = setup.plain_http || !allow_ips.is_empty();
        let federation = actors::federation(shared.clone(), &setup.host, is_closed).await;
        let federation = federation.map_err(StartError::Queue)?;
        let verifier = Verifier::new(shared.client.clone());
        shared.runs(Running { kept, deliveries: worker.handle(), federation, verifier });
        core.follow(Arc::new(carry::Ear(shared.clone())));
        let tasks = vec![
            tokio::spawn(carry::run(shared.clone())),
            tokio::spawn(worker.run()),
            tokio::spawn(tidy(core)),
        ];
        Ok((Arc::new(Self { shared }), Tasks(tasks)))
    }

    /// What other servers ask for.
    pub fn router(&self) -> Router {
        serve::router(self.shared.clone())
    }

    /// Bridges a channel; nobody asks: the operator does.
    ///
    /// # Errors
    /// Those of [`Core::bridge_on`].
    pub async fn switch_on(&self, by: Option<UserId>, channel: ChannelId) -> CoreResult<()> {
        let core = &self.shared.core;
        let by = match by {
            Some(by) => by,
            None => core.channel(channel).ok_or(CoreError::UnknownChannel)?.creator,
        };
        let before = core.bridge(channel);
        let settings = before.as_ref().map_or_else(BridgeSettings::default, |b| b.settings.clone());
        let kind = before.as_ref().map_or(ActorKind::Service, |bridge| bridge.kind);
        #[expect(clippy::disallowed_methods, reason = "keys are made of the system's randomness")]
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let keys = new_keys(&mut rng).await.map_err(|_| CoreError::Busy)?;
        core.bridge_on(by, channel, NewBridge { kind, keys, settings }).await?;
        self.shared.forget_signing(channel);
        if let Some(BridgeState::Off { since }) = before.map(|before| before.state) {
            carry::tell_gone(&self.shared, channel, since).await?;
        }
        Ok(())
    }

    /// The id of a channel's actor.
    #[must_use]
    pub fn actor(&self, cid: &Cid) -> String {
        self.shared.actor(cid)
    }

    /// `user@domain` of a channel.
    #[must_use]
    pub fn handle(&self, channel: ChannelId) -> Option<String> {
        let bridge = self.shared.core.bridge(channel)?;
        let name = map::name_of(&self.shared, &bridge);
        let handle = self.shared.ids_of(&bridge.cid).handle(&name);
        Some(handle.trim_start_matches('@').to_owned())
    }

    /// Where the pages and actors of this node are.
    #[must_use]
    pub fn base(&self) -> &str {
        self.shared.ids.base()
    }

    /// Servers for which something waits or that fail, the worst first: at most 1,000.
    #[must_use]
    pub fn queue(&self) -> Value {
        let Some(running) = self.shared.running() else { return json!([]) };
        let hosts = running.deliveries.hosts(QUEUE_SHOWN);
        let shown = hosts.into_iter().map(|host| {
            json!({
                "host": host.host,
                "waiting": host.lag,
                "fails": host.fails,
                "failing_since": host.fail_since_ms.map(|at| at / 1000),
                "last_error": host.trouble,
                "next_try": host.next_try_ms.map(|at| at / 1000),
                "state": host.state.name(),
            })
        });
        Value::Array(shown.collect())
    }

    /// How deliveries are doing, if they have begun.
    #[must_use]
    pub fn metrics(&self) -> Option<deliver::Metrics> {
        self.shared.running().map(|running| running.deliveries.metrics())
    }

    /// Comments that wait for an admin.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn held(&self, channel: ChannelId) -> CoreResult<Value> {
        let held = self.shared.core.bridge_held(channel).await?;
        let shown = held.into_iter().map(|comment| {
            json!({ "object": comment.object, "by": comment.actor, "text": comment.text.text })
        });
        Ok(Value::Array(shown.collect()))
    }

    /// Blocks servers, whatever form their names are in. Who is suspended follows nothing any more, and
    /// what waits for it is not sent.
    ///
    /// # Errors
    /// Those of [`Core::block_hosts`], also for what is no name.
    pub async fn block(&self, blocks: Vec<HostBlock>) -> CoreResult<()> {
        let mut named = Vec::with_capacity(blocks.len());
        for block in blocks {
            let host = guard::domain(&block.host).ok_or(BridgeError::Invalid("host"))?;
            named.push(HostBlock { host, ..block });
        }
        self.shared.core.block_hosts(named).await?;
        match self.shared.running() {
            Some(running) => {
                running.kept.drop_blocked(&self.shared.guard, &running.deliveries).await
            }
            None => Ok(()),
        }
    }

    /// Blocks one no longer; whether it was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unblock(&self, host: String) -> CoreResult<bool> {
        let host = guard::domain(&host).ok_or(BridgeError::Invalid("host"))?;
        self.shared.core.unblock_host(host).await
    }
}

/// Servers that are listed.
const QUEUE_SHOWN: usize = 1000;
/// Activities and what was seen are kept for so long.
const KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// Actors that nobody needed for so long are fetched again.
const ACTORS_KEPT_MS: u64 = 90 * 24 * 3_600_000;
/// What is old is looked for this often.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// Forgets what is old.
async fn tidy(core: Core) {
    loop {
        let now_ms = core.now_ms();
        let kept = now_ms.saturating_sub(KEPT_MS);
        let done = async {
            core.prune_outgoing_before(kept).await?;
            core.prune_seen(kept).await?;
            core.prune_early_deletions().await?;
            core.prune_remote_actors(now_ms.saturating_sub(ACTORS_KEPT_MS)).await
        };
        if let Err(cause) = done.await {
            tracing::warn!(%cause, "what is old of the bridge stays for now");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}

/// With what each channel signs what it sends.
fn signer_of(shared: &Arc<Shared>) -> SignerOf {
    let shared = Arc::downgrade(shared);
    Arc::new(move |cid| {
        let shared = shared.upgrade()?;
        let bridge = shared.core.bridge_by_cid(cid)?;
        if bridge.stage == BridgeStage::Given {
            return None;
        }
        let signing = shared.signing(bridge.channel);
        let failed = |cause: &CoreError| tracing::warn!(%cause, "a channel cannot sign");
        Some(signing.inspect_err(failed).ok()?.signer)
    })
}

/// What is neither heard nor told: hosts that are suspended, and where only some are served, all others.
fn is_blocked(core: &Core, allowed: Allowed) -> IsBlocked {
    let core = core.clone();
    let suspended = |block: HostBlock| block.severity == BlockSeverity::Suspend;
    Arc::new(move |host| !allowed.has(host) || core.host_block(host).is_some_and(suspended))
}

/// Keys of an actor: RSA takes up to a second.
async fn new_keys(rng: &mut StdRng) -> Result<BridgeKeys, StartError> {
    let mut own = StdRng::from_rng(rng);
    let made = tokio::task::spawn_blocking(move || {
        let rsa = HttpSigningKey::generate(&mut own).map_err(|_| StartError::Key)?;
        let pem = rsa.to_pkcs8_pem().map_err(|_| StartError::Key)?;
        let seed: [u8; 32] = own.random();
        Ok(BridgeKeys { rsa: pem.as_bytes().to_vec(), ed25519: seed.to_vec() })
    });
    made.await.map_err(|_| StartError::Key)?
}
