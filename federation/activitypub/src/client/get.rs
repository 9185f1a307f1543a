//! Documents of others.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::{Client, JSON_BYTES_MAX, SignError, UrlError};
use crate::guard::{check_json, host_of, is_activity, same_host};
use crate::sign::{Scheme, prepare};

/// Redirects of one request that are followed.
const REDIRECTS_MAX: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// An object of ActivityStreams, whose `id` is where it is.
    Object,
    /// WebFinger.
    Jrd,
    /// NodeInfo.
    Json,
}

impl Document {
    fn accept(self) -> &'static str {
        match self {
            Self::Object => {
                "application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\""
            }
            Self::Jrd => "application/jrd+json, application/json",
            Self::Json => "application/json",
        }
    }

    fn is(self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let json = essence.eq_ignore_ascii_case("application/json");
        match self {
            Self::Object => is_activity(content_type),
            Self::Jrd => json || essence.eq_ignore_ascii_case("application/jrd+json"),
            Self::Json => json,
        }
    }
}

/// A document.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where it was, after redirects. Of an object: its id.
    pub final_url: Url,
    /// As it came.
    pub bytes: Bytes,
    /// As it reads.
    pub json: Value,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not an address that is asked.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The host is blocked here.
    #[error("{0} is blocked")]
    Blocked(String),
    /// Nobody answers there, or somebody who may not be reached.
    #[error("connection: {0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// More redirects than are followed.
    #[error("too many redirects")]
    Redirects,
    /// It was, and is no more: 410.
    #[error("gone")]
    Gone,
    /// An answer without a document.
    #[error("status {0}")]
    Status(u16),
    /// Of another type than was asked for: it may be anybody's upload.
    #[error("another type of content")]
    ContentType,
    /// More bytes than are read.
    #[error("too long")]
    TooLong,
    /// No JSON, or too deep.
    #[error("not a document")]
    Body,
    /// It says that it is another one.
    #[error("its id is not where it was found")]
    Id,
    /// The request could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Client {
    /// Fetches an object. A fragment is not sent; what has another id of the same host is fetched
    /// once more from there.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        self.within(async {
            let url = self.0.reach.parse(url)?;
            let fetched = self.follow(url, Document::Object).await?;
            let id = match id_of(&fetched) {
                Some(id) if id == fetched.final_url => return Ok(fetched),
                Some(id) if same_host(&id, &fetched.final_url) => {
                    self.0.reach.parse(id.as_str())?
                }
                _ => return Err(FetchError::Id),
            };
            let fetched = self.follow(id, Document::Object).await?;
            match id_of(&fetched) {
                Some(id) if id == fetched.final_url => Ok(fetched),
                _ => Err(FetchError::Id),
            }
        })
        .await
    }

    /// Fetches what has no id: WebFinger, NodeInfo.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get_document(&self, url: &str, kind: Document) -> Result<Fetched, FetchError> {
        self.within(async { self.follow(self.0.reach.parse(url)?, kind).await }).await
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let work = async {
            // Waiting for a turn is part of the time.
            let _turn = self.0.fetches.acquire().await.map_err(|_| FetchError::Late)?;
            work.await
        };
        timeout(self.0.within, work).await.map_err(|_| FetchError::Late)?
    }

    /// Asks at a checked URL, and again where it is told to.
    async fn follow(&self, mut url: Url, kind: Document) -> Result<Fetched, FetchError> {
        for _ in 0..=REDIRECTS_MAX {
            let host = host_of(&url).ok_or(UrlError("no name of a host"))?;
            if (self.0.is_blocked)(&host) {
                return Err(FetchError::Blocked(host));
            }
            let mut response = self.ask(&url, kind, Scheme::Cavage).await?;
            if response.status() == 401 {
                response = self.ask(&url, kind, Scheme::Rfc9421).await?;
            }
            let status = response.status().as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                let target = target.ok_or(FetchError::Status(status))?;
                let target = url.join(target).map_err(|_| UrlError("redirected nowhere"))?;
                if url.scheme() == "https" && target.scheme() != "https" {
                    return Err(UrlError("redirected from https").into());
                }
                url = self.0.reach.parse(target.as_str())?;
                continue;
            }
            return match status {
                200..=299 => self.read(url, response, kind).await,
                410 => Err(FetchError::Gone),
                _ => Err(FetchError::Status(status)),
            };
        }
        Err(FetchError::Redirects)
    }

    async fn ask(
        &self,
        url: &Url,
        kind: Document,
        scheme: Scheme,
    ) -> Result<reqwest::Response, FetchError> {
        let (node, now_s) = (&self.0.node, (self.0.clock)() / 1000);
        let prepared = prepare(scheme, url, None, kind.accept(), &node.key_id, now_s);
        let prepared = prepared.map_err(SignError::from)?;
        let signature = self.0.pool.sign(node, prepared.text()).await?;
        let headers = prepared.finish(&signature).map_err(SignError::from)?;
        self.0.http.get(url.clone()).headers(headers).send().await.map_err(failed)
    }

    async fn read(
        &self,
        final_url: Url,
        mut response: reqwest::Response,
        kind: Document,
    ) -> Result<Fetched, FetchError> {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if !header(&CONTENT_TYPE).is_some_and(|content_type| kind.is(content_type)) {
            return Err(FetchError::ContentType);
        }
        if header(&CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(FetchError::ContentType);
        }
        if response.content_length().is_some_and(|length| length > JSON_BYTES_MAX as u64) {
            return Err(FetchError::TooLong);
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > JSON_BYTES_MAX {
                return Err(FetchError::TooLong);
            }
            bytes.extend_from_slice(&chunk);
        }
        check_json(&bytes).map_err(|_| FetchError::Body)?;
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| FetchError::Body)?;
        if !json.is_object() {
            return Err(FetchError::Body);
        }
        Ok(Fetched { final_url, bytes: bytes.freeze(), json })
    }
}

fn id_of(fetched: &Fetched) -> Option<Url> {
    Url::parse(fetched.json.get("id")?.as_str()?).ok()
}

/// An error and its causes, without the address.
pub(super) fn failed(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Late;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    FetchError::Connection(text)
}
