//! A line that keeps what goes over it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Takes connections and leads them to a node. Ends with the process.
pub(crate) struct Tap {
    /// Where it takes them.
    pub(crate) address: SocketAddr,
    /// What went over each of them in each direction.
    streams: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tap {
    /// A line to what listens at `to`.
    pub(crate) fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let streams = Arc::new(Mutex::new(Vec::new()));
        let shared = streams.clone();
        thread::spawn(move || {
            for taken in listener.incoming() {
                let Ok(near) = taken else { continue };
                let Ok(far) = TcpStream::connect(to) else { continue };
                for (from, into) in [(&near, &far), (&far, &near)] {
                    // What is sent goes on at once, as it would without this between.
                    from.set_nodelay(true).ok();
                    let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    let streams = shared.clone();
                    thread::spawn(move || carry(from, into, &streams));
                }
            }
        });
        Self { address, streams }
    }

    /// A line to the first address of a node, which is `/ip4/…/tcp/…/p2p/…`.
    pub(crate) fn to(mesh: &[String]) -> Self {
        let parts: Vec<&str> = mesh[0].split('/').collect();
        let [_, "ip4", ip, "tcp", port, ..] = parts[..] else { panic!("{mesh:?}") };
        Self::new(format!("{ip}:{port}").parse().expect("an address"))
    }

    /// What went over it so far, by connection and direction.
    pub(crate) fn kept(&self) -> Vec<Vec<u8>> {
        self.streams.lock().unwrap().clone()
    }
}

fn carry(mut from: TcpStream, mut into: TcpStream, streams: &Mutex<Vec<Vec<u8>>>) {
    let at = {
        let mut streams = streams.lock().unwrap();
        streams.push(Vec::new());
        streams.len() - 1
    };
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        streams.lock().unwrap()[at].extend(&buffer[..read]);
        if into.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    into.shutdown(Shutdown::Both).ok();
}
