//! Signatures of HTTP requests, in the two schemes that the fediverse speaks, over plain data.
//!
//! Out: [`prepare`] gives the text, a key signs it elsewhere, [`Prepared::finish`] gives the headers.
//! In: [`Signature::parse`] → [`Signature::check`] (what is signed, and when) →
//! [`Signature::check_body`] → [`Signature::verify`], the dearest last.
//!
//! Source: <https://datatracker.ietf.org/doc/html/draft-cavage-http-signatures-12>,
//! <https://www.rfc-editor.org/rfc/rfc9421>, and what Mastodon asks for:
//! <https://docs.joinmastodon.org/spec/security/>

mod cavage;
mod digest;
mod out;
mod rfc9421;

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST};
use http::{HeaderMap, HeaderName, Method};
use keys::http_signature::HttpVerifyKey;
use serde::{Deserialize, Serialize};

pub(crate) use out::prepare;

/// How far a peer's clock may be ahead, and its signatures late.
const CLOCK_MARGIN_S: u64 = 60 * 60;
/// How long a signature lives at most.
const LIFE_S: u64 = 12 * 60 * 60;
/// How long one lives that says when it was made, but not when it ends.
const LIFE_WITHOUT_END_S: u64 = 5 * 60;
/// Bytes of a header about a signature.
const HEADER_BYTES_MAX: usize = 8 << 10;
/// Parts of a request that one signature covers.
const PARTS_MAX: usize = 32;

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const DIGEST: HeaderName = HeaderName::from_static("digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Which of the two.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Scheme {
    /// draft-cavage-http-signatures, which nearly every server reads.
    #[default]
    Cavage,
    /// RFC 9421.
    Rfc9421,
}

impl Scheme {
    /// The one to try when this one was refused.
    #[must_use]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Cavage => Self::Rfc9421,
            Self::Rfc9421 => Self::Cavage,
        }
    }
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SignatureError {
    /// There is none.
    #[error("not signed")]
    Missing,
    /// It cannot be read.
    #[error("signature: {0}")]
    Format(&'static str),
    /// It leaves out what it has to cover.
    #[error("{0} is not signed")]
    Uncovered(&'static str),
    /// It covers a header that is not there.
    #[error("a signed header is missing: {0}")]
    Absent(String),
    /// Its scheme or algorithm is none of ours, or not what the key is for.
    #[error("algorithm: {0}")]
    Algorithm(&'static str),
    /// Made more than an hour from now.
    #[error("signed in the future")]
    Early,
    /// Its time is over.
    #[error("signed too long ago")]
    Late,
    /// The body is not what was signed.
    #[error("the digest is not that of the body")]
    Digest,
    /// The key did not make it.
    #[error("wrong signature")]
    Wrong,
}

/// A request as its signer named it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// `POST` or `GET`.
    pub(crate) method: &'a Method,
    /// `https`, or `http` in a closed network: as outside of any proxy.
    pub(crate) scheme: &'a str,
    /// Our host, with the port if one is named.
    pub(crate) host: &'a str,
    /// From the first `/`, with the query.
    pub(crate) path_query: &'a str,
    /// All headers, `Host` among them.
    pub(crate) headers: &'a HeaderMap,
}

impl Request<'_> {
    fn path(&self) -> &str {
        self.path_query.split_once('?').map_or(self.path_query, |(path, _)| path)
    }
}

/// What a signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Header(HeaderName),
    // RFC 9421.
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    // draft-cavage.
    OldTarget,
    Created,
    Expires,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rsa,
    Ed25519,
    /// Not said: it follows from the key.
    OfKey,
}

/// A signature as it came: read, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    scheme: Scheme,
    key_id: String,
    algorithm: Algorithm,
    parts: Vec<Part>,
    created: Option<u64>,
    expires: Option<u64>,
    /// The value of `@signature-params`.
    params: String,
    value: Vec<u8>,
}

impl Signature {
    /// Reads the one signature of a request.
    ///
    /// # Errors
    /// [`SignatureError`]: none, two, or one that is not well-formed.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, SignatureError> {
        let signature = only(headers, &SIGNATURE)?.ok_or(SignatureError::Missing)?;
        match only(headers, &SIGNATURE_INPUT)? {
            Some(input) => rfc9421::parse(input, signature),
            None => cavage::parse(signature),
        }
    }

    /// Its scheme.
    #[cfg(test)]
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The address of the key.
    #[must_use]
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether it covers what it must, and was made at a time that holds: so that it cannot be used
    /// for another request, host, body or day.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub(crate) fn check(&self, request: &Request<'_>, now_s: u64) -> Result<(), SignatureError> {
        self.check_coverage(request)?;
        for part in &self.parts {
            if let Part::Header(name) = part {
                self.check_single(request.headers, name)?;
            }
        }
        self.check_time(request.headers, now_s)
    }

    /// Whether the body is the one whose digest is signed.
    ///
    /// # Errors
    /// [`SignatureError::Digest`].
    pub(crate) fn check_body(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        match self.scheme {
            Scheme::Cavage => digest::check_old(only(headers, &DIGEST)?, body),
            Scheme::Rfc9421 => digest::check(only(headers, &CONTENT_DIGEST)?, body),
        }
    }

    /// Whether a key made it. A signed `GET` may leave out the query, as GoToSocial does at a
    /// second try.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub(crate) fn verify(
        &self,
        request: &Request<'_>,
        key: &HttpVerifyKey,
    ) -> Result<(), SignatureError> {
        match (self.algorithm, key) {
            (Algorithm::Rsa | Algorithm::OfKey, HttpVerifyKey::Rsa(_))
            | (Algorithm::Ed25519 | Algorithm::OfKey, HttpVerifyKey::Ed25519(_)) => {}
            _ => return Err(SignatureError::Algorithm("not what the key is for")),
        }
        let made = |request: &Request<'_>| {
            let base = self.base(request)?;
            key.verify(base.as_bytes(), &self.value).map_err(|_| SignatureError::Wrong)
        };
        let bare = Request { path_query: request.path(), ..*request };
        match made(request) {
            Err(SignatureError::Wrong)
                if request.method == Method::GET && bare.path_query != request.path_query =>
            {
                made(&bare)
            }
            result => result,
        }
    }

    fn covers(&self, part: &Part) -> bool {
        self.parts.contains(part)
    }

    fn check_coverage(&self, request: &Request<'_>) -> Result<(), SignatureError> {
        let need = |covered: bool, what| match covered {
            true => Ok(()),
            false => Err(SignatureError::Uncovered(what)),
        };
        let has_body = request.method != Method::GET;
        match self.scheme {
            Scheme::Cavage => {
                need(self.covers(&Part::OldTarget), "(request-target)")?;
                need(self.covers(&Part::Header(HOST)), "host")?;
                need(!has_body || self.covers(&Part::Header(DIGEST)), "digest")?;
                let dated = self.covers(&Part::Header(DATE)) || self.covers(&Part::Created);
                need(dated, "date or (created)")
            }
            Scheme::Rfc9421 => {
                need(self.covers(&Part::Method), "@method")?;
                let query = !request.path_query.contains('?') || self.covers(&Part::Query);
                let path = self.covers(&Part::RequestTarget) || self.covers(&Part::Path) && query;
                let host = self.covers(&Part::Authority) || self.covers(&Part::Header(HOST));
                need(self.covers(&Part::TargetUri) || host && path, "@target-uri")?;
                need(!has_body || self.covers(&Part::Header(CONTENT_DIGEST)), "content-digest")?;
                need(self.created.is_some(), "created")
            }
        }
    }

    /// A header of one value that comes twice may be read one way here and another way elsewhere.
    fn check_single(&self, headers: &HeaderMap, name: &HeaderName) -> Result<(), SignatureError> {
        let single = [HOST, DATE, DIGEST, CONTENT_DIGEST, CONTENT_TYPE, CONTENT_LENGTH];
        if single.contains(name) { only(headers, name).map(drop) } else { Ok(()) }
    }

    fn check_time(&self, headers: &HeaderMap, now_s: u64) -> Result<(), SignatureError> {
        let now_late = now_s.saturating_sub(CLOCK_MARGIN_S);
        let now_early = now_s.saturating_add(CLOCK_MARGIN_S);
        if self.covers(&Part::Header(DATE)) {
            let date = only(headers, &DATE)?.and_then(parse_date);
            let date = date.ok_or(SignatureError::Format("date"))?;
            if date > now_early {
                return Err(SignatureError::Early);
            }
            if date.saturating_add(LIFE_S) < now_s {
                return Err(SignatureError::Late);
            }
        }
        if let Some(created) = self.created {
            if created > now_early {
                return Err(SignatureError::Early);
            }
            let end = self.expires.unwrap_or(created.saturating_add(LIFE_WITHOUT_END_S));
            if end.min(created.saturating_add(LIFE_S)) < now_late {
                return Err(SignatureError::Late);
            }
        }
        match self.expires {
            Some(expires) if expires < now_late => Err(SignatureError::Late),
            _ => Ok(()),
        }
    }

    /// What was signed.
    pub(crate) fn base(&self, request: &Request<'_>) -> Result<String, SignatureError> {
        let mut base = String::new();
        for part in &self.parts {
            let value = self.value_of(part, request)?;
            match self.scheme {
                Scheme::Cavage if base.is_empty() => base += &format!("{}: {value}", part.name()),
                Scheme::Cavage => base += &format!("\n{}: {value}", part.name()),
                Scheme::Rfc9421 => base += &format!("\"{}\": {value}\n", part.name()),
            }
        }
        if self.scheme == Scheme::Rfc9421 {
            base += &format!("\"@signature-params\": {}", self.params);
        }
        Ok(base)
    }

    fn value_of<'a>(
        &self,
        part: &Part,
        request: &Request<'a>,
    ) -> Result<Cow<'a, str>, SignatureError> {
        let number = |number: Option<u64>| Ok(Cow::Owned(number.unwrap_or_default().to_string()));
        Ok(match part {
            Part::Header(name) => joined(request.headers, name)?,
            Part::Method => Cow::Borrowed(request.method.as_str()),
            Part::TargetUri => Cow::Owned(format!(
                "{}://{}{}",
                request.scheme,
                request.host.to_ascii_lowercase(),
                request.path_query
            )),
            Part::Authority => Cow::Owned(request.host.to_ascii_lowercase()),
            Part::Scheme => Cow::Borrowed(request.scheme),
            Part::RequestTarget => Cow::Borrowed(request.path_query),
            Part::Path => Cow::Owned(request.path().to_owned()),
            Part::Query => {
                let query = request.path_query.split_once('?').map_or("", |(_, query)| query);
                Cow::Owned(format!("?{query}"))
            }
            Part::OldTarget => Cow::Owned(format!(
                "{} {}",
                request.method.as_str().to_ascii_lowercase(),
                request.path_query
            )),
            Part::Created => return number(self.created),
            Part::Expires => return number(self.expires),
        })
    }
}

impl Part {
    fn name(&self) -> &str {
        match self {
            Self::Header(name) => name.as_str(),
            Self::Method => "@method",
            Self::TargetUri => "@target-uri",
            Self::Authority => "@authority",
            Self::Scheme => "@scheme",
            Self::RequestTarget => "@request-target",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::OldTarget => "(request-target)",
            Self::Created => "(created)",
            Self::Expires => "(expires)",
        }
    }

    /// The header of a name that is written small, as both schemes write it.
    fn header(name: &str) -> Result<Self, SignatureError> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(SignatureError::Format("a header in capitals"));
        }
        let name = HeaderName::from_bytes(name.as_bytes());
        name.map(Self::Header).map_err(|_| SignatureError::Format("no name of a header"))
    }
}

/// Adds a part, unless it is there already.
fn add(parts: &mut Vec<Part>, part: Part) -> Result<(), SignatureError> {
    if parts.len() >= PARTS_MAX {
        return Err(SignatureError::Format("too many parts"));
    }
    if parts.contains(&part) {
        return Err(SignatureError::Format("a part twice"));
    }
    parts.push(part);
    Ok(())
}

/// The value of a header that comes once, if it does.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.len() <= HEADER_BYTES_MAX => {
            value.to_str().map(Some).map_err(|_| SignatureError::Format("a header that is no text"))
        }
        (Some(_), None) => Err(SignatureError::Format("a header too long")),
        (Some(_), Some(_)) => Err(SignatureError::Format("a header twice")),
    }
}

/// All values of a header, as both schemes join them.
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Cow<'a, str>, SignatureError> {
    let mut found: Option<Cow<'a, str>> = None;
    for value in headers.get_all(name) {
        let value =
            value.to_str().map_err(|_| SignatureError::Format("a header that is no text"))?;
        found = Some(match found {
            None => Cow::Borrowed(value.trim()),
            Some(before) => Cow::Owned(format!("{before}, {}", value.trim())),
        });
    }
    found.ok_or_else(|| SignatureError::Absent(name.to_string()))
}

/// Unix seconds of a time of HTTP.
pub(crate) fn parse_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests;
