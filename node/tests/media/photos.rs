//! Photos of people and of groups.

use std::fs;

use serde_json::json;

use crate::scene::{PYROGRAM, TDLIB, TELETHON, play, png};

#[test]
fn photos_of_people_and_groups() {
    let clients = [&TELETHON, &TDLIB, &PYROGRAM];
    play("photos::photos_of_people_and_groups", &clients, String::new, |mut scene| {
        for from in 0..3 {
            let side = 400 + 100 * from as u32;
            let path = scene.file(&format!("me-{from}.png"), &png(side, side + 50));
            for member in &mut scene.members {
                member.show_updates();
            }
            scene.members[from].command("set_photo", json!({ "path": path }));
            let user = scene.members[from].user;
            for to in (0..3).filter(|to| *to != from) {
                let name = scene.members[to].client.name;
                if name == "tdlib" {
                    scene.members[to].expect_event("a photo", crate::driver::SOON, |event| {
                        event["@type"] == "updateUser"
                            && event["user"]["id"] == user
                            && event["user"]["profile_photo"].is_object()
                    });
                } else {
                    let update = json!({ "event": "update", "_": "UpdateUser", "user_id": user });
                    scene.members[to].expect(&update);
                }
                let path = scene.node.file(&format!("photo-{from}-{to}.jpg"));
                let fields = json!({ "peer": user, "path": path });
                let got = scene.members[to].command("download_photo", fields);
                let content = fs::read(&path).unwrap_or_else(|_| panic!("{name}: {got}"));
                assert!(content.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG at {name}");
                let count = scene.members[to].command("photos", json!({ "peer": user }));
                assert_eq!(count["count"], 1, "{name}");
            }
        }
        // A group's, by Telethon; and a photo that goes.
        let users = json!([{ "user": scene.members[1].user }, { "user": scene.members[2].user }]);
        let ada = &mut scene.members[0];
        let made = ada.invoke("messages.CreateChat", json!({ "users": users, "title": "Harbour" }));
        let chat = made["updates"]["chats"][0]["id"].as_i64().expect("a group");
        let photo = ada.invoke(
            "photos.GetUserPhotos",
            json!({ "user_id": { "user": "self" }, "offset": 0, "max_id": 0, "limit": 1 }),
        );
        let photo = &photo["photos"][0];
        let id = json!({
            "_": "InputPhoto", "id": photo["id"], "access_hash": photo["access_hash"],
            "file_reference": photo["file_reference"],
        });
        let set = json!({ "chat_id": chat, "photo": { "_": "InputChatPhoto", "id": id } });
        ada.invoke("messages.EditChatPhoto", set);
        scene.members[1].expect_event("the group's photo", crate::driver::SOON, |event| {
            event["@type"] == "updateChatPhoto" && event["chat_id"] == -chat
        });
        let ada = &mut scene.members[0];
        let gone = ada.invoke("photos.DeletePhotos", json!({ "id": [id] }));
        assert_eq!(gone, json!([photo["id"]]));
        let none = json!({ "id": { "_": "InputPhotoEmpty" } });
        ada.invoke("photos.UpdateProfilePhoto", none);
        let user = ada.user;
        let count = scene.members[2].command("photos", json!({ "peer": user }));
        assert_eq!(count["count"], 0);
    });
}
