//! From an address to a page: checks, redirects, the picture.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::LOCATION;
use ipnet::IpNet;
use url::{Host, Url};

use crate::address::is_public;
use crate::http::{Answer, Client};
use crate::page::{Image, Kind, Page};
use crate::resolve::Resolver;
use crate::{PreviewError, meta, text};

/// Redirects of one fetch that are followed.
const REDIRECTS_MAX: usize = 5;
/// Bytes of an address, given or redirected to.
const URL_BYTES_MAX: usize = 2048;

const ACCEPT_PAGE: &str = "text/html,application/xhtml+xml,image/*;q=0.5";
const ACCEPT_IMAGE: &str = "image/jpeg,image/png,image/webp,image/gif";
/// Pictures that clients show. SVG is a program.
const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// How pages are fetched, and what may be reached.
pub(crate) struct Reach {
    pub(crate) client: Client,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) allow_ips: Vec<IpNet>,
    pub(crate) allow_ports: Vec<u16>,
    pub(crate) html_bytes_max: usize,
    pub(crate) image_bytes_max: usize,
}

/// Reads an address as browsers do, and refuses what no preview is made of. Two that differ in
/// their fragment are one.
pub(crate) fn parse(url: &str) -> Result<Url, PreviewError> {
    if url.len() > URL_BYTES_MAX {
        return Err(PreviewError::Url("too long"));
    }
    let mut url = Url::parse(url).map_err(|_| PreviewError::Url("not an address"))?;
    url.set_fragment(None);
    Ok(url)
}

impl Reach {
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

    async fn image(&self, url: Url) -> Result<Image, PreviewError> {
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

    /// Asks, and asks again where it is told to. Returns where it ended and a good answer.
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
            url = parse(target.as_str())?;
        }
        Err(PreviewError::Redirects)
    }

    /// The addresses of a host that may be reached, after everything else of its URL was checked.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, PreviewError> {
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
        // A name may have addresses of both kinds: only those that were checked are connected to.
        let good: Vec<IpAddr> =
            found.into_iter().filter(|address| self.may_reach(*address)).collect();
        if good.is_empty() { Err(PreviewError::Address(first)) } else { Ok(good) }
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        is_public(address) || self.allow_ips.iter().any(|network| network.contains(&plain))
    }
}
