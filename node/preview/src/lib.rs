//! Fetches a page to show a preview of a link, and reaches nothing that is not public.
//!
//! address (which ones are public) and own (which are this machine's neighbours) → resolve (names
//! to addresses, ours to check) → http (one request to one checked address, bounded) → fetch
//! (redirects, the whole in its time) → text and meta (what a page says of itself) → fetcher (one
//! fetch per address, a cache).
//!
//! An operator switches it on: each preview tells a site that somebody here got its address, and
//! makes this machine a client of whatever members name. What that could reach (the machine itself,
//! its network, the metadata service of its cloud) is refused by address and not by name: a name is
//! resolved once, by us, and the connection goes to the address that was checked. The same goes for
//! each redirect and for the picture. No cookie and no referrer is sent, and nothing is compressed,
//! so that a byte on the wire is a byte in memory.

mod address;
mod error;
mod fetch;
mod fetcher;
mod http;
mod meta;
mod own;
mod page;
mod resolve;
mod text;

pub use address::is_public;
pub use error::{PreviewError, SetupError};
pub use fetcher::{Fetcher, Setup};
pub use page::{Image, Kind, Page};
pub use resolve::{Resolver, Resolving, SystemResolver};
