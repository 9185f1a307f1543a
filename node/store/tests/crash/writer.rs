//! The process that is killed: commits numbered batches, and says of each when it is durable.
//!
//! Batch `n` has [`KEYS`] rows: seven pairs that must agree, one value that is split in every
//! fourth batch, and the newest number. So a lost, a torn and a mixed-up batch all show.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use node_store::{
    AtRest, Batch, Keyspace, Order, Resealing, Seal, Store, StoreError, Ticket, compact, reseal,
};

use crate::seal;

/// Rows of one batch.
const KEYS: usize = 16;
const PAIRS: u64 = 7;

/// Batches that the writer has on their way at once.
const IN_FLIGHT: usize = 6;

/// Names the directory of the store, in the process that is to write.
const DIRECTORY: &str = "CRASH_WRITER_DIRECTORY";

/// In such a process: compact the store, again and again.
pub(crate) const COMPACTS: &str = "CRASH_WRITER_COMPACTS";

/// In such a process: seal the store, open it, seal it, again and again.
pub(crate) const RESEALS: &str = "CRASH_WRITER_RESEALS";

/// In such a process: a store that is made is sealed.
pub(crate) const SEALED: &str = "CRASH_WRITER_SEALED";

/// A size of one whole row, and one that needs three.
const SMALL: usize = 300;
const LARGE: usize = 14_000;

const PAIRED: [Keyspace; 2] = [Keyspace::BOXES, Keyspace::DIALOGS];

fn content(n: u64, k: u64, len: usize) -> Vec<u8> {
    let seed = n * 1_000 + k;
    (0..len as u64).map(|i| (seed.wrapping_mul(i | 1) >> 3) as u8).collect()
}

fn key(n: u64, k: u64) -> [u8; 16] {
    let mut key = [0; 16];
    // Spread over the tree: sequential keys alone would touch one leaf at a time.
    key[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[8..].copy_from_slice(&k.to_be_bytes());
    key
}

fn batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    for k in 0..PAIRS {
        for space in PAIRED {
            batch.put(space, &key(n, k), content(n, k, SMALL));
        }
    }
    let len = if n.is_multiple_of(4) { LARGE } else { SMALL };
    batch.put(Keyspace::NAMES, &key(n, 0), content(n, 99, len));
    batch.put(Keyspace::LIMITS, b"newest", n.to_be_bytes().to_vec());
    assert_eq!(batch.len(), KEYS);
    batch
}

fn newest(store: &dyn Store) -> Result<u64, StoreError> {
    let value = store.get(Keyspace::LIMITS, b"newest")?;
    Ok(value.map_or(0, |value| u64::from_be_bytes(value.try_into().unwrap())))
}

/// What a store holds: batches 1 to `newest`, each whole. Anything else is an error.
pub(crate) fn inspect(store: &dyn Store) -> Result<u64, String> {
    let failed = |e: StoreError| format!("read error: {e}");
    let newest = newest(store).map_err(failed)?;
    for n in 1..=newest {
        for k in 0..PAIRS {
            for space in PAIRED {
                if store.get(space, &key(n, k)).map_err(failed)? != Some(content(n, k, SMALL)) {
                    return Err(format!("batch {n} of {newest} is torn or lost: pair {k}"));
                }
            }
        }
        let len = if n.is_multiple_of(4) { LARGE } else { SMALL };
        let value = store.get(Keyspace::NAMES, &key(n, 0)).map_err(failed)?;
        if value != Some(content(n, 99, len)) {
            return Err(format!("batch {n} of {newest} is torn or lost: large value"));
        }
    }
    for (space, each) in [(PAIRED[0], PAIRS), (PAIRED[1], PAIRS), (Keyspace::NAMES, 1)] {
        let mut rows = 0;
        let mut from = Vec::new();
        loop {
            let page = store.scan(space, &from, None, 500, Order::Ascending).map_err(failed)?;
            rows += page.len() as u64;
            let Some((last, _)) = page.last() else { break };
            from.clone_from(last);
            from.push(0);
        }
        if rows != newest * each {
            return Err(format!("{rows} rows in {space:?} for {newest} batches"));
        }
    }
    Ok(newest)
}

/// Opens the store in `directory`, sealed or not.
fn open(directory: &Path) -> Result<Box<dyn Store>, StoreError> {
    let mut store = AtRest::open(directory, [1; 16])?;
    let seal = match store.sealing() {
        Some(record) => seal::known(record, seed()),
        None if std::env::var_os(SEALED).is_some() && store.is_empty()? => {
            let (record, seal) = seal::make(seed());
            store.seal_empty(&record)?;
            seal
        }
        None => return Ok(Box::new(store.clear()?)),
    };
    Ok(Box::new(store.sealed(seal)?))
}

/// No two processes use the same nonces.
fn seed() -> u64 {
    u64::from(std::process::id())
}

/// Whether the store in `directory` is sealed.
pub(crate) fn is_sealed(directory: &Path) -> bool {
    AtRest::open(directory, [1; 16]).unwrap().sealing().is_some()
}

/// Opens the store in `directory` and checks that it holds all that was acknowledged.
pub(crate) fn check(directory: &Path, acknowledged: u64) -> u64 {
    let store = open(directory).unwrap();
    let found = inspect(&*store).unwrap();
    assert!(found >= acknowledged, "{found} batches are left of {acknowledged} acknowledged");
    found
}

/// In the process that is to write: writes until it is killed or the store refuses, and then
/// says why. In the test itself: does nothing.
pub(crate) fn write_if_asked() -> bool {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return false };
    // Not `println!`, which the test runner may hold back. The line that it began ends here.
    let mut out = std::io::stdout().lock();
    let mut say = |text: String| {
        out.write_all(format!("\n{text}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
    };
    say("opening".into());
    let asked = |name| std::env::var_os(name).is_some();
    let work = match (asked(COMPACTS), asked(RESEALS)) {
        (true, _) => compact_on,
        (_, true) => reseal_on,
        _ => write,
    };
    let Err(reason) = work(Path::new(&directory), &mut say);
    say(format!("stopped {reason}"));
    true
}

fn write(directory: &Path, say: &mut dyn FnMut(String)) -> Result<Infallible, String> {
    let store = open(directory).map_err(|e| e.to_string())?;
    let mut last = newest(&*store).map_err(|e| e.to_string())?;
    let mut waiting: VecDeque<(u64, Ticket)> = VecDeque::new();
    let reason = |store: &dyn Store, cause: StoreError| match cause {
        StoreError::Stopped => futures_util::FutureExt::now_or_never(store.failed())
            .unwrap_or_else(|| "stopped without a reason".into()),
        other => format!("{other:?}"),
    };
    loop {
        if waiting.len() >= IN_FLIGHT {
            // One at a time, then all: flushes of one batch and of several.
            while let Some((n, ticket)) = waiting.pop_front() {
                store.wait_durable(ticket).map_err(|e| reason(&*store, e))?;
                say(format!("durable {n}"));
                if n.is_multiple_of(3) {
                    break;
                }
            }
        }
        match store.commit(batch(last + 1)) {
            Ok(ticket) => {
                last += 1;
                waiting.push_back((last, ticket));
            }
            Err(cause) => {
                let cause = reason(&*store, cause);
                while let Some((n, ticket)) = waiting.pop_front() {
                    if store.wait_durable(ticket).is_ok() {
                        say(format!("durable {n}"));
                    }
                }
                return Err(cause);
            }
        }
    }
}

fn compact_on(directory: &Path, say: &mut dyn FnMut(String)) -> Result<Infallible, String> {
    loop {
        compact(directory).map_err(|e| e.to_string())?;
        say("compacted".into());
    }
}

fn reseal_on(directory: &Path, say: &mut dyn FnMut(String)) -> Result<Infallible, String> {
    loop {
        let store = AtRest::open(directory, [1; 16]).map_err(|e| e.to_string())?;
        let from = store.sealing().map(|record| seal::known(record, seed()) as Arc<dyn Seal>);
        let to = from.is_none().then(|| seal::make(seed()));
        let to = to.map(|(record, seal)| (record, seal as Arc<dyn Seal>));
        drop(store);
        reseal(directory, Resealing { from, to }, &mut |_| {}).map_err(|e| e.to_string())?;
        say("resealed".into());
    }
}

/// A writer at work, seen from the test.
pub(crate) struct Writer {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    opening: bool,
    /// The newest batch that it said was durable.
    pub(crate) acknowledged: u64,
    /// Why it stopped, if it did.
    pub(crate) stopped: Option<String>,
}

impl Writer {
    /// Starts `test`, which calls [`write_if_asked`] first, as a writer into `directory`.
    pub(crate) fn start(test: &str, directory: &Path) -> Self {
        Self::run(Self::command(test, directory))
    }

    /// [`Self::start`] with one of the words above.
    pub(crate) fn start_as(word: &str, test: &str, directory: &Path) -> Self {
        let mut command = Self::command(test, directory);
        command.env(word, "on");
        Self::run(command)
    }

    /// What [`Self::start`] runs.
    pub(crate) fn command(test: &str, directory: &Path) -> Command {
        let mut command = Command::new(executable());
        command.args(arguments(test)).env(DIRECTORY, directory);
        command
    }

    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, opening: false, acknowledged: 0, stopped: None }
    }

    /// Reads the next thing that the writer says. `false` at its end.
    pub(crate) fn listen(&mut self) -> bool {
        let Some(line) = self.lines.next() else { return false };
        let line = line.unwrap();
        if line == "opening" {
            self.opening = true;
        } else if let Some(n) = line.strip_prefix("durable ") {
            self.acknowledged = n.parse().unwrap();
        } else if let Some(reason) = line.strip_prefix("stopped ") {
            self.stopped = Some(reason.to_owned());
        }
        true
    }

    /// Reads on until the writer opens its store.
    pub(crate) fn listen_to_opening(&mut self) {
        while !self.opening && self.listen() {}
    }

    /// Reads on until `count` more batches are acknowledged.
    pub(crate) fn listen_to(&mut self, count: u64) {
        let mut first = None;
        while first.is_none_or(|first| self.acknowledged < first + count) && self.listen() {
            if first.is_none() && self.acknowledged > 0 {
                first = Some(self.acknowledged - 1);
            }
        }
        assert_eq!(self.stopped, None);
    }

    /// Kills it, and reads what it had said before.
    pub(crate) fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.listen() {}
        assert_eq!(self.stopped, None);
        self.acknowledged
    }

    /// Waits until it stops by itself; answers what it acknowledged and why it stopped.
    pub(crate) fn finish(mut self) -> (u64, String) {
        while self.listen() {}
        self.child.wait().unwrap();
        (self.acknowledged, self.stopped.expect("the writer says why it stops"))
    }
}

pub(crate) fn executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub(crate) fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--nocapture", "--test-threads=1"]
}
