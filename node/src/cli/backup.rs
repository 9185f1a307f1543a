//! `rookery backup` and `rookery restore`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{ConfigArgs, DataArgs};
use crate::backup::{self, Key, Lock, Take};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("lock").args(["recipients", "passphrase_file"])))]
pub(super) struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// The file to make; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// A public key of `age-keygen`: who has its secret key opens the backup. May be given more than
    /// once. Without one, and without a file, a terminal is asked for a passphrase.
    #[arg(long = "recipient", value_name = "age1…")]
    recipients: Vec<String>,
    /// A file whose first line is the passphrase of the backup.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("key").args(["identities", "passphrase_file"])))]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// A file with a secret key, as `age-keygen` writes it. May be given more than once. Without one,
    /// and without a file, a terminal is asked for a passphrase.
    #[arg(long = "identity", value_name = "FILE")]
    identities: Vec<PathBuf>,
    /// A file whose first line is the passphrase of the backup.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) fn back_up(args: BackupArgs) -> anyhow::Result<()> {
    let BackupArgs { data, config, to, recipients, passphrase_file } = args;
    let lock = match passphrase_file {
        Some(file) => Lock::PassphraseFile(file),
        None if recipients.is_empty() => Lock::Asked,
        None => Lock::Recipients(recipients),
    };
    backup::take(&Take { args: &data, to: &to, lock, config: &|| config.load(&data) })
}

pub(super) fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let RestoreArgs { data, from, identities, passphrase_file } = args;
    let key = match passphrase_file {
        Some(file) => Key::PassphraseFile(file),
        None if identities.is_empty() => Key::Asked,
        None => Key::Identities(identities),
    };
    backup::restore(&data, &from, &key)
}

#[derive(Debug, Args)]
pub(super) struct FsckArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Do not read members' files, for example since they are in a bucket.
    #[arg(long)]
    skip_files: bool,
}

pub(super) fn fsck(args: FsckArgs) -> anyhow::Result<()> {
    crate::fsck::fsck(&args.data, &args.config.load(&args.data)?, args.skip_files)
}
