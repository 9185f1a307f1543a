//! Signatures that go out: text first, since a key signs it on another thread.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE, DATE, HOST};
use http::{HeaderMap, HeaderValue, Method};
use sfv::{DictSerializer, KeyRef, StringRef};
use url::{Position, Url};

use super::{Algorithm, Scheme, Signature, SignatureError, digest};
use super::{CONTENT_DIGEST, DIGEST, Part, Request, SIGNATURE, SIGNATURE_INPUT};

/// The label of our signatures.
const LABEL: &str = "sig1";

/// A request that is ready to be signed.
#[derive(Debug)]
pub(crate) struct Prepared {
    headers: HeaderMap,
    /// All but its value.
    signature: Signature,
    text: String,
}

/// Prepares a `POST` of `body` or, without one, a `GET`. `media_type` is what the body is, or what
/// is asked for.
///
/// # Errors
/// [`SignatureError::Format`] if the address or the key's id cannot be written in a header.
pub(crate) fn prepare(
    scheme: Scheme,
    url: &Url,
    body: Option<&[u8]>,
    media_type: &'static str,
    key_id: &str,
    now_s: u64,
) -> Result<Prepared, SignatureError> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now_s));
    let mut headers = HeaderMap::new();
    headers.insert(HOST, value(host)?);
    headers.insert(DATE, value(&date)?);
    let of_type = if body.is_some() { CONTENT_TYPE } else { ACCEPT };
    headers.insert(of_type.clone(), HeaderValue::from_static(media_type));
    let header = Part::Header;
    let parts = match (scheme, body) {
        (Scheme::Cavage, Some(body)) => {
            headers.insert(DIGEST, value(&digest::old(body))?);
            vec![Part::OldTarget, header(HOST), header(DATE), header(DIGEST), header(of_type)]
        }
        (Scheme::Cavage, None) => {
            vec![Part::OldTarget, header(HOST), header(DATE), header(of_type)]
        }
        (Scheme::Rfc9421, Some(body)) => {
            headers.insert(CONTENT_DIGEST, value(&digest::new(body))?);
            vec![Part::Method, Part::TargetUri, header(CONTENT_DIGEST)]
        }
        (Scheme::Rfc9421, None) => vec![Part::Method, Part::TargetUri],
    };
    if key_id.contains(['"', '\\']) {
        return Err(SignatureError::Format("keyId"));
    }
    let params = match scheme {
        Scheme::Cavage => String::new(),
        Scheme::Rfc9421 => params(&parts, key_id, now_s)?,
    };
    let signature = Signature {
        scheme,
        key_id: key_id.to_owned(),
        algorithm: Algorithm::Rsa,
        parts,
        created: Some(now_s),
        expires: None,
        params,
        value: Vec::new(),
    };
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let text = signature.base(&Request {
        method: &method,
        scheme: url.scheme(),
        host,
        path_query: &url[Position::BeforePath..Position::AfterQuery],
        headers: &headers,
    })?;
    Ok(Prepared { headers, signature, text })
}

impl Prepared {
    /// What a key of RSA has to sign, with PKCS#1 v1.5 and SHA-256.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The headers of the request, `Host` among them.
    ///
    /// # Errors
    /// [`SignatureError::Format`], if they cannot be written.
    pub(crate) fn finish(self, signature: &[u8]) -> Result<HeaderMap, SignatureError> {
        let Self { mut headers, signature: about, .. } = self;
        let encoded = STANDARD.encode(signature);
        match about.scheme {
            Scheme::Cavage => {
                let names: Vec<&str> = about.parts.iter().map(Part::name).collect();
                let text = format!(
                    "keyId=\"{}\",algorithm=\"rsa-sha256\",headers=\"{}\",signature=\"{encoded}\"",
                    about.key_id,
                    names.join(" "),
                );
                headers.insert(SIGNATURE, value(&text)?);
            }
            Scheme::Rfc9421 => {
                headers.insert(SIGNATURE_INPUT, value(&format!("{LABEL}={}", about.params))?);
                headers.insert(SIGNATURE, value(&format!("{LABEL}=:{encoded}:"))?);
            }
        }
        Ok(headers)
    }
}

/// The value of `@signature-params`.
fn params(parts: &[Part], key_id: &str, now_s: u64) -> Result<String, SignatureError> {
    let bad = |_| SignatureError::Format("keyId");
    let mut dictionary = DictSerializer::new();
    let mut inner = dictionary.inner_list(KeyRef::constant(LABEL));
    for part in parts {
        drop(inner.bare_item(StringRef::from_str(part.name()).map_err(bad)?));
    }
    let created = sfv::Integer::try_from(now_s).map_err(|_| SignatureError::Format("time"))?;
    let finished = inner
        .finish()
        .parameter(KeyRef::constant("created"), created)
        .parameter(KeyRef::constant("keyid"), StringRef::from_str(key_id).map_err(bad)?)
        .parameter(KeyRef::constant("alg"), StringRef::constant("rsa-v1_5-sha256"));
    drop(finished);
    let text = dictionary.finish().and_then(|text| text.split_once('=').map(|(_, v)| v.to_owned()));
    text.ok_or(SignatureError::Format("keyId"))
}

fn value(text: &str) -> Result<HeaderValue, SignatureError> {
    HeaderValue::from_str(text).map_err(|_| SignatureError::Format("no text for a header"))
}
