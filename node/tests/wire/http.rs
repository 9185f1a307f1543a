//! MTProto in HTTP requests.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use keys::{Side, message};
use rookery_load::{Session, clock};
use tl::mtproto::{functions, types};

use crate::support::node::TestNode;
use crate::*;

struct Response {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

/// One request on a connection of its own.
fn request(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Response {
    try_request(address, method, path, body).unwrap()
}

/// The same, where the server may close before it has read all.
fn try_request(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        headers += &line.to_ascii_lowercase();
    }
    let status = headers.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Response { status, headers, body })
}

/// Posts one packet; the messages of the answer.
fn post(address: SocketAddr, session: &Session, frame: &[u8]) -> Vec<Vec<u8>> {
    let response = request(address, "POST", "/apiw1", frame);
    assert_eq!(response.status, 200, "{}", response.headers);
    assert!(response.headers.contains("access-control-allow-origin: *"), "{}", response.headers);
    let opened = message::open(&session.key, Side::Server, &response.body).unwrap();
    assert_eq!(opened.session_id, session.session_id);
    match tl::from_bytes::<types::MsgContainer>(&opened.body, 0) {
        Ok(container) => container.messages.into_iter().map(|message| message.body.0).collect(),
        Err(_) => vec![opened.body.to_vec()],
    }
}

#[test]
fn http_wait_over_apiw1() {
    let node = TestNode::start();
    let rng = &mut rng(31);
    let preflight = request(node.mtproto, "OPTIONS", "/apiw1", &[]);
    assert_eq!(preflight.status, 200);
    assert!(preflight.headers.contains("access-control-allow-origin: *"), "{}", preflight.headers);

    let mut made = connect(&node, rng);
    made.ping(rng).unwrap();
    let mut session =
        Session::new(made.session.key.clone(), made.session.salt, made.session.offset_s, rng);
    let wait = |session: &mut Session, max_wait| {
        let body = types::HttpWait { max_delay: 0, wait_after: 0, max_wait };
        let envelope = session.next(false);
        session.seal(envelope, &tl::to_bytes(&body, 0).unwrap(), &mut crate::rng(32))
    };
    // What begins the session is there at once, so nothing is waited for.
    let frame = wait(&mut session, 20_000);
    let begin = clock::now();
    let first = post(node.mtproto, &session, &frame);
    assert!(clock::now() - begin < Duration::from_secs(10));
    let created = tl::from_bytes::<types::NewSessionCreated>(&first[0], 0);
    assert!(created.is_ok(), "{first:?}");

    // Several messages in one POST: acknowledgements of nothing, a ping and a wait.
    let ping_id = 77;
    let ping = tl::to_bytes(&functions::Ping { ping_id }, 0).unwrap();
    let ids = [session.next(false), session.next(false)];
    let messages = vec![
        types::Message { msg_id: ids[0].msg_id, seqno: ids[0].seq_no, body: tl::Rest(ping) },
        {
            let body = types::HttpWait { max_delay: 0, wait_after: 0, max_wait: 20_000 };
            let body = tl::to_bytes(&body, 0).unwrap();
            types::Message { msg_id: ids[1].msg_id, seqno: ids[1].seq_no, body: tl::Rest(body) }
        },
    ];
    let envelope = session.next(false);
    let container = tl::to_bytes(&types::MsgContainer { messages }, 0).unwrap();
    let frame = session.seal(envelope, &container, rng);
    let answers = post(node.mtproto, &session, &frame);
    let pongs: Vec<types::Pong> =
        answers.iter().filter_map(|body| tl::from_bytes(body, 0).ok()).collect();
    let pong = types::Pong { msg_id: ids[0].msg_id, ping_id };
    assert_eq!(pongs, [pong], "{answers:?}");

    // new_session_created was never acknowledged and comes again; acknowledged, nothing is left.
    let frame = wait(&mut session, 0);
    let response = request(node.mtproto, "POST", "/apiw1", &frame);
    let msg_ids = unacknowledged(&session, &response.body);
    let acks = tl::to_bytes(&types::MsgsAck { msg_ids }, 0).unwrap();
    let envelope = session.next(false);
    let frame = session.seal(envelope, &acks, rng);
    request(node.mtproto, "POST", "/apiw1", &frame);

    // Nothing comes: an empty container after max_wait.
    let frame = wait(&mut session, 400);
    let begin = clock::now();
    let response = request(node.mtproto, "POST", "/apiw1", &frame);
    let waited = clock::now() - begin;
    let opened = message::open(&session.key, Side::Server, &response.body).unwrap();
    let empty: types::MsgContainer = tl::from_bytes(&opened.body, 0).unwrap();
    assert!(empty.messages.is_empty(), "{empty:?}");
    assert!((Duration::from_millis(390)..Duration::from_secs(10)).contains(&waited), "{waited:?}");

    // A transport error is a status.
    assert_eq!(request(node.mtproto, "POST", "/apiw1", &[9; 24 + 48]).status, 404);
}

/// msg_ids of the content-related messages of one answer.
fn unacknowledged(session: &Session, body: &[u8]) -> Vec<i64> {
    let opened = message::open(&session.key, Side::Server, body).unwrap();
    match tl::from_bytes::<types::MsgContainer>(&opened.body, 0) {
        Ok(container) => container
            .messages
            .iter()
            .filter(|message| message.seqno & 1 == 1)
            .map(|message| message.msg_id)
            .collect(),
        Err(_) => vec![opened.msg_id],
    }
}

/// Parts of files are longer than what a stranger may post.
#[test]
fn a_member_posts_parts_of_files() {
    let node = TestNode::start();
    let rng = &mut rng(33);
    let member = join(&node, "Ada", rng).client;
    let query = f::upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![7; 512 << 10] };
    let query = tl::to_bytes(&query, LAYER).unwrap();
    let sealed = |made: &Client, rng: &mut StdRng| {
        let known = &made.session;
        let mut session = Session::new(known.key.clone(), known.salt, known.offset_s, rng);
        let envelope = session.next(true);
        (session.seal(envelope, &query, rng), session, envelope.msg_id)
    };
    let (frame, session, msg_id) = sealed(&member, rng);
    let answers = post(node.mtproto, &session, &frame);
    let results: Vec<types::RpcResult> =
        answers.iter().filter_map(|body| tl::from_bytes(body, 0).ok()).collect();
    let [saved] = &results[..] else { panic!("{answers:?}") };
    assert_eq!(saved.req_msg_id, msg_id);
    let bool_true = 0x9972_75b5_u32;
    assert_eq!(saved.result.0, bool_true.to_le_bytes());
    // Whether the refusal outruns the rest of the packet is the network's choice.
    let refused = |frame: &[u8]| match try_request(node.mtproto, "POST", "/apiw1", frame) {
        Ok(response) => assert_eq!(response.status, 413, "{}", response.headers),
        Err(cause) => assert_ne!(cause.kind(), io::ErrorKind::WouldBlock, "no answer"),
    };
    // Nobody's key: its packet is not even read to its end.
    let stranger = connect(&node, rng);
    let (frame, ..) = sealed(&stranger, rng);
    refused(&frame);
    // A member's may be long, and not as long as it likes.
    let (mut frame, ..) = sealed(&member, rng);
    frame.resize(2 << 20, 0);
    refused(&frame);
}
