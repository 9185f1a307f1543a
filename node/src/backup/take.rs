//! `rookery backup`.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::stream::StreamWriter;
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use node_store::AtRest;
use serde_json::json;
use tar::Builder;
use tempfile::NamedTempFile;

use super::archive::{self, Pieces};
use super::line::{Counts, Running};
use super::{End, FORMAT, Head, Lock, Media, Places, envelope};
use crate::cli::DataArgs;
use crate::config::Config;
use crate::{offline, run};

/// What is asked for.
pub(crate) struct Take<'a> {
    pub(crate) args: &'a DataArgs,
    pub(crate) to: &'a Path,
    pub(crate) lock: Lock,
    /// Where no node runs, where it keeps its files; and its file.
    pub(crate) config: &'a dyn Fn() -> anyhow::Result<Config>,
}

type Out = Builder<StreamWriter<BufWriter<NamedTempFile>>>;

/// Where the rows come from.
enum Rows {
    Running(Box<Running>),
    Stopped(Box<AtRest>),
}

/// Writes a backup of a node, whether it runs or not.
pub(crate) fn take(asked: &Take<'_>) -> anyhow::Result<()> {
    let Take { args, to, lock, config } = asked;
    // Found out now, and once more when it is renamed.
    if fs::symlink_metadata(to).is_ok() {
        bail!("{} is there already", to.display());
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let encryptor = lock.encryptor()?;
    let (places, rows) = match Running::ask(&args.data)? {
        Some((places, running)) => (places, Rows::Running(Box::new(running))),
        None => {
            if !args.data.join("STORE.id").exists() {
                bail!("there is no store in {}", args.data.display());
            }
            let places = Places::of(&config()?, &args.data)?;
            (places, Rows::Stopped(Box::new(offline::open_or_make(&args.data)?)))
        }
    };
    // Its owner's alone, as such files are made.
    let named = tempfile::Builder::new().prefix(".rookery-backup-").tempfile_in(parent);
    let named = named.with_context(|| format!("cannot write in {}", parent.display()))?;
    let bar = progress(args.json);
    let written = write(BufWriter::new(named), encryptor, places, rows, &bar);
    bar.finish_and_clear();
    let (end, named) = written?;
    let bytes = named.as_file().metadata()?.len();
    let named = named.persist_noclobber(to);
    named.with_context(|| format!("cannot make {}", to.display()))?;
    File::open(parent)?.sync_all()?;
    print(args, to, end, bytes)
}

fn write(
    file: BufWriter<NamedTempFile>,
    encryptor: age::Encryptor,
    places: Places,
    mut rows: Rows,
    bar: &ProgressBar,
) -> anyhow::Result<(End, NamedTempFile)> {
    let mut out = Builder::new(envelope::seal(encryptor, file)?);
    let (config, master_key, media) =
        (places.config.clone(), places.master_key.clone(), places.media.clone());
    let begun = (run::clock())() / 1000;
    let head = Head { format: FORMAT, program: env!("CARGO_PKG_VERSION").into(), begun, places };
    add_json(&mut out, archive::HEAD, &head)?;
    add_file(&mut out, archive::MASTER_KEY, &master_key)?;
    if let Some(config) = &config {
        add_file(&mut out, archive::CONFIG, config)?;
    }
    let mut end = End::default();
    bar.set_message("store");
    let mut count = |bytes| {
        end.store_bytes += bytes;
        bar.inc(bytes);
    };
    let mut pieces = Pieces::new(&mut out, &mut count);
    let stored = match &mut rows {
        Rows::Running(running) => {
            io::copy(&mut **running, &mut pieces)?;
            running.counts()?
        }
        Rows::Stopped(store) => {
            let until = (run::clock())();
            Counts { rows: store.back_up(&mut pieces)?.rows, until }
        }
    };
    pieces.finish()?;
    (end.rows, end.until) = (stored.rows, stored.until);
    if let Media::Directory(directory) = &media {
        add_blobs(&mut out, directory, &mut end, bar)?;
    }
    // Before it is called whole: files may have been cleared away that a row names.
    if let Rows::Running(running) = rows {
        running.files_are_copied()?;
    }
    add_json(&mut out, archive::END, &end)?;
    let file = out.into_inner()?.finish()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    Ok((end, file))
}

fn add_json(out: &mut Out, name: &str, value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_vec_pretty(value)?;
    Ok(archive::add(out, name, text.len() as u64, text.as_slice())?)
}

fn add_file(out: &mut Out, name: &str, path: &Path) -> anyhow::Result<()> {
    let mut add = || {
        let file = File::open(path)?;
        archive::add(out, name, file.metadata()?.len(), file)
    };
    add().with_context(|| format!("cannot copy {}", path.display()))
}

/// Adds members' files. Each object is written under another name, renamed when it is whole, and never
/// changed; one that goes meanwhile is named by no row.
fn add_blobs(
    out: &mut Out,
    directory: &Path,
    end: &mut End,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut total = 0;
    for_each_blob(directory, &mut |_, path| {
        total += fs::metadata(path).map_or(0, |found| found.len());
        Ok(())
    })?;
    bar.set_message("files");
    bar.set_style(style("{bar:30} {bytes}/{total_bytes} {msg}, {eta} left"));
    bar.set_length(total);
    bar.set_position(0);
    for_each_blob(directory, &mut |name, path| {
        let file = match File::open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let bytes = file.metadata()?.len();
        archive::add(out, &format!("{}{name}", archive::BLOBS), bytes, file)?;
        end.files += 1;
        end.file_bytes += bytes;
        bar.inc(bytes);
        Ok(())
    })
}

/// Names and paths of all objects, and of the mark that says whose they are.
fn for_each_blob(
    root: &Path,
    each: &mut dyn FnMut(&str, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if !root.exists() {
        return Ok(()); // a node that was never started with files
    }
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let mut directories = vec![PathBuf::new()];
    while let Some(within) = directories.pop() {
        let directory = root.join(&within);
        for entry in fs::read_dir(&directory).with_context(|| unreadable(&directory))? {
            let entry = entry.with_context(|| unreadable(&directory))?;
            let path = within.join(entry.file_name());
            let kind = entry.file_type().with_context(|| unreadable(&entry.path()))?;
            // What is being written has other names, and the probe of a start is of no use.
            if kind.is_dir() && within.components().count() < 2 {
                directories.push(path);
            } else if let Some(name) = path.to_str()
                && kind.is_file()
                && is_blob(name)
            {
                each(name, &entry.path())?;
            }
        }
    }
    Ok(())
}

/// Whether a path is one of an object in a directory of files, and not out of it.
pub(super) fn is_blob(name: &str) -> bool {
    name == blobs::OWNER || blobs::is_object(name)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Shown on a terminal alone.
fn progress(json: bool) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(style("{spinner} {bytes} {msg}, {elapsed}"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn print(args: &DataArgs, to: &Path, end: End, bytes: u64) -> anyhow::Result<()> {
    let End { until, rows, store_bytes, files, file_bytes } = end;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        let done = json!({
            "file": to,
            "bytes": bytes,
            "until": until,
            "rows": rows,
            "store_bytes": store_bytes,
            "files": files,
            "file_bytes": file_bytes,
        });
        println!("{done}");
    } else {
        println!(
            "{}: {bytes} bytes, with {rows} rows and {files} files of members ({file_bytes} bytes)",
            to.display()
        );
    }
    Ok(())
}
