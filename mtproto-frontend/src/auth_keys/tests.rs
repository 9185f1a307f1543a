use node_store::{MemoryStore, Order};

use super::*;

const NOW_MS: u64 = 1_770_000_000_000;

struct Fixture {
    store: Arc<MemoryStore>,
    keys: AuthKeys,
}

fn master() -> Arc<MasterKey> {
    Arc::new(MasterKey::from_file_bytes(&[3; 32]).unwrap())
}

impl Fixture {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self { keys: AuthKeys::new(store.clone(), master()), store }
    }

    /// The same store after a restart: nothing is cached.
    fn restarted(&self) -> AuthKeys {
        AuthKeys::new(self.store.clone(), master())
    }

    fn make(&self, seed: u8, expires_at: i64) -> Arc<KeyEntry> {
        let entry = entry(seed, expires_at);
        let id = entry.id;
        self.keys.insert(entry).unwrap();
        self.keys.get(id, NOW_MS).unwrap().unwrap()
    }
}

fn entry(seed: u8, expires_at: i64) -> KeyEntry {
    KeyEntry::new(AuthKey::from_slice(&[seed; 256]).unwrap(), 77, -2, expires_at, NOW_MS)
}

fn in_an_hour() -> i64 {
    (NOW_MS / 1000 + 3600) as i64
}

#[test]
fn a_permanent_key_survives_a_restart_and_rests_sealed() {
    let fixture = Fixture::new();
    let made = fixture.make(1, 0);
    let found = fixture.restarted().get(made.id, NOW_MS).unwrap().unwrap();
    assert_eq!(found.key, made.key);
    assert_eq!((found.first_salt, found.dc, found.expires_at), (77, -2, 0));
    let rows = fixture.store.scan(Keyspace::AUTH_KEYS, &[], None, 10, Order::Ascending).unwrap();
    assert!(rows.iter().all(|(_, value)| !value.windows(16).any(|w| w == [1; 16])));
}

#[test]
fn an_unbound_temporary_key_is_not_stored_and_expires() {
    let fixture = Fixture::new();
    let made = fixture.make(2, in_an_hour());
    assert!(made.identity().is_none());
    assert!(fixture.restarted().get(made.id, NOW_MS).unwrap().is_none());
    assert!(fixture.keys.get(made.id, NOW_MS + 3_600_000).unwrap().is_none());
}

#[test]
fn a_bound_key_acts_for_its_permanent_one_also_after_a_restart() {
    let fixture = Fixture::new();
    let (permanent, temporary) = (fixture.make(1, 0), fixture.make(2, in_an_hour()));
    fixture.keys.bind(&temporary, &permanent, 5, NOW_MS).unwrap();
    let info = ClientInfo { layer: 200, api_id: 6, ..ClientInfo::default() };
    assert!(fixture.keys.set_client(&temporary, info.clone()).unwrap().is_some());
    assert!(fixture.keys.set_client(&temporary, info.clone()).unwrap().is_none(), "unchanged");
    let keys = fixture.restarted();
    let found = keys.get(temporary.id, NOW_MS).unwrap().unwrap();
    assert_eq!(found.identity().unwrap().id, permanent.id);
    assert_eq!(found.client().unwrap().as_ref(), &info);
    assert_eq!(keys.get(permanent.id, NOW_MS).unwrap().unwrap().client().unwrap().layer, 200);
}

#[test]
fn a_new_temporary_key_of_a_session_replaces_the_old_one() {
    let fixture = Fixture::new();
    let permanent = fixture.make(1, 0);
    let [old, new, other] = [2, 3, 4].map(|seed| fixture.make(seed, in_an_hour()));
    fixture.keys.bind(&old, &permanent, 5, NOW_MS).unwrap();
    fixture.keys.bind(&other, &permanent, 6, NOW_MS).unwrap();
    fixture.keys.bind(&new, &permanent, 5, NOW_MS).unwrap();
    let is_there = |key: &KeyEntry| fixture.keys.get(key.id, NOW_MS).unwrap().is_some();
    assert_eq!([&old, &new, &other].map(|key| is_there(key)), [false, true, true]);
    assert!(old.is_dead(NOW_MS), "connections that hold it drop it");
    fixture.keys.drop_temporary(permanent.id, &[other.id], NOW_MS).unwrap();
    assert_eq!([&new, &other].map(|key| is_there(key)), [false, true]);
}

#[test]
fn destroying_a_permanent_key_takes_its_temporary_ones_along() {
    let fixture = Fixture::new();
    let (permanent, temporary) = (fixture.make(1, 0), fixture.make(2, in_an_hour()));
    fixture.keys.bind(&temporary, &permanent, 5, NOW_MS).unwrap();
    fixture.keys.destroy(&permanent, NOW_MS).unwrap();
    for keys in [&fixture.keys, &fixture.restarted()] {
        assert!(keys.get(permanent.id, NOW_MS).unwrap().is_none());
        assert!(keys.get(temporary.id, NOW_MS).unwrap().is_none());
    }
    assert!(permanent.is_dead(NOW_MS) && temporary.is_dead(NOW_MS));
    assert!(
        fixture
            .store
            .scan(Keyspace::AUTH_KEYS, &[], None, 10, Order::Ascending)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn expired_temporary_keys_leave_the_store() {
    let fixture = Fixture::new();
    let permanent = fixture.make(1, 0);
    for seed in 2..12 {
        let temporary = fixture.make(seed, in_an_hour());
        fixture.keys.bind(&temporary, &permanent, seed.into(), NOW_MS).unwrap();
    }
    let later = NOW_MS + 3_600_000;
    let mut from = Some(Vec::new());
    while let Some(key) = from {
        from = fixture.keys.purge(&key, 3, later).unwrap();
    }
    let rows = fixture.store.scan(Keyspace::AUTH_KEYS, &[], None, 100, Order::Ascending).unwrap();
    assert_eq!(rows.len(), 2, "the permanent key and its list");
}

#[test]
fn bindings_of_one_key_are_bounded() {
    let fixture = Fixture::new();
    let permanent = fixture.make(1, 0);
    for seed in 2..=(BINDINGS_MAX as u8 + 10) {
        let temporary = fixture.make(seed, in_an_hour());
        fixture.keys.bind(&temporary, &permanent, seed.into(), NOW_MS).unwrap();
    }
    assert_eq!(fixture.keys.bindings(permanent.id).unwrap().len(), BINDINGS_MAX);
}

#[test]
fn records_of_another_master_key_do_not_open() {
    let fixture = Fixture::new();
    let made = fixture.make(1, 0);
    let other = Arc::new(MasterKey::from_file_bytes(&[4; 32]).unwrap());
    let keys = AuthKeys::new(fixture.store.clone(), other);
    assert!(keys.get(made.id, NOW_MS).unwrap().is_none());
}

#[test]
fn what_a_client_said_is_read_back() {
    let info = ClientInfo {
        layer: 230,
        api_id: -1,
        device_model: "\u{1F4F1}".into(),
        app_version: "x".repeat(128),
        ..ClientInfo::default()
    };
    assert_eq!(decode_client(&encode_client(&info)), Some(info.clone()));
    for end in 0..encode_client(&info).len() {
        assert_eq!(decode_client(&encode_client(&info)[..end]), None, "{end}");
    }
}

/// The store shows a deleted row until its batch is applied.
#[test]
fn a_destroyed_key_stays_dead_while_the_store_still_shows_it() {
    let fixture = Fixture::new();
    let permanent = fixture.make(1, 0);
    let before = fixture.store.scan(Keyspace::AUTH_KEYS, &[], None, 10, Order::Ascending).unwrap();
    fixture.keys.destroy(&permanent, NOW_MS).unwrap();
    let mut batch = Batch::new();
    for (key, value) in before {
        batch.put(Keyspace::AUTH_KEYS, &key, value);
    }
    fixture.store.commit(batch).unwrap();
    assert!(fixture.keys.get(permanent.id, NOW_MS).unwrap().is_none());
}
