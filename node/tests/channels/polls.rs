//! Polls and quizzes in supergroups and channels.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::reactions::public;
use crate::scene::{Scene, assert_no_complaints, content, play, td_id};

fn words(text: &str) -> Value {
    json!({ "_": "TextWithEntities", "text": text, "entities": [] })
}

/// A poll of Telethon: what stands for its answers is 30 and 31 in hexadecimal.
fn poll(more: Value) -> Value {
    let answer = |text: &str, option: &str| json!({ "_": "PollAnswer", "text": words(text), "option": { "hex": option } });
    let mut poll = json!({
        "_": "Poll", "id": 0, "hash": 0, "question": words("Which?"),
        "answers": [answer("This", "30"), answer("That", "31")],
    });
    let (Value::Object(all), Value::Object(more)) = (&mut poll, more) else { panic!() };
    all.extend(more);
    json!({ "_": "InputMediaPoll", "poll": poll })
}

fn asking(peer: i64, media: &Value, random_id: i64) -> Value {
    json!({ "peer": { "peer": peer }, "media": media, "message": "", "random_id": random_id })
}

fn vote(peer: i64, id: i64, option: &str) -> Value {
    json!({ "peer": { "peer": peer }, "msg_id": id, "options": [{ "hex": option }] })
}

/// Results with so many voters, of the raw API.
fn results(driver: &mut Driver, voters: u64) -> Value {
    let update = driver.expect_event("results", SOON, |event| {
        event["_"] == "UpdateMessagePoll" && event["results"]["total_voters"] == voters
    });
    update["results"].clone()
}

/// A poll as TDLib tells of it: by itself, or as what its message holds.
fn told(driver: &mut Driver, what: &str, field: &str, value: &Value) -> Value {
    let poll = |event: &Value| match event["@type"].as_str() {
        Some("updatePoll") => event["poll"].clone(),
        Some("updateMessageContent") => event["new_content"]["poll"].clone(),
        _ => Value::Null,
    };
    let event = driver.expect_event(what, SOON, |event| poll(event)[field] == *value);
    poll(&event)
}

/// Everybody in a supergroup votes, sees who did, and is told; it is closed for all.
#[test]
fn polls_in_a_supergroup() {
    play("polls::polls_in_a_supergroup", |mut scene| {
        let crew = public(&mut scene, false, "harbour_crew");
        let Scene { node, ada, bob, tina } = &mut scene;
        let open = poll(json!({ "public_voters": true }));
        let sent = ada.invoke("messages.SendMedia", asking(crew, &open, 1));
        let id = sent["updates"][0]["id"].as_i64().expect("a number");
        bob.expect_event("a poll", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["media"]["_"] == "MessageMediaPoll"
        });
        let at_tina = content(tina, "messagePoll")["message"].clone();
        assert_eq!(at_tina["id"], td_id(id), "{at_tina}");
        let answer = bob.invoke("messages.SendVote", vote(crew, id, "30"));
        let own = &answer["updates"][0]["results"]["results"];
        assert_eq!((&own[0]["voters"], &own[0]["chosen"]), (&json!(1), &json!(true)), "{answer}");
        let seen = results(ada, 1);
        assert_eq!(seen["results"], json!(null), "who asked has to vote too: {seen}");
        tina.request(
            "setPollAnswer",
            json!({ "chat_id": crew, "message_id": td_id(id), "option_ids": [1] }),
        );
        let seen = results(bob, 2);
        assert_eq!(seen["results"][1]["voters"], 1, "{seen}");
        let voters = json!({ "peer": { "peer": crew }, "id": id, "limit": 10 });
        let list = bob.invoke("messages.GetPollVotes", voters.clone());
        assert_eq!((&list["count"], list["votes"].as_array().map(Vec::len)), (&json!(2), Some(2)));
        let list = tina.request(
            "getPollVoters",
            json!({ "chat_id": crew, "message_id": td_id(id), "option_id": 0, "offset": 0,
                "limit": 10 }),
        );
        assert_eq!(list["total_count"], 1, "{list}");
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *bob, &mut *tina] {
            driver.settle();
        }
        let now = ada.invoke(
            "messages.GetPollResults",
            json!({ "peer": { "peer": crew }, "msg_id": id, "poll_hash": 0 }),
        );
        assert_eq!(now["updates"][0]["results"]["total_voters"], 2, "{now}");
        let closed = |media: Value| json!({ "peer": { "peer": crew }, "id": id, "media": media });
        let end = closed(poll(json!({ "public_voters": true, "closed": true })));
        let refused = bob.invoke_refused("messages.SendVote", vote(crew, id + 1000, "30"));
        assert_eq!(refused, (400, "MESSAGE_ID_INVALID".into()));
        ada.invoke("messages.EditMessage", end);
        let update = bob.expect_event("the end", SOON, |event| {
            event["_"] == "UpdateMessagePoll" && event["poll"]["closed"] == true
        });
        assert_eq!(update["results"]["results"][1]["voters"], 1, "{update}");
        told(tina, "the end", "is_closed", &json!(true));
        let refused = bob.invoke_refused("messages.SendVote", vote(crew, id, "31"));
        assert_eq!(refused, (400, "MESSAGE_POLL_CLOSED".into()));
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}

/// A channel asks without names: a poll of Telethon, and a quiz, which readers answer.
#[test]
fn polls_in_a_channel() {
    play("polls::polls_in_a_channel", |mut scene| {
        let news = public(&mut scene, true, "harbour_news");
        let Scene { ada, bob, tina, .. } = &mut scene;
        let open = poll(json!({ "public_voters": true }));
        let refused = ada.invoke_refused("messages.SendMedia", asking(news, &open, 1));
        assert_eq!(refused, (400, "BROADCAST_PUBLIC_VOTERS_FORBIDDEN".into()));
        let mut quiz = poll(json!({ "quiz": true }));
        quiz["correct_answers"] = json!([1]);
        quiz["solution"] = json!("Count them.");
        quiz["solution_entities"] = json!([]);
        let sent = ada.invoke("messages.SendMedia", asking(news, &quiz, 2));
        let id = sent["updates"][0]["id"].as_i64().expect("a number");
        let at_bob = bob.expect_event("a quiz", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["media"]["_"] == "MessageMediaPoll"
        });
        let shown = &at_bob["message"]["media"]["poll"];
        assert_eq!((&shown["quiz"], &shown["public_voters"]), (&json!(true), &json!(false)));
        content(tina, "messagePoll");
        let answer = bob.invoke("messages.SendVote", vote(news, id, "30"));
        let got = &answer["updates"][0]["results"];
        assert_eq!(got["solution"], "Count them.", "{answer}");
        assert_eq!(got["results"][1]["correct"], true, "{answer}");
        let refused = bob.invoke_refused("messages.SendVote", vote(news, id, "31"));
        assert_eq!(refused, (400, "REVOTE_NOT_ALLOWED".into()));
        tina.request(
            "setPollAnswer",
            json!({ "chat_id": news, "message_id": td_id(id), "option_ids": [1] }),
        );
        let seen = results(bob, 2);
        assert_eq!(seen["results"][1]["voters"], 1, "{seen}");
        let voters = json!({ "peer": { "peer": news }, "id": id, "limit": 10 });
        let refused = ada.invoke_refused("messages.GetPollVotes", voters);
        assert_eq!(refused, (403, "BROADCAST_FORBIDDEN".into()));
        // Closes by itself.
        let soon = poll(json!({ "close_period": 5 }));
        ada.invoke("messages.SendMedia", asking(news, &soon, 3));
        content(tina, "messagePoll");
        told(tina, "the end", "is_closed", &json!(true));
        // A reader closes nothing.
        let end = |media: Value| json!({ "peer": { "peer": news }, "id": id, "media": media });
        let option =
            |hex: &str| json!({ "_": "PollAnswer", "text": "x", "option": { "hex": hex } });
        let old = json!({ "_": "InputMediaPoll", "poll": { "_": "Poll", "id": 0, "closed": true,
            "question": "Which?", "answers": [option("30"), option("31")] } });
        let refused = bob.invoke_refused("messages.EditMessage", end(old));
        assert_eq!(refused, (403, "MESSAGE_AUTHOR_REQUIRED".into()));
        let end = end(poll(json!({ "quiz": true, "closed": true })));
        ada.invoke("messages.EditMessage", end);
        told(tina, "the end", "is_closed", &json!(true));
        // What admins can look up.
        let log = ada.invoke(
            "channels.GetAdminLog",
            json!({ "channel": { "channel": news }, "q": "", "max_id": 0, "min_id": 0,
                "limit": 1 }),
        );
        assert_eq!(log["events"][0]["action"]["_"], "ChannelAdminLogEventActionStopPoll", "{log}");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}
