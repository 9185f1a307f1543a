//! Stored records: one byte of version, then the fields.
//!
//! Fields are encoded by postcard, which names nothing: a changed struct is a new version, and
//! decoding upgrades the older ones. A record of a newer version is damage to this program, and
//! does not occur: the store itself refuses to open for an older program.

use node_store::VALUE_BYTES_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CoreError;

/// A stored record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The version that is written.
    const VERSION: u8;
    /// What it is, for the log.
    const NAME: &'static str;

    /// Reads a version before [`Record::VERSION`].
    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        let _ = (version, fields);
        None
    }

    /// version (1) ++ fields.
    ///
    /// # Errors
    /// [`CoreError::TooLarge`]: found out here, where a command can still be refused. In its batch
    /// the node would have to stop.
    fn encode(&self) -> Result<Vec<u8>, CoreError> {
        let out = vec![Self::VERSION];
        let row = postcard::to_extend(self, out).map_err(|_| CoreError::Damaged(Self::NAME))?;
        if row.len() > VALUE_BYTES_MAX {
            return Err(CoreError::TooLarge(Self::NAME));
        }
        Ok(row)
    }

    /// The inverse of [`Record::encode`].
    fn decode(bytes: &[u8]) -> Result<Self, CoreError> {
        let decoded = match bytes.split_first() {
            Some((&version, fields)) if version == Self::VERSION => {
                postcard::from_bytes(fields).ok()
            }
            Some((&version, fields)) => Self::upgrade(version, fields),
            None => None,
        };
        decoded.ok_or(CoreError::Damaged(Self::NAME))
    }
}
