//! Why there is no preview.

use std::net::IpAddr;

/// Why a fetcher cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The file of authorities cannot be read.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// This machine does not tell its own addresses, so they could not be refused.
    #[error("the addresses of this machine cannot be listed")]
    Interfaces(#[source] std::io::Error),
}

/// Why there is no preview of a link. Clients are told none of this: they see a message without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// Not an address of the web, or one with a password or a port that nobody needs.
    #[error("{0}")]
    Url(&'static str),
    /// The name has no address.
    #[error("the name does not resolve")]
    Resolve,
    /// It leads to something that is not public, or to this machine's own networks.
    #[error("{0} is not public")]
    Address(IpAddr),
    /// Which networks are this machine's own cannot be told any more.
    #[error("the addresses of this machine cannot be listed")]
    Interfaces,
    /// Nobody answers there, or not in HTTP.
    #[error("connection: {0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// More redirects than are followed.
    #[error("too many redirects")]
    Redirects,
    /// From https back to http.
    #[error("redirected from https to http")]
    Downgrade,
    /// An answer without a page.
    #[error("status {0}")]
    Status(u16),
    /// Neither a page nor a picture.
    #[error("not a page")]
    ContentType,
    /// It is compressed, though we asked for it not to be.
    #[error("compressed unasked")]
    Encoded,
    /// More bytes than are read.
    #[error("too long")]
    TooLong,
    /// A page that says nothing of itself.
    #[error("nothing to show")]
    Empty,
    /// Too many fetches are under way.
    #[error("too many previews are under way")]
    Busy,
}
