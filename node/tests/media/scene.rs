//! Three members, each with another client, and files for them.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use serde_json::{Value, json};

use crate::clients::{self, Client, NONE, Runtime};
use crate::driver::Driver;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(600);

pub(crate) use crate::clients::TELETHON_MEDIA as TELETHON;

pub(crate) static PYROGRAM: Client = Client {
    name: "pyrogram",
    version: "2.0.106",
    layer: Some(158),
    script: "../media/pyrogram_media.py",
    packages: "pyrogram/pyrogram-2.0.106.txt",
    ..NONE
};

pub(crate) static TDLIB: Client = Client {
    name: "tdlib",
    version: "1.8.67",
    layer: None,
    script: "../media/tdlib_media.py",
    packages: "tdlib",
    runtime: Runtime::PythonWithNpm,
    chooses_random_id: false,
    ..NONE
};

/// Members on one node.
pub(crate) struct Scene {
    pub(crate) node: TestNode,
    pub(crate) members: Vec<Driver>,
}

/// Plays a scene in a namespace of its own, on a node with this configuration.
pub(crate) fn play(
    test: &str,
    clients: &[&'static Client],
    config: impl FnOnce() -> String,
    body: impl FnOnce(Scene),
) {
    if clients::any_skipped(clients) {
        return;
    }
    clients::install(clients);
    // The largest file goes up and down by Python.
    let is_long = std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full");
    let within = if is_long { 6 * WITHIN } else { WITHIN };
    isolated(test, within, || {
        let node = TestNode::start_with(Setup { config: config(), ..Setup::default() });
        let Team { node, mut members, .. } = Team::gather_on(node, clients);
        for driver in &mut members {
            if driver.client.name == "tdlib" {
                // What comes while it reads its first dialogs is no new message to it.
                driver.command("dialogs", json!({}));
            }
        }
        body(Scene { node, members });
    });
}

impl Scene {
    /// A file with this content.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.node.file(name);
        fs::write(&path, content).expect("write a file");
        path
    }

    /// The number of the next message that `to` gets from `from`.
    pub(crate) fn arrives(&mut self, from: usize, to: usize) -> i64 {
        let user = self.members[from].user;
        let event = self.members[to].expect(&json!({ "event": "message", "from": user }));
        event["id"].as_i64().expect("a message has an id")
    }

    /// What a member's client says of a message.
    pub(crate) fn describe(&mut self, who: usize, with: usize, msg_id: i64) -> Value {
        let peer = self.members[with].user;
        self.members[who].command("describe", json!({ "peer": peer, "msg_id": msg_id }))
    }

    /// The content that a member's client loads.
    pub(crate) fn download(&mut self, who: usize, with: usize, msg_id: i64) -> Vec<u8> {
        let peer = self.members[with].user;
        let path = self.node.file(&format!("got-{who}-{msg_id}"));
        self.members[who]
            .command("download", json!({ "peer": peer, "msg_id": msg_id, "path": path }));
        let content = fs::read(&path).expect("what was loaded");
        fs::remove_file(path).ok();
        content
    }

    /// Sends a file; answers its number in the boxes of the sender and of the receiver.
    pub(crate) fn send(&mut self, from: usize, to: usize, kind: &str, more: &Value) -> (i64, i64) {
        let mut fields = json!({ "to": self.members[to].user, "kind": kind });
        for (name, value) in more.as_object().expect("fields") {
            fields[name] = value.clone();
        }
        let command = if more.get("path").is_some() { "send_file" } else { "send_other" };
        let sent = self.members[from].command(command, fields);
        (sent["msg_id"].as_i64().expect("an id"), self.arrives(from, to))
    }
}

/// Some bytes that differ from place to place.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64 ^ length as u64;
    let mut content = Vec::with_capacity(length + 8);
    while content.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend(state.to_le_bytes());
    }
    content.truncate(length);
    content
}

/// As much of a film without sound as tells that it is one: an MP4 with its tracks at the end.
pub(crate) fn silent_film() -> Vec<u8> {
    let boxed = |name: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len() + 8).expect("short");
        [&length.to_be_bytes()[..], name, content].concat()
    };
    let handler = boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 12], b"rook\0"].concat());
    let media = boxed(b"mdia", &[boxed(b"mdhd", &[0; 24]), handler].concat());
    let track = boxed(b"trak", &[boxed(b"tkhd", &[0; 84]), media].concat());
    let tracks = boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), track].concat());
    [boxed(b"ftyp", b"isom\0\0\x02\0isom"), boxed(b"mdat", &noise(7000)), tracks].concat()
}

/// A PNG of these sides, and of these many rows.
pub(crate) fn png_of(width: u32, height: u32, rows: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], content: &[u8]| {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(content);
        file.extend(u32::try_from(content.len()).expect("short").to_be_bytes());
        file.extend(kind);
        file.extend(content);
        file.extend(crc.sum().to_be_bytes());
    };
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    chunk(b"IHDR", &head);
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut line = vec![0; 1 + 3 * width as usize];
    for y in 0..rows {
        for (x, pixel) in line[1..].chunks_exact_mut(3).enumerate() {
            pixel.copy_from_slice(&[x as u8, y as u8, (x as u8) ^ (y as u8)]);
        }
        pixels.write_all(&line).expect("to memory");
    }
    chunk(b"IDAT", &pixels.finish().expect("to memory"));
    chunk(b"IEND", &[]);
    file
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(width, height, height)
}
