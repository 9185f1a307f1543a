//! What the public pages show of this node.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use mtproto_frontend::Clock;
use node_core::{ByAddress, Core, Rate};
use web::{About, Pages, Profile, Registration};

use crate::client_config::Ready;
use crate::config::{Config, RegistrationMode};
use crate::federation::Federation;

/// Pages of people that one address may open: so many at once, and one more a second.
const LOOK_UPS: Rate = Rate { burst: 60, per_second: 1.0 };

/// The node, as browsers see it.
pub(crate) struct Site {
    core: Core,
    clock: Clock,
    name: String,
    registration: Registration,
    /// Where people of another service log in.
    login: Option<&'static str>,
    /// Known once the node listens.
    ready: OnceLock<Ready>,
    look_ups: ByAddress,
    /// None where other nodes are not reached.
    federation: Option<Arc<Federation>>,
}

impl Site {
    pub(crate) fn new(
        core: Core,
        clock: Clock,
        config: &Config,
        federation: Option<Arc<Federation>>,
    ) -> Self {
        Self {
            core,
            clock,
            name: config.node.name.clone(),
            registration: match config.registration.mode {
                RegistrationMode::Invite => Registration::Invite,
                RegistrationMode::Open => Registration::Open,
                RegistrationMode::Closed => Registration::Closed,
            },
            login: config.oidc.as_ref().map(|_| oidc::PATH),
            ready: OnceLock::new(),
            look_ups: ByAddress::new(LOOK_UPS),
            federation,
        }
    }

    /// The node listens, and this is how it is reached.
    pub(crate) fn is_ready(&self, ready: &Ready) {
        // Set once; a second start of one process does not happen.
        let _ = self.ready.set(Ready { owner: None, ..ready.clone() });
    }
}

impl Pages for Site {
    fn about(&self) -> About {
        let ready = self.ready.get();
        let text =
            |of: fn(&Ready) -> &String| ready.map_or(String::new(), |ready| of(ready).clone());
        About {
            name: self.name.clone(),
            registration: self.registration,
            mtproto: text(|ready| &ready.mtproto),
            dc: ready.map_or(0, |ready| ready.dc),
            rsa_fingerprint: text(|ready| &ready.rsa_fingerprint),
            rsa_pem: text(|ready| &ready.rsa_pem),
            login: self.login,
        }
    }

    fn profile(&self, username: &str) -> Option<Profile> {
        let found = self.core.public_profile(username);
        let found = found.inspect_err(|cause| tracing::warn!(%cause, "a page is not shown"));
        let member = found.ok()??;
        Some(Profile {
            id: member.id.0,
            name: member.name,
            username: member.username,
            about: member.about,
        })
    }

    fn binding(&self) -> Option<String> {
        self.federation.as_ref().map(|federation| federation.document())
    }

    fn may_look_up(&self, from: Option<SocketAddr>) -> bool {
        self.look_ups.may(from, (self.clock)())
    }
}
