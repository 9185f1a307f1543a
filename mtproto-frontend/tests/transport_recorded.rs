//! Bytes that published clients put on the wire, and that they read back.
//!
//! `recorded/record.py` and `record.js` wrote the lines: Telethon 1.45.0, Kurigram 2.2.26, mtcute
//! 0.30.3 and gramjs 2.26.22, each in every transport that it has.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod transport_support;

use bytes::BytesMut;
use mtproto_frontend::transport::{Protocol, Secret, Secrets, Surface};
use transport_support::{Server, Zeros};

/// One line: a connection of one client.
struct Recorded<'a> {
    name: &'a str,
    protocol: Protocol,
    secret: Option<Secret>,
    dc: Option<i16>,
    sent: Vec<u8>,
    answered: Vec<u8>,
}

fn recorded() -> Vec<Recorded<'static>> {
    let text = [include_str!("recorded/python.txt"), include_str!("recorded/node.txt")];
    text.iter().flat_map(|text| text.lines()).map(parse).collect()
}

fn parse(line: &str) -> Recorded<'_> {
    let [name, protocol, secret, dc, sent, answered] =
        line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let protocol = match protocol {
        "abridged" => Protocol::Abridged,
        "intermediate" => Protocol::Intermediate,
        "padded" => Protocol::PaddedIntermediate,
        "full" => Protocol::Full,
        other => panic!("{other}"),
    };
    Recorded {
        name,
        protocol,
        secret: (secret != "-").then(|| secret.parse().unwrap()),
        dc: (dc != "-").then(|| dc.parse().unwrap()),
        sent: unhex(sent),
        answered: unhex(answered),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// The packets that every client was made to send.
fn packets() -> Vec<Vec<u8>> {
    let mut clear = vec![0; 8];
    clear.extend(0..8);
    clear.extend([20, 0, 0, 0]);
    clear.extend(100..120);
    vec![(1..41).collect(), clear, (0..24 + 512).map(|i| (i * 7 + 3) as u8).collect()]
}

#[test]
fn what_clients_sent_is_read_at_every_split() {
    for line in recorded() {
        let listener = || Secrets::new(line.secret.iter().cloned().collect()).unwrap();
        for cut in 0..=line.sent.len() {
            let mut server = Server::new(Surface::Socket, listener());
            let (head, tail) = line.sent.split_at(cut);
            let mut got = server.feed(head).unwrap();
            got.extend(server.feed(tail).unwrap());
            let got: Vec<_> = got.into_iter().map(|frame| frame.payload.to_vec()).collect();
            assert_eq!(got, packets(), "{} cut at {cut}", line.name);
            let codec = server.codec.unwrap();
            assert_eq!(codec.protocol(), line.protocol, "{}", line.name);
            assert_eq!(codec.secret(), line.secret.as_ref().map(|_| 0), "{}", line.name);
            if line.dc.is_some() {
                assert_eq!(codec.dc(), line.dc, "{}", line.name);
            }
        }
    }
}

#[test]
fn answers_are_the_bytes_that_clients_read() {
    for line in recorded() {
        let secrets = Secrets::new(line.secret.iter().cloned().collect()).unwrap();
        let mut server = Server::new(Surface::Socket, secrets);
        server.feed(&line.sent).unwrap();
        let mut out = BytesMut::new();
        server.codec.unwrap().encode(&packets()[0], &mut out, &mut Zeros).unwrap();
        assert_eq!(out, line.answered, "{}", line.name);
    }
}

#[test]
fn every_client_and_transport_is_there() {
    let lines = recorded();
    let count = |name: &str| lines.iter().filter(|line| line.name.starts_with(name)).count();
    let counts = ["telethon", "kurigram", "mtcute", "gramjs"].map(count);
    assert_eq!(counts, [7, 8, 5, 3]);
}
