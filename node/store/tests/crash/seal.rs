//! What seals rows in a node, with a known master key.

use std::sync::{Arc, Mutex};

use keys::{MasterKey, StoreKey};
use node_store::{HIDDEN_KEY_BYTES, Seal};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) struct TestSeal {
    key: StoreKey,
    rng: Mutex<StdRng>,
}

/// Seals under a new store key, and the record of it.
pub(crate) fn make(seed: u64) -> (Vec<u8>, Arc<TestSeal>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (key, record) = StoreKey::make(&master(), &mut rng);
    (record, Arc::new(TestSeal { key, rng: Mutex::new(rng) }))
}

/// The one that belongs to `record`.
pub(crate) fn known(record: &[u8], seed: u64) -> Arc<TestSeal> {
    let key = StoreKey::open(&master(), record).unwrap();
    Arc::new(TestSeal { key, rng: Mutex::new(StdRng::seed_from_u64(seed)) })
}

fn master() -> MasterKey {
    MasterKey::from_file_bytes(&[7; 32]).unwrap()
}

impl Seal for TestSeal {
    fn seal(&self, place: &[u8], value: &[u8]) -> Vec<u8> {
        self.key.seal(place, value, &mut *self.rng.lock().unwrap())
    }

    fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.key.unseal(place, sealed)
    }

    fn hide(&self, place: &[u8]) -> [u8; HIDDEN_KEY_BYTES] {
        self.key.hide(place)
    }
}
