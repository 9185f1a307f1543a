//! `/admin`: the node, as its owner sees it in a browser and looks after it.
//!
//! No script: each page is made whole, each button is a form of its own. What is dangerous is behind a
//! second press. A form carries a token that is derived from the browser's cookie, and comes from a page
//! of this host, which the browser says itself (`Origin`, `Sec-Fetch-Site`): both are looked at, before
//! anything else. Who may enter, and what is shown and done, is for whoever implements [`Admin`].

mod draw;
mod lists;
mod model;
mod shell;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use cookie::{Cookie, SameSite};
use maud::Markup;
use serde::Deserialize;

pub use model::{
    Act, BridgeCounts, ChannelBridge, Codes, Disk, Finding, Host, Listed, Login, Notice,
    OpenInvite, Overview, Peer, PeerCounts, Peers, Person, PersonPage, PublicChannel, Queues,
    Report, ReportedMessage, Somebody, Storage, Usage,
};

use crate::Found;
use shell::Shell;

/// What a browser keeps. Two cookies: who comes by a link of another site brings none (`SameSite`), gets a
/// new one for the login, and must not lose the session by that.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// Tells browsers apart that want to log in.
    Login,
    /// A session.
    Session,
}

impl Kept {
    /// `__Host-`: no other host, and nothing without TLS, can set it.
    fn name(self, is_https: bool) -> &'static str {
        match (self, is_https) {
            (Self::Login, true) => "__Host-rookery-admin-login",
            (Self::Login, false) => "rookery-admin-login",
            (Self::Session, true) => "__Host-rookery-admin",
            (Self::Session, false) => "rookery-admin",
        }
    }
}

/// Bytes of a form.
const FORM_BYTES_MAX: usize = 8 << 10;

/// Characters of what is searched for.
const SEARCH_CHARS_MAX: usize = 64;

/// What is shown, or why it cannot be.
pub type Loaded<'a, T> = Found<'a, Result<T, String>>;

/// What becomes of somebody who types a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// A session, by its token.
    In(String),
    /// Not the code that waits.
    Wrong,
    /// Too often.
    TooMany,
    /// The owner could not be told of the login, so that there is none.
    Failed,
}

/// The node, for its owner. `browser` is what the browser's cookie holds.
pub trait Admin: Send + Sync + 'static {
    /// The node's name.
    fn node(&self) -> String;
    /// Whether browsers come by https.
    fn is_https(&self) -> bool;
    /// Where browsers reach the node, as it is configured: a second origin that forms may come from.
    fn public_url(&self) -> Option<String>;

    /// A token for a browser that has none.
    fn new_browser(&self) -> String;
    /// What a browser's forms carry.
    fn form_token(&self, browser: &str) -> String;
    /// Whether that is it.
    fn is_form_token(&self, browser: &str, given: &str) -> bool;
    /// Whether the browser has a session of who owns the node.
    fn enter(&self, browser: &str) -> bool;
    /// Has a code sent to the owner, if there is one; false if that was too often.
    fn ask_code(&self, from: Option<SocketAddr>) -> bool;
    /// Opens a session for a code.
    fn log_in<'a>(&'a self, from: Option<SocketAddr>, code: &'a str) -> Found<'a, Tried>;
    /// Ends a session.
    fn log_out(&self, browser: &str);
    /// Ends all sessions.
    fn log_out_everywhere(&self);
    /// Keeps something for the session's next page.
    fn notice(&self, browser: &str, notice: Notice);
    /// Takes that.
    fn take_notice(&self, browser: &str) -> Option<Notice>;

    /// The first page.
    fn overview(&self) -> Loaded<'_, (Overview, Vec<Finding>)>;
    /// Members, some or all.
    fn people<'a>(&'a self, text: &'a str, page: u64) -> Loaded<'a, Listed<Person>>;
    /// One of them.
    fn person(&self, id: i64) -> Loaded<'_, PersonPage>;
    /// Invites that nobody has used.
    fn invites(&self, page: u64) -> Loaded<'_, Listed<OpenInvite>>;
    /// Public channels.
    fn channels(&self, page: u64) -> Loaded<'_, Listed<PublicChannel>>;
    /// Other nodes.
    fn peers(&self, page: u64) -> Loaded<'_, Peers>;
    /// What waits to leave.
    fn queues(&self) -> Loaded<'_, Queues>;
    /// What members report.
    fn reports(&self, page: u64) -> Loaded<'_, Listed<Report>>;
    /// What is stored.
    fn storage(&self) -> Loaded<'_, Storage>;
    /// Does something.
    fn act(&self, act: Act) -> Found<'_, Notice>;
}

type Node = State<Arc<dyn Admin>>;
type Caller = Option<Extension<ConnectInfo<SocketAddr>>>;

/// The pages of `/admin`.
pub fn router(admin: Arc<dyn Admin>) -> Router {
    Router::new()
        .route("/admin", get(overview))
        .route("/admin/code", post(ask_code))
        .route("/admin/login", get(code_page).post(log_in))
        .route("/admin/logout", post(log_out))
        .route("/admin/act", post(act))
        .route("/admin/people", get(people))
        .route("/admin/people/{id}", get(person))
        .route("/admin/invites", get(invites))
        .route("/admin/channels", get(channels))
        .route("/admin/peers", get(peers))
        .route("/admin/queues", get(queues))
        .route("/admin/reports", get(reports))
        .route("/admin/storage", get(storage))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn(for_people))
        .layer(middleware::map_response(private))
        .with_state(admin)
        .route("/admin/style.css", get(style))
}

/// Pages are for whoever looks at them. A script on another page of this host, such as a web client's
/// below `/web/`, fetches none: the browser says what it asks for (Fetch Metadata), and neither frames
/// (`frame-ancestors`) nor windows that it opens (`Cross-Origin-Opener-Policy`) let it look in.
async fn for_people(request: Request, next: Next) -> Response {
    match request.headers().get("sec-fetch-dest") {
        Some(wanted) if wanted != "document" => StatusCode::FORBIDDEN.into_response(),
        _ => next.run(request).await,
    }
}

/// Nothing is kept, and forms say where they come from: without a referrer policy of its own, a page's
/// forms would come from `null` (Fetch, "append a request `Origin` header").
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What stands behind `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    q: String,
    page: Option<u64>,
}

impl Wanted {
    fn page(&self) -> u64 {
        self.page.unwrap_or(1).max(1)
    }

    fn text(&self) -> String {
        self.q.trim().chars().take(SEARCH_CHARS_MAX).collect()
    }
}

/// A browser in a session of the owner.
struct Inside<'a> {
    admin: &'a dyn Admin,
    browser: String,
}

/// One that is not, and is led to the first page.
struct Outside;

impl IntoResponse for Outside {
    fn into_response(self) -> Response {
        Redirect::to("/admin").into_response()
    }
}

impl<'a> Inside<'a> {
    fn enter(admin: &'a dyn Admin, headers: &HeaderMap) -> Result<Self, Outside> {
        let browser = kept(admin, headers, Kept::Session).filter(|browser| admin.enter(browser));
        browser.map(|browser| Self { admin, browser }).ok_or(Outside)
    }

    /// A page, or why there is none.
    fn show<T>(
        &self,
        here: &'static str,
        found: Result<T, String>,
        draw: impl FnOnce(&Shell, &T) -> Markup,
    ) -> Response {
        let shell = Shell {
            node: self.admin.node(),
            here,
            form: self.admin.form_token(&self.browser),
            notice: self.admin.take_notice(&self.browser),
        };
        match found {
            Ok(found) => {
                let body = draw(&shell, &found);
                html(StatusCode::OK, shell.page(&body))
            }
            Err(reason) => html(StatusCode::SERVICE_UNAVAILABLE, shell.cannot(&reason)),
        }
    }
}

async fn overview(State(admin): Node, headers: HeaderMap) -> Response {
    let Ok(inside) = Inside::enter(&*admin, &headers) else {
        return first_page(&*admin, &headers);
    };
    inside.show("/admin", admin.overview().await, draw::overview)
}

/// For whoever is not inside: how to get there.
fn first_page(admin: &dyn Admin, headers: &HeaderMap) -> Response {
    let known = kept(admin, headers, Kept::Login);
    let token = known.clone().unwrap_or_else(|| admin.new_browser());
    let page = shell::welcome(&admin.node(), &admin.form_token(&token));
    let response = html(StatusCode::OK, page);
    match known {
        Some(_) => response,
        None => keep(admin, Kept::Login, Some(&token), response),
    }
}

async fn code_page(State(admin): Node, headers: HeaderMap) -> Response {
    match (Inside::enter(&*admin, &headers), kept(&*admin, &headers, Kept::Login)) {
        (Err(Outside), Some(browser)) => {
            let page = shell::code(&admin.node(), &admin.form_token(&browser), None);
            html(StatusCode::OK, page)
        }
        _ => Redirect::to("/admin").into_response(),
    }
}

/// The fields of a form that says nothing more.
#[derive(Deserialize)]
struct Bare {
    #[serde(default)]
    token: String,
}

async fn ask_code(
    State(admin): Node,
    from: Caller,
    headers: HeaderMap,
    form: Result<Form<Bare>, FormRejection>,
) -> Response {
    let given = form.map(|Form(bare)| bare.token);
    if own_form(&*admin, &headers, Kept::Login, given).is_none() {
        return refused(&*admin);
    }
    if !admin.ask_code(address(from)) {
        return too_many(&*admin);
    }
    Redirect::to("/admin/login").into_response()
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    token: String,
    #[serde(default)]
    code: String,
}

async fn log_in(
    State(admin): Node,
    from: Caller,
    headers: HeaderMap,
    form: Result<Form<Typed>, FormRejection>,
) -> Response {
    let (given, code) = match form {
        Ok(Form(Typed { token, code })) => (Ok(token), code),
        Err(wrong) => (Err(wrong), String::new()),
    };
    let Some(browser) = own_form(&*admin, &headers, Kept::Login, given) else {
        return refused(&*admin);
    };
    let says = match admin.log_in(address(from), &code).await {
        // A token that nobody has seen before: one that somebody planted opens nothing.
        Tried::In(session) => {
            let inside = Redirect::to("/admin").into_response();
            return keep(&*admin, Kept::Session, Some(&session), inside);
        }
        Tried::TooMany => return too_many(&*admin),
        Tried::Wrong => "That is not the code, or it is over. Look at the newest message.",
        Tried::Failed => "The node cannot write at the moment. Try again later.",
    };
    let page = shell::code(&admin.node(), &admin.form_token(&browser), Some(says));
    html(StatusCode::FORBIDDEN, page)
}

#[derive(Deserialize)]
struct Leaving {
    #[serde(default)]
    token: String,
    /// Whether all others leave, too.
    #[serde(default)]
    everywhere: bool,
}

async fn log_out(
    State(admin): Node,
    headers: HeaderMap,
    form: Result<Form<Leaving>, FormRejection>,
) -> Response {
    let everywhere = form.as_ref().is_ok_and(|Form(leaving)| leaving.everywhere);
    let given = form.map(|Form(leaving)| leaving.token);
    let Some(browser) = own_form(&*admin, &headers, Kept::Session, given) else {
        return refused(&*admin);
    };
    // Whose session is over sends nobody else out.
    if everywhere && admin.enter(&browser) {
        admin.log_out_everywhere();
    }
    admin.log_out(&browser);
    keep(&*admin, Kept::Session, None, Redirect::to("/admin").into_response())
}

/// A form of a page inside.
#[derive(Deserialize)]
struct Acting {
    #[serde(default)]
    token: String,
    #[serde(flatten)]
    act: Act,
}

async fn act(
    State(admin): Node,
    headers: HeaderMap,
    form: Result<Form<Acting>, FormRejection>,
) -> Response {
    let (given, act) = match form {
        Ok(Form(Acting { token, act })) => (Ok(token), Some(act)),
        Err(wrong) => (Err(wrong), None),
    };
    let Some(browser) = own_form(&*admin, &headers, Kept::Session, given) else {
        return refused(&*admin);
    };
    let Some(act) = act else { return refused(&*admin) };
    if !admin.enter(&browser) {
        let says = "You are not logged in any more. Log in again, and repeat what you did.";
        let page = shell::message(&admin.node(), "Not logged in", says);
        return html(StatusCode::FORBIDDEN, page);
    }
    let page = act.page();
    let notice = admin.act(act).await;
    admin.notice(&browser, notice);
    Redirect::to(&page).into_response()
}

async fn people(
    State(admin): Node,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    let text = wanted.text();
    let found = admin.people(&text, wanted.page()).await;
    Ok(inside.show("/admin/people", found, |shell, found| lists::people(shell, &text, found)))
}

async fn person(
    State(admin): Node,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/people", admin.person(id).await, lists::person))
}

async fn invites(
    State(admin): Node,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/invites", admin.invites(wanted.page()).await, lists::invites))
}

async fn channels(
    State(admin): Node,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/channels", admin.channels(wanted.page()).await, lists::channels))
}

async fn peers(
    State(admin): Node,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/peers", admin.peers(wanted.page()).await, lists::peers))
}

async fn queues(State(admin): Node, headers: HeaderMap) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/queues", admin.queues().await, draw::queues))
}

async fn reports(
    State(admin): Node,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/reports", admin.reports(wanted.page()).await, lists::reports))
}

async fn storage(State(admin): Node, headers: HeaderMap) -> Result<Response, Outside> {
    let inside = Inside::enter(&*admin, &headers)?;
    Ok(inside.show("/admin/storage", admin.storage().await, draw::storage))
}

async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("style.css")).into_response()
}

/// The browser whose own form this is, by what it keeps; none if it came from elsewhere, or carries another
/// token.
fn own_form<E>(
    admin: &dyn Admin,
    headers: &HeaderMap,
    by: Kept,
    given: Result<String, E>,
) -> Option<String> {
    let browser = kept(admin, headers, by).filter(|_| is_from_here(admin, headers))?;
    let is_own = given.is_ok_and(|given| admin.is_form_token(&browser, &given));
    is_own.then_some(browser)
}

/// Whether a browser says that a page of this host sent the request. One that says nothing is not
/// believed: all that are in use do.
fn is_from_here(admin: &dyn Admin, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text("origin") else { return false };
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let same_host = host.is_some() && host == text("host");
    same_host || admin.public_url().is_some_and(|url| url == origin)
}

fn refused(admin: &dyn Admin) -> Response {
    let page = shell::message(
        &admin.node(),
        "Refused",
        "This did not come from a page of this node that you have open. Open the admin page anew, in a \
         browser that keeps cookies, by the address that the node is configured with.",
    );
    html(StatusCode::FORBIDDEN, page)
}

fn too_many(admin: &dyn Admin) -> Response {
    let page = shell::message(
        &admin.node(),
        "Too many at once",
        "Codes were asked for or tried too often. Try again in a few minutes.",
    );
    html(StatusCode::TOO_MANY_REQUESTS, page)
}

fn html(status: StatusCode, page: Markup) -> Response {
    (status, Html(page.into_string())).into_response()
}

fn address(from: Caller) -> Option<SocketAddr> {
    from.map(|Extension(ConnectInfo(from))| from)
}

/// What the browser keeps, if that can be one of our tokens.
fn kept(admin: &dyn Admin, headers: &HeaderMap, what: Kept) -> Option<String> {
    let wanted = what.name(admin.is_https());
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut all = sent.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = all.find(|cookie| cookie.name() == wanted)?;
    let is_token = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    Some(found.value().to_owned()).filter(|value| is_token(value))
}

/// Has the browser keep a token until it is closed, or no longer. The node ends a session before, if it is
/// not used.
fn keep(admin: &dyn Admin, what: Kept, token: Option<&str>, mut response: Response) -> Response {
    let is_https = admin.is_https();
    let mut cookie = Cookie::build((what.name(is_https), token.unwrap_or_default()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_https)
        .build();
    if token.is_none() {
        cookie.make_removal();
    }
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests;
