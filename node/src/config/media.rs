//! Where files of members are, and how much there may be.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// `[media]`: photos and files of members. What is stored is sealed under the master key, wherever it
/// lies.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MediaConfig {
    /// Directory of files, and of uploads that are not finished. Default: `media` in the data
    /// directory.
    pub(crate) directory: Option<PathBuf>,
    /// `[media.s3]`: a bucket instead of the directory. Unfinished uploads stay on this machine.
    pub(crate) s3: Option<S3Config>,
    /// Bytes of files that one member may have here. Default 0: any number.
    pub(crate) member_bytes: u64,
    /// Bytes of files of all members. Default 0: any number.
    pub(crate) node_bytes: u64,
    /// Bytes of unfinished uploads of one member. Default 4 GiB: two files of the largest size.
    pub(crate) uploads_member_bytes: u64,
    /// Bytes of unfinished uploads of all members. Default 32 GiB.
    pub(crate) uploads_node_bytes: u64,
    /// Bytes of files of other nodes that are here in part: beyond, those go that were opened the
    /// longest ago. Default 10 GiB.
    pub(crate) far_bytes: u64,
    /// Bytes that the disk of unfinished uploads keeps free: below, no part is taken. Default 1 GiB.
    pub(crate) free_bytes_min: u64,
    /// Seconds after its last part for which an unfinished upload waits. Default 86400.
    pub(crate) upload_kept_s: u64,
    /// Threads that make photos and previews; each takes up to 230 MB while it works. Default 1.
    pub(crate) picture_threads: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            directory: None,
            s3: None,
            member_bytes: 0,
            node_bytes: 0,
            uploads_member_bytes: 4 << 30,
            uploads_node_bytes: 32 << 30,
            far_bytes: 10 << 30,
            free_bytes_min: 1 << 30,
            upload_kept_s: 86_400,
            picture_threads: 1,
        }
    }
}

/// `[media.s3]`: a bucket of S3, or of what speaks its protocol.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct S3Config {
    /// `https://s3.example.org`, without the bucket.
    pub(crate) endpoint: String,
    /// The region that requests are signed for. Default `us-east-1`, also where there are none.
    #[serde(default = "any_region")]
    pub(crate) region: String,
    /// The bucket; it has to be there.
    pub(crate) bucket: String,
    /// What all names begin with. Default: nothing.
    #[serde(default)]
    pub(crate) prefix: String,
    /// The node's id there.
    pub(crate) access_key: String,
    /// Its secret; `secret_key_file` keeps it out of this file.
    pub(crate) secret_key: Option<Secret>,
    /// A file whose first line is the secret.
    pub(crate) secret_key_file: Option<PathBuf>,
    /// The bucket stands in the host's name, and `endpoint` is given with it. Default false.
    #[serde(default)]
    pub(crate) virtual_hosted: bool,
    /// Take `http` to another machine: names and sizes then cross the network in the clear. Default
    /// false.
    #[serde(default)]
    pub(crate) allow_http: bool,
    /// PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
}

fn any_region() -> String {
    "us-east-1".into()
}
