//! Logins that have begun, by their state. In memory: a restart ends them, and the person begins
//! again.

use std::collections::HashMap;

use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How long somebody may be away at the provider.
pub(crate) const LIFETIME_MS: u64 = 10 * 60 * 1000;

/// Logins at once. Protects memory: 500 bytes each.
const FLOWS_MAX: usize = 2000;

/// Bytes of randomness in each secret.
const SECRET_BYTES: usize = 32;

/// What the node remembers of a login that has begun.
pub(crate) struct Flow {
    /// In the ID token, if it is for this login.
    pub(crate) nonce: String,
    /// What the code is exchanged with (PKCE).
    pub(crate) verifier: Zeroizing<String>,
    /// In the browser's cookie.
    browser: String,
    expires_ms: u64,
}

/// What goes out when a login begins.
pub(crate) struct Begun {
    pub(crate) state: String,
    pub(crate) browser: String,
    pub(crate) nonce: String,
    pub(crate) verifier: Zeroizing<String>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Flows(Mutex<HashMap<String, Flow>>);

impl Flows {
    /// A new one; none when too many have begun.
    pub(crate) fn begin(&self, now_ms: u64, random: fn(&mut [u8])) -> Option<Begun> {
        let secret = || {
            let mut bytes = [0; SECRET_BYTES];
            random(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let begun = Begun {
            state: secret(),
            browser: secret(),
            nonce: secret(),
            verifier: Zeroizing::new(secret()),
        };
        let mut flows = self.0.lock();
        if flows.len() >= FLOWS_MAX {
            flows.retain(|_, flow| flow.expires_ms > now_ms);
            if flows.len() >= FLOWS_MAX {
                return None;
            }
        }
        let flow = Flow {
            nonce: begun.nonce.clone(),
            verifier: begun.verifier.clone(),
            browser: begun.browser.clone(),
            expires_ms: now_ms + LIFETIME_MS,
        };
        flows.insert(begun.state.clone(), flow);
        Some(begun)
    }

    /// Ends one: it is known, not too old, and of this browser. A state is good once.
    pub(crate) fn end(&self, state: &str, browser: &str, now_ms: u64) -> Option<Flow> {
        let mut flows = self.0.lock();
        let flow = flows.get(state)?;
        // Another browser must not end it for this one.
        let same: bool = flow.browser.as_bytes().ct_eq(browser.as_bytes()).into();
        if !same {
            return None;
        }
        flows.remove(state).filter(|flow| flow.expires_ms > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Never the same twice, whatever other tests draw meanwhile.
    fn random(bytes: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.chunks_mut(next.len()).for_each(|chunk| chunk.copy_from_slice(&next[..chunk.len()]));
    }

    #[test]
    fn a_login_ends_once_in_time_and_in_its_browser() {
        let flows = Flows::default();
        let begun = flows.begin(0, random).unwrap();
        let other = flows.begin(0, random).unwrap();
        assert_ne!(begun.state, other.state);
        assert!(flows.end("unknown", &begun.browser, 1).is_none());
        assert!(flows.end(&begun.state, &other.browser, 1).is_none(), "another browser");
        assert!(flows.end(&begun.state, "", 1).is_none(), "no cookie");
        let flow = flows.end(&begun.state, &begun.browser, 1).unwrap();
        assert_eq!((&flow.nonce, &flow.verifier), (&begun.nonce, &begun.verifier));
        assert!(flows.end(&begun.state, &begun.browser, 1).is_none(), "used");
        assert!(flows.end(&other.state, &other.browser, LIFETIME_MS).is_none(), "too old");
    }

    #[test]
    fn logins_at_once_are_bounded_and_old_ones_make_room() {
        let flows = Flows::default();
        for _ in 0..FLOWS_MAX {
            assert!(flows.begin(0, random).is_some());
        }
        assert!(flows.begin(1, random).is_none());
        assert!(flows.begin(LIFETIME_MS, random).is_some());
    }
}
