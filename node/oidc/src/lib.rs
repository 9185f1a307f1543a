//! Logging in by another service: a page that sends a browser to an OpenID provider, and shows the
//! number and a code for whoever comes back.
//!
//! `/login/oidc` begins a [`flows::Flow`] and redirects; `/login/oidc/callback` ends it: the state is
//! known, unused and this browser's (a cookie), the code is exchanged with the verifier that only the
//! node has (PKCE), and the ID token is for this client, this flow (nonce) and this moment. Core
//! then says which number the identity has.
//! Sources: <https://openid.net/specs/openid-connect-core-1_0.html>,
//! <https://www.rfc-editor.org/rfc/rfc9700>

mod flows;
mod pages;
mod provider;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use delivery::{Https, SetupError};
use node_core::{ByAddress, Clock, Core, Rate};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use flows::Flows;
use provider::Cached;

/// Where it begins.
pub const PATH: &str = "/login/oidc";

/// Where the provider sends the browser back to.
pub const CALLBACK_PATH: &str = "/login/oidc/callback";

/// Logins that one address may begin: so many at once, and so many more a second.
const BEGINS: Rate = Rate { burst: 20, per_second: 0.1 };

/// Bytes of an answer of the provider.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// The provider, and who of its people may join.
pub struct Setup {
    /// The node's name.
    pub node: String,
    /// `https://…`, as the provider says it.
    pub issuer: String,
    /// The node's id there.
    pub client_id: String,
    /// Its secret; none for a public client.
    pub client_secret: Option<Zeroizing<String>>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Groups of which one is needed to join; empty: none is.
    pub allowed_groups: Vec<String>,
    /// The claim that lists them.
    pub groups_claim: String,
    /// Domains of mail addresses of which a verified one is needed to join; empty: none is.
    pub allowed_domains: Vec<String>,
    /// PEM file with certificates that are trusted beside the system's.
    pub authorities: Option<PathBuf>,
    /// How long one exchange with the provider may take.
    pub within: Duration,
    /// Wall time.
    pub clock: Clock,
    /// Fills with randomness.
    pub random: fn(&mut [u8]),
}

/// The page and its state.
pub struct Oidc {
    core: Core,
    setup: Setup,
    https: Https,
    flows: Flows,
    provider: Mutex<Option<Cached>>,
    begins: ByAddress,
    /// `https://example.org`: known once the node listens.
    base: OnceLock<String>,
}

impl Oidc {
    /// Asks nothing of the provider yet: a node starts also while that is down.
    ///
    /// # Errors
    /// Unreadable certificates.
    pub fn new(core: Core, setup: Setup) -> Result<Arc<Self>, SetupError> {
        let https = Https::new(setup.authorities.as_deref(), setup.within, ANSWER_BYTES_MAX)?;
        Ok(Arc::new(Self {
            core,
            https,
            flows: Flows::default(),
            provider: Mutex::default(),
            begins: ByAddress::new(BEGINS),
            base: OnceLock::new(),
            setup,
        }))
    }

    /// Where browsers reach the node, without a path: the provider sends them back there.
    pub fn is_at(&self, base: &str) {
        // Set once: a node is at one place.
        let _ = self.base.set(base.trim_end_matches('/').to_owned());
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route(PATH, get(pages::begin))
            .route(CALLBACK_PATH, get(pages::come_back))
            .with_state(self.clone())
    }
}
