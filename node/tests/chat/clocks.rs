//! Clocks that differ, and the minute before a salt's half-hour is over, which comes twice an hour.

use std::time::Duration;

use rookery_load::clock;
use serde_json::json;

use crate::clients::{self, MTCUTE, TDLIB};
use crate::support::faketime::ahead_by;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::team::{Team, each};

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
    isolated("clocks::the_last_minute_of_a_salt_holds_nobody_up", WITHIN, || {
        let now = clock::since_epoch().as_secs();
        let end = (now / WINDOW_S + 2) * WINDOW_S;
        let variables = ahead_by((end - LEFT_S - now).cast_signed());
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

/// Message ids are times: who is told 16 or 17 learns the node's, and sends again. Pyrogram does not, with any
/// server, and Kurigram learns of no time that lies before its own.
#[test]
fn members_whose_clocks_are_hours_off_talk() {
    let clients = clients::all();
    clients::install(&clients);
    isolated("clocks::members_whose_clocks_are_hours_off_talk", WITHIN, || {
        for (seconds, cannot) in
            [(2 * 3600 + 7, &["pyrogram"][..]), (-2 * 3600 - 7, &["pyrogram", "kurigram"])]
        {
            let mut clients = clients.clone();
            clients.retain(|client| !cannot.contains(&client.name));
            let setup = Setup { variables: ahead_by(seconds), ..Setup::default() };
            let mut team = Team::gather_on(TestNode::start_with(setup), &clients);
            let users: Vec<i64> = team.members.iter().map(|member| member.user).collect();
            let all = users.len();
            each(&mut team.members, |at, member| {
                member.send(users[(at + 1) % all], &format!("{at} at {seconds}"));
            });
            each(&mut team.members, |at, member| {
                let text = format!("{} at {seconds}", (at + all - 1) % all);
                member.expect(&json!({ "event": "message", "text": text }));
            });
        }
    });
}
