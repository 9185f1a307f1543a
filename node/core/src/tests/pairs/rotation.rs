//! The node of one of two people changes its keys.

use super::*;

/// Certificates of the other node, as it is asked for them.
async fn show_certs(from: &Core, to: &Core, group: GroupId) {
    let certs = from.log_certs(group).await.unwrap();
    to.learn_log_certs(group, certs).await.unwrap();
}

#[tokio::test]
async fn who_was_away_reads_what_was_said_under_either_key() {
    let mut two = Two::new().await;
    two.sides[0].say("one").await;
    two.heal().await;
    two.sides[1].say("hello").await;
    two.heal().await;
    // The other node is away, and is started again meanwhile: it knows no certificate but the newest.
    two.sides[0].say("two").await;
    two.sides[0].world.rotate().await;
    two.sides[0].say("three").await;
    let group = two.group();
    let [here, there] = two.sides;
    let (here, there) = (here.crashed(), there.restarted());
    let two = Two { sides: [here, there] };
    let [here, there] = &two.sides;
    there.core().learn_node(here.core().cert()).await.unwrap();
    bring(here.core(), there.core()).await;
    assert_eq!(there.words().await, ["one", "hello"], "the key of then is not known");
    show_certs(here.core(), there.core(), group).await;
    two.heal().await;
    assert_eq!(there.words().await, ["one", "hello", "two", "three"]);
    // Its lane shows the new key before it is used, once.
    let serials = |pair: &glog::Pair| {
        let node = here.core().node().short();
        let lane = (0..).map_while(|seq| pair.at(node, 0, seq));
        lane.map(|at| (pair.get(&at).unwrap().kind, pair.serial_of(&at).unwrap())).collect()
    };
    let lane: Vec<(u16, u32)> = serials(&here.core().pair_in_log(group));
    let serial = here.core().cert().body.serial;
    assert_eq!(lane, [(64, 1), (64, 1), (74, serial), (64, serial)]);
    // Both go on.
    there.say("four").await;
    here.say("five").await;
    two.heal().await;
    let two = two.restarted();
    for side in &two.sides {
        assert_eq!(side.words().await.len(), 6);
    }
    // A lane in which nobody speaks shows it as well.
    let mut two = two;
    two.sides[1].world.rotate().await;
    assert_eq!(two.sides[1].core().show_keys().await.unwrap(), 1);
    assert_eq!(two.sides[1].core().show_keys().await.unwrap(), 0);
    let [here, there] = &two.sides;
    here.core().learn_node(there.core().cert()).await.unwrap();
    there.say("six").await;
    two.heal().await;
    assert_eq!(two.sides[0].words().await.len(), 7);
}
