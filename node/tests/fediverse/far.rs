//! A channel that is bridged at its home, and is read and written at another node, which has a name in the
//! fediverse as well.

use rookery_load::clock;
use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::peer::Peer;
use crate::scene::{Authority, Bridged, CHANNELS, CLIENTS, Scene, config, says, staged};
use crate::support::node::{Setup, TestNode};
use crate::team::Team;

/// A node that other nodes reach, and servers of the fediverse.
fn node(authority: &Authority, name: &str, address: &str) -> TestNode {
    node_for(authority, name, address, &[])
}

/// The same, that is certified for other names as well.
pub(crate) fn node_for(
    authority: &Authority,
    name: &str,
    address: &str,
    others: &[&str],
) -> TestNode {
    let federation = format!("[federation]\ndomain = '{name}'\n");
    let config = config(authority, name, others) + &federation;
    let mesh = Some("/ip4/127.0.0.1/tcp/0".to_owned());
    TestNode::start_with(Setup { config, http: format!("{address}:443"), mesh, ..Setup::default() })
}

/// Plays with ada (and mia) at rookery.test and bob at far.test; `far` is the node there.
fn play(test: &str, body: impl FnOnce(Scene, TestNode)) {
    play_on(test, |authority| node(authority, "far.test", "127.0.0.5"), body);
}

/// The same with another node as the far one.
pub(crate) fn play_on(
    test: &str,
    far: impl FnOnce(&Authority) -> TestNode,
    body: impl FnOnce(Scene, TestNode),
) {
    staged(test, || {
        let authority = Authority::new();
        let home = node(&authority, "rookery.test", "127.0.0.2");
        let far = far(&authority);
        for (node, other, domain) in [(&far, &home, "rookery.test"), (&home, &far, "far.test")] {
            let (direct, _) = other.mesh[0].split_once("/p2p/").expect("a name at the end");
            let added = node.command(&["peer", "add", direct, "--json"]);
            assert_eq!(added["domain"], domain, "{added}");
        }
        let Team { node: home, members: at_home, .. } = Team::gather_on(home, &CLIENTS[..1]);
        let Team { node: far, members: at_far, .. } = Team::gather_on(far, &CLIENTS[1..]);
        let mut members: Vec<Driver> = at_home.into_iter().chain(at_far).collect();
        members.iter_mut().for_each(Driver::show_updates);
        let Ok([ada, bob]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        let mia = Peer::start(&authority, "fedi.test", "127.0.0.3", "mia");
        body(Scene { authority, node: home, ada, bob, mia }, far);
    });
}

/// Asks again until there is an answer: of another process nothing else can be awaited.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = clock::now() + SOON;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock::now() < deadline, "in vain: {what}");
    }
}

/// Bob finds a channel of the other node and joins it: its number there.
pub(crate) fn join(bob: &mut Driver, name: &str) -> i64 {
    let whole = format!("{name}@rookery.test");
    let found = bob.invoke("contacts.ResolveUsername", json!({ "username": whole }));
    let there = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
    bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": there } }));
    there
}

/// Ada makes bob, who is at the other node, an admin who may post.
fn promote(scene: &mut Scene, news: &Bridged, there: i64) {
    scene.bob.command("set_username", json!({ "username": "bob_far" }));
    let whole = json!({ "username": "bob_far@far.test" });
    let found = scene.ada.invoke("contacts.ResolveUsername", whole);
    let bob = &found["users"][0]["id"];
    let anybody = json!({ "key": { "_": "InputPrivacyKeyChatInvite" },
        "rules": [{ "_": "InputPrivacyValueAllowAll" }] });
    scene.bob.invoke("account.SetPrivacy", anybody);
    let invite = json!({ "channel": { "channel": news.id }, "users": [{ "user": bob }] });
    let invited = scene.ada.invoke("channels.InviteToChannel", invite);
    assert!(invited["missing_invitees"].as_array().is_none_or(Vec::is_empty), "{invited}");
    let rights = json!({ "_": "ChatAdminRights", "post_messages": true });
    scene.ada.invoke(
        "channels.EditAdmin",
        json!({ "channel": { "channel": news.id }, "user_id": { "user": bob },
            "admin_rights": rights, "rank": "" }),
    );
    let channel = json!({ "channel": { "channel": there } });
    loop {
        let full = scene.bob.invoke("channels.GetFullChannel", channel.clone());
        if full["chats"][0]["admin_rights"]["post_messages"] == true {
            break;
        }
        // One such update came when he joined.
        scene.bob.expect_event("he may post", SOON, |event| {
            event["_"] == "UpdateChannel" && event["channel_id"] == CHANNELS - there
        });
    }
}

#[test]
fn the_home_alone_speaks_for_a_channel() {
    play("far::the_home_alone_speaks_for_a_channel", |mut scene, far| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.follow(&news);
        let there = join(&mut scene.bob, "harbour_news");
        scene.ada.send(news.id, "From the home");
        scene.bob.expect(&json!({ "event": "message", "text": "From the home" }));
        let told = scene.mia.hears("ada's post", says("Create", "From the home"));

        // An admin at the other node posts: it goes out from the home, once.
        promote(&mut scene, &news, there);
        let own = scene.bob.send(there, "From far away");
        scene.ada.expect(&json!({ "event": "message", "text": "From far away" }));
        let far_told = scene.mia.hears("bob's post", says("Create", "From far away"));
        let note = &far_told["object"];
        assert_eq!(note["attributedTo"], news.actor, "{far_told}");
        let id = note["id"].as_str().expect("an id").to_owned();
        assert!(id.starts_with(&format!("{}/p/", news.actor)), "{id}");
        assert_eq!(scene.mia.fetch(&id)["content"], "<p>From far away</p>");
        // It is called after the node where it was written.
        let post = told["object"]["id"].as_str().expect("an id");
        let origin = |id: &str| {
            id.rsplit('/').next().and_then(|mid| mid.split('-').next()).map(str::to_owned)
        };
        assert_ne!(origin(&id), origin(post));

        // The other node answers for nothing of it.
        assert_eq!(far.command(&["bridge", "list", "--json"]), json!([]));
        let elsewhere = |address: &str| address.replacen("rookery.test", "far.test", 1);
        let page = note["url"].as_str().expect("a page").to_owned();
        let activity = json!({ "accept": "application/activity+json" });
        let mut asked: Vec<String> = ["", "/outbox", "/followers", "/featured", "/inbox"]
            .iter()
            .map(|end| format!("{}{end}", news.actor))
            .collect();
        asked.extend([post.to_owned(), id.clone(), format!("{id}/a/0"), format!("{id}/replies")]);
        for address in &asked {
            let here = scene.mia.get(address, &activity)["status"].clone();
            assert!(here == 200 || address.ends_with("/inbox") && here == 405, "{address}: {here}");
            let answer = scene.mia.get(&elsewhere(address), &activity);
            let none = if address.ends_with("/inbox") { 405 } else { 404 };
            assert_eq!(answer["status"], none, "{address}: {answer}");
        }
        let html = json!({ "accept": "text/html" });
        for address in [page.as_str(), "https://rookery.test/@harbour_news"] {
            assert_eq!(scene.mia.get(address, &html)["status"], 200, "{address}");
            assert_eq!(scene.mia.get(&elsewhere(address), &html)["status"], 404, "{address}");
        }
        let finger = "/.well-known/webfinger?resource=";
        for resource in [
            "acct:harbour_news@far.test",
            "acct:harbour_news@rookery.test",
            &elsewhere(&news.actor),
            &news.actor,
        ] {
            let answer = scene.mia.get(&format!("https://far.test{finger}{resource}"), &json!({}));
            assert_eq!(answer["status"], 404, "{resource}: {answer}");
        }
        // Nor does it take a follower.
        let follow = json!({ "@context": "https://www.w3.org/ns/activitystreams", "type": "Follow",
            "id": scene.mia.new_id(), "actor": scene.mia.actor, "object": elsewhere(&news.actor) });
        let sent = scene
            .mia
            .asks(&json!({ "do": "send", "to": elsewhere(&news.actor), "activity": follow }));
        assert!(sent.is_err(), "{sent:?}");

        // What he deletes there is deleted here, under the same name.
        scene.bob.command("delete", json!({ "to": there, "msg_ids": [own] }));
        scene.mia.hears("its end", |came| came["type"] == "Delete" && came["object"]["id"] == *id);
        assert_eq!(scene.mia.get(&id, &activity)["status"], 410);
        assert_eq!(scene.mia.get(&elsewhere(&id), &activity)["status"], 404);

        // It told nobody anything: what comes next comes once, from the home.
        scene.ada.send(news.id, "At the end");
        scene.mia.hears("the end", says("Create", "At the end"));
        scene.bob.expect(&json!({ "event": "message", "text": "At the end" }));
        assert!(!scene.mia.has_heard(|came| came["type"] == "Create"), "each came once");
        assert_eq!(far.command(&["bridge", "queue", "--json"]), json!([]));
    });
}

#[test]
fn comments_of_other_servers_are_read_at_other_nodes() {
    play("far::comments_of_other_servers_are_read_at_other_nodes", |mut scene, _far| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.discussion(&news);
        join(&mut scene.bob, "harbour_news");
        let talk = join(&mut scene.bob, "harbour_talk");
        scene.follow(&news);
        scene.ada.send(news.id, "The ferry is late");
        let created = scene.mia.hears("the post", says("Create", "is late"));
        let post = created["object"]["id"].as_str().expect("an id").to_owned();

        let note = scene.mia.replies(&news.actor, &post, "<p>How <em>late</em>?</p>");
        let came = scene.bob.expect(&json!({ "event": "message", "text": "How late?" }));
        assert_eq!(came["peer"], talk, "{came}");
        let asked = json!({ "channel": { "channel": talk },
            "id": [{ "_": "InputMessageID", "id": came["id"] }] });
        // What somebody is called whom a log names is asked for at their node.
        let (message, author) = until("her name comes", || {
            let shown = scene.bob.invoke("channels.GetMessages", asked.clone());
            let message = shown["messages"][0].clone();
            let by = &message["from_id"]["user_id"];
            let users = shown["users"].as_array().expect("users");
            let author: &Value = users.iter().find(|user| user["id"] == *by).expect("an author");
            (author["first_name"] == "Mia of the Fediverse").then(|| (message, author.clone()))
        });
        assert_eq!(author["last_name"], "(@mia@fedi.test)", "{author}");
        assert_eq!(message["entities"][0]["_"], "MessageEntityItalic", "{message}");
        // It is in the comments of the post there, too.
        assert!(message["reply_to"].is_object(), "{message}");

        // What bob answers there stays among the nodes; what mia takes back goes everywhere.
        scene.bob.send_with(talk, "Very", json!({ "reply_to": came["id"] }));
        scene.ada.expect(&json!({ "event": "message", "text": "Very" }));
        scene.mia.acts(&news.actor, "Delete", &json!({ "type": "Tombstone", "id": note }));
        scene.bob.expect(&json!({ "event": "deleted", "ids": [came["id"]] }));
        assert!(!scene.mia.has_heard(says("Create", "Very")), "nobody outside was told");
    });
}
