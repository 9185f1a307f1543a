//! The node's own secrets: made at the first start, kept in the data directory.
//!
//! The master key is a file of its own with mode 600, so that it can be kept elsewhere; everything
//! else rests in the store: the secrets that [`Secret`] lists sealed one by one, always, and with
//! `seal = "all"` in `[store]` every row besides.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};
use keys::sealed::BoxSecret;
use keys::{MasterKey, NodeIdentity, Secret, ServerKey};
use node_core::LogKeys;
use node_store::{AtRest, Batch, Keyspace, SledStore, Store};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::config::StoreConfig;
use crate::master_file::MasterFile;
use crate::sealing;

mod rotation;

pub(crate) use rotation::Rotation;

const RSA_KEY: &[u8] = b"rsa";
const IDENTITY_KEY: &[u8] = b"identity";
const ROOT_KEY: &[u8] = b"root";
const SEALING_KEY: &[u8] = b"sealing";
const RECOVERY_KEY: &[u8] = b"recovery";

/// What a node needs before it listens.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// The same store, with its rows as they rest.
    pub(crate) rests: Arc<SledStore>,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) server_key: ServerKey,
    /// The operational key: what this node signs its logs with.
    pub(crate) identity: NodeIdentity,
    /// Vouches for the other keys; the node is called after it for life.
    root: NodeIdentity,
    /// Opens what others seal for this node.
    sealing: BoxSecret,
    /// What did before.
    sealing_before: Vec<BoxSecret>,
    /// Where the master key is.
    path: PathBuf,
    /// Recovers the groups that begin here.
    recovery: NodeIdentity,
    /// Keys the server salts.
    pub(crate) salt_secret: [u8; 32],
    /// Keys access hashes and the codes of invites.
    pub(crate) access_secret: [u8; 32],
    /// When an earlier run last wrote into the store.
    pub(crate) last_write: Option<SystemTime>,
    /// Of this copy of the store.
    pub(crate) stamp: [u8; 16],
}

impl Opened {
    /// The secret half of the key that recovers channels that began here, in hex.
    pub(crate) fn recovery_key(&self) -> Zeroizing<String> {
        Zeroizing::new(self.recovery.seed().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What the logs of channels are signed with.
    ///
    /// `domain` and `addresses` are how other nodes name and reach this one. Where they are others than
    /// before, the node gets another certificate; it is durable when this returns.
    pub(crate) fn log_keys(
        &self,
        domain: &str,
        addresses: &[String],
        now_ms: u64,
    ) -> anyhow::Result<LogKeys> {
        let copy = |secret: &BoxSecret| BoxSecret::from_bytes(&secret.secret_bytes());
        let operational = NodeIdentity::from_seed(&self.identity.seed());
        let recovery = *self.recovery.public().as_bytes();
        let certs = rotation::certs(&*self.store)?;
        let last = certs.last().cloned();
        let keys = LogKeys::new(&self.root, operational, copy(&self.sealing), recovery)
            .opening(self.sealing_before.iter().map(copy).collect())
            .certified(certs, domain, addresses, now_ms);
        if last.as_ref() != Some(keys.cert()) {
            rotation::keep_cert(&*self.store, keys.cert())?;
            if let Some(last) = last {
                let (serial, before) = (keys.cert().body.serial, last.body.serial);
                tracing::info!(serial, before, "this node has another certificate");
            }
        }
        Ok(keys)
    }

    /// What changes the keys while the node runs.
    pub(crate) fn rotation(&self) -> Rotation {
        Rotation {
            store: self.store.clone(),
            master: self.master.clone(),
            path: self.path.clone(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

/// Makes a data directory that only its owner may enter, if there is none.
pub(crate) fn make_directory(directory: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}

/// Opens the data directory, making what is missing, and brings the store to the mode that is
/// asked for.
///
/// # Errors
/// A store without its master key, or a master key that does not open it, is refused with the
/// way out: going on would make a new node that lost everything.
pub(crate) fn open(
    directory: &Path,
    config: &StoreConfig,
    rng: &mut impl CryptoRng,
) -> anyhow::Result<Opened> {
    make_directory(directory)?;
    let mut stamp = [0; 16];
    rng.fill_bytes(&mut stamp);
    let file = MasterFile::new(directory, config);
    let known = file.exists()?;
    let last_write = last_write(directory);
    let found = AtRest::open(directory, stamp)?;
    if !known && (found.sealing().is_some() || !found.is_empty()?) {
        bail!(
            "{} is missing, and the store in {} is sealed under it. Put the file back, or restore \
             a backup; a new key cannot open what is there.",
            file.path.display(),
            directory.display()
        );
    }
    let master = if known { file.read()? } else { file.make(rng)? };
    let compact = found.should_compact()?;
    let opened = sealing::open(found, &master, config.seal);
    let (mut opened, seal) = opened.map_err(|cause| foreign(&file.path, &cause))?;
    check(opened.store(), &master, &file.path)?;
    if !opened.is(config.seal) {
        drop(opened);
        sealing::change(directory, &master, seal, config.seal)?;
        opened = sealing::open(AtRest::open(directory, stamp)?, &master, config.seal)?.0;
    } else if compact {
        drop(opened);
        tracing::info!("the store is compacted, which may take some minutes");
        let done = node_store::compact(directory)?;
        tracing::info!(before = done.before_bytes, after = done.after_bytes, "compacted");
        opened = sealing::open(AtRest::open(directory, stamp)?, &master, config.seal)?.0;
    }
    let vault = Vault { store: opened.store(), master: &master, path: &file.path };
    let server_key = vault.get_or_make(RSA_KEY, rng, |rng| {
        Ok(ServerKey::generate(rng)?.to_pkcs8_pem()?.as_bytes().to_vec())
    })?;
    let server_key = std::str::from_utf8(&server_key).context("the stored RSA key")?;
    let stamp = stored_stamp(directory)?;
    if node_core::is_restored(opened.store(), stamp)? {
        tracing::warn!(
            "the store was filled from a backup: the node goes on under new keys, since others may \
             have seen newer ones than the backup holds"
        );
        rotation::replace(&vault, rng)?;
    }
    let sealing_before = rotation::sealing_before(&vault)?;
    let mut signing = |name| -> anyhow::Result<NodeIdentity> {
        let seed =
            vault.get_or_make(name, rng, |rng| Ok(NodeIdentity::generate(rng).seed().to_vec()))?;
        let seed = seed.as_slice().try_into().context("a stored key of the node")?;
        Ok(NodeIdentity::from_seed(seed))
    };
    let (identity, root) = (signing(IDENTITY_KEY)?, signing(ROOT_KEY)?);
    let recovery = signing(RECOVERY_KEY)?;
    let sealing = vault.get_or_make(SEALING_KEY, rng, |rng| {
        Ok(BoxSecret::generate(rng).secret_bytes().to_vec())
    })?;
    let sealing = sealing.as_slice().try_into().context("the stored sealing key")?;
    Ok(Opened {
        server_key: ServerKey::from_pem(server_key).context("the stored RSA key")?,
        identity,
        root,
        sealing: BoxSecret::from_bytes(sealing),
        sealing_before,
        path: file.path.clone(),
        recovery,
        salt_secret: *master.derive("server salts"),
        access_secret: *master.derive("access hashes"),
        last_write,
        stamp,
        rests: opened.rests(),
        store: opened.shared(),
        master: Arc::new(master),
    })
}

/// Whether `master` is the one that the node's own secrets are sealed under, if there are any.
///
/// # Errors
/// It is another one.
pub(crate) fn check(store: &dyn Store, master: &MasterKey, path: &Path) -> anyhow::Result<()> {
    let vault = Vault { store, master, path };
    vault.get(RSA_KEY)?;
    Ok(())
}

/// The refusal of a master key that does not fit.
fn foreign(path: &Path, cause: &dyn Display) -> anyhow::Error {
    anyhow!(
        "{} does not open the store ({cause}): it belongs to another node. Put the right file \
         back, or restore a backup.",
        path.display()
    )
}

/// The stamp of an opened store: another one on the same content says that it was filled from a backup.
fn stored_stamp(directory: &Path) -> anyhow::Result<[u8; 16]> {
    let text = fs::read_to_string(directory.join("STORE.id")).context("the store's stamp")?;
    let mut stamp = [0; 16];
    let digits = text.trim().as_bytes();
    if digits.len() != 2 * stamp.len() {
        bail!("{} is damaged", directory.join("STORE.id").display());
    }
    for (byte, pair) in stamp.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair)?, 16).context("the store's stamp")?;
    }
    Ok(stamp)
}

/// The newest time of the store's files; none before the first start.
fn last_write(directory: &Path) -> Option<SystemTime> {
    let files = [directory.join("db/db"), directory.join("STORE.mark")];
    files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok()).max()
}

struct Vault<'a> {
    store: &'a dyn Store,
    master: &'a MasterKey,
    path: &'a Path,
}

impl Vault<'_> {
    /// The secret `name`, if there is one.
    fn get(&self, name: &[u8]) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(sealed) = self.store.get(Keyspace::SETTINGS, name)? else { return Ok(None) };
        let opened = self.master.open(Secret::Node, name, &sealed);
        opened.map(Some).map_err(|cause| foreign(self.path, &cause))
    }

    /// The secret `name`, made and stored durably if there is none.
    fn get_or_make<R: CryptoRng>(
        &self,
        name: &[u8],
        rng: &mut R,
        make: impl FnOnce(&mut R) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        if let Some(secret) = self.get(name)? {
            return Ok(secret);
        }
        let secret = Zeroizing::new(make(rng)?);
        let mut batch = Batch::new();
        batch.put(Keyspace::SETTINGS, name, self.master.seal(Secret::Node, name, &secret, rng));
        let ticket = self.store.commit(batch)?;
        self.store.wait_durable(ticket)?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests;
