//! What other servers read: actors, posts, collections, and how they are found.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use node_core::{Bridge, BridgeState, CommentPlace, CoreResult, PostState, Stored};
use serde_json::{Value, json};

use crate::inbox;
use crate::map::{self, Noted};
use crate::media::{self, Named};
use crate::object::{self, Cursor, NodeInfoVersion, Place};
use crate::shared::Shared;

/// Posts of one page of an outbox.
const PAGE: usize = 20;
/// Posts that are featured where none is pinned.
const FEATURED_NEWEST: usize = 5;
/// Comments that a page of replies names.
const REPLIES_MAX: usize = 100;

const ACTIVITY: &str = "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"";
/// Others may keep it for a moment.
const SHORTLY: &str = "public, max-age=60";

/// The routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ap/{*rest}", any(ap))
        .route("/.well-known/webfinger", get(webfinger))
        .route("/.well-known/host-meta", get(host_meta))
        .route("/.well-known/nodeinfo", get(nodeinfo))
        .route("/nodeinfo/{version}", get(nodeinfo_of))
        .with_state(shared)
}

type Known = State<Arc<Shared>>;

/// An object of ActivityPub.
pub(crate) fn activity(document: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, ACTIVITY),
        (header::VARY, "accept"),
        (header::CACHE_CONTROL, SHORTLY),
    ];
    (headers, document.to_string()).into_response()
}

fn failed(cause: &node_core::CoreError) -> Response {
    tracing::warn!(%cause, "another server is not answered");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn ap(
    State(shared): Known,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    body: Body,
) -> Response {
    let Some(place) = Place::parse(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let from = from.map(|Extension(ConnectInfo(from))| from.ip().to_canonical());
    let is_inbox = matches!(place, Place::Inbox(_) | Place::SharedInbox | Place::NodeInbox);
    match method {
        Method::POST if is_inbox => inbox::take(&shared, &uri, headers, from, body).await,
        Method::GET | Method::HEAD if !is_inbox => {
            // The node's own actor is for everybody, or two servers that ask for signatures never talk.
            if shared.secure_mode
                && !matches!(place, Place::Node | Place::Media(..))
                && let Err(refused) = inbox::reads(&shared, &uri, &headers, from).await
            {
                return refused;
            }
            let query = query.unwrap_or_default();
            read(&shared, &place, &query, &method, &headers)
                .await
                .unwrap_or_else(|cause| failed(&cause))
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// The bridge of which this is the actor's name: of this node, and never of a channel that it only holds
/// a copy of.
fn bridge(
    shared: &Shared,
    cid: object::Cid,
    host: Option<&str>,
) -> Result<Arc<Bridge>, Box<Response>> {
    let found = shared.core.bridge_by_cid(&cid.0);
    let found = found.filter(|bridge| shared.is_at(bridge, host));
    let bridge = found.ok_or_else(|| Box::new(StatusCode::NOT_FOUND.into_response()))?;
    let is_away = shared.core.sharing(bridge.channel).is_some_and(|shared| !shared.is_home);
    match bridge.state {
        _ if is_away => Err(Box::new(StatusCode::NOT_FOUND.into_response())),
        BridgeState::Gone => {
            let id = shared.url(&Place::Actor(cid));
            Err(Box::new(
                (StatusCode::GONE, activity(&object::tombstone(&id, None))).into_response(),
            ))
        }
        _ => Ok(bridge),
    }
}

async fn read(
    shared: &Shared,
    place: &Place,
    query: &str,
    method: &Method,
    headers: &HeaderMap,
) -> CoreResult<Response> {
    let host = asked_at(headers);
    macro_rules! bridge_of {
        ($cid:expr) => {
            match bridge(shared, *$cid, host) {
                Ok(bridge) => bridge,
                Err(answer) => return Ok(*answer),
            }
        };
    }
    let url = |place: &Place| shared.url(place);
    let not_found = || Ok(StatusCode::NOT_FOUND.into_response());
    match place {
        // Of a host that a channel has brought along it is the old home's.
        Place::Node | Place::NodeOutbox if host.is_some_and(|host| is_brought(shared, host)) => {
            not_found()
        }
        Place::Node => {
            let page = format!("{}/about", shared.ids.base());
            let node =
                object::node_actor(&shared.ids, &shared.about.name, &page, &shared.node.keys);
            Ok(activity(&node))
        }
        Place::NodeOutbox => Ok(activity(&object::ordered_collection(&url(place), 0, None))),
        Place::Actor(cid) => {
            let bridge = bridge_of!(cid);
            let carries = shared.core.is_bridged(bridge.channel);
            if carries && web::wants_page(headers) {
                let name = map::name_of(shared, &bridge);
                return Ok(Redirect::to(&shared.ids_of(&bridge.cid).web(&name)).into_response());
            }
            match map::actor(shared, &bridge, !carries).await? {
                Some(document) => Ok(activity(&document)),
                None => not_found(),
            }
        }
        Place::Followers(cid) => {
            let bridge = bridge_of!(cid);
            let count = shared.core.followers(&bridge.cid)?;
            Ok(activity(&object::ordered_collection(&url(place), count, None)))
        }
        Place::Following(cid) => {
            bridge_of!(cid);
            Ok(activity(&object::ordered_collection(&url(place), 0, None)))
        }
        Place::Outbox(cid) => {
            let bridge = bridge_of!(cid);
            outbox(shared, &bridge, place, query).await
        }
        Place::Featured(cid) => {
            let bridge = bridge_of!(cid);
            let mut posts = shared.core.public_pinned(bridge.channel).await?;
            if posts.is_empty() {
                posts =
                    shared.core.public_posts(bridge.channel, None, FEATURED_NEWEST).await?.posts;
            }
            let mut featured = Vec::with_capacity(posts.len());
            for note in notes(shared, &bridge, &posts).await? {
                if map::repeats(shared, &bridge.cid, &note.post)?.is_none() {
                    featured.push(note.value);
                }
            }
            Ok(activity(&object::featured(&url(place), featured)))
        }
        Place::Post(cid, mid) => {
            let bridge = bridge_of!(cid);
            post(shared, &bridge, mid, place, headers).await
        }
        Place::PostActivity(cid, mid, 0) => {
            let bridge = bridge_of!(cid);
            match noted(shared, &bridge, mid).await? {
                Some(note) => Ok(activity(&told(shared, &bridge.cid, &note)?)),
                None => not_found(),
            }
        }
        Place::Replies(cid, mid) => {
            let bridge = bridge_of!(cid);
            replies(shared, &bridge, mid, place, query).await
        }
        Place::Likes(cid, mid) | Place::Shares(cid, mid) => {
            let bridge = bridge_of!(cid);
            let Some(note) = noted(shared, &bridge, mid).await? else { return not_found() };
            let numbers = shared.core.post_numbers(bridge.channel, note.id)?;
            let count = match place {
                Place::Likes(..) => numbers.reactions.into(),
                _ => u64::try_from(numbers.forwards).unwrap_or(0),
            };
            Ok(activity(&object::collection(&url(place), count, None)))
        }
        Place::Context(cid, mid) => {
            let bridge = bridge_of!(cid);
            let Some(note) = noted(shared, &bridge, mid).await? else { return not_found() };
            let mut items = vec![Value::String(url(&Place::Post(*cid, map::mid(&note.post))))];
            items.extend(comments(shared, &bridge, &note).await?.into_iter().map(Value::String));
            let count = u64::try_from(items.len()).unwrap_or(0);
            Ok(activity(&object::collection(&url(place), count, Some(items))))
        }
        Place::Stamp(cid, number) => {
            let bridge = bridge_of!(cid);
            let Some(quote) = shared.core.quote(&bridge.cid, *number)? else { return not_found() };
            let quoted = url(&Place::Post(*cid, map::mid(&quote.post)));
            let actor = url(&Place::Actor(*cid));
            let stamp = object::quote_authorization(&url(place), &actor, &quote.quoting, &quoted);
            Ok(activity(&stamp))
        }
        Place::Media(name, _) => {
            let Some(named) = Named::parse(name) else { return not_found() };
            match media::find(shared, &named).await? {
                Some(file) => Ok(media::answer(shared, &file, method, headers).await),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}

/// The post that is called so, as a note; none for what is a part of another one.
async fn noted(shared: &Shared, bridge: &Bridge, mid: &object::Mid) -> CoreResult<Option<Noted>> {
    let Some(id) = shared.core.post_at(bridge.channel, &map::post_ref(mid))? else {
        return Ok(None);
    };
    map::note(shared, bridge, id).await
}

async fn post(
    shared: &Shared,
    bridge: &Bridge,
    mid: &object::Mid,
    place: &Place,
    headers: &HeaderMap,
) -> CoreResult<Response> {
    if let Some(answer) = map::answer_ref(mid) {
        return Ok(match map::answer_called(shared, bridge, &answer)? {
            Some(note) => activity(&object::with_context(note)),
            None => StatusCode::NOT_FOUND.into_response(),
        });
    }
    let post = map::post_ref(mid);
    if let Some(PostState::Gone { at, .. }) = shared.core.post_state(&bridge.cid, &post)? {
        let gone = object::tombstone(&shared.url(place), Some(at.into()));
        return Ok((StatusCode::GONE, activity(&gone)).into_response());
    }
    let Some(note) = noted(shared, bridge, mid).await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let id = shared.url(&Place::Post(object::Cid(bridge.cid), map::mid(&note.post)));
    if note.post != post {
        // One of an album: the album is one post.
        return Ok(Redirect::to(&id).into_response());
    }
    if web::wants_page(headers) {
        let page = note.value.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Ok(Redirect::to(&page).into_response());
    }
    if let Some((repeated, _)) = map::repeats(shared, &bridge.cid, &post)? {
        return Ok(Redirect::to(&repeated).into_response());
    }
    Ok(activity(&object::with_context(note.value)))
}

/// The activity by which other servers are told of a post.
fn told(shared: &Shared, cid: &node_core::Cid, note: &Noted) -> CoreResult<Value> {
    Ok(match map::repeats(shared, cid, &note.post)? {
        Some((object, at)) => map::share(shared, cid, &note.post, &object, Some(at)),
        None => {
            let place = Place::PostActivity(object::Cid(*cid), map::mid(&note.post), 0);
            object::create(shared.url(&place), &note.value)
        }
    })
}

/// Posts as notes, each album once.
async fn notes(shared: &Shared, bridge: &Bridge, posts: &[Stored]) -> CoreResult<Vec<Noted>> {
    let mut notes: Vec<Noted> = Vec::new();
    for post in posts {
        if let Some(note) = map::note(shared, bridge, post.id).await?
            && notes.iter().all(|known| known.post != note.post)
        {
            notes.push(note);
        }
    }
    Ok(notes)
}

async fn outbox(
    shared: &Shared,
    bridge: &Bridge,
    place: &Place,
    query: &str,
) -> CoreResult<Response> {
    let url = shared.url(place);
    if query.is_empty() {
        let total = shared.core.public_count(bridge.channel).await?;
        let first = shared.ids_of(&bridge.cid).page(place, &Cursor::Newest);
        return Ok(activity(&object::ordered_collection(&url, total, Some(&first))));
    }
    let before = match Cursor::parse(query) {
        Some(Cursor::Newest) => None,
        Some(Cursor::Max(mid)) => {
            let id = shared.core.post_at(bridge.channel, &map::post_ref(&mid))?;
            let Some(id) = id else { return Ok(StatusCode::NOT_FOUND.into_response()) };
            Some(id)
        }
        _ => return Ok(StatusCode::NOT_FOUND.into_response()),
    };
    let page = shared.core.public_posts(bridge.channel, before, PAGE).await?;
    let notes = notes(shared, bridge, &page.posts).await?;
    let told = notes.iter().map(|note| told(shared, &bridge.cid, note));
    let told = told.collect::<CoreResult<_>>()?;
    // The last one that is shown: what follows may have no name.
    let next = match page.next.and(page.posts.last()) {
        Some(last) => shared.core.post_ref(bridge.channel, last.id)?,
        None => None,
    };
    let next =
        next.map(|next| shared.ids_of(&bridge.cid).page(place, &Cursor::Max(map::mid(&next))));
    let id = format!("{url}?{query}");
    let page = object::ordered_page(&id, &url, told, next.as_deref(), None);
    Ok(activity(&page))
}

/// Ids of what was said to a post elsewhere.
async fn comments(shared: &Shared, bridge: &Bridge, note: &Noted) -> CoreResult<Vec<String>> {
    let found = shared.core.bridge_comments(&bridge.cid, &note.post).await?;
    let shown = found.into_iter().filter(|comment| comment.place != CommentPlace::Held);
    Ok(shown.map(|comment| comment.object).take(REPLIES_MAX).collect())
}

async fn replies(
    shared: &Shared,
    bridge: &Bridge,
    mid: &object::Mid,
    place: &Place,
    query: &str,
) -> CoreResult<Response> {
    let url = shared.url(place);
    let Some(note) = noted(shared, bridge, mid).await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let items: Vec<Value> =
        comments(shared, bridge, &note).await?.into_iter().map(Value::String).collect();
    if query.is_empty() {
        let count = u64::try_from(items.len()).unwrap_or(0);
        return Ok(activity(&object::collection(&url, count, Some(items))));
    }
    Ok(activity(&object::ordered_page(&format!("{url}?{query}"), &url, items, None, None)))
}

/// Who a handle or an address means.
async fn webfinger(State(shared): Known, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let resource = pairs.find(|(name, _)| name == "resource").map(|(_, value)| value.into_owned());
    let Some(resource) = resource else { return StatusCode::BAD_REQUEST.into_response() };
    let headers = [
        (header::CONTENT_TYPE, "application/jrd+json"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, SHORTLY),
    ];
    let acct = resource.strip_prefix("acct:").map(|acct| acct.trim_start_matches('@'));
    let named = match acct.map(|acct| acct.rsplit_once('@')) {
        Some(Some((name, domain))) => called(&shared, name, domain),
        Some(None) => None,
        None => shared.parse(&resource).or_else(|| page_of(&shared, &resource)),
    };
    match named {
        Some(Place::Node) => {
            let ids = &shared.ids;
            (headers, object::node_jrd(ids, shared.host()).to_string()).into_response()
        }
        Some(Place::Actor(cid)) => {
            let ids = shared.ids_of(&cid.0);
            let bridge = match bridge(&shared, cid, Some(host(ids.base()))) {
                Ok(bridge) => bridge,
                Err(answer) => return (answer.status(), ()).into_response(),
            };
            let name = map::name_of(&shared, &bridge);
            (headers, object::jrd(&ids, cid, &name, None).to_string()).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whom a handle means.
fn called(shared: &Shared, name: &str, domain: &str) -> Option<Place> {
    let is_own = domain.eq_ignore_ascii_case(shared.ids.handle_domain())
        || domain.eq_ignore_ascii_case(shared.host());
    if is_own && name.eq_ignore_ascii_case(shared.host()) {
        return Some(Place::Node);
    }
    let found = shared.named_at(domain, name).or_else(|| {
        let cid = object::Cid::parse(name.strip_prefix('c')?)?;
        let bridge = shared.core.bridge_by_cid(&cid.0)?;
        let is_there = match &bridge.known {
            Some(known) => known.is_at(domain),
            None => is_own,
        };
        is_there.then_some(bridge)
    });
    found.map(|bridge| Place::Actor(object::Cid(bridge.cid)))
}

/// The actor of a page for people.
fn page_of(shared: &Shared, url: &str) -> Option<Place> {
    let (bridge, rest) = shared.page(url)?;
    rest.is_empty().then_some(Place::Actor(object::Cid(bridge.cid)))
}

/// The host at which somebody asks.
fn asked_at(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn is_brought(shared: &Shared, host: &str) -> bool {
    !host.eq_ignore_ascii_case(shared.host()) && shared.core.bridges_at(host)
}

fn host(base: &str) -> &str {
    base.split_once("://").map_or(base, |(_, host)| host)
}

async fn host_meta(State(shared): Known) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/xrd+xml; charset=utf-8")];
    (headers, object::host_meta(&shared.ids)).into_response()
}

async fn nodeinfo(State(shared): Known) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, object::node_info_links(&shared.ids).to_string()).into_response()
}

async fn nodeinfo_of(State(shared): Known, Path(version): Path<String>) -> Response {
    let count = async {
        let mut posts = 0;
        let bridges = shared.core.bridges();
        let on = bridges.iter().filter(|bridge| shared.core.is_bridged(bridge.channel));
        for bridge in on {
            posts += shared.core.public_count(bridge.channel).await?;
        }
        CoreResult::Ok(posts)
    };
    let posts = match count.await {
        Ok(posts) => posts,
        Err(cause) => return failed(&cause),
    };
    let version = match version.as_str() {
        "2.0" => NodeInfoVersion::V2_0,
        "2.1" => NodeInfoVersion::V2_1,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let users = u64::try_from(shared.core.users()).unwrap_or(0);
    let info = object::NodeInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: shared.about.name.clone(),
        users,
        posts,
        open_registrations: shared.about.open_registrations,
    };
    let mut document = object::node_info(version, &info);
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        let about = &shared.about;
        metadata.insert("nodeDescription".into(), json!(about.operator));
        metadata.insert("rules".into(), json!(about.rules));
        // The address of a page is no mail address.
        let email = about.contact.as_deref().filter(|contact| !contact.contains("://"));
        metadata.insert("maintainer".into(), json!({ "email": email }));
    }
    let kind = format!(
        "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/{}#\"",
        version.name()
    );
    ([(header::CONTENT_TYPE, kind)], document.to_string()).into_response()
}
