//! Domains of nodes: what a domain says at its well-known place, and nodes that are brought by it.
//!
//! Only the operator brings nodes. A domain that a client types is looked for among those that were
//! brought, and nothing is fetched for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use glog::cbor::{decode, encode};
use glog::{NodeCert, NodeId};
use mesh::StaticPeer;
use node_core::{Binding, Confirmed, KnownNode, Look};
use preview::PreviewError;
use serde::{Deserialize, Serialize};

use crate::config::FederationConfig;
use crate::federation::{Federation, Peer};

/// Where a domain says which node is its.
pub(crate) const WELL_KNOWN: &str = "/.well-known/rookery/node.json";

/// Bytes of that document. A certificate has at most some 2.5 KiB.
const DOCUMENT_BYTES_MAX: usize = 16 << 10;
/// Addresses in it that are tried.
const ADDRESSES_MAX: usize = 8;
/// Bytes of one.
const ADDRESS_BYTES_MAX: usize = 256;
/// For the document, redirects and all.
const FETCH_WITHIN: Duration = Duration::from_secs(8);
/// For a node to answer at one of its addresses.
const DIAL_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked which domains are due.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);
/// Domains that are looked at in one round.
const CONFIRM_AT_ONCE: usize = 8;

/// What stands at the well-known place.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// The node's name, in hexadecimal digits.
    node: String,
    /// Its certificate, as nodes encode it, in base64.
    cert: String,
    /// Where other nodes reach it.
    addresses: Vec<String>,
}

/// The document of a node.
pub(crate) fn document(cert: &NodeCert, addresses: Vec<String>) -> String {
    let (node, cert) = (cert.node().to_string(), STANDARD.encode(encode(cert)));
    serde_json::to_string(&Document { node, cert, addresses }).unwrap_or_default()
}

/// What a domain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) cert: NodeCert,
    pub(crate) addresses: Vec<String>,
}

/// Why a domain does not name a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The document was not got.
    Fetch(PreviewError),
    /// It is none.
    Malformed(&'static str),
    /// The certificate has not been signed by the node that it names.
    Signature,
    /// The certificate names this domain, or none.
    Domain(String),
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fetch(PreviewError::Address(address)) => write!(
                f,
                "it leads to {address}, which is not public: name its network in [federation] allow_ips \
                 if that is meant"
            ),
            Self::Fetch(cause) => write!(f, "{cause}"),
            Self::Malformed(what) => write!(f, "the document {what}"),
            Self::Signature => write!(f, "the certificate is not signed by the node that it names"),
            Self::Domain(domain) if domain.is_empty() => {
                write!(
                    f,
                    "the node's certificate names no domain: [federation] domain is not set there"
                )
            }
            Self::Domain(domain) => {
                write!(f, "the node's certificate names another domain, {domain}")
            }
        }
    }
}

/// Reads what a domain says, and checks that the certificate is the named node's and names the domain.
pub(crate) fn read(domain: &str, bytes: &[u8]) -> Result<Found, Wrong> {
    let Document { node, cert, addresses } =
        serde_json::from_slice(bytes).map_err(|_| Wrong::Malformed("is not one of a node"))?;
    let cert =
        STANDARD.decode(cert).map_err(|_| Wrong::Malformed("has a certificate not in base64"))?;
    let cert: NodeCert =
        decode(&cert).map_err(|_| Wrong::Malformed("has a certificate that is none"))?;
    if cert.verify().is_err() || cert.node().to_string() != node.to_ascii_lowercase() {
        return Err(Wrong::Signature);
    }
    if !cert.body.domain.eq_ignore_ascii_case(domain) {
        return Err(Wrong::Domain(cert.body.domain.to_string()));
    }
    if addresses.iter().any(|address| address.len() > ADDRESS_BYTES_MAX) {
        return Err(Wrong::Malformed("has an address that is too long"));
    }
    Ok(Found { cert, addresses: addresses.into_iter().take(ADDRESSES_MAX).collect() })
}

/// What a look at the domain of a known node means.
pub(crate) fn judge(looked: &Result<Found, Wrong>, node: NodeId) -> Look {
    match looked {
        Ok(found) if found.cert.node() == node => Look::Confirms,
        Ok(found) => Look::Contradicts(format!("it names another node, {}", found.cert.node())),
        Err(wrong @ Wrong::Domain(_)) => Look::Contradicts(wrong.to_string()),
        // Whoever serves it may have made a mistake: what was seen before holds for its time.
        Err(wrong) => Look::Fails(wrong.to_string()),
    }
}

/// A domain as it is looked for, if a text is one: a name with a dot, in ASCII.
pub(crate) fn domain(text: &str) -> Option<String> {
    let text = text.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // An address of a machine is no domain, and `.node` stands for nodes without one.
    let last = text.rsplit('.').next().unwrap_or_default();
    let fits = text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
        && last != "node";
    fits.then_some(text)
}

/// The machine that a multiaddress leads to: a name or an address.
pub(crate) fn host(address: &str) -> Option<&str> {
    let mut parts = address.strip_prefix('/')?.split('/');
    match parts.next()? {
        "ip4" | "ip6" | "dns" | "dns4" | "dns6" => parts.next(),
        _ => None,
    }
}

/// How a domain's standing is told in `peer list` and by the doctor.
pub(crate) fn standing(confirmed: Confirmed, now_ms: u64) -> String {
    const DAY_MS: u64 = 86_400_000;
    match confirmed {
        Confirmed::Until(until_ms) => {
            format!("confirmed for {} days more", until_ms.saturating_sub(now_ms).div_ceil(DAY_MS))
        }
        Confirmed::Lapsed(until_ms) => {
            format!("not confirmed any more for {} days", now_ms.saturating_sub(until_ms) / DAY_MS)
        }
        Confirmed::Contradicted => "contradicted by the domain".into(),
        Confirmed::Never => "not confirmed".into(),
    }
}

/// Asks domains. Reaches nothing that is not public, but for what the operator allows.
#[derive(Debug, Clone)]
pub(crate) struct Looker(preview::Fetcher);

impl Looker {
    pub(crate) fn new(config: &FederationConfig) -> anyhow::Result<Self> {
        let allow_ips = config.allow_ips.iter().map(|network| {
            let parsed = network.parse();
            parsed.with_context(|| format!("in federation.allow_ips: {network} is not a network"))
        });
        let setup = preview::Setup {
            allow_ips: allow_ips.collect::<anyhow::Result<_>>()?,
            authorities: config.ca_file.clone(),
            user_agent: "Rookery".into(),
            within: FETCH_WITHIN,
            ..preview::Setup::default()
        };
        Ok(Self(preview::Fetcher::new(setup).context("in [federation]")?))
    }

    /// What a domain says.
    pub(crate) async fn look(&self, domain: &str) -> Result<Found, Wrong> {
        let url = format!("https://{domain}{WELL_KNOWN}");
        let fetched = self.0.document(&url, DOCUMENT_BYTES_MAX).await;
        read(domain, &fetched.map_err(Wrong::Fetch)?)
    }

    /// A short document.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) async fn text(&self, url: &str) -> Result<String, String> {
        let fetched = self.0.document(url, DOCUMENT_BYTES_MAX).await;
        let bytes = fetched.map_err(|cause| cause.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether an address that somebody else gave may be connected to.
    async fn may_dial(&self, address: &str) -> anyhow::Result<()> {
        let host = host(address).context("not an address that is dialed")?;
        Ok(self.0.may_reach(host).await?)
    }
}

impl Federation {
    /// Connects from now on to the node that a domain names; answers which one it is.
    pub(crate) async fn add_domain(&self, domain: &str) -> anyhow::Result<Peer> {
        let found = self.looker.look(domain).await;
        let found = found.map_err(|wrong| anyhow!("{domain} names no node: {wrong}"))?;
        let node = found.cert.node();
        if node == self.core.node() {
            bail!("{domain} is this node's own domain");
        }
        self.check_taken(domain, node)?;
        let address = self.first_that_answers(&found).await?;
        self.core.learn_node(found.cert).await?;
        self.core.pin_domain(node.short(), domain).await?;
        let before = self.core.binding(node.short())?.unwrap_or_default();
        let binding = Binding { domain: domain.to_owned(), by_domain: true, ..before };
        let binding = binding.seen(Look::Confirms, self.core.now_ms());
        self.core.set_binding(node.short(), binding).await?;
        self.want(address.clone(), node).await?;
        Ok(Peer {
            node: Some(node.to_string()),
            domain: Some(domain.to_owned()),
            addresses: vec![address],
            connected: true,
            confirmed: true,
            ..Peer::default()
        })
    }

    /// Refuses a domain that stands for another node here, and a node that has another one.
    fn check_taken(&self, domain: &str, node: NodeId) -> anyhow::Result<()> {
        let known = self.core.known_nodes()?;
        if let Some(other) = known.iter().find(|known| known.domain == domain && known.id != node) {
            bail!("{domain} stands for another node here, {}", other.id);
        }
        let Some(known) = known.iter().find(|known| known.id == node) else { return Ok(()) };
        if known.blocked {
            bail!("{domain} names a node that is blocked here: `rookery peer unblock` comes first");
        }
        match known.taken_domain() {
            Some(taken) if taken != domain => {
                bail!("{domain} names a node that is known here as {taken}")
            }
            _ => Ok(()),
        }
    }

    /// The first address at which the node answers that the domain names.
    pub(crate) async fn first_that_answers(&self, found: &Found) -> anyhow::Result<String> {
        let node = found.cert.node();
        let mut tried = Vec::new();
        for address in &found.addresses {
            if let Err(cause) = self.looker.may_dial(address).await {
                tried.push(format!("{address}: {cause}"));
                continue;
            }
            match self.mesh()?.probe(address.clone(), DIAL_WITHIN).await {
                Ok(cert) if cert.node() == node => return Ok(address.clone()),
                Ok(cert) => tried.push(format!("{address}: another node, {}", cert.node())),
                Err(trouble) => tried.push(format!("{address}: {trouble}")),
            }
        }
        if tried.is_empty() {
            bail!("the domain names a node, but no address of it");
        }
        bail!("the node that the domain names does not answer: {}", tried.join("; "))
    }

    /// Connects to a domain's node no longer.
    pub(crate) async fn remove_domain(&self, domain: &str) -> anyhow::Result<()> {
        let known = self.core.known_nodes()?;
        let named = known.iter().find(|known| known.domain == domain);
        let named = named.with_context(|| format!("no node has the domain {domain} here"))?;
        let addresses = self.core.binding(named.id.short())?.unwrap_or_default().addresses;
        if addresses.is_empty() {
            bail!(
                "no address of {domain} was added: what the configuration names is removed there"
            );
        }
        for address in addresses {
            self.forget(&address).await?;
        }
        Ok(())
    }

    /// Looks now and then whether domains still name their nodes.
    pub(crate) async fn confirm(self: Arc<Self>) {
        let mut every = tokio::time::interval(CONFIRM_EVERY);
        loop {
            every.tick().await;
            if let Err(cause) = self.confirm_due().await {
                tracing::warn!(%cause, "domains are not looked at");
            }
        }
    }

    async fn confirm_due(&self) -> anyhow::Result<()> {
        let now_ms = self.core.now_ms();
        let mut looks = 0;
        for known in self.core.known_nodes()? {
            let Some(domain) = known.taken_domain().filter(|_| !known.blocked) else { continue };
            let binding = self.core.binding(known.id.short())?.unwrap_or_default();
            if looks < CONFIRM_AT_ONCE && binding.is_due(now_ms) {
                looks += 1;
                self.look_again(&known, domain).await?;
            }
        }
        Ok(())
    }

    /// Looks at the domain of a known node, and remembers what it says.
    pub(crate) async fn look_again(&self, known: &KnownNode, domain: &str) -> anyhow::Result<()> {
        let looked = self.looker.look(domain).await;
        let look = judge(&looked, known.id);
        if !matches!(look, Look::Confirms) {
            tracing::info!(domain, node = %known.id, ?look, "a domain does not confirm its node");
        }
        let confirms = look == Look::Confirms;
        let before = self.core.binding(known.id.short())?.unwrap_or_default();
        let before = Binding { domain: domain.to_owned(), ..before };
        let binding = before.seen(look, self.core.now_ms());
        self.core.set_binding(known.id.short(), binding.clone()).await?;
        if let Ok(found) = looked
            && confirms
        {
            self.core.learn_node(found.cert.clone()).await?;
            // A node that has moved is found again by its domain.
            if binding.by_domain
                && !binding.addresses.is_empty()
                && !self.is_connected(known.id)
                && !found.addresses.iter().any(|address| binding.addresses.contains(address))
                && let Ok(address) = self.first_that_answers(&found).await
            {
                for old in &binding.addresses {
                    self.forget(old).await?;
                }
                self.want(address, known.id).await?;
            }
        }
        Ok(())
    }

    /// Stays connected to a node at an address, also after a restart, and takes no other node for it.
    pub(crate) async fn want(&self, address: String, node: NodeId) -> anyhow::Result<()> {
        let mut binding = self.core.binding(node.short())?.unwrap_or_default();
        if !binding.addresses.contains(&address) {
            binding.addresses.push(address.clone());
            self.core.set_binding(node.short(), binding).await?;
        }
        self.core.want_peer(address.clone(), true).await?;
        self.trusted.lock().insert(address.clone());
        self.mesh()?.add_peer(StaticPeer { address, node: Some(node) });
        Ok(())
    }

    /// Stays connected to an address no longer.
    pub(crate) async fn forget(&self, address: &str) -> anyhow::Result<()> {
        self.mesh()?.remove_peer(address);
        self.trusted.lock().remove(address);
        for (node, mut binding) in self.core.bindings()? {
            if binding.addresses.iter().any(|known| known == address) {
                binding.addresses.retain(|known| known != address);
                self.core.set_binding(node, binding).await?;
            }
        }
        Ok(self.core.want_peer(address.to_owned(), false).await?)
    }
}

#[cfg(test)]
mod tests {
    use glog::CertBody;
    use glog::cbor::{List, Text};
    use keys::NodeIdentity;

    use super::*;

    fn cert(seed: u8, domain: &str) -> NodeCert {
        let root = NodeIdentity::from_seed(&[seed; 32]);
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: [2; 32],
            x25519: [3; 32],
            serial: 1,
            not_before_ms: 0,
            domain: Text::new(domain).unwrap(),
            addresses: List::default(),
        };
        NodeCert::sign(body, &root)
    }

    #[test]
    fn a_document_names_its_node_and_the_node_its_domain() {
        let address = "/dns4/b.example/tcp/4040".to_owned();
        let text = document(&cert(1, "B.example"), vec![address.clone()]);
        let found = read("b.example", text.as_bytes()).unwrap();
        assert_eq!(found, Found { cert: cert(1, "B.example"), addresses: vec![address] });
        let node = found.cert.node();
        assert_eq!(judge(&Ok(found.clone()), node), Look::Confirms);
        assert!(matches!(judge(&Ok(found), cert(2, "").node()), Look::Contradicts(_)));
        // Somebody else's domain, and none.
        for (domain, named) in [("c.example", "b.example"), ("c.example", "")] {
            let text = document(&cert(1, named), Vec::new());
            let wrong = read(domain, text.as_bytes());
            assert_eq!(wrong, Err(Wrong::Domain(named.into())));
            assert!(matches!(judge(&wrong, node), Look::Contradicts(_)));
        }
        // Another node's name beside the certificate, and a certificate that was changed.
        let other = text.replace(&node.to_string(), &cert(2, "").node().to_string());
        assert_eq!(read("b.example", other.as_bytes()), Err(Wrong::Signature));
        let mut forged = cert(1, "b.example");
        forged.body.serial = 2;
        let text = document(&forged, Vec::new());
        assert_eq!(read("b.example", text.as_bytes()), Err(Wrong::Signature));
        for bad in [
            "",
            "<html>",
            "{}",
            "{\"node\":\"\",\"cert\":\"?\",\"addresses\":[]}",
            "{\"node\":\"\",\"cert\":\"AAAA\",\"addresses\":[]}",
        ] {
            let wrong = read("b.example", bad.as_bytes());
            assert!(matches!(wrong, Err(Wrong::Malformed(_))), "{bad}: {wrong:?}");
            assert!(matches!(judge(&wrong, node), Look::Fails(_)));
        }
        let many = vec![String::from("/ip4/192.0.2.1/tcp/1"); 20];
        let text = document(&cert(1, "b.example"), many);
        assert_eq!(read("b.example", text.as_bytes()).unwrap().addresses.len(), ADDRESSES_MAX);
        let text = document(&cert(1, "b.example"), vec!["/".repeat(300)]);
        assert!(read("b.example", text.as_bytes()).is_err());
        let late = Err(Wrong::Fetch(PreviewError::Late));
        assert!(matches!(judge(&late, node), Look::Fails(_)));
    }

    #[test]
    fn what_is_a_domain() {
        assert_eq!(domain("B.Example."), Some("b.example".into()));
        assert_eq!(domain("xn--nst-sna.chat.example"), Some("xn--nst-sna.chat.example".into()));
        for none in [
            "localhost",
            "/ip4/127.0.0.1/tcp/1",
            "127.0.0.1",
            "b.example:443",
            "b.example/x",
            "user@b.example",
            "-b.example",
            "b..example",
            "0123456789abcdef.node",
            "nést.example",
            "",
            ".",
        ] {
            assert_eq!(domain(none), None, "{none}");
        }
    }

    #[test]
    fn where_an_address_leads() {
        assert_eq!(host("/ip4/192.0.2.1/tcp/4040"), Some("192.0.2.1"));
        assert_eq!(host("/ip6/::1/udp/4040/quic-v1"), Some("::1"));
        assert_eq!(host("/dns4/b.example/tcp/4040/p2p/x"), Some("b.example"));
        for none in ["/dnsaddr/b.example", "/unix/tmp/x", "/ip4", "b.example", ""] {
            assert_eq!(host(none), None, "{none}");
        }
    }
}
