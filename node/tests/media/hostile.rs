//! Files that mean harm: refused, or stored as files like any other; the node's memory stays bounded.

use serde_json::json;

use crate::scene::{Scene, TDLIB, TELETHON, noise, play, png, png_of};

/// What one picture at work may take (224 MiB, as `node/pictures` says), and something for all else:
/// two pictures at once would be too many.
const GROWTH_BYTES_MAX: u64 = (224 + 96) << 20;

#[test]
fn hostile_files() {
    let clients = [&TELETHON, &TDLIB];
    play("hostile::hostile_files", &clients, String::new, |mut scene| {
        let before = scene.node.forget_peak();
        let truncated = png(800, 800)[..9000].to_vec();
        let named: [(&str, Vec<u8>, &str); 7] = [
            ("bomb.png", png_of(30_000, 30_000, 2), "PHOTO_INVALID_DIMENSIONS"),
            // Within the sides, and claims many pixels that are not there.
            ("short.png", png_of(5000, 5000, 1), "IMAGE_PROCESS_FAILED"),
            ("wide.png", png(4200, 100), "PHOTO_INVALID_DIMENSIONS"),
            ("cut.png", truncated, "IMAGE_PROCESS_FAILED"),
            (
                "vector.png",
                b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
                "PHOTO_EXT_INVALID",
            ),
            ("program.png", [&b"MZ"[..], &noise(4000)].concat(), "PHOTO_EXT_INVALID"),
            ("large.png", noise(10_000_001), "PHOTO_INVALID"),
        ];
        let to = scene.members[1].user;
        for (name, content, refusal) in &named {
            let path = scene.file(name, content);
            let fields = json!({ "to": to, "kind": "photo", "path": path });
            let (code, error) = scene.members[0].refused("send_file", fields);
            assert_eq!((code, error.as_str()), (400, *refusal), "{name}");
        }
        // The same as files: as they are, and nothing more is said of them.
        for (name, content, _) in &named {
            let path = scene.file(name, content);
            let (_, theirs) = scene.send(0, 1, "document", &json!({ "path": path }));
            let seen = scene.describe(1, 0, theirs);
            assert_eq!(seen["kind"], "document", "{seen}");
            assert_eq!(seen["thumb"], json!(false), "{name}: {seen}");
            assert!(scene.download(1, 0, theirs) == *content, "{name}");
        }
        names(&mut scene);
        let grown = scene.node.peak_bytes().saturating_sub(before);
        assert!(grown < GROWTH_BYTES_MAX, "the node grew by {grown} bytes at most");
    });
}

/// Names that lead elsewhere, or look like other ones.
fn names(scene: &mut Scene) {
    let path = scene.file("plain", &noise(50));
    let to = scene.members[1].user;
    for (name, shown) in [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("a\u{0}b\nc.txt", "abc.txt"),
    ] {
        let fields = json!({ "to": to, "path": path, "name": name });
        scene.members[0].command("send_named", fields);
        let theirs = scene.arrives(0, 1);
        let seen = scene.describe(1, 0, theirs);
        assert_eq!(seen["name"], shown, "{name:?}: {seen}");
    }
}
