//! The owner at the desk.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{self, TELETHON};
use crate::driver::{Driver, SOON};
use crate::keep_out;
use crate::outside::{form, request, status, told};
use crate::support::browser;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::support::skip;

const WITHIN: Duration = Duration::from_secs(400);
/// Ids of channels in Telethon.
const CHANNELS: i64 = -1_000_000_000_000;

/// A browser that keeps its cookies from one walk to the next.
pub(crate) struct Browser {
    base: String,
    cookies: Value,
    form: String,
}

impl Browser {
    /// Opens a page and does something there; answers what is seen in the end.
    pub(crate) fn walk(&mut self, width: u32, path: &str, steps: Value) -> Value {
        let url = format!("{}{path}", self.base);
        let orders = json!({ "width": width, "url": url, "cookies": self.cookies, "steps": steps });
        let seen = browser::drive("walk.cjs", &orders);
        assert_eq!(seen["wide"], false, "it scrolls sideways: {seen:#}");
        self.cookies = seen["cookies"].clone();
        seen
    }

    /// [`Browser::walk`] that leads to a page with these words.
    pub(crate) fn sees(&mut self, width: u32, path: &str, steps: Value, words: &[&str]) -> Value {
        let seen = self.walk(width, path, steps);
        let text = seen["text"].as_str().expect("a text");
        assert_eq!(seen["status"], 200, "{seen:#}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in {text}");
        }
        seen
    }

    /// The value of a cookie.
    fn cookie(&self, name: &str) -> String {
        let all = self.cookies.as_array().expect("cookies");
        let found = all.iter().find(|cookie| cookie["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name} in {all:?}"));
        assert_eq!(
            (&found["httpOnly"], &found["sameSite"]),
            (&json!(true), &json!("Strict")),
            "{found}"
        );
        found["value"].as_str().expect("a value").to_owned()
    }
}

/// A message of the node itself to its owner.
fn service(owner: &mut Driver, begins: &str) -> String {
    let event = owner.expect_event(begins, SOON, |event| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "service" && text.starts_with(begins)
    });
    event["text"].as_str().expect("a text").to_owned()
}

pub(crate) fn join(node: &TestNode, label: &str, invite: &(String, String)) -> Driver {
    let mut member = Driver::start(&TELETHON, label, node);
    let fields = json!({ "phone": invite.0, "code": invite.1, "first_name": label });
    let done = member.command("login", fields);
    assert_eq!(done["signed_up"], true, "{done}");
    member.user = done["user_id"].as_i64().expect("a user");
    member
}

/// A public channel of the owner, with a post that somebody reports.
fn reported_channel(owner: &mut Driver, member: &mut Driver) {
    let new = json!({ "title": "Harbour news", "about": "Ships", "broadcast": true });
    let made = owner.invoke("channels.CreateChannel", new);
    let channel = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
    let named = json!({ "channel": { "channel": channel }, "username": "harbour_news" });
    owner.invoke("channels.UpdateUsername", named);
    let post = owner.send(channel, "Cheap watches, only today: <b>buy</b> at watches.example");
    member.invoke("contacts.ResolveUsername", json!({ "username": "harbour_news" }));
    member.invoke("channels.JoinChannel", json!({ "channel": { "channel": channel } }));
    let report = |option: &Value, message: &str| json!({ "peer": { "peer": channel }, "id": [post], "option": option, "message": message });
    let choice = member.invoke("messages.Report", report(&json!({ "hex": "" }), ""));
    let comment = member.invoke("messages.Report", report(&choice["options"][0]["option"], ""));
    let words = "Somebody took over the channel";
    let done = member.invoke("messages.Report", report(&comment["option"], words));
    assert_eq!(done["_"], "ReportResultReported", "{done}");
}

#[test]
fn the_owner_looks_after_the_node_from_a_browser() {
    if skip::skipped(&["chromium"]) || clients::any_skipped(&[&TELETHON]) {
        return;
    }
    browser::packages();
    clients::install(&[&TELETHON]);
    isolated("desk::the_owner_looks_after_the_node_from_a_browser", WITHIN, play);
}

fn play() {
    let config = "[node]\nname = 'Raben'\n[activitypub]\nhost = 'raben.example'\n\
                  [federation]\ndomain = 'raben.example'\n";
    let mesh = || Some("/ip4/127.0.0.1/tcp/0".to_owned());
    let node =
        TestNode::start_with(Setup { config: config.into(), mesh: mesh(), ..Setup::default() });
    let other = TestNode::start_with(Setup {
        config: "[node]\nname = 'Raben'\n[federation]\ndomain = 'kraehen.example'\n".into(),
        mesh: mesh(),
        ..Setup::default()
    });
    let first = node.owner.clone().expect("nobody owns it yet");
    let mut owner = join(&node, "Ada Lovelace", &first);
    let mut bob = join(&node, "Bob", &node.invite());
    reported_channel(&mut owner, &mut bob);
    // Strangers learn nothing: a node that nobody owns answers the same.
    let answers = told(&node);
    let statuses: Vec<u16> = answers.iter().map(|answer| status(answer)).collect();
    assert_eq!(statuses, [303, 403, 303, 403, 303, 403], "{answers:?}");
    assert_eq!(told(&other), answers);
    let base = format!("http://{}", node.http);
    let mut desk = Browser { base: base.clone(), cookies: json!([]), form: String::new() };

    // The way in: a code to the owner's client, which opens one session. Asked often, it is one message.
    let send = json!([{ "submit": "main button" }]);
    desk.sees(360, "/admin", send.clone(), &["Type the code"]);
    desk.sees(360, "/admin", send, &["Type the code"]);
    let sent = service(&mut owner, "Admin page code: ");
    assert!(sent.contains("from the address 127.0.0.1"), "{sent}");
    let code = sent.split([' ', '\n']).skip(3).take(2).collect::<Vec<_>>().join(" ");
    let wrong = json!([{ "type": ["#code", "00000000"] }, { "submit": "main button" }]);
    let seen = desk.walk(360, "/admin/login", wrong);
    assert_eq!(seen["status"], 403, "{seen:#}");
    let right = json!([{ "type": ["#code", code] }, { "submit": "main button" }]);
    desk.sees(360, "/admin/login", right.clone(), &["Overview", "Members", "Up since"]);
    let session = desk.cookie("rookery-admin");
    assert_eq!(session.len(), 64);
    let notice = service(&mut owner, "Somebody logged in to the admin page");
    assert!(notice.contains("Address: 127.0.0.1"), "{notice}");
    let came = owner.came(&json!({ "event": "service" }));
    let is_code = |event: &&Value| {
        event["text"].as_str().is_some_and(|text| text.starts_with("Admin page code"))
    };
    assert_eq!(came.iter().filter(is_code).count(), 1, "{came:?}");
    let mut thief = Browser { base: base.clone(), cookies: json!([]), form: String::new() };
    thief.walk(360, "/admin", json!([]));
    let used = thief.walk(360, "/admin/login", right);
    assert_eq!(used["status"], 403, "a code is good once: {used:#}");

    // Nobody else's pages and forms.
    let made = |node: &TestNode| node.command(&["invite", "list", "--json"])["total"].clone();
    let before = made(&node);
    let cookie = format!("rookery-admin={session}");
    let page = request(node.http, "GET /admin/invites", &[format!("Cookie: {cookie}")], "");
    assert_eq!(status(&page), 200, "{page}");
    desk.form =
        page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let act = format!("token={}&do=invite", desk.form);
    let post = |origin: &str, body: &str| {
        status(&request(node.http, "POST /admin/act", &form(origin, &cookie), body))
    };
    assert_eq!(post("https://evil.example", &act), 403);
    assert_eq!(post("null", &act), 403);
    assert_eq!(post(&base, "do=invite"), 403, "without the token");
    assert_eq!(post(&base, "token=0000&do=invite"), 403);
    let forged =
        json!([{ "forge": [format!("{base}/admin/act"), { "token": desk.form, "do": "invite" }] }]);
    let kept = desk.cookies.clone();
    let seen = desk.walk(1280, "/admin", forged);
    assert_eq!(seen["status"], 403, "a form of another site: {seen:#}");
    desk.cookies = kept;
    assert_eq!(made(&node), before, "nothing was done");

    // An invite, with which somebody joins.
    let seen = desk.sees(
        1280,
        "/admin/invites",
        json!([{ "submit": "main .act button" }]),
        &["A new invite"],
    );
    let text = |id: &str| seen["found"][id].as_str().expect("shown").to_owned();
    let mut cyd = join(&node, "Cyd", &(text("invite-number"), text("invite-code")));

    // A node is brought, a channel is shown to the fediverse.
    let add = json!([{ "type": ["#address", other.mesh[0]] }, { "submit": ".search button" }]);
    desk.sees(360, "/admin/peers", add, &["Connected to kraehen.example", "connected"]);
    let bridge = json!([{ "click": ".sure summary" }, { "submit": ".sure button" }]);
    desk.sees(1280, "/admin/channels", bridge.clone(), &["harbour_news@raben.example"]);
    assert_eq!(node.command(&["bridge", "list", "--json"])[0]["state"], "on");

    // Every page looks well, on a telephone and on a desk.
    look_well(&node, &session, bob.user);

    // What is reported is taken down; a member is logged out; a node is blocked.
    desk.sees(360, "/admin/reports", bridge.clone(), &["taken down"]);
    let gone = node.command(&["takedown", "list", "--json"]);
    assert_eq!(gone.as_array().map(Vec::len), Some(1), "{gone}");
    let seen = node.command(&["user", "list", "--json", "cyd"]);
    assert_eq!((&seen["total"], &seen["rows"][0]["name"]), (&json!(1), &json!("Cyd")), "{seen}");
    let person = format!("/admin/people/{}", cyd.user);
    desk.sees(360, &person, bridge.clone(), &["logged out", "Logged in nowhere"]);
    let refused = cyd.refused("get_state", json!({}));
    assert_eq!(refused.0, 401, "{refused:?}");
    keep_out::play(&node, &mut desk, &mut owner);
    desk.sees(360, "/admin/peers", bridge.clone(), &["The node is blocked", "blocked"]);
    assert_eq!(node.command(&["peer", "list", "--json"])["peers"][0]["blocked"], true);
    desk.sees(1280, "/admin/storage", json!([{ "submit": ".act button" }]), &["Cleared away"]);

    // The command line says the same.
    let listed = node.command(&["status", "--json"]);
    assert_eq!(
        (&listed["members"], &listed["public_channels"], &listed["peers"]["blocked"]),
        (&json!(3), &json!(1), &json!(1)),
        "{listed}"
    );
    let phone = seen_phone(&node, "Bob");
    let sessions = node.command(&["user", "sessions", "--json", "--phone", &phone]);
    let device = sessions["sessions"][0]["device"].as_str().unwrap_or_default();
    assert!(device.starts_with("telethon"), "{sessions}");
    let id = sessions["sessions"][0]["session"].as_str().expect("an id").to_owned();
    node.command(&["user", "end-session", "--json", "--phone", &phone, &id]);
    assert_eq!(bob.refused("get_state", json!({})).0, 401);
    let channels = node.command(&["channel", "public", "--json"]);
    assert_eq!(channels["rows"][0]["bridge"]["state"], "on", "{channels}");
    let (spare, _) = node.invite();
    node.command(&["invite", "revoke", "--json", &spare]);
    assert_eq!(made(&node), json!(0));

    // Out again: the cookie opens nothing.
    let opens = |node: &TestNode| {
        status(&request(node.http, "GET /admin/people", &[format!("Cookie: {cookie}")], ""))
    };
    assert_eq!(opens(&node), 200);
    let everywhere = json!([{ "click": ".sure summary" }, { "submit": ".sure button" }]);
    desk.sees(360, "/admin", everywhere, &["Send me a code"]);
    assert_eq!(opens(&node), 303);
    let log = node.log();
    assert!(!log.contains(&code.replace(' ', "")) && !log.contains(&session), "{log}");
}

fn seen_phone(node: &TestNode, name: &str) -> String {
    let listed = node.command(&["user", "list", "--json", name]);
    listed["rows"][0]["phone"].as_str().expect("a number").to_owned()
}

fn look_well(node: &TestNode, session: &str, member: i64) {
    let pictures = std::env::var_os("ROOKERY_TEST_PICTURES").map(PathBuf::from);
    let page = |path: String, name: &str| {
        let cookies = json!([{ "name": "rookery-admin", "value": session }]);
        json!({
            "url": format!("http://{}{path}", node.http), "name": format!("admin-{name}"),
            "cookies": cookies, "whole": true,
        })
    };
    let mut pages = vec![
        json!({ "url": format!("http://{}/admin", node.http), "name": "admin-welcome" }),
        json!({
            "url": format!("http://{}/admin", node.http), "name": "admin-code",
            "steps": [{ "submit": "main button" }],
        }),
        page("/admin".into(), "overview"),
        page(format!("/admin/people/{member}"), "person"),
    ];
    for name in ["people", "invites", "channels", "peers", "queues", "reports", "storage"] {
        pages.push(page(format!("/admin/{name}"), name));
    }
    // A few at a time: one walk through all of them takes its time on a busy machine.
    for some in pages.chunks(4) {
        browser::looks_well(some, pictures.as_deref());
    }
}
