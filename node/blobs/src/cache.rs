//! The manifests that were read lately.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::id::Manifest;
use crate::place::Name;

/// Bytes of hashes kept: 64 blobs of 2 GB, or some thousand videos.
const CACHED_BYTES_MAX: usize = 8 << 20;

/// Manifests by name, those that came first going first: one that is still read comes again, for one
/// request more.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    manifests: HashMap<Name, Manifest>,
    order: VecDeque<Name>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn get(&self, name: Name) -> Option<Manifest> {
        self.0.lock().manifests.get(&name).cloned()
    }

    pub(crate) fn insert(&self, name: Name, manifest: Manifest) {
        let mut held = self.0.lock();
        held.bytes += bytes(&manifest);
        match held.manifests.insert(name, manifest) {
            Some(before) => held.bytes -= bytes(&before),
            None => held.order.push_back(name),
        }
        while held.bytes > CACHED_BYTES_MAX
            && let Some(oldest) = held.order.pop_front()
        {
            held.forget(oldest);
        }
    }

    pub(crate) fn remove(&self, name: Name) {
        let mut held = self.0.lock();
        held.forget(name);
        held.order.retain(|other| *other != name);
    }
}

impl Held {
    fn forget(&mut self, name: Name) {
        if let Some(gone) = self.manifests.remove(&name) {
            self.bytes -= bytes(&gone);
        }
    }
}

fn bytes(manifest: &Manifest) -> usize {
    // An entry's own weight keeps many small manifests bounded too.
    256 + 32 * manifest.chunks.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(chunks: usize) -> Manifest {
        Manifest { size: chunks as u64, chunks: vec![[0; 32]; chunks].into() }
    }

    #[test]
    fn is_bounded_and_forgets_the_oldest() {
        let cache = Cache::default();
        for number in 0..200 {
            cache.insert([number; 32], manifest(4096));
            cache.insert([number; 32], manifest(4096));
            assert!(cache.get([number; 32]).is_some());
            assert!(cache.0.lock().bytes <= CACHED_BYTES_MAX);
        }
        assert!(cache.get([0; 32]).is_none());
        cache.remove([199; 32]);
        assert!(cache.get([199; 32]).is_none());
        let held = cache.0.lock();
        assert_eq!(held.order.len(), held.manifests.len());
        assert_eq!(held.bytes, held.manifests.values().map(bytes).sum::<usize>());
    }
}
