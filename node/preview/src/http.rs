//! One request to one address that was checked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, USER_AGENT};
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::PreviewError;

/// Bytes of a response's head, which is all that its reader keeps at once.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers of a response.
const HEADERS_MAX: usize = 200;
/// Addresses of one name that are tried.
const TRIES_MAX: usize = 3;

/// What each request needs.
pub(crate) struct Client {
    pub(crate) tls: TlsConnector,
    pub(crate) user_agent: String,
    pub(crate) connect_within: Duration,
}

/// A response whose body is still to be read. Dropped, it closes its connection.
pub(crate) struct Answer {
    response: Response<Incoming>,
    _connection: Connection,
}

/// The task that moves a connection's bytes.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// Asks for `url` at one of `addresses`, each of them checked.
    pub(crate) async fn get(
        &self,
        url: &Url,
        addresses: &[IpAddr],
        accept: &'static str,
    ) -> Result<Answer, PreviewError> {
        let port = url.port_or_known_default().ok_or(PreviewError::Url("no port"))?;
        let stream = self.connect(addresses, port).await?;
        if url.scheme() == "https" {
            let name = match url.host() {
                Some(Host::Domain(name)) => ServerName::try_from(name.to_owned())
                    .map_err(|_| PreviewError::Url("no name of a server"))?,
                Some(Host::Ipv4(address)) => ServerName::IpAddress(IpAddr::V4(address).into()),
                Some(Host::Ipv6(address)) => ServerName::IpAddress(IpAddr::V6(address).into()),
                None => return Err(PreviewError::Url("no host")),
            };
            let stream = self.tls.connect(name, stream).await.map_err(|cause| failed(&cause))?;
            self.ask(stream, url, accept).await
        } else {
            self.ask(stream, url, accept).await
        }
    }

    async fn connect(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, PreviewError> {
        let mut last = PreviewError::Resolve;
        for address in addresses.iter().take(TRIES_MAX) {
            let connecting = TcpStream::connect(SocketAddr::new(*address, port));
            match timeout(self.connect_within, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(cause)) => last = failed(&cause),
                Err(_) => last = PreviewError::Late,
            }
        }
        Err(last)
    }

    async fn ask<S>(
        &self,
        stream: S,
        url: &Url,
        accept: &'static str,
    ) -> Result<Answer, PreviewError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|cause| failed(&cause))?;
        // How it ends shows in what is read from it.
        let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = Request::get(path)
            .header(HOST, host)
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| PreviewError::Url("no request can be made of it"))?;
        let response = sender.send_request(request).await.map_err(|cause| failed(&cause))?;
        Ok(Answer { response, _connection: connection })
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The type of the content in small letters, and its charset if one is given.
    pub(crate) fn content_type(&self) -> (String, Option<String>) {
        let mut parts = self.header(CONTENT_TYPE).unwrap_or_default().split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_owned())
        });
        (essence, charset)
    }

    /// Refuses content that would have to be inflated.
    pub(crate) fn check_plain(&self) -> Result<(), PreviewError> {
        match self.response.headers().get(CONTENT_ENCODING) {
            Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
                Err(PreviewError::Encoded)
            }
            _ => Ok(()),
        }
    }

    /// The first `bytes_max` bytes of the body, and whether there were more.
    pub(crate) async fn read(mut self, bytes_max: usize) -> Result<(Bytes, bool), PreviewError> {
        let mut read = BytesMut::new();
        let body = self.response.body_mut();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|cause| failed(&cause))?;
            let Ok(data) = frame.into_data() else { continue };
            let room = bytes_max - read.len();
            if data.len() > room {
                read.extend_from_slice(&data[..room]);
                return Ok((read.freeze(), true));
            }
            read.extend_from_slice(&data);
        }
        Ok((read.freeze(), false))
    }
}

/// An error and its causes: hyper's first line says little.
fn failed(error: &dyn std::error::Error) -> PreviewError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    PreviewError::Connection(text)
}
