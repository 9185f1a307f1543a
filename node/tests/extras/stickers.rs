//! Features 99 and 100: sets of stickers, custom emoji, what is kept at hand.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::files::{WEBP, WEBP_2, input, is, load, media, sticker};
use crate::scene::{Scene, assert_no_complaints, play};

fn item(document: &Value, emoji: &str) -> Value {
    json!({ "_": "InputStickerSetItem", "document": document, "emoji": emoji })
}

fn create(driver: &mut Driver, title: &str, name: &str, items: &[Value], more: Value) -> Value {
    let mut fields = json!({ "user_id": { "_": "InputUserSelf" }, "title": title,
        "short_name": name, "stickers": items });
    let (Value::Object(all), Value::Object(more)) = (&mut fields, more) else { panic!() };
    all.extend(more);
    driver.invoke("stickers.CreateStickerSet", fields)
}

fn by_name(name: &str) -> Value {
    json!({ "_": "InputStickerSetShortName", "short_name": name })
}

fn count(of: &Value) -> usize {
    of.as_array().map_or(0, Vec::len)
}

/// Telethon makes a set, TDLib and Pyrogram install it, load and use it; it is changed, ordered,
/// archived and ended.
#[test]
fn stickers() {
    play("stickers::stickers", |mut scene| {
        let Scene { ada, bob, tina, .. } = &mut scene;
        let (one, two) = (sticker(ada, 1, WEBP), sticker(ada, 2, WEBP_2));
        let free = ada.invoke("stickers.CheckShortName", json!({ "short_name": "Rooks" }));
        assert_eq!(free, true);
        let made = create(ada, "Rooks", "Rooks", &[item(&one, "😀"), item(&two, "🔥")], json!({}));
        let set = made["set"].clone();
        assert_eq!((&set["count"], &set["creator"]), (&json!(2), &json!(true)), "{made}");
        assert!(is(&load(ada, &made["documents"][0]), WEBP), "its file");
        let taken = ada.invoke_refused("stickers.CheckShortName", json!({ "short_name": "rooks" }));
        assert_eq!(taken, (400, "SHORT_NAME_OCCUPIED".into()));
        let name = ada.invoke("stickers.SuggestShortName", json!({ "title": "Rooks" }));
        assert_eq!(name["short_name"], "Rooks_1");
        let all = ada.invoke("messages.GetAllStickers", json!({ "hash": 0 }));
        assert_eq!(all["sets"][0]["id"], set["id"], "one's own set is installed");
        let same = ada.invoke("messages.GetAllStickers", json!({ "hash": all["hash"] }));
        assert_eq!(same["_"], "AllStickersNotModified");

        // TDLib finds, installs, loads and keeps it.
        let found = tina.request("searchStickerSet", json!({ "name": "Rooks" }));
        assert_eq!(found["title"], "Rooks", "{found}");
        let id = found["id"].clone();
        let change = |installed: bool, archived: bool| json!({ "set_id": id, "is_installed": installed, "is_archived": archived });
        tina.request("changeStickerSet", change(true, false));
        let regular = json!({ "@type": "stickerTypeRegular" });
        let installed = tina.request("getInstalledStickerSets", json!({ "sticker_type": regular }));
        assert_eq!(installed["total_count"], 1, "{installed}");
        let file = found["stickers"][0]["sticker"]["id"].clone();
        let loaded = tina.request(
            "downloadFile",
            json!({ "file_id": file, "priority": 1, "synchronous": true }),
        );
        assert_eq!(loaded["local"]["is_downloading_completed"], true, "{loaded}");
        let kept = json!({ "sticker": { "@type": "inputFileId", "id": file } });
        tina.request("addFavoriteSticker", kept.clone());
        tina.request("addRecentSticker", {
            let mut kept = kept.clone();
            kept["is_attached"] = json!(false);
            kept
        });
        assert_eq!(count(&tina.request("getFavoriteStickers", json!({}))["stickers"]), 1);

        // Pyrogram, of an older layer.
        let found = bob
            .invoke("messages.GetStickerSet", json!({ "stickerset": by_name("Rooks"), "hash": 0 }));
        assert_eq!(count(&found["documents"]), 2, "{found}");
        let known = json!({ "stickerset": by_name("Rooks"), "hash": found["set"]["hash"] });
        assert_eq!(bob.invoke("messages.GetStickerSet", known)["_"], "StickerSetNotModified");
        let install = json!({ "stickerset": by_name("Rooks"), "archived": false });
        bob.invoke("messages.InstallStickerSet", install);
        let first = input(&found["documents"][0]);
        let recent = json!({ "id": first, "unsave": false });
        assert_eq!(bob.invoke("messages.SaveRecentSticker", recent), true);
        let listed = bob.invoke("messages.GetRecentStickers", json!({ "hash": 0 }));
        assert_eq!(listed["stickers"][0]["id"], found["documents"][0]["id"], "{listed}");
        assert_eq!(bob.invoke("messages.ClearRecentStickers", json!({})), true);
        let listed = bob.invoke("messages.GetRecentStickers", json!({ "hash": 0 }));
        assert_eq!(count(&listed["stickers"]), 0);
        let fave = |unfave: bool| json!({ "id": first, "unfave": unfave });
        assert_eq!(bob.invoke("messages.FaveSticker", fave(false)), true);
        let listed = bob.invoke("messages.GetFavedStickers", json!({ "hash": 0 }));
        assert_eq!(count(&listed["stickers"]), 1, "{listed}");
        assert_eq!(bob.invoke("messages.FaveSticker", fave(true)), true);
        let by_emoji = json!({ "emoticon": "🔥", "hash": 0 });
        let listed = bob.invoke("messages.GetStickers", by_emoji);
        assert_eq!(listed["stickers"][0]["id"], found["documents"][1]["id"]);
        let words = json!({ "q": "rook", "hash": 0 });
        assert_eq!(count(&bob.invoke("messages.SearchStickerSets", words)["sets"]), 1);

        // Changed by its maker: others see another form.
        let last = input(&made["documents"][1]);
        let moved =
            ada.invoke("stickers.ChangeStickerPosition", json!({ "sticker": last, "position": 0 }));
        assert_eq!(moved["documents"][0]["id"], made["documents"][1]["id"]);
        let changed = ada.invoke(
            "stickers.ChangeSticker",
            json!({ "sticker": last, "emoji": "🎉", "keywords": "party" }),
        );
        assert_eq!(changed["packs"][0]["emoticon"], "🎉", "{changed}");
        let three = sticker(ada, 3, WEBP);
        let added = ada.invoke(
            "stickers.AddStickerToSet",
            json!({ "stickerset": by_name("Rooks"), "sticker": item(&three, "👀") }),
        );
        assert_eq!(added["set"]["count"], 3, "{added}");
        let thumb = json!({ "stickerset": by_name("Rooks"), "thumb": three });
        ada.invoke("stickers.SetStickerSetThumb", thumb);
        let renamed = json!({ "stickerset": by_name("Rooks"), "title": "Owls" });
        assert_eq!(ada.invoke("stickers.RenameStickerSet", renamed)["set"]["title"], "Owls");
        let removed = ada.invoke("stickers.RemoveStickerFromSet", json!({ "sticker": last }));
        assert_eq!(removed["set"]["count"], 2);
        let theirs = json!({ "sticker": first });
        let refused = bob.invoke_refused("stickers.RemoveStickerFromSet", theirs);
        assert_eq!(refused, (400, "STICKER_INVALID".into()));
        let own = ada.invoke("messages.GetMyStickers", json!({ "offset_id": 0, "limit": 10 }));
        assert_eq!(own["sets"][0]["set"]["title"], "Owls", "{own}");

        // Custom emoji, with another set in front.
        let four = sticker(ada, 4, WEBP_2);
        let emoji = create(ada, "Marks", "Marks", &[item(&four, "❤")], json!({ "emojis": true }));
        let number = emoji["documents"][0]["id"].clone();
        let found =
            bob.invoke("messages.GetCustomEmojiDocuments", json!({ "document_id": [number, 5] }));
        assert_eq!((count(&found), &found[0]["id"]), (1, &number), "{found}");
        let found = ada.invoke("messages.GetEmojiStickers", json!({ "hash": 0 }));
        assert_eq!(count(&found["sets"]), 1);

        // Order, archive, end.
        let five = sticker(ada, 5, WEBP);
        let wrens = create(ada, "Wrens", "Wrens", &[item(&five, "😀")], json!({}));
        let install = json!({ "stickerset": by_name("Wrens"), "archived": false });
        bob.invoke("messages.InstallStickerSet", install);
        let order = json!({ "order": [set["id"], wrens["set"]["id"]] });
        assert_eq!(bob.invoke("messages.ReorderStickerSets", order), true);
        let listed = bob.invoke("messages.GetAllStickers", json!({ "hash": 0 }));
        assert_eq!(listed["sets"][0]["id"], set["id"], "{listed}");
        let archive = json!({ "archive": true, "stickersets": [by_name("Wrens")] });
        assert_eq!(bob.invoke("messages.ToggleStickerSets", archive), true);
        let page = json!({ "offset_id": 0, "limit": 10 });
        let listed = bob.invoke("messages.GetArchivedStickers", page);
        assert_eq!(
            (&listed["count"], &listed["sets"][0]["set"]["archived"]),
            (&json!(1), &json!(true)),
            "{listed}"
        );
        let gone = json!({ "stickerset": by_name("Rooks") });
        assert_eq!(bob.invoke("messages.UninstallStickerSet", gone.clone()), true);
        tina.forget();
        assert_eq!(ada.invoke("stickers.DeleteStickerSet", gone), true);
        let refused = bob.invoke_refused(
            "messages.GetStickerSet",
            json!({ "stickerset": by_name("Rooks"), "hash": 0 }),
        );
        assert_eq!(refused, (406, "STICKERSET_INVALID".into()));
        assert_no_complaints(tina);
    });
}

/// A GIF is kept by who sent it and by who got it.
#[test]
fn gifs() {
    play("stickers::gifs", |mut scene| {
        let Scene { ada, tina, .. } = &mut scene;
        let attributes = json!([
            { "_": "DocumentAttributeAnimated" },
            { "_": "DocumentAttributeVideo", "duration": 1.0, "w": 64, "h": 64, "nosound": true },
            { "_": "DocumentAttributeFilename", "file_name": "rook.mp4" },
        ]);
        let sent = media(ada, 9, b"not really a film", "video/mp4", attributes);
        let peer = json!({ "peer": tina.user });
        let fields = json!({ "peer": peer, "media": sent, "message": "", "random_id": 9 });
        let sent = ada.invoke("messages.SendMedia", fields);
        let document = sent["updates"][1]["message"]["media"]["document"].clone();
        let keep = |unsave: bool| json!({ "id": input(&document), "unsave": unsave });
        assert_eq!(ada.invoke("messages.SaveGif", keep(false)), true);
        let kept = ada.invoke("messages.GetSavedGifs", json!({ "hash": 0 }));
        assert_eq!(kept["gifs"][0]["id"], document["id"], "{kept}");
        let same = ada.invoke("messages.GetSavedGifs", json!({ "hash": kept["hash"] }));
        assert_eq!(same["_"], "SavedGifsNotModified");

        let got = tina.expect_event("the GIF", SOON, |event| {
            event["@type"] == "updateNewMessage"
                && event["message"]["content"]["@type"] == "messageAnimation"
        });
        let file = &got["message"]["content"]["animation"]["animation"]["id"];
        let animation = json!({ "animation": { "@type": "inputFileId", "id": file } });
        tina.request("addSavedAnimation", animation.clone());
        let kept = tina.request("getSavedAnimations", json!({}));
        assert_eq!(count(&kept["animations"]), 1, "{kept}");
        tina.request("removeSavedAnimation", animation);

        assert_eq!(ada.invoke("messages.SaveGif", keep(true)), true);
        let kept = ada.invoke("messages.GetSavedGifs", json!({ "hash": 0 }));
        assert_eq!(count(&kept["gifs"]), 0);
        assert_no_complaints(tina);
    });
}
