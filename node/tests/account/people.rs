//! People: what members show to whom, profiles, address books, blocks, the bar above a dialog.

use serde_json::{Value, json};

use crate::clients::{KURIGRAM, PYROGRAM, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::scene::{Scene, assert_no_complaints, play};

/// How a member sees another.
fn seen(by: &mut Driver, user: i64) -> Value {
    by.invoke("users.GetUsers", json!({ "id": [{ "user": user }] }))[0].clone()
}

fn full(by: &mut Driver, user: i64) -> Value {
    by.invoke("users.GetFullUser", json!({ "id": { "user": user } }))["full_user"].clone()
}

fn set_privacy(by: &mut Driver, key: &str, rules: Value) -> Value {
    let key = json!({ "_": format!("InputPrivacyKey{key}") });
    by.invoke("account.SetPrivacy", json!({ "key": key, "rules": rules }))["rules"].clone()
}

/// The rules of a setting, as TDLib has them.
fn td_rules(by: &mut Driver, setting: &str) -> Value {
    let setting = json!({ "@type": format!("userPrivacySetting{setting}") });
    by.request("getUserPrivacySettingRules", json!({ "setting": setting }))["rules"].clone()
}

fn td_rule(kind: &str) -> Value {
    json!({ "@type": format!("userPrivacySettingRule{kind}") })
}

#[test]
fn privacy_rules() {
    play("people::privacy_rules", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { ada, ada2, bob, phones, .. } = &mut scene;
        let nobody = || json!([{ "_": "InputPrivacyValueDisallowAll" }]);
        // The last time: set by one device, shown by the other, kept from the friend.
        ada.command("set_online", json!({ "online": true }));
        assert_eq!(seen(bob, ada.user)["status"]["_"], "UserStatusOnline");
        assert_eq!(td_rules(ada2, "ShowStatus")[0]["@type"], "userPrivacySettingRuleAllowAll");
        set_privacy(ada, "StatusTimestamp", nobody());
        // The library tells of the first ones too.
        ada2.expect_event("nobody sees the time", crate::driver::SOON, |event| {
            event["@type"] == "updateUserPrivacySettingRules"
                && event["setting"]["@type"] == "userPrivacySettingShowStatus"
                && event["rules"]["rules"] == json!([])
        });
        assert_eq!(td_rules(ada2, "ShowStatus"), json!([]), "nobody");
        assert_eq!(seen(bob, ada.user)["status"]["_"], "UserStatusRecently");
        bob.command("set_online", json!({ "online": true }));
        let status = seen(ada, bob.user)["status"].clone();
        assert_eq!((&status["_"], &status["by_me"]), (&json!("UserStatusRecently"), &json!(true)));
        // Read dates follow, once that is wanted.
        ada2.request(
            "setReadDatePrivacySettings",
            json!({ "settings": { "@type": "readDatePrivacySettings", "show_read_date": false } }),
        );
        let global = ada.invoke("account.GetGlobalPrivacySettings", json!({}));
        assert_eq!(global["hide_read_marks"], true, "{global}");
        let archive =
            json!({ "_": "GlobalPrivacySettings", "archive_and_mute_new_noncontact_peers": true });
        let refused =
            ada.invoke_refused("account.SetGlobalPrivacySettings", json!({ "settings": archive }));
        assert_eq!(refused, (400, "AUTOARCHIVE_NOT_AVAILABLE".into()));
        // Set by the other device, with an exception.
        ada2.command("find", json!({ "phone": phones[1] }));
        let rules = json!([
            { "@type": "userPrivacySettingRuleRestrictUsers", "user_ids": [bob.user] },
            td_rule("AllowAll"),
        ]);
        ada2.request(
            "setUserPrivacySettingRules",
            json!({
                "setting": { "@type": "userPrivacySettingShowBio" },
                "rules": { "@type": "userPrivacySettingRules", "rules": rules },
            }),
        );
        let update = ada.expect(&json!({ "_": "UpdatePrivacy" }));
        assert_eq!(update["key"]["_"], "PrivacyKeyAbout", "{update}");
        let key = json!({ "key": { "_": "InputPrivacyKeyAbout" } });
        let about = ada.invoke("account.GetPrivacy", key);
        assert_eq!(about["rules"][0]["users"], json!([bob.user]), "{about}");
        assert_eq!(about["rules"][1]["_"], "PrivacyValueAllowAll", "{about}");
        assert!(about["users"].as_array().is_some_and(|users| users.len() == 1), "{about}");
        ada.invoke("account.UpdateProfile", json!({ "about": "I build" }));
        assert!(full(bob, ada.user)["about"].is_null());
        set_privacy(ada, "About", json!([{ "_": "InputPrivacyValueAllowContacts" }]));
        assert_eq!(full(bob, ada.user)["about"], "I build");
        // A forward without a link.
        let id = ada.send(bob.user, "mine");
        let got = bob.expect(&json!({ "event": "message", "text": "mine" }))["id"].clone();
        assert!(id > 0);
        set_privacy(ada, "Forwards", nobody());
        assert!(full(bob, ada.user)["private_forward_name"].is_string());
        bob.command("forward", json!({ "source": ada.user, "to": "self", "msg_ids": [got] }));
        let query = json!({
            "peer": { "peer": "self" }, "offset_id": 0, "offset_date": 0, "add_offset": 0,
            "limit": 1, "max_id": 0, "min_id": 0, "hash": 0,
        });
        let saved = bob.invoke("messages.GetHistory", query)["messages"][0]["fwd_from"].clone();
        assert!(saved["from_id"].is_null() && saved["from_name"].is_string(), "{saved}");
        // Not to be found by the number.
        set_privacy(ada, "AddedByPhone", nobody());
        let refused = bob.invoke_refused("contacts.ResolvePhone", json!({ "phone": phones[0] }));
        assert_eq!(refused, (400, "PHONE_NOT_OCCUPIED".into()));
        let group = json!([{ "_": "InputPrivacyValueAllowChatParticipants", "chats": [5] }]);
        let key = json!({ "_": "InputPrivacyKeyForwards" });
        let refused =
            ada.invoke_refused("account.SetPrivacy", json!({ "key": key, "rules": group }));
        assert_eq!(refused, (400, "CHAT_ID_INVALID".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn profiles() {
    play("people::profiles", [&TELETHON, &TDLIB, &KURIGRAM], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let born = |year: i32| json!({ "_": "Birthday", "day": 29, "month": 2, "year": year });
        ada.invoke("account.UpdateBirthday", json!({ "birthday": born(2000) }));
        bob.expect(&json!({ "_": "UpdateUser", "user_id": ada.user }));
        let birthday = full(bob, ada.user)["birthday"].clone();
        assert_eq!(birthday, born(2000));
        let refused =
            ada.invoke_refused("account.UpdateBirthday", json!({ "birthday": born(2001) }));
        assert_eq!(refused, (400, "BIRTHDAY_INVALID".into()));
        let birthdate = json!({ "@type": "birthdate", "day": 3, "month": 4, "year": 0 });
        ada2.request("setBirthdate", json!({ "birthdate": birthdate }));
        assert_eq!(full(bob, ada.user)["birthday"]["month"], 4);
        set_privacy(ada, "Birthday", json!([{ "_": "InputPrivacyValueDisallowAll" }]));
        assert!(full(bob, ada.user)["birthday"].is_null());
        // Colours.
        ada2.request(
            "setAccentColor",
            json!({ "accent_color_id": 3, "background_custom_emoji_id": "0" }),
        );
        assert_eq!(seen(bob, ada.user)["color"]["color"], 3);
        let color = |color: i32| json!({ "for_profile": true, "color": { "_": "PeerColor", "color": color } });
        ada.invoke("account.UpdateColor", color(5));
        assert_eq!(seen(bob, ada.user)["profile_color"]["color"], 5);
        assert_eq!(
            ada.invoke_refused("account.UpdateColor", color(77)),
            (400, "COLOR_INVALID".into())
        );
        // The one username.
        ada.invoke("account.UpdateUsername", json!({ "username": "ada_builds" }));
        assert_eq!(
            ada.invoke("account.ReorderUsernames", json!({ "order": ["ada_builds"] })),
            true
        );
        let refused = ada.invoke_refused("account.ReorderUsernames", json!({ "order": ["other"] }));
        assert_eq!(refused, (400, "ORDER_INVALID".into()));
        let off = json!({ "username": "ada_builds", "active": false });
        let refused = ada.invoke_refused("account.ToggleUsername", off);
        assert_eq!(refused, (400, "USERNAME_NOT_MODIFIED".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn contacts() {
    play("people::contacts", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let id = json!({ "user": bob.user });
        let note = |text: &str| json!({ "_": "TextWithEntities", "text": text, "entities": [] });
        ada.invoke(
            "contacts.AddContact",
            json!({ "id": id, "first_name": "Robert", "last_name": "B", "phone": "", "note": note("from school") }),
        );
        let info = ada2.request("getUserFullInfo", json!({ "user_id": bob.user }));
        assert_eq!(info["note"]["text"], "from school", "{info}");
        ada2.request(
            "setUserNote",
            json!({ "user_id": bob.user, "note": { "@type": "formattedText", "text": "my friend" } }),
        );
        assert_eq!(full(ada, bob.user)["note"]["text"], "my friend");
        let note = json!({ "id": id, "note": note("") });
        ada.invoke("contacts.UpdateContactNote", note);
        assert!(full(ada, bob.user)["note"].is_null());
        // Close friends.
        ada2.request("setCloseFriends", json!({ "user_ids": [bob.user] }));
        assert_eq!(seen(ada, bob.user)["close_friend"], true);
        ada2.expect_event("a close friend", crate::driver::SOON, |event| {
            event["@type"] == "updateUser" && event["user"]["is_close_friend"] == true
        });
        ada.invoke("contacts.EditCloseFriends", json!({ "id": [] }));
        ada2.expect_event("no close friend", crate::driver::SOON, |event| {
            event["@type"] == "updateUser" && event["user"]["is_close_friend"] == false
        });
        // The number, which the rules keep from contacts, for this one.
        set_privacy(ada, "PhoneNumber", json!([{ "_": "InputPrivacyValueDisallowAll" }]));
        let peer = json!({ "peer": { "peer": bob.user } });
        let settings = ada.invoke("messages.GetPeerSettings", peer.clone())["settings"].clone();
        assert_eq!(settings["share_contact"], true, "{settings}");
        assert_eq!(settings["need_contacts_exception"], true, "{settings}");
        ada.invoke("contacts.AcceptContact", json!({ "id": id }));
        let settings = ada.invoke("messages.GetPeerSettings", peer)["settings"].clone();
        assert_eq!(settings["share_contact"], false, "{settings}");
        let rules = td_rules(ada2, "ShowPhoneNumber");
        assert_eq!(rules[0]["user_ids"], json!([bob.user]), "{rules}");
        bob.invoke("contacts.DeleteContacts", json!({ "id": [{ "user": ada.user }] }));
        let refused = ada.invoke_refused("contacts.AcceptContact", json!({ "id": id }));
        assert_eq!(refused, (400, "CONTACT_REQ_MISSING".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn blocking() {
    play("people::blocking", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        bob.send(ada.user, "hello");
        ada2.expect(&json!({ "event": "message", "text": "hello" }));
        ada.invoke("contacts.Block", json!({ "id": { "peer": bob.user } }));
        ada2.expect_event("blocked", crate::driver::SOON, |event| {
            event["@type"] == "updateChatBlockList"
                && event["block_list"]["@type"] == "blockListMain"
        });
        ada2.request(
            "setMessageSenderBlockList",
            json!({ "sender_id": { "@type": "messageSenderUser", "user_id": bob.user } }),
        );
        ada.expect(&json!({ "_": "UpdatePeerBlocked", "blocked": false }));
        // The whole list at once.
        let set = |ids: Value| json!({ "id": ids, "limit": 10 });
        bob.invoke("contacts.SetBlocked", set(json!([{ "peer": ada.user }])));
        let query = || json!({ "offset": 0, "limit": 10 });
        let blocked = bob.invoke("contacts.GetBlocked", query());
        assert_eq!(blocked["blocked"][0]["peer_id"]["user_id"], ada.user, "{blocked}");
        assert_eq!(seen(ada, bob.user)["status"]["_"], "UserStatusEmpty");
        bob.invoke("contacts.SetBlocked", set(json!([])));
        assert_eq!(bob.invoke("contacts.GetBlocked", query())["blocked"], json!([]));
        assert_no_complaints(ada2);
    });
}

#[test]
fn the_bar() {
    play("people::the_bar", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        ada.invoke("contacts.DeleteContacts", json!({ "id": [{ "user": bob.user }] }));
        bob.send(ada.user, "buy this");
        ada2.expect(&json!({ "event": "message", "text": "buy this" }));
        let peer = json!({ "peer": { "peer": bob.user } });
        let flags = |ada: &mut Driver| {
            let settings = ada.invoke("messages.GetPeerSettings", peer.clone())["settings"].clone();
            ["report_spam", "add_contact", "block_contact"].map(|flag| settings[flag] == true)
        };
        assert_eq!(flags(ada), [true; 3]);
        ada2.request("openChat", json!({ "chat_id": bob.user }));
        ada2.expect_event("a bar", crate::driver::SOON, |event| {
            event["@type"] == "updateChatActionBar"
                && event["action_bar"]["@type"] == "chatActionBarReportAddBlock"
        });
        ada2.request("removeChatActionBar", json!({ "chat_id": bob.user }));
        ada.expect(&json!({ "_": "UpdatePeerSettings" }));
        assert_eq!(flags(ada), [false; 3]);
        ada.invoke("messages.HidePeerSettingsBar", peer.clone());
        assert_no_complaints(ada2);
    });
}

#[test]
fn somebody_joins() {
    play("people::somebody_joins", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { node, ada, ada2, bob, .. } = &mut scene;
        let invite = node.invite();
        let phone = invite.0.clone();
        let contact =
            json!({ "@type": "importedContact", "phone_number": phone, "first_name": "Zoe" });
        let found = ada2.request("importContacts", json!({ "contacts": [contact] }));
        assert_eq!(found["user_ids"], json!([0]), "{found}");
        let book = ada.invoke("contacts.GetContacts", json!({ "hash": 0 }));
        assert_eq!(book["saved_count"], 1, "{book}");
        let phones = ["+1234567", &phone];
        let contacts = phones.map(|phone| {
            json!({ "_": "InputPhoneContact", "client_id": 1, "phone": phone, "first_name": "Z", "last_name": "" })
        });
        let found = bob.invoke("contacts.ImportContacts", json!({ "contacts": contacts }));
        assert_eq!(found["imported"], json!([]), "{found}");
        bob.invoke("contacts.DeleteByPhones", json!({ "phones": ["+1234567"] }));
        let saved = bob.invoke("contacts.GetSaved", json!({}));
        assert_eq!(saved[0]["first_name"], "Z", "{saved}");
        bob.invoke("account.SetContactSignUpNotification", json!({ "silent": true }));
        assert_eq!(bob.invoke("account.GetContactSignUpNotification", json!({})), true);
        let mut zoe = Driver::start(&PYROGRAM, "zoe", node);
        assert!(zoe.login(&invite), "signs up");
        for (driver, silent) in [(&mut *ada, false), (&mut *bob, true)] {
            let update = driver.expect_event("joined", crate::driver::SOON, |event| {
                event["message"]["action"]["_"] == "MessageActionContactSignUp"
            });
            assert_eq!(update["message"]["silent"] == true, silent, "{update}");
            assert_eq!(seen(driver, zoe.user)["contact"], true);
        }
        ada2.expect_event("joined", crate::driver::SOON, |event| {
            event["message"]["content"]["@type"] == "messageContactRegistered"
        });
        assert_eq!(seen(ada, zoe.user)["first_name"], "Zoe");
        assert_eq!(bob.invoke("contacts.GetSaved", json!({})), json!([]));
        ada.invoke("contacts.ResetSaved", json!({}));
        assert_no_complaints(ada2);
    });
}

#[test]
fn reports() {
    play("people::reports", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { node, ada, ada2, bob, .. } = &mut scene;
        bob.send(ada.user, "buy this");
        let id = ada.expect(&json!({ "event": "message", "text": "buy this" }))["id"].clone();
        ada2.expect(&json!({ "event": "message", "text": "buy this" }));
        // Two steps: a choice, a comment that may be left out, and it is done.
        let report = |option: &Value, message: &str| json!({ "peer": { "peer": bob.user }, "id": [id], "option": option, "message": message });
        let choice = ada.invoke("messages.Report", report(&json!({ "hex": "" }), ""));
        assert_eq!(choice["_"], "ReportResultChooseOption", "{choice}");
        let spam = choice["options"][0]["option"].clone();
        let comment = ada.invoke("messages.Report", report(&spam, ""));
        assert_eq!(comment["_"], "ReportResultAddComment", "{comment}");
        assert_eq!(comment["optional"], true, "{comment}");
        let done = ada.invoke("messages.Report", report(&comment["option"], ""));
        assert_eq!(done["_"], "ReportResultReported", "{done}");
        let bad = json!({ "hex": "ff" });
        let refused = ada.invoke_refused("messages.Report", report(&bad, ""));
        assert_eq!(refused, (400, "OPTION_INVALID".into()));
        let other =
            choice["options"].as_array().and_then(|all| all.last()).unwrap()["option"].clone();
        let comment = ada.invoke("messages.Report", report(&other, ""));
        assert_eq!(comment["optional"], false, "{comment}");
        let done = ada.invoke("messages.Report", report(&comment["option"], "a nuisance"));
        assert_eq!(done["_"], "ReportResultReported", "{done}");
        // TDLib reports people by the bar above a stranger's dialog only.
        ada.invoke("contacts.DeleteContacts", json!({ "id": [{ "user": bob.user }] }));
        ada2.request("openChat", json!({ "chat_id": bob.user }));
        ada2.expect_event("a bar", crate::driver::SOON, |event| {
            event["@type"] == "updateChatActionBar"
                && event["action_bar"]["@type"] == "chatActionBarReportAddBlock"
        });
        let spam = json!({ "chat_id": bob.user, "option_id": "", "message_ids": [], "text": "" });
        let done = ada2.request("reportChat", spam);
        assert_eq!(done["@type"], "reportChatResultOk", "{done}");
        // Up to layer 186 the reason comes at once.
        let reason = json!({ "_": "InputReportReasonFake" });
        let peer = json!({ "peer": ada.user });
        let old = json!({ "peer": peer, "id": [], "reason": reason, "message": "who is this" });
        assert_eq!(bob.invoke("messages.Report", old), true);
        let whole = json!({ "peer": peer, "reason": reason, "message": "still" });
        assert_eq!(bob.invoke("account.ReportPeer", whole), true);
        assert_eq!(bob.invoke("messages.ReportSpam", json!({ "peer": peer })), true);
        let listed = node.command(&["reports", "--json"]);
        let listed = listed.as_array().expect("a list");
        let of = |by: i64| -> Vec<String> {
            let reasons = listed.iter().filter(|report| report["by"]["id"] == by);
            let mut reasons: Vec<_> =
                reasons.map(|report| report["reason"].as_str().unwrap().to_owned()).collect();
            reasons.sort();
            reasons
        };
        assert_eq!(of(ada.user), ["something else", "spam", "spam"], "{listed:?}");
        assert_eq!(of(bob.user), ["a fake account", "a fake account", "spam"], "{listed:?}");
        let texts: Vec<_> =
            listed.iter().filter_map(|report| report["messages"][0]["text"].as_str()).collect();
        assert_eq!(texts, ["buy this"; 2]);
        assert!(listed.iter().any(|report| report["comment"] == "a nuisance"));
        assert_no_complaints(ada2);
    });
}

#[test]
fn preferences() {
    play("people::preferences", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        // Automatic downloads, one preset of three.
        let mut low = ada.invoke("account.GetAutoDownloadSettings", json!({}))["low"].clone();
        low["photo_size_max"] = json!(777_777);
        ada.invoke("account.SaveAutoDownloadSettings", json!({ "low": true, "settings": low }));
        let presets = ada2.request("getAutoDownloadSettingsPresets", json!({}));
        assert_eq!(presets["low"]["max_photo_file_size"], 777_777, "{presets}");
        // Saving to the device.
        ada2.request("getAutosaveSettings", json!({}));
        let settings = json!({ "@type": "scopeAutosaveSettings", "autosave_photos": true });
        let scope = |kind: &str| json!({ "@type": format!("autosaveSettingsScope{kind}") });
        ada2.request(
            "setAutosaveSettings",
            json!({ "scope": scope("PrivateChats"), "settings": settings }),
        );
        ada.expect(&json!({ "_": "UpdateAutoSaveSettings" }));
        let saves = ada.invoke("account.GetAutoSaveSettings", json!({}));
        assert_eq!(saves["users_settings"]["photos"], true, "{saves}");
        let videos = json!({ "_": "AutoSaveSettings", "videos": true, "video_max_size": 1 << 20 });
        let exception = json!({ "peer": { "peer": bob.user }, "settings": videos });
        ada.invoke("account.SaveAutoSaveSettings", exception);
        let saves = ada.invoke("account.GetAutoSaveSettings", json!({}));
        assert_eq!(saves["exceptions"][0]["peer"]["user_id"], bob.user, "{saves}");
        ada2.request("clearAutosaveSettingsExceptions", json!({}));
        let saves = ada.invoke("account.GetAutoSaveSettings", json!({}));
        assert_eq!(saves["exceptions"], json!([]), "{saves}");
        ada.invoke("account.DeleteAutoSaveExceptions", json!({}));
        // Sensitive content, at an older layer too.
        bob.invoke("account.SetContentSettings", json!({ "sensitive_enabled": true }));
        let content = bob.invoke("account.GetContentSettings", json!({}));
        assert_eq!(content["sensitive_enabled"], true, "{content}");
        // Reactions.
        let reactions = json!({
            "_": "ReactionsNotifySettings",
            "messages_notify_from": { "_": "ReactionNotificationsFromAll" },
            "sound": { "_": "NotificationSoundNone" },
            "show_previews": false,
        });
        ada.invoke("account.SetReactionsNotifySettings", json!({ "settings": reactions }));
        let set = ada.invoke("account.GetReactionsNotifySettings", json!({}));
        assert_eq!(set["messages_notify_from"]["_"], "ReactionNotificationsFromAll", "{set}");
        assert!(set["stories_notify_from"].is_null(), "{set}");
        assert_eq!(set["sound"]["_"], "NotificationSoundNone", "{set}");
        // Whom to ask: the owner; who owns the node asks the node.
        let owner = ada.user.min(bob.user);
        let (owns, other) = if ada.user == owner { (ada, bob) } else { (bob, ada) };
        assert_eq!(other.invoke("help.GetSupport", json!({}))["user"]["id"], owner);
        assert_eq!(owns.invoke("help.GetSupport", json!({}))["user"]["id"], 777_000);
        let name = other.invoke("help.GetSupportName", json!({}))["name"].clone();
        assert!(name.as_str().is_some_and(|name| !name.is_empty()), "{name}");
        ada2.request("getSupportUser", json!({}));
        assert_no_complaints(ada2);
    });
}
