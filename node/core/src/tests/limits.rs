//! Line 64: flood control.

use node_store::{Keyspace, Order, Store as _};

use super::world::World;
use crate::*;

async fn wait(core: &Core, limit: Limit) -> Option<u32> {
    match core.take(limit).await {
        Ok(()) => None,
        Err(CoreError::Flood { wait_s }) => Some(wait_s),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn line_64_limits_survive_a_restart_and_waits_are_honest_and_fall() {
    let mut world = World::new().await;
    let limits = || {
        let address = "192.0.2.1".parse().unwrap();
        [
            (Limit::CodesOfNumber(1), 5),
            (Limit::CodesOfAddress(address), 60),
            (Limit::SignInsOfNumber(1), 10),
            (Limit::SignInsOfAddress(address), 100),
            (Limit::Strangers(UserId(1)), 50),
            (Limit::Imports(UserId(1)), 1000),
            (Limit::Lookups(UserId(1)), 100),
        ]
    };
    for (limit, burst) in limits() {
        for n in 0..burst {
            assert_eq!(wait(&world.core, limit).await, None, "{limit:?} {n}");
        }
        let first = wait(&world.core, limit).await.expect("empty");
        assert_eq!(wait(&world.core, limit).await, Some(first), "asking costs nothing");
        world.pass_s(u64::from(first) / 2);
        let then = wait(&world.core, limit).await.expect("still empty");
        assert_eq!(then, first - first / 2, "it falls as time passes");
        world = world.reopen();
        assert_eq!(wait(&world.core, limit).await, Some(then), "and a restart is no way out");
        world = world.crash();
        world.pass_s(u64::from(then) - 1);
        assert!(wait(&world.core, limit).await.is_some(), "not earlier than was said");
        world.pass_s(1);
        assert_eq!(wait(&world.core, limit).await, None, "and not later");
        assert!(wait(&world.core, limit).await.is_some());
    }
    // Others' buckets are others'.
    assert_eq!(wait(&world.core, Limit::CodesOfNumber(2)).await, None);
    assert_eq!(wait(&world.core, Limit::Lookups(UserId(2))).await, None);
    assert_eq!(wait(&world.core, Limit::CodesOfAddress("192.0.2.2".parse().unwrap())).await, None);
}

#[tokio::test]
async fn line_64_a_configured_rate_counts_like_the_others() {
    let world = World::new().await;
    let rate = Rate { burst: 2, per_second: 0.1 };
    let limit = Limit::Handshakes("2001:db8::1".parse().unwrap());
    world.core.take_at(limit, rate).await.unwrap();
    world.core.take_at(limit, rate).await.unwrap();
    let neighbour = Limit::Handshakes("2001:db8::2".parse().unwrap());
    let refused = world.core.take_at(neighbour, rate).await;
    assert!(matches!(refused, Err(CoreError::Flood { wait_s: 10 })), "{refused:?}");
}

fn buckets(world: &World) -> usize {
    world.disk.scan(Keyspace::LIMITS, &[], None, 1 << 20, Order::Ascending).unwrap().len()
}

#[tokio::test]
async fn line_64_buckets_that_are_full_again_are_forgotten_and_no_others() {
    let world = World::new().await;
    world.core.purge_limits().await.unwrap();
    // More than one purge looks at in one go.
    for user in 0..1100 {
        world.core.take(Limit::Lookups(UserId(user))).await.unwrap();
    }
    for _ in 0..5 {
        world.core.take(Limit::CodesOfNumber(7)).await.unwrap();
    }
    assert_eq!(buckets(&world), 1101);
    world.core.purge_limits().await.unwrap();
    assert_eq!(buckets(&world), 1101, "none is full");
    world.pass_s(60);
    world.core.purge_limits().await.unwrap();
    assert_eq!(buckets(&world), 1, "but the one that restrains");
    assert!(wait(&world.core, Limit::CodesOfNumber(7)).await.is_some());
    world.pass_s(3600);
    world.core.purge_limits().await.unwrap();
    assert_eq!(buckets(&world), 0);
}

#[tokio::test]
async fn line_64_imports_give_back_what_was_not_looked_up() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let name = || NewContact { first_name: "N".into(), ..NewContact::default() };
    let mut book: Vec<(u64, NewContact)> = (0..1100).map(|n| (n, name())).collect();
    book[3].0 = bob.phone;
    let imported = world.core.import_contacts(None, ada.id, book.clone()).await.unwrap();
    assert_eq!(imported.found, [(3, bob.id)]);
    assert_eq!(imported.retry, (1000..1100).collect::<Vec<_>>());
    let none = world.core.import_contacts(None, ada.id, book).await;
    assert!(matches!(none, Err(CoreError::Flood { .. })), "{none:?}");
}

#[tokio::test]
async fn line_64_names_and_numbers_cannot_be_tried_without_end() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    for n in 0..100 {
        match n % 3 {
            0 => drop(world.core.resolve_username(ada.id, "nobody").await),
            1 => drop(world.core.resolve_phone(ada.id, n).await),
            _ => drop(world.core.search_people(ada.id, "nob", 10).await),
        }
    }
    let flood = world.core.resolve_phone(ada.id, ada.phone).await;
    assert!(matches!(flood, Err(CoreError::Flood { .. })), "{flood:?}");
    let flood = world.core.search_people(ada.id, "ada", 10).await;
    assert!(matches!(flood, Err(CoreError::Flood { .. })), "{flood:?}");
}
