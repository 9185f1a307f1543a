//! The mailbox: what one node has to tell another for certain, also one that is away.
//!
//! A letter is written into the outbox in the batch of the act that causes it, and goes when the other
//! node is connected: the oldest first, one at a time for each node, so they come in the order in which
//! they were written. It is removed when the other node has acknowledged or refused it, or after
//! [`LETTER_KEPT_MS`]. The other node acknowledges what is durable there, and knows again what comes
//! twice. What is said is a kind with a version ([`kinds`]); a node that does not know it says so, and
//! the letter does not come again. How letters look between nodes is in [`letter`].
//!
//! No clock of one node is compared with one of another: the sender gives a letter up by its own, and
//! the receiver remembers ids for longer than that by its own.
//!
//! Rows, in keyspace `NODES`: 48 ++ node (16) ++ number (8) a [`outbox::Waiting`]; 49 ++ node (16) what
//! waits for that node, and 49 alone what waits for all, [`outbox::Queue`]; 50 ++ node (16) ++ slot (16)
//! the number of the letter that waits for what one word replaces, 8 bytes; 51 ++ node (16) ++ id (16)
//! until when it is remembered, 4 bytes, unix seconds; 52 ++ that time (4) ++ node (16) ++ id (16)
//! nothing; 53 ++ node (16) how many are remembered, 8 bytes; 54 ++ node (16) ++ number (8) what it has
//! reported ([`reports`]), and 54 alone how many such there are; 55 ++ user (8) ++ node (16) nothing, the
//! nodes that were told what somebody here is called ([`gone`]); 56 to 58 what was taken down
//! ([`takedown`]).

mod gone;
mod inbox;
mod kinds;
mod letter;
mod outbox;
mod postman;
mod reports;
mod takedown;

use glog::Node16;
pub(crate) use kinds::Kind;
#[cfg(test)]
pub(crate) use kinds::{Reported, TakenDown};
pub(in crate::federation) use kinds::{SumsAnew, TARGETS_MAX, read};
pub(crate) use kinds::{SumsOf, SumsTold};
pub(crate) use letter::BODY_BYTES_MAX as LETTER_BODY_BYTES_MAX;
pub use letter::LETTER_BYTES_MAX;
#[cfg(test)]
pub(crate) use letter::Letter;
pub(crate) use outbox::Fate;
pub(crate) use outbox::Post;
pub(in crate::federation) use outbox::Waiting;
pub use outbox::{LETTER_KEPT_MS, LetterAnswer, SealedLetter, WaitingMail};
pub use postman::{Postman, Round};
pub use takedown::{Takedown, Told};

const LETTER: u8 = 48;
const OUTBOX: u8 = 49;
const SLOT: u8 = 50;
const TAKEN: u8 = 51;
const TAKEN_UNTIL: u8 = 52;
const INBOX: u8 = 53;
const REPORT: u8 = 54;
const TOLD: u8 = 55;
const TAKEDOWN: u8 = 56;
const HIDDEN: u8 = 57;
const BLOB: u8 = 58;

/// kind (1) ++ node (16) ++ rest.
fn key(kind: u8, node: Node16, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &node.0, rest].concat()
}
