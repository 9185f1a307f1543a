//! The minute before a salt's half-hour is over, which comes twice an hour.

use std::time::Duration;

use rookery_load::clock;
use serde_json::json;

use crate::clients::{self, MTCUTE, TDLIB};
use crate::support::faketime::ahead_by;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(240);

/// A salt is the current one for so many seconds of Unix time.
const WINDOW_S: u64 = 1800;

/// TDLib uses no salt in the last minute of what it was told of that: `AuthData::is_server_salt_valid`.
const LEFT_S: u64 = 58;

#[test]
fn the_last_minute_of_a_salt_holds_nobody_up() {
    let clients = [&TDLIB, &MTCUTE];
    if clients::any_skipped(&clients) {
        return;
    }
    clients::install(&clients);
    isolated("salts::the_last_minute_of_a_salt_holds_nobody_up", WITHIN, || {
        let now = clock::since_epoch().as_secs();
        let end = (now / WINDOW_S + 2) * WINDOW_S;
        let variables = ahead_by(end - LEFT_S - now);
        let node = TestNode::start_with(Setup { variables, ..Setup::default() });
        let mut team = Team::gather_on(node, &clients);
        let [tdlib, mtcute] = [0, 1].map(|at| team.user(at));
        team.members[0].send(mtcute, "by TDLib");
        team.members[1].expect(&json!({ "event": "message", "text": "by TDLib" }));
        team.members[1].send(tdlib, "by mtcute");
        team.members[0].expect(&json!({ "event": "message", "text": "by mtcute" }));
        let past = clock::since_epoch().as_secs() - now;
        assert!(past < LEFT_S, "all that took {past} s: somebody waited for the next salt");
    });
}
