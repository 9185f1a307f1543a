//! Nodes change their keys and their domains; channels are handed over by messages to the service account.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::CHANNELS;
use crate::clients::{self, Client, PYROGRAM, TELETHON};
use crate::driver::{Driver, SOON};
use crate::line::Line;
use crate::operator::{codes, doctor, finds, refused};
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode, binary, copy_directory};
use crate::support::process;
use crate::two::{Two, came, node, play, words};

const SERVICE: i64 = 777_000;
const WITHIN: Duration = Duration::from_secs(120);

/// Asks the service account, and returns its answer.
fn ask(driver: &mut Driver, question: &str) -> String {
    let sent = driver.send(SERVICE, question);
    let answer = driver.expect_event(&format!("an answer to {question}"), SOON, |event| {
        event["event"] == "service" && event["id"].as_i64().is_some_and(|id| id > sent)
    });
    answer["text"].as_str().expect("a message has a text").to_owned()
}

/// Gives a node another domain, and starts it again.
fn move_to(node: &mut TestNode, before: &str, after: &str) {
    node.while_stopped(|node| {
        let config = node.file("rookery.toml");
        let text = fs::read_to_string(&config).expect("a configuration");
        assert!(text.contains(before), "{text}");
        fs::write(config, text.replace(before, after)).expect("written");
    });
}

#[test]
fn a_node_changes_its_keys_while_the_other_one_is_away() {
    play("rotation::a_node_changes_its_keys_while_the_other_one_is_away", true, rotated);
}

fn rotated(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    let named = json!({ "username": "ada_lovelace" });
    two.ada.invoke("account.UpdateUsername", named);
    let whole = json!({ "username": "ada_lovelace@a.example" });
    let found = two.bob.invoke("contacts.ResolveUsername", whole);
    let ada = found["users"][0]["id"].as_i64().expect("somebody");
    two.bob.send(there, "hello, all");
    came(&mut two.ada, "hello, all");
    two.bob.send(ada, "hello, ada");
    let bob = came(&mut two.ada, "hello, ada")["from"].as_i64().expect("somebody");

    // What is said under the old key reaches the other node after the new one is in use.
    two.line.cut();
    two.ada.send(talk, "all: under the old key");
    two.ada.send(bob, "bob: under the old key");
    let name = two.a.command(&["peer", "list", "--json"])["node"].clone();
    let before = two.a.mesh[0].clone();
    let changed = two.a.command(&["rotate-keys", "--json"]);
    assert_eq!(changed["node"], name, "{changed}");
    let serial = changed["serial"].as_u64().expect("a serial");
    assert!(serial > 1, "{changed}");
    two.a.kill_and_restart();
    two.ada.settle();
    assert_ne!(two.a.mesh[0], before, "it listens under another key");
    assert_eq!(two.a.command(&["peer", "list", "--json"])["node"], name);
    two.ada.send(talk, "all: under the new key");
    two.ada.send(bob, "bob: under the new key");
    two.bob.send(there, "all: meanwhile");
    // The other node forgets what lay in its memory.
    two.b.kill_and_restart();
    two.bob.settle();
    two.tina.settle();
    two.line.heal();
    for text in ["all: under the old key", "all: under the new key"] {
        two.tina
            .expect_event(text, SOON, |event| event["event"] == "message" && event["text"] == text);
        came(&mut two.bob, text);
    }
    for text in ["bob: under the old key", "bob: under the new key"] {
        came(&mut two.bob, text);
    }
    came(&mut two.ada, "all: meanwhile");
    two.bob.send(ada, "still you?");
    came(&mut two.ada, "still you?");

    // Without a restart, while the other one is there; and the other node changes its own.
    let again = two.a.command(&["rotate-keys", "--json"]);
    assert!(again["serial"].as_u64() > Some(serial), "{again}");
    two.ada.send(bob, "under the third key");
    two.ada.send(talk, "all: under the third key");
    came(&mut two.bob, "under the third key");
    came(&mut two.bob, "all: under the third key");
    two.b.command(&["rotate-keys", "--json"]);
    two.bob.send(there, "all: and mine");
    came(&mut two.ada, "all: and mine");
    let (mut at_a, mut at_b) = (words(&mut two.ada, talk), words(&mut two.bob, there));
    at_a.sort();
    at_b.sort();
    assert_eq!((at_a.len(), &at_a), (6, &at_b));

    // Another domain: the other operator takes it, and then people there are called by it.
    move_to(&mut two.a, "a.example", "harbour.example");
    two.ada.settle();
    let said = loop_until(&two.b, "domain-changed");
    assert!(said.contains("rookery peer repin a.example"), "{said}");
    let whole = || json!({ "username": "ada_lovelace@harbour.example" });
    two.bob.invoke_refused("contacts.ResolveUsername", whole());
    let taken = two.b.command(&["peer", "repin", "a.example", "--json"]);
    assert_eq!(taken["domain"], "harbour.example", "{taken}");
    let found = two.bob.invoke("contacts.ResolveUsername", whole());
    assert_eq!(found["users"][0]["id"], ada, "{found}");
    assert_eq!(found["users"][0]["username"], "ada_lovelace_at_harbour_example", "{found}");
    two.bob.send(ada, "a new sign at the door");
    came(&mut two.ada, "a new sign at the door");
}

/// Asks the doctor until it has said something with this word; all that it says then.
fn loop_until(node: &TestNode, word: &str) -> String {
    let deadline = rookery_load::clock::now() + SOON;
    loop {
        let (_, said) = doctor(node, &[]);
        if codes(&said, "note").iter().any(|code| code == word) {
            return said.to_string();
        }
        assert!(rookery_load::clock::now() < deadline, "{word} is not said: {said}");
    }
}

/// Somebody who joins a node.
fn member(
    client: &'static Client,
    name: &str,
    node: &TestNode,
    invite: &(String, String),
) -> Driver {
    let mut driver = Driver::start(client, name, node);
    assert!(driver.login(invite), "an invite signs up");
    driver.show_updates();
    driver
}

#[test]
fn a_channel_is_handed_over_by_messages_to_the_service_account() {
    const CLIENTS: [&Client; 2] = [&TELETHON, &PYROGRAM];
    if clients::any_skipped(&CLIENTS) {
        return;
    }
    clients::install(&CLIENTS);
    let test = "rotation::a_channel_is_handed_over_by_messages_to_the_service_account";
    isolated(test, 2 * WITHIN, handed_over);
}

fn handed_over() {
    let (a, b) = (node("a.example", true), node("b.example", true));
    let line = Line::to(&a.mesh);
    b.command(&["peer", "add", &line.multiaddress(), "--json"]);
    // The nodes' owners are others than the channel's.
    let first = |node: &TestNode| node.owner.clone().expect("an owner's invite");
    let mut olga = member(&TELETHON, "olga", &a, &first(&a));
    let mut oscar = member(&PYROGRAM, "oscar", &b, &first(&b));
    let mut ada = member(&TELETHON, "ada", &a, &a.invite());
    let mut bob = member(&PYROGRAM, "bob", &b, &b.invite());
    let new = json!({ "title": "Harbour talk", "about": "", "megagroup": true });
    let made = ada.invoke("channels.CreateChannel", new);
    let talk = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
    let named = json!({ "channel": { "channel": talk }, "username": "harbour_talk" });
    assert_eq!(ada.invoke("channels.UpdateUsername", named), true);
    let whole = json!({ "username": "harbour_talk@a.example" });
    let found = bob.invoke("contacts.ResolveUsername", whole);
    let there = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
    bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": there } }));
    bob.send(there, "hello");
    came(&mut ada, "hello");
    let b_name = b.command(&["peer", "list", "--json"])["node"].clone();
    let b_name = b_name.as_str().expect("a name").to_owned();
    let help = ask(&mut ada, "/channel");
    assert!(help.contains("move-home CHANNEL NODE"), "{help}");
    let listed = ask(&mut olga, "/channel list");
    assert!(listed.contains("@harbour_talk") && listed.contains("home: this node"), "{listed}");
    for question in ["/channel list", "/channel accept-home harbour_talk", "/channel recover x"] {
        assert_eq!(ask(&mut ada, question), "Only the node's owner may do this.");
    }
    // Nobody takes over what its operator does not want.
    let move_home = format!("/channel move-home harbour_talk {b_name}");
    let early = ask(&mut ada, &move_home);
    assert!(early.contains("has to agree first"), "{early}");
    let accept = "/channel accept-home harbour_talk_at_a_example";
    let takes = "This node takes the channel over when its home hands it over.";
    assert_eq!(ask(&mut oscar, accept), takes);
    // Only who owns the channel hands it over, and not the node's owner either.
    let not_yours = "Only who owns the channel hands it over.";
    let foreign = "/channel move-home harbour_talk_at_a_example a.example";
    assert_eq!(ask(&mut bob, foreign), not_yours);
    assert_eq!(ask(&mut olga, &move_home), not_yours);

    let sent = ada.send(SERVICE, &move_home);
    // Told who can still recover it, on both nodes.
    let told = |driver: &mut Driver, after: i64, text: &str| {
        let said = driver.expect_event(text, SOON, |event| {
            event["event"] == "service"
                && event["id"].as_i64().is_some_and(|id| id > after)
                && event["text"].as_str().is_some_and(|said| said.contains(text))
        });
        said["text"].as_str().unwrap_or_default().to_owned()
    };
    for driver in [&mut ada, &mut olga] {
        let said = told(driver, 0, "and no more this node");
        assert!(said.contains("recovery key of this node"), "{said}");
    }
    told(&mut ada, sent, "The other node decides about the channel from now on.");
    let said = told(&mut oscar, 0, "and no more a.example");
    assert!(said.contains("recovery key of a.example"), "{said}");
    let title = json!({ "channel": { "channel": talk }, "title": "Moved talk" });
    ada.invoke("channels.EditTitle", title);
    assert_eq!(b.command(&["channel", "list", "--json"])[0]["is_home"], true);

    // The other node is away for good: by this node's own recovery key the channel comes back.
    line.cut();
    let wrong = format!("/channel recover harbour_talk {}", "ab".repeat(32));
    let sent = olga.send(SERVICE, &wrong);
    told(&mut olga, sent, "That was not done");
    let kept = olga.history(SERVICE, 20, 0);
    let holds_key = kept.iter().any(|message| message["text"].as_str() == Some(&wrong));
    assert!(!holds_key, "a key does not stay where it was written: {kept:?}");
    let back = ask(&mut olga, "/channel recover harbour_talk");
    assert_eq!(back, "This node decides about the channel from now on.");
    let title = json!({ "channel": { "channel": talk }, "title": "Back again" });
    ada.invoke("channels.EditTitle", title);
    line.heal();
    bob.send(there, "welcome back");
    came(&mut ada, "welcome back");
    assert_eq!(a.command(&["channel", "list", "--json"])[0]["is_home"], true);
}

fn rookery(arguments: &[&str], data: &Path) {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--data").arg(data);
    let finished = process::run(&mut command, WITHIN);
    assert!(finished.status.success(), "{finished:?}");
}

/// A stolen copy from before a rotation is nobody any more; a backup from before it is the node again.
#[test]
fn a_thief_of_old_keys_is_refused_and_a_backup_goes_on() {
    isolated("rotation::a_thief_of_old_keys_is_refused_and_a_backup_goes_on", WITHIN, || {
        let (mut a, b) = (node("a.example", true), node("b.example", true));
        // By the address with the key of now.
        b.command(&["peer", "add", &a.mesh[0], "--json"]);
        finds(&b, &[], &[]);
        let (stolen, backup) = (a.file("stolen"), a.file("backup"));
        a.while_stopped(|a| {
            copy_directory(&a.data(), &stolen);
            rookery(&["export", "--to", backup.to_str().expect("UTF-8")], &a.data());
        });
        finds(&b, &[], &[]);
        let name = a.command(&["peer", "list", "--json"])["node"].clone();
        let changed = a.command(&["rotate-keys", "--json"]);
        assert_eq!(changed["node"], name);
        let document = |node: &TestNode| {
            let url = format!("http://{}/.well-known/rookery/node.json", node.http);
            let got = process::run(Command::new("curl").args(["-sS", &url]), WITHIN);
            serde_json::from_str::<serde_json::Value>(&got.stdout).expect("a document")
        };
        let new = document(&a);
        finds(&b, &[], &[]);

        let config = fs::read_to_string(a.file("rookery.toml")).expect("a configuration");
        let mesh = Some("/ip4/127.0.0.1/tcp/0".to_owned());
        let setup =
            |data| Setup { config: config.clone(), data, mesh: mesh.clone(), ..Setup::default() };
        let thief = TestNode::start_with(setup(Some(stolen)));
        let old = document(&thief);
        assert_eq!((&old["node"], &new["node"]), (&name, &name));
        assert_ne!(old["cert"], new["cert"], "others are told of the new certificate");
        let said = refused(&thief, &["peer", "add", &b.mesh[0]]);
        assert!(said.contains("refuses"), "{said}");
        assert!(b.log().contains("shows an old certificate"), "{}", b.log());
        let (_, said) = doctor(&thief, &["--peer", &b.mesh[0]]);
        assert!(codes(&said, "problem").contains(&"refused".to_owned()), "{said}");
        drop(thief);
        finds(&b, &[], &[]);

        // The machine is lost: a backup from before the rotation on another one, at the same place.
        let data = b.file("restored");
        fs::create_dir(&data).expect("a directory");
        fs::copy(a.data().join("master.key"), data.join("master.key")).expect("a master key");
        let place = a.mesh[0].split("/p2p/").next().expect("an address").to_owned();
        a.stop();
        rookery(&["import", "--from", backup.to_str().expect("UTF-8")], &data);
        let restored = TestNode::start_with(Setup { mesh: Some(place), ..setup(Some(data)) });
        assert!(restored.log().contains("filled from a backup"), "{}", restored.log());
        assert_eq!(restored.command(&["peer", "list", "--json"])["node"], name);
        // It knows the other one from before, and waits for it.
        finds(&restored, &[], &[]);
        finds(&b, &[], &[]);
    });
}
