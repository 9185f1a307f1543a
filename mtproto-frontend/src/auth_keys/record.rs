//! What is stored about an auth key. The first byte of each record is its version.

use keys::{AuthKey, MasterKey};

use super::KeyEntry;

const VERSION: u8 = 1;

/// Longest text of `initConnection` that is kept, in bytes. Telegram shows about this much.
pub(crate) const CLIENT_TEXT_BYTES_MAX: usize = 128;

/// What the client said in `invokeWithLayer` and `initConnection`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// API layer: 152 to 230.
    pub(crate) layer: i32,
    /// The application's id; any is accepted.
    pub(crate) api_id: i32,
    /// For example "Pixel 9".
    pub(crate) device_model: String,
    /// For example "Android 16".
    pub(crate) system_version: String,
    /// For example "12.1.0".
    pub(crate) app_version: String,
    /// Language of the device, ISO 639-1.
    pub(crate) system_lang_code: String,
    /// Name of the client's language pack, for example "tdesktop".
    pub(crate) lang_pack: String,
    /// Language of the client, ISO 639-1.
    pub(crate) lang_code: String,
}

/// A temporary key bound to a permanent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) temporary: i64,
    pub(crate) session_id: i64,
    /// Unix seconds.
    pub(crate) expires_at: i64,
}

/// A stored key, opened.
pub(super) struct KeyRecord {
    pub(super) created_s: u64,
    pub(super) first_salt: i64,
    pub(super) dc: i32,
    pub(super) expires_at: i64,
    /// Id of the permanent key that a temporary one acts for, 0 if none.
    pub(super) permanent: i64,
    pub(super) key: AuthKey,
}

/// version (1) ++ created_s (8) ++ first_salt (8) ++ dc (4) ++ expires_at (8) ++ permanent (8) ++
/// the 256 bytes of the key, sealed under the master key with the key id as associated data.
/// Integers are big-endian.
pub(super) fn encode_key(entry: &KeyEntry, permanent: i64, master: &MasterKey) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&(entry.created_ms / 1000).to_be_bytes());
    out.extend_from_slice(&entry.first_salt.to_be_bytes());
    out.extend_from_slice(&entry.dc.to_be_bytes());
    out.extend_from_slice(&entry.expires_at.to_be_bytes());
    out.extend_from_slice(&permanent.to_be_bytes());
    out.extend_from_slice(&super::seal(master, entry));
    out
}

/// The inverse of [`encode_key`]; `None` if the record is damaged or sealed by another master.
pub(super) fn decode_key(value: &[u8], id: i64, master: &MasterKey) -> Option<KeyRecord> {
    let mut rest = Fields(value);
    if rest.take::<1>()? != [VERSION] {
        return None;
    }
    let created_s = u64::from_be_bytes(rest.take()?);
    let first_salt = i64::from_be_bytes(rest.take()?);
    let dc = i32::from_be_bytes(rest.take()?);
    let expires_at = i64::from_be_bytes(rest.take()?);
    let permanent = i64::from_be_bytes(rest.take()?);
    let key = super::open(master, id, rest.0)?;
    Some(KeyRecord { created_s, first_salt, dc, expires_at, permanent, key })
}

/// The end of a stored key without opening it.
pub(super) fn expires_at(value: &[u8]) -> Option<i64> {
    let mut rest = Fields(value);
    rest.take::<{ 1 + 8 + 8 + 4 }>()?;
    Some(i64::from_be_bytes(rest.take()?))
}

/// version (1) ++ layer (4) ++ api_id (4) ++ six texts, each length (1) ++ UTF-8.
pub(super) fn encode_client(info: &ClientInfo) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&info.layer.to_be_bytes());
    out.extend_from_slice(&info.api_id.to_be_bytes());
    for text in [
        &info.device_model,
        &info.system_version,
        &info.app_version,
        &info.system_lang_code,
        &info.lang_pack,
        &info.lang_code,
    ] {
        let text = truncated(text);
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// The inverse of [`encode_client`].
pub(super) fn decode_client(value: &[u8]) -> Option<ClientInfo> {
    let mut rest = Fields(value);
    if rest.take::<1>()? != [VERSION] {
        return None;
    }
    Some(ClientInfo {
        layer: i32::from_be_bytes(rest.take()?),
        api_id: i32::from_be_bytes(rest.take()?),
        device_model: rest.text()?,
        system_version: rest.text()?,
        app_version: rest.text()?,
        system_lang_code: rest.text()?,
        lang_pack: rest.text()?,
        lang_code: rest.text()?,
    })
}

/// version (1) ++ for each: temporary (8) ++ session_id (8) ++ expires_at (8), oldest first.
pub(super) fn encode_bindings(bindings: &[Binding]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for binding in bindings {
        for field in [binding.temporary, binding.session_id, binding.expires_at] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }
    out
}

/// The inverse of [`encode_bindings`]; what cannot be read is left out.
pub(super) fn decode_bindings(value: &[u8]) -> Vec<Binding> {
    let mut rest = Fields(value);
    let mut bindings = Vec::new();
    if rest.take::<1>() == Some([VERSION]) {
        while let (Some(temporary), Some(session_id), Some(expires_at)) =
            (rest.take(), rest.take(), rest.take())
        {
            bindings.push(Binding {
                temporary: i64::from_be_bytes(temporary),
                session_id: i64::from_be_bytes(session_id),
                expires_at: i64::from_be_bytes(expires_at),
            });
        }
    }
    bindings
}

/// The longest prefix of whole characters within [`CLIENT_TEXT_BYTES_MAX`].
pub(crate) fn truncated(text: &str) -> &str {
    let end = text.floor_char_boundary(CLIENT_TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default()
}

/// Reads fields off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn text(&mut self) -> Option<String> {
        let [length] = self.take::<1>()?;
        let (head, tail) = self.0.split_at_checked(usize::from(length))?;
        self.0 = tail;
        String::from_utf8(head.to_vec()).ok()
    }
}
