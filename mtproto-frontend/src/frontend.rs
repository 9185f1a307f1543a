//! What every connection shares.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use blobs::Blobs;
use keys::{MasterKey, ServerKey};
use node_core::{Buckets, Core, Rate, UserId};
use node_store::Store;
use parking_lot::Mutex;
use pictures::Studio;
use preview::Fetcher;
use tokio::sync::Semaphore;

use crate::auth_keys::AuthKeys;
use crate::files::Files;
use crate::measure::{Calls, Exchanges};
use crate::previews::Previews;
use crate::rpc::ExportedLogins;
use crate::serve::{
    Admission, Handshakes, HttpExchanges, Hub, LargeFrames, Proxies, Refusal, Refusals, Sessions,
};
use crate::transport::Secrets;
use crate::turns::Turns;

/// Wall time in Unix milliseconds. The binary gives the system's, a test its own.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the node tells clients about itself.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Where clients are told to connect; empty: where each already did.
    pub public_addresses: Vec<SocketAddr>,
    /// ISO 3166-1 code preselected on the phone number screen.
    pub country: String,
    /// The DC number of clients that name none, 1 to 5.
    pub dc: i32,
    /// Whether `https` links can be promised.
    pub tls: bool,
    /// Where browsers reach the pages, for example `https://example.org`; none: at the listener for
    /// them.
    pub public_url: Option<String>,
    /// The page on which people of another service get codes: the path of its URL.
    pub login_path: Option<&'static str>,
}

impl Profile {
    /// `me_url_prefix`: what stock clients put before a username to make a link.
    /// `pages` are the listeners for browsers, `local` is where the client connected to.
    fn me_url_prefix(&self, pages: &[SocketAddr], local: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return format!("{}/", url.trim_end_matches('/'));
        }
        let reached = self.public_addresses.first().copied().unwrap_or(local);
        let ip = reached.ip().to_canonical();
        // The listener that the client can reach the same way; else any, since each takes HTTP.
        let serves =
            |page: &&SocketAddr| page.ip().is_unspecified() || page.ip().to_canonical() == ip;
        let address = pages.iter().find(serves).map(|page| SocketAddr::new(ip, page.port()));
        let address = address.unwrap_or(reached);
        let scheme = if self.tls { "https" } else { "http" };
        match (address.ip().to_canonical(), address.port()) {
            (ip, 80) if !self.tls => format!("{scheme}://{}/", host(ip)),
            (ip, 443) if self.tls => format!("{scheme}://{}/", host(ip)),
            (ip, port) => format!("{scheme}://{}:{port}/", host(ip)),
        }
    }
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// Bounds of the frontend; the binary documents them as `[limits]`.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Open connections in all.
    pub connections_max: usize,
    /// Open connections of one address.
    pub connections_per_address_max: usize,
    /// Key exchanges of one address.
    pub handshakes_per_address: Rate,
    /// Key exchanges waiting for a thread.
    pub handshakes_waiting_max: usize,
    /// Threads for key exchanges.
    pub handshake_threads: usize,
    /// Requests of one auth key.
    pub requests_per_key: Rate,
    /// Silence after which a connection closes.
    pub idle_timeout: Duration,
}

/// Everything the frontend needs from the rest of the node.
///
/// A node that has run before must not be set up in the second of its last write: messages are
/// taken from the begin of this second on, and none that an earlier run executed may be among them.
pub struct Setup {
    /// Wall time.
    pub clock: Clock,
    /// The rules of the node.
    pub core: Core,
    /// Where auth keys rest.
    pub store: Arc<dyn Store>,
    /// Seals them.
    pub master: Arc<MasterKey>,
    /// The RSA keys that clients may use, the preferred one first.
    pub server_keys: Vec<ServerKey>,
    /// MTProxy secrets.
    pub secrets: Secrets,
    /// Whether the RSA padding from before 2021 is accepted.
    pub old_rsa_padding: bool,
    /// Keys the salts; must stay the same over restarts.
    pub salt_secret: [u8; 32],
    /// What the node says of itself.
    pub profile: Profile,
    /// What one address, and all of them, may use.
    pub bounds: Bounds,
    /// Certificate and key for TLS in front of any protocol; `None` refuses TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whom the node believes where a client comes from.
    pub proxies: Proxies,
    /// What browsers get that ask for anything but MTProto; each request has a
    /// [`axum::extract::ConnectInfo`] with the address that it came from.
    pub pages: axum::Router,
    /// The bytes of files.
    pub blobs: Blobs,
    /// Makes pictures of them.
    pub studio: Studio,
    /// Fetches pages, where the operator wants previews of links.
    pub previews: Option<Fetcher>,
    /// Where it is kept which clients did not get through.
    pub refusals: Arc<Refusals>,
}

/// The shared state behind every connection.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) core: Core,
    pub(crate) files: Files,
    pub(crate) previews: Option<Previews>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) auth_keys: AuthKeys,
    pub(crate) sessions: Sessions,
    pub(crate) hub: Hub,
    pub(crate) handshakes: Handshakes,
    pub(crate) http_exchanges: HttpExchanges,
    pub(crate) admission: Admission,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) proxies: Proxies,
    pub(crate) calls: Calls,
    pub(crate) exchanges: Exchanges,
    pub(crate) large_frames: LargeFrames,
    /// Bytes of calls that wait for others: by `invokeAfterMsg`, or because they come one after another.
    pub(crate) waiting_bytes: Arc<Semaphore>,
    /// What is said in secret chats keeps its order.
    pub(crate) secret_turns: Turns,
    pub(crate) secrets: Secrets,
    pub(crate) salt_secret: [u8; 32],
    pub(crate) profile: Profile,
    /// The listeners for browsers, once there are any.
    pub(crate) page_listeners: OnceLock<Vec<SocketAddr>>,
    pub(crate) bounds: Bounds,
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
    pub(crate) exported_logins: ExportedLogins,
    pub(crate) request_limits: Mutex<Buckets<i64>>,
    pub(crate) search_limits: Mutex<Buckets<UserId>>,
    /// The begin of the second (unix milliseconds) in which this process started: messages from
    /// before are refused, so that a restart does not reopen replays. Not the moment itself:
    /// Pyrogram numbers its messages by whole seconds, and TDLib counts from the whole second that
    /// the key exchange told it.
    pub(crate) not_before_ms: u64,
}

impl Shared {
    pub(crate) fn new(setup: Setup) -> Arc<Self> {
        let not_before_ms = (setup.clock)() / 1000 * 1000;
        let bounds = setup.bounds;
        Arc::new(Self {
            auth_keys: AuthKeys::new(setup.store.clone(), setup.master),
            sessions: Sessions::default(),
            hub: Hub::default(),
            handshakes: Handshakes::new(setup.server_keys, setup.old_rsa_padding, &bounds),
            http_exchanges: HttpExchanges::default(),
            admission: Admission::new(&bounds),
            refusals: setup.refusals,
            proxies: setup.proxies,
            calls: Calls::default(),
            exchanges: Exchanges::default(),
            large_frames: LargeFrames::default(),
            waiting_bytes: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            secret_turns: Turns::default(),
            request_limits: Mutex::new(Buckets::new(bounds.requests_per_key, BUCKETS_MAX)),
            search_limits: Mutex::new(Buckets::new(SEARCHES, BUCKETS_MAX)),
            clock: setup.clock,
            core: setup.core,
            files: Files::new(setup.blobs, setup.studio),
            previews: setup.previews.map(Previews::new),
            store: setup.store,
            secrets: setup.secrets,
            salt_secret: setup.salt_secret,
            profile: setup.profile,
            page_listeners: OnceLock::new(),
            bounds,
            tls: setup.tls.map(Into::into),
            exported_logins: ExportedLogins::default(),
            not_before_ms,
        })
    }

    /// `me_url_prefix` for a client that connected to `local`.
    pub(crate) fn me_url_prefix(&self, local: SocketAddr) -> String {
        let pages = self.page_listeners.get().map_or(&[][..], Vec::as_slice);
        self.profile.me_url_prefix(pages, local)
    }

    /// A client did not get through.
    pub(crate) fn refused(&self, from: SocketAddr, why: Refusal) {
        self.refusals.note(from, why, self.now_ms());
    }

    /// Bytes of calls that wait for others.
    pub(crate) fn waiting_call_bytes(&self) -> u64 {
        WAITING_BYTES_MAX.saturating_sub(self.waiting_bytes.available_permits()) as u64
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

/// Buckets of one table. Protects memory: 50 bytes each.
const BUCKETS_MAX: usize = 50_000;

/// Bytes of all calls that wait for others. Protects memory: clients let texts wait, which are small.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Searches of one member. A client asks two or three times for each pause of who types; one
/// search may look at a hundred thousand messages.
const SEARCHES: Rate = Rate { burst: 200, per_second: 2.0 };

#[cfg(test)]
impl Bounds {
    /// Small bounds for unit tests.
    pub(crate) fn for_tests() -> Self {
        Self {
            connections_max: 100,
            connections_per_address_max: 100,
            handshakes_per_address: Rate { burst: 100, per_second: 100.0 },
            handshakes_waiting_max: 16,
            handshake_threads: 1,
            requests_per_key: Rate { burst: 100, per_second: 100.0 },
            idle_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_where_a_client_can_reach_the_pages() {
        let profile = Profile {
            name: "Rookery".into(),
            public_addresses: Vec::new(),
            country: "US".into(),
            dc: 2,
            tls: false,
            public_url: None,
            login_path: None,
        };
        let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let local = at("192.0.2.7:10443");
        let prefix = |pages: &[&str]| {
            let pages: Vec<SocketAddr> = pages.iter().map(|page| at(page)).collect();
            profile.me_url_prefix(&pages, local)
        };
        assert_eq!(prefix(&["0.0.0.0:8080"]), "http://192.0.2.7:8080/");
        assert_eq!(prefix(&["127.0.0.1:1", "192.0.2.7:80"]), "http://192.0.2.7/");
        assert_eq!(prefix(&["127.0.0.1:1"]), "http://192.0.2.7:10443/", "each listener takes HTTP");
        assert_eq!(prefix(&[]), "http://192.0.2.7:10443/");
        let behind = Profile { public_addresses: vec![at("203.0.113.1:443")], ..profile.clone() };
        let prefix = behind.me_url_prefix(&[at("[::]:8080")], local);
        assert_eq!(prefix, "http://203.0.113.1:8080/");
        let named = Profile { public_url: Some("https://example.org".into()), ..profile };
        assert_eq!(named.me_url_prefix(&[], local), "https://example.org/");
    }
}
