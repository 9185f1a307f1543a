//! Leaving and coming back, another number, and the end of an account.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::{Driver, SOON};
use crate::join::{code_in, expect_code};
use crate::scene::{Scene, assert_no_complaints, play};

#[test]
fn a_client_comes_back_without_a_code() {
    let test = "ending::a_client_comes_back_without_a_code";
    play(test, [&TELETHON, &TDLIB, &PYROGRAM], |scene| {
        let Scene { node, mut ada, mut ada2, phones, .. } = scene;
        let phone = &phones[0];
        // TDLib is given a token when it logs out, and shows it when it comes back.
        ada2.command("logout", json!({}));
        let token =
            ada2.expect(&json!({ "@type": "updateOption", "name": "authentication_token" }));
        let token = token["value"]["value"].clone();
        assert!(token.as_str().is_some_and(|token| token.len() > 40), "{token}");
        let back = json!({
            "phone_number": phone,
            "settings": {
                "@type": "phoneNumberAuthenticationSettings", "authentication_tokens": [token],
            },
        });
        ada2.request("setAuthenticationPhoneNumber", back.clone());
        ada2.command("reach", json!({ "states": ["Ready"] }));
        assert_eq!(ada2.request("getMe", json!({}))["id"], ada.user);
        // Telethon does so by raw calls; a token is good once, and does not stand for the password.
        let mut other = Driver::start(&TELETHON, "back", &node);
        crate::join::sign_in(&mut ada, phone, &mut other);
        ada.command("set_password", json!({ "new": "secret" }));
        let left = other.invoke("auth.LogOut", json!({}));
        let token = left["future_auth_token"].clone();
        let send = json!({
            "phone_number": phone, "api_id": 1, "api_hash": "x",
            "settings": { "_": "CodeSettings", "logout_tokens": [token] },
        });
        let refused = other.invoke_refused("auth.SendCode", send.clone());
        assert_eq!(refused, (401, "SESSION_PASSWORD_NEEDED".into()));
        other.command("check_password", json!({ "password": "secret" }));
        ada.command("set_password", json!({ "old": "secret", "new": null }));
        let left = other.invoke("auth.LogOut", json!({}));
        let mut fresh = send.clone();
        fresh["settings"]["logout_tokens"] = json!([left["future_auth_token"]]);
        let back = other.invoke("auth.SendCode", fresh);
        assert_eq!(back["_"], "SentCodeSuccess", "{back}");
        assert_eq!(back["authorization"]["user"]["id"], ada.user, "{back}");
        let sent = other.invoke("auth.SendCode", send);
        assert_eq!(sent["_"], "SentCode", "used: {sent}");
        // A code that is about to be passed on is over.
        let code = expect_code(&mut ada);
        assert_eq!(ada.invoke("account.InvalidateSignInCodes", json!({ "codes": [code] })), true);
        let fields = json!({
            "phone_number": phone, "phone_code_hash": sent["phone_code_hash"], "phone_code": code,
        });
        let refused = other.invoke_refused("auth.SignIn", fields);
        assert_eq!(refused, (400, "PHONE_CODE_EXPIRED".into()));
        assert_no_complaints(&mut ada2);
    });
}

/// The code for another number that the service account brings.
fn expect_change_code(driver: &mut Driver) -> String {
    code_in(&driver.expect_event("a code for a new number", SOON, |event| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "service" && text.starts_with("Code for your new number")
    }))
}

#[test]
fn an_account_moves_to_another_number() {
    let test = "ending::an_account_moves_to_another_number";
    play(test, [&TDLIB, &PYROGRAM, &TELETHON], |scene| {
        let Scene { mut ada, mut ada2, mut bob, phones, .. } = scene;
        let send = |phone: &str| {
            let fields =
                json!({ "phone_number": phone, "type": { "@type": "phoneNumberCodeTypeChange" } });
            json!({ "kind": "sendPhoneNumberCode", "fields": fields })
        };
        assert_eq!(ada.refused("request", send(&phones[1])), (400, "PHONE_NUMBER_OCCUPIED".into()));
        assert_eq!(ada.refused("request", send("+4930123456")).0, 406, "a telephone");
        // TDLib moves; its friend, who knows the number, sees it.
        ada.command("request", send("+88812345678"));
        let code = expect_change_code(&mut ada);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let check =
            |code: &str| json!({ "kind": "checkPhoneNumberCode", "fields": { "code": code } });
        assert_eq!(ada.refused("request", check(wrong)), (400, "PHONE_CODE_INVALID".into()));
        ada.command("request", check(&code));
        for driver in [&mut ada2, &mut bob] {
            let told = json!({ "_": "UpdateUserPhone", "phone": "88812345678" });
            driver.expect(&told);
        }
        assert_eq!(ada.request("getMe", json!({}))["phone_number"], "88812345678");
        // Bob moves by raw calls.
        let fields = json!({
            "phone_number": "+88887654321", "settings": { "_": "CodeSettings" },
        });
        let sent = bob.invoke("account.SendChangePhoneCode", fields);
        assert_eq!(sent["type"]["_"], "SentCodeTypeApp", "{sent}");
        let fields = json!({
            "phone_number": "+88887654321", "phone_code_hash": sent["phone_code_hash"],
            "phone_code": expect_change_code(&mut bob),
        });
        let user = bob.invoke("account.ChangePhone", fields);
        assert_eq!(user["phone"], "88887654321", "{user}");
        let moved = |event: &Value| event["user"]["phone_number"] == "88887654321";
        ada.expect_event("that bob has moved", SOON, moved);
        // A login that came today moves nobody away from older ones.
        let fields = json!({ "phone_number": "+88811111111", "settings": { "_": "CodeSettings" } });
        let refused = ada2.invoke_refused("account.SendChangePhoneCode", fields);
        assert_eq!(refused, (406, "FRESH_CHANGE_PHONE_FORBIDDEN".into()));
        assert_no_complaints(&mut ada);
    });
}

#[test]
fn an_account_is_deleted() {
    play("ending::an_account_is_deleted", [&TDLIB, &PYROGRAM, &TELETHON], |scene| {
        let Scene { node, mut ada, mut ada2, mut bob, phones } = scene;
        // How long it stays unused.
        assert_eq!(ada.request("getAccountTtl", json!({}))["days"], 365);
        ada.request("setAccountTtl", json!({ "ttl": { "@type": "accountTtl", "days": 180 } }));
        assert_eq!(ada2.invoke("account.GetAccountTTL", json!({}))["days"], 180);
        let days = |days: i32| json!({ "ttl": { "_": "AccountDaysTTL", "days": days } });
        assert_eq!(bob.invoke("account.SetAccountTTL", days(30)), true);
        let refused = bob.invoke_refused("account.SetAccountTTL", days(1000));
        assert_eq!(refused, (400, "TTL_DAYS_INVALID".into()));
        // TDLib deletes; a younger login may not.
        ada.send(bob.user, "remember me");
        bob.expect(&json!({ "event": "message", "text": "remember me" }));
        let fresh = ada2.invoke_refused("account.DeleteAccount", json!({ "reason": "" }));
        assert_eq!(fresh, (406, "FRESH_RESET_AUTHORISATION_FORBIDDEN".into()));
        let user = ada.user;
        ada.request("deleteAccount", json!({ "reason": "enough", "password": "" }));
        ada.command("reach", json!({ "states": ["Closed"] }));
        let (code, _) = ada2.refused(
            "invoke",
            json!({
                "method": "account.GetAccountTTL", "fields": {},
            }),
        );
        assert_eq!(code, 401);
        let gone = bob.invoke("users.GetUsers", json!({ "id": [{ "user": user }] }));
        assert_eq!((&gone[0]["deleted"], &gone[0]["first_name"]), (&json!(true), &json!(null)));
        assert_eq!(bob.history(user, 1, 0)[0]["text"], "remember me");
        let refused = bob.refused("send", json!({ "to": user, "text": "hello?" }));
        assert_eq!(refused, (400, "INPUT_USER_DEACTIVATED".into()));
        // The number is nobody's: whoever has it gets no code for it.
        let mut other = Driver::start(&TELETHON, "late", &node);
        let fields = json!({ "phone": phones[0], "code": "000000", "first_name": "X" });
        assert_eq!(other.refused("login", fields).0, 400);
        // With a password, without showing it: a week.
        bob.command("set_password", json!({ "new": "secret" }));
        let (code, _) = bob.invoke_refused("account.DeleteAccount", json!({ "reason": "" }));
        assert_eq!(code, 420);
        assert_no_complaints(&mut ada);
    });
}
