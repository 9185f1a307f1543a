//! HTTP on a shared port: `/apiws` for WebSockets, `/apiw1` for single packets, and whatever
//! pages the node hands in.
//!
//! Sources: <https://core.telegram.org/mtproto/transports#http>,
//! <https://core.telegram.org/mtproto/transports#websocket>

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use axum::{Router, middleware};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::Instant;

use super::listener::{OPENING_TIMEOUT, Opened, open};
use super::stream::{Stream, WebSocketStream};
use super::{connection, forwarded, http_packet, incoming};
use crate::frontend::Shared;
use crate::rpc::Addresses;
use crate::transport::{FRAME_BYTES_MAX, FRAME_BYTES_MAX_BEFORE_LOGIN, Surface};

/// How long a client may take to send its request line and headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// Bytes of request line and headers.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// Seconds that a browser may remember the answer to its preflight request.
const PREFLIGHT_MAX_AGE: &str = "86400";

/// The routes of MTProto, and the pages for everything else.
pub(super) fn router(shared: Arc<Shared>, pages: Router) -> Router {
    let mut router = Router::new();
    // Web clients put the kind of data centre behind the path; a node is all kinds.
    for suffix in ["", "_test", "_premium", "_test_premium"] {
        router = router
            .route(&format!("/apiws{suffix}"), any(websocket))
            .route(&format!("/apiw1{suffix}"), post(packet).options(preflight))
            .route(&format!("/apiw{suffix}"), post(packet).options(preflight));
    }
    router
        .route("/api", post(packet).options(preflight))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::map_response(allow_every_origin))
        .with_state(shared)
        .fallback_service(pages)
}

/// Serves one connection that began with an HTTP request.
pub(super) async fn serve(
    shared: Arc<Shared>,
    router: Router,
    stream: impl Stream,
    addresses: Addresses,
) {
    let is_proxy = shared.proxies.trust(addresses.remote.ip());
    let told = move |mut request: Request| {
        let mut addresses = addresses;
        if is_proxy {
            addresses.remote =
                forwarded::client(request.headers(), &shared.proxies, addresses.remote);
        }
        let extensions = request.extensions_mut();
        extensions.insert(addresses);
        extensions.insert(ConnectInfo(addresses.remote));
        extensions.insert(IsByProxy(is_proxy));
        std::future::ready(request)
    };
    let service = router.layer(middleware::map_request(told));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX.max(8192))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades()
        .await;
    if let Err(cause) = served {
        tracing::debug!(%cause, "an HTTP connection ended");
    }
}

/// Whether a request came over a connection of a proxy, which counts for nobody.
#[derive(Clone, Copy)]
struct IsByProxy(bool);

/// `/apiws`: obfuscated MTProto in the binary messages of a WebSocket.
async fn websocket(
    State(shared): State<Arc<Shared>>,
    Extension(addresses): Extension<Addresses>,
    Extension(IsByProxy(is_by_proxy)): Extension<IsByProxy>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let share = is_by_proxy.then(|| shared.admission.share(addresses.remote.ip()));
    if matches!(share, Some(None)) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    upgrade
        // Browsers refuse a connection whose sub-protocol was not chosen.
        .protocols(["binary"])
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| async move {
            let _share = share;
            let mut stream = WebSocketStream::new(socket);
            let deadline = Instant::now() + OPENING_TIMEOUT;
            if let Some(Opened::Framed(codec, first)) =
                open(&shared, &mut stream, Surface::WebSocket, addresses, BytesMut::new(), deadline)
                    .await
            {
                Box::pin(connection::serve(shared, stream, first, *codec, addresses, None)).await;
            }
        })
}

/// `/apiw1`: one packet in, one packet out.
async fn packet(
    State(shared): State<Arc<Shared>>,
    Extension(addresses): Extension<Addresses>,
    body: Body,
) -> Response {
    let body = match received(&shared, body).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    match http_packet::answer(&shared, addresses, body).await {
        Ok(packet) => {
            let kind = HeaderValue::from_static("application/octet-stream");
            ([(header::CONTENT_TYPE, kind)], Body::from(packet)).into_response()
        }
        // Transport errors are status codes here.
        Err(code) => {
            let status = u16::try_from(code.unsigned_abs()).ok();
            let status = status.and_then(|s| StatusCode::from_u16(s).ok());
            status.unwrap_or(StatusCode::BAD_REQUEST).into_response()
        }
    }
}

/// A packet whole, with leave to be longer than a stranger's where it names a member's key.
async fn received(shared: &Shared, body: Body) -> Result<BytesMut, StatusCode> {
    let mut chunks = body.into_data_stream();
    // Ends with the packet's arrival, as on a connection: its answer may be waited for.
    let (mut packet, mut leave) = (BytesMut::new(), None);
    while let Some(chunk) = chunks.next().await {
        // hyper hands out what one read gave it.
        packet.extend_from_slice(&chunk.map_err(|_| StatusCode::BAD_REQUEST)?);
        if packet.len() > FRAME_BYTES_MAX_BEFORE_LOGIN && leave.is_none() {
            let id = packet.first_chunk().map_or(0, |id| i64::from_le_bytes(*id));
            if !incoming::is_of_member(shared, id).await {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            leave = Some(shared.large_frames.take(id).await);
        }
        if packet.len() > FRAME_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(packet)
}

/// Ends requests whose body never comes. Above what `http_wait` may hold.
async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

/// The question that a browser asks before it posts to another origin.
async fn preflight() -> impl axum::response::IntoResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "origin, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (StatusCode::OK, headers)
}

/// MTProto authenticates by itself and uses no cookies: every page may speak to a node.
async fn allow_every_origin(mut response: Response) -> Response {
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}
