//! From an address to a page: checks, redirects, the picture.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::LOCATION;
use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{destination, is_public};
use crate::http::{Answer, Client};
use crate::page::{Image, Kind, Page};
use crate::resolve::Resolver;
use crate::{PreviewError, meta, text};

/// Redirects of one fetch that are followed.
const REDIRECTS_MAX: usize = 5;
/// Bytes of an address, given or redirected to.
const URL_BYTES_MAX: usize = 2048;

const ACCEPT_PAGE: &str = "text/html,application/xhtml+xml,image/*;q=0.5";
const ACCEPT_DOCUMENT: &str = "application/json";
const ACCEPT_IMAGE: &str = "image/jpeg,image/png,image/webp,image/gif";
/// Pictures that clients show. SVG is a program.
const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// How pages are fetched, and what may be reached.
pub(crate) struct Reach {
    pub(crate) client: Client,
    pub(crate) resolver: Arc<dyn Resolver>,
    /// Networks that this machine is part of: asked for each time, since addresses come and go.
    pub(crate) own: fn() -> io::Result<Vec<IpNet>>,
    pub(crate) allow_ips: Vec<IpNet>,
    pub(crate) allow_ports: Vec<u16>,
    pub(crate) html_bytes_max: usize,
    pub(crate) image_bytes_max: usize,
}

impl Reach {
    /// Reads an address as browsers do, and refuses what no preview is made of. Two that differ in
    /// their fragment are one.
    pub(crate) fn parse(&self, url: &str) -> Result<Url, PreviewError> {
        if url.len() > URL_BYTES_MAX {
            return Err(PreviewError::Url("too long"));
        }
        let mut url = Url::parse(url).map_err(|_| PreviewError::Url("not an address"))?;
        url.set_fragment(None);
        self.check(&url)?;
        Ok(url)
    }

    /// What a URL is refused for without a look at its host.
    fn check(&self, url: &Url) -> Result<(), PreviewError> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(PreviewError::Url("neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PreviewError::Url("it has a name or a password"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if ![80, 443].contains(&port) && !self.allow_ports.contains(&port) {
            return Err(PreviewError::Url("an unusual port"));
        }
        Ok(())
    }

    /// Fetches a page and its picture. The caller bounds the time.
    pub(crate) async fn page(&self, url: Url) -> Result<Page, PreviewError> {
        let (url, answer) = self.follow(url, ACCEPT_PAGE).await?;
        let (content_type, charset) = answer.content_type();
        if IMAGE_TYPES.contains(&content_type.as_str()) {
            let image = self.image_of(answer, content_type).await?;
            return Ok(Page { image: Some(image), ..Page::bare(&url, Kind::Photo) });
        }
        if !["text/html", "application/xhtml+xml"].contains(&content_type.as_str()) {
            return Err(PreviewError::ContentType);
        }
        answer.check_plain()?;
        // What a page says of itself stands at its start: a longer one is read up to the bound.
        let (bytes, cut) = answer.read(self.html_bytes_max).await?;
        let (mut page, image) =
            Page::of(&url, &meta::read(&text::decode(&bytes, charset.as_deref())));
        if page.title.is_none() && page.description.is_none() && image.is_none() {
            return Err(if cut { PreviewError::TooLong } else { PreviewError::Empty });
        }
        if let Some(image) = image {
            // A page without its picture is still a page.
            match self.image(image).await {
                Ok(image) => page.image = Some(image),
                Err(cause) if page.title.is_none() && page.description.is_none() => {
                    return Err(cause);
                }
                Err(cause) => page.image_error = Some(cause),
            }
        }
        Ok(page)
    }

    /// Fetches what is no page but for the node itself to read: the first answer that is no redirect,
    /// whole. The caller bounds the time.
    pub(crate) async fn document(&self, url: Url, bytes_max: usize) -> Result<Bytes, PreviewError> {
        let (_, answer) = self.follow(url, ACCEPT_DOCUMENT).await?;
        answer.check_plain()?;
        match answer.read(bytes_max).await? {
            (_, true) => Err(PreviewError::TooLong),
            (bytes, false) => Ok(bytes),
        }
    }

    /// Whether a host, a name or an address, leads to what may be reached: all of its addresses have to.
    pub(crate) async fn host(&self, host: &str) -> Result<(), PreviewError> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host).await.map_err(|_| PreviewError::Resolve)?,
        };
        if found.is_empty() {
            return Err(PreviewError::Resolve);
        }
        let own = (self.own)().map_err(|_| PreviewError::Interfaces)?;
        match found.into_iter().find(|address| !self.may_reach(*address, &own)) {
            Some(address) => Err(PreviewError::Address(address)),
            None => Ok(()),
        }
    }

    async fn image(&self, url: Url) -> Result<Image, PreviewError> {
        self.check(&url)?;
        let (_, answer) = self.follow(url, ACCEPT_IMAGE).await?;
        let (content_type, _) = answer.content_type();
        if !IMAGE_TYPES.contains(&content_type.as_str()) {
            return Err(PreviewError::ContentType);
        }
        self.image_of(answer, content_type).await
    }

    async fn image_of(&self, answer: Answer, content_type: String) -> Result<Image, PreviewError> {
        answer.check_plain()?;
        match answer.read(self.image_bytes_max).await? {
            (_, true) => Err(PreviewError::TooLong),
            (bytes, false) if bytes.is_empty() => Err(PreviewError::Empty),
            // Copied: what it was read into may be twice as long, and this one is kept.
            (bytes, false) => Ok(Image { bytes: Bytes::copy_from_slice(&bytes), content_type }),
        }
    }

    /// Asks at a checked URL, and again where it is told to. Returns where it ended and a good answer.
    async fn follow(
        &self,
        mut url: Url,
        accept: &'static str,
    ) -> Result<(Url, Answer), PreviewError> {
        for _ in 0..=REDIRECTS_MAX {
            let addresses = self.addresses(&url).await?;
            let answer = self.client.get(&url, &addresses, accept).await?;
            let status = answer.status();
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let good = status.is_success();
                return if good {
                    Ok((url, answer))
                } else {
                    Err(PreviewError::Status(status.into()))
                };
            }
            let target = answer.header(LOCATION).ok_or(PreviewError::Status(status.into()))?;
            let target = url.join(target).map_err(|_| PreviewError::Url("redirected nowhere"))?;
            if url.scheme() == "https" && target.scheme() == "http" {
                return Err(PreviewError::Downgrade);
            }
            url = self.parse(target.as_str())?;
        }
        Err(PreviewError::Redirects)
    }

    /// The addresses of a checked URL's host that may be reached.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, PreviewError> {
        let found = match url.host() {
            // The parser has read numbers in every notation that connecting would.
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => {
                self.resolver.resolve(name).await.map_err(|_| PreviewError::Resolve)?
            }
            None => return Err(PreviewError::Url("no host")),
        };
        let first = found.first().copied().ok_or(PreviewError::Resolve)?;
        let own = (self.own)().map_err(|_| PreviewError::Interfaces)?;
        // A name may have addresses of both kinds: only those that were checked are connected to.
        let good: Vec<IpAddr> =
            found.into_iter().filter(|address| self.may_reach(*address, &own)).collect();
        if good.is_empty() { Err(PreviewError::Address(first)) } else { Ok(good) }
    }

    fn may_reach(&self, address: IpAddr, own: &[IpNet]) -> bool {
        let plain = address.to_canonical();
        // Packets for the carried address may well come back to where they are translated: here.
        let inside = [plain, destination(address)];
        let is_own = own.iter().any(|network| inside.iter().any(|ip| network.contains(ip)));
        is_public(address) && !is_own
            || self.allow_ips.iter().any(|network| network.contains(&plain))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::resolve::SystemResolver;

    fn reach(own: fn() -> io::Result<Vec<IpNet>>) -> Reach {
        Reach {
            client: Client {
                tls: TlsConnector::from(Arc::new(trust::client_config(None).unwrap())),
                user_agent: String::new(),
                connect_within: Duration::from_secs(1),
            },
            resolver: Arc::new(SystemResolver),
            own,
            allow_ips: vec!["192.88.5.64/26".parse().unwrap()],
            allow_ports: Vec::new(),
            html_bytes_max: 1,
            image_bytes_max: 1,
        }
    }

    /// Public addresses of this machine and its neighbours are refused, but for those allowed.
    #[tokio::test]
    async fn own_networks_are_not_reached() {
        let networks =
            || Ok(["192.88.5.7/24", "2a00:1:2:3::7/64"].map(|n| n.parse().unwrap()).into());
        let reach = reach(networks);
        for (host, reached) in [
            ("192.88.5.7", false),
            ("192.88.5.1", false),
            ("192.88.6.1", true),
            ("192.88.5.65", true), // allowed
            ("[2a00:1:2:3::7]", false),
            ("[2a00:1:2:3:ff::1]", false),
            ("[2a00:1:2:4::7]", true),
            ("[::ffff:192.88.5.7]", false),
            ("[64:ff9b::192.88.5.7]", false),
            ("[64:ff9b::192.88.6.7]", true),
            ("[2002:c058:507::1]", false),
        ] {
            let url = reach.parse(&format!("http://{host}/")).unwrap();
            let found = reach.addresses(&url).await;
            let refused = matches!(&found, Err(PreviewError::Address(_)));
            assert_eq!((found.is_ok(), refused), (reached, !reached), "{host}: {found:?}");
        }
    }

    #[tokio::test]
    async fn nothing_is_reached_where_own_networks_cannot_be_told() {
        let reach = reach(|| Err(io::ErrorKind::PermissionDenied.into()));
        let url = reach.parse("http://1.1.1.1/").unwrap();
        assert_eq!(reach.addresses(&url).await, Err(PreviewError::Interfaces));
    }
}
