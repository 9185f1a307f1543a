//! The HTTP client that S3 is asked with: the node's own TLS, bounded in time and size, no redirects.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::timeout;

use crate::OpenError;

/// One request and its answer; half a megabyte over a slow line.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// An answer holds an object of half a megabyte, or a thousand names. Protects memory.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Requests to one provider of S3.
#[derive(Debug, Clone)]
pub(crate) struct S3Client {
    client: Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
}

impl S3Client {
    /// Trusts the system's authorities and those in the PEM file `more`.
    pub(crate) fn new(more: Option<&Path>) -> Result<Self, OpenError> {
        let tls = trust::client_config(more)?;
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }
}

impl HttpConnector for S3Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for S3Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|cause| {
                let kind = match cause.is_connect() {
                    true => HttpErrorKind::Connect,
                    false => HttpErrorKind::Interrupted,
                };
                HttpError::new(kind, cause)
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body =
                body.map_err(|cause| HttpError::new_boxed(HttpErrorKind::Interrupted, cause))?;
            Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(body.to_bytes())))
        };
        match timeout(EXCHANGE_WITHIN, exchange).await {
            Ok(done) => done,
            Err(late) => Err(HttpError::new(HttpErrorKind::Timeout, late)),
        }
    }
}
