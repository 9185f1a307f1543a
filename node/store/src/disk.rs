//! Whether the disk has room: sled must never meet a full one.
//!
//! sled writes its log ahead of what it frees, so a write that fails for want of space leaves it
//! unable to go on, deletes included. Writes are therefore refused while there is still room for
//! everything that was admitted already.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::StoreError;

/// Writes are refused when this much of the disk is in use and less than [`FREE_BYTES_ENOUGH`] is
/// free.
const USED_PERCENT_MAX: u64 = 95;

/// So much free room is enough, however large the disk: a twentieth of a disk of 20 TB is 1 TB,
/// and a node that refused its community's messages beside 1 TB would only be a nuisance. It is 64
/// times what was admitted and is not written yet ([`FREE_BYTES_MIN`]).
const FREE_BYTES_ENOUGH: u64 = 4 << 30;

/// The operator is told when this much of the disk is in use.
const USED_PERCENT_ALARM: u64 = 80;

/// Writes are refused when less is free, however large the disk. What was admitted and is not
/// written yet is at most [`crate::sled_store::QUEUED_BYTES_MAX`] of batches, and sled's log grows
/// by about six times what is put into it.
pub(crate) const FREE_BYTES_MIN: u64 = 64 << 20;

/// The disk is asked again after so many bytes were admitted.
const ASK_AFTER_BYTES: usize = 1 << 20;

/// The disk is asked again after so many admissions, however small: others fill it too.
const ASK_AFTER_ADMISSIONS: u32 = 64;

/// The state of a file system, as a process without privileges sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl Space {
    /// That of the file system which holds a directory.
    ///
    /// # Errors
    /// What the system says, for example that there is no such directory.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(directory)?;
        Ok(Self {
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }

    /// Whether a store there refuses writes.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.refusal().is_some()
    }

    /// Whether it soon will: the operator is told, and half of what is free is to go.
    #[must_use]
    pub fn is_nearly_full(self) -> bool {
        self.free_bytes < 2 * FREE_BYTES_ENOUGH && self.used_percent_at_least(USED_PERCENT_ALARM)
    }

    fn used_percent_at_least(self, percent: u64) -> bool {
        let used = u128::from(self.total_bytes.saturating_sub(self.free_bytes));
        used * 100 >= u128::from(self.total_bytes) * u128::from(percent)
    }

    fn refusal(self) -> Option<StoreError> {
        let Self { free_bytes, total_bytes } = self;
        let scarce = free_bytes < FREE_BYTES_ENOUGH && self.used_percent_at_least(USED_PERCENT_MAX);
        (scarce || free_bytes < FREE_BYTES_MIN)
            .then_some(StoreError::Full { free_bytes, total_bytes })
    }
}

/// Asks the file system.
pub(crate) type Probe = Box<dyn Fn() -> io::Result<Space> + Send + Sync>;

/// The file system that holds `directory`.
pub(crate) fn probe(directory: PathBuf) -> Probe {
    Box::new(move || Space::of(&directory))
}

/// Admits writes as long as there is room.
pub(crate) struct Gate {
    probe: Probe,
    state: Mutex<State>,
}

struct State {
    /// The last answer refused: ask before every admission, so that writes go on at once.
    full: bool,
    alarmed: bool,
    bytes: usize,
    admissions: u32,
}

impl Gate {
    pub(crate) fn new(probe: Probe) -> Self {
        // Full until the first answer: the first admission asks.
        let state = State { full: true, alarmed: false, bytes: 0, admissions: 0 };
        Self { probe, state: Mutex::new(state) }
    }

    /// What is free now, if the file system says it.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        (self.probe)().ok().map(|space| space.free_bytes)
    }

    /// Admits a write of `bytes`.
    pub(crate) fn admit(&self, bytes: usize) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_add(bytes);
        state.admissions += 1;
        if !state.full && state.bytes < ASK_AFTER_BYTES && state.admissions < ASK_AFTER_ADMISSIONS {
            return Ok(());
        }
        let space = (self.probe)().map_err(|e| StoreError::Io(format!("free space: {e}")))?;
        state.bytes = 0;
        state.admissions = 0;
        let alarm = space.used_percent_at_least(USED_PERCENT_ALARM);
        if alarm && !state.alarmed {
            let Space { free_bytes, total_bytes } = space;
            tracing::warn!(free_bytes, total_bytes, "the disk is over {USED_PERCENT_ALARM} % full");
        }
        state.alarmed = alarm;
        let refusal = space.refusal();
        state.full = refusal.is_some();
        refusal.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A gate over a disk of 10 GiB whose free bytes the test sets, and how often it was asked.
    fn gate(free: u64) -> (Gate, Arc<AtomicU64>, Arc<AtomicU64>) {
        let free = Arc::new(AtomicU64::new(free));
        let asked = Arc::new(AtomicU64::new(0));
        let (free_bytes, count) = (free.clone(), asked.clone());
        let probe = Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Space { free_bytes: free_bytes.load(Ordering::Relaxed), total_bytes: 10 << 30 })
        });
        (Gate::new(probe), free, asked)
    }

    #[test]
    fn a_full_disk_refuses_until_there_is_space() {
        let (gate, free, _) = gate(5 << 30);
        gate.admit(1).unwrap();
        free.store(10 << 20, Ordering::Relaxed);
        let refused = (0..ASK_AFTER_ADMISSIONS).filter(|_| gate.admit(1).is_err()).count();
        assert_eq!(refused, 1, "the disk is asked once in {ASK_AFTER_ADMISSIONS} admissions");
        assert!(matches!(gate.admit(1), Err(StoreError::Full { free_bytes: 10_485_760, .. })));
        free.store(5 << 30, Ordering::Relaxed);
        gate.admit(1).unwrap();
    }

    #[test]
    fn large_writes_ask_sooner() {
        let (gate, free, asked) = gate(5 << 30);
        gate.admit(1).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        free.store(0, Ordering::Relaxed);
        gate.admit(ASK_AFTER_BYTES - 1).unwrap();
        assert!(matches!(gate.admit(1), Err(StoreError::Full { .. })));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn both_bounds_refuse_alone() {
        let refused = |free_bytes, total_bytes| Space { free_bytes, total_bytes }.refusal();
        assert!(refused(FREE_BYTES_MIN, 100 << 20).is_none());
        assert!(refused(FREE_BYTES_MIN - 1, 100 << 20).is_some());
        assert!(refused((1 << 30) + 1, 20 << 30).is_none());
        assert!(refused(1 << 30, 20 << 30).is_some());
    }

    #[test]
    fn a_large_disk_is_not_full_while_gigabytes_are_free() {
        let refused = |free_bytes, total_bytes| Space { free_bytes, total_bytes }.refusal();
        assert!(refused(FREE_BYTES_ENOUGH, 20_000 << 30).is_none());
        assert!(refused(FREE_BYTES_ENOUGH - 1, 20_000 << 30).is_some());
    }

    #[test]
    fn the_alarm_comes_before_the_refusal() {
        let (gate, free, _) = gate(2 << 30);
        gate.admit(1).unwrap();
        assert!(gate.state.lock().alarmed);
        free.store(5 << 30, Ordering::Relaxed);
        gate.admit(ASK_AFTER_BYTES).unwrap();
        assert!(!gate.state.lock().alarmed);
    }

    #[test]
    fn a_real_file_system_has_room_and_a_missing_one_is_an_error() {
        let space = probe(std::env::temp_dir())().unwrap();
        assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
        assert!(probe("/nowhere/at/all".into())().is_err());
    }
}
