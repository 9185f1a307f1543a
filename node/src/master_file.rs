//! The file of the master key: where it is, who may read it, and the passphrase on it.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use keys::{LockCost, MasterKey};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::config::{StoreConfig, secret};

/// Its name in the data directory, unless the configuration names another place.
const NAME: &str = "master.key";

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 4096;

/// A master key that belongs to a data directory.
pub(crate) struct MasterFile<'a> {
    pub(crate) path: PathBuf,
    config: &'a StoreConfig,
}

impl<'a> MasterFile<'a> {
    pub(crate) fn new(data: &Path, config: &'a StoreConfig) -> Self {
        Self { path: config.master_key.clone().unwrap_or_else(|| data.join(NAME)), config }
    }

    /// Whether there is one.
    pub(crate) fn exists(&self) -> anyhow::Result<bool> {
        let known = self.path.try_exists();
        known.with_context(|| format!("cannot read {}", self.path.display()))
    }

    /// Whether it is locked with a passphrase.
    pub(crate) fn is_locked(&self) -> anyhow::Result<bool> {
        Ok(keys::is_locked(&self.bytes()?))
    }

    /// Reads the key. Asks for the passphrase if there is one, none is configured, and somebody
    /// sits there.
    pub(crate) fn read(&self) -> anyhow::Result<MasterKey> {
        let path = self.path.display();
        let bytes = self.bytes()?;
        let configured = self.passphrase()?;
        if !keys::is_locked(&bytes) {
            if configured.is_some() {
                bail!(
                    "a passphrase is configured, but {path} is not locked with one: lock it with \
                     `rookery passphrase`, or take the passphrase out of the configuration"
                );
            }
            return MasterKey::from_file_bytes(&bytes).with_context(|| path.to_string());
        }
        let passphrase = match configured {
            Some(passphrase) => passphrase,
            None => ask(&format!("Passphrase of {path}: "))?.with_context(|| {
                format!(
                    "{path} is locked with a passphrase: name a file with it as passphrase_file in \
                     [store], or start where it can be typed"
                )
            })?,
        };
        keys::unlock(&bytes, passphrase.as_bytes()).with_context(|| path.to_string())
    }

    fn bytes(&self) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let path = self.path.display();
        let found = fs::metadata(&self.path).with_context(|| format!("cannot read {path}"))?;
        if found.len() > FILE_BYTES_MAX {
            bail!("{path} is no master key");
        }
        if found.permissions().mode() & 0o077 != 0 {
            tracing::warn!("{path} can be read by others than its owner: `chmod 600` it");
        }
        let bytes = fs::read(&self.path).map(Zeroizing::new);
        bytes.with_context(|| format!("cannot read {path}"))
    }

    fn passphrase(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let StoreConfig { passphrase, passphrase_file, .. } = self.config;
        let given = secret("passphrase", passphrase.as_ref(), passphrase_file.as_deref());
        let given = given.context("in [store]")?;
        if given.as_ref().is_some_and(|given| given.is_empty()) {
            bail!("in [store]: the passphrase is empty");
        }
        Ok(given)
    }

    /// Makes a new key, locked if a passphrase is configured. Never over one that is there.
    pub(crate) fn make(&self, rng: &mut impl CryptoRng) -> anyhow::Result<MasterKey> {
        let master = MasterKey::generate(rng);
        let text = contents(&master, self.passphrase()?.as_ref(), rng)?;
        write_new(&self.path, &text)
            .and_then(|()| sync_parent(&self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(master)
    }

    /// Locks the key with another passphrase, or with none. A crash leaves the old file or the
    /// new one.
    pub(crate) fn relock(
        &self,
        passphrase: Option<&Zeroizing<String>>,
        rng: &mut impl CryptoRng,
    ) -> anyhow::Result<()> {
        let text = contents(&self.read()?, passphrase, rng)?;
        // Where the file really is, if the path is a link.
        let path = fs::canonicalize(&self.path)?;
        let mut half = path.clone().into_os_string();
        half.push(".new");
        let replace = || {
            match fs::remove_file(&half) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
            write_new(Path::new(&half), &text)?;
            fs::rename(&half, &path)?;
            sync_parent(&path)
        };
        replace().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Asks on the terminal; `None` where there is none.
pub(crate) fn ask(prompt: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    Ok(Some(Zeroizing::new(rpassword::prompt_password(prompt)?)))
}

fn contents(
    master: &MasterKey,
    passphrase: Option<&Zeroizing<String>>,
    rng: &mut impl CryptoRng,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(match passphrase {
        None => master.to_file_bytes(),
        Some(text) => {
            Zeroizing::new(keys::lock(master, text.as_bytes(), LockCost::default(), rng)?)
        }
    })
}

fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
