//! `rookery export`, `import` and `compact`: work on the store of a node that does not run.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use node_store::{SledStore, Transfer};
use serde_json::json;

use crate::cli::DataArgs;

/// Writes everything that the store holds into a file.
pub(crate) fn export(args: &DataArgs, to: &Path) -> anyhow::Result<()> {
    let store = open(&args.data)?;
    // Never over a file that is there: it may be the only good copy.
    // Its owner's alone: messages are in it.
    let file = File::options().write(true).create_new(true).mode(0o600).open(to);
    let file = file.with_context(|| format!("cannot make {}", to.display()))?;
    let mut out = BufWriter::new(file);
    let done = node_store::export(&store, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    print(args, done, "exported")
}

/// Fills the empty store of a data directory from a file. The master key is not in it: copy
/// `master.key` beside it first.
pub(crate) fn import(args: &DataArgs, from: &Path) -> anyhow::Result<()> {
    let open_file = || File::open(from).with_context(|| format!("cannot open {}", from.display()));
    // Read through once, so that a damaged file writes nothing.
    node_store::verify(&mut BufReader::new(open_file()?))?;
    crate::secrets::make_directory(&args.data)?;
    let store = open_or_make(&args.data)?;
    let done = node_store::import(&mut BufReader::new(open_file()?), &store)?;
    print(args, done, "imported")
}

/// Rewrites the store without what its log wastes.
pub(crate) fn compact(args: &DataArgs) -> anyhow::Result<()> {
    let done = node_store::compact(&args.data)?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", json!({ "before": done.before_bytes, "after": done.after_bytes }));
    } else {
        println!("{} bytes before, {} after", done.before_bytes, done.after_bytes);
    }
    Ok(())
}

fn open(directory: &Path) -> anyhow::Result<SledStore> {
    if !directory.join("STORE.id").exists() {
        anyhow::bail!("there is no store in {}", directory.display());
    }
    open_or_make(directory)
}

fn open_or_make(directory: &Path) -> anyhow::Result<SledStore> {
    let mut stamp = [0; 16];
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    rand::Rng::fill_bytes(&mut rand::rng(), &mut stamp);
    Ok(SledStore::open(directory, stamp)?)
}

fn print(args: &DataArgs, done: Transfer, what: &str) -> anyhow::Result<()> {
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", json!({ "rows": done.rows, "bytes": done.bytes }));
    } else {
        println!("{what}: {} rows, {} bytes", done.rows, done.bytes);
    }
    Ok(())
}
