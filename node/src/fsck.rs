//! `rookery fsck`: whether the store and the files of a stopped node are whole.

use std::sync::Arc;

use anyhow::bail;
use blobs::{BlobError, BlobId, Blobs, READ_BYTES_MAX};
use keys::MasterKey;
use node_core::{ExpectedBlob, Trouble};
use serde_json::{Value, json};

use crate::cli::DataArgs;
use crate::config::{Config, SealMode};
use crate::master_file::MasterFile;
use crate::{control, media, offline, sealing, secrets};

/// Troubles of one kind that are printed. Beyond, they are counted.
const PRINTED_MAX: usize = 1000;

/// What was found.
struct Found {
    json: bool,
    troubles: Vec<Value>,
    more: usize,
}

impl Found {
    fn tell(&mut self, about: &str, what: &str) {
        if self.troubles.len() == PRINTED_MAX {
            self.more += 1;
            return;
        }
        self.troubles.push(json!({ "about": about, "what": what }));
        #[expect(clippy::print_stdout, reason = "the command's output")]
        if !self.json {
            println!("{about}: {what}");
        }
    }
}

/// Looks through everything, and changes nothing but what opening a store changes.
///
/// # Errors
/// Something is not as it should be.
pub(crate) fn fsck(args: &DataArgs, config: &Config, skip_files: bool) -> anyhow::Result<()> {
    if !args.data.join("STORE.id").exists() {
        bail!("there is no store in {}", args.data.display());
    }
    if control::connect(&args.data)?.is_some() {
        bail!("a node runs on {}: stop it first", args.data.display());
    }
    // Without its key a store is neither whole nor damaged.
    let file = MasterFile::new(&args.data, &config.store);
    let master = Arc::new(file.read()?);
    let mut found = Found { json: args.json, troubles: Vec::new(), more: 0 };
    let looked = look(args, config, (&file, &master), skip_files, &mut found);
    let looked = looked.unwrap_or_else(|cause| {
        found.tell("store", &format!("{cause:#}"));
        Value::Null
    });
    let troubles = found.troubles.len() + found.more;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!(
            "{}",
            json!({ "troubles": found.troubles, "count": troubles, "examined": looked })
        );
    } else if troubles == 0 {
        let of = |name: &str| looked.get(name).and_then(Value::as_u64).unwrap_or_default();
        println!(
            "Nothing is wrong in {} rows, {} accounts, {} boxes with {} messages, {} logs with {} entries, and {} \
             files with {} bytes.",
            of("rows"),
            of("accounts"),
            of("boxes"),
            of("messages"),
            of("logs"),
            of("entries"),
            of("files"),
            of("file_bytes"),
        );
    }
    if troubles > 0 {
        bail!("{troubles} things are not as they should be: restore a backup, or ask for help");
    }
    Ok(())
}

fn look(
    args: &DataArgs,
    config: &Config,
    (file, master): (&MasterFile<'_>, &Arc<MasterKey>),
    skip_files: bool,
    found: &mut Found,
) -> anyhow::Result<Value> {
    // In the mode that it is in: nothing is changed here.
    let at_rest = offline::open_or_make(&args.data)?;
    let (opened, _) = sealing::open(at_rest, master, SealMode::Secrets)?;
    secrets::check(opened.store(), master, &file.path)?;
    let mut damaged = false;
    let rows = opened.rests().examine(opened.store(), &mut |what| {
        damaged = true;
        found.tell("row", &what);
    })?;
    let mut expected = Vec::new();
    // Rows that cannot be read end whatever else reads them.
    let examined = if damaged {
        None
    } else {
        let secret = master.derive("access hashes");
        let tell = &mut |trouble: Trouble| found.tell(trouble.about, &trouble.what);
        let keep = &mut |blob| expected.push(blob);
        Some(node_core::examine(opened.store(), &secret, tell, keep)?)
    };
    let mut bytes = 0;
    if !skip_files {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        bytes = runtime.block_on(files(args, config, master, &expected, found))?;
    }
    let examined = examined.unwrap_or_default();
    Ok(json!({
        "rows": rows.rows,
        "accounts": examined.accounts,
        "boxes": examined.boxes,
        "messages": examined.messages,
        "logs": examined.logs,
        "entries": examined.entries,
        "files": examined.files,
        "file_bytes": bytes,
    }))
}

/// Opens the bytes of all files: what opens is what was sealed under its hash. Answers how many there are.
async fn files(
    args: &DataArgs,
    config: &Config,
    master: &Arc<MasterKey>,
    expected: &[ExpectedBlob],
    found: &mut Found,
) -> anyhow::Result<u64> {
    let blobs = media::open(&config.media, &args.data, master).await?;
    let mut bytes = 0;
    for blob in expected {
        let read = match is_there(&blobs, blob).await {
            Ok(()) => {
                bytes += blob.size;
                continue;
            }
            Err(cause) => cause,
        };
        match read {
            // It may lie at the node of whoever has sent it, and be fetched when somebody asks.
            BlobError::NotFound if !blob.is_own => {}
            cause => {
                let what = format!("{:?}, of {} bytes: {cause}", blob.blob, blob.size);
                found.tell("blob", &what);
            }
        }
    }
    Ok(bytes)
}

async fn is_there(blobs: &Blobs, blob: &ExpectedBlob) -> Result<(), BlobError> {
    let (id, size) = (BlobId(blob.blob.0), blob.size);
    if size == 0 {
        return blobs.load(id, 0, 0).await.map(drop);
    }
    let mut at = 0;
    while at < size {
        at += blobs.read(id, size, at, READ_BYTES_MAX).await?.len() as u64;
    }
    Ok(())
}
