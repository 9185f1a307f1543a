//! Two honest nodes and a third that asks for everything at once.

use std::time::Duration;

use crate::lean;
use crate::lies::{Liar, is_bounded, latencies, p99};
use crate::many::{until, watch};

/// How: 200 messages one after the other, before and while the liar asks both nodes questions of all
/// kinds, tells them of groups and topics that nobody has, and leaves hundreds of streams open. What it
/// asks is no fault, so it is not sent away.
#[test]
fn messages_go_on_beside_much_of_everything() {
    let ([a, b], _line, [mut ada, mut bob]) = lean::pair();
    latencies(&mut ada, &mut bob, "warm", 50);
    let quiet = latencies(&mut ada, &mut bob, "quiet", 200);
    let nodes = [a, b];
    let before: Vec<u64> = nodes.iter().map(|node| node.forget_peak()).collect();
    let mut liar = Liar::start("much", &nodes[0], &nodes[1]);
    liar.begin();
    let beside = latencies(&mut ada, &mut bob, "beside", 200);
    let report = liar.done();
    println!("p99 quiet {:?}, beside {:?}: {report}", p99(&quiet), p99(&beside));
    println!("p50 quiet {:?}, beside {:?}", quiet[100], beside[100]);
    let count = |what: &str| report[what].as_u64().expect("a count");
    // Each kind, of both nodes, more than five times, on however busy a machine.
    assert!(count("answered") > 200, "{report}");
    is_bounded(&nodes, &before);
    // Nothing of it is here afterwards: no group but the one.
    for node in &nodes {
        let channels = node.command(&["channel", "list", "--json"]);
        assert_eq!(channels.as_array().map(Vec::len), Some(1), "{channels}");
    }
    drop(liar);
    ada.say("and after");
    bob.hears("and after");
    let (home, there) = (watch(&nodes[0], &nodes[0]), watch(&nodes[0], &nodes[1]));
    until("heads are equal", || (home.heads().ok()? == there.heads().ok()?).then_some(()));
    assert!(p99(&beside) < Duration::from_secs(2), "{:?}", p99(&beside));
}
