//! What reaches numbers: the webhook and the command.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rookery_load::clock;
use serde_json::{Value, json};

use crate::clients::{self, PYROGRAM, TELETHON};
use crate::driver::{Driver, SOON};
use crate::receiver::Receiver;
use crate::support::node::{Setup, TestNode};

const SECRET: &str = "a secret that both sides know";

/// The last document that the command left in `file`, once there are `count`.
fn left_in(file: &Path, count: usize) -> Value {
    let deadline = clock::now() + SOON;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        if let Some(line) = lines.get(count - 1)
            && text.ends_with('\n')
        {
            return serde_json::from_str(line).expect("a document");
        }
        assert!(clock::now() < deadline, "{count} documents: {text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A node whose codes go to a webhook, and to a command that writes them into a file.
#[test]
fn codes_come_by_the_webhook_and_by_the_command() {
    if clients::any_skipped(&[&TELETHON, &PYROGRAM]) {
        return;
    }
    let webhook = Receiver::start(Path::new("python3"), "webhook.py", &[SECRET]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("codes");
    let script = format!("cat >> '{0}' && echo >> '{0}'", file.display());
    let config = format!(
        "[codes.webhook]\nurl = 'http://127.0.0.1:{}/codes'\nsecret = '{SECRET}'\n\
         [codes.command]\nprogram = ['sh', '-c', \"\"\"{script}\"\"\"]\n",
        webhook.port
    );
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    let invite = node.owner.clone().expect("a first start prints the owner's invite");
    let phone = &invite.0;

    let mut first = Driver::start(&TELETHON, "first", &node);
    assert!(first.login(&invite), "the code of the invite is the one that counts");

    // A member with a session gets the code there; asked for again, it leaves the node.
    let mut other = Driver::start(&PYROGRAM, "other", &node);
    let sent = other.command("send_code", json!({ "phone": phone }));
    assert_eq!((&sent["type"], &sent["next"]), (&json!("APP"), &json!("SMS")), "{sent}");
    first.expect(&json!({ "event": "service" }));
    assert!(webhook.is_empty(), "nothing left the node yet");
    let sent = other.command("resend_code", json!({ "phone": phone }));
    assert_eq!((&sent["type"], &sent["next"]), (&json!("SMS"), &Value::Null), "{sent}");
    let by_webhook = webhook.next();
    assert_eq!(by_webhook["signed"], true, "{by_webhook}");
    assert_eq!(by_webhook["attempts"], 2, "the first was refused: {by_webhook}");
    assert_eq!(by_webhook["phone"], json!(phone), "{by_webhook}");
    assert_eq!(by_webhook["user"], first.user, "{by_webhook}");
    let by_command = left_in(&file, 1);
    let same = ["id", "code", "purpose", "expires"];
    assert_eq!(same.map(|field| &by_webhook[field]), same.map(|field| &by_command[field]));
    let fields = json!({ "phone": phone, "code": by_webhook["code"] });
    assert_eq!(other.command("sign_in", fields)["user_id"], first.user);

    // Without any session it leaves at once.
    other.command("logout", json!({}));
    first.command("logout", json!({}));
    let sent = first.command("send_code", json!({ "phone": phone }));
    assert_eq!(sent["type"], "SentCodeTypeSms", "{sent}");
    assert_eq!(webhook.next()["attempts"], 1);
    let code = left_in(&file, 2)["code"].clone();
    let log = node.log();
    assert!(!log.contains(code.as_str().expect("digits")), "{log}");
    let done = first.command("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!((&done["user_id"], &done["signed_up"]), (&json!(first.user), &json!(false)));
    let stats = node.command(&["stats", "--json"]);
    assert_eq!((&stats["codes_delivered"], &stats["codes_failed"]), (&json!(4), &json!(0)));
}
