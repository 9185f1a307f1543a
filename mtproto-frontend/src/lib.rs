//! Serves Telegram clients: bytes on a socket in, answers and updates out.
//!
//! transport (framing) → exchange (auth key) → session (msg_id, salts, acks) → rpc (methods).
//! All of them are sans-I/O: bytes and a time in, bytes and calls out. Only `serve` touches
//! sockets, the clock and randomness.

mod auth_keys;
mod bundled;
pub mod exchange;
mod files;
mod frontend;
mod measure;
mod previews;
mod project;
mod rpc;
mod serve;
pub mod session;
mod sharded;
pub mod transport;
mod turns;

pub use bundled::store_bundled;
pub use frontend::{Bounds, Clock, Profile, Setup};
pub use measure::{BUCKETS_US, CallCounts, Load, Watch};
pub use node_core::Rate;
pub use rpc::{Guard, MethodRow, Rate as RateClass, Size, method_rows};
pub use serve::{
    Certificate, Certificates, ForwardedBy, Frontend, Proxies, Refusal, Refusals, Refused, TlsError,
};
pub use transport::Secrets;

/// Randomness at the edge: everything below takes it as an argument.
#[expect(clippy::disallowed_methods, reason = "the I/O edge owns randomness")]
fn rng() -> rand::rngs::ThreadRng {
    rand::rng()
}
