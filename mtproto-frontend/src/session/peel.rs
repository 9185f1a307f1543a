//! Finds the method inside the wrappers that clients put around a request, without decoding it.
//!
//! Needed before the salt is checked: a bind request is accepted under any salt.

use super::inflate::inflate_start;
use super::wire::{Reader, id};

/// Wrappers around one request. TDLib uses four.
const WRAPPERS_MAX: usize = 8;

/// How far a packed request is unpacked to see its method. A bind request is far shorter, and a
/// container may hold a thousand bombs.
const PACKED_BYTES_SEEN: usize = 4 << 10;

/// Values in the JSON of `initConnection`, all levels together. Clients send about ten.
const JSON_VALUES_MAX: usize = 1024;

/// Whether `body` is `auth.bindTempAuthKey`, bare or inside `invokeWithLayer`, `initConnection`,
/// `gzip_packed` and their like.
pub(super) fn is_bind_temp_auth_key(body: &[u8]) -> bool {
    is_bind(body, false)
}

fn is_bind(body: &[u8], was_packed: bool) -> bool {
    let mut reader = Reader(body);
    for _ in 0..WRAPPERS_MAX {
        let Some(constructor) = reader.u32() else { return false };
        let query = match constructor {
            id::BIND_TEMP_AUTH_KEY => return true,
            id::GZIP_PACKED => {
                let packed = reader.bytes().filter(|_| !was_packed);
                let inflated = packed.and_then(|p| inflate_start(p, PACKED_BYTES_SEEN).ok());
                return inflated.is_some_and(|body| is_bind(&body, true));
            }
            id::INVOKE_WITH_LAYER => reader.i32().map(drop),
            id::INVOKE_WITHOUT_UPDATES => Some(()),
            id::INVOKE_AFTER_MSG => reader.i64().map(drop),
            id::INVOKE_AFTER_MSGS => reader.longs(8192).map(drop),
            id::INIT_CONNECTION => skip_client(&mut reader),
            _ => None,
        };
        if query.is_none() {
            return false;
        }
    }
    false
}

/// The fields of `initConnection` in front of its query.
fn skip_client(reader: &mut Reader<'_>) -> Option<()> {
    let flags = reader.u32()?;
    reader.i32()?;
    for _ in 0..6 {
        reader.bytes()?;
    }
    if flags & 1 != 0 {
        (reader.u32()? == id::INPUT_CLIENT_PROXY).then_some(())?;
        reader.bytes()?;
        reader.i32()?;
    }
    if flags & 2 != 0 {
        skip_json(reader)?;
    }
    Some(())
}

/// One `JSONValue` of any depth: a count of what is still to come instead of recursion.
fn skip_json(reader: &mut Reader<'_>) -> Option<()> {
    let mut left = 1_usize;
    for _ in 0..JSON_VALUES_MAX {
        left -= 1;
        match reader.u32()? {
            id::JSON_NULL => {}
            id::JSON_BOOL => drop(reader.u32()?),
            id::JSON_NUMBER => drop(reader.i64()?),
            id::JSON_STRING => drop(reader.bytes()?),
            id::JSON_ARRAY | id::JSON_OBJECT => {
                (reader.u32()? == id::VECTOR).then_some(())?;
                left = left.checked_add(reader.u32()? as usize)?;
            }
            id::JSON_OBJECT_VALUE => {
                reader.bytes()?;
                left += 1;
            }
            _ => return None,
        }
        if left == 0 {
            return Some(());
        }
    }
    None
}
