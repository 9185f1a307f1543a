//! JSON-LD contexts: every term that is used is declared here, since readers that take JSON-LD at
//! its word lose the others.

use serde_json::{Map, Value, json};

/// Everybody.
pub(crate) const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Terms that are values.
const TERMS: [(&str, &str); 25] = [
    ("Hashtag", "as:Hashtag"),
    ("sensitive", "as:sensitive"),
    ("manuallyApprovesFollowers", "as:manuallyApprovesFollowers"),
    ("toot", "http://joinmastodon.org/ns#"),
    ("Emoji", "toot:Emoji"),
    ("blurhash", "toot:blurhash"),
    ("discoverable", "toot:discoverable"),
    ("indexable", "toot:indexable"),
    ("suspended", "toot:suspended"),
    ("votersCount", "toot:votersCount"),
    ("ostatus", "http://ostatus.org#"),
    ("conversation", "ostatus:conversation"),
    ("schema", "http://schema.org#"),
    ("PropertyValue", "schema:PropertyValue"),
    ("value", "schema:value"),
    ("misskey", "https://misskey-hub.net/ns#"),
    ("_misskey_quote", "misskey:_misskey_quote"),
    ("quoteUri", "http://fedibird.com/ns#quoteUri"),
    ("gts", "https://gotosocial.org/ns#"),
    ("QuoteAuthorization", "https://w3id.org/fep/044f#QuoteAuthorization"),
    ("QuoteRequest", "https://w3id.org/fep/044f#QuoteRequest"),
    ("sec", "https://w3id.org/security#"),
    ("Multikey", "sec:Multikey"),
    ("publicKeyMultibase", "sec:publicKeyMultibase"),
    ("webfinger", "https://purl.archive.org/socialweb/webfinger#webfinger"),
];

/// Terms whose values are ids.
const ID_TERMS: [(&str, &str); 14] = [
    ("movedTo", "as:movedTo"),
    ("alsoKnownAs", "as:alsoKnownAs"),
    ("attributionDomains", "toot:attributionDomains"),
    ("featured", "toot:featured"),
    ("quote", "https://w3id.org/fep/044f#quote"),
    ("quoteAuthorization", "https://w3id.org/fep/044f#quoteAuthorization"),
    ("interactionPolicy", "gts:interactionPolicy"),
    ("automaticApproval", "gts:automaticApproval"),
    ("canFeature", "https://w3id.org/fep/7aa9#canFeature"),
    ("canQuote", "gts:canQuote"),
    ("interactingObject", "gts:interactingObject"),
    ("interactionTarget", "gts:interactionTarget"),
    ("assertionMethod", "sec:assertionMethod"),
    ("controller", "sec:controller"),
];

fn context() -> Value {
    let values = TERMS.into_iter().map(|(name, term)| (name.to_owned(), json!(term)));
    let ids = ID_TERMS
        .into_iter()
        .map(|(name, term)| (name.to_owned(), json!({ "@id": term, "@type": "@id" })));
    let terms: Map<String, Value> = values.chain(ids).collect();
    json!(["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1", terms])
}

/// A document as it stands alone. What is embedded in another one has that one's context.
pub(crate) fn with_context(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.insert("@context".to_owned(), context());
    }
    document
}

/// Adds a field that may be missing: others read `null` as they like.
pub(super) fn put<T: Into<Value>>(fields: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

/// The fields of an object that `json!` made.
pub(super) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
