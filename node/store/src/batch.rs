//! What is written together.

use crate::StoreError;

/// Longest key, with its keyspace byte. sled keeps keys whole in its inner nodes.
pub const KEY_BYTES_MAX: usize = 128;

/// Longest value. sled writes pages above 128 KiB to files that it never syncs, and a leaf may
/// hold 16 values before it splits: 16 of these stay below that.
pub const VALUE_BYTES_MAX: usize = 6 * 1024;

/// A keyspace: the one-byte prefix of its keys in the single data tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyspace(pub(crate) u8);

impl Keyspace {
    /// Auth keys and what clients said about themselves. Key: auth_key_id (8) ++ kind (1).
    pub const AUTH_KEYS: Self = Self(b'k');
    /// Settings of the store itself and of the node. Key: a name.
    pub const SETTINGS: Self = Self(b's');

    /// The key as the engine sees it.
    pub(crate) fn key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(1 + key.len());
        full.push(self.0);
        full.extend_from_slice(key);
        full
    }
}

/// Puts and deletes that happen together or not at all.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub(crate) operations: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `value` under `key`.
    pub fn put(&mut self, space: Keyspace, key: &[u8], value: Vec<u8>) -> &mut Self {
        self.operations.push((space.key(key), Some(value)));
        self
    }

    /// Removes `key`.
    pub fn delete(&mut self, space: Keyspace, key: &[u8]) -> &mut Self {
        self.operations.push((space.key(key), None));
        self
    }

    /// Refuses keys and values over their bounds.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for (key, value) in &self.operations {
            bound("key", key.len(), KEY_BYTES_MAX)?;
            bound("value", value.as_ref().map_or(0, Vec::len), VALUE_BYTES_MAX)?;
        }
        Ok(())
    }
}

fn bound(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max { Err(StoreError::TooLarge { what, bytes, bytes_max }) } else { Ok(()) }
}
