//! The second factor: set by one client, asked of the others.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::join::expect_code;
use crate::scene::{Scene, assert_no_complaints, play};

/// Shows a code that comes to `first`; the password is asked for then.
fn half(first: &mut Driver, phone: &str, other: &mut Driver) {
    other.command("send_code", json!({ "phone": phone }));
    let code = expect_code(first);
    let refused = other.refused("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!(refused, (401, "SESSION_PASSWORD_NEEDED".into()));
}

#[test]
fn every_login_needs_the_password() {
    play("password::every_login_needs_the_password", [&PYROGRAM, &TDLIB, &TELETHON], |scene| {
        let Scene { node, mut ada, mut ada2, phones, .. } = scene;
        let phone = &phones[0];
        let state = ada2.request("getPasswordState", json!({}));
        assert_eq!(state["has_password"], false, "{state}");
        ada.command("set_password", json!({ "new": "correct horse" }));
        let state = ada2.request("getPasswordState", json!({}));
        assert_eq!(
            (&state["has_password"], &state["password_hint"]),
            (&json!(true), &json!("the usual"))
        );
        // Telethon with a code: nothing goes before the password.
        let mut telethon = Driver::start(&TELETHON, "2fa", &node);
        half(&mut ada, phone, &mut telethon);
        for method in ["users.GetUsers", "help.GetPromoData"] {
            let fields = if method == "users.GetUsers" { json!({ "id": [] }) } else { json!({}) };
            let refused = telethon.invoke_refused(method, fields);
            assert_eq!(refused, (401, "SESSION_PASSWORD_NEEDED".into()), "{method}");
        }
        let wrong = telethon.refused("check_password", json!({ "password": "wrong" }));
        assert_eq!(wrong, (400, "PASSWORD_HASH_INVALID".into()));
        let unknown = json!({
            "_": "InputCheckPasswordSRP", "srp_id": 5, "A": { "hex": "07".repeat(256) },
            "M1": { "hex": "07".repeat(32) },
        });
        let unknown = telethon.invoke_refused("auth.CheckPassword", json!({ "password": unknown }));
        assert_eq!(unknown, (400, "SRP_ID_INVALID".into()));
        let done = telethon.command("check_password", json!({ "password": "correct horse" }));
        assert_eq!(done["user_id"], ada.user);
        // TDLib with a code, and what it shows on the way.
        let mut tdlib = Driver::start(&TDLIB, "2fa", &node);
        tdlib.command("send_code", json!({ "phone": phone }));
        tdlib.request("checkAuthenticationCode", json!({ "code": expect_code(&mut ada) }));
        let waits = tdlib.command("reach", json!({ "states": ["WaitPassword"] }));
        assert_eq!(waits["shown"]["password_hint"], "the usual", "{waits}");
        let listed = ada.invoke("account.GetAuthorizations", json!({}));
        let pending = |one: &Value| one["password_pending"] == true;
        let listed = listed["authorizations"].as_array().expect("a list").clone();
        assert_eq!(listed.iter().filter(|one| pending(one)).count(), 1, "{listed:?}");
        let password = |text: &str| json!({ "password": text });
        let check =
            |text: &str| json!({ "kind": "checkAuthenticationPassword", "fields": password(text) });
        assert_eq!(tdlib.refused("request", check("wrong")).0, 400);
        tdlib.command("request", check("correct horse"));
        tdlib.command("reach", json!({ "states": ["Ready"] }));
        // TDLib by a QR code.
        let mut by_qr = Driver::start(&TDLIB, "qr", &node);
        by_qr.request("requestQrCodeAuthentication", json!({ "other_user_ids": [] }));
        let shown = by_qr.command("reach", json!({ "states": ["WaitOtherDeviceConfirmation"] }));
        let token = crate::logins::token_of(shown["shown"]["link"].as_str().expect("a link"));
        let taken = ada.invoke("auth.AcceptLoginToken", json!({ "token": token }));
        assert_eq!(taken["password_pending"], true, "{taken}");
        by_qr.command("reach", json!({ "states": ["WaitPassword"] }));
        by_qr.command("request", check("correct horse"));
        by_qr.command("reach", json!({ "states": ["Ready"] }));
        // Changed by TDLib, which has to know the old one; then removed by Pyrogram.
        let change = |old: &str, new: &str| {
            let fields = json!({
                "old_password": old, "new_password": new, "new_hint": "",
                "set_recovery_email_address": false, "new_recovery_email_address": "",
            });
            json!({ "kind": "setPassword", "fields": fields })
        };
        assert_eq!(ada2.refused("request", change("wrong", "x")).0, 400);
        ada2.command("request", change("correct horse", "battery"));
        // No mail, no address.
        let address = json!({ "password": "battery", "new_recovery_email_address": "a@b.org" });
        let address = json!({ "kind": "setRecoveryEmailAddress", "fields": address });
        assert_eq!(ada2.refused("request", address), (400, "EMAIL_NOT_ALLOWED".into()));
        let old = ada.refused("set_password", json!({ "old": "correct horse", "new": null }));
        assert_eq!(old, (400, "PASSWORD_HASH_INVALID".into()));
        ada.command("set_password", json!({ "old": "battery", "new": null }));
        let state = ada2.request("getPasswordState", json!({}));
        assert_eq!(state["has_password"], false, "{state}");
        for driver in [&mut ada2, &mut tdlib, &mut by_qr] {
            assert_no_complaints(driver);
        }
    });
}

#[test]
fn a_forgotten_password_is_removed_by_waiting() {
    let test = "password::a_forgotten_password_is_removed_by_waiting";
    play(test, [&TELETHON, &TDLIB, &PYROGRAM], |scene| {
        let Scene { mut ada, mut ada2, .. } = scene;
        let nothing = ada.invoke_refused("account.ResetPassword", json!({}));
        assert_eq!(nothing, (400, "PASSWORD_EMPTY".into()));
        ada.command("set_password", json!({ "new": "forgotten" }));
        let asked = ada.invoke("account.ResetPassword", json!({}));
        assert_eq!(asked["_"], "ResetPasswordRequestedWait", "{asked}");
        let state = ada2.request("getPasswordState", json!({}));
        assert_eq!(state["pending_reset_date"], asked["until_date"], "{state}");
        ada2.expect_event("a message about the reset", crate::driver::SOON, |event| {
            let text = event["text"].as_str().unwrap_or_default();
            event["event"] == "service" && text.contains("remove its password")
        });
        ada2.request("cancelPasswordReset", json!({}));
        let again = ada2.request("resetPassword", json!({}));
        assert_eq!(again["@type"], "resetPasswordResultDeclined", "{again}");
        let none = ada.invoke_refused("account.DeclinePasswordReset", json!({}));
        assert_eq!(none, (400, "RESET_REQUEST_MISSING".into()));
        assert_no_complaints(&mut ada2);
    });
}
