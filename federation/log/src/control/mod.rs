//! The control chain: who may do what, which nodes belong, which key is in force.
//!
//! [`State`] is a plain left fold over the chain: [`State::genesis`], then [`State::apply`] for each
//! entry. Because the chain is linear, that is all there is to say about its meaning. [`Chain`] is one
//! node's copy: what it takes and refuses, forks, recovery, and caches that make the state and its
//! history quick to ask. [`Timeline`] is the history that data entries are judged by.

mod actor;
mod apply;
mod chain;
mod digest;
mod entry;
mod fork;
mod state;
mod timeline;

pub use chain::{Accepted, Chain, SIDE_ENTRIES_MAX};
pub use entry::ControlEntry;
pub use fork::ForkProof;
pub use state::{Admin, Denied, InviteState, Node, Refused, Standing, State, Verdict, Void};
pub(crate) use timeline::named_by;
pub use timeline::{Revocation, Scope, Taken, Timeline};

#[cfg(test)]
mod tests;
