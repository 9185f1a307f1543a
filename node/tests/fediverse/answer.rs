//! What people of the fediverse answer, like, share, vote and quote; and what admins answer to them.

use serde_json::{Value, json};

use crate::driver::Driver;
use crate::peer::SOON;
use crate::scene::{Bridged, Scene, is, play, says};
use crate::uploads::png;

/// A public group of ada's, in which a channel is discussed and where bob is.
pub(crate) fn discussion(scene: &mut Scene, news: &Bridged) -> i64 {
    let group = scene.discussion(news);
    scene.bob.invoke("contacts.ResolveUsername", json!({ "username": "harbour_talk" }));
    scene.bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": group } }));
    group
}

/// The reactions to a message, as the raw API tells them.
pub(crate) fn reactions(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked =
        json!({ "channel": { "channel": peer }, "id": [{ "_": "InputMessageID", "id": id }] });
    driver.invoke("channels.GetMessages", asked)["messages"][0].clone()
}

/// A post of a channel, and what it is called at other servers.
pub(crate) fn posted(scene: &mut Scene, news: &Bridged, text: &'static str) -> (i64, String) {
    let post = scene.ada.send(news.id, text);
    let created = scene.mia.hears("the post", says("Create", text));
    (post, created["object"]["id"].as_str().expect("an id").to_owned())
}

#[test]
fn replies_are_comments_and_are_answered() {
    play("answer::replies_are_comments_and_are_answered", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let group = discussion(&mut scene, &news);
        scene.follow(&news);
        let (_, post) = posted(&mut scene, &news, "The ferry is late");

        // A reply is a comment, in the name of whoever wrote it.
        let content = "<p><span class=\"h-card\"><a href=\"https://rookery.test/@harbour_news\" \
                       class=\"u-url mention\">@<span>harbour_news</span></a></span> \
                       <strong>How</strong> late?</p>";
        let note = scene.mia.replies(&news.actor, &post, content);
        let came = scene.bob.expect(&json!({ "event": "message", "text": "How late?" }));
        assert_eq!(came["peer"], group, "{came}");
        let comment = came["id"].as_i64().expect("an id");
        let asked = json!({ "channel": { "channel": group },
            "id": [{ "_": "InputMessageID", "id": comment }] });
        let whole = scene.ada.invoke("channels.GetMessages", asked);
        let by = whole["messages"][0]["from_id"]["user_id"].clone();
        let users = whole["users"].as_array().expect("users");
        let author = users.iter().find(|user| user["id"] == by).expect("who wrote it");
        assert_eq!(author["first_name"], "Mia of the Fediverse", "{author}");
        assert_eq!(author["last_name"], "(@mia@fedi.test)");
        let entity = &whole["messages"][0]["entities"][0];
        assert_eq!((&entity["_"], &entity["length"]), (&json!("MessageEntityBold"), &json!(3)));

        // It is counted, and other servers find it.
        let served = scene.mia.fetch(&post);
        assert_eq!(served["replies"]["totalItems"], 1, "{served}");
        let replies = scene.mia.fetch(served["replies"]["id"].as_str().expect("an id"));
        assert!(replies.to_string().contains(&note), "{replies}");

        // An admin answers in the channel's name: that goes to whoever is answered.
        scene.ada.invoke(
            "messages.SendMessage",
            json!({
                "peer": { "peer": group }, "message": "An hour", "random_id": 5,
                "reply_to": { "_": "InputReplyToMessage", "reply_to_msg_id": comment },
                "send_as": { "peer": news.id },
            }),
        );
        let answer = scene.mia.hears("the answer", says("Create", "An hour"));
        let object = &answer["object"];
        assert_eq!(object["inReplyTo"], note, "{answer}");
        assert_eq!(object["attributedTo"], news.actor);
        assert!(object["tag"].to_string().contains(&scene.mia.actor), "{object}");
        let at = object["id"].as_str().expect("an id").to_owned();
        assert_eq!(scene.mia.fetch(&at)["content"], object["content"]);

        // Edited by its author, and nobody else; then deleted.
        let edited = json!({
            "@context": "https://www.w3.org/ns/activitystreams", "type": "Note", "id": note,
            "attributedTo": scene.mia.actor, "content": "<p>How late, please?</p>",
            "inReplyTo": post, "to": "https://www.w3.org/ns/activitystreams#Public",
            "published": "2026-11-30T09:00:00Z", "updated": "2026-11-30T09:05:00Z",
        });
        scene.mia.acts(&news.actor, "Update", &edited);
        let came = scene.bob.expect(&json!({ "event": "edited", "text": "How late, please?" }));
        assert_eq!(came["id"], comment);
        assert_eq!(scene.mia.fetch(&post)["replies"]["totalItems"], 2);
        scene.mia.acts(&news.actor, "Delete", &json!({ "type": "Tombstone", "id": note }));
        scene.bob.expect(&json!({ "event": "deleted", "ids": [comment] }));
        assert_eq!(scene.mia.fetch(&post)["replies"]["totalItems"], 1, "the answer stays");
        posted(&mut scene, &news, "The ferry is here");
        assert!(!scene.mia.has_heard(says("Create", "An hour")), "told once, as one who follows");
    });
}

/// Who is answered need not follow, and hears of the answer for as long as it is there.
#[test]
fn answers_reach_whom_they_answer_to_their_end() {
    play("answer::answers_reach_whom_they_answer_to_their_end", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let group = discussion(&mut scene, &news);
        let follow = scene.follow(&news);
        let (_, post) = posted(&mut scene, &news, "The ferry is late");
        let followed = json!({ "type": "Follow", "id": follow, "actor": scene.mia.actor,
            "object": news.actor });
        scene.mia.acts(&news.actor, "Undo", &followed);
        let note = scene.mia.replies(&news.actor, &post, "<p>How does it look?</p>");
        let came = scene.bob.expect(&json!({ "event": "message", "text": "How does it look?" }));
        let bytes: String = png(64, 48).iter().map(|byte| format!("{byte:02x}")).collect();
        let part = json!({ "file_id": 7, "file_part": 0, "bytes": { "hex": bytes } });
        assert_eq!(scene.ada.invoke("upload.SaveFilePart", part), true);
        let file = json!({ "_": "InputFile", "id": 7, "parts": 1, "name": "ferry.png",
            "md5_checksum": "" });
        let answer = json!({
            "peer": { "peer": group }, "message": "Like this", "random_id": 6,
            "media": { "_": "InputMediaUploadedPhoto", "file": file },
            "reply_to": { "_": "InputReplyToMessage", "reply_to_msg_id": came["id"] },
            "send_as": { "peer": news.id },
        });
        scene.ada.invoke("messages.SendMedia", answer);
        let shown = scene.bob.expect(&json!({ "event": "message", "text": "Like this" }));
        let told = scene.mia.hears("the answer", says("Create", "Like this"));
        let id = told["object"]["id"].as_str().expect("an id").to_owned();
        let served = scene.mia.fetch(&id);
        let picture = served["attachment"][0]["url"].as_str().expect("a picture").to_owned();
        let got = scene.mia.get(&picture, &json!({}));
        assert_eq!(
            (&got["status"], &got["headers"]["content-type"]),
            (&json!(200), &json!("image/jpeg")),
            "{got}"
        );

        let edit = json!({ "to": group, "msg_id": shown["id"], "text": "Like that" });
        scene.ada.command("edit", edit);
        let told = scene.mia.hears("the edit", says("Update", "Like that"));
        assert_eq!(
            (&told["object"]["id"], &told["object"]["inReplyTo"]),
            (&json!(id), &json!(note))
        );

        // Also once what was answered is gone.
        scene.mia.acts(&news.actor, "Delete", &json!({ "type": "Tombstone", "id": note }));
        scene.bob.expect(&json!({ "event": "deleted", "ids": [came["id"]] }));
        assert_eq!(scene.mia.fetch(&id)["inReplyTo"], note);
        scene.ada.command("delete", json!({ "to": group, "msg_ids": [shown["id"]] }));
        let told = scene.mia.hears("the end", is("Delete"));
        assert_eq!(told["object"]["id"].as_str().or(told["object"].as_str()), Some(&*id), "{told}");
        assert_eq!(scene.mia.get(&picture, &json!({}))["status"], 404);
    });
}

#[test]
fn likes_shares_votes_and_quotes_count() {
    play("answer::likes_shares_votes_and_quotes_count", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.follow(&news);
        let (id, post) = posted(&mut scene, &news, "The ferry is here");

        // A like is a reaction, once, and is taken back.
        let like = scene.mia.acts(&news.actor, "Like", &json!(post));
        let shown = reactions(&mut scene.ada, news.id, id);
        assert_eq!(shown["reactions"]["results"][0]["count"], 1, "{shown}");
        let again = scene.mia.new_id();
        let twice = json!({ "@context": "https://www.w3.org/ns/activitystreams", "type": "Like",
            "id": again, "actor": scene.mia.actor, "object": post });
        scene.mia.does(&json!({ "do": "send", "to": news.actor, "activity": twice }));
        let shown = reactions(&mut scene.ada, news.id, id);
        assert_eq!(shown["reactions"]["results"][0]["count"], 1, "one of each: {shown}");
        for liked in [like, again] {
            let undone =
                json!({ "type": "Like", "id": liked, "actor": scene.mia.actor, "object": post });
            scene.mia.acts(&news.actor, "Undo", &undone);
        }
        let shown = reactions(&mut scene.ada, news.id, id);
        assert!(shown["reactions"]["results"].as_array().is_none_or(Vec::is_empty), "{shown}");

        // A share is a forward.
        scene.mia.acts(&news.actor, "Announce", &json!(post));
        let shown = reactions(&mut scene.ada, news.id, id);
        assert_eq!(shown["forwards"], 1, "{shown}");
        assert_eq!(scene.mia.fetch(&post)["shares"]["totalItems"], 1);

        // A quote is agreed to, by a stamp that anybody can look at.
        let quoting = "https://fedi.test/notes/quote";
        let id = scene.mia.new_id();
        let request = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", {
                "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest" }],
            "type": "QuoteRequest", "id": id, "actor": scene.mia.actor, "object": post,
            "instrument": quoting,
        });
        let sent = scene.mia.asks(&json!({ "do": "send", "to": news.actor, "activity": request }));
        assert_eq!(sent, Ok(Value::Null));
        let accepted = scene.mia.hears("the agreement", |came| {
            came["type"] == "Accept" && came.to_string().contains("/q/")
        });
        let stamp = accepted["result"].as_str().or(accepted["result"]["id"].as_str());
        let stamp = stamp.unwrap_or_else(|| panic!("{accepted}"));
        let stamp = scene.mia.fetch(stamp);
        assert_eq!(stamp["interactingObject"], quoting, "{stamp}");
        assert_eq!(stamp["interactionTarget"], post);

        // A poll is a question, whose answers are votes.
        let poll = json!({
            "_": "InputMediaPoll",
            "poll": { "_": "Poll", "id": 0, "hash": 0,
                "question": { "_": "TextWithEntities", "text": "Ferry or bridge?", "entities": [] },
                "answers": [
                    { "_": "PollAnswer", "text": { "_": "TextWithEntities", "text": "Ferry", "entities": [] }, "option": { "hex": "30" } },
                    { "_": "PollAnswer", "text": { "_": "TextWithEntities", "text": "Bridge", "entities": [] }, "option": { "hex": "31" } },
                ] },
        });
        scene.ada.invoke(
            "messages.SendMedia",
            json!({ "peer": { "peer": news.id }, "media": poll, "message": "", "random_id": 7 }),
        );
        let asked = scene.mia.hears("the question", |came| came["object"]["type"] == "Question");
        let question = asked["object"]["id"].as_str().expect("an id").to_owned();
        assert!(asked["object"]["content"].to_string().contains("Ferry or bridge?"), "{asked}");
        let vote = json!({ "type": "Note", "id": "https://fedi.test/notes/vote",
            "attributedTo": scene.mia.actor, "name": "Bridge", "inReplyTo": question,
            "to": news.actor, "published": "2026-11-30T09:00:00Z" });
        scene.mia.acts(&news.actor, "Create", &vote);
        let served = scene.mia.fetch(&question);
        let counts = |of: &Value| {
            of["oneOf"].as_array().map(|all| {
                all.iter().map(|one| one["replies"]["totalItems"].clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(counts(&served), Some(vec![json!(0), json!(1)]), "{served}");
        assert_eq!(served["votersCount"], 1);

        // Unfollowed, nothing comes any more: what follows the end is heard by nobody.
        let follow = json!({ "type": "Follow", "id": "https://fedi.test/users/mia/activities/1",
            "actor": scene.mia.actor, "object": news.actor });
        scene.mia.acts(&news.actor, "Undo", &follow);
        let followers = scene.mia.fetch(&format!("{}/followers", news.actor));
        assert_eq!(followers["totalItems"], 0, "{followers}");
        let _ = (SOON, is("Create"));
    });
}
