//! The headers `Signature-Input` and `Signature` of RFC 9421.

use sfv::{DictSerializer, Dictionary, InnerList, KeyRef, ListEntry, Parser, Version};

use super::{Algorithm, Part, Scheme, Signature, SignatureError, add};

/// Reads the one signature that both headers name by the same label.
pub(super) fn parse(input: &str, signature: &str) -> Result<Signature, SignatureError> {
    let (label, ListEntry::InnerList(list)) = one(input)? else {
        return Err(SignatureError::Format("Signature-Input"));
    };
    let (same, ListEntry::Item(item)) = one(signature)? else {
        return Err(SignatureError::Format("Signature"));
    };
    if same != label {
        return Err(SignatureError::Format("two labels"));
    }
    let value = item.bare_item.as_byte_sequence().ok_or(SignatureError::Format("Signature"))?;
    let mut parts = Vec::new();
    for item in &list.items {
        let name = item.bare_item.as_string().filter(|_| item.params.is_empty());
        add(&mut parts, part(name.ok_or(SignatureError::Format("a part"))?.as_str())?)?;
    }
    let text = |key: &'static str| {
        let value = list.params.get(KeyRef::constant(key));
        value.map(|value| value.as_string().ok_or(SignatureError::Format(key))).transpose()
    };
    let time = |key: &'static str| {
        let number = |value: &sfv::BareItem| u64::try_from(value.as_integer()?).ok();
        let value = list.params.get(KeyRef::constant(key));
        value.map(|value| number(value).ok_or(SignatureError::Format(key))).transpose()
    };
    let algorithm = match text("alg")?.map(|name| name.as_str()) {
        None => Algorithm::OfKey,
        Some("rsa-v1_5-sha256") => Algorithm::Rsa,
        Some("ed25519") => Algorithm::Ed25519,
        Some(_) => {
            return Err(SignatureError::Algorithm("neither rsa-v1_5-sha256 nor ed25519"));
        }
    };
    let key_id = text("keyid")?.ok_or(SignatureError::Format("no keyid"))?.as_str().to_owned();
    Ok(Signature {
        scheme: Scheme::Rfc9421,
        key_id,
        algorithm,
        parts,
        created: time("created")?,
        expires: time("expires")?,
        params: params(&list)?,
        value: value.to_vec(),
    })
}

/// A dictionary's only member.
fn one(text: &str) -> Result<(String, ListEntry), SignatureError> {
    let bad = SignatureError::Format("not one labelled signature");
    let parser = Parser::new(text).with_version(Version::Rfc8941);
    let found: Dictionary = parser.parse().map_err(|_| bad.clone())?;
    let mut members = found.into_iter();
    match (members.next(), members.next()) {
        (Some((label, entry)), None) => Ok((label.as_str().to_owned(), entry)),
        _ => Err(bad),
    }
}

/// The value of `@signature-params`: the inner list as it is written canonically.
fn params(list: &InnerList) -> Result<String, SignatureError> {
    let mut dictionary = DictSerializer::new();
    let mut inner = dictionary.inner_list(KeyRef::constant("s"));
    inner.items(&list.items);
    drop(inner.finish().parameters(&list.params));
    let text = dictionary.finish().and_then(|text| text.strip_prefix("s=").map(str::to_owned));
    text.ok_or(SignatureError::Format("Signature-Input"))
}

fn part(name: &str) -> Result<Part, SignatureError> {
    Ok(match name {
        "@method" => Part::Method,
        "@target-uri" => Part::TargetUri,
        "@authority" => Part::Authority,
        "@scheme" => Part::Scheme,
        "@request-target" => Part::RequestTarget,
        "@path" => Part::Path,
        "@query" => Part::Query,
        name if name.starts_with('@') => return Err(SignatureError::Format("a part")),
        name => Part::header(name)?,
    })
}
