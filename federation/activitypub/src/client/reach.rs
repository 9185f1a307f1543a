//! What may be asked: by its address, and by where its name leads at the moment of connecting.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use preview::{Resolver, is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Bytes of an address.
const URL_BYTES_MAX: usize = 2048;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 3;

/// Why an address is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(pub(crate) &'static str);

/// Which URLs may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) plain_http: bool,
    pub(crate) allow_ports: Vec<u16>,
}

impl Reach {
    /// Reads a URL, without its fragment, and refuses what no server of the fediverse is at.
    pub(crate) fn parse(&self, url: &str) -> Result<Url, UrlError> {
        if url.len() > URL_BYTES_MAX {
            return Err(UrlError("too long"));
        }
        let mut url = Url::parse(url).map_err(|_| UrlError("not an address"))?;
        url.set_fragment(None);
        self.check(&url)?;
        Ok(url)
    }

    pub(crate) fn check(&self, url: &Url) -> Result<(), UrlError> {
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http => {}
            _ => return Err(UrlError("not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError("it has a name or a password"));
        }
        if url.port().is_some_and(|port| !self.allow_ports.contains(&port)) {
            return Err(UrlError("a port"));
        }
        match url.host() {
            // The parser has read numbers in every notation that connecting would.
            Some(Host::Domain(name)) if name.parse::<IpAddr>().is_err() => Ok(()),
            _ => Err(UrlError("no name of a host")),
        }
    }
}

/// Resolves the names that the HTTP client connects to: what it gets has been checked, and a
/// connection is made to nothing else.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) allow_ips: Arc<[IpNet]>,
}

impl Checked {
    fn may_reach(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        is_public(address) || self.allow_ips.iter().any(|network| network.contains(&plain))
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = this.resolver.resolve(name.as_str()).await?;
            // A name that leads to both kinds is refused whole: nobody means that.
            let inside = found.iter().any(|address| !this.may_reach(*address));
            if inside || found.is_empty() {
                let why = if inside { "an address that is not public" } else { "no address" };
                return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why).into());
            }
            let found = found.into_iter().take(ADDRESSES_MAX);
            let addresses: Addrs = Box::new(found.map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
