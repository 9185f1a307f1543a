//! Accepts connections and finds out what each speaks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::{Buf as _, BytesMut};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::refusals::Refusal;
use super::stream::{Prefixed, Socket, Stream, read_some};
use super::{connection, http};
use crate::frontend::Shared;
use crate::rpc::Addresses;
use crate::transport::{Detection, Detector, Surface};

/// How long a connection may take to say what it speaks, and a TLS handshake to end. Protects
/// descriptors against clients that send a byte a second.
pub(super) const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a failed accept: descriptors are short, and come back only as connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the listener's task is aborted.
pub(super) async fn accept_loop(shared: Arc<Shared>, router: Router, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let Some(admitted) = shared.admission.admit(remote.ip()) else { continue };
                let (shared, router) = (shared.clone(), router.clone());
                // One task per connection; the bound is that of admission.
                tokio::spawn(async move {
                    if let Ok(local) = stream.local_addr() {
                        serve_socket(shared, router, stream, Addresses { local, remote }).await;
                    }
                    drop(admitted);
                });
            }
            Err(cause) if is_of_one_connection(&cause) => {}
            Err(cause) => {
                tracing::warn!(%cause, "accepting pauses");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors that say something about the accepted connection and nothing about the listener.
fn is_of_one_connection(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

async fn serve_socket(
    shared: Arc<Shared>,
    router: Router,
    mut stream: TcpStream,
    addresses: Addresses,
) {
    // A reply is one write; waiting for more to send only delays it.
    let _ = stream.set_nodelay(true);
    let deadline = Instant::now() + OPENING_TIMEOUT;
    match open(&shared, &mut stream, Surface::Socket, addresses, deadline).await {
        // Each is boxed, so that a connection's task is as big as what it serves and not as all
        // that it might serve.
        Some(Opened::Tls(first)) => {
            let stream = Prefixed::new(first, stream);
            Box::pin(serve_tls(shared, router, stream, addresses, deadline)).await;
        }
        Some(Opened::Http(first)) => {
            Box::pin(http::serve(router, Prefixed::new(first, stream), addresses)).await;
        }
        Some(Opened::Framed(codec, first)) => {
            drop(router);
            let (from_client, to_client) = stream.into_split();
            let (socket, to_client) = (Socket(from_client), Some(to_client));
            let served = connection::serve(shared, socket, first, *codec, addresses, to_client);
            Box::pin(served).await;
        }
        None => {}
    }
}

async fn serve_tls(
    shared: Arc<Shared>,
    router: Router,
    stream: Prefixed<TcpStream>,
    addresses: Addresses,
    deadline: Instant,
) {
    let Some(acceptor) = shared.tls.clone() else {
        return shared.refused(addresses.remote, Refusal::NoTls);
    };
    let Ok(Ok(mut stream)) = timeout_at(deadline, acceptor.accept(stream)).await else {
        return shared.refused(addresses.remote, Refusal::Tls);
    };
    match open(&shared, &mut stream, Surface::Tls, addresses, deadline).await {
        Some(Opened::Http(first)) => {
            Box::pin(http::serve(router, Prefixed::new(first, stream), addresses)).await;
        }
        Some(Opened::Framed(codec, first)) => {
            Box::pin(connection::serve(shared, stream, first, *codec, addresses, None)).await;
        }
        Some(Opened::Tls(_)) | None => {}
    }
}

/// What speaks, and the bytes after what said so.
pub(super) enum Opened {
    Tls(BytesMut),
    Http(BytesMut),
    Framed(Box<crate::transport::Codec>, BytesMut),
}

/// Reads until the protocol is known; `None` to close in silence.
pub(super) async fn open(
    shared: &Shared,
    stream: &mut impl Stream,
    surface: Surface,
    addresses: Addresses,
    deadline: Instant,
) -> Option<Opened> {
    let mut first = BytesMut::new();
    let detector = Detector::new(surface);
    loop {
        match timeout_at(deadline, read_some(stream, &mut first)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => return None,
        }
        match detector.detect(&first, &shared.secrets) {
            Detection::NeedMore => {}
            Detection::Tls => return Some(Opened::Tls(first)),
            Detection::Http => return Some(Opened::Http(first)),
            Detection::Framed { codec, consumed } => {
                first.advance(consumed.min(first.len()));
                return Some(Opened::Framed(Box::new(codec), first));
            }
            Detection::Reject => {
                shared.refused(addresses.remote, Refusal::NotUnderstood);
                return None;
            }
        }
    }
}

/// Binds `addresses`; port 0 takes a free one.
pub(super) async fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|cause| {
            io::Error::new(cause.kind(), format!("cannot listen on {address}: {cause}"))
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}
