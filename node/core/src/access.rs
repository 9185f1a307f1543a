//! Access hashes: the proof that a client was shown what it names.

use crate::ids::{AuthKeyId, UserId};

/// `access_hash` of a user, for one viewer only: nobody can use another's.
///
/// Keyed, so that it needs no storage and cannot be guessed; never 0, which clients take for "not
/// known".
#[must_use]
pub(crate) fn user_hash(secret: &[u8; 32], viewer: UserId, user: UserId) -> i64 {
    keyed(secret, b"user", &[viewer.0, user.0])
}

/// `authorization.hash`: names a login towards its owner; never 0, which means the current one.
#[must_use]
pub(crate) fn authorization_hash(secret: &[u8; 32], user: UserId, key: AuthKeyId) -> i64 {
    keyed(secret, b"login", &[user.0, key.0])
}

/// Hash of an invite's code: the code itself is not stored.
#[must_use]
pub(crate) fn code_hash(secret: &[u8; 32], phone: u64, code: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"invite").update(&phone.to_be_bytes()).update(code.as_bytes());
    *hasher.finalize().as_bytes()
}

/// Shows that an invite's page was named here.
#[must_use]
pub(crate) fn invite_tag(secret: &[u8; 32], said: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"invite page").update(said);
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

/// Shows that what a link says was said here.
#[must_use]
pub(crate) fn token_tag(secret: &[u8; 32], said: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"contact token").update(said);
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

/// What an invite link of a group is found by: the link itself stands in no key.
#[must_use]
pub(crate) fn link_tag(secret: &[u8; 32], hash: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"invite link").update(hash.as_bytes());
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

/// Hash of a number that is nobody's: the number itself is not stored.
#[must_use]
pub(crate) fn number_hash(secret: &[u8; 32], phone: u64) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"number").update(&phone.to_be_bytes());
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// `access_hash` of a channel, as `viewer` has it.
#[must_use]
pub(crate) fn channel_hash(secret: &[u8; 32], viewer: UserId, channel: i64) -> i64 {
    keyed(secret, b"channel", &[viewer.0, channel])
}

/// `access_hash` of a secret chat, as `viewer` has it.
#[must_use]
pub(crate) fn secret_hash(secret: &[u8; 32], viewer: UserId, chat: i32) -> i64 {
    keyed(secret, b"secret chat", &[viewer.0, chat.into()])
}

/// `access_hash` of a photo or a document, the same for all.
#[must_use]
pub(crate) fn file_hash(secret: &[u8; 32], file: i64) -> i64 {
    keyed(secret, b"file", &[file])
}

/// `access_hash` of a set of stickers, the same for all.
#[must_use]
pub(crate) fn set_hash(secret: &[u8; 32], set: i64) -> i64 {
    keyed(secret, b"sticker set", &[set])
}

/// What the bytes of a file are found by: a key tells nobody whether a file that he has is here.
#[must_use]
pub(crate) fn blob_tag(secret: &[u8; 32], blob: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    *hasher.update(b"blob").update(blob).finalize().as_bytes()
}

/// Number of the page at an address, never 0: always the same here, and another one on every node.
#[must_use]
pub(crate) fn page_number(secret: &[u8; 32], url: &str) -> i64 {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    let hash = hasher.update(b"web page").update(url.as_bytes()).finalize();
    let number = hash.as_bytes().first_chunk().map_or(1, |head| i64::from_le_bytes(*head));
    (number & i64::MAX).max(1)
}

/// Shows that a file reference was given here, for this viewer and file.
#[must_use]
pub(crate) fn reference_tag(secret: &[u8; 32], ids: &[u8], said: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"file reference").update(ids).update(said);
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

fn keyed(secret: &[u8; 32], kind: &[u8], ids: &[i64]) -> i64 {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(kind);
    for id in ids {
        hasher.update(&id.to_be_bytes());
    }
    let hash = hasher.finalize();
    let number = hash.as_bytes().first_chunk().map_or(1, |head| i64::from_le_bytes(*head));
    if number == 0 { 1 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_differ_by_viewer_user_kind_and_secret() {
        let (a, b) = (UserId(1), UserId(2));
        let hash = user_hash(&[1; 32], a, b);
        assert_eq!(hash, user_hash(&[1; 32], a, b));
        assert_ne!(hash, user_hash(&[1; 32], b, a));
        assert_ne!(hash, user_hash(&[1; 32], a, a));
        assert_ne!(hash, user_hash(&[2; 32], a, b));
        assert_ne!(hash, authorization_hash(&[1; 32], a, AuthKeyId(2)));
        assert_ne!(token_tag(&[1; 32], b"a"), token_tag(&[1; 32], b"b"));
        assert_ne!(code_hash(&[1; 32], 1, "12"), code_hash(&[1; 32], 2, "12"));
    }
}
