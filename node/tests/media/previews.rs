//! Previews of pages that messages link to.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use crate::scene::{TDLIB, TELETHON, play, png_of};

/// Serves a page with a picture, and answers where.
fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let (mut request, mut some) = (Vec::new(), [0; 1024]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut some) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&some[..read]),
                }
            }
            let (kind, body) = if request.starts_with(b"GET /picture") {
                ("image/png", png_of(640, 480, 480))
            } else {
                let title =
                    if request.starts_with(b"GET /pier") { "The pier" } else { "The lighthouse" };
                let page = format!(
                    "<html><head><title>{title}</title>\
                    <meta property='og:description' content='Red and white.'>\
                    <meta property='og:site_name' content='Harbour'>\
                    <meta property='og:image' content='/picture.png'></head><body></body></html>"
                );
                ("text/html; charset=utf-8", page.into_bytes())
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
        }
    });
    port
}

/// Who writes asks for the preview, and everybody gets it with the message, as a change that is no
/// edit for people.
#[test]
fn links_have_previews() {
    let port = std::cell::Cell::new(0);
    let config = || {
        port.set(site());
        format!(
            "[previews]\nenabled = true\nallow_ips = ['127.0.0.0/8']\nallow_ports = [{}]\n",
            port.get()
        )
    };
    play("previews::links_have_previews", &[&TELETHON, &TDLIB], config, |mut scene| {
        let link = format!("http://127.0.0.1:{}/lighthouse", port.get());
        let bob = scene.members[1].user;
        let ada = &mut scene.members[0];
        let from = ada.user;
        let text = format!("look at {link} soon");
        let shown = ada.invoke("messages.GetWebPagePreview", json!({ "message": text }));
        let page = &shown["media"]["webpage"];
        assert_eq!(
            (&page["title"], &page["site_name"]),
            (&json!("The lighthouse"), &json!("Harbour"))
        );
        assert_eq!(page["photo"]["_"], "Photo", "{page}");
        let same = ada.invoke("messages.GetWebPage", json!({ "url": link, "hash": 0 }));
        assert_eq!(same["webpage"]["description"], "Red and white.", "{same}");
        let picture = format!("http://127.0.0.1:{}/picture.png", port.get());
        let shown = ada.invoke("messages.GetWebPagePreview", json!({ "message": picture }));
        let page = &shown["media"]["webpage"];
        assert_eq!(
            (&page["type"], &page["photo"]["_"]),
            (&json!("photo"), &json!("Photo")),
            "{page}"
        );
        let none = ada.invoke("messages.GetWebPagePreview", json!({ "message": "no link" }));
        assert_eq!(none["media"]["_"], "MessageMediaEmpty", "{none}");

        let sent = ada.send(bob, &text);
        let td = &mut scene.members[1];
        let changed = td.expect(&json!({ "event": "edited", "text": text }));
        let id = changed["id"].as_i64().expect("an id") << 20;
        let of_it = json!({ "chat_id": from, "message_id": id });
        let message = td.request("getMessage", of_it.clone());
        let preview = &message["content"]["link_preview"];
        assert_eq!(preview["title"], "The lighthouse", "{message}");
        assert_eq!(message["edit_date"], 0, "no edit for people: {message}");
        let ada = &mut scene.members[0];
        let found = ada.invoke(
            "messages.GetMessages",
            json!({ "id": [{ "_": "InputMessageID", "id": sent }] }),
        );
        let message = &found["messages"][0];
        assert_eq!(message["media"]["webpage"]["title"], "The lighthouse", "{message}");
        assert_eq!(message["edit_date"], json!(null), "{message}");

        // Another link has another preview, and no link has none.
        let pier = format!("now at http://127.0.0.1:{}/pier", port.get());
        for (text, title) in [(pier.as_str(), json!("The pier")), ("gone home", json!(null))] {
            let edit = json!({ "peer": { "peer": bob }, "id": sent, "message": text });
            scene.members[0].invoke("messages.EditMessage", edit);
            let td = &mut scene.members[1];
            let mut shown = json!(false);
            while shown != title {
                td.expect(&json!({ "event": "edited", "text": text }));
                let message = td.request("getMessage", of_it.clone());
                shown = message["content"]["link_preview"]["title"].clone();
            }
        }

        // Who wants none gets none: also when a later message has got its own.
        let ada = &mut scene.members[0];
        let plain = json!({ "peer": { "peer": bob }, "message": text, "random_id": 7,
            "no_webpage": true });
        ada.invoke("messages.SendMessage", plain);
        let plain = ada.history(bob, 1, 0)[0]["id"].clone();
        let later = format!("and again at {link}");
        let shown = ada.send(bob, &later);
        scene.members[1].expect(&json!({ "event": "edited", "text": later }));
        let ids = [plain, json!(shown)].map(|id| json!({ "_": "InputMessageID", "id": id }));
        let found = scene.members[0].invoke("messages.GetMessages", json!({ "id": ids }));
        assert_eq!(found["messages"][0]["media"], json!(null), "{found}");
        assert_eq!(found["messages"][1]["media"]["webpage"]["title"], "The lighthouse", "{found}");
    });
}
