//! A member with two devices, and a friend.

use std::time::Duration;

use rookery_load::clock;
use serde_json::{Value, json};

use crate::clients::{self, Client};
use crate::driver::Driver;
use crate::join::join;
use crate::support::isolation::isolated;
use crate::support::node::TestNode;
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);

/// Message ids of TDLib are the server's, shifted.
const TDLIB_ID_SHIFT: u32 = 20;

/// Three clients on one node; all show their updates.
pub(crate) struct Scene {
    pub(crate) node: TestNode,
    /// A member.
    pub(crate) ada: Driver,
    /// The same member on another device.
    pub(crate) ada2: Driver,
    /// Somebody whom the member knows.
    pub(crate) bob: Driver,
    /// The numbers of both members.
    pub(crate) phones: Vec<String>,
}

/// Plays a scene in a namespace of its own. `test` is the full name of the test, `clients` are those
/// of ada, of her second device, and of bob.
pub(crate) fn play(test: &str, clients: [&'static Client; 3], body: impl FnOnce(Scene)) {
    if clients::any_skipped(&clients) {
        return;
    }
    clients::install(&clients);
    let [first, second, friend] = clients;
    isolated(test, WITHIN, || {
        let Team { node, members, phones } = Team::gather(&[first, friend]);
        let Ok([mut ada, mut bob]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        later_second();
        let mut ada2 = join(&node, &mut ada, &phones[0], second);
        for driver in [&mut ada, &mut ada2, &mut bob] {
            driver.show_updates();
            if driver.client.name == "tdlib" {
                // What comes while it reads its first dialogs is no new message to it.
                driver.command("dialogs", json!({}));
            }
        }
        body(Scene { node, ada, ada2, bob, phones });
    });
}

/// Waits for the next second of the clock: which login is older is told by seconds.
fn later_second() {
    let second = clock::since_epoch().as_secs();
    while clock::since_epoch().as_secs() == second {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// TDLib's number of a message.
pub(crate) fn td_id(id: i64) -> i64 {
    id << TDLIB_ID_SHIFT
}

/// The server's number of a message of TDLib.
pub(crate) fn id_of(message: &Value) -> i64 {
    message["id"].as_i64().expect("a message has an id") >> TDLIB_ID_SHIFT
}

/// TDLib found nothing to complain of.
pub(crate) fn assert_no_complaints(driver: &mut Driver) {
    let log = driver.command("log", serde_json::json!({}));
    if log["lines"].as_array().is_none_or(|lines| !lines.is_empty()) {
        driver.fail(&format!("the library complains: {log}"));
    }
}
