//! The bridge to the fediverse: public channels as actors that Mastodon users follow and answer.
//!
//! text and object (what is said, as HTML and documents) → sign, guard, client (requests, out and in)
//! → map (channels and posts as documents), plan and carry (what happens in a channel, into the
//! activity log), deliver (from there to other servers), serve (what they read), inbox (what they
//! say). What is kept, and who may what, is `node_core`'s.
//!
//! Source: <https://www.w3.org/TR/activitypub/>, and what servers do beside it.

mod actors;
mod carrier;
mod carry;
pub mod client;
mod deliver;
mod guard;
mod inbox;
mod map;
mod media;
mod object;
mod page;
mod plan;
mod queue;
mod serve;
mod shared;
mod sign;
#[cfg(test)]
mod testing;
mod text;

pub use carrier::{About, Carrier, Setup, StartError, Tasks};
pub use deliver::Metrics;
pub use guard::{CsvError, Listed, read_blocks, write_blocks};
pub use page::{Named, ShownComment, ShownFile, ShownPoll, ShownPost};
pub use sign::Scheme;
