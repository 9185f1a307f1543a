//! The node's own secrets: made at the first start, kept in the data directory.
//!
//! `master.key` is a file of its own with mode 600, so that it can be kept elsewhere; everything
//! else rests in the store, sealed under it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use keys::{MasterKey, NodeIdentity, Secret, ServerKey};
use node_store::{Batch, Keyspace, SledStore, Store};
use rand::CryptoRng;
use zeroize::Zeroizing;

const MASTER_FILE: &str = "master.key";
const RSA_KEY: &[u8] = b"rsa";
const IDENTITY_KEY: &[u8] = b"identity";

/// What a node needs before it listens.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) server_key: ServerKey,
    pub(crate) identity: NodeIdentity,
    /// Keys the server salts.
    pub(crate) salt_secret: [u8; 32],
    /// Keys access hashes and the codes of invites.
    pub(crate) access_secret: [u8; 32],
    /// When an earlier run last wrote into the store.
    pub(crate) last_write: Option<SystemTime>,
}

/// Makes a data directory that only its owner may enter, if there is none.
pub(crate) fn make_directory(directory: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}

/// Opens the data directory, making what is missing.
///
/// # Errors
/// A store without its master key, or a master key that does not open it, is refused with the
/// way out: going on would make a new node that lost everything.
pub(crate) fn open(directory: &Path, rng: &mut impl CryptoRng) -> anyhow::Result<Opened> {
    make_directory(directory)?;
    let mut stamp = [0; 16];
    rng.fill_bytes(&mut stamp);
    let path = directory.join(MASTER_FILE);
    let known = path.try_exists().with_context(|| format!("cannot read {}", path.display()))?;
    let last_write = last_write(directory);
    let mut store = SledStore::open(directory, stamp)?;
    if store.should_compact()? {
        drop(store);
        tracing::info!("the store is compacted, which may take some minutes");
        let done = node_store::compact(directory)?;
        tracing::info!(before = done.before_bytes, after = done.after_bytes, "compacted");
        store = SledStore::open(directory, stamp)?;
    }
    let sealed = store.get(Keyspace::SETTINGS, RSA_KEY)?;
    if sealed.is_some() && !known {
        bail!(
            "{} is missing, and the store beside it is sealed under it. Put the file back, or \
             restore a backup; a new key cannot open what is there.",
            path.display()
        );
    }
    let master = Arc::new(if known { read_master(&path)? } else { make_master(&path, rng)? });
    let vault = Vault { store: &store, master: &master, path: &path };
    let server_key = vault.get_or_make(RSA_KEY, rng, |rng| {
        Ok(ServerKey::generate(rng)?.to_pkcs8_pem()?.as_bytes().to_vec())
    })?;
    let server_key = std::str::from_utf8(&server_key).context("the stored RSA key")?;
    let seed = vault
        .get_or_make(IDENTITY_KEY, rng, |rng| Ok(NodeIdentity::generate(rng).seed().to_vec()))?;
    let seed = seed.as_slice().try_into().context("the stored node identity")?;
    Ok(Opened {
        server_key: ServerKey::from_pem(server_key).context("the stored RSA key")?,
        identity: NodeIdentity::from_seed(seed),
        salt_secret: *master.derive("server salts"),
        access_secret: *master.derive("access hashes"),
        last_write,
        store: Arc::new(store),
        master,
    })
}

/// The newest time of the store's files; none before the first start.
fn last_write(directory: &Path) -> Option<SystemTime> {
    let files = [directory.join("db/db"), directory.join("STORE.mark")];
    files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok()).max()
}

struct Vault<'a> {
    store: &'a SledStore,
    master: &'a MasterKey,
    path: &'a Path,
}

impl Vault<'_> {
    /// The secret `name`, made and stored durably if there is none.
    fn get_or_make<R: CryptoRng>(
        &self,
        name: &[u8],
        rng: &mut R,
        make: impl FnOnce(&mut R) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        if let Some(sealed) = self.store.get(Keyspace::SETTINGS, name)? {
            return match self.master.open(Secret::Node, name, &sealed) {
                Ok(secret) => Ok(secret),
                Err(cause) => bail!(
                    "{} does not open the store beside it ({cause}): it belongs to another node. \
                     Put the right file back, or restore a backup.",
                    self.path.display()
                ),
            };
        }
        let secret = Zeroizing::new(make(rng)?);
        let mut batch = Batch::new();
        batch.put(Keyspace::SETTINGS, name, self.master.seal(Secret::Node, name, &secret, rng));
        let ticket = self.store.commit(batch)?;
        block_on(self.store.durable(ticket))?;
        Ok(secret)
    }
}

/// Waits without a runtime: this happens before there is one.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without I/O needs nothing that could be missing")
        .block_on(future)
}

fn read_master(path: &Path) -> anyhow::Result<MasterKey> {
    let bytes = fs::read(path).map(Zeroizing::new);
    let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
    MasterKey::from_file_bytes(&bytes).with_context(|| path.display().to_string())
}

fn make_master(path: &Path, rng: &mut impl CryptoRng) -> anyhow::Result<MasterKey> {
    let master = MasterKey::generate(rng);
    let write = || -> std::io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&master.to_file_bytes())?;
        file.sync_all()?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(master)
}
