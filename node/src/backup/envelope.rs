//! Who can open a backup: the age format.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor, Identity, IdentityFile, scrypt, x25519};
use anyhow::{Context as _, anyhow, bail};

use crate::config::secret;
use crate::master_file::ask;

/// Cost of a passphrase, as log2 of scrypt's N: about a second and 256 MB. What `age` itself takes.
const WORK: u8 = 18;

/// The highest cost that is accepted: what `age` itself accepts. It takes 4 GB.
const WORK_MAX: u8 = 22;

/// What a new backup is locked with.
pub(crate) enum Lock {
    /// Public keys: whoever has the secret half of one opens it.
    Recipients(Vec<String>),
    /// A file whose first line is the passphrase.
    PassphraseFile(PathBuf),
    /// The terminal is asked for a passphrase.
    Asked,
}

/// What a backup is opened with.
pub(crate) enum Key {
    /// Files with secret keys, as `age-keygen` writes them.
    Identities(Vec<PathBuf>),
    /// A file whose first line is the passphrase.
    PassphraseFile(PathBuf),
    /// The terminal is asked for a passphrase.
    Asked,
}

impl Lock {
    /// Makes what encrypts; asks if it has to.
    pub(super) fn encryptor(&self) -> anyhow::Result<Encryptor> {
        let passphrase = match self {
            Self::Recipients(keys) => {
                let parsed = keys.iter().map(|key| {
                    let parsed = key.trim().parse::<x25519::Recipient>();
                    parsed.map_err(|cause| anyhow!("{key:?} is no age recipient: {cause}"))
                });
                let recipients = parsed.collect::<anyhow::Result<Vec<_>>>()?;
                let recipients = recipients.iter().map(|one| one as &dyn age::Recipient);
                return Encryptor::with_recipients(recipients).map_err(|cause| anyhow!("{cause}"));
            }
            Self::PassphraseFile(file) => passphrase_in(file)?,
            Self::Asked => {
                let wanted = ask("Passphrase of the backup: ")?.context(
                    "say who can open the backup: --recipient with a public key of age-keygen, or \
                     --passphrase-file",
                )?;
                if ask("The same again: ")?.as_ref() != Some(&wanted) {
                    bail!("the two differ: nothing was written");
                }
                SecretString::from(wanted.as_str().to_owned())
            }
        };
        if age::secrecy::ExposeSecret::expose_secret(&passphrase).is_empty() {
            bail!("the passphrase is empty: nothing was written");
        }
        let mut recipient = scrypt::Recipient::new(passphrase);
        recipient.set_work_factor(WORK);
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        Encryptor::with_recipients(recipients).map_err(|cause| anyhow!("{cause}"))
    }
}

/// Begins to encrypt into `out`.
pub(super) fn seal<W: Write>(encryptor: Encryptor, out: W) -> io::Result<StreamWriter<W>> {
    encryptor.wrap_output(out)
}

impl Key {
    /// Begins to decrypt a backup; `name` is how the operator calls it.
    ///
    /// # Errors
    /// It is none, or the key does not open it: says which.
    pub(super) fn open<R: BufRead>(
        &self,
        input: R,
        name: &Path,
    ) -> anyhow::Result<StreamReader<R>> {
        let name = name.display();
        let decryptor = match Decryptor::new_buffered(input) {
            Ok(decryptor) => decryptor,
            Err(DecryptError::Io(cause)) if cause.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(cause).with_context(|| format!("cannot read {name}"));
            }
            Err(_) => bail!("{name} is no backup, or its beginning is damaged"),
        };
        let identities: Vec<Box<dyn Identity>> = match self {
            Self::Identities(files) if !decryptor.is_scrypt() => {
                let read = files.iter().map(|file| identities_in(file));
                read.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect()
            }
            Self::Identities(_) => {
                bail!("{name} is locked with a passphrase: name a file with it (--passphrase-file)")
            }
            Self::PassphraseFile(_) | Self::Asked if !decryptor.is_scrypt() => {
                bail!("{name} is locked for keys: name the file of one that opens it (--identity)")
            }
            Self::PassphraseFile(file) => vec![with_passphrase(passphrase_in(file)?)],
            Self::Asked => {
                let given = ask(&format!("Passphrase of {name}: "))?
                    .context("name a file with the passphrase of the backup: --passphrase-file")?;
                vec![with_passphrase(SecretString::from(given.as_str().to_owned()))]
            }
        };
        match decryptor.decrypt(identities.iter().map(AsRef::as_ref)) {
            Ok(reader) => Ok(reader),
            Err(DecryptError::NoMatchingKeys) => bail!("no key that was given opens {name}"),
            Err(DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed) => {
                bail!("{name} does not open: the passphrase is another one, or it is damaged")
            }
            Err(DecryptError::ExcessiveWork { required, .. }) => {
                bail!("{name} asks for too much work to open it (2^{required})")
            }
            Err(_) => bail!("{name} is damaged at its beginning"),
        }
    }
}

fn with_passphrase(passphrase: SecretString) -> Box<dyn Identity> {
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(WORK_MAX);
    Box::new(identity)
}

fn passphrase_in(file: &Path) -> anyhow::Result<SecretString> {
    let given = secret("the passphrase", None, Some(file))?.unwrap_or_default();
    Ok(SecretString::from(given.as_str().to_owned()))
}

fn identities_in(file: &Path) -> anyhow::Result<Vec<Box<dyn Identity>>> {
    let name = file.display();
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {name}"))?;
    let parsed = IdentityFile::from_buffer(BufReader::new(opened));
    let parsed = parsed.map_err(|cause| anyhow!("{name} holds no secret key of age: {cause}"))?;
    let identities = parsed.into_identities().map_err(|cause| anyhow!("{name}: {cause}"))?;
    Ok(identities.into_iter().map(|one| one as Box<dyn Identity>).collect())
}
