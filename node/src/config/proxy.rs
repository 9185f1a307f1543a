//! `[proxy]`: machines that hand clients on.

use anyhow::Context as _;
use mtproto_frontend::{ForwardedBy, Proxies};
use serde::Deserialize;

/// `[proxy]`: load balancers and web servers in front of the node. Limits, sessions and logs then see
/// the addresses of clients and not theirs.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProxyConfig {
    /// Addresses and networks that are believed where a client comes from, for example
    /// `["127.0.0.1", "10.0.0.0/8"]`. A connection from there may begin with a PROXY header, version 1
    /// or 2, whatever is spoken after it; without one it counts as the proxy's own, and the header of
    /// HTTP counts (`header`). Name only what writes one of the two on every connection itself: whoever
    /// gets through such an address without, could say to come from anywhere. From any other address
    /// both are ignored. Default: none.
    pub(crate) trusted: Vec<String>,
    /// The header by which trusted addresses name the clients of HTTP: `x-forwarded-for` or
    /// `forwarded` (RFC 7239). The other is ignored. Default `x-forwarded-for`.
    pub(crate) header: ForwardedHeader,
}

/// See [`ProxyConfig::header`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardedHeader {
    #[default]
    XForwardedFor,
    Forwarded,
}

impl ProxyConfig {
    /// For the frontend.
    ///
    /// # Errors
    /// What is neither an address nor a network.
    pub(crate) fn proxies(&self) -> anyhow::Result<Proxies> {
        let network = |text: &String| {
            // An address is a network of one.
            let address = text.parse::<std::net::IpAddr>().map(Into::into);
            let parsed = address.or_else(|_| text.parse());
            parsed.with_context(|| format!("proxy.trusted: {text:?} is no address or network"))
        };
        Ok(Proxies {
            trusted: self.trusted.iter().map(network).collect::<anyhow::Result<_>>()?,
            forwarded: match self.header {
                ForwardedHeader::XForwardedFor => ForwardedBy::XForwardedFor,
                ForwardedHeader::Forwarded => ForwardedBy::Forwarded,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::from_text;

    #[test]
    fn addresses_and_networks_are_trusted_and_nothing_else_is_one() {
        let proxies = |text: &str| from_text(text, &[]).and_then(|found| found.proxy.proxies());
        assert!(proxies("").unwrap().trusted.is_empty());
        let found = proxies("[proxy]\ntrusted = ['127.0.0.1', '2001:db8::/32']\n").unwrap();
        let named: Vec<_> = found.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["127.0.0.1/32", "2001:db8::/32"]);
        assert!(proxies("[proxy]\ntrusted = ['proxy.example.org']\n").is_err());
        assert!(proxies("[proxy]\ntrusted = ['10.0.0.0/33']\n").is_err());
        assert!(proxies("[proxy]\nheader = 'x-real-ip'\n").is_err());
    }
}
