//! A line between two nodes that can be cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Default)]
struct State {
    cut: bool,
    open: Vec<TcpStream>,
}

/// Takes connections and leads them to a node. Ends with the process.
pub(crate) struct Line {
    /// Where it takes them.
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Line {
    /// A line to a node that listens at `to`.
    pub(crate) fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for taken in listener.incoming() {
                let Ok(near) = taken else { continue };
                let mut state = shared.lock().unwrap();
                // Dropped at once: as a line that leads nowhere.
                if state.cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect(to) else { continue };
                for (from, into) in [(&near, &far), (&far, &near)] {
                    // What a node sends goes on at once, as it would without this between.
                    from.set_nodelay(true).ok();
                    let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    thread::spawn(move || carry(from, into));
                }
                state.open.extend([near, far]);
            }
        });
        Self { address, state }
    }

    /// A line to the first address of a node, which is `/ip4/…/tcp/…/p2p/…`.
    pub(crate) fn to(mesh: &[String]) -> Self {
        let parts: Vec<&str> = mesh[0].split('/').collect();
        let [_, "ip4", ip, "tcp", port, ..] = parts[..] else { panic!("{mesh:?}") };
        Self::new(format!("{ip}:{port}").parse().expect("an address"))
    }

    pub(crate) fn multiaddress(&self) -> String {
        format!("/ip4/{}/tcp/{}", self.address.ip(), self.address.port())
    }

    /// Ends all connections and lets no new one through.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut = true;
        for stream in state.open.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().cut = false;
    }
}

fn carry(mut from: TcpStream, mut into: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if into.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    into.shutdown(Shutdown::Both).ok();
}
