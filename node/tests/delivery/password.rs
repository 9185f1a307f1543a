//! The address of a password: confirmed, and used when the password is forgotten.

use serde_json::json;

use crate::clients::{TDLIB, TELETHON};
use crate::driver::Driver;
use crate::mail::{code_in, play};
use crate::receiver::Receiver;
use crate::support::node::{Setup, TestNode};

/// A node that mails to these tests.
fn mailing(python: &std::path::Path) -> (Receiver, TestNode) {
    let sink = Receiver::start::<&str>(python, "smtp_sink.py", &[]);
    let config = format!(
        "[codes.smtp]\nhost = '127.0.0.1'\nport = {}\nsecurity = 'plain'\n\
         from = 'codes@example.org'\n",
        sink.port
    );
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    (sink, node)
}

#[test]
fn a_recovery_address_is_confirmed() {
    play("password::a_recovery_address_is_confirmed", &[&TDLIB, &TELETHON], |python| {
        let (sink, node) = mailing(python);
        let invite = node.owner.clone().expect("a first start prints the owner's invite");
        let mut telethon = Driver::start(&TELETHON, "first", &node);
        assert!(telethon.login(&invite), "the owner");
        // The number's codes come to Telethon; TDLib is the second session.
        let mut tdlib = Driver::start(&TDLIB, "other", &node);
        tdlib.command("send_code", json!({ "phone": invite.0 }));
        let event = telethon.expect_event("a login code", crate::driver::SOON, |event| {
            let text = event["text"].as_str().unwrap_or_default();
            event["event"] == "service" && text.starts_with("Login code")
        });
        let code = code_in(&event);
        tdlib.command("sign_in", json!({ "phone": invite.0, "code": code }));
        telethon.command("set_password", json!({ "new": "secret" }));

        let set = json!({ "password": "secret", "new_recovery_email_address": "ada@example.org" });
        let state = tdlib.request("setRecoveryEmailAddress", set);
        let info = &state["recovery_email_address_code_info"];
        assert_eq!(
            (&info["email_address_pattern"], &info["length"]),
            (&json!("a***@e***.org"), &json!(6))
        );
        let code = code_in(&sink.next());
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let wrong = json!({ "code": wrong });
        let refused = telethon.invoke_refused("account.ConfirmPasswordEmail", wrong);
        assert_eq!(refused, (400, "CODE_INVALID".into()));
        tdlib.request("resendRecoveryEmailAddressCode", json!({}));
        let code = code_in(&sink.next());
        let state = tdlib.request("checkRecoveryEmailAddressCode", json!({ "code": code }));
        assert_eq!(state["has_recovery_email_address"], true, "{state}");
        let known = tdlib.request("getRecoveryEmailAddress", json!({ "password": "secret" }));
        assert_eq!(known["recovery_email_address"], "ada@example.org");
        // Another one, and taken back.
        let set = json!({ "password": "secret", "new_recovery_email_address": "new@example.org" });
        tdlib.request("setRecoveryEmailAddress", set);
        sink.next();
        assert_eq!(telethon.invoke("account.CancelPasswordEmail", json!({})), true);
        let nothing = telethon.invoke_refused("account.ResendPasswordEmail", json!({}));
        assert_eq!(nothing, (400, "EMAIL_HASH_EXPIRED".into()));
        assert_eq!(tdlib.command("log", json!({}))["lines"], json!([]));
    });
}

#[test]
fn a_forgotten_password_is_recovered_by_mail() {
    play("password::a_forgotten_password_is_recovered_by_mail", &[&TDLIB, &TELETHON], |python| {
        let (sink, node) = mailing(python);
        let (phone, code) = node.owner.clone().expect("a first start prints the owner's invite");
        let mut tdlib = Driver::start(&TDLIB, "first", &node);
        assert!(tdlib.login(&(phone.clone(), code)), "the owner");
        tdlib.request(
            "setPassword",
            json!({
                "old_password": "", "new_password": "forgotten", "new_hint": "",
                "set_recovery_email_address": true, "new_recovery_email_address": "ada@example.org",
            }),
        );
        let code = code_in(&sink.next());
        let state = tdlib.request("checkRecoveryEmailAddressCode", json!({ "code": code }));
        assert_eq!(state["has_password"], true, "{state}");

        // TDLib comes back and has forgotten.
        tdlib.command("logout", json!({}));
        let code = |node: &TestNode| {
            node.command(&["code", "--json", "--phone", &phone])["code"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        tdlib.command("send_code", json!({ "phone": phone }));
        tdlib.request("checkAuthenticationCode", json!({ "code": code(&node) }));
        let waits = tdlib.command("reach", json!({ "states": ["WaitPassword"] }));
        assert_eq!(waits["shown"]["has_recovery_email_address"], true, "{waits}");
        tdlib.request("requestAuthenticationPasswordRecovery", json!({}));
        let mailed = code_in(&sink.next());
        let mailed = json!({ "recovery_code": mailed });
        tdlib.request("checkAuthenticationPasswordRecoveryCode", mailed.clone());
        let mut recover = mailed;
        recover["new_password"] = json!("remembered");
        recover["new_hint"] = json!("");
        tdlib.request("recoverAuthenticationPassword", recover);
        tdlib.command("reach", json!({ "states": ["Ready"] }));

        // Telethon knows the new one; and then forgets that too.
        let mut telethon = Driver::start(&TELETHON, "other", &node);
        telethon.command("send_code", json!({ "phone": phone }));
        let fields = json!({ "phone": phone, "code": code(&node) });
        assert_eq!(telethon.refused("sign_in", fields).1, "SESSION_PASSWORD_NEEDED");
        let old = telethon.refused("check_password", json!({ "password": "forgotten" }));
        assert_eq!(old, (400, "PASSWORD_HASH_INVALID".into()));
        let empty = telethon.invoke_refused("auth.RecoverPassword", json!({ "code": "" }));
        assert_eq!(empty, (400, "CODE_EMPTY".into()));
        let asked = telethon.invoke("auth.RequestPasswordRecovery", json!({}));
        assert_eq!(asked["email_pattern"], "a***@e***.org");
        let mailed = code_in(&sink.next());
        let done = telethon.invoke("auth.RecoverPassword", json!({ "code": mailed }));
        assert_eq!(done["user"]["id"], tdlib.user, "{done}");
        let state = tdlib.request("getPasswordState", json!({}));
        assert_eq!(state["has_password"], false, "{state}");
        assert_eq!(tdlib.command("log", json!({}))["lines"], json!([]));
    });
}
