//! What is posted reaches every server, in order, whatever becomes of the node and of the others.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use rookery_load::clock;
use serde_json::json;

use crate::many::{Came, MANY, Many};
use crate::peer::SOON;
use crate::scene::play;

/// Servers that answer.
const UP: usize = 19;
/// The one that is away for a while.
const AWAY: usize = 19;
/// The one that says nothing.
const SILENT: usize = 20;
/// The one that is not there.
const DEAD: usize = 21;

const POSTS: usize = 50;
/// When the node is killed: deliveries that have come until then, of [`UP`] times [`POSTS`].
const KILLS: [usize; 4] = [60, 250, 480, 720];

/// Different posts among what came.
fn distinct(came: &[Came]) -> usize {
    let posts = came.iter().filter(|one| one.activity["type"] == "Create");
    posts.map(|one| one.activity["id"].to_string()).collect::<BTreeSet<_>>().len()
}

#[test]
fn a_burst_reaches_every_server_in_order_over_kills() {
    play("keep::a_burst_reaches_every_server_in_order_over_kills", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let mut many = Many::start(&scene.authority);
        many.follow(&news.actor);
        many.close(AWAY);
        many.hang(SILENT);
        many.close(DEAD);
        let posts: Vec<String> = (0..POSTS).map(|number| format!("Ship {number:02}")).collect();

        // Whoever is silent or dead delays nobody: it takes ten seconds to give them up.
        let begun = clock::now();
        scene.ada.send(news.id, &posts[0]);
        many.wait("the first post", 0..UP, Duration::from_secs(8), |came| distinct(came) == 1);
        let slowest = (0..UP).map(|host| many.posts(host)[0].at - begun).max();
        assert!(slowest < Some(Duration::from_secs(8)), "{slowest:?}");

        thread::scope(|scope| {
            let (ada, rest) = (&mut scene.ada, &posts[1..]);
            scope.spawn(move || {
                for post in rest {
                    ada.send(news.id, post);
                }
            });
            for kill in KILLS {
                let end = clock::now() + SOON;
                let came = || (0..UP).map(|host| many.posts(host).len()).sum::<usize>();
                while came() < kill {
                    assert!(clock::now() < end, "{} of {kill} came", came());
                    thread::sleep(Duration::from_millis(2));
                }
                assert!(came() < UP * POSTS, "it is killed in the middle");
                scene.node.kill_and_restart();
            }
        });
        // The one that was away is tried again a minute after it was found so.
        many.open(AWAY);
        many.wait("all posts", 0..UP, SOON, |came| distinct(came) == POSTS);
        let late = Duration::from_secs(100);
        many.wait("what it missed", AWAY..SILENT, late, |came| distinct(came) == POSTS);

        let first = in_order(&many.posts(0), &posts);
        for (host, (_, name)) in MANY.iter().enumerate().take(AWAY + 1) {
            assert_eq!(in_order(&many.posts(host), &posts), first, "{name}");
        }
        let queue = scene.node.command(&["bridge", "queue", "--json"]);
        let waiting = |host: usize| {
            let all = queue.as_array().expect("a list");
            all.iter().find(|one| one["host"] == MANY[host].1).cloned()
        };
        for host in [SILENT, DEAD] {
            let shown = waiting(host).unwrap_or_else(|| panic!("{queue}"));
            assert!(shown["waiting"].as_u64() >= Some(50), "{shown}");
            assert!(shown["fails"].as_u64() >= Some(1), "{shown}");
        }
        assert!(
            (0..=AWAY).all(|host| waiting(host).is_none_or(|one| one["waiting"] == 0)),
            "{queue}"
        );
    });
}

/// Ids of posts as they came to a server: each once and in order, but for repeats, one for each kill at
/// most, of the last one and the same byte for byte.
fn in_order(came: &[Came], posts: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let (mut last, mut repeats) = (&json!(null), 0);
    for Came { activity, .. } in came {
        if activity["id"] == last["id"] {
            assert_eq!(activity, last);
            repeats += 1;
        } else {
            let wanted = format!("<p>{}</p>", posts[ids.len()]);
            assert_eq!(activity["object"]["content"], wanted, "{activity}");
            let id = activity["id"].as_str().expect("an id").to_owned();
            assert!(!ids.contains(&id), "{id} came again");
            ids.push(id);
        }
        last = activity;
    }
    assert_eq!(ids.len(), posts.len());
    assert!(repeats <= KILLS.len(), "{repeats} repeats");
    ids
}
