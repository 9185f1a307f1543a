//! What is said between servers: documents as JSON values from plain inputs, and tolerant readers of
//! what others send.
//!
//! ids (addresses of everything) → actor, note, activity, collection, discovery (written here) and
//! read (written elsewhere). JSON-LD is written with all its terms and read as JSON: no context is
//! ever loaded.

mod activity;
mod actor;
mod collection;
mod context;
mod date;
mod discovery;
mod ids;
mod note;
pub(crate) mod read;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub(crate) use activity::{
    Activity, QuoteAsked, accept_follow, accept_quote, add, announce, create, delete, delete_actor,
    quote_authorization, remove, tombstone, undo, update,
};
pub(crate) use actor::{Actor, ActorKind, Field, Keys, Notice, Picture, actor, node_actor};
pub(crate) use collection::{collection, featured, ordered_collection, ordered_page};
pub(crate) use context::with_context;
pub(crate) use date::write_date;
pub(crate) use discovery::{
    NodeInfo, NodeInfoVersion, host_meta, jrd, node_info, node_info_links, node_jrd,
};
pub(crate) use ids::{Cid, Cursor, Ids, KeyName, Mid, Place};
pub(crate) use note::{
    Attachment, AttachmentKind, Counts, Line, Note, Poll, PollOption, Visibility, note,
};
