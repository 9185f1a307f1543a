//! A master key under a passphrase: the file is worth nothing without it.
//!
//! ```text
//! rookery-locked-key-1 MEMORY PASSES LANES SALT KEY
//! ```
//!
//! One line. MEMORY (KiB), PASSES and LANES are the cost of Argon2id (version 0x13), in decimal;
//! SALT is 16 random bytes, KEY is nonce (24) ++ the 32 bytes of the key ++ tag (16), XAES-256-GCM
//! under the 32 bytes that Argon2id gives, both in hex. The associated data are the line up to KEY.
//! An unlocked file is 64 hex digits or 32 bytes and is never taken for one of these.

use aes_gcm::aead::{AeadInOut, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use xaes_256_gcm::{Tag, Xaes256Gcm};
use zeroize::Zeroizing;

use crate::MasterKey;

const MAGIC: &str = "rookery-locked-key-1";
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// Dearest file that is tried: protects memory against a file from elsewhere. 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 16;

/// What a guess at a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// How often it is gone over.
    pub passes: u32,
    /// How many threads could share the work.
    pub lanes: u32,
}

impl Default for LockCost {
    /// 64 MiB and 3 passes: the second choice of RFC 9106, about a tenth of a second.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 4 }
    }
}

/// A locked key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockedKeyError {
    /// The line is not as [`lock`] writes it.
    #[error("the locked master key is damaged")]
    Damaged,
    /// The passphrase is another one.
    #[error("wrong passphrase")]
    Passphrase,
}

/// Whether the bytes of a master key file are those of a locked one.
pub fn is_locked(file: &[u8]) -> bool {
    file.starts_with(MAGIC.as_bytes())
}

/// What the file of `key` holds when it is locked with `passphrase`.
///
/// # Errors
/// [`LockedKeyError::Damaged`] for a cost that [`unlock`] would refuse.
pub fn lock<R: CryptoRng + ?Sized>(
    key: &MasterKey,
    passphrase: &[u8],
    cost: LockCost,
    rng: &mut R,
) -> Result<Vec<u8>, LockedKeyError> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let LockCost { memory_kib, passes, lanes } = cost;
    let head = format!("{MAGIC} {memory_kib} {passes} {lanes} {} ", to_hex(&salt));
    let mut data = Zeroizing::new(*key.bytes());
    let tag = cipher(passphrase, &salt, cost)?
        .encrypt_inout_detached(&nonce.into(), head.as_bytes(), data.as_mut_slice().into())
        .map_err(|_| LockedKeyError::Damaged)?;
    let sealed = [&nonce[..], data.as_slice(), tag.as_slice()].concat();
    Ok(format!("{head}{}\n", to_hex(&sealed)).into_bytes())
}

/// Opens what [`lock`] wrote.
///
/// # Errors
/// See [`LockedKeyError`].
pub fn unlock(file: &[u8], passphrase: &[u8]) -> Result<MasterKey, LockedKeyError> {
    let line = std::str::from_utf8(file.trim_ascii()).map_err(|_| LockedKeyError::Damaged)?;
    let (head, sealed) = line.rsplit_once(' ').ok_or(LockedKeyError::Damaged)?;
    let fields: Vec<&str> = head.split(' ').collect();
    let [MAGIC, memory_kib, passes, lanes, salt] = fields[..] else {
        return Err(LockedKeyError::Damaged);
    };
    let number = |text: &str| text.parse().map_err(|_| LockedKeyError::Damaged);
    let cost = LockCost {
        memory_kib: number(memory_kib)?,
        passes: number(passes)?,
        lanes: number(lanes)?,
    };
    let salt = from_hex::<SALT_BYTES>(salt).ok_or(LockedKeyError::Damaged)?;
    let sealed = from_hex::<{ NONCE_BYTES + KEY_BYTES + TAG_BYTES }>(sealed);
    let sealed = sealed.ok_or(LockedKeyError::Damaged)?;
    let parts = sealed.split_first_chunk::<NONCE_BYTES>();
    let parts =
        parts.and_then(|(nonce, rest)| Some((nonce, rest.split_first_chunk::<KEY_BYTES>()?)));
    let Some((nonce, (data, tag))) = parts else { return Err(LockedKeyError::Damaged) };
    let tag: [u8; TAG_BYTES] = tag.try_into().map_err(|_| LockedKeyError::Damaged)?;
    let mut data = Zeroizing::new(*data);
    cipher(passphrase, &salt, cost)?
        .decrypt_inout_detached(
            &(*nonce).into(),
            format!("{head} ").as_bytes(),
            data.as_mut_slice().into(),
            &Tag::from(tag),
        )
        .map_err(|_| LockedKeyError::Passphrase)?;
    Ok(MasterKey::from_bytes(data))
}

fn cipher(passphrase: &[u8], salt: &[u8], cost: LockCost) -> Result<Xaes256Gcm, LockedKeyError> {
    let LockCost { memory_kib, passes, lanes } = cost;
    if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
        return Err(LockedKeyError::Damaged);
    }
    let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES));
    let params = params.map_err(|_| LockedKeyError::Damaged)?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, key.as_mut_slice())
        .map_err(|_| LockedKeyError::Damaged)?;
    Ok(Xaes256Gcm::new((&*key).into()))
}

/// Of what is public in the file; the key itself is sealed by then.
fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
