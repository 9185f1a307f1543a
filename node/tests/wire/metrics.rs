//! What an operator's monitoring reads.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use tl::types;

use crate::*;

fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The values without labels. Each is of the kind that its name says.
fn values(address: SocketAddr) -> BTreeMap<String, u64> {
    let (head, body) = get(address, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"));
    let (mut values, mut family) = (BTreeMap::new(), "");
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split_once(' ').unwrap().0;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let counts = family.ends_with("_total");
            let expected = if counts { "counter" } else { "gauge" };
            let histogram = kind == format!("{family} histogram");
            assert!(kind == format!("{family} {expected}") || histogram, "{line}");
        } else {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(name.starts_with(family), "{line} after {family}");
            if name == family {
                values.insert(name.to_owned(), value.parse().unwrap());
            }
        }
    }
    values
}

#[test]
fn metrics_show_what_is_stored_and_its_bounds() {
    let node =
        with_config("[metrics]\nlisten = [\"127.0.0.1:0\"]\n[media]\nmember_bytes = 1000000\n");
    let ready = fs::read_to_string(node.data().join("ready.json")).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let address: SocketAddr = ready["metrics"].as_str().unwrap().parse().unwrap();
    assert!(get(address, "/healthz").0.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/readyz").0.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/else").0.starts_with("HTTP/1.1 404"));
    let before = values(address);
    let rng = &mut rng(41);
    let mut ada = join(&node, "Ada", rng);
    let upload = |ada: &mut Member, file_id, rng: &mut StdRng| {
        let save = f::upload::SaveFilePart { file_id, file_part: 0, bytes: vec![7; 5000] };
        assert!(ada.client.invoke(&save, LAYER, rng).unwrap());
    };
    upload(&mut ada, 1, rng);
    upload(&mut ada, 2, rng);
    let file = types::InputFile { id: 1, parts: 1, name: "a".into(), ..Default::default() };
    let media = types::InputMediaUploadedDocument {
        file: file.into(),
        mime_type: "application/x-test".into(),
        ..Default::default()
    };
    let peer = types::InputPeerSelf {}.into();
    let send =
        f::messages::SendMedia { peer, media: media.into(), random_id: 1, ..Default::default() };
    ada.client.invoke(&send, LAYER, rng).unwrap();
    let after = values(address);
    let grown = |name: &str| after[name] - before[name];
    assert_eq!((grown("rookery_users"), grown("rookery_media_bytes")), (1, 5000));
    // One became a file; the other waits, and counts for at least 16 KiB.
    assert_eq!(grown("rookery_media_uploads"), 1);
    assert_eq!(grown("rookery_media_upload_bytes"), 16 << 10);
    assert!(grown("rookery_store_commits_total") > 0);
    assert_eq!(after["rookery_media_member_quota_bytes"], 1_000_000);
    assert!(!after.contains_key("rookery_media_quota_bytes"), "there is no bound");
}
