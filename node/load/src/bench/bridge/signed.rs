//! Requests that are signed as draft-cavage-12 says, by hand: what a plain loop sends, and what an inbox
//! looks at.
//!
//! Source: <https://datatracker.ietf.org/doc/html/draft-cavage-http-signatures-12>

use std::io::{BufRead as _, BufReader, Read, Write};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keys::http_signature::{HttpSigningKey, HttpVerifyKey};
use rand::rngs::ThreadRng;
use rookery_load::clock;
use sha2::{Digest as _, Sha256};

pub(super) const MEDIA_TYPE: &str = "application/activity+json";

/// No actor and no answer to an activity is longer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What is signed of a request, as the node does it.
const COVERED: &str = "(request-target) host date digest content-type";

/// A `POST` as it goes over the wire, of the same headers as the node's.
pub(super) fn post(
    host: &str,
    path: &str,
    key_id: &str,
    key: &HttpSigningKey,
    body: &[u8],
    rng: &mut ThreadRng,
) -> anyhow::Result<Vec<u8>> {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + clock::since_epoch());
    let digest = digest(body);
    let text = format!(
        "(request-target): post {path}\nhost: {host}\ndate: {date}\ndigest: {digest}\n\
         content-type: {MEDIA_TYPE}"
    );
    let signature = STANDARD.encode(key.sign(text.as_bytes(), rng)?);
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ndate: {date}\r\ndigest: {digest}\r\n\
         content-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\nuser-agent: Load/1\r\naccept: */*\r\n\
         signature: keyId=\"{key_id}\",algorithm=\"rsa-sha256\",headers=\"{COVERED}\",\
         signature=\"{signature}\"\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    Ok(request)
}

fn digest(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(Sha256::digest(body)))
}

/// Whether a `POST` is signed with this key, all that has to be is covered, and it is for `host`.
/// `headers` are lines `name: value` with names in small letters.
pub(super) fn check(
    path: &str,
    host: &str,
    headers: &[(String, String)],
    body: &[u8],
    key: &HttpVerifyKey,
) -> anyhow::Result<()> {
    let of = |name: &str| {
        let mut found = headers.iter().filter(|(is, _)| is == name);
        found.next().map(|(_, value)| value.as_str())
    };
    ensure!(of("host") == Some(host), "for another host");
    ensure!(of("digest") == Some(&digest(body)), "of another body");
    let given = of("signature").context("unsigned")?;
    let parameter = |name: &str| {
        let (_, rest) = given.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    let covered = parameter("headers").context("headers")?;
    let mut text = Vec::new();
    for name in covered.split(' ') {
        text.push(match name {
            "(request-target)" => format!("(request-target): post {path}"),
            _ => format!("{name}: {}", of(name).context("a header that is covered")?),
        });
    }
    let all = ["(request-target)", "host", "date", "digest"];
    ensure!(all.iter().all(|name| covered.split(' ').any(|one| one == *name)), "{covered}");
    let signature = STANDARD.decode(parameter("signature").context("no signature")?)?;
    key.verify(text.join("\n").as_bytes(), &signature).context("another signature")
}

/// Sends a request, and reads the answer to it to its end: status and body.
pub(super) fn ask<S: Read + Write>(
    stream: &mut BufReader<S>,
    request: &[u8],
) -> anyhow::Result<(u16, Vec<u8>)> {
    stream.get_mut().write_all(request)?;
    stream.get_mut().flush()?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("not a status: {line:?}"))?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
        if name.is_empty() {
            break;
        }
    }
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, body))
}
