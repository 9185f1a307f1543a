//! Runs the blocks of one document, as a reader does.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rookery_load::clock;
use tempfile::TempDir;

use crate::read::{Block, Document, Marker, Typed};
use crate::support::node::binary;
use crate::support::process::{Guarded, run, run_with_input};
use crate::support::target_directory;

const WITHIN: Duration = Duration::from_secs(120);

/// Where a reader has a directory of their own.
pub(crate) struct Shell<'a> {
    /// Whose commands these are.
    document: &'a str,
    directory: TempDir,
    packages: &'a Packages,
    /// What runs in the background, and where it prints.
    background: Vec<(Guarded, PathBuf)>,
    /// How many were begun.
    begun: usize,
    /// Everything that was printed.
    printed: String,
}

/// Packages that blocks install, loaded before: there is no network where blocks are run.
pub(crate) struct Packages {
    /// Files for `pip`.
    wheels: PathBuf,
    /// Cache of `npm`.
    npm: PathBuf,
}

impl Packages {
    /// Loads what is not there yet.
    pub(crate) fn load(documents: &[Document]) -> Self {
        let wheels =
            loaded("wheels", &wanted(documents, "pip install ", "=="), |directory, all| {
                let mut load = Command::new("python3");
                load.args(["-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]);
                load.arg("--wheel-dir").arg(directory).args(all);
                load
            });
        let npm = loaded("npm-cache", &wanted(documents, "npm install ", "@"), |directory, all| {
            let mut load = Command::new("npm");
            load.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
            load.arg("--prefix")
                .arg(directory.join("here"))
                .arg("--cache")
                .arg(directory)
                .args(all);
            load
        });
        Self { wheels, npm }
    }
}

/// What the documents install with a command, each with its version.
fn wanted(documents: &[Document], command: &str, version: &str) -> Vec<String> {
    let runs = |block: &&Block| block.markers.iter().all(|marker| marker.not_run().is_none());
    let blocks = documents.iter().flat_map(|document| &document.blocks).filter(runs);
    let lines = blocks.flat_map(|block| block.commands.lines());
    let rest = lines.filter_map(|line| line.split_once(command)).map(|(_, rest)| rest);
    let words = rest.flat_map(str::split_whitespace).filter(|word| word.contains(version));
    let mut found: Vec<String> = words.map(str::to_owned).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A directory with these packages.
fn loaded(name: &str, wanted: &[String], load: impl Fn(&Path, &[String]) -> Command) -> PathBuf {
    let directory = target_directory().join("clients/of-documents").join(name);
    fs::create_dir_all(&directory).unwrap();
    let lock = File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = directory.join("loaded");
    let is_there = fs::read_to_string(&stamp).is_ok_and(|loaded| loaded == wanted.join("\n"));
    // One at a time: two of them may be other versions, or kinds, of one.
    for package in wanted.iter().filter(|_| !is_there) {
        let done = run(&mut load(&directory, std::slice::from_ref(package)), 5 * WITHIN);
        assert!(done.status.success(), "{package}: {done:?}");
    }
    fs::write(stamp, wanted.join("\n")).unwrap();
    directory
}

impl<'a> Shell<'a> {
    pub(crate) fn new(document: &'a str, packages: &'a Packages) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(binary(), bin.join("rookery")).unwrap();
        // The README speaks from the source tree, with what was built there.
        let built = directory.path().join("home/target/release");
        fs::create_dir_all(&built).unwrap();
        symlink(binary(), built.join("rookery")).unwrap();
        Self {
            document,
            directory,
            packages,
            background: Vec::new(),
            begun: 0,
            printed: String::new(),
        }
    }

    fn bash(&self, commands: &str) -> Command {
        let path = |name: &str| self.directory.path().join(name);
        let mut first: OsString = path("bin").into();
        first.push(":");
        first.push(std::env::var_os("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", commands]).current_dir(path("home"));
        bash.env("PATH", first).env("HOME", path("home"));
        bash.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", &self.packages.wheels);
        bash.env("npm_config_cache", &self.packages.npm).env("npm_config_offline", "true");
        bash.env("npm_config_ignore_scripts", "true").env("npm_config_update_notifier", "false");
        bash.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        bash
    }

    pub(crate) fn run(&mut self, block: &Block) {
        let mut typed = String::new();
        for marker in &block.markers {
            match marker {
                Marker::NotRun(_) => return,
                Marker::Background { until } => return self.start(block, until),
                Marker::NeedsNone => self.stop(),
                Marker::NeedsNode if self.background.is_empty() => {
                    self.begin("rookery run", "This Rookery node is ready", &"a node");
                }
                Marker::NeedsNode => {}
                Marker::Types(lines) => {
                    for line in lines {
                        typed += &self.typed(block, line);
                        typed.push('\n');
                    }
                }
            }
        }
        let input = self.directory.path().join("typed");
        fs::write(&input, typed).unwrap();
        let input = File::open(input).unwrap();
        let done = run_with_input(&mut self.bash(&block.commands), input, WITHIN);
        self.printed += &done.stdout;
        assert!(
            done.status.success(),
            "{block}: {}\n{}\n{}\n{}\n--- in the background:\n{}",
            done.status,
            block.commands,
            done.stdout,
            done.stderr,
            self.background.iter().map(|(_, log)| said(log)).collect::<String>()
        );
    }

    fn start(&mut self, block: &Block, until: &str) {
        self.begin(&block.commands, until, block);
    }

    fn begin(&mut self, commands: &str, until: &str, block: &dyn std::fmt::Display) {
        // Of its own: what an earlier one said is not this one's.
        self.begun += 1;
        let log = self.directory.path().join(format!("log-{}", self.begun));
        let out = || File::options().create(true).append(true).open(&log).unwrap();
        let mut bash = self.bash(&format!("exec {}", commands.trim_start()));
        // A group of its own: what bash starts ends with it.
        bash.process_group(0).stdin(Stdio::null()).stdout(out()).stderr(out());
        let mut process = Guarded(bash.spawn().unwrap());
        let begun = clock::now();
        while !said(&log).contains(until) {
            let ended = process.0.try_wait().unwrap();
            assert!(ended.is_none(), "{block} has ended: {}", said(&log));
            assert!(begun.elapsed() < WITHIN, "{block} did not say {until:?}: {}", said(&log));
            thread::sleep(Duration::from_millis(20));
        }
        self.printed += &said(&log);
        self.background.push((process, log));
    }

    /// Ends what runs in the background.
    fn stop(&mut self) {
        for (mut process, log) in self.background.drain(..) {
            let pid = process.0.id().to_string();
            assert!(run(Command::new("kill").args(["-TERM", &pid]), WITHIN).status.success());
            let (status, name) = (process.0.wait().unwrap(), self.document);
            assert!(status.success(), "{name}: {status}: {}", said(&log));
        }
    }

    /// What is typed for a marker: numbers and codes are those that were printed, as a reader sees them.
    fn typed(&self, block: &Block, line: &Typed) -> String {
        let printed = |label: &str, at: usize| {
            let lines = self.printed.lines().map(str::trim);
            let found = lines.filter_map(|line| line.strip_prefix(label)).map(str::trim);
            found.clone().nth(at - 1).map(str::to_owned).unwrap_or_else(|| {
                panic!("{block}: no {label} number {at} was printed:\n{}", self.printed)
            })
        };
        match line {
            Typed::Text(text) => text.clone(),
            Typed::Number(at) => printed("Number ", *at),
            Typed::Code(at) => printed("Code ", *at),
        }
    }
}

impl Drop for Shell<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.stop();
        }
    }
}

fn said(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}
