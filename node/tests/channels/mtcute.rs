//! Channels by mtcute, which fetches by itself what it missed in each of them.

use std::time::Duration;

use serde_json::json;

use crate::CHANNELS;
use crate::clients::{self, Client, MTCUTE, TELETHON};
use crate::driver::Driver;
use crate::scene::{assert_no_complaints, message};
use crate::supergroup;
use crate::support::isolation::isolated;
use crate::support::node::TestNode;
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);
const CLIENTS: [&Client; 2] = [&TELETHON, &MTCUTE];

/// Comments by its own means, and messages in the names of a group and of a channel.
#[test]
fn mtcute_comments() {
    if clients::any_skipped(&CLIENTS) {
        return;
    }
    clients::install(&CLIENTS);
    isolated("mtcute::mtcute_comments", WITHIN, || {
        let Team { node: _node, members, .. } = Team::gather_on(TestNode::start(), &CLIENTS);
        let Ok([mut ada, mut mia]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        let mut made = |title: &str, broadcast: bool| {
            let made = ada.invoke(
                "channels.CreateChannel",
                json!({ "title": title, "about": "", "broadcast": broadcast,
                    "megagroup": !broadcast }),
            );
            CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel")
        };
        let (news, talk) = (made("News", true), made("Talk", false));
        let name = json!({ "channel": { "channel": news }, "username": "harbour_news" });
        ada.invoke("channels.UpdateUsername", name);
        ada.invoke(
            "channels.SetDiscussionGroup",
            json!({ "broadcast": { "channel": news }, "group": { "channel": talk } }),
        );
        mia.command("join", json!({ "name": "harbour_news" }));
        let post = ada.send(news, "ships");
        message(&mut mia, "ships");
        let of = json!({ "peer": news, "msg_id": post });
        let found = mia.command("discussion", of.clone());
        assert_eq!(
            (&found["peer"], &found["sender"], &found["count"]),
            (&json!(talk), &json!(news), &json!(0)),
            "{found}"
        );
        let comment = json!({ "peer": news, "msg_id": post, "text": "seen them" });
        let said = mia.command("comment", comment);
        assert_eq!(said["peer"], talk, "{said}");
        let heard = message(&mut ada, "seen them");
        assert_eq!((&heard["id"], &heard["reply_to"]), (&said["msg_id"], &found["msg_id"]));
        assert_eq!(mia.command("discussion", of)["count"], 1);
        // The owner stays unknown, and she does not.
        let rights = json!({ "_": "ChatAdminRights", "anonymous": true });
        ada.invoke(
            "channels.EditAdmin",
            json!({ "channel": { "channel": talk }, "user_id": { "user": ada.user },
                "admin_rights": rights, "rank": "" }),
        );
        let answer = ada.send_with(talk, "so have I", json!({ "reply_to": said["msg_id"] }));
        let shown = mia.command("sender", json!({ "peer": talk, "msg_id": answer }));
        assert_eq!((&shown["sender"], &shown["outgoing"]), (&json!(talk), &json!(false)));
        let shown = mia.command("sender", json!({ "peer": talk, "msg_id": said["msg_id"] }));
        assert_eq!((&shown["sender"], &shown["outgoing"]), (&json!(mia.user), &json!(true)));
        assert_no_complaints(&mut mia);
    });
}

#[test]
fn mtcute_takes_part_in_channels() {
    if clients::any_skipped(&CLIENTS) {
        return;
    }
    clients::install(&CLIENTS);
    isolated("mtcute::mtcute_takes_part_in_channels", WITHIN, || {
        let Team { node: _node, members, .. } = Team::gather_on(TestNode::start(), &CLIENTS);
        let Ok([mut ada, mut mia]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        // Found by its name, and joined.
        let crew = supergroup(&mut ada, "Crew");
        let channel = json!({ "channel": crew });
        let name = json!({ "channel": channel, "username": "harbour_crew" });
        ada.invoke("channels.UpdateUsername", name);
        let joined = mia.command("join", json!({ "name": "harbour_crew" }));
        assert_eq!(joined["peer"], crew, "{joined}");
        // Both write, answer, edit and delete.
        let first = mia.send(crew, "ahoy");
        let heard = message(&mut ada, "ahoy");
        assert_eq!((&heard["id"], &heard["peer"]), (&json!(first), &json!(crew)));
        let answer = ada.send_with(crew, "aye", json!({ "reply_to": first }));
        let heard = message(&mut mia, "aye");
        assert_eq!((&heard["id"], &heard["reply_to"]), (&json!(answer), &json!(first)));
        mia.command("edit", json!({ "to": crew, "msg_id": first, "text": "ahoy there" }));
        ada.expect(&json!({ "event": "edited", "id": first, "text": "ahoy there" }));
        ada.command("read", json!({ "peer": crew, "max_id": first }));
        mia.expect(&json!({ "event": "read_outbox", "peer": crew, "max_id": first }));
        mia.command("delete", json!({ "to": crew, "msg_ids": [first] }));
        ada.expect(&json!({ "event": "deleted", "ids": [first] }));
        // What was missed comes by the channel's own difference.
        mia.command("offline", json!({}));
        for text in ["one", "two", "three"] {
            ada.send(crew, text);
        }
        ada.command("edit", json!({ "to": crew, "msg_id": answer, "text": "aye aye" }));
        mia.command("online", json!({}));
        for text in ["one", "two", "three"] {
            assert_eq!(message(&mut mia, text)["peer"], crew);
        }
        mia.expect(&json!({ "event": "edited", "id": answer, "text": "aye aye" }));
        let said: Vec<_> =
            mia.history(crew, 3, 0).into_iter().map(|one| one["text"].clone()).collect();
        assert_eq!(said, ["three", "two", "one"]);
        let dialogs = mia.command("dialogs", json!({}));
        let listed = dialogs["dialogs"].as_array().expect("a list").iter();
        let listed: Vec<_> = listed.filter(|dialog| dialog["peer"] == crew).collect();
        assert_eq!(listed.len(), 1, "{dialogs}");
        assert_eq!(listed[0]["unread"], 4, "with the answer: {dialogs}");

        // Its own, with somebody who is then banned.
        let made =
            mia.command("create_supergroup", json!({ "title": "Deck", "users": [ada.user] }));
        let deck = made["peer"].as_i64().expect("a group");
        let order = mia.send(deck, "scrub it");
        message(&mut ada, "scrub it");
        mia.command("pin", json!({ "peer": deck, "msg_id": order }));
        let full = json!({ "channel": { "channel": deck } });
        let full = ada.invoke("channels.GetFullChannel", full);
        assert_eq!(full["full_chat"]["pinned_msg_id"], order, "{full}");
        let found = mia.command("participants", json!({ "peer": deck }));
        let list = found["found"].as_array().expect("a list");
        let status = |user: i64| {
            list.iter().find(|one| one["user"] == user).map(|one| one["status"].clone())
        };
        assert_eq!(status(mia.user), Some(json!("creator")), "{found}");
        assert_eq!(status(ada.user), Some(json!("member")), "{found}");
        mia.command("ban", json!({ "peer": deck, "user": ada.user }));
        let refused = ada.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": deck }, "message": "why", "random_id": 5 }),
        );
        assert_eq!(refused, (400, "CHANNEL_PRIVATE".into()));
        mia.command("leave", json!({ "peer": crew }));
        let full = ada.invoke("channels.GetFullChannel", json!({ "channel": channel }));
        assert_eq!(full["full_chat"]["participants_count"], 1, "{full}");
        for driver in [&mut ada, &mut mia] {
            assert_no_complaints(driver);
        }
    });
}
