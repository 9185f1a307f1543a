//! Two honest nodes and a third that lies, as a member of their group: [`liar`].
//!
//! The liar is a process of its own: this test program, started with its orders. Whatever it does, what
//! the honest nodes show and hold is the same, nothing that is forged is shown, they go on, and their
//! memory is bounded.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rookery_load::clock;
use serde_json::{Value, json};

use crate::clients::{Client, PYROGRAM, TELETHON};
use crate::lean::{self, Lean};
use crate::many::{Many, NAME, play, until, watch};
use crate::support::node::TestNode;
use crate::support::process::Guarded;

const CLIENTS: [&Client; 2] = [&TELETHON, &PYROGRAM];

/// What the liar is told, in its environment.
const ORDERS: &str = "ROOKERY_LIAR";

/// It waits for connections that are to be closed, twenty of them one after the other.
const ACTS_WITHIN: Duration = Duration::from_secs(240);

/// More than what waits at a node may take: 4,096 entries, and what peers push.
const GROWTH_BYTES: u64 = 160 << 20;

#[test]
#[ignore = "the liar's process: the tests here start it"]
fn process() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    liar::run(&orders).expect("the liar gets on");
}

pub(crate) struct Liar {
    stdin: ChildStdin,
    lines: Receiver<Value>,
    node: String,
    /// What it has said of itself.
    pub(crate) ready: Value,
    _process: Guarded,
}

impl Liar {
    /// Starts it, and waits until it is in the group.
    pub(crate) fn start(lie: &str, home: &TestNode, other: &TestNode) -> Self {
        let orders =
            json!({ "lie": lie, "group": NAME, "home": home.mesh[0], "other": other.mesh[0] });
        Self::start_with(&orders)
    }

    /// Starts it with other orders, and waits until it is ready.
    pub(crate) fn start_with(orders: &Value) -> Self {
        // In life it has a machine of its own; here it takes what the nodes and their members leave,
        // and gives it back at once (a nice one is let end its turn, some milliseconds each time).
        let child = Command::new("chrt")
            .args(["--idle", "0"])
            .arg(std::env::current_exe().expect("this program"))
            .args(["lies::process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ORDERS, orders.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the liar starts");
        let mut process = Guarded(child);
        let stdin = process.0.stdin.take().expect("piped");
        let stdout = process.0.stdout.take().expect("piped");
        let (sender, lines) = mpsc::sync_channel(16);
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // The test harness of the process says something, too.
            for line in lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok()) {
                if line.is_object() && sender.send(line).is_err() {
                    break;
                }
            }
        });
        let (node, ready) = (String::new(), Value::Null);
        let mut liar = Self { stdin, lines, node, ready, _process: process };
        liar.ready = liar.line("ready");
        liar.node = liar.ready["node"].as_str().unwrap_or_default().to_owned();
        liar
    }

    fn line(&self, what: &str) -> Value {
        let line = self.lines.recv_timeout(ACTS_WITHIN).unwrap_or_else(|_| panic!("never {what}"));
        assert_eq!(line["liar"], what, "{line}");
        line
    }

    /// Tells it to act; answers at once.
    pub(crate) fn begin(&mut self) {
        self.stdin.write_all(b"go\n").expect("it reads");
    }

    /// What it says of what it did.
    pub(crate) fn done(&self) -> Value {
        self.line("done")["report"].clone()
    }

    pub(crate) fn act(&mut self) -> Value {
        self.begin();
        self.done()
    }

    /// What a node thinks of it.
    fn at(&self, node: &TestNode) -> Option<Value> {
        let listed = node.command(&["peer", "list", "--json"]);
        let peers = listed["peers"].as_array().expect("a list of peers");
        peers.iter().find(|peer| peer["node"] == self.node.as_str()).cloned()
    }
}

/// A scene with what was said in it.
struct Honest {
    all: Many,
    said: Vec<String>,
    rounds: usize,
}

impl Honest {
    fn new(mut all: Many) -> Self {
        all.connect(1, 0);
        all.gather_in_group();
        let said = ["a is here", "b is here"].map(str::to_owned).to_vec();
        Self { all, said, rounds: 0 }
    }

    fn liar(&self, lie: &str) -> Liar {
        Liar::start(lie, &self.all.nodes[0], &self.all.nodes[1])
    }

    /// Both go on, show the same and hold the same. Gives back the group's title as B shows it.
    fn go_on(&mut self, lie: &str) {
        self.rounds += 1;
        for at in [0, 1] {
            let words = format!("in spite of {lie}, {} of {at}", self.rounds);
            self.all.say(at, &words);
            self.all.hears(1 - at, &words);
            self.said.push(words);
        }
        self.all.all_are_equal(&self.said);
    }

    /// What the liar has said comes to both.
    fn comes(&mut self, words: &str) {
        for at in [0, 1] {
            self.all.hears(at, words);
        }
        self.said.push(words.to_owned());
    }

    /// It is not connected any more with either, and is not let in again.
    fn is_away(&self, liar: &Liar) {
        for node in &self.all.nodes {
            until("the liar is away", || match liar.at(node) {
                Some(peer) if peer["connected"] == true => None,
                _ => Some(()),
            });
        }
    }
}

#[test]
fn what_shows_in_frames_sends_the_liar_away() {
    play("lies::what_shows_in_frames_sends_the_liar_away", true, &CLIENTS, |all| {
        let mut honest = Honest::new(all);
        // What an honest third node says is shown: else nothing here would mean anything.
        let mut liar = honest.liar("honest");
        liar.act();
        honest.comes("a word of honour");
        honest.go_on("honesty");
        drop(liar);
        let before: Vec<u64> = honest.all.nodes.iter().map(TestNode::forget_peak).collect();
        for lie in ["forge", "holes", "wrong-pages", "garbage"] {
            let mut liar = honest.liar(lie);
            let report = liar.act();
            println!("{lie}: {report}");
            if lie == "garbage" {
                assert_eq!(report["away"], report["frames"], "{report}");
                assert_eq!(report["kept_away"], 10, "{report}");
            } else {
                assert_eq!(report["closed"], json!([true, true]), "{lie}: {report}");
                if lie == "forge" {
                    assert_eq!(report["back"], json!([false, false]), "{report}");
                }
                honest.is_away(&liar);
            }
            drop(liar);
            honest.go_on(lie);
        }
        let chat = honest.all.members[1].invoke(
            "channels.GetFullChannel",
            json!({ "channel": { "channel": honest.all.places[1] } }),
        );
        assert_eq!(chat["chats"][0]["title"], "Harbour talk", "{chat}");
        is_bounded(&honest.all.nodes, &before);
    });
}

#[test]
fn what_is_withheld_or_said_again_holds_nothing_up() {
    play("lies::what_is_withheld_or_said_again_holds_nothing_up", true, &CLIENTS, |all| {
        let mut honest = Honest::new(all);
        let before: Vec<u64> = honest.all.nodes.iter().map(TestNode::forget_peak).collect();
        let mut liar = honest.liar("withhold");
        liar.act();
        honest.go_on("what is withheld");
        liar.act();
        for number in 0..12 {
            honest.comes(&format!("withheld {number}"));
        }
        // What it names never comes: it is shown half a minute later.
        honest.comes("named nothing");
        honest.go_on("what was withheld");
        // Late is no fault.
        for node in &honest.all.nodes {
            let peer = liar.at(node).expect("it is known");
            assert_eq!((&peer["connected"], &peer["score"]), (&json!(true), &json!(0.0)), "{peer}");
        }
        drop(liar);
        for lie in ["heads", "replay", "hoard"] {
            let mut liar = honest.liar(lie);
            let report = liar.act();
            println!("{lie}: {report}");
            honest.go_on(lie);
        }
        is_bounded(&honest.all.nodes, &before);
    });
}

#[test]
fn two_words_for_one_place_are_settled_and_bans_are_not_gone_behind() {
    play(
        "lies::two_words_for_one_place_are_settled_and_bans_are_not_gone_behind",
        true,
        &CLIENTS,
        |all| {
            let mut honest = Honest::new(all);
            let mut liar = honest.liar("equivocate");
            liar.act();
            honest.all.hears(0, "left 0");
            // The home has seen one branch first, and says that it is the one.
            let kept: Vec<String> = (0..3).map(|number| format!("left {number}")).collect();
            for words in &kept[1..] {
                honest.all.hears(0, words);
            }
            for words in &kept {
                honest.all.hears(1, words);
            }
            honest.said.extend(kept);
            honest.go_on("two words");
            drop(liar);
            // Who had shown the other branch reads its log again.
            honest.all.nodes[1].kill_and_restart();
            honest.all.members[1].settle();
            honest.go_on("two words and a restart");

            // Somebody at the liar's node is banned, and writes on as if nobody had told.
            let mut liar = honest.liar("honest");
            liar.act();
            honest.comes("a word of honour");
            drop(liar);
            let mut liar = honest.liar("backdate");
            let seen = liar.act();
            println!("{seen}");
            let first = honest.all.hears(0, "backdated 0");
            honest.all.hears(0, "backdated 2");
            for number in 0..3 {
                honest.all.hears(1, &format!("backdated {number}"));
                honest.said.push(format!("backdated {number}"));
            }
            let rights = json!({ "_": "ChatBannedRights", "view_messages": true, "until_date": 0 });
            honest.all.members[0].invoke(
                "channels.EditBanned",
                json!({ "channel": { "channel": honest.all.places[0] },
                    "participant": { "peer": first["from"] }, "banned_rights": rights }),
            );
            liar.act();
            honest.go_on("what was backdated");
        },
    );
}

/// The most that a node had in use since it was looked at first.
pub(crate) fn is_bounded(nodes: &[TestNode], before: &[u64]) {
    for (node, before) in nodes.iter().zip(before) {
        let peak = node.peak_bytes();
        println!("memory: {} MiB before, {} at most", before >> 20, peak >> 20);
        assert!(peak < before + GROWTH_BYTES, "{before} {peak}");
    }
}

/// How often somebody says something while it is measured how soon others hear it: fewer messages than
/// a node's pace lets through for ever.
const EACH: Duration = Duration::from_millis(20);

/// How long messages take from ada to bob, sorted. Each is counted from when it is due, so that what
/// waits for one before it counts, too.
pub(crate) fn latencies(ada: &mut Lean, bob: &mut Lean, what: &str, count: usize) -> Vec<Duration> {
    let begin = clock::now();
    let mut all: Vec<Duration> = (0..count)
        .map(|number| {
            let words = format!("{what} {number:04}");
            let due = begin + EACH * u32::try_from(number).expect("few");
            thread::sleep(due.saturating_duration_since(clock::now()));
            ada.say(&words);
            bob.hears(&words);
            due.elapsed()
        })
        .collect();
    all.sort();
    all
}

pub(crate) fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}

/// How: a message every 20 ms, beside nothing, beside a hoard of entries that can never be shown, and
/// while the liar floods both nodes.
#[test]
fn messages_go_on_beside_a_flood() {
    let ([a, b], _line, [mut ada, mut bob]) = lean::pair();
    let is_long = std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full");
    let count = if is_long { 600 } else { 200 };
    latencies(&mut ada, &mut bob, "warm", 50);
    let quiet = latencies(&mut ada, &mut bob, "quiet", count);
    let nodes = [a, b];
    let before: Vec<u64> = nodes.iter().map(TestNode::forget_peak).collect();
    let mut hoarder = Liar::start("hoard", &nodes[0], &nodes[1]);
    hoarder.act();
    let hoarded = latencies(&mut ada, &mut bob, "hoarded", count);
    drop(hoarder);
    let mut flooder = Liar::start("flood", &nodes[0], &nodes[1]);
    flooder.begin();
    let flooded = latencies(&mut ada, &mut bob, "beside", count);
    let report = flooder.done();
    println!(
        "p99 quiet {:?}, beside a hoard {:?}, beside a flood {:?}: {report}",
        p99(&quiet),
        p99(&hoarded),
        p99(&flooded)
    );
    println!(
        "p50 quiet {:?}, beside a hoard {:?}, beside a flood {:?}",
        quiet[count / 2],
        hoarded[count / 2],
        flooded[count / 2]
    );
    is_bounded(&nodes, &before);
    // Both end with the same, whatever of the flood was taken.
    drop(flooder);
    let (home, there) = (watch(&nodes[0], &nodes[0]), watch(&nodes[0], &nodes[1]));
    until("heads are equal", || {
        (home.heads().ok()?.control == there.heads().ok()?.control).then_some(())
    });
    let bound = Duration::from_secs(2);
    assert!(p99(&flooded) < bound && p99(&hoarded) < bound, "{:?}", p99(&flooded));
}
