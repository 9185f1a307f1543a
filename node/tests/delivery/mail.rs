//! Login addresses: invites and codes by mail, to a mail server of these tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{self, Client, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::receiver::Receiver;
use crate::support::install;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};

const WITHIN: Duration = Duration::from_secs(240);

/// A python with the mail server's packages.
fn python() -> PathBuf {
    install::python("aiosmtpd-1.4.6", "../delivery/requirements.txt")
}

/// Runs `body` where nothing can leave, with everything installed before.
pub(crate) fn play(test: &str, wanted: &[&'static Client], body: impl FnOnce(&Path)) {
    if clients::any_skipped(wanted) {
        return;
    }
    clients::install(wanted);
    let python = python();
    isolated(test, WITHIN, || body(&python));
}

/// The one run of six digits in a mail, after `before`.
pub(crate) fn code_in(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    // Addresses of pages have digits of their own.
    let words = text.split_whitespace().filter(|word| !word.starts_with("http"));
    let runs = words.flat_map(|word| word.split(|c: char| !c.is_ascii_digit()));
    match runs.filter(|run| run.len() == 6).collect::<Vec<_>>()[..] {
        [code] => code.to_owned(),
        _ => panic!("not one code of six digits: {text:?}"),
    }
}

/// The number in a mail.
fn number_in(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    let from = text.find("+888").unwrap_or_else(|| panic!("no number in {text:?}"));
    text[from..].chars().take(12).collect()
}

fn email_code(code: &str) -> Value {
    json!({ "code": { "@type": "emailAddressAuthenticationCode", "code": code } })
}

/// Asks for a code until TDLib wants the one from the mail; what it says of the mail.
fn wait_for_email_code(tdlib: &mut Driver, phone: &str) -> Value {
    tdlib.request("setAuthenticationPhoneNumber", json!({ "phone_number": phone }));
    tdlib.command("reach", json!({ "states": ["WaitEmailCode"] }));
    tdlib.request("getAuthorizationState", json!({}))
}

#[test]
fn a_member_logs_in_by_mail() {
    play("mail::a_member_logs_in_by_mail", &[&TDLIB, &TELETHON], |python| {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let names = ["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(path("password"), "hunter2\n").unwrap();
        let (certificate, key) = (path("cert.pem"), path("key.pem"));
        let text = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
        let arguments = [text(&certificate), text(&key), "codes".into(), "hunter2".into()];
        let sink = Receiver::start(python, "smtp_sink.py", &arguments);
        let config = format!(
            "[node]\nname = 'Rabennest'\n[codes.smtp]\nhost = 'localhost'\nport = {}\nuser = 'codes'\n\
             password_file = {:?}\nfrom = 'Rabennest <codes@example.org>'\nca_file = {certificate:?}\n",
            sink.port,
            path("password"),
        );
        let node = TestNode::start_with(Setup { config, ..Setup::default() });

        // The invite comes by mail, and its address is the member's.
        let invite = node.command(&["invite", "--json", "--mail", "ada@example.org"]);
        let mail = sink.next();
        assert_eq!(mail["tls"], true, "{mail}");
        assert_eq!(mail["to"], json!(["ada@example.org"]), "{mail}");
        assert_eq!(
            (&mail["from"], &mail["automatic"]),
            (&json!("codes@example.org"), &json!("auto-generated"))
        );
        assert_eq!(mail["subject"], "You are invited to Rabennest", "{mail}");
        let invite_in_mail = (number_in(&mail), code_in(&mail));
        assert_eq!(json!(invite_in_mail), json!([invite["phone"], invite["code"]]));
        let page = invite["page"].as_str().expect("an address");
        assert!(mail["text"].as_str().is_some_and(|text| text.contains(page)), "{mail}");
        let mut tdlib = Driver::start(&TDLIB, "first", &node);
        assert!(tdlib.login(&invite_in_mail), "a new member");
        let phone = invite_in_mail.0;

        // No other session: the code comes by mail.
        tdlib.command("logout", json!({}));
        let state = wait_for_email_code(&mut tdlib, &phone);
        let info = &state["code_info"];
        assert_eq!(
            (&info["email_address_pattern"], &info["length"]),
            (&json!("a***@e***.org"), &json!(6))
        );
        let mail = sink.next();
        assert_eq!(mail["subject"], "Login code for Rabennest", "{mail}");
        let code = code_in(&mail);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let (status, _) = tdlib.request_refused("checkAuthenticationEmailCode", email_code(wrong));
        assert_eq!(status, 400);
        tdlib.request("checkAuthenticationEmailCode", email_code(&code));
        tdlib.command("reach", json!({ "states": ["Ready"] }));
        let password = tdlib.request("getPasswordState", json!({}));
        assert_eq!(password["login_email_address_pattern"], "a***@e***.org", "{password}");

        // Another address, by the member.
        tdlib.request(
            "setLoginEmailAddress",
            json!({ "new_login_email_address": "lovelace@example.net" }),
        );
        let mail = sink.next();
        assert_eq!(mail["to"], json!(["lovelace@example.net"]), "{mail}");
        tdlib.request("checkLoginEmailAddressCode", email_code(&code_in(&mail)));
        let password = tdlib.request("getPasswordState", json!({}));
        assert_eq!(password["login_email_address_pattern"], "l***@e***.net", "{password}");

        // And another library logs in with what arrives there.
        tdlib.command("logout", json!({}));
        let mut telethon = Driver::start(&TELETHON, "other", &node);
        let sent = telethon.command("send_code", json!({ "phone": phone }));
        assert_eq!(sent["type"], "SentCodeTypeEmailCode", "{sent}");
        let mail = sink.next();
        assert_eq!(mail["to"], json!(["lovelace@example.net"]), "{mail}");
        let code = code_in(&mail);
        let done = telethon.command("sign_in", json!({ "phone": phone, "code": code }));
        assert_eq!(done["signed_up"], false, "{done}");
        let log = node.log();
        assert!(!log.contains(&code) && !log.contains("lovelace"), "{log}");
        assert_eq!(tdlib.command("log", json!({}))["lines"], json!([]));
    });
}

#[test]
fn who_joins_shows_an_address_first() {
    play("mail::who_joins_shows_an_address_first", &[&TDLIB, &TELETHON], |python| {
        let sink = Receiver::start::<&str>(python, "smtp_sink.py", &[]);
        let config = format!(
            "[codes]\nrequire_email = true\n[codes.smtp]\nhost = '127.0.0.1'\nport = {}\n\
             security = 'plain'\nfrom = 'codes@example.org'\n",
            sink.port
        );
        let node = TestNode::start_with(Setup { config, ..Setup::default() });
        let (phone, code) = node.owner.clone().expect("a first start prints the owner's invite");
        let mut tdlib = Driver::start(&TDLIB, "first", &node);
        tdlib.request("setAuthenticationPhoneNumber", json!({ "phone_number": phone }));
        tdlib.command("reach", json!({ "states": ["WaitEmailAddress"] }));
        let (status, error) = tdlib
            .request_refused("setAuthenticationEmailAddress", json!({ "email_address": "nobody" }));
        assert_eq!((status, &*error), (400, "EMAIL_INVALID"));
        tdlib.request(
            "setAuthenticationEmailAddress",
            json!({ "email_address": "ada@example.org" }),
        );
        tdlib.command("reach", json!({ "states": ["WaitEmailCode"] }));
        let mail = sink.next();
        assert_eq!(mail["subject"], "Is this your address? (Rookery)", "{mail}");
        tdlib.request("checkAuthenticationEmailCode", email_code(&code_in(&mail)));
        tdlib.command("reach", json!({ "states": ["WaitCode"] }));
        let done =
            tdlib.command("sign_in", json!({ "phone": phone, "code": code, "first_name": "Ada" }));
        assert_eq!(done["signed_up"], true, "{done}");
        let password = tdlib.request("getPasswordState", json!({}));
        assert_eq!(password["login_email_address_pattern"], "a***@e***.org", "{password}");

        // A client that cannot show an address joins with an invite that went to one.
        let mut telethon = Driver::start(&TELETHON, "other", &node);
        let fields = json!({ "phone": node.invite().0, "code": "000000", "first_name": "Bob" });
        assert_eq!(telethon.refused("login", fields).0, 400);
        node.command(&["invite", "--json", "--mail", "bob@example.org"]);
        let mail = sink.next();
        assert!(telethon.login(&(number_in(&mail), code_in(&mail))), "a new member");
        assert_eq!(tdlib.command("log", json!({}))["lines"], json!([]));
    });
}

#[test]
fn a_login_address_that_cannot_be_read_is_reset() {
    play("mail::a_login_address_that_cannot_be_read_is_reset", &[&TDLIB, &TELETHON], |python| {
        let sink = Receiver::start::<&str>(python, "smtp_sink.py", &[]);
        let config = format!(
            "[codes.smtp]\nhost = '127.0.0.1'\nport = {}\nsecurity = 'plain'\n\
             from = 'codes@example.org'\n[codes.command]\nprogram = ['true']\n",
            sink.port
        );
        let node = TestNode::start_with(Setup { config, ..Setup::default() });
        let invite = node.owner.clone().expect("a first start prints the owner's invite");
        let mut telethon = Driver::start(&TELETHON, "first", &node);
        assert!(telethon.login(&invite), "the owner");
        let phone = invite.0;
        let done = node.command(&["user", "email", "--json", "--phone", &phone, "ada@example.org"]);
        assert_eq!(done["email"], "ada@example.org");
        let told = |text: &str| json!({ "event": "service", "text": text });
        telethon.expect(&told(
            "Your login address is now a***@e***.org: the node's operator did that.",
        ));
        telethon.command("logout", json!({}));

        let mut tdlib = Driver::start(&TDLIB, "other", &node);
        let state = wait_for_email_code(&mut tdlib, &phone);
        assert_eq!(state["email_address_reset_state"]["@type"], "emailAddressResetStateAvailable");
        assert_eq!(state["email_address_reset_state"]["wait_period"], 7 * 24 * 3600, "{state}");
        sink.next();
        tdlib.request("resetAuthenticationEmailAddress", json!({}));
        let state = tdlib.request("getAuthorizationState", json!({}));
        assert_eq!(state["email_address_reset_state"]["@type"], "emailAddressResetStatePending");
        let (status, error) = tdlib.request_refused("resetAuthenticationEmailAddress", json!({}));
        assert_eq!((status, &*error), (400, "TASK_ALREADY_EXISTS"));
        // Whoever can read the mail after all logs in, and everything stays.
        let code = code_in(&sink.next());
        tdlib.request("checkAuthenticationEmailCode", email_code(&code));
        tdlib.command("reach", json!({ "states": ["Ready"] }));
        tdlib.command("logout", json!({}));
        let state = wait_for_email_code(&mut tdlib, &phone);
        assert_eq!(state["email_address_reset_state"]["@type"], "emailAddressResetStateAvailable");

        node.command(&["user", "email", "--json", "--phone", &phone, "--remove"]);
        let sent = telethon.command("send_code", json!({ "phone": phone }));
        assert_eq!(sent["type"], "SentCodeTypeSms", "{sent}");
        assert_eq!(tdlib.command("log", json!({}))["lines"], json!([]));
    });
}
