use bytes::Bytes;
use futures_util::FutureExt as _;
use keys::{AuthKey, Side, message};
use node_core::{BoxEvent, BoxRow, ChannelId, Event, Follower as _, MessageId, Pts, UserId};
use tl::functions as f;
use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};

use super::super::hub::Pusher;
use super::super::incoming::salts;
use super::*;
use crate::auth_keys::KeyEntry;
use crate::rpc::tests::{NOW_MS, shared};
use crate::session::{NeutralUpdate, Packet, Session};
use crate::transport::client::{ClientCodec, Disguise, ServerFrame};
use crate::transport::{Detection, Detector, Protocol, Secrets, Surface};

/// An update that says its number, and is so long.
#[derive(Debug)]
struct Numbered(u32, usize);

impl NeutralUpdate for Numbered {
    fn encode(&self, _: i32) -> Option<Bytes> {
        let mut body = vec![0x5a; self.1];
        body[..4].copy_from_slice(&UPDATE.to_le_bytes());
        body[4..8].copy_from_slice(&self.0.to_le_bytes());
        Some(body.into())
    }
}

const UPDATE: u32 = 0x0bad_cafe;
const CONTAINER: u32 = 0x73f1_f8dc;
const TOO_LONG: u32 = 0xe317_af7e;

/// A connection's way out, whose other end is here, and a session that it shows.
struct Line {
    shared: Arc<Shared>,
    key: AuthKey,
    session: Arc<SessionEntry>,
    way: Arc<Mutex<Way>>,
    outlet: Arc<Outlet>,
    buffers: Buffers,
    client: TcpStream,
    codec: ClientCodec,
    input: BytesMut,
    last_msg_id: i64,
    _server: OwnedReadHalf,
}

impl Line {
    async fn new() -> Self {
        let shared = shared();
        // Small, so that it is soon full.
        let (listening, connecting) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
        listening.set_send_buffer_size(16 << 10).unwrap();
        connecting.set_recv_buffer_size(16 << 10).unwrap();
        listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = listening.listen(1).unwrap();
        let client = connecting.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, to_client) = listener.accept().await.unwrap().0.into_split();
        let (mut opening, rng) = (BytesMut::new(), &mut crate::rng());
        let disguise = Disguise::Obfuscated { dc: None, secret: None };
        let protocol = Protocol::PaddedIntermediate;
        let codec = ClientCodec::connect(protocol, disguise, &mut opening, rng).unwrap();
        let detected = Detector::new(Surface::Socket).detect(&opening, &Secrets::default());
        let Detection::Framed { codec: served, .. } = detected else { panic!("{detected:?}") };
        let way = Way::new(served, Some(to_client));
        let key = AuthKey::from_slice(&[7; 256]).unwrap();
        let entry = Arc::new(KeyEntry::new(key.clone(), 7, 0, 0, 0));
        let make = || Session::new(1, 1, 0);
        let session = shared.sessions.get_or_make(&entry, 1, NOW_MS, make).unwrap();
        let outlet = Outlet::new(&way);
        session.attach(1, &outlet, 1, NOW_MS);
        // Updates flow after the first packet.
        let salts = salts(&shared, &entry);
        let body = Bytes::from(tl::to_bytes(&f::help::GetNearestDc {}, 230).unwrap());
        let (msg_id, seq_no) = (((NOW_MS / 1000) << 32).cast_signed(), 1);
        let packet = Packet { salt: salts.current(NOW_MS), msg_id, seq_no, body: &body };
        session.lock().session.receive(packet, &salts, NOW_MS);
        let (buffers, input) = (Buffers::default(), BytesMut::new());
        let _server = server;
        let last_msg_id = 0;
        Self {
            shared,
            key,
            session,
            way,
            outlet,
            buffers,
            client,
            codec,
            input,
            last_msg_id,
            _server,
        }
    }

    fn push(&mut self, number: u32, bytes: usize) {
        let update: Arc<dyn NeutralUpdate> = Arc::new(Numbered(number, bytes));
        self.session.push_now(&self.shared, [update].into_iter(), &mut self.buffers);
    }

    fn is_woken(&self) -> bool {
        self.outlet.woken().now_or_never().is_some()
    }

    /// What the connection's task would write next.
    fn collect(&self) -> BytesMut {
        let (mut packet, mut way) = (Vec::new(), self.way.lock());
        let mut output = std::mem::take(&mut way.output);
        let encoded =
            way.encode_due(&self.shared, &self.session, &self.outlet, &mut packet, &mut output);
        encoded.unwrap();
        output
    }

    /// Takes bytes from the socket, or from `more`, and gives what the packets that are whole hold:
    /// the numbers of updates, or the constructor of anything else.
    fn take(&mut self, more: &[u8]) -> Vec<Result<u32, u32>> {
        self.input.extend_from_slice(more);
        let mut found = Vec::new();
        while let Some(frame) = self.codec.decode(&mut self.input).unwrap() {
            let ServerFrame::Packet(packet) = frame else { panic!("{frame:?}") };
            let opened = message::open(&self.key, Side::Server, &packet).unwrap();
            assert!(opened.msg_id > self.last_msg_id, "packets are in order");
            self.last_msg_id = opened.msg_id;
            let int = |at: usize| opened.body[at..].first_chunk().map(|b| u32::from_le_bytes(*b));
            let mut said = |at: usize| match int(at).unwrap() {
                UPDATE => found.push(Ok(int(at + 4).unwrap())),
                other => found.push(Err(other)),
            };
            if int(0) != Some(CONTAINER) {
                said(0);
                continue;
            }
            let mut at = 8;
            for _ in 0..int(4).unwrap() {
                let length = int(at + 12).unwrap() as usize;
                said(at + 16);
                at += 16 + length;
            }
        }
        found
    }

    /// What the next packets hold that come.
    async fn read(&mut self) -> Vec<Result<u32, u32>> {
        loop {
            let mut bytes = BytesMut::with_capacity(64 << 10);
            assert_ne!(self.client.read_buf(&mut bytes).await.unwrap(), 0);
            let found = self.take(&bytes);
            if !found.is_empty() {
                return found;
            }
        }
    }
}

#[tokio::test]
async fn what_is_for_an_idle_socket_is_written_at_once_and_wakes_nobody() {
    let mut line = Line::new().await;
    for number in 0..3 {
        line.push(number, 64);
        assert!(!line.is_woken());
        let got = line.read().await;
        assert_eq!(got.last(), Some(&Ok(number)), "{got:?}");
    }
    // Several at once are one packet.
    let news = (3..9).map(|number| Arc::new(Numbered(number, 64)) as Arc<dyn NeutralUpdate>);
    line.session.push_now(&line.shared, news, &mut line.buffers);
    assert_eq!(line.read().await, (3..9).map(Ok).collect::<Vec<_>>());
}

#[tokio::test]
async fn where_something_is_being_sent_the_task_sends_the_rest() {
    let mut line = Line::new().await;
    line.way.lock().is_sending = true;
    line.push(0, 64);
    assert!(line.is_woken(), "it comes after what the task has taken");
    let output = line.collect();
    line.way.lock().is_sending = false;
    line.push(1, 64);
    let got = line.take(&output);
    assert_eq!(got.last(), Some(&Ok(0)), "{got:?}");
    assert_eq!(line.read().await, [Ok(1)]);
    // Who holds the way is about to send.
    {
        let way = line.way.clone();
        let _held = way.lock();
        line.push(2, 64);
    }
    assert!(line.is_woken());
    let output = line.collect();
    assert_eq!(line.take(&output), [Ok(2)]);
    // Another connection shows the session by now.
    let other = Outlet::new(&Way::new(another_codec(), None));
    line.session.attach(2, &other, 2, NOW_MS);
    assert!(line.is_woken(), "the one before lets go of it");
    line.push(3, 64);
    assert!(!line.is_woken() && other.woken().now_or_never().is_some());
    assert!(line.collect().is_empty());
}

/// A client goes over to another connection; what it sent over the one before is read last.
#[tokio::test]
async fn answers_stay_with_the_connection_that_a_client_went_over_to() {
    let line = Line::new().await;
    let other = Outlet::new(&Way::new(another_codec(), None));
    line.session.attach(2, &other, 30, NOW_MS);
    line.session.attach(1, &line.outlet, 20, NOW_MS);
    assert!(line.session.is_shown_by(&other), "sent before it left");
    line.session.detach(1, &line.outlet);
    assert!(line.session.is_shown_by(&other) && line.session.lock().session.is_attached());
    line.session.attach(1, &line.outlet, 40, NOW_MS);
    assert!(line.session.is_shown_by(&line.outlet), "it came back");
    // Its clock was put right: numbers begin lower, over yet another connection.
    line.session.attach(3, &other, 10, NOW_MS);
    assert!(line.session.is_shown_by(&other));
    // Nothing else is there any more.
    line.session.detach(3, &other);
    line.session.attach(1, &line.outlet, 5, NOW_MS);
    assert!(line.session.is_shown_by(&line.outlet));
}

fn another_codec() -> Codec {
    let detected = Detector::new(Surface::Socket).detect(&[0xee; 4], &Secrets::default());
    let Detection::Framed { codec, .. } = detected else { panic!("{detected:?}") };
    codec
}

/// The client does not read: its socket is full, then its outbox, and then it learns that it missed
/// something. What came before that comes whole and in order.
#[tokio::test]
async fn overload_becomes_too_long_and_never_loss() {
    let mut line = Line::new().await;
    let mut pushed = 0;
    while !line.is_woken() {
        line.push(pushed, 32 << 10);
        pushed += 1;
        assert!(pushed < 10_000, "the socket takes everything");
    }
    assert!(!line.way.lock().output.is_empty(), "what the socket did not take");
    // As many as may wait, and one more.
    let full = pushed + 256;
    while pushed < full {
        line.push(pushed, 64);
        pushed += 1;
    }
    line.push(pushed, 64);
    line.push(pushed + 1, 64);
    assert!(line.session.lock().session.is_silent());
    // The client reads, and the task writes what is left.
    let mut rest = line.collect();
    let mut got = Vec::new();
    while got.last() != Some(&Err(TOO_LONG)) {
        let way = line.way.clone();
        // Whichever comes first: what was read makes room, and room has to be waited for, too.
        let has_room = std::future::poll_fn(|cx| {
            let socket = &way.lock().socket;
            let stream: &TcpStream = socket.as_ref().unwrap().as_ref();
            stream.poll_write_ready(cx)
        });
        tokio::select! {
            _ = has_room, if !rest.is_empty() => {
                let written = way.lock().socket.as_ref().unwrap().try_write(&rest);
                rest.advance(written.unwrap_or(0));
            }
            said = line.read() => got.extend(said),
        }
    }
    let numbers: Vec<u32> = got.iter().filter_map(|said| said.ok()).collect();
    assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>(), "in order");
    assert!(numbers.len() as u32 <= full - 256, "what waited is in the difference");
    // It has fetched the difference: updates flow again, directly.
    line.session.lock().session.resume_updates();
    while line.is_woken() {}
    line.push(7_000, 64);
    assert_eq!(line.read().await, [Ok(7_000)]);
}

/// A client passes over a reaction to a message that it does not have yet.
#[tokio::test]
async fn what_is_told_beside_a_message_follows_it() {
    const CHANNEL: ChannelId = ChannelId(5);
    let Line { shared, session, outlet, .. } = Line::new().await;
    // So that what is for it stays there to be looked at.
    session.detach(1, &outlet);
    let reader = UserId(9);
    shared.hub.subscribe(reader, &session, false, || true, || Ok(vec![CHANNEL]));
    let _tasks = shared.hub.lanes.start(&shared);
    let waiting = || format!("{:?}", session.lock().session);
    let message = BoxEvent {
        owner: CHANNEL.into(),
        pts: Pts(1),
        pts_count: 1,
        row: BoxRow::Deleted { peer: CHANNEL.into(), ids: vec![MessageId(1)], saved: None },
        edited: None,
        actor: None,
    };
    let reaction = Event::ChannelReactions {
        channel: CHANNEL,
        id: MessageId(1),
        concerned: [reader; 2],
        actor: None,
    };
    let pusher = Pusher(Arc::downgrade(&shared));
    pusher.happened(&Event::Box(Arc::new(message)));
    pusher.happened(&reaction);
    assert!(!waiting().contains("Update("), "nothing runs in this test until it waits");
    while !waiting().contains("Pushed") {
        tokio::task::yield_now().await;
    }
    let said = waiting();
    assert!(said.find("ForViewer") < said.find("Pushed"), "{said}");
    assert!(said.contains("ForViewer"), "{said}");
}
