//! The links that clients print, and the pages that they lead to.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::scene::{Scene, assert_no_complaints, play};
use crate::support::process;

/// One request by Python's HTTP client: status, content security policy, text.
fn get(url: &str) -> (i64, String, String) {
    const SCRIPT: &str = "
import json, sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=20)
except urllib.error.HTTPError as error:
    answer = error
policy = answer.headers['Content-Security-Policy']
print(json.dumps([answer.status, policy, answer.read().decode()]))
";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, url]);
    let finished = process::run(&mut command, Duration::from_secs(30));
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{url}: {finished:?}"))
}

#[test]
fn links_lead_to_the_node() {
    play("links::links_lead_to_the_node", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { node, ada, ada2, bob, .. } = &mut scene;
        let prefix = format!("http://{}/", node.http);
        let config = ada.invoke("help.GetConfig", json!({}));
        assert_eq!(config["me_url_prefix"], json!(prefix));
        let option = ada2.request("getOption", json!({ "name": "t_me_url" }));
        assert_eq!(option["value"], json!(prefix), "{option}");

        // Without a username: a link for a while, which another library opens.
        let link = ada2.request("getUserLink", json!({}));
        assert!(link["expires_in"].as_i64() > Some(3600), "{link}");
        let url = link["url"].as_str().expect("a link");
        let token = url.strip_prefix(&format!("{prefix}contact/")).expect("a token");
        let found = bob.invoke("contacts.ImportContactToken", json!({ "token": token }));
        assert_eq!(found["id"], ada.user, "{found}");
        let exported = ada.invoke("contacts.ExportContactToken", json!({}));
        assert!(exported["url"].as_str().is_some_and(|url| url.starts_with(&prefix)));
        let forged = if token.ends_with('0') { '1' } else { '0' };
        let forged = format!("{}{forged}", &token[..token.len() - 1]);
        let refused = bob.invoke_refused("contacts.ImportContactToken", json!({ "token": forged }));
        assert_eq!(refused, (400, "IMPORT_TOKEN_INVALID".into()));
        let (status, policy, page) = get(url);
        assert_eq!(status, 200);
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(page.contains(&format!("href=\"tg://contact?token={token}\"")), "{page}");

        // With one: a page, until the name is another's or nobody's.
        let absent = get(&format!("{prefix}ada_lovelace"));
        assert_eq!(absent.0, 404);
        ada.command("set_username", json!({ "username": "Ada_Lovelace" }));
        ada.invoke("account.UpdateProfile", json!({ "about": "Numbers & notes" }));
        let kind = json!({
            "@type": "internalLinkTypePublicChat", "chat_username": "Ada_Lovelace",
            "draft_text": "", "open_profile": false,
        });
        let link = ada2.request("getInternalLink", json!({ "type": kind, "is_http": true }));
        assert_eq!(link["url"], json!(format!("{prefix}Ada_Lovelace")), "{link}");
        let (status, _, page) = get(&format!("{prefix}ada_lovelace"));
        assert_eq!(status, 200);
        for shown in ["@Ada_Lovelace", "Numbers &amp; notes", "tg://resolve?domain=Ada_Lovelace"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let number = scene.phones[0].trim_start_matches('+');
        assert!(!page.contains(number), "the number is not on it: {page}");

        // A number, whoever's it is; and the node itself.
        let (of_member, of_nobody) =
            (get(&format!("{prefix}+{number}")), get(&format!("{prefix}+88800000000")));
        assert_eq!(of_member.2.replace(number, "88800000000"), of_nobody.2);
        let (status, _, page) = get(&prefix);
        assert_eq!(status, 200);
        assert!(page.contains(&scene.node.mtproto.to_string()), "{page}");
        assert!(page.contains(&scene.node.rsa_fingerprint), "{page}");
        assert_no_complaints(&mut scene.ada2);
    });
}
