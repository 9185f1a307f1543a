//! One sends to another: what is said, and whether what comes back is right.
//!
//! Every message has a number. The node's answer has to name it with the next pts of the sender's
//! box, the receiver's update has to bring it with the next pts of the receiver's; each once.
//! The relay, which is the floor, speaks the same in fewer words.

use std::collections::{BTreeSet, HashMap, HashSet};

use tl::enums::{self, Update};
use tl::functions::messages::SendMessage;
use tl::mtproto::types as service;

use crate::client::{ClientError, Received, inflate};

/// Plaintext of a request to the relay is 256 bytes with the header; the node's is as long.
const RELAYED_BYTES: usize = 256 - keys::message::HEADER_BYTES;
/// Text of a message: with all around it, a request of [`RELAYED_BYTES`].
const TEXT_BYTES: usize = 180;
const RELAYED: u32 = 0x726c_6179;
const ANSWERED: u32 = 0x6461_6e73;

/// Why a run has no score.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The connection, or a refusal.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something was lost, doubled, out of order, or not what was asked for.
    #[error("{0}")]
    Wrong(String),
}

impl From<tl::ReadError> for TalkError {
    fn from(error: tl::ReadError) -> Self {
        ClientError::from(error).into()
    }
}

/// To whom a sender speaks.
#[derive(Clone)]
pub enum Listener {
    /// Another member of a node.
    Member(enums::InputPeer),
    /// The relay: the peer is the connection's.
    Relay,
}

impl Listener {
    /// The request that sends the message with this number.
    ///
    /// # Errors
    /// That it did not encode.
    pub fn request(&self, number: u64) -> Result<Vec<u8>, ClientError> {
        match self {
            Self::Member(peer) => {
                let send = SendMessage {
                    peer: peer.clone(),
                    message: text(number),
                    // 0 is no random_id.
                    random_id: number as i64 + 1,
                    ..SendMessage::default()
                };
                Ok(tl::to_bytes(&send, tl::LAYER_MAX)?)
            }
            Self::Relay => Ok(relayed(RELAYED, number)),
        }
    }
}

fn text(number: u64) -> String {
    format!("{number:020} {}", "lorem ipsum ".repeat(TEXT_BYTES / 12 + 1))[..TEXT_BYTES]
        .trim_end()
        .to_owned()
}

fn relayed(tag: u32, number: u64) -> Vec<u8> {
    let mut body = vec![7; RELAYED_BYTES];
    body[..4].copy_from_slice(&tag.to_le_bytes());
    body[4..12].copy_from_slice(&number.to_le_bytes());
    body
}

/// What the relay answers to a request: that it is stored.
pub fn relayed_answer(request: &[u8]) -> Vec<u8> {
    let mut body = request.to_vec();
    if let Some(tag) = body.first_chunk_mut() {
        *tag = ANSWERED.to_le_bytes();
    }
    body
}

fn relayed_number(body: &[u8], tag: u32) -> Option<u64> {
    let (head, rest) = body.split_first_chunk::<4>()?;
    let number = rest.first_chunk().map(|number| u64::from_le_bytes(*number))?;
    (u32::from_le_bytes(*head) == tag).then_some(number)
}

/// Judges what one member gets.
#[derive(Debug, Default)]
pub struct Judge {
    /// The box's pts; `None` at the relay, which has none.
    pts: Option<i32>,
    /// Seen above it: answers to requests that run at the same time may overtake each other.
    ahead: BTreeSet<i32>,
    /// Sent and not answered: number by msg_id.
    asked: HashMap<i64, u64>,
    /// Sent and not arrived.
    awaited: HashSet<u64>,
}

impl Judge {
    /// For a member whose box is at `pts`, or somebody at the relay.
    pub fn new(pts: Option<i32>) -> Self {
        Self { pts, ..Self::default() }
    }

    /// A request went out under this msg_id.
    pub fn asks(&mut self, msg_id: i64, number: u64) {
        self.asked.insert(msg_id, number);
    }

    /// A message with this number is to arrive.
    pub fn awaits(&mut self, number: u64) {
        self.awaited.insert(number);
    }

    /// Requests without an answer.
    pub fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Messages that did not arrive yet.
    pub fn unarrived(&self) -> usize {
        self.awaited.len()
    }

    /// Whether all pts that came are next to each other.
    pub fn is_gapless(&self) -> bool {
        self.ahead.is_empty()
    }

    /// The box's pts.
    pub fn pts(&self) -> Option<i32> {
        self.pts
    }

    /// The number of the message that this answers; `None` if it is no answer.
    ///
    /// # Errors
    /// It is a wrong one.
    pub fn answer(&mut self, received: &Received) -> Result<Option<u64>, TalkError> {
        if self.pts.is_none() {
            let Some(number) = relayed_number(&received.body, ANSWERED) else { return Ok(None) };
            let before = self.asked.len();
            self.asked.retain(|_, asked| *asked != number);
            return match before - self.asked.len() {
                1 => Ok(Some(number)),
                _ => Err(TalkError::Wrong(format!("an answer to {number}, which waits for none"))),
            };
        }
        let Some(result) = received.service::<service::RpcResult>() else {
            return self.no_refusal(received).map(|()| None);
        };
        let Some(number) = self.asked.remove(&result.req_msg_id) else {
            return Err(TalkError::Wrong("an answer to nothing that waits for one".into()));
        };
        let body = inflate(result.result.0)?;
        if let Ok(error) = tl::from_bytes::<service::RpcError>(&body, 0) {
            let (code, name) = (error.error_code, error.error_message);
            return Err(ClientError::Rpc { code, name }.into());
        }
        let updates = updates(&body)?;
        let named = updates.iter().find_map(|update| match update {
            Update::UpdateMessageId(id) => Some((id.id, id.random_id)),
            _ => None,
        });
        let came = self.new_messages(&updates, false)?;
        match (named, came.as_slice()) {
            (Some((id, random_id)), [(at, carried)])
                if random_id == number as i64 + 1 && id == *at && *carried == number => {}
            _ => {
                return Err(TalkError::Wrong(format!(
                    "the answer to {number}: {named:?} {came:?}"
                )));
            }
        }
        Ok(Some(number))
    }

    /// Numbers of the messages that this brings.
    ///
    /// # Errors
    /// One came that was not awaited, or not with the next pts.
    pub fn arrival(&mut self, received: &Received) -> Result<Vec<u64>, TalkError> {
        let numbers: Vec<u64> = if self.pts.is_none() {
            relayed_number(&received.body, RELAYED).into_iter().collect()
        } else {
            self.no_refusal(received)?;
            match updates(&received.body) {
                Ok(updates) => self
                    .new_messages(&updates, true)?
                    .into_iter()
                    .map(|(_, number)| number)
                    .collect(),
                // Acknowledgements and the like.
                Err(_) => Vec::new(),
            }
        };
        for number in &numbers {
            if !self.awaited.remove(number) {
                return Err(TalkError::Wrong(format!(
                    "message {number} came, and was not awaited"
                )));
            }
        }
        Ok(numbers)
    }

    /// (id, number) of new messages; `in_order` each with the next pts, else each with its own.
    fn new_messages(
        &mut self,
        updates: &[Update],
        in_order: bool,
    ) -> Result<Vec<(i32, u64)>, TalkError> {
        let mut found = Vec::new();
        for update in updates {
            let Update::UpdateNewMessage(new) = update else { continue };
            let expected = self.pts.map_or(0, |pts| pts + 1);
            let fits = if in_order { new.pts == expected } else { new.pts >= expected };
            if !fits || new.pts_count != 1 || !self.ahead.insert(new.pts) {
                let (pts, count) = (new.pts, new.pts_count);
                return Err(TalkError::Wrong(format!(
                    "pts {pts} (count {count}) where {expected} comes next"
                )));
            }
            while let Some(next) = self.pts.map(|pts| pts + 1)
                && self.ahead.remove(&next)
            {
                self.pts = Some(next);
            }
            let enums::Message::Message(message) = &new.message else {
                return Err(TalkError::Wrong("a message that is none".into()));
            };
            let number = message.message.get(..20).and_then(|number| number.parse().ok());
            match number {
                Some(number) if message.message == text(number) => found.push((message.id, number)),
                _ => return Err(TalkError::Wrong("another text than was sent".into())),
            }
        }
        Ok(found)
    }

    fn no_refusal(&self, received: &Received) -> Result<(), TalkError> {
        if let Some(bad) = received.service::<service::BadMsgNotification>() {
            return Err(ClientError::Refused(bad.error_code).into());
        }
        if received.service::<service::BadServerSalt>().is_some() {
            return Err(TalkError::Wrong("bad_server_salt".into()));
        }
        if tl::from_bytes::<tl::types::UpdatesTooLong>(&received.body, tl::LAYER_MAX).is_ok() {
            return Err(TalkError::Wrong("updatesTooLong".into()));
        }
        Ok(())
    }
}

fn updates(body: &[u8]) -> Result<Vec<Update>, tl::ReadError> {
    Ok(match tl::from_bytes::<enums::Updates>(body, tl::LAYER_MAX)? {
        enums::Updates::Updates(all) => all.updates,
        enums::Updates::UpdateShort(one) => vec![one.update],
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(pts: i32, number: u64) -> Received {
        let message = tl::types::Message { id: pts, message: text(number), ..Default::default() };
        let new = tl::types::UpdateNewMessage { message: message.into(), pts, pts_count: 1 }.into();
        let updates = tl::types::Updates { updates: vec![new], ..Default::default() };
        let body = tl::to_bytes(&enums::Updates::from(updates), tl::LAYER_MAX).unwrap();
        Received { msg_id: 1, seq_no: 1, body }
    }

    #[test]
    fn a_request_is_as_long_as_the_relays() {
        let peer = tl::types::InputPeerUser { user_id: 1, access_hash: 2 }.into();
        let request = Listener::Member(peer).request(7).unwrap();
        assert!(request.len().abs_diff(RELAYED_BYTES) < 16, "{}", request.len());
        assert_eq!(Listener::Relay.request(7).unwrap().len(), RELAYED_BYTES);
    }

    #[test]
    fn losses_doubles_and_gaps_are_seen() {
        let mut judge = Judge::new(Some(4));
        judge.awaits(10);
        judge.awaits(11);
        assert_eq!(judge.arrival(&update(5, 10)).unwrap(), [10]);
        assert_eq!(judge.unarrived(), 1);
        assert!(judge.arrival(&update(6, 10)).is_err(), "a double");
        let mut judge = Judge::new(Some(4));
        judge.awaits(10);
        assert!(judge.arrival(&update(6, 10)).is_err(), "a gap");
    }

    #[test]
    fn the_relay_is_judged_as_well() {
        let mut judge = Judge::new(None);
        judge.asks(1, 7);
        let request = Listener::Relay.request(7).unwrap();
        let answer = Received { msg_id: 1, seq_no: 0, body: relayed_answer(&request) };
        assert_eq!(judge.answer(&answer).unwrap(), Some(7));
        assert!(judge.answer(&answer).is_err(), "a second one");
        judge.awaits(7);
        let arrival = Received { msg_id: 1, seq_no: 0, body: request };
        assert_eq!(judge.arrival(&arrival).unwrap(), [7]);
        assert!(judge.arrival(&arrival).is_err(), "a second one");
    }
}
