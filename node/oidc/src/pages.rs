//! What the browser sees.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use node_core::CoreError;
use serde::Deserialize;

use crate::flows::LIFETIME_MS;
use crate::{Oidc, PATH};

/// Tells one browser from another while a login is under way.
const COOKIE: &str = "rookery-login";

/// Longest code or state that is looked at.
const PARAMETER_BYTES_MAX: usize = 4096;

/// What the provider sends back.
#[derive(Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `/login/oidc`
pub(crate) async fn begin(
    State(oidc): State<Arc<Oidc>>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> Response {
    let now_ms = (oidc.setup.clock)();
    let from = from.map(|Extension(ConnectInfo(from))| from);
    let begun = if oidc.begins.may(from, now_ms) {
        oidc.flows.begin(now_ms, oidc.setup.random)
    } else {
        None
    };
    let Some(begun) = begun else {
        let says = "Too many people log in at the moment. Try again in a minute.";
        return page(&oidc, StatusCode::TOO_MANY_REQUESTS, "Please wait", says);
    };
    let url = match oidc.authorize_url(&begun).await {
        Ok(url) => url,
        Err(reason) => {
            tracing::warn!(%reason, "a login by OIDC cannot begin");
            let says = "The login service does not answer. Try again later.";
            return page(&oidc, StatusCode::BAD_GATEWAY, "No login now", says);
        }
    };
    let secure = oidc.base.get().is_some_and(|base| base.starts_with("https://"));
    let cookie = format!(
        "{COOKIE}={}; Path={PATH}; Max-Age={}; HttpOnly; SameSite=Lax{}",
        begun.browser,
        LIFETIME_MS / 1000,
        if secure { "; Secure" } else { "" }
    );
    (StatusCode::SEE_OTHER, [(header::LOCATION, url), (header::SET_COOKIE, cookie)]).into_response()
}

/// `/login/oidc/callback`
pub(crate) async fn come_back(
    State(oidc): State<Arc<Oidc>>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let again = "This login was begun elsewhere, or too long ago. Begin again.";
    let Some(state) = returned.state.filter(|state| state.len() <= PARAMETER_BYTES_MAX) else {
        return page(&oidc, StatusCode::BAD_REQUEST, "Not logged in", again);
    };
    let browser = cookie(&headers).unwrap_or_default();
    let Some(flow) = oidc.flows.end(&state, browser, (oidc.setup.clock)()) else {
        return page(&oidc, StatusCode::BAD_REQUEST, "Not logged in", again);
    };
    let code = returned.code.filter(|code| code.len() <= PARAMETER_BYTES_MAX);
    let (Some(code), None) = (code, returned.error) else {
        let says = "The login service did not let you in.";
        return page(&oidc, StatusCode::FORBIDDEN, "Not logged in", says);
    };
    let person = match oidc.person(flow, code).await {
        Ok(person) => person,
        Err(reason) => {
            tracing::warn!(%reason, "a login by OIDC failed");
            let says = "What the login service answered does not hold. Begin again; if it goes on, \
                        tell the node's operator.";
            return page(&oidc, StatusCode::BAD_GATEWAY, "Not logged in", says);
        }
    };
    match oidc.core.identity_code(&person.identity, person.may_join).await {
        Ok(found) => {
            let until_s = found.expires.saturating_sub(oidc.core.now());
            let (phone, code) = (format!("+{}", found.phone), &*found.code);
            let shown = web::code_page(&oidc.setup.node, &phone, code, until_s, found.is_new);
            Html(shown.into_string()).into_response()
        }
        Err(CoreError::RegistrationClosed) => {
            let says = "You are known to the login service, but this node does not take you as a \
                        member. Ask its operator.";
            page(&oidc, StatusCode::FORBIDDEN, "Not a member", says)
        }
        Err(CoreError::Flood { .. }) => {
            let says =
                "You asked for many codes. Wait a few minutes; the last one may still be good.";
            page(&oidc, StatusCode::TOO_MANY_REQUESTS, "Please wait", says)
        }
        Err(cause) => {
            tracing::warn!(%cause, "a login by OIDC found no code");
            let says = "The node cannot give you a code now. Try again later.";
            page(&oidc, StatusCode::SERVICE_UNAVAILABLE, "No login now", says)
        }
    }
}

fn page(oidc: &Oidc, status: StatusCode, title: &str, says: &str) -> Response {
    let shown = web::message_page(&oidc.setup.node, title, says);
    (status, Html(shown.into_string())).into_response()
}

/// The value of our cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        sent.flat_map(|sent| sent.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}
