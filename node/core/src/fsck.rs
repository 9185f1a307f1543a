//! Whether a store holds what it should: for a node that does not run.
//!
//! Nothing is changed. What cannot be known from the store alone is not judged: which rows a lost one would
//! name, and counters that are not derived from anything that is still there.

use node_store::{Keyspace, Order, Row, Store};

use crate::media::BlobId;
use crate::{CoreResult, boxes, channels, login, media};

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 512;

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it is about: `account`, `box`, `log`, `file` or `blob`.
    pub about: &'static str,
    /// What is wrong, in one line. It says no text, name or number of anybody.
    pub what: String,
}

/// Bytes that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedBlob {
    /// Them.
    pub blob: BlobId,
    /// How many.
    pub size: u64,
    /// A file of somebody of this node has them. Those of others may lie at their nodes.
    pub is_own: bool,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Examined {
    /// Accounts, those of other nodes among them.
    pub accounts: u64,
    /// Message boxes.
    pub boxes: u64,
    /// Messages in them.
    pub messages: u64,
    /// Logs of channels.
    pub logs: u64,
    /// Entries in them.
    pub entries: u64,
    /// Files.
    pub files: u64,
}

/// Looks through a store: decodes accounts, logins, invites, boxes, logs and files, counts anew what is derived from them, and checks
/// links and signatures of logs. `blob` hears of the bytes that files have, each once.
///
/// # Errors
/// Those of the store. What it holds is told to `trouble`.
pub fn examine(
    store: &dyn Store,
    access_secret: &[u8; 32],
    trouble: &mut dyn FnMut(Trouble),
    blob: &mut dyn FnMut(ExpectedBlob),
) -> CoreResult<Examined> {
    let mut done = Examined::default();
    login::examine(store, &mut done, &mut |what| trouble(Trouble { about: "account", what }))?;
    boxes::examine(store, &mut done, &mut |what| trouble(Trouble { about: "box", what }))?;
    channels::examine(store, &mut done, &mut |what| trouble(Trouble { about: "log", what }))?;
    let tell = &mut |what| trouble(Trouble { about: "file", what });
    for expected in media::examine(store, access_secret, &mut done, tell)? {
        blob(expected);
    }
    Ok(done)
}

/// Calls `each` for every row of a range, however many.
pub(crate) fn for_each_row(
    store: &dyn Store,
    space: Keyspace,
    from: &[u8],
    to: Option<&[u8]>,
    each: &mut dyn FnMut(Row) -> CoreResult<()>,
) -> CoreResult<()> {
    let mut from = from.to_vec();
    loop {
        let rows = store.scan(space, &from, to, ROWS_AT_ONCE, Order::Ascending)?;
        let is_last = rows.len() < ROWS_AT_ONCE;
        if let Some((last, _)) = rows.last() {
            from = [last.as_slice(), &[0]].concat();
        }
        rows.into_iter().try_for_each(&mut *each)?;
        if is_last {
            return Ok(());
        }
    }
}
