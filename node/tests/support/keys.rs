//! Keys for backups, made by the programs that operators use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process;

const WITHIN: Duration = Duration::from_secs(60);

/// Runs `age` or `age-keygen`, which are published apart from the node.
pub(crate) fn age(program: &str, arguments: &[&str]) -> process::Finished {
    assert!(
        Path::new("/usr/bin").join(program).exists(),
        "backups are opened by another program: apt-get install -y --no-install-recommends age"
    );
    let mut command = Command::new(program);
    command.args(arguments);
    let finished = process::run(&mut command, WITHIN);
    assert!(finished.status.success(), "{command:?}: {finished:?}");
    finished
}

/// A new key in a directory: its public half, and the file with the secret one.
pub(crate) fn new_key(directory: &Path) -> (String, PathBuf) {
    let file = directory.join("backup.key");
    let path = file.to_str().expect("UTF-8");
    age("age-keygen", &["-o", path]);
    let public = age("age-keygen", &["-y", path]).stdout;
    (public.trim().to_owned(), file)
}
