//! Actors: a channel, and the node itself.

use node_core::Text;
use serde_json::{Value, json};

use super::context::{PUBLIC, fields, put, with_context};
use super::date::write_date;
use super::ids::{Cid, Ids, KeyName, Place};
use crate::text::{MentionTo, Names, Spoilers, escape, to_html};

/// Profile fields that are shown: Mastodon takes no more.
const FIELDS_MAX: usize = 50;

/// How a channel presents itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ActorKind {
    /// Marked as automated: what a bridged channel is.
    #[default]
    Service,
    /// As somebody.
    Person,
    /// The only kind that Lemmy's users can follow.
    Group,
    /// As an organisation.
    Organization,
}

impl ActorKind {
    fn name(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Person => "Person",
            Self::Group => "Group",
            Self::Organization => "Organization",
        }
    }
}

/// A picture of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Picture {
    /// `image/jpeg`.
    pub(crate) media_type: String,
    /// Where it is.
    pub(crate) url: String,
}

impl Picture {
    pub(super) fn document(&self) -> Value {
        json!({ "type": "Image", "mediaType": self.media_type, "url": self.url })
    }
}

/// Public keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    /// RSA, as PEM of SubjectPublicKeyInfo.
    pub(crate) rsa_pem: String,
    /// Ed25519.
    pub(crate) ed25519: Option<[u8; 32]>,
}

/// A line of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    /// What it is.
    pub(crate) name: String,
    /// Text, or what is shown of the link.
    pub(crate) value: String,
    /// Where it leads. With `rel="me"`, so that a page that links back is shown as verified.
    pub(crate) link: Option<String>,
}

/// What every reader of a bridged channel is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    /// Name of the home node.
    pub(crate) node: String,
    /// A page about it, or the channel's.
    pub(crate) page: String,
    /// Whether answers are shown to the channel's readers.
    pub(crate) replies: bool,
}

/// A channel as an actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Actor {
    /// Which channel.
    pub(crate) cid: Cid,
    /// What it is shown as.
    pub(crate) kind: ActorKind,
    /// The username, or what stands for one.
    pub(crate) username: String,
    /// The title.
    pub(crate) name: String,
    /// What the channel says of itself, as text.
    pub(crate) about: String,
    /// The notice below that.
    pub(crate) notice: Notice,
    /// The channel's photo.
    pub(crate) icon: Option<Picture>,
    /// A header.
    pub(crate) image: Option<Picture>,
    /// When the channel was made, in seconds of Unix time.
    pub(crate) published_s: i64,
    /// Public keys.
    pub(crate) keys: Keys,
    /// May be listed in directories.
    pub(crate) discoverable: bool,
    /// May be found by full-text search.
    pub(crate) indexable: bool,
    /// Lines of the profile.
    pub(crate) fields: Vec<Field>,
    /// Where the channel is discussed (FEP-1970).
    pub(crate) discussion: Option<String>,
    /// Frozen: servers hide it and keep it.
    pub(crate) suspended: bool,
    /// Ids under which it was or will be known.
    pub(crate) also_known_as: Vec<String>,
    /// Where it went.
    pub(crate) moved_to: Option<String>,
    /// Sites whose articles may name it as their author.
    pub(crate) attribution_domains: Vec<String>,
}

/// The whole document of a channel. An `Update` carries it whole too: a part makes others fail.
pub(crate) fn actor(ids: &Ids, actor: &Actor) -> Value {
    let place = Place::Actor(actor.cid);
    let id = ids.url(&place);
    let url = |place: fn(Cid) -> Place| ids.url(&place(actor.cid));
    // Who may put it into a list of recommended actors.
    let feature = if actor.discoverable { PUBLIC } else { &id };
    let mut document = fields(json!({
        "id": id,
        "type": actor.kind.name(),
        "inbox": url(Place::Inbox),
        "outbox": url(Place::Outbox),
        "followers": url(Place::Followers),
        "following": url(Place::Following),
        "featured": url(Place::Featured),
        "endpoints": { "sharedInbox": ids.url(&Place::SharedInbox) },
        "preferredUsername": actor.username,
        "webfinger": ids.handle(&actor.username).trim_start_matches('@'),
        "name": actor.name,
        "summary": summary(&actor.about, &actor.notice),
        "url": ids.web(&actor.username),
        "published": write_date(actor.published_s),
        "manuallyApprovesFollowers": false,
        "discoverable": actor.discoverable,
        "indexable": actor.indexable,
        "interactionPolicy": { "canFeature": { "automaticApproval": [feature] } },
        "attachment": attachments(actor),
    }));
    put_keys(&mut document, ids, &place, &actor.keys);
    put(&mut document, "icon", actor.icon.as_ref().map(Picture::document));
    put(&mut document, "image", actor.image.as_ref().map(Picture::document));
    put(&mut document, "suspended", actor.suspended.then_some(true));
    let list = |ids: &Vec<String>| (!ids.is_empty()).then(|| ids.clone());
    put(&mut document, "alsoKnownAs", list(&actor.also_known_as));
    put(&mut document, "movedTo", actor.moved_to.clone());
    put(&mut document, "attributionDomains", list(&actor.attribution_domains));
    with_context(Value::Object(document))
}

/// The actor of the node: it fetches for all channels, so it is served to whoever asks.
pub(crate) fn node_actor(ids: &Ids, name: &str, page: &str, keys: &Keys) -> Value {
    let url = url::Url::parse(ids.base()).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let mut document = fields(json!({
        "id": ids.url(&Place::Node),
        "type": "Application",
        "inbox": ids.url(&Place::NodeInbox),
        "outbox": ids.url(&Place::NodeOutbox),
        "endpoints": { "sharedInbox": ids.url(&Place::SharedInbox) },
        "preferredUsername": host,
        "webfinger": format!("{host}@{}", ids.handle_domain()),
        "name": name,
        "url": page,
        "manuallyApprovesFollowers": true,
        "discoverable": false,
        "indexable": false,
    }));
    put_keys(&mut document, ids, &Place::Node, keys);
    with_context(Value::Object(document))
}

fn put_keys(document: &mut serde_json::Map<String, Value>, ids: &Ids, place: &Place, keys: &Keys) {
    let owner = ids.url(place);
    let main = json!({
        "id": ids.key(place, KeyName::Main), "owner": owner, "publicKeyPem": keys.rsa_pem,
    });
    put(document, "publicKey", Some(main));
    let multikey = |key: [u8; 32]| {
        json!([{
            "id": ids.key(place, KeyName::Ed25519),
            "type": "Multikey",
            "controller": owner,
            "publicKeyMultibase": multibase(&key),
        }])
    };
    put(document, "assertionMethod", keys.ed25519.map(multikey));
}

/// `z` for base58btc, then 0xed 0x01 for Ed25519.
/// Source: <https://www.w3.org/TR/controller-document/#Multikey>
pub(crate) fn multibase(key: &[u8; 32]) -> String {
    let bytes: Vec<u8> = [0xed, 0x01].into_iter().chain(*key).collect();
    format!("z{}", bs58::encode(bytes).into_string())
}

/// Links in what a channel says of itself lead on; names in it are names.
struct NoNames;

impl Names for NoNames {
    fn mention(&self, _: &str) -> MentionTo {
        MentionTo::Nobody
    }

    fn hashtag(&self, _: &str) -> String {
        String::new()
    }
}

fn summary(about: &str, notice: &Notice) -> String {
    let about = Text::parse(about, Vec::new()).unwrap_or_else(|_| Text::none());
    let html = to_html(&about.text, &about.entities, Spoilers::Reveal, &NoNames).html;
    let replies = match notice.replies {
        true => "Replies are shown to its readers as comments.",
        false => "Replies do not reach its readers.",
    };
    let (page, node) = (escape(&notice.page), escape(&notice.node));
    format!(
        "{html}<p>A channel of <a href=\"{page}\">{node}</a>, bridged to the fediverse. {replies}</p>"
    )
}

fn attachments(actor: &Actor) -> Vec<Value> {
    let property = |field: &Field| {
        let shown = escape(&field.value);
        let value = match &field.link {
            Some(link) => format!("<a href=\"{}\" rel=\"me\">{shown}</a>", escape(link)),
            None => shown,
        };
        json!({ "type": "PropertyValue", "name": field.name, "value": value })
    };
    let mut all: Vec<Value> = actor.fields.iter().take(FIELDS_MAX).map(property).collect();
    let discussion = |href: &String| json!({ "type": "Link", "name": "Discussion", "rel": "discussion", "href": href });
    all.extend(actor.discussion.iter().map(discussion));
    all
}
