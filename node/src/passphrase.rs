//! `rookery passphrase`: the passphrase on the master key.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::cli::DataArgs;
use crate::config::{StoreConfig, secret};
use crate::master_file::{MasterFile, ask};

/// Where the new passphrase comes from.
pub(crate) enum New {
    /// There will be none.
    None,
    /// The first line of a file.
    In(PathBuf),
    /// The terminal.
    Asked,
}

/// Locks the file of the master key anew. A running node is not disturbed: it has read it.
pub(crate) fn change(args: &DataArgs, config: &StoreConfig, new: New) -> anyhow::Result<()> {
    let file = MasterFile::new(&args.data, config);
    let passphrase = match new {
        New::None => None,
        New::In(path) => secret("the new passphrase", None, Some(&path))?,
        New::Asked => {
            let wanted = ask("New passphrase: ")?
                .context("name a file with the new passphrase: --new-file, or --remove")?;
            if ask("The same again: ")?.as_ref() != Some(&wanted) {
                bail!("the two differ: nothing was changed");
            }
            Some(wanted)
        }
    };
    if passphrase.as_ref().is_some_and(|text| text.is_empty()) {
        bail!("the new passphrase is empty: nothing was changed");
    }
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    file.relock(passphrase.as_ref(), &mut rand::rng())?;
    let (path, locked) = (file.path.display(), passphrase.is_some());
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::json!({ "locked": locked }));
    } else if locked {
        println!("{path} is locked with the new passphrase.");
    } else {
        println!("{path} is not locked with a passphrase any more.");
    }
    Ok(())
}
