//! Requests to other servers: signed, bounded, and to nothing that is not public.
//!
//! reach (which addresses may be asked, checked again where the connection is made) → signing (on a
//! bounded pool) → get (redirects, ids) and post (two knocks); verify asks whose signature came in. [`Client::for_federation`] puts the
//! same behind the interface that `activitypub_federation` wants.

mod get;
mod middleware;
mod post;
mod reach;
mod signing;
mod verify;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use preview::{Resolver, SystemResolver};
use tokio::sync::Semaphore;

pub use crate::guard::IsBlocked;
use crate::sign::SignatureError;

pub use get::{Document, FetchError, Fetched};
pub use post::Outcome;
pub use reach::UrlError;
pub use signing::{Signer, SigningPool};
pub(crate) use verify::Verifier;

use reach::{Checked, Reach};

/// Bytes of a document.
pub const JSON_BYTES_MAX: usize = 1 << 20;

/// Wall time in Unix milliseconds. The binary gives the system's, a test its own.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How other servers are reached.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Our host, as it stands in ids.
    pub host: String,
    /// The node's version.
    pub version: String,
    /// Whether `http` is spoken too: for closed networks.
    pub plain_http: bool,
    /// Networks that are reached though they are not public: for closed networks.
    pub allow_ips: Vec<IpNet>,
    /// Ports that addresses may name: for closed networks. Default: none.
    pub allow_ports: Vec<u16>,
    /// Time to connect. Default 10 s.
    pub connect_within: Duration,
    /// Time of one request with all its redirects. Default 30 s.
    pub within: Duration,
    /// Documents that are fetched at once. Default 16: unknown actors must not cost everything.
    pub fetches_max: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plain_http: false,
            allow_ips: Vec::new(),
            allow_ports: Vec::new(),
            connect_within: Duration::from_secs(10),
            within: Duration::from_secs(30),
            fetches_max: 16,
        }
    }
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The file of authorities cannot be read.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// The HTTP client does not take its settings.
    #[error("HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Asks and tells other servers. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    reach: Reach,
    /// The node's own actor, who asks.
    node: Signer,
    pool: SigningPool,
    is_blocked: IsBlocked,
    clock: Clock,
    within: Duration,
    fetches: Semaphore,
}

impl Client {
    /// Makes a client that asks as `node` and trusts the system's authorities and those in `trust_file`.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(
        setup: Setup,
        trust_file: Option<&Path>,
        node: Signer,
        pool: SigningPool,
        is_blocked: IsBlocked,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let resolver = Arc::new(SystemResolver);
        Self::with_resolver(setup, trust_file, node, pool, is_blocked, clock, resolver)
    }

    /// As [`Client::new`], with another resolver of names. What it answers is checked.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn with_resolver(
        setup: Setup,
        trust_file: Option<&Path>,
        node: Signer,
        pool: SigningPool,
        is_blocked: IsBlocked,
        clock: Clock,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, SetupError> {
        let checked = Checked { resolver, allow_ips: setup.allow_ips.clone().into() };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trust::client_config(trust_file)?)
            .user_agent(format!("Rookery/{} (+https://{}/)", setup.version, setup.host))
            .dns_resolver(Arc::new(checked))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .https_only(!setup.plain_http)
            .http1_only()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(60))
            .connect_timeout(setup.connect_within)
            .timeout(setup.within)
            .build()
            .map_err(SetupError::Client)?;
        let reach = Reach { plain_http: setup.plain_http, allow_ports: setup.allow_ports };
        Ok(Self(Arc::new(Inner {
            http,
            reach,
            node,
            pool,
            is_blocked,
            clock,
            within: setup.within,
            fetches: Semaphore::new(setup.fetches_max),
        })))
    }
}

/// A request could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign: {0}")]
pub struct SignError(String);

impl From<SignatureError> for SignError {
    fn from(error: SignatureError) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests;
