//! A private group to which people of another node are added.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::two::{Two, came, play, words};

#[test]
fn a_private_group_of_two_nodes() {
    play("closed::a_private_group_of_two_nodes", true, scene);
}

#[test]
fn a_basic_group_becomes_one_of_two_nodes() {
    play("closed::a_basic_group_becomes_one_of_two_nodes", false, basic);
}

/// The account of bob at node A: he has written to ada.
fn met(two: &mut Two) -> i64 {
    let named = json!({ "username": "ada_lovelace" });
    two.ada.invoke("account.UpdateUsername", named);
    let whole = json!({ "username": "ada_lovelace@a.example" });
    let found = two.bob.invoke("contacts.ResolveUsername", whole);
    let ada = found["users"][0]["id"].as_i64().expect("somebody");
    two.bob.send(ada, "hello over there");
    came(&mut two.ada, "hello over there")["from"].as_i64().expect("somebody")
}

/// Who was not added.
fn invite(driver: &mut Driver, place: i64, users: &[i64]) -> Vec<i64> {
    let users: Vec<Value> = users.iter().map(|user| json!({ "user": user })).collect();
    let invited = driver.invoke(
        "channels.InviteToChannel",
        json!({ "channel": { "channel": place }, "users": users }),
    );
    let missing = invited["missing_invitees"].as_array().into_iter().flatten();
    missing.filter_map(|one| one["user_id"].as_i64()).collect()
}

/// The number of the channel that comes to a client of layer 158 or above.
fn new_channel(driver: &mut Driver) -> i64 {
    let told = driver.expect(&json!({ "_": "UpdateChannel" }));
    CHANNELS - told["channel_id"].as_i64().expect("a channel")
}

fn scene(mut two: Two) {
    let new = json!({ "title": "Our crew", "about": "", "megagroup": true });
    let made = two.ada.invoke("channels.CreateChannel", new);
    let crew = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
    two.ada.send(crew, "before you came");
    let bob = met(&mut two);

    // Who does not want to be added is not, and the node gets nothing.
    let privacy = |rule: &str| json!({ "key": { "_": "InputPrivacyKeyChatInvite" }, "rules": [{ "_": rule }] });
    two.bob.invoke("account.SetPrivacy", privacy("InputPrivacyValueDisallowAll"));
    assert_eq!(invite(&mut two.ada, crew, &[bob]), [bob]);
    let list = two.b.command(&["peer", "list", "--json"]);
    assert!(!list.to_string().contains("Our crew"), "{list}");
    two.bob.invoke("account.SetPrivacy", privacy("InputPrivacyValueAllowAll"));
    assert_eq!(invite(&mut two.ada, crew, &[bob]), [] as [i64; 0]);
    let there = new_channel(&mut two.bob);
    let shown = words(&mut two.bob, there);
    assert_eq!(shown, ["before you came"]);
    two.bob.send(there, "thank you");
    let at_ada = came(&mut two.ada, "thank you");
    assert_eq!(at_ada["from"], bob);

    // He adds somebody of his own node, whom the home lets in.
    let tina = two.tina.user;
    two.tina.send(two.bob.user, "hello bob");
    came(&mut two.bob, "hello bob");
    assert_eq!(invite(&mut two.bob, there, &[tina]), [] as [i64; 0]);
    two.tina.expect_event("the new group", SOON, |event| {
        event["@type"] == "updateNewChat" && event["chat"]["id"] == there
    });
    two.tina.send(there, "me too");
    let of_tina = came(&mut two.ada, "me too")["from"].as_i64().expect("somebody");
    came(&mut two.bob, "me too");

    polls(&mut two, crew, there);
    picture(&mut two, crew, there);

    // Both sides go on talking while the line is cut, and are the same when it is back.
    two.line.cut();
    for number in 0..3 {
        two.ada.send(crew, &format!("at a {number}"));
        two.bob.send(there, &format!("at b {number}"));
    }
    two.b.kill_and_restart();
    two.bob.settle();
    two.line.heal();
    came(&mut two.ada, "at b 2");
    came(&mut two.bob, "at a 2");
    let (mut at_a, mut at_b) = (words(&mut two.ada, crew), words(&mut two.bob, there));
    assert_eq!(at_a.len(), 9, "{at_a:?}");
    at_a.sort();
    at_b.sort();
    assert_eq!(at_a, at_b);
    two.tina.settle();

    // With the last of its people the other node is let go: it gets nothing that is said after that.
    // In the order of the chain: when she is out, he is.
    for user in [bob, of_tina] {
        let rights = json!({ "_": "ChatBannedRights", "view_messages": true, "until_date": 0 });
        two.ada.invoke(
            "channels.EditBanned",
            json!({ "channel": { "channel": crew }, "participant": { "peer": user },
                "banned_rights": rights }),
        );
    }
    two.ada.send(crew, "among ourselves");
    two.tina.expect_event("that she is out", SOON, |event| {
        event["@type"] == "updateSupergroup"
            && event["supergroup"]["status"]["@type"] == "chatMemberStatusBanned"
    });
    let refused = two.bob.invoke_refused(
        "messages.SendMessage",
        json!({ "peer": { "peer": there }, "message": "let me in", "random_id": 9 }),
    );
    assert_eq!(refused, (406, "CHANNEL_PRIVATE".into()));
}

/// A poll is asked on one node and answered on the other, where its results are seen, too.
fn polls(two: &mut Two, crew: i64, there: i64) {
    let words = |text: &str| json!({ "_": "TextWithEntities", "text": text, "entities": [] });
    let answer = |text: &str, option: &str| json!({ "_": "PollAnswer", "text": words(text), "option": { "hex": option } });
    let poll = json!({ "_": "Poll", "id": 1, "question": words("Fish or meat?"), "hash": 0,
        "public_voters": true, "answers": [answer("Fish", "00"), answer("Meat", "01")] });
    let media = json!({ "_": "InputMediaPoll", "poll": poll });
    two.ada.invoke(
        "messages.SendMedia",
        json!({ "peer": { "peer": crew }, "media": media, "message": "", "random_id": 77 }),
    );
    let asked = two.tina.expect_event("the poll", SOON, |event| {
        event["@type"] == "updateNewMessage"
            && event["message"]["chat_id"] == there
            && event["message"]["content"]["@type"] == "messagePoll"
    });
    let asked = &asked["message"]["id"];
    two.tina.request(
        "setPollAnswer",
        json!({ "chat_id": there, "message_id": asked, "option_ids": [1] }),
    );
    two.ada.expect_event("her vote", SOON, |event| {
        event["_"] == "UpdateMessagePoll" && event["results"]["total_voters"] == 1
    });
    let asked = two.bob.history(there, 1, 0);
    let id = asked[0]["id"].clone();
    two.bob.invoke(
        "messages.SendVote",
        json!({ "peer": { "peer": there }, "msg_id": id, "options": [{ "hex": "00" }] }),
    );
    two.ada.expect_event("his vote", SOON, |event| {
        event["_"] == "UpdateMessagePoll" && event["results"]["total_voters"] == 2
    });
}

/// The picture of the group shows on the other node, and is loaded there from where it lies.
fn picture(two: &mut Two, crew: i64, there: i64) {
    let heart = include_bytes!("../../../mtproto-frontend/assets/reactions/heart.webp");
    let hex: String = heart.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = json!({ "file_id": 7, "file_part": 0, "bytes": { "hex": hex } });
    assert_eq!(two.ada.invoke("upload.SaveFilePart", part), true);
    let file = json!({ "_": "InputFile", "id": 7, "parts": 1, "name": "heart.webp",
        "md5_checksum": "" });
    two.ada.invoke(
        "channels.EditPhoto",
        json!({ "channel": { "channel": crew },
            "photo": { "_": "InputChatUploadedPhoto", "file": file } }),
    );
    let said = two.bob.expect_event("the photo", SOON, |event| {
        event["message"]["action"]["_"] == "MessageActionChatEditPhoto"
    });
    let photo = &said["message"]["action"]["photo"];
    let location = json!({ "_": "InputPeerPhotoFileLocation", "big": true,
        "peer": { "peer": there }, "photo_id": photo["id"] });
    let asked = json!({ "location": location, "offset": 0, "limit": 1 << 20 });
    let loaded = two.bob.invoke("upload.GetFile", asked);
    assert!(loaded["bytes"]["hex"].as_str().is_some_and(|hex| hex.len() > 200), "{said}");
}

fn basic(mut two: Two) {
    let bob = met(&mut two);
    let new = json!({ "title": "New crew", "users": [{ "user": bob }] });
    let made = two.ada.invoke("messages.CreateChat", new);
    assert!(made["missing_invitees"].as_array().is_none_or(Vec::is_empty), "{made}");
    // It is a supergroup by now, and he is in it.
    let there = new_channel(&mut two.bob);
    two.bob.send(there, "aye");
    let at_ada = came(&mut two.ada, "aye");
    assert_eq!(at_ada["from"], bob);
    let place = at_ada["peer"].as_i64().expect("a group");
    assert!(place < CHANNELS, "{at_ada}");
    two.ada.send(place, "welcome");
    came(&mut two.bob, "welcome");
}
