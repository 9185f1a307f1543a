//! Pages for browsers: what this node is, and where the links lead that its members' clients print.
//!
//! Every page is made here, whole, from escaped templates: no script, no cookie, nothing from another
//! host. What a page shows of people comes from [`Pages`], which decides what is public; this crate
//! only draws it. Beside them, under a policy of its own, stands a web client that the operator has built.

mod accept;
pub mod admin;
mod channel;
mod client;
mod home;
mod join;
mod layout;
mod links;
mod pages;
mod qr;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, middleware};

pub use accept::{wants_activity, wants_page};
pub use channel::{Channel, Comment, Media, MediaKind, Poll, Post, PostPage};
pub use client::WebClient;
pub use home::{ChannelLink, Program};
pub use join::Invitation;
pub use layout::message as message_page;
pub use links::is_username;
pub use pages::code as code_page;
pub use pages::{About, Profile, Registration};
pub use qr::qr_text;

/// What is looked up.
pub type Found<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the node knows and these pages show.
pub trait Pages: Send + Sync + 'static {
    /// The node itself.
    fn about(&self) -> About;

    /// What everybody may see of whoever has this username, whatever its case.
    fn profile(&self, username: &str) -> Option<Profile>;

    /// How another node finds out that this one has its domain: JSON. None where there are no other
    /// nodes.
    fn binding(&self) -> Option<String> {
        None
    }

    /// Channels that their owners show to everybody, for the first page.
    fn channels(&self) -> Vec<ChannelLink> {
        Vec::new()
    }

    /// Programs that log in here.
    fn programs(&self) -> &'static [Program] {
        &[]
    }

    /// One of them by its file, filled in.
    fn program(&self, _file: &str) -> Option<String> {
        None
    }

    /// The invite whose page's address ends with `token`, as long as it is good.
    fn invitation<'a>(&'a self, _token: &'a str) -> Found<'a, Option<Invitation>> {
        Box::pin(async { None })
    }

    /// A channel that its owner shows to everybody, with some of its posts: the newest, or those before
    /// a number.
    fn channel<'a>(
        &'a self,
        _named: Named<'a>,
        _before: Option<i32>,
    ) -> Found<'a, Option<Channel>> {
        Box::pin(async { None })
    }

    /// A post of such a channel, by what stands in its address.
    fn post<'a>(&'a self, _named: Named<'a>, _post: &'a str) -> Found<'a, FoundPost> {
        Box::pin(async { FoundPost::None })
    }

    /// Where browsers reach the node, without a slash at the end.
    fn base(&self) -> String {
        String::new()
    }

    /// Whether this address may look somebody up now.
    fn may_look_up(&self, from: Option<SocketAddr>) -> bool;
}

/// What stands at the address of a post.
#[derive(Debug, Clone)]
pub enum FoundPost {
    /// Nothing, and nothing did.
    None,
    /// It was deleted.
    Gone,
    /// It is at this path.
    At(String),
    /// The post.
    Page(Box<PostPage>),
}

/// The name of a channel, as somebody asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// At which host, if they say so: channels that came from another node kept theirs.
    pub host: Option<&'a str>,
    /// The name.
    pub name: &'a str,
}

/// The pages, and `more` routes under the same rules for browsers; anything else is answered by a
/// page that says that there is nothing.
pub fn router(pages: Arc<dyn Pages>, more: Router) -> Router {
    let link = |name: &'static str| get(move |state, uri| other(state, uri, name));
    Router::new()
        .route("/", get(home))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .route("/robots.txt", get(robots))
        .route("/about", get(about))
        .route("/join/{token}", get(join))
        .route("/programs/{file}", get(program))
        .route("/.well-known/rookery/node.json", get(binding))
        .route("/{name}", get(name))
        .route("/{name}/feed", get(feed))
        .route("/{name}/{post}", get(post))
        .route("/c/{*rest}", link("c"))
        .route("/u/{*rest}", link("u"))
        .route("/contact/{*rest}", link("contact"))
        .route("/joinchat/{*rest}", link("joinchat"))
        .fallback(nothing)
        .with_state(pages)
        .merge(more)
        .layer(middleware::map_response(safe))
}

type Shown = State<Arc<dyn Pages>>;

async fn home(State(pages): Shown) -> Html<String> {
    let page = home::home(&pages.about(), &pages.channels(), pages.programs());
    Html(page.into_string())
}

async fn about(State(pages): Shown) -> Html<String> {
    Html(home::about_page(&pages.about()).into_string())
}

/// `/join/TOKEN`. Whoever guesses gets the same answer for whatever is not good.
async fn join(
    State(pages): Shown,
    Path(token): Path<String>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> Response {
    let about = pages.about();
    if !pages.may_look_up(from.map(|Extension(ConnectInfo(from))| from)) {
        return too_many(&about, "Somebody at your address opened many pages.");
    }
    match pages.invitation(&token).await {
        Some(found) => {
            Html(join::invitation(&about, &found, pages.programs()).into_string()).into_response()
        }
        None => (StatusCode::NOT_FOUND, Html(join::over(&about).into_string())).into_response(),
    }
}

/// `/programs/FILE`
async fn program(State(pages): Shown, Path(file): Path<String>) -> Response {
    let Some(program) = pages.program(&file) else { return not_found(&pages.about()) };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    (headers, program).into_response()
}

/// `/@CHANNEL`, `/NAME`, `/+NUMBER` and `/+HASH`.
async fn name(
    State(pages): Shown,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> Response {
    let about = pages.about();
    if let Some(channel) = name.strip_prefix('@') {
        let before = query.as_deref().and_then(|query| query.strip_prefix("before="));
        let Some(found) =
            shown_channel(&*pages, named(&headers, channel), before.and_then(|n| n.parse().ok()))
                .await
        else {
            return not_found(&about);
        };
        if let Some(actor) = found.actor.as_ref().filter(|_| wants_activity(&headers)) {
            return to_object(actor);
        }
        return shown(
            found.indexable,
            Html(channel::channel(&about, &base_of(&*pages, &found), &found).into_string()),
        );
    }
    if let Some(link) = links::plus(&name) {
        return Html(pages::link(&about, &link).into_string()).into_response();
    }
    if !is_username(&name) {
        return not_found(&about);
    }
    let from = from.map(|Extension(ConnectInfo(from))| from);
    if !pages.may_look_up(from) {
        return too_many(&about, "Somebody at your address looked up many names.");
    }
    match pages.profile(&name) {
        Some(profile) => Html(pages::profile(&about, &profile).into_string()).into_response(),
        // The same for a name that nobody has and for one that is not shown.
        None => not_found(&about),
    }
}

/// `/@CHANNEL/POST`: `POST` is what its object is called by, or its number here.
async fn post(
    State(pages): Shown,
    Path((name, post)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let about = pages.about();
    let channel = name.strip_prefix('@').filter(|name| is_username(name));
    let found = match channel {
        Some(channel) => pages.post(named(&headers, channel), &post).await,
        None => FoundPost::None,
    };
    match found {
        FoundPost::None => not_found(&about),
        FoundPost::Gone => {
            let page = layout::message(&about.name, "Deleted", "This post was deleted.");
            (StatusCode::GONE, Html(page.into_string())).into_response()
        }
        FoundPost::At(path) => Redirect::temporary(&path).into_response(),
        FoundPost::Page(found) => {
            if let Some(object) = found.post.object.as_ref().filter(|_| wants_activity(&headers)) {
                return to_object(object);
            }
            let page = channel::post_page(&about, &base_of(&*pages, &found.channel), &found);
            shown(found.channel.indexable, Html(page.into_string()))
        }
    }
}

/// `/@CHANNEL/feed`
async fn feed(State(pages): Shown, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = match name.strip_prefix('@') {
        Some(name) => shown_channel(&*pages, named(&headers, name), None).await,
        None => None,
    };
    let Some(found) = found else { return not_found(&pages.about()) };
    let kind = [(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")];
    shown(found.indexable, (kind, channel::feed(&base_of(&*pages, &found), &found)))
}

async fn shown_channel(
    pages: &dyn Pages,
    named: Named<'_>,
    before: Option<i32>,
) -> Option<Channel> {
    if is_username(named.name) { pages.channel(named, before).await } else { None }
}

/// What is asked for: names are those of a host.
fn named<'a>(headers: &'a HeaderMap, name: &'a str) -> Named<'a> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    Named { host, name }
}

/// Scheme and host of a channel's pages.
fn base_of(pages: &dyn Pages, channel: &Channel) -> String {
    channel.base.clone().unwrap_or_else(|| pages.base())
}

/// To the object of which this is the page for people.
fn to_object(url: &str) -> Response {
    ([(header::VARY, "accept")], Redirect::to(url)).into_response()
}

/// A page that may be kept for a moment, and be found by who searches if its owner likes.
fn shown(indexable: bool, page: impl IntoResponse) -> Response {
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));
    if indexable {
        headers.insert("x-robots-tag", HeaderValue::from_static("all"));
    }
    response
}

/// Links whose first part says what they are.
async fn other(State(pages): Shown, uri: Uri, kind: &'static str) -> Response {
    let about = pages.about();
    let rest = uri.path().trim_start_matches('/').trim_start_matches(kind).trim_matches('/');
    match links::of_kind(kind, rest) {
        Some(link) => Html(pages::link(&about, &link).into_string()).into_response(),
        None => not_found(&about),
    }
}

fn too_many(about: &About, says: &str) -> Response {
    let says = format!("{says} Try again in a minute.");
    let page = layout::message(&about.name, "Too many at once", &says);
    (StatusCode::TOO_MANY_REQUESTS, Html(page.into_string())).into_response()
}

async fn nothing(State(pages): Shown) -> Response {
    not_found(&pages.about())
}

fn not_found(about: &About) -> Response {
    let page = layout::message(
        &about.name,
        "Nothing here",
        "Nobody on this node shows a page at this address. Names may be spelled another way, and \
         members without a username have no page.",
    );
    (StatusCode::NOT_FOUND, Html(page.into_string())).into_response()
}

async fn binding(State(pages): Shown) -> Response {
    let Some(document) = pages.binding() else { return not_found(&pages.about()) };
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, layout::STYLE).into_response()
}

async fn icon() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, layout::ICON).into_response()
}

async fn robots() -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        "User-agent: *\nAllow: /@\nDisallow: /\n",
    )
        .into_response()
}

/// What every answer tells a browser: to load nothing but our style, to be in nobody's frame, to
/// tell no other host where it was.
async fn safe(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        // What others sent is shown under stricter rules, which stay.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry("x-robots-tag").or_insert(HeaderValue::from_static("noindex"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
