//! What a preview shows.

use bytes::Bytes;
use url::Url;

use crate::meta::Meta;
use crate::{PreviewError, text};

const SITE_NAME_CHARS_MAX: usize = 64;
const TITLE_CHARS_MAX: usize = 256;
const DESCRIPTION_CHARS_MAX: usize = 512;
const AUTHOR_CHARS_MAX: usize = 64;
const DISPLAY_URL_CHARS_MAX: usize = 128;

/// `webPage.type`, as far as clients tell them apart.
///
/// Source: <https://core.telegram.org/constructor/webPage>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Article,
    /// A picture.
    Photo,
    /// Something to watch.
    Video,
    /// A person.
    Profile,
}

impl Kind {
    /// As `webPage.type` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Profile => "profile",
        }
    }
}

/// A picture as it came: bytes from a stranger, to be decoded with care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The file.
    pub bytes: Bytes,
    /// What its server says it is.
    pub content_type: String,
}

/// What a page says of itself. Texts are single lines without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it was found, after redirects and without a fragment. What a page calls its own address
    /// is not believed: it could be anybody's.
    pub url: String,
    /// The same for people to read, at most 128 characters; names stay in Punycode, so that none
    /// looks like another.
    pub display_url: String,
    /// What it is.
    pub kind: Kind,
    /// At most 64 characters; the host if the page says nothing.
    pub site_name: String,
    /// At most 256 characters.
    pub title: Option<String>,
    /// At most 512 characters.
    pub description: Option<String>,
    /// At most 64 characters.
    pub author: Option<String>,
    /// The picture that stands for it.
    pub image: Option<Image>,
    /// Why it has none although it names one.
    pub image_error: Option<PreviewError>,
}

impl Page {
    /// A page of which nothing is known but where it is.
    pub(crate) fn bare(url: &Url, kind: Kind) -> Self {
        let host = url.host_str().unwrap_or_default();
        let site_name = text::line(host.trim_start_matches("www."), SITE_NAME_CHARS_MAX);
        let shown = &url[url::Position::BeforeHost..url::Position::AfterQuery];
        let shown = shown.trim_end_matches('/');
        Self {
            url: url.to_string(),
            display_url: text::line(shown, DISPLAY_URL_CHARS_MAX).unwrap_or_default(),
            kind,
            site_name: site_name.unwrap_or_default(),
            title: None,
            description: None,
            author: None,
            image: None,
            image_error: None,
        }
    }

    /// What `meta` says, and the picture's address if there is one.
    pub(crate) fn of(url: &Url, meta: &Meta) -> (Self, Option<Url>) {
        let mut page = Self::bare(url, kind(meta));
        let line = |names: &[&str], max| meta.first(names).and_then(|value| text::line(value, max));
        if let Some(name) = line(&["og:site_name", "application-name"], SITE_NAME_CHARS_MAX) {
            page.site_name = name;
        }
        page.title = line(&["og:title", "twitter:title", "title"], TITLE_CHARS_MAX);
        let descriptions = ["og:description", "twitter:description", "description"];
        page.description = line(&descriptions, DESCRIPTION_CHARS_MAX);
        // Some sites put the address of the author's page there.
        page.author = line(&["author", "article:author"], AUTHOR_CHARS_MAX)
            .filter(|author| !author.contains("://"));
        let image = meta.first(&[
            "og:image:secure_url",
            "og:image",
            "og:image:url",
            "twitter:image",
            "twitter:image:src",
            "image_src",
        ]);
        (page, image.and_then(|image| url.join(image).ok()))
    }

    /// Memory that it takes in a cache.
    pub(crate) fn cost(&self) -> usize {
        let image = self.image.as_ref().map_or(0, |image| image.bytes.len());
        // Texts are bounded above: some two kilobytes at most, and the address.
        image + self.url.len() + 4096
    }
}

fn kind(meta: &Meta) -> Kind {
    let said = meta.first(&["og:type"]).unwrap_or_default().to_ascii_lowercase();
    let card = meta.first(&["twitter:card"]).unwrap_or_default().to_ascii_lowercase();
    let films = ["og:video:secure_url", "og:video", "og:video:url", "twitter:player"];
    match said.as_str() {
        "profile" => Kind::Profile,
        said if said.starts_with("video") || card == "player" => Kind::Video,
        _ if meta.first(&films).is_some() => Kind::Video,
        "photo" => Kind::Photo,
        _ if card == "photo" => Kind::Photo,
        _ => Kind::Article,
    }
}
