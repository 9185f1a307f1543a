//! A Debian in a folder: made once by debootstrap, kept below the target directory, copied for a test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::process::{Finished, run};
use crate::support::target_directory;

/// Some fifty packages over a slow line.
const WITHIN: Duration = Duration::from_secs(600);

/// Beside what every Debian has: what the package asks for, and what installs units.
const PACKAGES: &str = "ca-certificates,init-system-helpers,systemd-standalone-sysusers";

/// A copy of a small Debian bookworm.
pub(crate) fn debian(to: &Path) {
    done(Command::new("cp").args(["-a", "--reflink=auto"]).arg(made()).arg(to));
}

/// The one that is copied. Makes it, for which the network is needed, where there is none.
pub(crate) fn made() -> PathBuf {
    assert!(
        Command::new("debootstrap").arg("--version").output().is_ok(),
        "the package is installed in a folder: apt-get install -y --no-install-recommends debootstrap"
    );
    let directory = target_directory().join("debian-bookworm");
    let lock = File::create(target_directory().join("debian-bookworm.lock")).unwrap();
    lock.lock().unwrap();
    // Not in the folder: a tool that half succeeds leaves it without.
    let stamp = target_directory().join("debian-bookworm.made");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == PACKAGES) {
        return directory;
    }
    fs::remove_dir_all(&directory).ok();
    done(
        Command::new("debootstrap")
            .args(["--variant=minbase", "--include", PACKAGES, "bookworm"])
            .arg(&directory)
            .arg("http://deb.debian.org/debian"),
    );
    // What no test looks at, so that a copy is quick.
    for unused in ["usr/share/doc", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"] {
        fs::remove_dir_all(directory.join(unused)).ok();
    }
    fs::write(stamp, PACKAGES).unwrap();
    directory
}

/// Runs a command to its end, which has to be a good one.
pub(crate) fn done(command: &mut Command) -> Finished {
    let finished = run(command, WITHIN);
    assert!(finished.status.success(), "{command:?}: {finished:?}");
    finished
}

/// File systems that were mounted below a directory: they go with it, so that the directory can.
pub(crate) struct Mounts(PathBuf);

impl Mounts {
    /// Mounts the directory onto itself, to begin with.
    pub(crate) fn below(directory: &Path) -> Self {
        let mounts = Self(directory.to_owned());
        mounts.add(&["--bind", directory.to_str().unwrap()], "");
        mounts
    }

    /// Mounts something at a path below; empty: at the directory itself.
    pub(crate) fn add(&self, options: &[&str], at: &str) {
        let at = if at.is_empty() { self.0.clone() } else { self.0.join(at) };
        done(Command::new("mount").args(options).arg(at));
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        Command::new("umount").args(["--recursive", "--lazy"]).arg(&self.0).status().ok();
    }
}
