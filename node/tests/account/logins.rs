//! Logins: QR codes, what other sessions learn of a new one, and how they judge it.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::{Driver, SOON};
use crate::join::join;
use crate::scene::{Scene, assert_no_complaints, play};

/// `auth.exportLoginToken`, as a client that is not logged in calls it.
fn export(driver: &mut Driver) -> Value {
    let fields = json!({ "api_id": 1, "api_hash": "x", "except_ids": [] });
    driver.invoke("auth.ExportLoginToken", fields)
}

/// What TDLib's QR code says, as the bytes of the token.
pub(crate) fn token_of(link: &str) -> Value {
    let text = link.strip_prefix("tg://login?token=").expect("a link for a login");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |c: u8| alphabet.iter().position(|known| *known == c).expect("base64url") as u32;
    let (mut hex, mut bits, mut held) = (String::new(), 0, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        (held, bits) = (held << 6 | digit(c), bits + 6);
        if bits >= 8 {
            bits -= 8;
            hex += &format!("{:02x}", held >> bits & 0xff);
        }
    }
    json!({ "hex": hex })
}

/// The inverse of [`token_of`].
fn link_of(token: &Value) -> String {
    let hex = token["hex"].as_str().expect("bytes").as_bytes();
    let bytes = hex.chunks(2).map(|pair| {
        u32::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hex digits")
    });
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut link, mut bits, mut held) = ("tg://login?token=".to_owned(), 0, 0_u32);
    for byte in bytes {
        (held, bits) = (held << 8 | byte, bits + 8);
        while bits >= 6 {
            bits -= 6;
            link.push(char::from(alphabet[(held >> bits & 63) as usize]));
        }
    }
    if bits > 0 {
        link.push(char::from(alphabet[(held << (6 - bits) & 63) as usize]));
    }
    link
}

#[test]
fn a_qr_code_logs_in_across_clients() {
    play("logins::a_qr_code_logs_in_across_clients", [&PYROGRAM, &TDLIB, &TELETHON], |scene| {
        let Scene { node, mut ada, mut ada2, mut bob, .. } = scene;
        // TDLib shows a code, Pyrogram takes it.
        let mut shows = Driver::start(&TDLIB, "qr", &node);
        shows.request("requestQrCodeAuthentication", json!({ "other_user_ids": [] }));
        let shown = shows.command("reach", json!({ "states": ["WaitOtherDeviceConfirmation"] }));
        let token = token_of(shown["shown"]["link"].as_str().expect("a link"));
        let taken = ada.invoke("auth.AcceptLoginToken", json!({ "token": token }));
        assert_eq!(
            (&taken["_"], &taken["device_model"]),
            (&json!("Authorization"), &json!("tdlib"))
        );
        shows.command("reach", json!({ "states": ["Ready"] }));
        assert_eq!(shows.request("getMe", json!({}))["id"], ada.user);
        shows.send("self", "by QR");
        ada.expect(&json!({ "event": "message", "text": "by QR" }));
        let again = ada.invoke_refused("auth.AcceptLoginToken", json!({ "token": token }));
        assert_eq!(again, (400, "AUTH_TOKEN_ALREADY_ACCEPTED".into()));

        // Telethon shows a code, TDLib takes it. Only the one who shows it may import it.
        let mut shows2 = Driver::start(&TELETHON, "qr", &node);
        shows2.show_updates();
        let token = export(&mut shows2)["token"].clone();
        let own = shows2.invoke("auth.ImportLoginToken", json!({ "token": token }));
        assert_eq!((&own["_"], &own["token"]), (&json!("LoginToken"), &token));
        let session =
            ada2.request("confirmQrCodeAuthentication", json!({ "link": link_of(&token) }));
        assert_eq!(session["device_model"], "telethon", "{session}");
        shows2.expect(&json!({ "_": "UpdateLoginToken" }));
        let done = export(&mut shows2);
        assert_eq!(done["_"], "LoginTokenSuccess", "{done}");
        assert_eq!(done["authorization"]["user"]["id"], ada.user, "{done}");
        let foreign = bob.invoke_refused("auth.ImportLoginToken", json!({ "token": token }));
        assert_eq!(foreign, (400, "AUTH_TOKEN_INVALID".into()));
        let wrong = json!({ "token": { "hex": "00ff" } });
        let wrong = bob.invoke_refused("auth.AcceptLoginToken", wrong);
        assert_eq!(wrong, (400, "AUTH_TOKEN_INVALID".into()));
        for tdlib in [&mut ada2, &mut shows] {
            assert_no_complaints(tdlib);
        }
    });
}

#[test]
fn a_new_login_is_told_and_confirmed() {
    play("logins::a_new_login_is_told_and_confirmed", [&TELETHON, &TDLIB, &PYROGRAM], |scene| {
        let Scene { node, mut ada, mut ada2, phones, .. } = scene;
        let third = join(&node, &mut ada, &phones[0], &PYROGRAM);
        let is_third = |event: &serde_json::Value| {
            event["_"] == "UpdateNewAuthorization" && event["device"] == "pyrogram"
        };
        let news = ada.expect_event("that pyrogram has logged in", SOON, is_third);
        assert_eq!(news["unconfirmed"], true, "{news}");
        let shown = ada2.expect(&json!({ "@type": "updateUnconfirmedSession" }));
        assert_eq!(shown["session"]["device_model"], "pyrogram", "{shown}");
        for driver in [&mut ada, &mut ada2] {
            driver.expect_event("a message that names the device", SOON, |event| {
                let text = event["text"].as_str().unwrap_or_default();
                event["event"] == "service"
                    && text.starts_with("New login")
                    && text.contains("pyrogram")
            });
        }
        // A session that nobody has confirmed confirms none.
        let id = shown["session"]["type"]["session_id"].clone();
        let confirm = json!({ "kind": "confirmSession", "fields": { "session_id": id } });
        assert_eq!(ada2.refused("request", confirm).0, 406);
        let listed = ada.invoke("account.GetAuthorizations", json!({}));
        let second = listed["authorizations"].as_array().expect("a list");
        let second = second.iter().find(|one| one["device_model"] == "tdlib").expect("is listed");
        assert_eq!(second["unconfirmed"], true, "{second}");
        let fields = json!({ "hash": second["hash"], "confirmed": true });
        assert_eq!(ada.invoke("account.ChangeAuthorizationSettings", fields), true);
        // TDLib says that it is the member's, and what it takes; Telethon sees both.
        ada2.request("confirmSession", json!({ "session_id": id }));
        let told = ada.expect(&json!({
            "_": "UpdateNewAuthorization", "hash": news["hash"], "unconfirmed": false,
        }));
        assert_eq!(told["device"], json!(null), "{told}");
        ada2.request(
            "toggleSessionCanAcceptCalls",
            json!({ "session_id": id, "can_accept_calls": false }),
        );
        let fields = json!({ "hash": news["hash"], "encrypted_requests_disabled": true });
        assert_eq!(ada.invoke("account.ChangeAuthorizationSettings", fields), true);
        let sessions = ada2.request("getActiveSessions", json!({}));
        let sessions = sessions["sessions"].as_array().expect("a list");
        let session = sessions.iter().find(|one| one["id"] == id).expect("the session is listed");
        for (what, expected) in [
            ("is_unconfirmed", false),
            ("can_accept_calls", false),
            ("can_accept_secret_chats", false),
        ] {
            assert_eq!(session[what], expected, "{what} of {session}");
        }
        let unknown = json!({ "hash": 5, "confirmed": true });
        let unknown = ada.invoke_refused("account.ChangeAuthorizationSettings", unknown);
        assert_eq!(unknown, (400, "HASH_INVALID".into()));
        assert_no_complaints(&mut ada2);
        drop(third);
    });
}

#[test]
fn unused_logins_end_when_the_member_says() {
    let test = "logins::unused_logins_end_when_the_member_says";
    play(test, [&PYROGRAM, &TDLIB, &TELETHON], |scene| {
        let Scene { mut ada, mut ada2, .. } = scene;
        let listed = ada.invoke("account.GetAuthorizations", json!({}));
        assert_eq!(listed["authorization_ttl_days"], 365);
        let fields = json!({ "authorization_ttl_days": 30 });
        assert_eq!(ada.invoke("account.SetAuthorizationTTL", fields), true);
        let sessions = ada2.request("getActiveSessions", json!({}));
        assert_eq!(sessions["inactive_session_ttl_days"], 30);
        // The younger login may not choose for the older one.
        let choose = json!({ "inactive_session_ttl_days": 7 });
        let choose = json!({ "kind": "setInactiveSessionTtl", "fields": choose });
        assert_eq!(ada2.refused("request", choose.clone()).0, 406);
        ada.command("logout", json!({}));
        ada2.command("request", choose);
        let sessions = ada2.request("getActiveSessions", json!({}));
        assert_eq!(sessions["inactive_session_ttl_days"], 7);
        assert_no_complaints(&mut ada2);
    });
}
