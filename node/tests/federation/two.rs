//! Two nodes with a line between them: one with ada, one with bob and tina.

use std::time::Duration;

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::clients::{self, Client, PYROGRAM, TDLIB, TELETHON};
use crate::driver::{Driver, SOON};
use crate::line::Line;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(400);

const ALL: [&Client; 3] = [&TELETHON, &PYROGRAM, &TDLIB];

pub(crate) struct Two {
    /// At `a.example`.
    pub(crate) a: TestNode,
    /// At `b.example`. It dials the other one.
    pub(crate) b: TestNode,
    pub(crate) line: Line,
    /// Telethon, at A.
    pub(crate) ada: Driver,
    /// Pyrogram, at B.
    pub(crate) bob: Driver,
    /// TDLib, at B.
    pub(crate) tina: Driver,
}

/// A node that other nodes may reach.
pub(crate) fn node(domain: &str, gossip: bool) -> TestNode {
    node_with(domain, gossip, "")
}

/// [`node`] with more in its configuration.
pub(crate) fn node_with(domain: &str, gossip: bool, more: &str) -> TestNode {
    // What it says of where it is leads nowhere: all goes through the line.
    let nowhere = "advertise = [\"/ip4/127.0.0.1/tcp/1\"]";
    let config =
        format!("[federation]\ndomain = \"{domain}\"\ngossip = {gossip}\n{nowhere}\n{more}");
    let mesh = Some("/ip4/127.0.0.1/tcp/0".to_owned());
    TestNode::start_with(Setup { config, mesh, ..Setup::default() })
}

/// Plays a scene in a namespace of its own. `test` is the full name of the test.
pub(crate) fn play(test: &str, gossip: bool, body: impl FnOnce(Two)) {
    play_with(test, gossip, "", body);
}

/// [`play`] with more in the configuration of both nodes.
pub(crate) fn play_with(test: &str, gossip: bool, more: &str, body: impl FnOnce(Two)) {
    if clients::any_skipped(&ALL) {
        return;
    }
    clients::install(&ALL);
    isolated(test, WITHIN, || {
        let [a, b] = ["a.example", "b.example"].map(|domain| node_with(domain, gossip, more));
        let line = Line::to(&a.mesh);
        let added = b.command(&["peer", "add", &line.multiaddress(), "--json"]);
        assert_eq!(added["domain"], "a.example", "{added}");
        let Team { node: a, members: at_a, .. } = Team::gather_on(a, &[&TELETHON]);
        let Team { node: b, members: at_b, .. } = Team::gather_on(b, &[&PYROGRAM, &TDLIB]);
        let members: Vec<Driver> = at_a.into_iter().chain(at_b).collect();
        let Ok([mut ada, mut bob, mut tina]) = <[Driver; 3]>::try_from(members) else {
            unreachable!()
        };
        for driver in [&mut ada, &mut bob, &mut tina] {
            driver.show_updates();
        }
        tina.command("dialogs", json!({}));
        body(Two { a, b, line, ada, bob, tina });
    });
}

impl Two {
    /// A public group or channel of ada's: its number at A.
    pub(crate) fn make(&mut self, title: &str, name: &str, broadcast: bool) -> i64 {
        let new = json!({ "title": title, "about": "", "megagroup": !broadcast,
            "broadcast": broadcast });
        let made = self.ada.invoke("channels.CreateChannel", new);
        let place = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
        let named = json!({ "channel": { "channel": place }, "username": name });
        assert_eq!(self.ada.invoke("channels.UpdateUsername", named), true);
        place
    }

    /// Both members at B find it by its whole name, and join: its number at B.
    pub(crate) fn join(&mut self, name: &str) -> i64 {
        let whole = format!("{name}@a.example");
        let found = self.bob.invoke("contacts.ResolveUsername", json!({ "username": whole }));
        let place = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
        let joins = json!({ "channel": { "channel": place } });
        self.bob.invoke("channels.JoinChannel", joins);
        // TDLib takes dots out of names.
        let mapped = format!("{name}_at_a_example");
        let chat = self.tina.request("searchPublicChat", json!({ "username": mapped }));
        assert_eq!(chat["id"], place, "{chat}");
        self.tina.request("joinChat", json!({ "chat_id": place }));
        // What comes before it has read the chat is no new message to it.
        self.tina.expect(&json!({ "@type": "updateChatReadInbox", "chat_id": place }));
        place
    }
}

/// Words of the newest messages, service messages left out, the oldest first.
pub(crate) fn words(driver: &mut Driver, place: i64) -> Vec<String> {
    let messages = driver.history(place, 50, 0);
    let mut words: Vec<String> = messages
        .iter()
        .filter_map(|message| message["text"].as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    words.reverse();
    words
}

/// The text comes; who it is from, by the number at the node.
pub(crate) fn came(driver: &mut Driver, text: &str) -> Value {
    driver.expect_within(SOON, &json!({ "event": "message", "text": text }))
}
