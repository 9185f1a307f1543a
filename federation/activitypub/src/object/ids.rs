//! Addresses of everything that other servers may ask for.
//!
//! None holds a username, which changes, or a number that only one node knows: a post has the same
//! address on each node that may ever serve it. What was once given out is never another thing's.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use url::Url;

/// A channel: the first 20 bytes of its group's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Cid(pub(crate) [u8; 20]);

/// A post: its entry in the log. An album is its first message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Mid {
    /// The node in whose lane it is: `Node16`.
    pub(crate) node: [u8; 16],
    /// The incarnation of the lane.
    pub(crate) inc: u32,
    /// The number in the lane.
    pub(crate) seq: u64,
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// The one way in which bytes are written; anything else names nothing.
fn of_base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// A number as it is written: no sign, no zero before it.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

impl Cid {
    /// Reads what `Display` writes, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        of_base32(text).map(Self)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(&self.0))
    }
}

impl Mid {
    /// Reads what `Display` writes, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let node = of_base32(parts.next()?)?;
        let (inc, seq) = (number(parts.next()?)?, number(parts.next()?)?);
        parts.next().is_none().then_some(Self { node, inc, seq })
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", base32(&self.node), self.inc, self.seq)
    }
}

/// What an address names.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Place {
    /// The actor of the node: it signs what is fetched.
    Node,
    /// Its inbox.
    NodeInbox,
    /// Its outbox: empty.
    NodeOutbox,
    /// What it did, by number.
    NodeActivity(u64),
    /// One inbox for all actors.
    SharedInbox,
    /// A channel.
    Actor(Cid),
    /// Its inbox.
    Inbox(Cid),
    /// Its posts.
    Outbox(Cid),
    /// How many follow it.
    Followers(Cid),
    /// Nobody.
    Following(Cid),
    /// What is pinned.
    Featured(Cid),
    /// What the channel did beside posting, by number.
    Activity(Cid, u64),
    /// That a quote of one of its posts is agreed to, by number.
    Stamp(Cid, u64),
    /// A post.
    Post(Cid, Mid),
    /// What happened to a post, by number.
    PostActivity(Cid, Mid, u64),
    /// Answers to a post.
    Replies(Cid, Mid),
    /// Reactions to it.
    Likes(Cid, Mid),
    /// Boosts of it.
    Shares(Cid, Mid),
    /// All of the thread that it began.
    Context(Cid, Mid),
    /// A file, by its hash and its extension.
    Media(String, String),
}

impl Place {
    /// The path of its address.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Node => "/ap/node".to_owned(),
            Self::NodeInbox => "/ap/node/inbox".to_owned(),
            Self::NodeOutbox => "/ap/node/outbox".to_owned(),
            Self::NodeActivity(n) => format!("/ap/node/a/{n}"),
            Self::SharedInbox => "/ap/inbox".to_owned(),
            Self::Actor(c) => format!("/ap/c/{c}"),
            Self::Inbox(c) => format!("/ap/c/{c}/inbox"),
            Self::Outbox(c) => format!("/ap/c/{c}/outbox"),
            Self::Followers(c) => format!("/ap/c/{c}/followers"),
            Self::Following(c) => format!("/ap/c/{c}/following"),
            Self::Featured(c) => format!("/ap/c/{c}/featured"),
            Self::Activity(c, n) => format!("/ap/c/{c}/a/{n}"),
            Self::Stamp(c, n) => format!("/ap/c/{c}/q/{n}"),
            Self::Post(c, m) => format!("/ap/c/{c}/p/{m}"),
            Self::PostActivity(c, m, n) => format!("/ap/c/{c}/p/{m}/a/{n}"),
            Self::Replies(c, m) => format!("/ap/c/{c}/p/{m}/replies"),
            Self::Likes(c, m) => format!("/ap/c/{c}/p/{m}/likes"),
            Self::Shares(c, m) => format!("/ap/c/{c}/p/{m}/shares"),
            Self::Context(c, m) => format!("/ap/c/{c}/p/{m}/context"),
            Self::Media(hash, extension) => format!("/ap/m/{hash}.{extension}"),
        }
    }

    /// Whose it is; none of what is the node's.
    pub(crate) fn cid(&self) -> Option<Cid> {
        match self {
            Self::Node
            | Self::NodeInbox
            | Self::NodeOutbox
            | Self::NodeActivity(_)
            | Self::SharedInbox
            | Self::Media(..) => None,
            Self::Actor(c)
            | Self::Inbox(c)
            | Self::Outbox(c)
            | Self::Followers(c)
            | Self::Following(c)
            | Self::Featured(c)
            | Self::Activity(c, _)
            | Self::Stamp(c, _)
            | Self::Post(c, _)
            | Self::PostActivity(c, ..)
            | Self::Replies(c, _)
            | Self::Likes(c, _)
            | Self::Shares(c, _)
            | Self::Context(c, _) => Some(*c),
        }
    }

    /// What a path names. Strict: each place has one path, and only that.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix("/ap/")?.split('/').collect();
        let place = match parts.as_slice() {
            ["node"] => Self::Node,
            ["node", "inbox"] => Self::NodeInbox,
            ["node", "outbox"] => Self::NodeOutbox,
            ["node", "a", n] => Self::NodeActivity(number(n)?),
            ["inbox"] => Self::SharedInbox,
            ["c", c] => Self::Actor(Cid::parse(c)?),
            ["c", c, "inbox"] => Self::Inbox(Cid::parse(c)?),
            ["c", c, "outbox"] => Self::Outbox(Cid::parse(c)?),
            ["c", c, "followers"] => Self::Followers(Cid::parse(c)?),
            ["c", c, "following"] => Self::Following(Cid::parse(c)?),
            ["c", c, "featured"] => Self::Featured(Cid::parse(c)?),
            ["c", c, "a", n] => Self::Activity(Cid::parse(c)?, number(n)?),
            ["c", c, "q", n] => Self::Stamp(Cid::parse(c)?, number(n)?),
            ["c", c, "p", m] => Self::Post(Cid::parse(c)?, Mid::parse(m)?),
            ["c", c, "p", m, "a", n] => {
                Self::PostActivity(Cid::parse(c)?, Mid::parse(m)?, number(n)?)
            }
            ["c", c, "p", m, "replies"] => Self::Replies(Cid::parse(c)?, Mid::parse(m)?),
            ["c", c, "p", m, "likes"] => Self::Likes(Cid::parse(c)?, Mid::parse(m)?),
            ["c", c, "p", m, "shares"] => Self::Shares(Cid::parse(c)?, Mid::parse(m)?),
            ["c", c, "p", m, "context"] => Self::Context(Cid::parse(c)?, Mid::parse(m)?),
            ["m", file] => {
                let (hash, extension) = file.split_once('.')?;
                let plain = |part: &str, long: std::ops::RangeInclusive<usize>| {
                    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
                    long.contains(&part.len()) && part.bytes().all(fits)
                };
                let fits = plain(hash, 8..=128) && plain(extension, 1..=8);
                fits.then(|| Self::Media(hash.to_owned(), extension.to_owned()))?
            }
            _ => return None,
        };
        Some(place)
    }
}

/// Which key of an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyName {
    /// RSA, for signatures of draft-cavage and RFC 9421.
    Main,
    /// Ed25519.
    Ed25519,
}

impl KeyName {
    fn fragment(self) -> &'static str {
        match self {
            Self::Main => "#main-key",
            Self::Ed25519 => "#ed25519-key",
        }
    }
}

/// Where a page of a collection begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cursor {
    /// With the newest.
    Newest,
    /// Below this one.
    Max(Mid),
    /// Above this one.
    Min(Mid),
}

impl Cursor {
    /// The query of a page's address, without `?`.
    pub(crate) fn query(&self) -> String {
        match self {
            Self::Newest => "page=true".to_owned(),
            Self::Max(mid) => format!("max={mid}"),
            Self::Min(mid) => format!("min={mid}"),
        }
    }

    /// Reads a query; `None` for one that asks for no page.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        match query.split_once('=')? {
            ("page", "true") => Some(Self::Newest),
            ("max", mid) => Mid::parse(mid).map(Self::Max),
            ("min", mid) => Mid::parse(mid).map(Self::Min),
            _ => None,
        }
    }
}

/// Makes addresses of this node, and knows them again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ids {
    /// `https://ap.example`.
    base: String,
    /// What stands behind the second `@`.
    handle_domain: String,
}

impl Ids {
    /// `base` is an address of nothing but scheme and host (and a port in tests).
    ///
    /// `None` where it is not, or where the domain is none.
    pub(crate) fn new(base: &str, handle_domain: &str) -> Option<Self> {
        let url = Url::parse(base).ok()?;
        let bare = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let (host, port) = match handle_domain.split_once(':') {
            Some((host, port)) => (host, Some(number::<u16>(port)?)),
            None => (handle_domain, None),
        };
        let host = url::Host::parse(host).ok()?;
        let handle_domain = port.map_or(host.to_string(), |port| format!("{host}:{port}"));
        bare.then(|| Self { base: url.origin().ascii_serialization(), handle_domain })
    }

    /// `https://ap.example`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The domain of handles.
    pub(crate) fn handle_domain(&self) -> &str {
        &self.handle_domain
    }

    /// Address of a place.
    pub(crate) fn url(&self, place: &Place) -> String {
        format!("{}{}", self.base, place.path())
    }

    /// What an address names; `None` for those of other servers, with a query or with a fragment.
    #[cfg(test)]
    pub(crate) fn parse(&self, url: &str) -> Option<Place> {
        Place::parse(url.strip_prefix(&self.base)?)
    }

    /// Id of a key of an actor.
    pub(crate) fn key(&self, actor: &Place, name: KeyName) -> String {
        self.url(actor) + name.fragment()
    }

    /// Address of a page of a collection.
    pub(crate) fn page(&self, collection: &Place, cursor: &Cursor) -> String {
        format!("{}?{}", self.url(collection), cursor.query())
    }

    /// `@name@domain`.
    pub(crate) fn handle(&self, username: &str) -> String {
        format!("@{username}@{}", self.handle_domain)
    }

    /// The page of a channel, for people.
    pub(crate) fn web(&self, username: &str) -> String {
        format!("{}/@{username}", self.base)
    }

    /// The page of a post, for people.
    pub(crate) fn web_post(&self, username: &str, mid: &Mid) -> String {
        format!("{}/@{username}/{mid}", self.base)
    }
}
