//! What a request to an inbox has to pass before anything is fetched for it: cheap first.
//!
//! [`Guard::head`] looks at the headers, before the body is read; [`Guard::body`] at the body. What
//! is left is the signature itself: `client::Verifier` has or fetches the actor's key and asks
//! [`Guard::verify`]. Every refusal has a status.

mod blocks;
mod bucket;
mod json;
mod media;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method};
use keys::http_signature::HttpVerifyKey;
use serde_json::Value;
use url::Url;

use crate::sign::{Request, Signature, SignatureError};

pub(crate) use blocks::{Allowed, domain, normalise};
pub use blocks::{CsvError, Listed, read_blocks, write_blocks};
pub(crate) use bucket::{Buckets, Rate};
pub(crate) use json::check as check_json;
pub(crate) use media::is_activity;

/// Bytes of an activity.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of an address, as everywhere in the fediverse.
const URL_BYTES_MAX: usize = 2048;

/// Whether nothing is wanted of a host, nor told to it.
pub type IsBlocked = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Whether a host, as a request names it, is one that a channel has brought along.
pub(crate) type IsBrought = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Why a request was refused. `Display` is for the log, not for the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    /// 415: neither `application/activity+json` nor `application/ld+json` with the profile.
    #[error("not a type of activities")]
    MediaType,
    /// 413.
    #[error("too long")]
    TooLong,
    /// 400: not JSON, too deep, or not an activity.
    #[error("body: {0}")]
    Body(&'static str),
    /// 400: for another host.
    #[error("for another host")]
    Host,
    /// 401: not signed, or not so that it could be for this request.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// 403: the host is blocked here.
    #[error("{0} is blocked")]
    Blocked(String),
    /// 403: signer, actor and activity are not of one host.
    #[error("{0}")]
    Origin(&'static str),
    /// 503: the actor's key cannot be had now. The peer tries again.
    #[error("no key of the actor")]
    NoKey,
    /// 429.
    #[error("too many requests, {wait_s} s left")]
    TooMany {
        /// When the next one would pass.
        wait_s: u64,
    },
}

impl Refusal {
    /// The status to answer with.
    #[must_use]
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::MediaType => 415,
            Self::TooLong => 413,
            Self::Body(_) | Self::Host => 400,
            Self::Signature(_) => 401,
            Self::Blocked(_) | Self::Origin(_) => 403,
            Self::TooMany { .. } => 429,
            Self::NoKey => 503,
        }
    }
}

/// Checks requests to the inboxes of one host.
pub(crate) struct Guard {
    /// Our host, as it stands in ids: with the port, if it has one.
    host: String,
    /// Whether a host is ours as well: channels that moved here have brought it along.
    is_brought: IsBrought,
    /// `https`; `http` only in a closed network.
    scheme: &'static str,
    /// Which hosts are not served.
    is_blocked: IsBlocked,
    buckets: parking_lot::Mutex<Buckets>,
}

/// A request whose headers passed.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    signature: Signature,
    key_id: Url,
}

/// A request that passed, but for the signature: whose key that is, must be fetched.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// The signature, to be verified with the key of `key_id`.
    pub(crate) signature: Signature,
    /// Where the key is: a fragment or a path of the actor's host.
    pub(crate) key_id: Url,
    /// Who did it.
    pub(crate) actor: Url,
    /// What it is called.
    pub(crate) id: Url,
    /// Its `type`, the first if it has several.
    pub(crate) kind: String,
    /// The activity.
    pub(crate) json: Value,
}

impl Guard {
    /// A guard of `host`. `plain_http` is for closed networks.
    #[must_use]
    pub(crate) fn new(host: &str, plain_http: bool, is_blocked: IsBlocked, rate: Rate) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            is_brought: Arc::new(|_| false),
            scheme: if plain_http { "http" } else { "https" },
            is_blocked,
            buckets: parking_lot::Mutex::new(Buckets::new(rate)),
        }
    }

    /// The same, of hosts that channels have brought along as well.
    #[must_use]
    pub(crate) fn and_of(self, is_brought: IsBrought) -> Self {
        Self { is_brought, ..self }
    }

    /// The host that a request is for, if it is ours.
    fn asked<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let host = one(headers, &HOST)?;
        let is_ours = host.eq_ignore_ascii_case(&self.host) || (self.is_brought)(host);
        is_ours.then_some(host)
    }

    /// Checks the headers of a `POST`, in order: type, length, host, signature (coverage and times),
    /// blocks, rate. `source` tells apart who claims to be the same host, if it is known.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn head(
        &self,
        path_query: &str,
        headers: &HeaderMap,
        source: Option<&str>,
        now_ms: u64,
    ) -> Result<Head, Refusal> {
        let media_type = one(headers, &CONTENT_TYPE).ok_or(Refusal::MediaType)?;
        if !is_activity(media_type) {
            return Err(Refusal::MediaType);
        }
        if let Some(length) = headers.get(CONTENT_LENGTH) {
            let length = length.to_str().ok().and_then(|length| length.parse::<usize>().ok());
            if length.is_none_or(|length| length > BODY_BYTES_MAX) {
                return Err(Refusal::TooLong);
            }
        }
        let signature = self.signed(&Method::POST, path_query, headers, now_ms / 1000)?;
        let key_id = self.parse(signature.key_id()).ok_or(Refusal::Origin("keyId is no id"))?;
        let host = host_of(&key_id).ok_or(Refusal::Origin("keyId is no id"))?;
        if self.is_blocked(&host) {
            return Err(Refusal::Blocked(host));
        }
        self.take("", &host, source, now_ms)?;
        Ok(Head { signature, key_id })
    }

    /// Takes one request of a host, of those of one kind.
    fn take(
        &self,
        kind: &str,
        host: &str,
        source: Option<&str>,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let bucket = format!("{kind}{host} {}", source.unwrap_or_default());
        let taken = self.buckets.lock().take(&bucket, now_ms);
        taken.map_err(|wait_ms| Refusal::TooMany { wait_s: wait_ms.div_ceil(1000) })
    }

    /// Checks the signature of a `GET`, for those who want only signed ones: host, signature, blocks,
    /// rate. Gives the key's id. `source` as in [`Guard::head`].
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn get(
        &self,
        path_query: &str,
        headers: &HeaderMap,
        source: Option<&str>,
        now_ms: u64,
    ) -> Result<(Signature, Url), Refusal> {
        let signature = self.signed(&Method::GET, path_query, headers, now_ms / 1000)?;
        let key_id = self.parse(signature.key_id()).ok_or(Refusal::Origin("keyId is no id"))?;
        let host = host_of(&key_id).ok_or(Refusal::Origin("keyId is no id"))?;
        if self.is_blocked(&host) {
            return Err(Refusal::Blocked(host));
        }
        // Who reads much says no less for it.
        self.take("get ", &host, source, now_ms)?;
        Ok((signature, key_id))
    }

    fn signed(
        &self,
        method: &Method,
        path_query: &str,
        headers: &HeaderMap,
        now_s: u64,
    ) -> Result<Signature, Refusal> {
        if self.asked(headers).is_none() {
            return Err(Refusal::Host);
        }
        let signature = Signature::parse(headers)?;
        signature.check(&self.request(method, path_query, headers), now_s)?;
        Ok(signature)
    }

    /// Checks the body: length, digest, JSON, and that signer, actor and activity are of one host.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn body(
        &self,
        head: Head,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Admitted, Refusal> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        head.signature.check_body(headers, body)?;
        check_json(body).map_err(Refusal::Body)?;
        let json: Value = serde_json::from_slice(body).map_err(|_| Refusal::Body("not JSON"))?;
        let id = json.get("id").and_then(Value::as_str).and_then(|id| self.parse(id));
        let id = id.ok_or(Refusal::Body("no id"))?;
        let actor = json.get("actor").and_then(id_in).and_then(|id| self.parse(id));
        let actor = actor.ok_or(Refusal::Body("no actor"))?;
        let kind = match json.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            Some(kind) => kind.as_str(),
            None => None,
        };
        let kind = kind.ok_or(Refusal::Body("no type"))?.to_owned();
        if !same_host(&head.key_id, &actor) {
            return Err(Refusal::Origin("signed by another host than the actor's"));
        }
        if !same_host(&id, &actor) {
            return Err(Refusal::Origin("an id of another host than the actor's"));
        }
        if host_and_port(&actor) == self.host {
            return Err(Refusal::Origin("in our own name"));
        }
        let Head { signature, key_id } = head;
        Ok(Admitted { signature, key_id, actor, id, kind, json })
    }

    /// An id: of the right scheme, with a name for a host.
    fn parse(&self, id: &str) -> Option<Url> {
        let url = (id.len() <= URL_BYTES_MAX).then(|| Url::parse(id).ok()).flatten()?;
        let named = url.domain().is_some() && url.username().is_empty() && url.password().is_none();
        let scheme = url.scheme() == "https" || url.scheme() == self.scheme;
        (named && scheme).then_some(url)
    }

    fn request<'a>(
        &'a self,
        method: &'a Method,
        path_query: &'a str,
        headers: &'a HeaderMap,
    ) -> Request<'a> {
        let host = self.asked(headers).unwrap_or(&self.host);
        Request { method, scheme: self.scheme, host, path_query, headers }
    }

    /// Whether nothing is wanted of a host.
    pub(crate) fn is_blocked(&self, host: &str) -> bool {
        (self.is_blocked)(host)
    }

    /// Whether `key` made the signature of a request.
    ///
    /// # Errors
    /// [`Refusal::Signature`]: the caller fetches the actor once more, and asks again.
    pub(crate) fn verify(
        &self,
        signature: &Signature,
        method: &Method,
        path_query: &str,
        headers: &HeaderMap,
        key: &HttpVerifyKey,
    ) -> Result<(), Refusal> {
        Ok(signature.verify(&self.request(method, path_query, headers), key)?)
    }
}

impl Admitted {
    /// Whether an actor is gone or changed: of one who is not known here, that is answered with 202
    /// and forgotten, without a fetch.
    #[must_use]
    pub(crate) fn is_about_its_actor(&self) -> bool {
        let object = self.json.get("object").and_then(id_in);
        matches!(self.kind.as_str(), "Delete" | "Update") && object == Some(self.actor.as_str())
    }
}

/// An id, or that of an object.
fn id_in(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str())
}

/// A header that comes once.
fn one<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The host of an id without its port, as blocks name it.
pub(crate) fn host_of(url: &Url) -> Option<String> {
    url.host_str().and_then(normalise)
}

fn host_and_port(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// Whether two ids belong to one server.
#[must_use]
pub(crate) fn same_host(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.has_host() && host_and_port(a) == host_and_port(b)
}

#[cfg(test)]
mod tests;
