//! How others find an actor by its handle, and what this server is.

use serde_json::{Value, json};

use super::ids::{Cid, Ids, Place};
use crate::text::escape;

const ACTIVITY_JSON: &str = "application/activity+json";
const LD_JSON: &str = "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"";

/// The answer of WebFinger about a channel. Asked by an old username, the answer is the same: its
/// subject is the handle of today.
/// Source: <https://www.rfc-editor.org/rfc/rfc7033>
pub(crate) fn jrd(ids: &Ids, cid: Cid, username: &str, icon: Option<(&str, &str)>) -> Value {
    let id = ids.url(&Place::Actor(cid));
    let page = ids.web(username);
    let mut links = vec![
        json!({ "rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page }),
        json!({ "rel": "self", "type": ACTIVITY_JSON, "href": id }),
        json!({ "rel": "self", "type": LD_JSON, "href": id }),
    ];
    let avatar = |(kind, href): (&str, &str)| json!({ "rel": "http://webfinger.net/rel/avatar", "type": kind, "href": href });
    links.extend(icon.map(avatar));
    json!({ "subject": subject(ids, username), "aliases": [page, id], "links": links })
}

/// The answer of WebFinger about the node's own actor (FEP-d556).
pub(crate) fn node_jrd(ids: &Ids, username: &str) -> Value {
    let id = ids.url(&Place::Node);
    json!({
        "subject": subject(ids, username),
        "aliases": [id],
        "links": [
            { "rel": "self", "type": ACTIVITY_JSON, "href": id },
            {
                "rel": "https://www.w3.org/ns/activitystreams#Service",
                "type": ACTIVITY_JSON,
                "href": id,
            },
        ],
    })
}

fn subject(ids: &Ids, username: &str) -> String {
    format!("acct:{}", ids.handle(username).trim_start_matches('@'))
}

/// Where WebFinger is, for those who look there first. XML.
/// Source: <https://www.rfc-editor.org/rfc/rfc6415>
pub(crate) fn host_meta(ids: &Ids) -> String {
    let template = format!("{}/.well-known/webfinger?resource={{uri}}", ids.base());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"lrdd\" template=\"{}\"/>\n</XRD>\n",
        escape(&template)
    )
}

/// Which form of NodeInfo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeInfoVersion {
    V2_0,
    V2_1,
}

impl NodeInfoVersion {
    /// `2.0`, as in its address: `/nodeinfo/2.0`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2_0 => "2.0",
            Self::V2_1 => "2.1",
        }
    }
}

/// What this server says of itself. Who of its people is active it does not count, and so does not
/// tell (FEP-0151).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NodeInfo {
    /// Version of the program.
    pub(crate) version: String,
    /// Name of the node.
    pub(crate) name: String,
    /// Accounts of people.
    pub(crate) users: u64,
    /// Bridged posts.
    pub(crate) posts: u64,
    /// Whether anybody may sign up.
    pub(crate) open_registrations: bool,
}

/// Where the documents about this server are, and its actor (FEP-2677).
pub(crate) fn node_info_links(ids: &Ids) -> Value {
    let link = |version: NodeInfoVersion| {
        let name = version.name();
        json!({
            "rel": format!("http://nodeinfo.diaspora.software/ns/schema/{name}"),
            "href": format!("{}/nodeinfo/{name}", ids.base()),
        })
    };
    let actor = json!({
        "rel": "https://www.w3.org/ns/activitystreams#Application",
        "href": ids.url(&Place::Node),
    });
    json!({ "links": [link(NodeInfoVersion::V2_1), link(NodeInfoVersion::V2_0), actor] })
}

/// The document about this server.
/// Source: <https://nodeinfo.diaspora.software/schema.html>
pub(crate) fn node_info(version: NodeInfoVersion, info: &NodeInfo) -> Value {
    json!({
        "version": version.name(),
        "software": { "name": "rookery", "version": info.version },
        "protocols": ["activitypub"],
        "services": { "inbound": [], "outbound": [] },
        "openRegistrations": info.open_registrations,
        "usage": {
            "users": { "total": info.users },
            "localPosts": info.posts,
        },
        "metadata": { "nodeName": info.name },
    })
}
