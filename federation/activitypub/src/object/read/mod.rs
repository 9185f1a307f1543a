//! Tolerant readers of what other servers send.
//!
//! What stands in a document is a string, an object or an array of either, nearly everywhere; JSON-LD
//! is read as JSON. A type that is not known is never an error, only what is told as
//! [`What::Other`]. Nothing is believed here: whose word something is, the caller checks.

pub(crate) mod activity;
pub(crate) mod actor;
pub(crate) mod json;
pub(crate) mod note;

pub(crate) use activity::{Object, What, read_activity};
pub(crate) use actor::{RemoteActor, read_actor};
pub(crate) use json::same_host;
pub(crate) use note::{RemoteNote, Seen, Vote};
