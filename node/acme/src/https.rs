//! Requests to the authority: HTTP/1.1 over TLS, answers of bounded size and time.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Limited;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::Setup;

/// Longest answer. A chain of certificates has some kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long the head of an answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Https(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Https {
    pub(super) fn new(setup: &Setup) -> Result<Self, trust::TrustError> {
        let config = trust::client_config(setup.ca_file.as_deref())?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
        let connector = connector.https_only().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.0.request(request);
        Box::pin(async move {
            let late = || Error::Other(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
            let answer = tokio::time::timeout(ANSWERS_WITHIN, answer).await.map_err(|_| late())?;
            let answer = answer.map_err(|cause| Error::Other(Box::new(cause)))?;
            Ok(answer.map(|body| Limited::new(body, ANSWER_BYTES_MAX)).into())
        })
    }
}
