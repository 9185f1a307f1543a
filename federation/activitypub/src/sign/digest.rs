//! Digests of bodies: `Digest` (RFC 3230) and `Content-Digest` (RFC 9530).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{Dictionary, ListEntry, Parser, Version};
use sha2::{Digest as _, Sha256, Sha512};

use super::SignatureError;

/// Digests in one header.
const DIGESTS_MAX: usize = 8;

/// `SHA-256=` and base64.
pub(super) fn old(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(Sha256::digest(body)))
}

/// `sha-256=:` and base64 and `:`.
pub(super) fn new(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Checks a header `Digest`: all digests that are known, of which there must be one.
pub(super) fn check_old(header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let mut known = 0;
    for digest in header.ok_or(SignatureError::Digest)?.splitn(DIGESTS_MAX, ',') {
        let (name, value) = digest.trim().split_once('=').ok_or(SignatureError::Digest)?;
        let Some(right) = compute(&name.to_ascii_lowercase(), body) else { continue };
        if STANDARD.decode(value).ok() != Some(right) {
            return Err(SignatureError::Digest);
        }
        known += 1;
    }
    if known > 0 { Ok(()) } else { Err(SignatureError::Digest) }
}

/// Checks a header `Content-Digest`, likewise.
pub(super) fn check(header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let parser = Parser::new(header.ok_or(SignatureError::Digest)?).with_version(Version::Rfc8941);
    let digests: Dictionary = parser.parse().map_err(|_| SignatureError::Digest)?;
    let mut known = 0;
    for (name, value) in digests.iter().take(DIGESTS_MAX) {
        let Some(right) = compute(name.as_str(), body) else { continue };
        let ListEntry::Item(item) = value else { return Err(SignatureError::Digest) };
        if item.bare_item.as_byte_sequence() != Some(right.as_slice()) {
            return Err(SignatureError::Digest);
        }
        known += 1;
    }
    if known > 0 { Ok(()) } else { Err(SignatureError::Digest) }
}

fn compute(name: &str, body: &[u8]) -> Option<Vec<u8>> {
    match name {
        "sha-256" => Some(Sha256::digest(body).to_vec()),
        "sha-512" => Some(Sha512::digest(body).to_vec()),
        _ => None,
    }
}
