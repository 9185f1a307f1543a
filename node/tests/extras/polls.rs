//! Feature 63: polls and quizzes, from every client to every other.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, play};

fn words(text: &str) -> Value {
    json!({ "_": "TextWithEntities", "text": text, "entities": [] })
}

/// A poll of Telethon: what stands for its answers is 30 and 31 in hexadecimal.
fn poll(more: Value) -> Value {
    let answer = |text: &str, option: &str| json!({ "_": "PollAnswer", "text": words(text), "option": { "hex": option } });
    let mut poll = json!({
        "_": "Poll", "id": 0, "hash": 0, "question": words("Which?"),
        "answers": [answer("This", "30"), answer("That", "31")], "public_voters": true,
    });
    let (Value::Object(all), Value::Object(more)) = (&mut poll, more) else { panic!() };
    all.extend(more);
    json!({ "_": "InputMediaPoll", "poll": poll })
}

fn ask(driver: &mut Driver, peer: i64, media: Value, random_id: i64) -> i64 {
    let sent = driver.invoke(
        "messages.SendMedia",
        json!({ "peer": { "peer": peer }, "media": media, "message": "", "random_id": random_id }),
    );
    sent["updates"][0]["id"].as_i64().expect("a number")
}

/// A message with a poll, of the raw API.
fn asked(driver: &mut Driver) -> Value {
    let update = driver.expect_event("a poll", SOON, |event| {
        event["_"] == "UpdateNewMessage" && event["message"]["media"]["_"] == "MessageMediaPoll"
    });
    update["message"].clone()
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

/// Telethon asks in a group, Pyrogram and TDLib answer: each sees the results once it has voted.
/// Then the poll is closed, and everybody sees them.
#[test]
fn polls() {
    play("polls::polls", |mut scene| {
        let chat = scene.group("Team");
        let Scene { ada, bob, tina, node } = &mut scene;
        let group = -chat;
        let first = ask(ada, group, poll(json!({})), 1);
        let at_bob = asked(bob);
        let shown = &at_bob["media"]["poll"];
        assert_eq!(shown["question"], "Which?", "a plain text at layer 158: {at_bob}");
        assert_eq!(shown["answers"][1]["text"], "That");
        assert_eq!(at_bob["media"]["results"]["results"], json!([]), "nothing before a vote");
        let at_tina = content(tina, "messagePoll")["message"].clone();
        assert_eq!(at_tina["content"]["poll"]["question"]["text"], "Which?", "{at_tina}");

        let here = |id: &Value| json!({ "peer": { "peer": group }, "msg_id": id });
        let vote = |id: &Value, options: &[&str]| {
            let options: Vec<_> = options.iter().map(|hex| json!({ "hex": hex })).collect();
            json!({ "peer": { "peer": group }, "msg_id": id, "options": options })
        };
        let voters = json!({ "peer": { "peer": group }, "id": at_bob["id"], "limit": 10 });
        let refused = bob.invoke_refused("messages.GetPollVotes", voters.clone());
        assert_eq!(refused.1, "POLL_VOTE_REQUIRED", "the library has a code of its own");
        let answer = bob.invoke("messages.SendVote", vote(&at_bob["id"], &["30"]));
        let own = &answer["updates"][0]["results"]["results"];
        assert_eq!((&own[0]["voters"], &own[0]["chosen"]), (&json!(1), &json!(true)), "{answer}");
        let seen = results(ada, 1);
        assert_eq!(seen["results"], json!(null), "who asked has to vote too: {seen}");
        tina.request(
            "setPollAnswer",
            json!({ "chat_id": group, "message_id": at_tina["id"], "option_ids": [1] }),
        );
        let seen = results(bob, 2);
        assert_eq!(seen["results"][1]["voters"], 1, "{seen}");
        results(ada, 2);
        let list = tina.request(
            "getPollVoters",
            json!({ "chat_id": group, "message_id": at_tina["id"], "option_id": 0, "offset": 0,
                "limit": 10 }),
        );
        assert_eq!(list["total_count"], 1, "{list}");
        let list = bob.invoke("messages.GetPollVotes", voters);
        assert_eq!(list["count"], 2, "{list}");
        assert_eq!(list["votes"].as_array().map(Vec::len), Some(2), "of an older layer: {list}");

        // What is refused; another answer, and none.
        for (options, name) in
            [(&["30", "31"][..], "OPTIONS_TOO_MUCH"), (&["ff"], "OPTION_INVALID")]
        {
            let refused = bob.invoke_refused("messages.SendVote", vote(&at_bob["id"], options));
            assert_eq!(refused, (400, name.into()));
        }
        bob.invoke("messages.SendVote", vote(&at_bob["id"], &["31"]));
        bob.invoke("messages.SendVote", vote(&at_bob["id"], &[]));
        results(ada, 1);
        node.kill_and_restart();
        ada.settle();
        bob.settle();
        tina.settle();
        let now = ada.invoke(
            "messages.GetPollResults",
            json!({ "peer": { "peer": group }, "msg_id": first, "poll_hash": 0 }),
        );
        assert_eq!(now["updates"][0]["results"]["total_voters"], 1, "{now}");

        // Closed by who asked: everybody sees the results, and nobody can vote any more.
        let refused = bob.invoke_refused("messages.SendVote", vote(&json!(first + 1000), &["30"]));
        assert_eq!(refused, (400, "MESSAGE_ID_INVALID".into()));
        let closed = json!({ "peer": { "peer": group }, "id": first,
            "media": poll(json!({ "closed": true })) });
        ada.invoke("messages.EditMessage", closed);
        let update = bob.expect_event("the end", SOON, |event| {
            event["_"] == "UpdateMessagePoll" && event["poll"]["closed"] == true
        });
        assert_eq!(update["results"]["results"][1]["voters"], 1, "{update}");
        told(tina, "the end", "is_closed", &json!(true));
        let refused = bob.invoke_refused("messages.SendVote", vote(&at_bob["id"], &["30"]));
        assert_eq!(refused, (400, "MESSAGE_POLL_CLOSED".into()));
        let results = bob.invoke("messages.GetPollResults", here(&at_bob["id"]));
        assert_eq!(results["updates"][0]["poll"]["closed"], true);
        assert_no_complaints(tina);
    });
}

/// A quiz of TDLib: what is right is said to who has answered, and an answer stands.
#[test]
fn quizzes() {
    play("polls::quizzes", |mut scene| {
        // TDLib sends none to a person.
        let chat = scene.group("Team");
        let Scene { ada, bob, tina, .. } = &mut scene;
        let group = -chat;
        let text = |text: &str| json!({ "@type": "formattedText", "text": text });
        let option = |words: &str| json!({ "@type": "inputPollOption", "text": text(words) });
        tina.request(
            "sendMessage",
            json!({
                "chat_id": group,
                "input_message_content": {
                    "@type": "inputMessagePoll", "question": text("Two and two?"),
                    "options": [option("three"), option("four")], "is_anonymous": true,
                    "type": { "@type": "inputPollTypeQuiz", "correct_option_ids": [1],
                        "explanation": text("Count them.") },
                },
            }),
        );
        let at_ada = asked(ada);
        let quiz = &at_ada["media"]["poll"];
        assert_eq!((&quiz["quiz"], &quiz["public_voters"]), (&json!(true), &json!(false)));
        assert_eq!(at_ada["media"]["results"]["solution"], json!(null), "not before an answer");
        let option = quiz["answers"][0]["option"].clone();
        let vote = json!({ "peer": { "peer": group }, "msg_id": at_ada["id"],
            "options": [option] });
        let answer = ada.invoke("messages.SendVote", vote.clone());
        let got = &answer["updates"][0]["results"];
        assert_eq!(got["solution"], "Count them.", "{answer}");
        assert_eq!(
            (&got["results"][0]["chosen"], &got["results"][1]["correct"]),
            (&json!(true), &json!(true)),
            "{answer}"
        );
        let refused = ada.invoke_refused("messages.SendVote", vote);
        assert_eq!(refused, (400, "REVOTE_NOT_ALLOWED".into()));
        let voters = json!({ "peer": { "peer": group }, "id": at_ada["id"], "limit": 10 });
        let refused = ada.invoke_refused("messages.GetPollVotes", voters);
        assert_eq!(refused, (403, "BROADCAST_FORBIDDEN".into()));
        let own = told(tina, "a voter", "total_voter_count", &json!(1));
        assert_eq!(own["type"]["@type"], "pollTypeQuiz");

        // Forwarded, it is the same quiz; of an older layer too.
        let forward = json!({ "from_peer": { "peer": group }, "id": [at_ada["id"]],
            "random_id": [7], "to_peer": { "peer": bob.user } });
        ada.invoke("messages.ForwardMessages", forward);
        asked(bob);
        let at_bob = asked(bob);
        assert_eq!(at_bob["media"]["poll"]["id"], quiz["id"]);
        assert_eq!(at_bob["peer_id"]["user_id"], ada.user, "{at_bob}");
        bob.invoke(
            "messages.SendVote",
            json!({ "peer": { "peer": ada.user }, "msg_id": at_bob["id"],
                "options": [at_bob["media"]["poll"]["answers"][1]["option"]] }),
        );
        told(tina, "two voters", "total_voter_count", &json!(2));

        // Closes by itself.
        let soon = poll(json!({ "close_period": 5 }));
        ask(ada, group, soon, 8);
        content(tina, "messagePoll");
        told(tina, "the end", "is_closed", &json!(true));
        assert_no_complaints(tina);
    });
}
