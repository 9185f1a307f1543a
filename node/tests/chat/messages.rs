//! Single properties of messages, with one account per library.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{self, Client};
use crate::driver::Driver;
use crate::support::isolation::isolated;
use crate::team::{Team, each};

/// Generous for two cores; the limits inside say what hangs.
const WITHIN: Duration = Duration::from_secs(600);

const RANDOM_ID: i64 = 7_000_000_000_001;

/// A message sent again with the same random_id is the same message, also after the node was
/// killed in between: the libraries do so whenever an answer does not come.
#[test]
fn exactly_once_by_random_id() {
    let mut clients = clients::all();
    clients.retain(|client| client.chooses_random_id);
    if clients.len() < 2 {
        return;
    }
    let mut team = Team::gather(&clients);
    let users: Vec<i64> = team.members.iter().map(|member| member.user).collect();
    let next = |at: usize| users[(at + 1) % users.len()];
    let again = |at: usize, member: &mut Driver| -> i64 {
        // One number for all: it is each sender's own.
        let fields =
            json!({ "to": next(at), "text": format!("once {at}"), "random_id": RANDOM_ID });
        member.command("send_again", fields)["msg_id"].as_i64().expect("an id")
    };
    let before = each(&mut team.members, again);
    assert_eq!(each(&mut team.members, again), before, "the same while the node runs");
    team.node.kill_and_restart();
    assert_eq!(each(&mut team.members, again), before, "the same after it was killed");

    each(&mut team.members, |at, member| {
        member.command("online", json!({}));
        let fields = json!({ "to": "self", "text": "mine", "random_id": RANDOM_ID + 1 });
        let mine = member.command("send_again", fields)["msg_id"].as_i64();
        assert!(mine.is_some() && mine != Some(before[at]), "{mine:?} and {}", before[at]);
        let sent = member.history(next(at), 10, 0);
        let ids: Vec<&Value> = once(&sent, at);
        assert_eq!(ids, [before[at]], "{sent:?}");
        let from = (at + users.len() - 1) % users.len();
        let received = member.history(users[from], 10, 0);
        assert_eq!(once(&received, from).len(), 1, "{received:?}");
        if member.client.fills_gaps {
            let wanted =
                json!({ "event": "message", "peer": users[from], "text": format!("once {from}") });
            member.expect(&wanted);
            member.settle();
            assert_eq!(member.came(&wanted).len(), 1, "one event for one message");
        }
    });
}

/// Ids of the messages that say "once `at`".
fn once(history: &[Value], at: usize) -> Vec<&Value> {
    let text = format!("once {at}");
    history
        .iter()
        .filter(|message| message["text"] == *text)
        .map(|message| &message["id"])
        .collect()
}

/// Formatting counts UTF-16 units: an emoji beyond the basic plane is two of them.
const TEXT: &str = "\u{1F600}\u{1F468}\u{200D}\u{1F469} bold, e\u{301}";

#[test]
fn saved_messages_and_history() {
    let clients = clients::all();
    if clients.is_empty() {
        return;
    }
    clients::install(&clients);
    isolated("messages::saved_messages_and_history", WITHIN, || {
        let mut team = Team::gather(&clients);
        each(&mut team.members, |_, member| {
            let units = |text: &str| text.encode_utf16().count();
            let offset = units(&TEXT[..TEXT.find("bold").unwrap()]);
            assert_eq!(offset, 8, "three emoji of two units, a joiner, a space");
            let entities = json!([["bold", offset, 4], ["italic", offset + 6, 2]]);
            let mut sent = vec![member.send_with("self", TEXT, json!({ "entities": entities }))];
            for turn in 1..7 {
                sent.push(member.send("self", &format!("note {turn}")));
            }
            sent.reverse(); // newest first, as a history is
            assert!(sent.is_sorted_by(|newer, older| newer > older), "{sent:?}");
            let ids = |page: &[Value]| {
                page.iter().map(|one| one["id"].as_i64().unwrap()).collect::<Vec<_>>()
            };
            let newest = member.history("self", 3, 0);
            assert_eq!(ids(&newest), sent[..3]);
            let middle = member.history("self", 3, sent[2]);
            assert_eq!(ids(&middle), sent[3..6]);
            let oldest = member.history("self", 3, sent[5]);
            assert_eq!(ids(&oldest), sent[6..]);
            assert_eq!(oldest[0]["text"], TEXT);
            assert_eq!(oldest[0]["entities"], entities);
            assert!(member.history("self", 3, sent[6]).is_empty(), "there is no more");

            let fields = json!({ "source": "self", "to": "self", "msg_ids": [sent[6]] });
            let forwarded = member.command("forward", fields)["msg_ids"][0].clone();
            let page = member.history("self", 2, 0);
            assert_eq!(page[0]["id"], forwarded);
            // An own note goes out as if it were written anew: TDLib expects it so.
            assert_eq!((&page[0]["text"], &page[0]["fwd"]), (&json!(TEXT), &Value::Null));
            assert_eq!(page[0]["entities"], entities, "formatting goes with it");
            // An own note is nobody's unread message.
            assert_eq!(member.dialog(member.user)["unread"], 0);
            member.command("edit", json!({ "to": "self", "msg_id": sent[0], "text": "corrected" }));
            let edited = &member.history("self", 2, 0)[1];
            assert_eq!((&edited["text"], &edited["edited"]), (&json!("corrected"), &json!(true)));
            member.command("delete", json!({ "to": "self", "msg_ids": [sent[0]] }));
            assert_eq!(ids(&member.history("self", 2, 0)), [forwarded.as_i64().unwrap(), sent[1]]);
            member.settle();
        });
        forwards_name_their_author(&mut team);
        team.assert_no_complaints(|_| true);
    });
}

/// What was forwarded from somebody's message names that account as its author.
fn forwards_name_their_author(team: &mut Team) {
    for at in 0..team.members.len() {
        let (from, to) = (team.next(at, 1), team.next(at, 2));
        if from == at || to == at || from == to {
            continue;
        }
        let (author, carrier, reader) = (team.user(from), team.user(at), team.user(to));
        team.members[from].send(carrier, "pass it on");
        let wanted = json!({ "event": "message", "peer": author, "text": "pass it on" });
        let copy = team.members[at].expect(&wanted)["id"].clone();
        let fields = json!({ "source": author, "to": reader, "msg_ids": [copy] });
        team.members[at].command("forward", fields);
        team.members[to].expect(&json!({
            "event": "message", "peer": carrier, "text": "pass it on", "fwd": author,
        }));
    }
}

#[test]
fn typing_and_presence() {
    let clients: Vec<&'static Client> = clients::all();
    if clients.len() < 2 {
        return;
    }
    clients::install(&clients);
    isolated("messages::typing_and_presence", WITHIN, || {
        let mut team = Team::gather(&clients);
        // A dialog for each pair: a client may not show what strangers do.
        for at in 0..team.members.len() {
            let next = team.next(at, 1);
            let (own, other) = (team.user(at), team.user(next));
            team.members[at].send(other, "hello");
            team.members[next].expect(&json!({ "event": "message", "peer": own, "text": "hello" }));
        }
        for member in &mut team.members {
            member.command("set_online", json!({ "online": true }));
        }
        // TDLib tells of its typing only to people whom it knows to be online.
        for at in 0..team.members.len() {
            for other in (0..team.members.len()).filter(|other| *other != at) {
                let user = team.user(other);
                let status = json!({ "event": "status", "user": user, "online": true });
                team.members[at].expect(&status);
                let answer = team.members[at].command("status", json!({ "user": user }));
                assert_eq!(
                    answer["online"], true,
                    "{} at {}",
                    clients[other].name, clients[at].name
                );
            }
        }
        for at in 0..team.members.len() {
            let next = team.next(at, 1);
            let (own, other) = (team.user(at), team.user(next));
            team.members[at].command("typing", json!({ "to": other }));
            team.members[next].expect(&json!({ "event": "typing", "user": own }));
        }
        for at in 0..team.members.len() {
            let next = team.next(at, 1);
            let own = team.user(at);
            team.members[at].command("set_online", json!({ "online": false }));
            let status = json!({ "event": "status", "user": own, "online": false });
            team.members[next].expect(&status);
            let answer = team.members[next].command("status", json!({ "user": own }));
            assert_eq!(answer["online"], false, "{} at {}", clients[at].name, clients[next].name);
        }
        team.assert_no_complaints(|_| true);
    });
}
