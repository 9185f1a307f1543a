//! Files of members: where they lie, and clearing away what nobody keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use blobs::{BlobId, Blobs, Bounds, Place, Removal, S3};
use keys::{BlobKey, MasterKey};
use node_core::{Clock, Core, Quotas};
use parking_lot::Mutex;
use pictures::Studio;
use serde::{Deserialize, Serialize};

use crate::cli::DataArgs;
use crate::config::{MediaConfig, S3Config, secret};
use crate::control::{self, Request};

/// How often parts expire and files go that nothing keeps.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// How often blobs are looked for that no file has: what crashes leave.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long a file stays after the last message that showed it: nobody who was told of it a moment
/// ago is to find it gone.
const UNHELD_S: i32 = node_core::FILE_REFERENCE_S;

/// Opens the place of blobs, and the spool.
pub(crate) async fn open(
    config: &MediaConfig,
    data: &Path,
    master: &Arc<MasterKey>,
) -> anyhow::Result<Blobs> {
    let directory = directory(config, data);
    let (place, local) = match &config.s3 {
        Some(s3) => (Place::S3(bucket(s3)?), data),
        // On one file system: parts become blobs without being copied.
        None => (Place::Directory(blobs_directory(config, data)), directory.as_path()),
    };
    let (spool, far) = (local.join("uploads"), local.join("far"));
    let bounds = Bounds {
        owner_bytes_max: config.uploads_member_bytes,
        spool_bytes_max: config.uploads_node_bytes,
        free_bytes_min: config.free_bytes_min,
        keep: Duration::from_secs(config.upload_kept_s),
        far_bytes_max: config.far_bytes,
        ..Bounds::default()
    };
    let setup = blobs::Setup { place, spool, far, bounds };
    Blobs::open(setup, BlobKey::derive(master)).await.context("in [media]")
}

/// Where files are kept that are not in a bucket.
fn directory(config: &MediaConfig, data: &Path) -> PathBuf {
    config.directory.clone().unwrap_or_else(|| data.join("media"))
}

/// Where blobs are kept that are not in a bucket.
pub(crate) fn blobs_directory(config: &MediaConfig, data: &Path) -> PathBuf {
    directory(config, data).join("blobs")
}

fn bucket(s3: &S3Config) -> anyhow::Result<S3> {
    let file = s3.secret_key_file.as_deref();
    let secret_key = secret("secret_key", s3.secret_key.as_ref(), file).context("in [media.s3]")?;
    Ok(S3 {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        bucket: s3.bucket.clone(),
        prefix: s3.prefix.clone(),
        access_key: s3.access_key.clone(),
        secret_key: secret_key.context("in [media.s3]: there is no secret_key")?,
        virtual_hosted: s3.virtual_hosted,
        allow_http: s3.allow_http,
        authorities: s3.ca_file.clone(),
    })
}

/// Starts the threads that work on pictures.
pub(crate) fn studio(config: &MediaConfig) -> anyhow::Result<Studio> {
    let setup = pictures::Setup { workers: config.picture_threads, ..Default::default() };
    Studio::start(setup).context("cannot start the threads for pictures")
}

/// How much members may store.
pub(crate) fn quotas(config: &MediaConfig) -> Quotas {
    let bound = |bytes: u64| if bytes == 0 { u64::MAX } else { bytes };
    Quotas { member_bytes: bound(config.member_bytes), node_bytes: bound(config.node_bytes) }
}

/// Whoever clears away.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) core: Core,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Clock,
    /// How long an upload waits after its last part.
    pub(crate) upload_kept: Duration,
    /// Since the start of the node.
    pub(crate) totals: Arc<Mutex<Totals>>,
    /// One clears away at a time, and none while a backup copies files.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// What was cleared away since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) cleared: Cleared,
    /// How often something failed.
    pub(crate) failures: u64,
}

/// What was cleared away, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cleared {
    /// Previews of pages that nothing showed.
    pub(crate) previews: u64,
    /// Files that nothing kept.
    pub(crate) files: u64,
    /// Blobs of theirs.
    pub(crate) blobs: u64,
    /// Blobs and parts of blobs that belong to no file.
    pub(crate) orphans: u64,
    /// Bytes of those.
    pub(crate) orphan_bytes: u64,
    /// Uploads whose time was over.
    pub(crate) uploads: u64,
    /// There is more to do than one call does.
    more: bool,
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Bytes of all files of members.
    pub(crate) bytes: u64,
    /// Bytes that unfinished uploads count for.
    pub(crate) upload_bytes: u64,
    /// Unfinished uploads.
    pub(crate) uploads: u64,
}

impl Keeper {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis((self.clock)())
    }

    /// Clears away for ever, now and then. Sweeps soon after the start: a crash may be why it starts.
    pub(crate) async fn run(self) {
        let mut swept: Option<SystemTime> = None;
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            let now = self.now();
            let is_due = |swept| now.duration_since(swept).is_ok_and(|since| since >= SWEEP_EVERY);
            let sweep = swept.is_none_or(is_due);
            if sweep {
                swept = Some(now);
            }
            let (cleared, failed) = self.clear(sweep, false).await;
            if cleared != Cleared::default() {
                tracing::info!(?cleared, "files were cleared away");
            }
            if let Some(cause) = failed {
                tracing::warn!(cause = format!("{cause:#}"), "not all is cleared away");
            }
        }
    }

    /// Ends uploads, removes previews that nothing shows and files that nothing keeps, and with
    /// `sweep` blobs that no file has. What fails keeps nothing else from going; the first cause is
    /// answered.
    pub(crate) async fn clear(
        &self,
        sweep: bool,
        dry_run: bool,
    ) -> (Cleared, Option<anyhow::Error>) {
        let _turn = self.turn.lock().await;
        let mut cleared = Cleared::default();
        let now_s = i32::try_from((self.clock)() / 1000).unwrap_or(i32::MAX);
        let before = now_s.saturating_sub(UNHELD_S);
        let uploads = self.expire(dry_run, &mut cleared).await;
        let previews = self.collect_previews(before, dry_run, &mut cleared).await;
        // After the previews, whose pictures are files.
        let files = self.collect_files(before, dry_run, &mut cleared).await;
        let orphans = match sweep {
            true => self.sweep(dry_run, &mut cleared).await,
            false => Ok(()),
        };
        let failed = [uploads, previews, files, orphans].into_iter().find_map(Result::err);
        if !dry_run {
            let mut totals = self.totals.lock();
            totals.failures += u64::from(failed.is_some());
            let sum = &mut totals.cleared;
            sum.previews += cleared.previews;
            sum.files += cleared.files;
            sum.blobs += cleared.blobs;
            sum.orphans += cleared.orphans;
            sum.orphan_bytes += cleared.orphan_bytes;
            sum.uploads += cleared.uploads;
        }
        (cleared, failed)
    }

    async fn expire(&self, dry_run: bool, cleared: &mut Cleared) -> anyhow::Result<()> {
        let expired = self.blobs.expire(self.now(), dry_run).await.context("uploads")?;
        cleared.uploads = expired.uploads as u64;
        Ok(())
    }

    async fn collect_previews(
        &self,
        before: i32,
        dry_run: bool,
        cleared: &mut Cleared,
    ) -> anyhow::Result<()> {
        loop {
            let removed = self.core.collect_web_pages(before, dry_run).await.context("previews")?;
            cleared.previews += removed;
            if dry_run || removed == 0 {
                return Ok(());
            }
        }
    }

    async fn collect_files(
        &self,
        before: i32,
        dry_run: bool,
        cleared: &mut Cleared,
    ) -> anyhow::Result<()> {
        let mut failed = None;
        loop {
            let collected = self.core.collect_files(before, dry_run).await.context("files")?;
            cleared.files += collected.files;
            for blob in &collected.blobs {
                let (core, id) = (self.core.clone(), *blob);
                // One that somebody sends again right now stays.
                let referred = move || core.is_blob_known(&id).unwrap_or(true);
                match self.blobs.remove(BlobId(blob.0), referred).await {
                    Ok(removed) => cleared.blobs += u64::from(removed == Removal::Removed),
                    // No file has it any more: the next sweep finds it.
                    Err(cause) => failed = failed.or(Some(cause)),
                }
            }
            if dry_run || collected.files == 0 {
                return failed.map_or(Ok(()), |cause| Err(cause).context("blobs of files"));
            }
        }
    }

    async fn sweep(&self, dry_run: bool, cleared: &mut Cleared) -> anyhow::Result<()> {
        // Before the list is made: what comes meanwhile is pinned.
        let sweep = self.blobs.sweep();
        let core = self.core.clone();
        let listing = move || {
            let (mut sweep, mut after) = (sweep, None);
            loop {
                let some = core.blobs_after(after)?;
                after = some.last().copied();
                if after.is_none() {
                    return anyhow::Ok(sweep);
                }
                some.into_iter().for_each(|blob| sweep.know(BlobId(blob.0)));
            }
        };
        let sweep = tokio::task::spawn_blocking(listing).await?.context("blobs that files have")?;
        // Longer than an upload is remembered: what it became may be asked for until then.
        let grace = self.upload_kept + Duration::from_secs(3600);
        let orphans = match dry_run {
            true => sweep.find(self.now(), grace).await,
            false => sweep.remove(self.now(), grace).await,
        };
        let orphans = orphans.context("blobs without a file")?;
        cleared.orphans = orphans.orphans.len() as u64;
        cleared.orphan_bytes =
            orphans.orphans.iter().map(|orphan| orphan.bytes).sum::<u64>() + orphans.leftover_bytes;
        cleared.more = orphans.more;
        Ok(())
    }

    /// What is stored.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let (stored, waiting) = (self.core.stored_bytes()?, self.blobs.usage());
        let uploads = waiting.uploads as u64;
        Ok(Usage { bytes: stored, upload_bytes: waiting.bytes, uploads })
    }
}

/// Prints what is stored.
pub(crate) fn print_usage(args: &DataArgs) -> anyhow::Result<()> {
    let usage: Usage = control::ask(&args.data, &Request::MediaUsage)?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(&usage)?);
    } else {
        let Usage { bytes, upload_bytes, uploads } = usage;
        println!("Files of members     {bytes} bytes");
        println!("Unfinished uploads   {uploads}, {upload_bytes} bytes");
    }
    Ok(())
}

/// Clears away, or says what would be.
pub(crate) fn collect(args: &DataArgs, dry_run: bool) -> anyhow::Result<()> {
    let cleared: Cleared = control::ask(&args.data, &Request::MediaCollect { dry_run })?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(&cleared)?);
    } else {
        let Cleared { previews, files, blobs, orphans, orphan_bytes, uploads, more } = cleared;
        println!("{}", if dry_run { "Would be cleared away:" } else { "Cleared away:" });
        println!("Previews that nothing shows {previews}");
        println!("Files that nothing kept     {files} ({blobs} blobs)");
        println!("Blobs without a file        {orphans}, {orphan_bytes} bytes");
        println!("Uploads that were over      {uploads}");
        if more {
            println!("There is more: run it again.");
        }
    }
    Ok(())
}
