//! `rookery restore`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use tar::Archive;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::archive::{self, Counted, Files, small};
use super::take::is_blob;
use super::{End, FORMAT, Head, Key, Media};
use crate::cli::DataArgs;
use crate::config::{SealMode, StoreConfig};
use crate::master_file::MasterFile;
use crate::{offline, sealing, secrets};

/// Longest small file in the archive. Protects memory; a configuration has some kilobytes.
const SMALL_BYTES_MAX: u64 = 1 << 20;

/// Fills an empty data directory from a backup, or leaves it as it was.
pub(crate) fn restore(args: &DataArgs, from: &Path, key: &Key) -> anyhow::Result<()> {
    let data = &args.data;
    let made = match fs::read_dir(data) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("{} is not empty: restore into another directory", data.display());
            }
            false
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => true,
        Err(cause) => return Err(cause).with_context(|| format!("cannot read {}", data.display())),
    };
    let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
    let plain = Authentic(key.open(BufReader::new(file), from)?);
    secrets::make_directory(data)?;
    let outcome = fill(data, plain).with_context(|| from.display().to_string());
    match outcome {
        Ok((head, end)) => print(args, &head, end),
        Err(cause) => {
            if made {
                // What was put into it is gone already.
                fs::remove_dir(data).ok();
            }
            Err(cause)
        }
    }
}

/// Says in the operator's words that what was encrypted is not what comes.
struct Authentic<R>(R);

impl<R: Read> Read for Authentic<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|cause| match cause.raw_os_error() {
            Some(_) => cause,
            None => io::Error::other("it was changed, or is cut off"),
        })
    }
}

/// Builds everything in a directory of its own, and puts it in place when it is whole.
fn fill(data: &Path, plain: impl Read) -> anyhow::Result<(Head, End)> {
    let made = tempfile::Builder::new()
        .prefix(".restoring-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(data);
    let made = made.with_context(|| format!("cannot write in {}", data.display()))?;
    let (head, end) = unpack(made.path(), plain)?;
    check(made.path())?;
    sync_all(made.path())?;
    put_in_place(&made, data)?;
    Ok((head, end))
}

fn unpack(into: &Path, mut plain: impl Read) -> anyhow::Result<(Head, End)> {
    let mut archive = Archive::new(&mut plain);
    let mut files = Files::new(&mut archive)?;
    let head: Head = match files.next()? {
        Some((name, entry)) if name == archive::HEAD => {
            serde_json::from_slice(&small(entry, SMALL_BYTES_MAX)?).context(archive::HEAD)?
        }
        _ => bail!("it holds no backup of a node"),
    };
    if head.format != FORMAT {
        let format = head.format;
        bail!("the backup has format {format}, this program knows {FORMAT}: use a newer one");
    }
    let mut found = End::default();
    let mut told: Option<End> = None;
    let (mut has_key, mut has_store) = (false, false);
    while let Some((name, mut entry)) = files.next()? {
        if told.is_some() {
            bail!("something follows its end");
        } else if name == archive::MASTER_KEY || name == archive::CONFIG {
            let content = Zeroizing::new(small(entry, SMALL_BYTES_MAX)?);
            write(&into.join(&name), &mut content.as_slice())?;
            has_key |= name == archive::MASTER_KEY;
        } else if name.starts_with(archive::STORE) && !has_store {
            has_store = true;
            let mut stream = Counted { inner: files.store(entry), bytes: 0 };
            let rows = offline::open_or_make(into)?.import(&mut stream)?.rows;
            (found.rows, found.store_bytes) = (rows, stream.bytes);
        } else if let Some(blob) = name.strip_prefix(archive::BLOBS).filter(|blob| is_blob(blob)) {
            let path = into.join("media/blobs").join(blob);
            make_parent(&path)?;
            found.file_bytes += write(&path, &mut entry)?;
            found.files += 1;
        } else if name == archive::END {
            let end: End = serde_json::from_slice(&small(entry, SMALL_BYTES_MAX)?).context(name)?;
            found.until = end.until;
            told = Some(end);
        } else {
            bail!("it holds a file that no backup has");
        }
    }
    // The end of what is encrypted says that nothing is cut off.
    io::copy(&mut plain, &mut io::sink())?;
    if !has_key || !has_store || told != Some(found) {
        bail!("it is not whole");
    }
    Ok((head, found))
}

fn make_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)
}

fn write(path: &Path, content: &mut impl Read) -> anyhow::Result<u64> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(io::copy(content, &mut file)?)
}

/// Whether the master key opens the store; of one that is locked, its passphrase would be needed to
/// know.
fn check(restored: &Path) -> anyhow::Result<()> {
    let config = StoreConfig::default();
    let file = MasterFile::new(restored, &config);
    if file.is_locked()? {
        return Ok(());
    }
    let master = file.read()?;
    let (opened, _) = sealing::open(offline::open_or_make(restored)?, &master, SealMode::Secrets)?;
    secrets::check(opened.store(), &master, &file.path)
}

/// One call for all the files, of which there may be very many.
fn sync_all(made: &Path) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(made)?)?;
    #[cfg(not(target_os = "linux"))]
    rustix::fs::sync();
    Ok(())
}

/// The database comes last: before it, no node starts on what is there. `STORE.id` without one says that
/// data was lost.
fn put_in_place(made: &TempDir, data: &Path) -> anyhow::Result<()> {
    const LAST: &str = "db";
    let mut names = vec!["STORE.id".into()];
    for entry in fs::read_dir(made.path())? {
        let name = entry?.file_name();
        if name != LAST && !names.contains(&name) {
            names.push(name);
        }
    }
    names.push(LAST.into());
    let sync = || File::open(data)?.sync_all();
    let moved = names.iter().try_for_each(|name| {
        if *name == *LAST {
            sync()?;
        }
        fs::rename(made.path().join(name), data.join(name))
    });
    if let Err(cause) = moved.and_then(|()| sync()) {
        // The directory was empty: whatever is in both names goes back, and then away.
        for name in &names {
            fs::rename(data.join(name), made.path().join(name)).ok();
        }
        return Err(cause).with_context(|| format!("cannot write in {}", data.display()));
    }
    Ok(())
}

fn print(args: &DataArgs, head: &Head, end: End) -> anyhow::Result<()> {
    let data = args.data.display();
    let End { rows, files, .. } = end;
    let bucket = match &head.places.media {
        Media::Directory(_) => None,
        Media::Bucket(bucket) => Some(bucket),
    };
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        let done = json!({
            "data": args.data,
            "until": end.until,
            "rows": rows,
            "files": files,
            "bucket": bucket,
            "places": head.places,
        });
        println!("{done}");
    } else {
        println!("{data}: {rows} rows and {files} files of members");
        if let Some(bucket) = bucket {
            println!("Files of members are in the bucket {bucket}: this node needs it.");
        }
        if let Some(config) = &head.places.config {
            let was = config.display();
            println!("The configuration is {data}/rookery.toml; it was {was}.");
        }
        println!(
            "Start the node on {data}, and nothing any more on the directory that the backup came \
             from."
        );
    }
    Ok(())
}
