//! Backups of stores that are written to meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{io, thread};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{all, bytes, open, puts, seal, write};
use crate::pieces::PIECE_BYTES;
use crate::stream::Writer;
use crate::tape::{Tape, Taped};
use crate::{
    AtRest, Batch, Keyspace, MemoryStore, Order, Row, Stats, Store, StoreError, Ticket, Transfer,
    import, verify,
};

type Rows = Vec<(Keyspace, Vec<Row>)>;

fn everything(store: &dyn Store) -> Rows {
    Keyspace::all().map(|space| (space, all(store, space))).collect()
}

fn back_up(
    store: &dyn Taped,
    out: &mut dyn io::Write,
    rows_per_page: usize,
    recorded_bytes_max: usize,
) -> Result<Transfer, StoreError> {
    let mut out = Writer::new(out, None, true).unwrap();
    crate::moving::back_up(store, &mut out, &mut || {}, rows_per_page, recorded_bytes_max)?;
    Ok(out.finish().unwrap())
}

/// One that somebody writes into at any moment: before and after every page of a scan, and whenever
/// somebody asks how far it is.
struct Busy {
    store: MemoryStore,
    batches: Mutex<std::vec::IntoIter<Vec<Batch>>>,
}

impl Busy {
    fn stir(&self) {
        for batch in self.batches.lock().next().into_iter().flatten() {
            self.store.commit(batch).unwrap();
        }
    }
}

impl Taped for Busy {
    fn tape(&self) -> &Tape {
        self.store.tape()
    }
}

impl Store for Busy {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(space, key)
    }

    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        self.stir();
        let rows = self.store.scan(space, from, to, limit, order);
        self.stir();
        rows
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.store.commit(batch)
    }

    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.store.commit_decided(batch)
    }

    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.durable(ticket)
    }

    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.store.wait_durable(ticket)
    }

    fn newest(&self) -> Ticket {
        self.stir();
        self.store.newest()
    }

    fn admit(&self) -> Result<(), StoreError> {
        self.store.admit()
    }

    fn stats(&self) -> Stats {
        self.store.stats()
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        self.store.failed()
    }
}

/// Few keys, so that most are written again and again; in the first keyspace and the last as well, and in
/// two neighbours.
fn batch() -> impl Strategy<Value = Batch> {
    let key = (prop_oneof![Just(1), Just(b'g'), Just(b'h'), Just(0x7f)], 0_u8..12);
    let size = proptest::option::weighted(
        0.7,
        prop_oneof![9 => 0_usize..4, 1 => PIECE_BYTES..2 * PIECE_BYTES],
    );
    let change = (key, size, any::<u64>());
    proptest::collection::vec(change, 1..6).prop_map(|changes| {
        let mut batch = Batch::new();
        for ((space, key), size, seed) in changes {
            match size {
                Some(size) => batch.put(Keyspace(space), &[key], bytes(seed, size)),
                None => batch.delete(Keyspace(space), &[key]),
            };
        }
        batch
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two looks at each of 127 keyspaces, and more pages than that: 400 moments are enough for all.
    #[test]
    fn a_backup_is_the_store_at_its_end(
        before in proptest::collection::vec(batch(), 0..8),
        meanwhile in proptest::collection::vec(proptest::collection::vec(batch(), 0..3), 400),
        rows_per_page in 1_usize..5,
    ) {
        let store = Busy { store: MemoryStore::new(), batches: Mutex::new(meanwhile.into_iter()) };
        for batch in before {
            write(&store, batch);
        }
        let mut out = Vec::new();
        let done = back_up(&store, &mut out, rows_per_page, usize::MAX).unwrap();
        let restored = MemoryStore::new();
        prop_assert_eq!(import(&mut &*out, &restored).unwrap(), done);
        prop_assert!(everything(&restored) == everything(&store.store));
    }
}

#[test]
fn a_store_that_rests_gives_the_same_rows_as_an_export() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    write(&store, puts(Keyspace::BOXES, (0..200_u8).map(|n| ([n], bytes(n.into(), 90)))));
    let mut out = Vec::new();
    let done = store.back_up(&mut out, &mut || {}).unwrap();
    assert_eq!(done.rows, 200);
    assert_eq!(verify(&mut &*out).unwrap(), done);
    let restored = MemoryStore::new();
    import(&mut &*out, &restored).unwrap();
    assert!(everything(&restored) == everything(&store));
}

/// One thread writes as fast as it can while backups are taken of the store on disk. Each batch says its
/// number in five places, one of them a split value, and deletes what the tenth before it wrote.
#[test]
fn a_backup_of_a_busy_disk_is_of_one_moment() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let numbered = |n: u64| {
        let mut batch = Batch::new();
        batch.put(Keyspace::AUTH_KEYS, b"last", n.to_be_bytes().to_vec());
        batch.put(Keyspace::NODES, b"last", bytes(n, 2 * PIECE_BYTES));
        for space in [Keyspace::BOXES, Keyspace::CHANNELS, Keyspace::LOGS] {
            batch.put(space, &(n % 997).to_be_bytes(), bytes(n, (n % 50) as usize));
            batch.delete(space, &(n.wrapping_sub(10) % 997).to_be_bytes());
        }
        batch
    };
    for n in 1..3_000 {
        let ticket = store.commit_decided(numbered(n)).unwrap();
        if n == 2_999 {
            store.wait_durable(ticket).unwrap();
        }
    }
    let (ends, written) = (AtomicBool::new(false), AtomicU64::new(2_999));
    let backups: Vec<(u64, Vec<u8>)> = thread::scope(|scope| {
        scope.spawn(|| {
            for n in 3_000.. {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let ticket = store.commit_decided(numbered(n)).unwrap();
                store.wait_durable(ticket).unwrap();
                written.store(n, Ordering::SeqCst);
            }
        });
        let take = |_| {
            let (least, mut out) = (written.load(Ordering::SeqCst), Vec::new());
            store.back_up(&mut out, &mut || {}).unwrap();
            (least, out)
        };
        let taken = (0..8).map(take).collect();
        ends.store(true, Ordering::Relaxed);
        taken
    });
    for (least, backup) in backups {
        let restored = MemoryStore::new();
        import(&mut &*backup, &restored).unwrap();
        let last = restored.get(Keyspace::AUTH_KEYS, b"last").unwrap().unwrap();
        let last = u64::from_be_bytes(last.try_into().unwrap());
        assert!(last >= least, "what was acknowledged before is in it");
        let model = MemoryStore::new();
        for n in 1..=last {
            model.commit(numbered(n)).unwrap();
        }
        assert!(everything(&restored) == everything(&model), "of {last}");
    }
}

#[test]
fn a_sealed_store_is_backed_up_as_it_rests() {
    let directories = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (record, sealing) = seal::make(3);
    let mut rests = AtRest::open(directories[0].path(), [1; 16]).unwrap();
    rests.seal_empty(&record).unwrap();
    let store = rests.sealed(sealing.clone()).unwrap();
    write(&store, puts(Keyspace::NAMES, [("harbour", b"in the clear".to_vec())]));
    let mut out = Vec::new();
    store.inner().back_up(&mut out, &mut || {}).unwrap();
    for words in [&b"harbour"[..], b"in the clear"] {
        assert!(!out.windows(words.len()).any(|window| window == words));
    }
    let mut target = AtRest::open(directories[1].path(), [2; 16]).unwrap();
    target.import(&mut &*out).unwrap();
    let restored = target.sealed(sealing).unwrap();
    assert!(everything(&restored) == everything(&store));
}

#[test]
fn whoever_is_too_slow_is_told_and_holds_nobody_up() {
    struct Slow<'a>(&'a MemoryStore);
    impl io::Write for Slow<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            write(self.0, puts(Keyspace::BOXES, [([1], vec![0; 1000])]));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let store = MemoryStore::new();
    write(&store, puts(Keyspace::AUTH_KEYS, (0..100).map(|n| ([n], vec![]))));
    let refused = back_up(&store, &mut Slow(&store), 10, 10_000).unwrap_err();
    assert!(refused.to_string().contains("faster disk"), "{refused}");
    // The next one has a record of its own.
    back_up(&store, &mut Vec::new(), 10, 10_000).unwrap();
}

#[test]
fn two_backups_at_once_are_one_too_many() {
    let store = MemoryStore::new();
    let first = store.tape().begin(1000).unwrap();
    let refused = back_up(&store, &mut Vec::new(), 10, 1000).unwrap_err();
    assert!(refused.to_string().contains("another backup"), "{refused}");
    drop(first);
    back_up(&store, &mut Vec::new(), 10, 1000).unwrap();
}

/// Gone rows are nothing for the programs that know formats 1 and 2 only, and nothing for those formats.
#[test]
fn an_export_at_rest_holds_no_word_of_what_is_gone() {
    let store = MemoryStore::new();
    write(&store, puts(Keyspace::BOXES, [([1], vec![1])]));
    let mut out = Vec::new();
    back_up(&store, &mut out, 10, 1000).unwrap();
    assert_eq!(out[8..10], [0, 3]);
    let mut exported = Vec::new();
    crate::export(&store, &mut exported).unwrap();
    assert_eq!(exported[8..10], [0, 1]);
    // The row becomes one that is gone.
    exported[10] = b'D';
    let refused = verify(&mut &*exported).unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");
}

#[test]
fn a_row_that_cannot_be_read_is_told() {
    let directory = TempDir::new().unwrap();
    let (record, sealing) = seal::make(4);
    let mut rests = AtRest::open(directory.path(), [1; 16]).unwrap();
    rests.seal_empty(&record).unwrap();
    let store = rests.sealed(sealing).unwrap();
    write(&store, puts(Keyspace::BOXES, (0..3_u8).map(|n| ([n], bytes(n.into(), 90)))));
    write(&store, puts(Keyspace::NAMES, [("harbour", vec![1])]));
    let troubles = || {
        let mut told = Vec::new();
        let done = store.inner().examine(&store, &mut |what| told.push(what)).unwrap();
        assert_eq!(done.rows, 4);
        told
    };
    assert_eq!(troubles(), [""; 0]);
    let [names, boxes] = [Keyspace::NAMES, Keyspace::BOXES].map(|space| {
        let mut row = all(&**store.inner(), space).swap_remove(0);
        row.1[20] ^= 1;
        row
    });
    write(&**store.inner(), puts(Keyspace::BOXES, [boxes]));
    let told = troubles();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("keyspace 'p', \"00\": "), "{told:?}");
    write(&**store.inner(), puts(Keyspace::NAMES, [names]));
    let told = troubles();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("keyspace 'a': "), "{told:?}");
}
