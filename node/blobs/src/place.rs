//! Where blobs lie: a directory, or a bucket of S3.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Uri;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::chain;
use crate::http_client::S3Client;
use crate::id::{hex, unhex};
use crate::{BlobError, OpenError};

/// Requests to the place at once. Protects its provider, and sockets or threads here.
const REQUESTS_AT_ONCE: usize = 32;
/// How long a request is tried again before its caller hears of it.
const RETRY_WITHIN: Duration = Duration::from_secs(60);
const RETRIES_MAX: usize = 5;

/// The object that says whose the place is: 64 hex digits, [`keys::BlobKey::mark`].
pub const OWNER: &str = "owner";

/// Where blobs are to lie.
#[derive(Debug, Clone)]
pub enum Place {
    /// A directory on this machine; what is put there is on the disk when the call returns.
    Directory(PathBuf),
    /// A bucket of S3, or of whatever speaks its protocol.
    S3(S3),
}

/// A bucket, and how to get there.
#[derive(Clone)]
pub struct S3 {
    /// `https://s3.example.org`, without the bucket.
    pub endpoint: String,
    /// The region that requests are signed for; `us-east-1` where there are none.
    pub region: String,
    /// The bucket; it has to be there.
    pub bucket: String,
    /// What all names begin with, so that a bucket may hold other things; may be empty.
    pub prefix: String,
    /// Who asks.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: Zeroizing<String>,
    /// Whether the bucket stands in the host's name (`https://bucket.s3.example.org`) and not in the
    /// path. The endpoint is then given with it.
    pub virtual_hosted: bool,
    /// Permits `http` to another machine, where the network between is trusted. Blobs are sealed
    /// anyway; names, sizes and who asks are not.
    pub allow_http: bool,
    /// A PEM file with authorities to trust besides the system's.
    pub authorities: Option<PathBuf>,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The keyed hash by which a blob is known in its place.
pub(crate) type Name = [u8; 32];

/// One object of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) name: Name,
    /// `None` for the object that makes the blob whole: its only chunk, or its manifest.
    pub(crate) chunk: Option<u16>,
}

impl Object {
    pub(crate) const fn whole(name: Name) -> Self {
        Self { name, chunk: None }
    }

    pub(crate) const fn chunk(name: Name, index: u16) -> Self {
        Self { name, chunk: Some(index) }
    }

    /// `aa/bb/<name>`, or `aa/bb/<name>-<index>`.
    fn path(self) -> String {
        let name = hex(&self.name);
        let (first, second) = (&name[..2], &name[2..4]);
        match self.chunk {
            None => format!("{first}/{second}/{name}"),
            Some(index) => format!("{first}/{second}/{name}-{index:04x}"),
        }
    }

    /// The inverse of [`Object::path`]; `None` for what is not ours.
    fn parse(path: &str) -> Option<Self> {
        let file = path.rsplit('/').next()?;
        let object = match file.split_once('-') {
            None => Self::whole(unhex(file)?),
            Some((name, index)) => {
                Self::chunk(unhex(name)?, u16::from_be_bytes(unhex::<2>(index)?))
            }
        };
        (object.path() == path).then_some(object)
    }
}

/// Whether a path in a place, with `/` between its parts, is one of an object of a blob: `aa/bb/<name>` or
/// `aa/bb/<name>-<index>`.
#[must_use]
pub fn is_object(path: &str) -> bool {
    Object::parse(path).is_some()
}

/// An object as a listing shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) object: Object,
    pub(crate) bytes: u64,
    /// Seconds since 1970 by the clock of the place.
    pub(crate) written_s: u64,
}

/// The objects of a place.
#[derive(Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    /// Set for a directory: parts are linked there instead of being written again.
    directory: Option<PathBuf>,
    requests: Semaphore,
}

impl Objects {
    /// Opens the place, tries an object (written, read and deleted), and marks the place with whose
    /// it is.
    pub(crate) async fn open(place: &Place, mark: &[u8; 32]) -> Result<Self, OpenError> {
        let requests = Semaphore::new(REQUESTS_AT_ONCE);
        let (objects, shown) = match place {
            Place::Directory(path) => {
                let failed = |cause| OpenError::Directory { path: path.clone(), cause };
                make_directory(path).map_err(failed)?;
                let path = path.canonicalize().map_err(failed)?;
                let store = LocalFileSystem::new_with_prefix(&path)
                    .map_err(|cause| failed(io::Error::other(chain(&cause))))?
                    // Without it, `put` returns before anything is on the disk.
                    .with_fsync(true);
                let shown = path.display().to_string();
                let prefix = ObjectPath::default();
                let store = Arc::new(store);
                (Self { store, prefix, directory: Some(path), requests }, shown)
            }
            Place::S3(s3) => {
                let shown = format!("bucket {} at {}", s3.bucket, s3.endpoint);
                let prefix = ObjectPath::parse(&s3.prefix)
                    .map_err(|cause| OpenError::Description(chain(&cause)))?;
                let store = Arc::new(s3_store(s3)?);
                (Self { store, prefix, directory: None, requests }, shown)
            }
        };
        objects.probe(&shown).await?;
        objects.own(&shown, mark).await?;
        Ok(objects)
    }

    /// Marks the place, unless it is marked. Refuses one that has another's mark: a sweep here would
    /// remove what the other stores.
    async fn own(&self, place: &str, mark: &[u8; 32]) -> Result<(), OpenError> {
        let failed = |step, cause: &dyn std::error::Error| OpenError::Probe {
            place: place.to_owned(),
            step,
            cause: chain(cause),
        };
        let path = self.prefix.clone().join(OWNER);
        let ours = hex(mark);
        let created = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(&path, PutPayload::from(ours.clone()), created).await;
        match put {
            // Marked before: who of two was first is what is read.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(cause) => return Err(failed("write", &cause)),
        }
        let meta = self.store.head(&path).await.map_err(|cause| failed("read", &cause))?;
        if meta.size != ours.len() as u64 {
            return Err(OpenError::Foreign(place.to_owned()));
        }
        let read = self.store.get_range(&path, 0..meta.size).await;
        if read.map_err(|cause| failed("read", &cause))? != ours.as_bytes() {
            return Err(OpenError::Foreign(place.to_owned()));
        }
        Ok(())
    }

    async fn probe(&self, place: &str) -> Result<(), OpenError> {
        let failed = |step, cause: &dyn std::error::Error| OpenError::Probe {
            place: place.to_owned(),
            step,
            cause: chain(cause),
        };
        let path = self.prefix.clone().join("probe");
        let content = Bytes::from_static(b"rookery was here");
        let put = self.store.put(&path, PutPayload::from_bytes(content.clone())).await;
        put.map_err(|cause| failed("write", &cause))?;
        let read = self.store.get_range(&path, 0..content.len() as u64).await;
        let read = read.map_err(|cause| failed("read", &cause))?;
        self.store.delete(&path).await.map_err(|cause| failed("delete", &cause))?;
        if read != content {
            return Err(failed("read", &io::Error::other("other bytes came back")));
        }
        Ok(())
    }

    fn path(&self, object: Object) -> ObjectPath {
        object.path().split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    async fn permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, BlobError> {
        self.requests.acquire().await.map_err(|_| BlobError::Busy)
    }

    /// Writes an object whole, over whatever was there, durably.
    pub(crate) async fn put(&self, object: Object, sealed: Bytes) -> Result<(), BlobError> {
        let _permit = self.permit().await?;
        self.store.put(&self.path(object), PutPayload::from_bytes(sealed)).await?;
        Ok(())
    }

    /// The length of an object; `None` if it is not there.
    pub(crate) async fn length(&self, object: Object) -> Result<Option<u64>, BlobError> {
        let _permit = self.permit().await?;
        match self.store.head(&self.path(object)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Bytes of an object, as many as the range has.
    pub(crate) async fn get(&self, object: Object, range: Range<u64>) -> Result<Bytes, BlobError> {
        let _permit = self.permit().await?;
        let wanted = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
        let got = self.store.get_opts(&self.path(object), options).await;
        let got = match got {
            // Where the object is shorter than its beginning; a provider says 416.
            Err(cause) if is_range_error(&cause) => {
                return Err(BlobError::Damaged("an object is shorter than it should be".into()));
            }
            got => got?,
        };
        if got.range.end - got.range.start != wanted {
            return Err(BlobError::Damaged("an object is shorter than it should be".into()));
        }
        let bytes = got.bytes().await?;
        if bytes.len() as u64 != wanted {
            return Err(BlobError::Damaged("an object is shorter than was said".into()));
        }
        Ok(bytes)
    }

    /// Removes an object; one that is not there is as good. That which makes a blob whole is
    /// durably gone: a power cut must not bring it back without its chunks.
    pub(crate) async fn delete(&self, object: Object) -> Result<(), BlobError> {
        let _permit = self.permit().await?;
        match self.store.delete(&self.path(object)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(()),
            done => done?,
        }
        if let (Some(directory), None) = (&self.directory, object.chunk) {
            let path = directory.join(object.path());
            // `with_fsync` is about writes only.
            let sync = move || path.parent().map_or(Ok(()), sync_directory);
            let synced = tokio::task::spawn_blocking(sync).await.map_err(io::Error::other)?;
            synced?;
        }
        Ok(())
    }

    /// Everything of ours in the place, in no particular order.
    pub(crate) fn list(&self) -> BoxStream<'_, Result<Listed, BlobError>> {
        let prefix = (self.prefix != ObjectPath::default()).then_some(&self.prefix);
        let listed = self.store.list(prefix).map_err(BlobError::from);
        listed.try_filter_map(async |meta| Ok(self.listed(&meta))).boxed()
    }

    fn listed(&self, meta: &ObjectMeta) -> Option<Listed> {
        let parts = meta.location.prefix_match(&self.prefix)?;
        let path: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        let object = Object::parse(&path.join("/"))?;
        let written_s = u64::try_from(meta.last_modified.timestamp()).unwrap_or(0);
        Some(Listed { object, bytes: meta.size, written_s })
    }

    /// Gives files of this machine further names, as objects, durably. Returns whether it did: the
    /// place may be no directory, or lie on another file system, or have no links.
    ///
    /// Blocks; for a blocking thread. All objects lie in one directory, since they are one blob's.
    pub(crate) fn link(&self, files: &[(PathBuf, Object)]) -> io::Result<bool> {
        let (Some(directory), Some((_, first))) = (&self.directory, files.first()) else {
            return Ok(false);
        };
        let parent = directory.join(first.path());
        let parent = parent.parent().unwrap_or(directory);
        make_directory(parent)?;
        for (file, object) in files {
            let to = directory.join(object.path());
            let linked = match fs::hard_link(file, &to) {
                // Left by an assembly that did not come to its end: nobody reads it.
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&to)?;
                    fs::hard_link(file, &to)
                }
                done => done,
            };
            match linked {
                Ok(()) => {}
                // What was linked already is written over.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(cause),
                Err(_) => return Ok(false),
            }
        }
        sync_directory(parent)?;
        Ok(true)
    }

    /// Files that a write left which did not come to its end, of a directory only: path, whose they
    /// are, and bytes. At most `max`, and written before `before_s`.
    ///
    /// Blocks; for a blocking thread.
    pub(crate) fn leftovers(&self, before_s: u64, max: usize) -> io::Result<Vec<Leftover>> {
        let Some(root) = &self.directory else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for first in directories_in(root)? {
            for second in directories_in(&first)? {
                for file in fs::read_dir(&second)? {
                    let file = file?;
                    let name = file.file_name();
                    // LocalFileSystem writes to `<name>#<number>` and renames it.
                    let Some((name, _)) = name.to_str().and_then(|name| name.split_once('#'))
                    else {
                        continue;
                    };
                    let Some(name) = name.split('-').next().and_then(unhex) else { continue };
                    let Ok(meta) = file.metadata() else { continue };
                    if seconds(meta.modified()?) < before_s && found.len() < max {
                        found.push(Leftover { path: file.path(), name, bytes: meta.len() });
                    }
                }
            }
        }
        Ok(found)
    }
}

/// A file that a killed process was writing.
#[derive(Debug)]
pub(crate) struct Leftover {
    pub(crate) path: PathBuf,
    pub(crate) name: Name,
    pub(crate) bytes: u64,
}

fn directories_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn is_range_error(error: &object_store::Error) -> bool {
    let text = chain(error);
    text.contains("InvalidRange") || text.contains("Wanted range")
}

fn s3_store(s3: &S3) -> Result<object_store::aws::AmazonS3, OpenError> {
    let uri: Uri = s3
        .endpoint
        .parse()
        .map_err(|_| OpenError::Description(format!("endpoint {}", s3.endpoint)))?;
    let https = match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) if s3.allow_http || trust::is_loopback(host) => false,
        _ => return Err(OpenError::Insecure(s3.endpoint.clone())),
    };
    let retry = RetryConfig {
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_WITHIN,
        ..RetryConfig::default()
    };
    AmazonS3Builder::new()
        .with_endpoint(&s3.endpoint)
        .with_region(&s3.region)
        .with_bucket_name(&s3.bucket)
        .with_access_key_id(&s3.access_key)
        .with_secret_access_key(s3.secret_key.as_str())
        .with_virtual_hosted_style_request(s3.virtual_hosted)
        .with_allow_http(!https)
        // TLS keeps the bytes on their way, and GCM for ever: a hash of them costs more than sealing.
        .with_unsigned_payload(https)
        .with_retry(retry)
        .with_http_connector(S3Client::new(s3.authorities.as_deref())?)
        .build()
        .map_err(|cause| OpenError::Description(chain(&cause)))
}

/// Makes a directory and those above it, durably.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_directory(parent)?;
    }
    match fs::create_dir(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        done => done?,
    }
    sync_directory(parent.unwrap_or(Path::new(".")))
}

/// Makes what a directory lists durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Whole seconds since 1970; 0 for what was before.
pub(crate) fn seconds(time: std::time::SystemTime) -> u64 {
    time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_back_and_nothing_else() {
        for object in [Object::whole([0xab; 32]), Object::chunk([7; 32], 0x1f3f)] {
            assert_eq!(Object::parse(&object.path()), Some(object));
        }
        assert!(Object::whole([0xab; 32]).path().starts_with("ab/ab/abab"));
        let path = Object::chunk([7; 32], 1).path();
        for bad in [&path[1..], &path[..path.len() - 1], "probe", "", "a/b/c", &path[6..]] {
            assert_eq!(Object::parse(bad), None, "{bad}");
        }
    }

    fn s3(endpoint: &str, allow_http: bool) -> S3 {
        S3 {
            endpoint: endpoint.into(),
            region: "us-east-1".into(),
            bucket: "b".into(),
            prefix: String::new(),
            access_key: "a".into(),
            secret_key: Zeroizing::new("very secret".into()),
            virtual_hosted: false,
            allow_http,
            authorities: None,
        }
    }

    #[tokio::test]
    async fn keys_cross_no_network_in_the_clear() {
        for good in ["https://example.org", "http://127.0.0.1:8333", "http://[::1]:1"] {
            s3_store(&s3(good, false)).unwrap();
        }
        for bad in ["http://example.org", "http://127.0.0.1.example.org", "ftp://localhost"] {
            assert!(matches!(s3_store(&s3(bad, false)), Err(OpenError::Insecure(_))), "{bad}");
        }
        s3_store(&s3("http://example.org", true)).unwrap();
        assert!(matches!(s3_store(&s3("ftp://example.org", true)), Err(OpenError::Insecure(_))));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", s3("https://example.org", false)).contains("secret"));
    }
}
