//! The generator's clock, in one place.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since 1970.
pub fn since_epoch() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a client of its own process owns its clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A reading of the monotonic clock.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a client of its own process owns its clock")]
    let now = Instant::now();
    now
}
