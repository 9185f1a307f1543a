//! Six libraries, six accounts, one node: everybody writes to everybody, and the node is killed.

use std::collections::HashSet;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clients;
use crate::driver::{Driver, SOON};
use crate::support::isolation::isolated;
use crate::team::{Team, each, run_all};

/// A minute on two cores, with the libraries installed; the limits inside it say what hangs.
const WITHIN: Duration = Duration::from_secs(900);
/// Texts that each member sends while the node is killed ...
const STREAM: usize = 15;
/// ... which happens when this many of all were acknowledged.
const KILL_AFTER: usize = 25;

/// What exists between the members, as the node should have it.
struct Talk {
    team: Team,
    /// By sender and receiver, oldest first: the sender's id and the receiver's.
    messages: Vec<Vec<Vec<(i64, i64)>>>,
}

#[test]
fn six_clients_talk() {
    let clients = clients::all();
    if clients.len() < 2 {
        return; // all but one are skipped, and the lines above say so
    }
    clients::install(&clients);
    isolated("talk::six_clients_talk", WITHIN, || {
        let count = clients.len();
        let messages = vec![vec![Vec::new(); count]; count];
        let mut talk = Talk { team: Team::gather(&clients), messages };
        talk.everybody_writes_to_everybody();
        talk.replies_find_their_message();
        talk.edits_and_deletions_arrive();
        talk.unread_counts_are_exact();
        talk.nothing_came_twice(|_| true);
        talk.nobody_hears_from_itself();
        talk.team.assert_no_complaints(|_| true);
        talk.reads_arrive();
        let (first, second): (Vec<_>, Vec<_>) = (0..count).partition(|at| at % 2 == 0);
        talk.what_was_missed_comes(&first, &second);
        talk.what_was_missed_comes(&second, &first);
        talk.a_killed_node_forgets_nothing();
        talk.nothing_came_twice(|driver| driver.client.fills_gaps);
        talk.a_closed_client_comes_back();
        talk.nothing_came_twice(|driver| driver.client.fills_gaps);
        // The others log the connections that they lost with the node.
        talk.team.assert_no_complaints(|client| client.name == "tdlib");
    });
}

impl Talk {
    fn count(&self) -> usize {
        self.team.members.len()
    }

    fn member(&mut self, at: usize) -> &mut Driver {
        &mut self.team.members[at]
    }

    /// Sends a text, waits for it at the other end, and notes both ids. Returns the event.
    fn say(&mut self, from: usize, to: usize, text: &str, more: Value) -> Value {
        let (sender, receiver) = (self.team.user(from), self.team.user(to));
        let sent = self.member(from).send_with(receiver, text, more);
        let came = self.member(to).expect(&json!({
            "event": "message", "peer": sender, "from": sender, "out": false, "text": text,
        }));
        self.messages[from][to].push((sent, number(&came, "id")));
        came
    }

    fn everybody_writes_to_everybody(&mut self) {
        for from in 0..self.count() {
            for to in (0..self.count()).filter(|to| *to != from) {
                let silent = (from + to) % 2 == 0;
                let more = if silent { json!({ "silent": true }) } else { json!({}) };
                let came = self.say(from, to, &format!("from {from} to {to}"), more);
                // TDLib does not show it.
                assert!(came["silent"].is_null() || came["silent"] == silent, "{came}");
                assert_eq!(came["reply_to"], Value::Null, "{came}");
            }
        }
    }

    fn replies_find_their_message(&mut self) {
        for from in 0..self.count() {
            let to = self.team.next(from, self.count() - 1);
            let (original, copy) = self.messages[to][from][0];
            let came = self.say(from, to, &format!("{from} replies"), json!({ "reply_to": copy }));
            assert_eq!(came["reply_to"], original, "in the reader's own numbers: {came}");
        }
    }

    fn edits_and_deletions_arrive(&mut self) {
        for from in 0..self.count() {
            let to = self.team.next(from, 1);
            let (sent, copy) = self.messages[from][to][0];
            let peer = self.team.user(to);
            let text = format!("{from} has changed this");
            self.member(from).command("edit", json!({ "to": peer, "msg_id": sent, "text": text }));
            let author = self.team.user(from);
            let reader = self.member(to);
            reader.expect(&json!({ "event": "edited", "peer": author, "id": copy, "text": text }));

            let to = self.team.next(from, 2);
            if to == from {
                continue;
            }
            let (sent, copy) = self.messages[from][to].remove(0);
            let peer = self.team.user(to);
            let fields = json!({ "to": peer, "msg_ids": [sent], "revoke": true });
            self.member(from).command("delete", fields);
            self.member(to).expect_event(&format!("{copy} deleted"), SOON, |event| {
                event["event"] == "deleted"
                    && event["ids"].as_array().is_some_and(|ids| ids.contains(&copy.into()))
            });
        }
    }

    /// Nobody has read anything yet: each dialog counts what is there of the other's.
    fn unread_counts_are_exact(&mut self) {
        for (reader, author) in self.pairs() {
            let peer = self.team.user(author);
            if self.messages[author][reader].is_empty() && self.messages[reader][author].is_empty()
            {
                continue; // all deleted, and the dialog with it, in some clients
            }
            let unread = self.messages[author][reader].len();
            let dialog = self.member(reader).dialog(peer);
            assert_eq!(dialog["unread"], unread, "{} of {author}: {dialog}", self.name(reader));
        }
    }

    fn reads_arrive(&mut self) {
        for (reader, author) in self.pairs() {
            let Some(&(sent, copy)) = self.messages[author][reader].last() else { continue };
            let (reading, writing) = (self.team.user(reader), self.team.user(author));
            self.member(reader).command("read", json!({ "peer": writing, "max_id": copy }));
            let wanted = json!({ "event": "read_outbox", "peer": reading, "max_id": sent });
            self.member(author).expect(&wanted);
            let dialog = self.member(reader).dialog(writing);
            assert_eq!(dialog["unread"], 0, "{}: {dialog}", self.name(reader));
            assert_eq!(dialog["read_inbox_max_id"], copy, "{}: {dialog}", self.name(reader));
            let dialog = self.member(author).dialog(reading);
            assert_eq!(dialog["read_outbox_max_id"], sent, "{}: {dialog}", self.name(author));
        }
        each(&mut self.team.members, |_, member| member.settle());
    }

    /// `away` go offline; of what `here` do meanwhile, all is there when they are back.
    fn what_was_missed_comes(&mut self, away: &[usize], here: &[usize]) {
        for &at in away {
            self.member(at).command("offline", json!({}));
            self.member(at).forget();
        }
        let mut missed = Vec::new();
        for &from in here {
            for &to in away {
                let peer = self.team.user(to);
                for turn in 0..2 {
                    let text = format!("{turn} from {from} while {to} is away");
                    let sent = self.member(from).send(peer, &text);
                    missed.push((from, to, sent, text));
                }
                // What was there before is changed, and deleted.
                if let [(sent, copy), ..] = self.messages[from][to][..] {
                    let text = format!("changed by {from} while {to} is away");
                    let fields = json!({ "to": peer, "msg_id": sent, "text": text });
                    self.member(from).command("edit", fields);
                    missed.push((from, to, -copy, text));
                }
            }
        }
        for &at in away {
            self.member(at).command("online", json!({}));
        }
        for (from, to, sent, text) in missed {
            let author = self.team.user(from);
            let reader = self.member(to);
            if sent > 0 {
                let wanted = json!({ "event": "message", "peer": author, "text": text });
                let copy = number(&reader.expect(&wanted), "id");
                self.messages[from][to].push((sent, copy));
                continue;
            }
            if reader.client.shows_missed_changes {
                let wanted =
                    json!({ "event": "edited", "peer": author, "id": -sent, "text": text });
                reader.expect(&wanted);
            }
            let history = reader.history(author, 50, 0);
            let same = history.iter().filter(|message| message["id"] == -sent);
            assert_eq!(same.map(|message| message["text"].clone()).collect::<Vec<_>>(), [text]);
        }
        for &at in away {
            let member = self.member(at);
            member.settle();
            for &other in here {
                let peer = self.team.user(other);
                let dialog = self.member(at).dialog(peer);
                assert_eq!(dialog["unread"], 2, "{} of {other}: {dialog}", self.name(at));
                let (_, last) = self.messages[other][at][self.messages[other][at].len() - 1];
                self.member(at).command("read", json!({ "peer": peer, "max_id": last }));
            }
        }
    }

    /// Everybody sends a stream to the next while the node is killed and started again: what was
    /// acknowledged is there once, in order, at both ends.
    fn a_killed_node_forgets_nothing(&mut self) {
        let count = self.count();
        let users: Vec<i64> = self.team.members.iter().map(|member| member.user).collect();
        let (acknowledged, acknowledgements) = mpsc::sync_channel(count * STREAM);
        let (node, members) = (&mut self.team.node, &mut self.team.members);
        let (sent, before) = thread::scope(|scope| {
            let senders = scope.spawn(|| {
                run_all(members.iter_mut().enumerate(), |(at, member)| {
                    stream(member, at, users[(at + 1) % count], &acknowledged)
                })
            });
            let kill_after = KILL_AFTER.min(count * STREAM / 2);
            for _ in 0..kill_after {
                acknowledgements.recv_timeout(SOON).expect("the stream flows");
            }
            node.kill_and_restart();
            let before = kill_after + acknowledgements.try_iter().count();
            (senders.join().unwrap(), before)
        });
        let kept: usize = sent.iter().map(Vec::len).sum();
        assert!(before < count * STREAM, "the stream was over before the node was back");
        assert!(kept > before, "nothing was acknowledged after the node was back: {sent:?}");

        // Nobody logs in again; each catches up in its own way.
        each(&mut self.team.members, |_, member| {
            member.command("online", json!({}));
            let sessions = member.command("sessions", json!({}));
            assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1), "{sessions}");
        });
        for (from, sent) in sent.iter().enumerate() {
            let to = self.team.next(from, 1);
            self.check_stream(from, to, sent);
        }
        each(&mut self.team.members, |_, member| member.settle());
    }

    fn check_stream(&mut self, from: usize, to: usize, sent: &[(String, i64)]) {
        let (author, reader) = (self.team.user(from), self.team.user(to));
        let ours = |history: Vec<Value>| -> Vec<Value> {
            let stream = |message: &Value| {
                message["text"].as_str().is_some_and(|text| text.starts_with("stream"))
            };
            // Members stream to one other each, but two of two stream to each other.
            let of_author = |message: &Value| message["from"] == author;
            history.into_iter().rev().filter(|one| stream(one) && of_author(one)).collect()
        };
        let there = ours(self.member(from).history(reader, 100, 0));
        let here = ours(self.member(to).history(author, 100, 0));
        let texts = |history: &[Value]| -> Vec<String> {
            history.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(texts(&there), texts(&here), "{from} and {to} have the same");
        let different: HashSet<String> = texts(&there).into_iter().collect();
        assert_eq!(different.len(), there.len(), "each once: {:?}", texts(&there));
        assert!(texts(&there).is_sorted(), "in order: {:?}", texts(&there));
        for (text, id) in sent {
            let found = there.iter().find(|message| message["text"] == *text);
            let found =
                found.unwrap_or_else(|| panic!("{from} lost {text:?}, acknowledged as {id}"));
            assert_eq!(found["id"], *id, "{text}");
        }
        if self.member(to).client.fills_gaps {
            for text in texts(&here) {
                let wanted = json!({ "event": "message", "peer": author, "text": text });
                self.member(to).expect(&wanted);
            }
        }
    }

    /// The process ends and starts again on its session: the same account, and what came meanwhile.
    fn a_closed_client_comes_back(&mut self) {
        for at in 0..self.count() {
            let (user, from) = (self.team.user(at), self.team.next(at, 1));
            self.member(at).quit();
            self.member(at).forget();
            let text = format!("{at} was closed");
            self.member(from).send(user, &text);
            self.member(at).resume();
            assert_eq!(self.team.user(at), user, "no new login for {}", self.name(at));
            let author = self.team.user(from);
            let wanted = json!({ "event": "message", "peer": author, "text": text });
            self.member(at).expect(&wanted);
        }
        each(&mut self.team.members, |_, member| member.settle());
    }

    /// Each message came as one event.
    fn nothing_came_twice(&mut self, of: impl Fn(&Driver) -> bool) {
        for member in self.team.members.iter_mut().filter(|member| of(member)) {
            let events = member.came(&json!({ "event": "message" }));
            let mut ids = HashSet::new();
            if let Some(event) = events.iter().find(|event| !ids.insert(number(event, "id"))) {
                member.fail(&format!("came twice: {event}"));
            }
        }
    }

    /// The session that sends a message has the answer, and is not told again. (In a difference it
    /// is, if the answer was lost with the node.)
    fn nobody_hears_from_itself(&mut self) {
        for member in &mut self.team.members {
            if let [event, ..] = &member.came(&json!({ "event": "message", "out": true }))[..] {
                member.fail(&format!("its own message: {event}"));
            }
        }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.count();
        all.clone()
            .flat_map(|one| all.clone().map(move |other| (one, other)))
            .filter(|(a, b)| a != b)
            .collect()
    }

    fn name(&self, at: usize) -> &'static str {
        self.team.members[at].client.name
    }
}

/// Sends numbered texts one after the other; returns those that were acknowledged, with their ids.
fn stream(member: &mut Driver, at: usize, to: i64, done: &SyncSender<()>) -> Vec<(String, i64)> {
    let mut sent = Vec::new();
    for turn in 0..STREAM {
        let text = format!("stream {turn:02} of {at}");
        // A library may give up on a message while the node is away: that one may be there or not.
        if let Ok(answer) = member.try_command("send", json!({ "to": to, "text": text })) {
            sent.push((text, number(&answer, "msg_id")));
            done.send(()).ok();
        }
    }
    sent
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no {name} in {value}"))
}
