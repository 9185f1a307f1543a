//! A server of S3 as operators run it: SeaweedFS on loopback, with a fresh directory.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Tries to reach a server that is starting, a tenth of a second apart.
const TRIES: usize = 600;

/// A running server; stopped on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) s3: SocketAddr,
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
    /// With one empty bucket. Keys: `access`, `secret`.
    pub(crate) fn start(weed: &Path, bucket: &str) -> Self {
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
        let child = Command::new(weed)
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
        server.make_bucket(weed, (ports[0], ports[1]), bucket);
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

    fn make_bucket(&self, weed: &Path, (master, grpc): (u16, u16), bucket: &str) {
        let mut shell = Command::new(weed)
            .arg("shell")
            .arg(format!("-master=127.0.0.1:{master}.{grpc}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let command = format!("s3.bucket.create -name {bucket}\n");
        shell.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
        let answer = shell.wait_with_output().unwrap();
        let answer = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.contains(&format!("created bucket {bucket}")), "{answer}");
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All at once, so that no two are the same.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
