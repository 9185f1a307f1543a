//! The service messages of clients, one arm each.

use super::Session;
use super::event::Event;
use super::ids::Class;
use super::outbox::Origin;
use super::receive::{Message, Scope};
use super::requests::State;
use super::window::Seen;
use super::wire::{self, Reader, id};

/// Ids in one list. TDLib sends at most 8192.
const IDS_MAX: usize = 8192;

impl Session {
    /// Handles `message` if it is a service message. `fresh`: it was not received before; a
    /// repeated one is answered again but changes nothing.
    ///
    /// False: it is a request for the caller.
    pub(super) fn service(
        &mut self,
        constructor: u32,
        message: Message<'_>,
        fresh: bool,
        scope: &mut Scope<'_>,
    ) -> bool {
        let mut fields = Reader(message.body);
        let _ = fields.u32();
        let handled = match constructor {
            id::MSGS_ACK => longs(&mut fields, scope).map(|ids| self.acknowledge(&ids)),
            id::PING => fields.i64().map(|ping_id| self.pong(message.msg_id, ping_id)),
            id::PING_DELAY_DISCONNECT => self.ping_disconnect(message.msg_id, fields, fresh, scope),
            id::GET_FUTURE_SALTS => {
                fields.i32().map(|num| self.future_salts(message.msg_id, num, scope))
            }
            id::MSGS_STATE_REQ => {
                longs(&mut fields, scope).map(|ids| self.state_info(message.msg_id, &ids))
            }
            id::MSG_RESEND_REQ => longs(&mut fields, scope).map(|ids| {
                self.resend(message.msg_id, &ids, |session, id| session.outbox.resend(id));
            }),
            id::MSG_RESEND_ANS_REQ => longs(&mut fields, scope).map(|ids| {
                self.resend(message.msg_id, &ids, |session, id| session.outbox.resend_answer(id));
            }),
            id::RPC_DROP_ANSWER => fields.i64().map(|req| {
                if fresh {
                    self.drop_answer(message, req, scope);
                }
            }),
            id::HTTP_WAIT => http_wait(fields, fresh, scope),
            id::DESTROY_SESSION => fields.i64().map(|session_id| {
                if fresh {
                    let msg_id = message.msg_id;
                    scope.events.push(Event::DestroySession { msg_id, session_id });
                }
            }),
            id::DESTROY_AUTH_KEY => {
                if fresh {
                    scope.events.push(Event::DestroyAuthKey { msg_id: message.msg_id });
                }
                Some(())
            }
            // About messages of ours; nothing is asked, and we never ask for it.
            id::MSGS_STATE_INFO
            | id::MSGS_ALL_INFO
            | id::MSG_DETAILED_INFO
            | id::MSG_NEW_DETAILED_INFO => Some(()),
            _ => return false,
        };
        if !fresh {
            return true;
        }
        if handled.is_some() {
            // `rpc_drop_answer` has noted itself as the request that it is.
            self.window.insert(message.msg_id, false);
        } else {
            self.unreadable(message, scope);
        }
        true
    }

    fn acknowledge(&mut self, msg_ids: &[i64]) {
        for msg_id in msg_ids {
            if let Some(Origin::Reply(req_msg_id)) = self.outbox.acknowledge(*msg_id) {
                self.requests.remove(req_msg_id);
            }
        }
    }

    fn pong(&mut self, msg_id: i64, ping_id: i64) {
        self.outbox.service(Class::Answer, wire::pong(msg_id, ping_id));
    }

    fn ping_disconnect(
        &mut self,
        msg_id: i64,
        mut fields: Reader<'_>,
        fresh: bool,
        scope: &mut Scope<'_>,
    ) -> Option<()> {
        let (ping_id, delay_s) = (fields.i64()?, fields.i32()?);
        self.pong(msg_id, ping_id);
        if fresh {
            let delay_s = u32::try_from(delay_s).unwrap_or(0);
            scope.events.push(Event::PingDisconnect { delay_s });
        }
        Some(())
    }

    fn future_salts(&mut self, msg_id: i64, num: i32, scope: &Scope<'_>) {
        let now_s = i32::try_from(scope.now_ms / 1000).unwrap_or(i32::MAX);
        let salts = scope.salts.future(scope.now_ms, num);
        self.outbox.service(Class::Answer, wire::future_salts(msg_id, now_s, &salts));
    }

    fn state_info(&mut self, req_msg_id: i64, msg_ids: &[i64]) {
        let info: Vec<u8> = msg_ids.iter().map(|id| self.message_state(*id)).collect();
        self.outbox.service(Class::Answer, wire::msgs_state_info(req_msg_id, &info));
    }

    /// One byte about one message of the client.
    ///
    /// Source: <https://core.telegram.org/mtproto/service_messages_about_messages#informational-message-regarding-status-of-messages>
    fn message_state(&self, msg_id: i64) -> u8 {
        const NOTHING_KNOWN: u8 = 1;
        const NOT_RECEIVED: u8 = 2;
        const NOT_RECEIVED_TOO_HIGH: u8 = 3;
        const RECEIVED: u8 = 4;
        const ACKNOWLEDGED: u8 = 8;
        const NEEDS_NO_ACK: u8 = 16;
        const PROCESSED: u8 = 32;
        const ANSWERED: u8 = 64;
        const SURELY_KNOWN: u8 = 128;
        match self.requests.get(msg_id) {
            Some(State::Running { acked: false }) => return RECEIVED | PROCESSED,
            Some(State::Running { acked: true }) => return RECEIVED | ACKNOWLEDGED | PROCESSED,
            Some(State::Answered) => return RECEIVED | ACKNOWLEDGED | PROCESSED | ANSWERED,
            None => {}
        }
        match self.window.lookup(msg_id) {
            // So the client sends it anew; nothing else would bring it an answer.
            Seen::Before { lost: true, .. } => NOTHING_KNOWN,
            // No request any more: the client has acknowledged the answer.
            Seen::Before { content: true, .. } => {
                RECEIVED | ACKNOWLEDGED | PROCESSED | ANSWERED | SURELY_KNOWN
            }
            Seen::Before { content: false, .. } => RECEIVED | NEEDS_NO_ACK,
            Seen::BelowFloor => NOTHING_KNOWN,
            // An odd id is not of the client; before the node's start it may have been received.
            Seen::New if msg_id & 3 != 0 || msg_id < self.not_before => NOTHING_KNOWN,
            Seen::New if msg_id > self.window.highest() => NOT_RECEIVED_TOO_HIGH,
            Seen::New => NOT_RECEIVED,
        }
    }

    /// Sends again what there is. If anything is not there, the states of all are told as well.
    fn resend(&mut self, msg_id: i64, ids: &[i64], resend: impl Fn(&mut Self, i64) -> bool) {
        let missing = ids.iter().filter(|id| !resend(self, **id)).count();
        if missing > 0 {
            self.state_info(msg_id, ids);
        }
    }

    /// `rpc_drop_answer`: a request like others, answered in `rpc_result` and kept for repeats.
    fn drop_answer(&mut self, message: Message<'_>, req_msg_id: i64, scope: &mut Scope<'_>) {
        let result = match self.requests.get(req_msg_id) {
            Some(State::Running { .. }) => {
                self.requests.stop_waiting(req_msg_id);
                self.requests.remove(req_msg_id);
                self.acks.retain(|id| *id != req_msg_id);
                scope.events.push(Event::Cancel { msg_id: req_msg_id });
                let released = self.release(req_msg_id, false);
                scope.events.extend(released.into_iter().map(Event::Released));
                wire::bare(id::RPC_ANSWER_DROPPED_RUNNING)
            }
            Some(State::Answered) => match self.outbox.drop_answer(req_msg_id, scope.now_ms) {
                Some(answer) => {
                    self.requests.remove(req_msg_id);
                    let bytes = i32::try_from(answer.bytes).unwrap_or(i32::MAX);
                    wire::rpc_answer_dropped(answer.msg_id, answer.seq_no, bytes)
                }
                None => wire::bare(id::RPC_ANSWER_UNKNOWN),
            },
            None => wire::bare(id::RPC_ANSWER_UNKNOWN),
        };
        if self.open_request(message, scope) {
            let released = self.reply(message.msg_id, result);
            scope.events.extend(released.into_iter().map(Event::Released));
        }
    }
}

/// A list of ids, charged to what the packet may name.
fn longs(fields: &mut Reader<'_>, scope: &mut Scope<'_>) -> Option<Vec<i64>> {
    let ids = fields.longs(IDS_MAX.min(scope.ids_left))?;
    scope.ids_left -= ids.len();
    Some(ids)
}

fn http_wait(mut fields: Reader<'_>, fresh: bool, scope: &mut Scope<'_>) -> Option<()> {
    let mut ms = || fields.i32().map(|ms| u32::try_from(ms).unwrap_or(0));
    let (max_delay_ms, wait_after_ms, max_wait_ms) = (ms()?, ms()?, ms()?);
    if fresh {
        scope.events.push(Event::HttpWait { max_delay_ms, wait_after_ms, max_wait_ms });
    }
    Some(())
}
