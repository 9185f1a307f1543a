//! `rookery backup` and `rookery restore`: everything that a node needs on a new machine, in one file.
//!
//! The file is in the format of age (<https://age-encryption.org/v1>), which finds every changed byte and a
//! missing end. In it is a tar archive with these files, in this order:
//!
//! ```text
//! backup.json          which backup this is, see [`Head`]
//! master.key           the file of the master key as it is, locked if it is locked
//! rookery.toml         the configuration, if a file is used
//! store/00000000 …     the store's rows as they rest: pieces of one stream, see `node_store`
//! media/blobs/…        files of members as they rest, unless they are in a bucket
//! end.json             what was counted, see [`End`]: the archive is whole
//! ```
//! Of a running node, the command line asks the node for the rows, and reads the rest itself: the node
//! meets no secret of the backup, and writes nowhere else than it otherwise does. The blob of a file is
//! written before the row that names it, so files are copied after the rows; and the node clears no files
//! away until all are copied (`line`).

mod archive;
mod envelope;
mod line;
mod restore;
mod take;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_store::SledStore;
use serde::{Deserialize, Serialize};

use crate::config::Config;
pub(crate) use envelope::{Key, Lock};
pub(crate) use line::serve;
pub(crate) use restore::restore;
pub(crate) use take::{Take, take};

/// The version of the archive.
const FORMAT: u32 = 1;

/// What a node is backed up from.
pub(crate) struct Source {
    /// Its rows, as they rest.
    pub(crate) rests: Arc<SledStore>,
    pub(crate) places: Places,
}

/// Where a node keeps what is not in its store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Places {
    config: Option<PathBuf>,
    master_key: PathBuf,
    media: Media,
}

/// Where files of members are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Media {
    Directory(PathBuf),
    Bucket(String),
}

impl Places {
    /// Those of a configuration, as absolute paths: who asks for them may be elsewhere.
    pub(crate) fn of(config: &Config, data: &Path) -> std::io::Result<Self> {
        let absolute = |path: &Path| std::path::absolute(path);
        let media = match &config.media.s3 {
            Some(s3) => Media::Bucket(match s3.prefix.as_str() {
                "" => format!("{} at {}", s3.bucket, s3.endpoint),
                prefix => format!("{}/{prefix} at {}", s3.bucket, s3.endpoint),
            }),
            None => {
                Media::Directory(absolute(&crate::media::blobs_directory(&config.media, data))?)
            }
        };
        Ok(Self {
            config: config.file.as_deref().map(absolute).transpose()?,
            master_key: absolute(&crate::master_file::MasterFile::new(data, &config.store).path)?,
            media,
        })
    }
}

/// The first file of the archive.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// [`FORMAT`].
    format: u32,
    /// Version of the program that wrote it.
    program: String,
    /// When it was begun, in Unix seconds.
    begun: u64,
    /// Where the files came from.
    places: Places,
}

/// The last file of the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// All that was acknowledged before this is in the backup. Unix milliseconds.
    until: u64,
    /// Rows and changes of rows in the stream of the store.
    rows: u64,
    /// Bytes of that stream.
    store_bytes: u64,
    /// Objects of members' files.
    files: u64,
    /// Bytes of those.
    file_bytes: u64,
}
