//! Two people who have TDLib, ada and bob: both at one node, or each at a node of their own.

use std::time::Duration;

use rookery_load::clock;
use serde_json::json;

use crate::clients::{self, Client, TELETHON};
use crate::driver::Driver;
use crate::join::sign_in;
use crate::line::Line;
use crate::person::{LATER, Person};
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};

pub(crate) const WITHIN: Duration = Duration::from_secs(400);

/// TDLib with secret chats.
pub(crate) static TDLIB: Client = Client { script: "../secret/tdlib_driver.py", ..clients::TDLIB };

/// Hundreds of messages at once are nothing special here, and what is said rests in the clear.
const CONFIG: &str = "[limits]\nrequests_per_key_burst = 1000000\n\
    requests_per_key_per_second = 1000000\n[store]\nseal = \"secrets\"\n";

/// A node that knows no other.
pub(crate) fn lone_node() -> TestNode {
    TestNode::start_with(Setup { config: CONFIG.into(), ..Setup::default() })
}

/// A node that other nodes may reach.
pub(crate) fn node(domain: &str) -> TestNode {
    // What it says of where it is leads nowhere: all goes through the line.
    let nowhere = "advertise = [\"/ip4/127.0.0.1/tcp/1\"]";
    let config = format!("{CONFIG}[federation]\ndomain = \"{domain}\"\n{nowhere}\n");
    let mesh = Some("/ip4/127.0.0.1/tcp/0".to_owned());
    TestNode::start_with(Setup { config, mesh, ..Setup::default() })
}

/// Another device of somebody, which has no secret chats and shows at once what the node tells of them:
/// TDLib shows a request when it accepts it, seconds later.
pub(crate) fn witness(node: &TestNode, person: &mut Person) -> Driver {
    let mut witness = Driver::start(&TELETHON, "witness", node);
    sign_in(&mut person.driver, &person.phone, &mut witness);
    witness.show_updates();
    witness
}

/// The witness is told this of a chat.
pub(crate) fn told(witness: &mut Driver, what: &str) {
    witness.expect_event(what, LATER, |event| {
        event["_"] == "UpdateEncryption" && event["chat"]["_"] == *what
    });
}

pub(crate) struct One {
    pub(crate) node: TestNode,
    pub(crate) ada: Person,
    pub(crate) bob: Person,
}

/// Plays a scene with both at one node, in a namespace of its own. `test` is the full name of the test.
pub(crate) fn play_one(test: &str, body: impl FnOnce(One)) {
    let needed: [&Client; 2] = [&TDLIB, &TELETHON];
    if clients::any_skipped(&needed) {
        return;
    }
    clients::install(&needed);
    isolated(test, WITHIN, || {
        let node = lone_node();
        let [mut ada, mut bob] = ["ada", "bob"].map(|label| Person::join(&node, &TDLIB, label));
        ada.finds(&bob);
        bob.finds(&ada);
        body(One { node, ada, bob });
    });
}

pub(crate) struct Two {
    /// At `a.example`.
    pub(crate) a: TestNode,
    /// At `b.example`. It dials the other one.
    pub(crate) b: TestNode,
    pub(crate) line: Line,
    /// At A.
    pub(crate) ada: Person,
    /// At B.
    pub(crate) bob: Person,
}

/// Plays a scene with one at each of two nodes.
pub(crate) fn play_two(test: &str, body: impl FnOnce(Two)) {
    let needed: [&Client; 2] = [&TDLIB, &TELETHON];
    if clients::any_skipped(&needed) {
        return;
    }
    clients::install(&needed);
    isolated(test, WITHIN, || {
        let [a, b] = ["a.example", "b.example"].map(node);
        let line = Line::to(&a.mesh);
        peer(&b, &line.multiaddress());
        let [ada, bob] = meet(&a, &b);
        body(Two { a, b, line, ada, bob });
    });
}

/// B gets to know A, which is at this address.
pub(crate) fn peer(b: &TestNode, address: &str) {
    let added = b.command(&["peer", "add", address, "--json"]);
    assert_eq!(added["domain"], "a.example", "{added}");
}

/// Ada joins A, and bob B, who finds her by her whole name and says hello.
pub(crate) fn meet(a: &TestNode, b: &TestNode) -> [Person; 2] {
    let (mut ada, mut bob) = (Person::join(a, &TDLIB, "ada"), Person::join(b, &TDLIB, "bob"));
    ada.driver.command("set_username", json!({ "username": "ada_lovelace" }));
    // TDLib takes dots out of names.
    let whole = json!({ "username": "ada_lovelace_at_a_example" });
    let found = bob.driver.request("searchPublicChat", whole);
    bob.other = found["id"].as_i64().expect("somebody");
    bob.driver.send(bob.other, "hello over there");
    let came = ada.driver.expect(&json!({ "event": "message", "text": "hello over there" }));
    ada.other = came["from"].as_i64().expect("somebody");
    [ada, bob]
}

/// Asks again until it is so: of another process nothing else can be awaited.
pub(crate) fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let deadline = clock::now() + LATER;
    while !ask() {
        assert!(clock::now() < deadline, "in vain: {what}");
    }
}
