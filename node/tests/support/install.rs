//! Published client programs at pinned versions, each in a directory of its own below
//! `<target>/clients/`: installed by the first test that needs it, kept for the next runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{process, target_directory, tests_directory};

/// A cold install on a slow network; 60 MB is the largest package.
const INSTALL_WITHIN: Duration = Duration::from_secs(600);
/// Written last: what is installed. A directory without it is half installed, and made anew.
const STAMP: &str = ".installed";

/// A Python environment with exactly the packages of `tests/clients/<requirements>`.
///
/// Returns its interpreter.
pub(crate) fn python(name: &str, requirements: &str) -> PathBuf {
    let list = tests_directory().join("clients").join(requirements);
    let directory = ensure(name, &[&list], |directory| {
        run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(directory));
        run(Command::new("python3")
            .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--python"])
            .arg(directory.join("bin/python"))
            .args(["install", "--quiet", "--no-deps", "--requirement"])
            .arg(&list)
            .env("PIP_ROOT_USER_ACTION", "ignore"));
    });
    directory.join("bin/python")
}

/// A directory with the `node_modules` that `tests/clients/<manifest>/package-lock.json` pins.
///
/// No package's own install script runs.
pub(crate) fn npm(name: &str, manifest: &str) -> PathBuf {
    let source = tests_directory().join("clients").join(manifest);
    let files = ["package.json", "package-lock.json"].map(|file| source.join(file));
    ensure(name, &[&files[0], &files[1]], |directory| {
        for file in &files {
            let file_name = file.file_name().expect("a file");
            fs::copy(file, directory.join(file_name)).expect("copy the manifest");
        }
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
            .current_dir(directory));
    })
}

/// Makes `<target>/clients/<name>` with `install`, unless it already holds what `manifests` say.
fn ensure(name: &str, manifests: &[&Path], install: impl FnOnce(&Path)) -> PathBuf {
    let parent = target_directory().join("clients");
    fs::create_dir_all(&parent).expect("make the directory of clients");
    let directory = parent.join(name);
    let wanted: String = manifests
        .iter()
        .map(|path| {
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect();
    // Tests run in threads and in processes: the lock is the file's, and ends with it.
    let lock = File::create(parent.join(format!("{name}.lock"))).expect("make a lock file");
    lock.lock().expect("lock");
    let stamp = directory.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return directory;
    }
    fs::remove_dir_all(&directory).ok();
    fs::create_dir_all(&directory).expect("make the client's directory");
    install(&directory);
    fs::write(stamp, wanted).expect("write the stamp");
    directory
}

fn run(command: &mut Command) {
    let finished = process::run(command, INSTALL_WITHIN);
    assert!(
        finished.status.success(),
        "a client program could not be installed: {command:?}: {}\n{}\n{}",
        finished.status,
        finished.stdout,
        finished.stderr
    );
}
