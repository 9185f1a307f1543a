//! One fetch per address, a bounded number at once, and a cache of what was found.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::fetch::Reach;
use crate::http::Client;
use crate::own;
use crate::resolve::{Resolver, SystemResolver};
use crate::{Page, PreviewError, SetupError};

/// What a [`Fetcher`] may reach, take and keep.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Networks that may be reached although they are not public. Default none.
    pub allow_ips: Vec<IpNet>,
    /// Ports beside 80 and 443. Default none.
    pub allow_ports: Vec<u16>,
    /// A PEM file of authorities that are trusted beside the system's.
    pub authorities: Option<PathBuf>,
    /// How requests name their sender.
    pub user_agent: String,
    /// For a page and its picture together. Default 10 s.
    pub within: Duration,
    /// For a connection to one address. Default 3 s.
    pub connect_within: Duration,
    /// Bytes of a page that are read. Default 512 KiB.
    pub html_bytes_max: usize,
    /// Bytes of a picture; a longer one is left out. Default 5 MB.
    pub image_bytes_max: usize,
    /// Fetches at once. Default 4: each may hold a picture.
    pub at_once_max: usize,
    /// Fetches under way, with those that wait for their turn. Default 64.
    pub under_way_max: usize,
    /// Pages and failures in the cache. Default 1024.
    pub cache_entries_max: usize,
    /// Bytes of those, with their pictures. Default 32 MiB.
    pub cache_bytes_max: usize,
    /// How long a page is shown without asking again. Default an hour.
    pub cache_for_s: u64,
    /// How long a link that failed is not tried again. Default a minute.
    pub failure_for_s: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            allow_ips: Vec::new(),
            allow_ports: Vec::new(),
            authorities: None,
            user_agent: "Mozilla/5.0 (compatible; RookeryBot/1.0)".to_owned(),
            within: Duration::from_secs(10),
            connect_within: Duration::from_secs(3),
            html_bytes_max: 512 << 10,
            image_bytes_max: 5_000_000,
            at_once_max: 4,
            under_way_max: 64,
            cache_entries_max: 1024,
            cache_bytes_max: 32 << 20,
            cache_for_s: 3600,
            failure_for_s: 60,
        }
    }
}

type Found = Result<Arc<Page>, PreviewError>;
type Fetch = Shared<BoxFuture<'static, Found>>;

/// Fetches pages for previews. Clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

struct Inner {
    setup: Setup,
    reach: Reach,
    turns: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A fetch lives as long as somebody waits for it.
    under_way: HashMap<String, WeakShared<BoxFuture<'static, Found>>>,
    kept: HashMap<String, Kept>,
    /// Keys of `kept`, the oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

struct Kept {
    found: Found,
    until_s: u64,
    cost: usize,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("setup", &self.inner.setup).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Resolves names as this machine does.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        Self::with_resolver(setup, Arc::new(SystemResolver))
    }

    /// Resolves names by `resolver`.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn with_resolver(setup: Setup, resolver: Arc<dyn Resolver>) -> Result<Self, SetupError> {
        let client = Client {
            tls: TlsConnector::from(Arc::new(trust::client_config(setup.authorities.as_deref())?)),
            user_agent: setup.user_agent.clone(),
            connect_within: setup.connect_within,
        };
        // Here it fails at the start, and not silently at each link.
        own::networks().map_err(SetupError::Interfaces)?;
        let reach = Reach {
            client,
            resolver,
            own: own::networks,
            allow_ips: setup.allow_ips.clone(),
            allow_ports: setup.allow_ports.clone(),
            html_bytes_max: setup.html_bytes_max,
            image_bytes_max: setup.image_bytes_max,
        };
        let turns = Semaphore::new(setup.at_once_max.max(1));
        let inner = Inner { setup, reach, turns, state: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What stands behind a link, at `now_s` (Unix time): from the cache, by a fetch that somebody
    /// else began, or by one of its own. It stops when nobody waits for it any more.
    ///
    /// # Errors
    /// [`PreviewError`]. A failure is kept for a while, too, but for `Busy` and for what the link
    /// itself is refused for, which costs no turn.
    pub async fn fetch(&self, url: &str, now_s: u64) -> Result<Arc<Page>, PreviewError> {
        let url = self.inner.reach.parse(url)?;
        let key = url.to_string();
        let fetch = {
            let mut state = self.inner.state.lock();
            if let Some(found) = state.kept(&key, now_s) {
                return found;
            }
            match state.under_way.get(&key).and_then(WeakShared::upgrade) {
                Some(fetch) => fetch,
                None => self.begin(&mut state, key, url, now_s)?,
            }
        };
        fetch.await
    }

    /// What stands at an address of `https`, for the node itself to read: never from the cache, and at
    /// most `bytes_max` of it.
    ///
    /// # Errors
    /// [`PreviewError`].
    pub async fn document(&self, url: &str, bytes_max: usize) -> Result<Bytes, PreviewError> {
        let url = self.inner.reach.parse(url)?;
        if url.scheme() != "https" {
            return Err(PreviewError::Url("not https"));
        }
        let fetch = async {
            let Ok(_turn) = self.inner.turns.acquire().await else {
                return Err(PreviewError::Busy);
            };
            self.inner.reach.document(url, bytes_max).await
        };
        timeout(self.inner.setup.within, fetch).await.unwrap_or(Err(PreviewError::Late))
    }

    /// Whether a host leads to nothing but what may be reached.
    ///
    /// # Errors
    /// [`PreviewError`].
    pub async fn may_reach(&self, host: &str) -> Result<(), PreviewError> {
        let look = self.inner.reach.host(host);
        timeout(self.inner.setup.within, look).await.unwrap_or(Err(PreviewError::Late))
    }

    fn begin(
        &self,
        state: &mut State,
        key: String,
        url: url::Url,
        now_s: u64,
    ) -> Result<Fetch, PreviewError> {
        state.under_way.retain(|_, fetch| fetch.upgrade().is_some());
        if state.under_way.len() >= self.inner.setup.under_way_max {
            return Err(PreviewError::Busy);
        }
        let inner = Arc::clone(&self.inner);
        let place = key.clone();
        let fetch = async move {
            let Ok(_turn) = inner.turns.acquire().await else { return Err(PreviewError::Busy) };
            let found = timeout(inner.setup.within, inner.reach.page(url)).await;
            let found = found.unwrap_or(Err(PreviewError::Late)).map(Arc::new);
            let mut state = inner.state.lock();
            state.under_way.remove(&key);
            state.keep(key, found.clone(), now_s, &inner.setup);
            found
        };
        let fetch = fetch.boxed().shared();
        if let Some(weak) = fetch.downgrade() {
            state.under_way.insert(place, weak);
        }
        Ok(fetch)
    }
}

impl State {
    fn kept(&self, key: &str, now_s: u64) -> Option<Found> {
        let kept = self.kept.get(key).filter(|kept| now_s < kept.until_s)?;
        Some(kept.found.clone())
    }

    fn keep(&mut self, key: String, found: Found, now_s: u64, setup: &Setup) {
        let (cost, for_s) = match &found {
            Ok(page) => (page.cost(), setup.cache_for_s),
            Err(_) => (key.len() + 512, setup.failure_for_s),
        };
        let kept = Kept { found, until_s: now_s.saturating_add(for_s), cost };
        if let Some(old) = self.kept.insert(key.clone(), kept) {
            self.bytes -= old.cost;
            self.order.retain(|other| *other != key);
        }
        self.order.push_back(key);
        self.bytes += cost;
        while self.kept.len() > setup.cache_entries_max || self.bytes > setup.cache_bytes_max {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.kept.remove(&oldest) {
                self.bytes -= gone.cost;
            }
        }
    }
}
