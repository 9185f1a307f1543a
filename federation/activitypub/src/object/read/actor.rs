//! Actors of other servers.

use serde_json::Value;

use super::json::{all, flag, id, id_of, ids, kind, text, web_id};

/// Types of actors.
pub(super) const ACTORS: [&str; 5] = ["Person", "Service", "Group", "Organization", "Application"];
/// Keys of one actor that are looked at.
const KEYS_MAX: usize = 10;
/// Other names of one actor that are kept.
const ALSO_KNOWN_AS_MAX: usize = 20;
/// Longest display name and username, in bytes.
const NAME_BYTES_MAX: usize = 2048;
/// Longest PEM of a key: RSA of 16384 bits is below it.
const PEM_BYTES_MAX: usize = 8 << 10;

/// A public key of an actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RemoteKey {
    /// As PEM, RSA most of the time.
    Pem {
        /// The key's id: what a signature names.
        id: String,
        /// Whose it says it is.
        owner: Option<String>,
        /// The PEM, not yet read.
        pem: String,
    },
    /// Ed25519, from a Multikey.
    Ed25519 {
        /// The key's id.
        id: String,
        /// Whose it says it is.
        owner: Option<String>,
        /// The key.
        key: [u8; 32],
    },
    /// Its id alone: it has to be asked for.
    Elsewhere(String),
}

/// An actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RemoteActor {
    /// Its id.
    pub(crate) id: String,
    /// Its type, as one of the five; `Service` and `Application` are automated.
    pub(crate) kind: String,
    /// Its display name, if it has one.
    pub(crate) name: Option<String>,
    /// `user` of `@user@host`.
    pub(crate) username: Option<String>,
    /// `user@host`, where it says so itself (FEP-2c59).
    pub(crate) webfinger: Option<String>,
    /// Where it is written to.
    pub(crate) inbox: Option<String>,
    /// Where all actors of its server are written to.
    pub(crate) shared_inbox: Option<String>,
    /// Id of its followers: in `to` or `cc` it stands for them.
    pub(crate) followers: Option<String>,
    /// Address of its picture.
    pub(crate) icon: Option<String>,
    /// Its page.
    pub(crate) url: Option<String>,
    /// Its keys.
    pub(crate) keys: Vec<RemoteKey>,
    /// Ids that it says are its own too.
    pub(crate) also_known_as: Vec<String>,
    /// Where it went.
    pub(crate) moved_to: Option<String>,
    /// Whether its server has frozen it.
    pub(crate) suspended: bool,
}

/// Reads an actor; `None` for what has no id or is no actor.
pub(crate) fn read_actor(document: &Value) -> Option<RemoteActor> {
    let kind = kind(document, &ACTORS);
    if !ACTORS.contains(&kind) {
        return None;
    }
    let mut keys: Vec<RemoteKey> =
        all(document, "publicKey").into_iter().take(KEYS_MAX).filter_map(pem_key).collect();
    let multikeys = all(document, "assertionMethod").into_iter().take(KEYS_MAX);
    keys.extend(multikeys.filter_map(multikey));
    let shared = document.get("endpoints").and_then(|endpoints| id(endpoints, "sharedInbox"));
    let mut also_known_as = ids(document, "alsoKnownAs");
    also_known_as.truncate(ALSO_KNOWN_AS_MAX);
    Some(RemoteActor {
        id: own_id(document)?,
        kind: kind.to_owned(),
        name: text(document, "name", NAME_BYTES_MAX).filter(|name| !name.trim().is_empty()),
        username: text(document, "preferredUsername", NAME_BYTES_MAX).filter(|n| !n.is_empty()),
        webfinger: text(document, "webfinger", NAME_BYTES_MAX),
        inbox: id(document, "inbox"),
        shared_inbox: shared,
        followers: id(document, "followers"),
        icon: all(document, "icon").into_iter().find_map(picture),
        url: page(document),
        keys,
        also_known_as,
        moved_to: id(document, "movedTo"),
        suspended: flag(document, "suspended"),
    })
}

/// The id of a document: nothing but that.
pub(super) fn own_id(document: &Value) -> Option<String> {
    let id = document.get("id").or_else(|| document.get("@id"))?.as_str()?;
    web_id(id).map(str::to_owned)
}

/// Address of a picture: `url` may itself be a link.
pub(super) fn picture(value: &Value) -> Option<String> {
    match value {
        Value::Object(_) => id(value, "url").or_else(|| id(value, "href")),
        _ => id_of(value),
    }
}

/// The page of something, for people: the first link to HTML, or the first one.
pub(super) fn page(document: &Value) -> Option<String> {
    let links = all(document, "url");
    let html = |link: &&&Value| link.get("mediaType").and_then(Value::as_str) == Some("text/html");
    let first = links.iter().find(html).or(links.first())?;
    id_of(first)
}

fn pem_key(value: &Value) -> Option<RemoteKey> {
    let Value::Object(_) = value else { return id_of(value).map(RemoteKey::Elsewhere) };
    let id = own_id(value)?;
    match value.get("publicKeyPem").and_then(Value::as_str) {
        Some(pem) if pem.len() <= PEM_BYTES_MAX => {
            Some(RemoteKey::Pem { id, owner: self::id(value, "owner"), pem: pem.to_owned() })
        }
        Some(_) => None,
        None => Some(RemoteKey::Elsewhere(id)),
    }
}

/// Of the kinds of Multikey, Ed25519 alone.
fn multikey(value: &Value) -> Option<RemoteKey> {
    let Value::Object(_) = value else { return id_of(value).map(RemoteKey::Elsewhere) };
    let id = own_id(value)?;
    let written = value.get("publicKeyMultibase")?.as_str()?.strip_prefix('z')?;
    // 34 bytes are 46 or 47 letters; longer ones take time that grows with their square.
    if written.len() > 64 {
        return None;
    }
    let bytes = bs58::decode(written).into_vec().ok()?;
    let key = bytes.strip_prefix(&[0xed, 0x01])?.try_into().ok()?;
    Some(RemoteKey::Ed25519 { id, owner: self::id(value, "controller"), key })
}
