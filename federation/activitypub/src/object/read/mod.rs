//! Tolerant readers of what other servers send.
//!
//! What stands in a document is a string, an object or an array of either, nearly everywhere; JSON-LD
//! is read as JSON. A type that is not known is never an error, only what is told as
//! [`What::Other`]. Nothing is believed here: whose word something is, the caller checks.

mod activity;
mod actor;
mod json;
mod note;

pub(crate) use activity::{Incoming, Object, What, read_activity};
pub(crate) use actor::{RemoteActor, RemoteKey, read_actor};
pub(crate) use json::{BadJson, parse_json, same_host, web_id};
pub(crate) use note::{
    RemoteAttachment, RemoteEmoji, RemoteMention, RemoteNote, Seen, Vote, read_note,
};
