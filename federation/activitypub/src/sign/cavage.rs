//! The header `Signature` of draft-cavage-http-signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Algorithm, Part, Scheme, Signature, SignatureError, add};

/// Parameters of the header; seven are known.
const PARAMETERS_MAX: usize = 16;

const BAD: SignatureError = SignatureError::Format("parameters");

/// Reads `keyId="…",algorithm="…",headers="…",signature="…"`, with `created` and `expires`.
pub(super) fn parse(text: &str) -> Result<Signature, SignatureError> {
    let [mut key_id, mut algorithm, mut headers, mut signature] = [None; 4];
    let [mut created, mut expires] = [None; 2];
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let (name, value, after) = parameter(rest)?;
        if names.contains(&name) || names.len() >= PARAMETERS_MAX {
            return Err(SignatureError::Format("a parameter twice"));
        }
        names.push(name);
        match name {
            "keyId" => key_id = Some(value.text()?),
            "algorithm" => algorithm = Some(value.text()?),
            "headers" => headers = Some(value.text()?),
            "signature" => signature = Some(value.text()?),
            "created" => created = Some(value.number()?),
            "expires" => expires = Some(value.number()?),
            _ => {}
        }
        let after = after.trim_start();
        if after.is_empty() {
            break;
        }
        rest = after.strip_prefix(',').ok_or(BAD)?.trim_start();
    }
    // Without an algorithm the key says which; keys of this scheme are RSA.
    let old = match algorithm {
        None | Some("hs2019") => false,
        Some("rsa-sha256") => true,
        Some(_) => return Err(SignatureError::Algorithm("neither rsa-sha256 nor hs2019")),
    };
    let mut parts = Vec::new();
    for name in headers.unwrap_or("date").split(' ') {
        add(&mut parts, part(name)?)?;
    }
    // The draft takes them only from algorithms that came after it.
    if old && (parts.contains(&Part::Created) || parts.contains(&Part::Expires)) {
        return Err(SignatureError::Algorithm("rsa-sha256 with (created)"));
    }
    // What is not covered anybody may have put there.
    let signed = |part, number: Option<u64>, what| match (parts.contains(&part), number) {
        (true, None) => Err(SignatureError::Uncovered(what)),
        (true, number) => Ok(number),
        (false, _) => Ok(None),
    };
    let created = signed(Part::Created, created, "created")?;
    let expires = signed(Part::Expires, expires, "expires")?;
    let signature = signature.ok_or(SignatureError::Format("no signature"))?;
    let value = STANDARD.decode(signature).map_err(|_| SignatureError::Format("base64"))?;
    let key_id = key_id.ok_or(SignatureError::Format("no keyId"))?.to_owned();
    Ok(Signature {
        scheme: Scheme::Cavage,
        key_id,
        algorithm: Algorithm::Rsa,
        parts,
        created,
        expires,
        params: String::new(),
        value,
    })
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Quoted(&'a str),
    Bare(&'a str),
}

impl<'a> Value<'a> {
    fn text(self) -> Result<&'a str, SignatureError> {
        match self {
            Self::Quoted(text) => Ok(text),
            Self::Bare(_) => Err(BAD),
        }
    }

    /// Seconds, in digits: the draft writes them bare, some servers quote them.
    fn number(self) -> Result<u64, SignatureError> {
        let (Self::Quoted(text) | Self::Bare(text)) = self;
        let digits = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits).ok_or(SignatureError::Format("time"))
    }
}

/// One `name=value` and what follows.
fn parameter(text: &str) -> Result<(&str, Value<'_>, &str), SignatureError> {
    let (name, rest) = text.split_once('=').ok_or(BAD)?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(BAD);
    }
    if let Some(rest) = rest.strip_prefix('"') {
        let (value, rest) = rest.split_once('"').ok_or(BAD)?;
        // None of the values needs an escape; one may be read in two ways.
        let plain = value.bytes().all(|byte| byte != b'\\' && (b' '..=b'~').contains(&byte));
        return if plain { Ok((name, Value::Quoted(value), rest)) } else { Err(BAD) };
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (value, rest) = rest.split_at_checked(end).ok_or(BAD)?;
    if value.is_empty() { Err(BAD) } else { Ok((name, Value::Bare(value), rest)) }
}

fn part(name: &str) -> Result<Part, SignatureError> {
    match name {
        "(request-target)" => Ok(Part::OldTarget),
        "(created)" => Ok(Part::Created),
        "(expires)" => Ok(Part::Expires),
        // Meant to be small; some write them as in the header itself.
        _ => Part::header(&name.to_ascii_lowercase()),
    }
}
