//! What entries hold.
//!
//! A body is salt (16 random bytes) ++ CBOR. The salt keeps a hash from telling a short text, and goes
//! with the text. Control bodies travel as they are; data bodies of private groups are sealed under
//! the key of an epoch.

mod ask;
mod control;
mod data;
mod kinds;

pub use ask::{Ask, Evidence, Join};
pub use control::{
    AddNode, Admit, Ban, Checkpoint, Cut, Demote, Epoch, EpochBox, Genesis, GroupKind, Info,
    Invite, InviteRevoke, MoveHome, Promote, Reactions, Recover, RemoveNode, Restore, Restrict,
    Setting, Settle, TransferOwner, Unban,
};
pub use data::{
    Count, Delete, Edit, Media, Member, Open, Pin, Post, React, Reaction, Readers, Sums, Tally,
    Topic, TopicEdit, Unpin, Vote,
};
pub use kinds::{Action, ControlBody, DataBody};

use crate::cbor::Malformed;

/// Random bytes before every body.
pub const SALT_BYTES: usize = 16;

/// salt ++ cbor.
pub fn salted(salt: &[u8; SALT_BYTES], cbor: &[u8]) -> Vec<u8> {
    [salt, cbor].concat()
}

/// The CBOR behind the salt.
fn unsalted(body: &[u8]) -> Result<&[u8], Malformed> {
    body.get(SALT_BYTES..).ok_or(Malformed)
}
