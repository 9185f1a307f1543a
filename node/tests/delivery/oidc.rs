//! People of another service: its login page, then a number and a code.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{self, PYROGRAM, TELETHON};
use crate::driver::Driver;
use crate::receiver::Receiver;
use crate::support::node::{Setup, TestNode};
use crate::support::{install, process, tests_directory};

fn run(script: &[&str]) -> Value {
    let mut command = Command::new("python3");
    command.args(script).env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = process::run(&mut command, Duration::from_secs(60));
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{script:?}: {finished:?}"))
}

/// The last page that `name` sees who opens `url`.
fn browse(url: &str, name: &str) -> Value {
    let script = tests_directory().join("delivery/browser.py");
    run(&[script.to_str().expect("UTF-8"), url, name])
}

/// What stands in the element with this id.
fn element(page: &Value, id: &str) -> String {
    let text = page["text"].as_str().expect("a text");
    let after = text.split(&format!("id=\"{id}\">")).nth(1);
    let after = after.unwrap_or_else(|| panic!("no {id}: {page}"));
    after.split('<').next().expect("some text").to_owned()
}

fn number_and_code(page: &Value) -> (String, String) {
    assert_eq!(page["status"], 200, "{page}");
    (element(page, "number"), element(page, "code"))
}

#[test]
fn people_of_another_service_get_a_number_and_codes() {
    if clients::any_skipped(&[&TELETHON, &PYROGRAM]) {
        return;
    }
    let packages = install::npm("oidc-provider-9.13.3", "../delivery/oidc");
    let provider = Receiver::start_in(&packages, Path::new("node"), "oidc_provider.mjs");
    let config = format!(
        "[oidc]\nissuer = 'http://127.0.0.1:{}'\nclient_id = 'rookery'\n\
         client_secret = 'a secret of both'\nscopes = ['email', 'groups']\n\
         allowed_groups = ['members']\nallowed_domains = ['example.org']\n",
        provider.port
    );
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    let page = |path: &str| format!("http://{}{path}", node.http);
    const REGISTER: &str = "
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), method='PUT')
print(urllib.request.urlopen(request).status)
";
    let address = format!("http://127.0.0.1:{}/", provider.port);
    assert_eq!(run(&["-c", REGISTER, &address, &page("/login/oidc/callback")]), 204);
    let home = browse(&page("/"), "ada");
    assert!(home["text"].as_str().is_some_and(|text| text.contains("href=\"/login/oidc\"")));

    // For the first time: an invite, each of their own.
    let login = page("/login/oidc");
    let ada = number_and_code(&browse(&login, "ada"));
    let mut telethon = Driver::start(&TELETHON, "ada", &node);
    assert!(telethon.login(&ada), "a new member");
    let bob = number_and_code(&browse(&login, "bob"));
    let mut pyrogram = Driver::start(&PYROGRAM, "bob", &node);
    assert!(pyrogram.login(&bob), "a new member");
    assert_ne!(ada.0, bob.0);

    // Again: the same number, and a login code.
    telethon.command("logout", json!({}));
    let sent = telethon.command("send_code", json!({ "phone": ada.0 }));
    assert_eq!(sent["type"], "SentCodeTypeFragmentSms", "{sent}");
    let sent = pyrogram.command("send_code", json!({ "phone": ada.0 }));
    assert_eq!(sent["type"], "FRAGMENT_SMS", "{sent}");
    let code = number_and_code(&browse(&login, "ada"));
    assert_eq!(code.0, ada.0);
    assert!(!telethon.login(&code), "the same account");
    let log = node.log();
    assert!(!log.contains(&code.1), "{log}");

    // Whom the policy does not take, who comes back without having gone, and who comes back twice.
    let refused = browse(&login, "eve");
    assert_eq!(refused["status"], 403, "{refused}");
    assert!(
        refused["text"].as_str().is_some_and(|text| text.contains("Not a member")),
        "{refused}"
    );
    let stray = browse(&page("/login/oidc/callback?code=1&state=2"), "ada");
    assert_eq!(stray["status"], 400, "{stray}");
    let again = browse(browse(&login, "bob")["url"].as_str().expect("an address"), "bob");
    assert_eq!(again["status"], 400, "{again}");
}
