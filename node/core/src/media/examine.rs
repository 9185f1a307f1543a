//! Whether files are what is counted of them.

use std::collections::BTreeMap;

use node_store::{Keyspace, Store};

use super::store::{
    BLOB, BlobRow, FILE, HELD, Held, OF_MEMBER, OF_NODE, blob_key, member_key, number,
};
use super::{BlobId, FileRecord};
use crate::CoreResult;
use crate::fsck::{Examined, ExpectedBlob, for_each_row};
use crate::ids::UserId;
use crate::record::Record;

#[derive(Default)]
struct Counted {
    size: u64,
    files: u64,
    is_own: bool,
    /// Another node says another size than somebody else. Nobody has to be right.
    disputed: bool,
}

/// Looks at all files; answers the bytes that they have.
pub(crate) fn examine(
    store: &dyn Store,
    secret: &[u8; 32],
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<impl Iterator<Item = ExpectedBlob> + use<>> {
    let mut blobs: BTreeMap<BlobId, Counted> = BTreeMap::new();
    let mut members: BTreeMap<UserId, u64> = BTreeMap::new();
    let mut whole = true;
    for_each_row(store, Keyspace::FILES, &[], None, &mut |(key, value)| {
        let (file, kind) = match (key.first_chunk::<8>(), key.get(8..)) {
            (Some(file), Some(&[kind])) => (i64::from_be_bytes(*file), kind),
            _ => (0, u8::MAX),
        };
        match kind {
            FILE => match FileRecord::decode(&value) {
                Ok(record) => {
                    done.files += 1;
                    *members.entry(record.owner()).or_default() += record.bytes();
                    for (blob, size) in record.blobs() {
                        let counted = blobs.entry(blob).or_default();
                        let is_own = !crate::is_remote(record.owner());
                        counted.disputed |= counted.files > 0 && counted.size != size;
                        if is_own || counted.files == 0 {
                            counted.size = size;
                        }
                        counted.files += 1;
                        counted.is_own |= is_own;
                    }
                }
                Err(cause) => {
                    whole = false;
                    trouble(format!("{file}: {cause}"));
                }
            },
            HELD => {
                if let Err(cause) = Held::decode(&value) {
                    trouble(format!("{file}: {cause}"));
                }
            }
            _ => trouble("a row of files has an impossible key".into()),
        }
        Ok(())
    })?;
    // A file that does not decode has bytes that nobody knows.
    if whole {
        count(store, secret, &blobs, &members, trouble)?;
    }
    let known = blobs.into_iter().filter(|(_, counted)| counted.is_own || !counted.disputed);
    Ok(known.map(|(blob, counted)| {
        let Counted { size, is_own, .. } = counted;
        ExpectedBlob { blob, size, is_own }
    }))
}

fn count(
    store: &dyn Store,
    secret: &[u8; 32],
    blobs: &BTreeMap<BlobId, Counted>,
    members: &BTreeMap<UserId, u64>,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    let mut rows = 0;
    for_each_row(store, Keyspace::BLOBS, &[BLOB], Some(&[BLOB + 1]), &mut |(_, value)| {
        rows += 1;
        match BlobRow::decode(&value) {
            Ok(row) if !blobs.contains_key(&row.blob) => {
                trouble(format!("{:?} is counted, and no file has it", row.blob));
            }
            Ok(_) => {}
            Err(cause) => trouble(cause.to_string()),
        }
        Ok(())
    })?;
    for (blob, counted) in blobs {
        let row = store.get(Keyspace::BLOBS, &blob_key(secret, blob))?;
        let said = row.and_then(|row| BlobRow::decode(&row).ok()).map_or(0, |row| row.files);
        if said != counted.files {
            let is = counted.files;
            trouble(format!("{blob:?} is counted for {said} files, but should be for {is}"));
        }
    }
    let mut compare = |name: String, row: Option<Vec<u8>>, is: u64| {
        let said = number(row);
        if said != is {
            trouble(format!("bytes of {name} are {said}, but should be {is}"));
        }
    };
    // Of one with two sizes, the one that came first is counted.
    if !blobs.values().any(|counted| counted.disputed) {
        let all = blobs.values().map(|counted| counted.size).sum();
        compare("all files".into(), store.get(Keyspace::BLOBS, &[OF_NODE])?, all);
    }
    for (member, is) in members {
        let row = store.get(Keyspace::BLOBS, &member_key(*member))?;
        compare(format!("the files of {}", member.0), row, *is);
    }
    let (from, to) = ([OF_MEMBER], [OF_MEMBER + 1]);
    for_each_row(store, Keyspace::BLOBS, &from, Some(&to), &mut |(key, value)| {
        let member = key.last_chunk().map(|user| UserId(i64::from_be_bytes(*user)));
        if let Some(member) = member.filter(|member| !members.contains_key(member)) {
            compare(format!("the files of {}", member.0), Some(value), 0);
        }
        Ok(())
    })
}
