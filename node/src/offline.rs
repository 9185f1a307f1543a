//! `rookery export`, `import` and `compact`: work on the store of a node that does not run.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use node_store::{AtRest, Transfer};
use serde_json::json;

use crate::cli::DataArgs;
use crate::config::{SealMode, StoreConfig};
use crate::master_file::MasterFile;
use crate::sealing;

/// Writes everything that the store holds into a file: as it rests, or in the clear, which takes
/// the master key.
pub(crate) fn export(
    args: &DataArgs,
    to: &Path,
    clear: Option<&StoreConfig>,
) -> anyhow::Result<()> {
    if !args.data.join("STORE.id").exists() {
        bail!("there is no store in {}", args.data.display());
    }
    let store = open_or_make(&args.data)?;
    let sealed = store.sealing().is_some();
    let opened = match clear {
        Some(config) if sealed => {
            let master = MasterFile::new(&args.data, config).read()?;
            Export::Clear(sealing::open(store, &master, SealMode::All)?.0)
        }
        _ => Export::AsItRests(Box::new(store)),
    };
    // Never over a file that is there: it may be the only good copy.
    // Its owner's alone: messages may be in it.
    let file = File::options().write(true).create_new(true).mode(0o600).open(to);
    let file = file.with_context(|| format!("cannot make {}", to.display()))?;
    let mut out = BufWriter::new(file);
    let done = match opened {
        Export::AsItRests(store) => store.export(&mut out)?,
        Export::Clear(opened) => node_store::export(opened.store(), &mut out)?,
    };
    out.flush()?;
    out.get_ref().sync_all()?;
    print(args, done, "exported")
}

enum Export {
    AsItRests(Box<AtRest>),
    Clear(sealing::Opened),
}

/// Fills the empty store of a data directory from a file. The master key is not in it: copy
/// `master.key` beside it first. A sealed file gives a sealed store, a clear one what `[store]`
/// asks for.
pub(crate) fn import(args: &DataArgs, from: &Path, config: &StoreConfig) -> anyhow::Result<()> {
    let open_file = || File::open(from).with_context(|| format!("cannot open {}", from.display()));
    // Read through once, so that a damaged file writes nothing.
    node_store::verify(&mut BufReader::new(open_file()?))?;
    let sealed = node_store::sealing_of(&mut BufReader::new(open_file()?))?;
    crate::secrets::make_directory(&args.data)?;
    let file = MasterFile::new(&args.data, config);
    let mut input = BufReader::new(open_file()?);
    let done = if sealed.is_none() && config.seal == SealMode::All {
        if !file.exists()? {
            bail!(
                "{} is missing: with `seal = \"all\"` in [store], put the file of the exported node \
                 there first",
                file.path.display()
            );
        }
        let master = file.read()?;
        let store = open_or_make(&args.data)?;
        if !store.is_empty()? {
            bail!("import: the store is not empty");
        }
        let (opened, _) = sealing::open(store, &master, SealMode::All)?;
        let done = node_store::import(&mut input, opened.store())?;
        crate::secrets::check(opened.store(), &master, &file.path).with_context(|| {
            format!("remove {}, which is sealed under the wrong key now", args.data.display())
        })?;
        done
    } else {
        open_or_make(&args.data)?.import(&mut input)?
    };
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

pub(crate) fn open_or_make(directory: &Path) -> anyhow::Result<AtRest> {
    let mut stamp = [0; 16];
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    rand::Rng::fill_bytes(&mut rand::rng(), &mut stamp);
    Ok(AtRest::open(directory, stamp)?)
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
