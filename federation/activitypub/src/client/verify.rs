//! Whose signature it is: the key in the actor's own document, fetched anew when it does not fit.

use std::collections::HashMap;

use http::{HeaderMap, Method};
use keys::http_signature::HttpVerifyKey;
use parking_lot::Mutex;
use serde_json::Value;
use url::Url;

use super::{Client, FetchError, Fetched};
use crate::guard::{Admitted, Guard, Refusal, same_host};
use crate::sign::{Signature, SignatureError};

/// An actor whose key does not fit is fetched again after this long: it may have a new one.
const REFETCH_AFTER_MS: u64 = 10 * 60_000;
/// One who is unknown and could not be fetched, after this long.
const RETRY_AFTER_MS: u64 = 60_000;
/// Actors whose fetches are remembered.
const ACTORS_MAX: usize = 10_000;
/// Documents that are kept for whoever really signs, after somebody else's forgery had them fetched.
const DOCUMENTS_MAX: usize = 64;
/// Bytes of one of those.
const DOCUMENT_BYTES_MAX: usize = 32 << 10;
/// Keys of one actor that are looked at.
const KEYS_MAX: usize = 16;

/// Verifies what a [`Guard`] admitted.
pub(crate) struct Verifier {
    client: Client,
    fetched: Mutex<HashMap<String, Looked>>,
}

/// That an actor was fetched for a signature.
struct Looked {
    at_ms: u64,
    /// What was found, where the signature was wrong.
    found: Option<Fetched>,
}

impl Verifier {
    /// A verifier that fetches by `client`.
    #[must_use]
    pub(crate) fn new(client: Client) -> Self {
        Self { client, fetched: Mutex::default() }
    }

    /// Checks that the actor signed. `known` is its document as the node has it. If there is none, or
    /// its key did not make the signature, the document is fetched, once in a while; then it is
    /// returned, to be kept.
    ///
    /// # Errors
    /// [`Refusal`]: the signature is wrong, or the actor cannot be asked now.
    pub(crate) async fn verify(
        &self,
        guard: &Guard,
        admitted: &Admitted,
        path_query: &str,
        headers: &HeaderMap,
        known: Option<&Value>,
    ) -> Result<Option<Fetched>, Refusal> {
        let check = |document: &Value| {
            let key = key_in(document, &admitted.actor, &admitted.key_id);
            let key = key.ok_or(Refusal::Signature(SignatureError::Wrong))?;
            guard.verify(&admitted.signature, &Method::POST, path_query, headers, &key)
        };
        self.with_key(admitted.actor.as_str(), known, check).await
    }

    /// The same for a signed `GET`, which says no more of who asks than `key_id`: the key's document is
    /// that of its actor. `known` may be any document: it counts only if the key is in it.
    ///
    /// # Errors
    /// [`Refusal`], as [`Verifier::verify`].
    pub(crate) async fn verify_get(
        &self,
        guard: &Guard,
        (signature, key_id): (&Signature, &Url),
        path_query: &str,
        headers: &HeaderMap,
        known: Option<&Value>,
    ) -> Result<Option<Fetched>, Refusal> {
        let check = |document: &Value| {
            let actor = document.get("id").and_then(Value::as_str);
            let actor = actor.and_then(|id| Url::parse(id).ok());
            let key = actor.and_then(|actor| key_in(document, &actor, key_id));
            let key = key.ok_or(Refusal::Signature(SignatureError::Wrong))?;
            guard.verify(signature, &Method::GET, path_query, headers, &key)
        };
        let mut owner = key_id.clone();
        owner.set_fragment(None);
        self.with_key(owner.as_str(), known, check).await
    }

    /// Checks with what is known, and otherwise with what is fetched.
    async fn with_key(
        &self,
        at: &str,
        known: Option<&Value>,
        check: impl Fn(&Value) -> Result<(), Refusal>,
    ) -> Result<Option<Fetched>, Refusal> {
        let refused = match known.map(&check) {
            Some(Ok(())) => return Ok(None),
            Some(Err(refused)) => Some(refused),
            None => None,
        };
        let pause_ms = if refused.is_some() { REFETCH_AFTER_MS } else { RETRY_AFTER_MS };
        if !self.may_fetch(at, pause_ms) {
            // That one was forged must not keep out whoever it was forged for.
            return match self.found(at) {
                Some(found) => match check(&found.json) {
                    Ok(()) => Ok(Some(found)),
                    Err(wrong) => Err(refused.unwrap_or(wrong)),
                },
                None => Err(refused.unwrap_or(Refusal::NoKey)),
            };
        }
        let fetched = match self.client.get(at).await {
            // Whether it is this actor's is looked at with the key in it.
            Ok(fetched) => fetched,
            Err(FetchError::Gone | FetchError::Id | FetchError::Url(_)) => {
                return Err(refused.unwrap_or(Refusal::Signature(SignatureError::Wrong)));
            }
            Err(FetchError::Blocked(host)) => return Err(Refusal::Blocked(host)),
            Err(_) => return Err(refused.unwrap_or(Refusal::NoKey)),
        };
        if let Err(wrong) = check(&fetched.json) {
            self.keep(at, fetched);
            return Err(wrong);
        }
        Ok(Some(fetched))
    }

    fn found(&self, actor: &str) -> Option<Fetched> {
        self.fetched.lock().get(actor)?.found.clone()
    }

    fn keep(&self, actor: &str, document: Fetched) {
        if document.bytes.len() > DOCUMENT_BYTES_MAX {
            return;
        }
        let mut fetched = self.fetched.lock();
        let kept = fetched.values_mut().filter(|looked| looked.found.is_some());
        let (count, oldest) = kept.fold((0, None::<&mut Looked>), |(count, oldest), looked| {
            let is_older = oldest.as_ref().is_none_or(|oldest| looked.at_ms < oldest.at_ms);
            (count + 1, if is_older { Some(looked) } else { oldest })
        });
        if let Some(oldest) = oldest.filter(|_| count >= DOCUMENTS_MAX) {
            oldest.found = None;
        }
        if let Some(looked) = fetched.get_mut(actor) {
            looked.found = Some(document);
        }
    }

    /// Whether an actor may be fetched now; then it counts as fetched.
    fn may_fetch(&self, actor: &str, pause_ms: u64) -> bool {
        let now_ms = (self.client.0.clock)();
        let mut fetched = self.fetched.lock();
        let recent = |at_ms: u64, pause_ms: u64| at_ms.saturating_add(pause_ms) > now_ms;
        if fetched.get(actor).is_some_and(|looked| recent(looked.at_ms, pause_ms)) {
            return false;
        }
        if fetched.len() >= ACTORS_MAX {
            fetched.retain(|_, looked| recent(looked.at_ms, REFETCH_AFTER_MS));
            if fetched.len() >= ACTORS_MAX {
                return false;
            }
        }
        fetched.insert(actor.to_owned(), Looked { at_ms: now_ms, found: None });
        true
    }
}

/// The key `key_id` in an actor's document: a `publicKey` (PEM) that the actor owns, or a `Multikey`
/// that it controls. Nobody else's document says what an actor's key is.
///
/// Source: <https://w3id.org/security/v1>, FEP-521a
#[must_use]
pub(crate) fn key_in(document: &Value, actor: &Url, key_id: &Url) -> Option<HttpVerifyKey> {
    let is = |value: Option<&Value>, wanted: &Url| {
        value.and_then(Value::as_str).and_then(|text| Url::parse(text).ok()).as_ref()
            == Some(wanted)
    };
    if !is(document.get("id"), actor) || !same_host(actor, key_id) {
        return None;
    }
    let mut pem = each(document.get("publicKey")).filter(|key| is(key.get("id"), key_id));
    if let Some(key) = pem.next() {
        let owned = is(key.get("owner"), actor);
        let text = key.get("publicKeyPem").and_then(Value::as_str).filter(|_| owned)?;
        return HttpVerifyKey::from_pem(text).ok();
    }
    let mut multi = each(document.get("assertionMethod")).filter(|key| is(key.get("id"), key_id));
    let key = multi.next().filter(|key| is(key.get("controller"), actor))?;
    HttpVerifyKey::from_multikey(key.get("publicKeyMultibase")?.as_str()?).ok()
}

/// One value, or those of a list.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = match value {
        Some(Value::Array(list)) => list.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    list.iter().take(KEYS_MAX)
}
