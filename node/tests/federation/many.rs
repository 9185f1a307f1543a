//! Several nodes, with lines between some of them, and a member at each.

use std::collections::BTreeMap;
use std::time::Duration;

use liar::watch::Watch;
use serde_json::{Value, json};

use crate::CHANNELS;
use crate::clients::{self, Client};
use crate::driver::{Driver, SOON};
use crate::line::Line;
use crate::support::isolation::isolated;
use crate::support::node::TestNode;
use crate::team::Team;
use crate::two::node;

const WITHIN: Duration = Duration::from_secs(900);

/// What the group is called at its home, the first node.
pub(crate) const NAME: &str = "harbour_talk";

/// Nodes `a.example`, `b.example`, …; each with one member, by the library at its place.
pub(crate) struct Many {
    pub(crate) nodes: Vec<TestNode>,
    pub(crate) members: Vec<Driver>,
    /// By who dials, and who is dialled.
    lines: BTreeMap<(usize, usize), Line>,
    /// The group's number at each node.
    pub(crate) places: Vec<i64>,
}

/// Plays a scene in a namespace of its own, with a node for each client. `test` is the full name of the
/// test.
pub(crate) fn play(test: &str, gossip: bool, at: &[&'static Client], body: impl FnOnce(Many)) {
    if clients::any_skipped(at) {
        return;
    }
    clients::install(at);
    isolated(test, WITHIN, || body(Many::gather(gossip, at)));
}

impl Many {
    fn gather(gossip: bool, at: &[&'static Client]) -> Self {
        let (mut nodes, mut members) = (Vec::new(), Vec::new());
        for (place, client) in at.iter().enumerate() {
            let domain = format!("{}.example", letter(place));
            let team = Team::gather_on(node(&domain, gossip), &[client]);
            nodes.push(team.node);
            members.extend(team.members);
        }
        for member in &mut members {
            member.show_updates();
            if member.client.name == "tdlib" {
                // What comes while it reads its first dialogs is no new message to it.
                member.command("dialogs", json!({}));
            }
        }
        Self { nodes, members, lines: BTreeMap::new(), places: Vec::new() }
    }

    /// Draws a line between two nodes: the first one dials.
    pub(crate) fn connect(&mut self, from: usize, to: usize) {
        let line = Line::to(&self.nodes[to].mesh);
        let address = line.multiaddress();
        let added = self.nodes[from].command(&["peer", "add", &address, "--json"]);
        assert_eq!(added["domain"], format!("{}.example", letter(to)), "{added}");
        self.lines.insert((from, to), line);
    }

    /// Cuts all lines between these nodes and the others.
    pub(crate) fn part(&self, some: &[usize]) {
        for ((from, to), line) in &self.lines {
            if some.contains(from) != some.contains(to) {
                line.cut();
            }
        }
    }

    pub(crate) fn heal(&self) {
        self.lines.values().for_each(Line::heal);
    }

    /// A public group of the first member's, which all others find by its whole name and join.
    pub(crate) fn gather_in_group(&mut self) {
        let home = &mut self.members[0];
        let new =
            json!({ "title": "Harbour talk", "about": "", "megagroup": true, "broadcast": false });
        let made = home.invoke("channels.CreateChannel", new);
        let place = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
        let named = json!({ "channel": { "channel": place }, "username": NAME });
        assert_eq!(home.invoke("channels.UpdateUsername", named), true);
        let joined = self.members[1..].iter_mut().map(|member| join(member, "a.example"));
        self.places = std::iter::once(place).chain(joined).collect();
        self.all_are_here();
    }

    /// All join the group of a node that is none of these.
    pub(crate) fn gather_at(&mut self, domain: &str) {
        self.places = self.members.iter_mut().map(|member| join(member, domain)).collect();
        self.all_are_here();
    }

    fn all_are_here(&mut self) {
        // Who has joined says so; then all have the whole chain.
        for at in 0..self.members.len() {
            let words = format!("{} is here", letter(at));
            self.say(at, &words);
            self.all_hear(at, &words);
        }
    }

    /// A member writes; the number of the message at its node.
    pub(crate) fn say(&mut self, at: usize, words: &str) -> i64 {
        self.members[at].send(self.places[at], words)
    }

    /// It comes to all but its author.
    pub(crate) fn all_hear(&mut self, author: usize, words: &str) {
        for at in (0..self.members.len()).filter(|at| *at != author) {
            self.hears(at, words);
        }
    }

    pub(crate) fn hears(&mut self, at: usize, words: &str) -> Value {
        self.members[at].expect_within(2 * SOON, &json!({ "event": "message", "text": words }))
    }

    /// All that is said in the group, as a member sees it, in its order there.
    pub(crate) fn words(&mut self, at: usize) -> Vec<String> {
        let place = self.places[at];
        let mut words = Vec::new();
        let mut before = 0;
        loop {
            let page = self.members[at].history(place, 100, before);
            let Some(last) = page.last() else { break };
            before = last["id"].as_i64().expect("a number");
            let texts = page.iter().filter_map(|message| message["text"].as_str());
            words.extend(texts.filter(|text| !text.is_empty()).map(str::to_owned));
        }
        words.reverse();
        words
    }

    /// What a node says that it holds: the ends of its chain and of its lanes.
    pub(crate) fn heads(&self, at: usize) -> mesh::Heads {
        watch(&self.nodes[0], &self.nodes[at]).heads().expect("a node says what it holds")
    }

    /// All members see the same, each message once.
    pub(crate) fn all_show(&mut self, expected: &[String]) {
        let mut expected = expected.to_vec();
        expected.sort();
        for at in 0..self.members.len() {
            let mut shown = self.words(at);
            shown.sort();
            assert_eq!(shown, expected, "at {}", letter(at));
        }
    }

    /// What the group is called at a node.
    pub(crate) fn title(&mut self, at: usize) -> String {
        let channel = json!({ "channel": { "channel": self.places[at] } });
        let full = self.members[at].invoke("channels.GetFullChannel", channel);
        full["chats"][0]["title"].as_str().expect("a title").to_owned()
    }

    /// All members see the same, each message once, and all nodes hold the same.
    ///
    /// What came last in each lane may be no message: whoever has said and heard everything may still
    /// lack a reaction, so heads are asked for until they are equal.
    pub(crate) fn all_are_equal(&mut self, expected: &[String]) {
        self.all_show(expected);
        for at in 1..self.nodes.len() {
            until("heads are equal", || (self.heads(0) == self.heads(at)).then_some(()));
        }
    }
}

fn join(member: &mut Driver, domain: &str) -> i64 {
    if member.client.name == "tdlib" {
        // TDLib takes dots out of names.
        let domain = domain.replace('.', "_");
        let name = json!({ "username": format!("{NAME}_at_{domain}") });
        let chat = member.request("searchPublicChat", name);
        let place = chat["id"].as_i64().expect("a chat");
        member.request("joinChat", json!({ "chat_id": place }));
        return place;
    }
    let whole = format!("{NAME}@{domain}");
    let found = member.invoke("contacts.ResolveUsername", json!({ "username": whole }));
    let place = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
    member.invoke("channels.JoinChannel", json!({ "channel": { "channel": place } }));
    place
}

/// A stranger's look at a node, for the group that `home` has under [`NAME`].
pub(crate) fn watch(home: &TestNode, node: &TestNode) -> Watch {
    Watch::new(&home.mesh[0], NAME, &node.mesh[0])
        .unwrap_or_else(|error| panic!("{error:#}\n{}\n{}", home.log(), node.log()))
}

fn letter(at: usize) -> char {
    char::from(b'a' + at as u8)
}

/// Asks again until there is an answer: of another process nothing else can be awaited.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = rookery_load::clock::now() + 2 * SOON;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(rookery_load::clock::now() < deadline, "in vain: {what}");
    }
}
