//! Accepts connections and finds out what each speaks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::admission::Admitted;
use super::refusals::Refusal;
use super::stream::{Prefixed, Socket, Stream, read_some};
use super::tls::ACME_TLS_1;
use super::{connection, http, proxies};
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
                let Some(mut admitted) = shared.admission.admit() else { continue };
                // A proxy stands for many; what it hands on counts for whom it names.
                if !shared.proxies.trust(remote.ip()) {
                    let counted = admitted.count_for(&shared.admission, remote.ip());
                    let Some(counted) = counted else { continue };
                    admitted = counted;
                }
                let (shared, router) = (shared.clone(), router.clone());
                // One task per connection; the bound is that of admission.
                tokio::spawn(async move {
                    if let Ok(local) = stream.local_addr() {
                        let addresses = Addresses { local, remote };
                        serve_socket(shared, router, stream, addresses, admitted).await;
                    }
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
    mut addresses: Addresses,
    mut admitted: Admitted,
) {
    // A reply is one write; waiting for more to send only delays it.
    let _ = stream.set_nodelay(true);
    let deadline = Instant::now() + OPENING_TIMEOUT;
    let mut first = BytesMut::new();
    if shared.proxies.trust(addresses.remote.ip()) {
        let read = proxies::read_header(&mut stream, &mut first, addresses, deadline);
        let Some(told) = Box::pin(read).await else { return };
        if told != addresses {
            let counted = admitted.count_for(&shared.admission, told.remote.ip());
            let Some(counted) = counted else { return };
            (addresses, admitted) = (told, counted);
        }
    }
    // Until the connection ends.
    let _admitted = admitted;
    match open(&shared, &mut stream, Surface::Socket, addresses, first, deadline).await {
        // Each is boxed, so that a connection's task is as big as what it serves and not as all
        // that it might serve.
        Some(Opened::Tls(first)) => {
            let stream = Prefixed::new(first, stream);
            Box::pin(serve_tls(shared, router, stream, addresses, deadline)).await;
        }
        Some(Opened::Http(first)) => {
            let stream = Prefixed::new(first, stream);
            Box::pin(http::serve(shared, router, stream, addresses)).await;
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
    if stream.get_ref().1.alpn_protocol() == Some(ACME_TLS_1) {
        // The authority has seen what it wanted.
        let _ = timeout_at(deadline, stream.shutdown()).await;
        return;
    }
    match open(&shared, &mut stream, Surface::Tls, addresses, BytesMut::new(), deadline).await {
        Some(Opened::Http(first)) => {
            let stream = Prefixed::new(first, stream);
            Box::pin(http::serve(shared, router, stream, addresses)).await;
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

/// Reads until the protocol is known, after what was read already; `None` to close in silence.
pub(super) async fn open(
    shared: &Shared,
    stream: &mut impl Stream,
    surface: Surface,
    addresses: Addresses,
    mut first: BytesMut,
    deadline: Instant,
) -> Option<Opened> {
    let detector = Detector::new(surface);
    loop {
        if first.is_empty() {
            read_more(stream, &mut first, deadline).await?;
        }
        match detector.detect(&first, &shared.secrets) {
            Detection::NeedMore => read_more(stream, &mut first, deadline).await?,
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

/// Appends what arrives; `None` at the end of the stream, or of the time.
pub(super) async fn read_more(
    stream: &mut impl Stream,
    into: &mut BytesMut,
    deadline: Instant,
) -> Option<()> {
    match timeout_at(deadline, read_some(stream, into)).await {
        Ok(Ok(read)) if read > 0 => Some(()),
        _ => None,
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
