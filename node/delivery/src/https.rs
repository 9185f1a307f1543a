//! Requests of the node's own: bounded in time and size, without redirects.

use std::path::Path;
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::SetupError;

/// A whole answer.
pub type Answer = Response<Vec<u8>>;

/// Speaks HTTP to one kind of server, over TLS but for this machine's own.
#[derive(Clone)]
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    within: Duration,
    body_bytes_max: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// Neither https nor this machine.
    #[error("https is needed, or http to this machine")]
    Insecure,
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// No connection, or one that ended.
    #[error("{0}")]
    Connection(String),
    /// The answer is longer than it may be.
    #[error("the answer is too long or was cut")]
    Body,
}

impl Https {
    /// Trusts the system's authorities and those in the PEM file `more`. An exchange may take
    /// `within`, and an answer have so many bytes.
    ///
    /// # Errors
    /// [`SetupError::Trust`].
    pub fn new(
        more: Option<&Path>,
        within: Duration,
        body_bytes_max: usize,
    ) -> Result<Self, SetupError> {
        let tls = trust::client_config(more)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, within, body_bytes_max })
    }

    /// Sends a request and reads its answer, whatever its status. A redirect is an answer: what was
    /// meant for one server goes to no other.
    ///
    /// # Errors
    /// See [`HttpsError`].
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Answer, HttpsError> {
        if !is_private(request.uri()) {
            return Err(HttpsError::Insecure);
        }
        let exchange = async {
            let request = request.map(|body| Full::new(Bytes::from(body)));
            let answer = self.client.request(request).await;
            let answer = answer.map_err(|cause| HttpsError::Connection(chain(&cause)))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, self.body_bytes_max).collect().await;
            let body = body.map_err(|_| HttpsError::Body)?.to_bytes().to_vec();
            Ok(Response::from_parts(parts, body))
        };
        timeout(self.within, exchange).await.unwrap_or(Err(HttpsError::Late))
    }
}

/// Whether nobody on the way can read what is sent there.
pub(crate) fn is_private(uri: &Uri) -> bool {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => trust::is_loopback(host),
        _ => false,
    }
}

/// An error and its causes: hyper's first line says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_cross_no_network_in_the_clear() {
        for good in
            ["https://example.org/x", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost/"]
        {
            assert!(is_private(&good.parse().unwrap()), "{good}");
        }
        for bad in
            ["http://example.org/", "http://127.0.0.1.example.org/", "ftp://localhost/", "/x"]
        {
            assert!(!is_private(&bad.parse().unwrap()), "{bad}");
        }
    }
}
